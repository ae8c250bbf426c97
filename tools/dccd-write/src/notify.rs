//! What systemd is told.
//!
//! A stream's service is a pipe, and this program speaks for all of it: what is durable went through socket,
//! parser, pipe and disk. So a sign of life is a durable `covered` line and nothing else.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::{Duration, Instant};

use dccd_cli::{Log, env};
use dccd_record::Ts;
use dccd_store::Durable;

/// Between two statuses.
const STATUS_INTERVAL: Duration = Duration::from_secs(10);
/// Nobody waits longer for systemd to take a message.
const SEND_MAX: Duration = Duration::from_secs(1);

/// Tells systemd how the service does, where it wants to know.
pub(crate) struct Notifier {
    socket: Option<(UnixDatagram, SocketAddr)>,
    has_watchdog: bool,
    is_ready: bool,
    is_stopping: bool,
    rows: u64,
    covered_to: Option<Ts>,
    status_sent: Option<Instant>,
}

impl Notifier {
    /// As the environment says.
    pub(crate) fn from_env(log: &Log) -> Notifier {
        let socket = env::value(env::NOTIFY_SOCKET).and_then(|name| {
            let opened = open(&name);
            opened.inspect_err(|error| log.warn(format_args!("systemd cannot be told of anything: {error}"))).ok()
        });
        let interval_us = env::value(env::WATCHDOG_USEC).and_then(|text| text.to_str()?.parse::<u64>().ok());
        Notifier {
            socket,
            has_watchdog: interval_us.is_some_and(|interval_us| interval_us > 0),
            is_ready: false,
            is_stopping: false,
            rows: 0,
            covered_to: None,
            status_sent: None,
        }
    }

    /// Something became durable.
    pub(crate) fn progress(&mut self, durable: Durable) {
        self.rows = self.rows.saturating_add(durable.rows);
        self.covered_to = self.covered_to.max(durable.covered_to);
        let mut message = String::new();
        if !self.is_ready {
            message.push_str("READY=1\n");
        }
        if self.has_watchdog && durable.covered_to.is_some() {
            message.push_str("WATCHDOG=1\n");
        }
        let is_status_due = self.status_sent.is_none_or(|sent| sent.elapsed() >= STATUS_INTERVAL);
        if is_status_due {
            message.push_str(&self.status());
        }
        if !message.is_empty() && self.send(&message) {
            self.is_ready = true;
            self.status_sent = if is_status_due { Some(Instant::now()) } else { self.status_sent };
        }
    }

    /// No more input is waited for. It is said once.
    pub(crate) fn stopping(&mut self) {
        if !self.is_stopping {
            self.is_stopping = self.send("STOPPING=1\n");
        }
    }

    fn status(&self) -> String {
        let rows = self.rows;
        match self.covered_to {
            Some(to) => format!("STATUS={rows} rows stored, covered up to {to}\n"),
            None => format!("STATUS={rows} rows stored, nothing covered yet\n"),
        }
    }

    /// Whether it was taken. What was not is said again when there is more to say.
    fn send(&self, message: &str) -> bool {
        self.socket.as_ref().is_some_and(|(socket, to)| socket.send_to_addr(message.as_bytes(), to).is_ok())
    }
}

fn open(name: &OsStr) -> io::Result<(UnixDatagram, SocketAddr)> {
    let address = address(name)?;
    let socket = UnixDatagram::unbound()?;
    socket.set_write_timeout(Some(SEND_MAX))?;
    // Under Landlock an abstract name is out of reach, unless it is connected to before; if nobody is there, sending fails.
    let _ = socket.connect_addr(&address);
    Ok((socket, address))
}

/// A path, or an abstract name behind an `@`.
fn address(name: &OsStr) -> io::Result<SocketAddr> {
    match name.as_bytes() {
        [b'/', ..] => SocketAddr::from_pathname(name),
        #[cfg(target_os = "linux")]
        [b'@', name @ ..] => <SocketAddr as std::os::linux::net::SocketAddrExt>::from_abstract_name(name),
        _ => Err(io::Error::new(io::ErrorKind::Unsupported, format!("no socket of ours: {}", name.display()))),
    }
}
