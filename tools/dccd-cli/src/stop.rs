//! The one flag that SIGTERM, SIGINT and SIGHUP set.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

/// Whoever waits sees a signal within this time.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);

/// Whether somebody asked us to stop; clones share the flag.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    signal: Arc<AtomicUsize>,
}

impl Stop {
    /// Sets the flag on SIGTERM, and on SIGHUP unless that was ignored when we began, as under nohup.
    pub(crate) fn on_signals() -> io::Result<Stop> {
        let stop = Stop::default();
        for signal in [SIGTERM, SIGHUP].into_iter().filter(|signal| *signal != SIGHUP || !is_ignored(SIGHUP)) {
            signal_hook::flag::register_usize(signal, Arc::clone(&stop.signal), usize::try_from(signal).unwrap_or(0))?;
        }
        Ok(stop)
    }

    /// Sets it on SIGINT, too; a second one kills, as the first did until now. This starts a thread, which is to have no
    /// more powers than others.
    pub(crate) fn heed_interrupts(&self) -> io::Result<()> {
        let int = usize::try_from(SIGINT).unwrap_or(0);
        let stop = self.clone();
        let handler = move || {
            if stop.signal.swap(int, Ordering::SeqCst) == int {
                let _ = signal_hook::low_level::emulate_default_handler(SIGINT);
            }
        };
        ctrlc::set_handler(handler).map_err(io::Error::other)
    }

    /// The signal that came, if one did.
    pub fn signal(&self) -> Option<u8> {
        u8::try_from(self.signal.load(Ordering::SeqCst)).ok().filter(|signal| *signal != 0)
    }

    /// Waits so long, unless a signal comes; whether none did.
    pub fn wait(&self, time: Duration) -> bool {
        let until = Instant::now() + time;
        while !self.is_set() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return true;
            }
            std::thread::sleep(left.min(LOOK_INTERVAL));
        }
        false
    }

    /// Whether a signal came.
    pub fn is_set(&self) -> bool {
        self.signal().is_some()
    }
}

/// Whether this process was started with a signal ignored; the mask of those has a bit for each, the lowest for 1.
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap_or_default();
    let mask = u64::from_str_radix(mask.trim(), 16).unwrap_or(0);
    let bit = u32::try_from(signal - 1).ok().and_then(|bit| 1_u64.checked_shl(bit)).unwrap_or(0);
    mask & bit != 0
}
