//! The program rclone, as a child that is watched.
//!
//! It may take as long as it likes while something moves: bytes on its standard output, or the counts in the
//! statistics that it is told to print. Standing still for too long, a signal to us, or our own error end it and all
//! that it started.

use std::ffi::{OsStr, OsString};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use dccd_cli::Stop;
use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use serde::Deserialize;

use crate::error::Error;
use crate::secrets::Secrets;

/// Signals and standstill are looked at this often.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);
/// After SIGTERM rclone has this long to end.
const GRACE: Duration = Duration::from_secs(5);
const READ_BYTES: usize = 256 << 10;
/// Pieces of output that wait for us.
const PIECES_MAX: usize = 8;
/// Longest line of rclone's messages that is looked at.
const MESSAGE_BYTES_MAX: u64 = 64 << 10;
/// Messages that are kept to be quoted, and how much of each.
const MESSAGES_MAX: usize = 3;
const QUOTE_CHARS_MAX: usize = 300;
/// A larger file goes to S3 in parts, and then its hash there is only what we claimed.
const S3_WHOLE_MAX: &str = "5G";
const S3_UPLOAD_CUTOFF: &str = "RCLONE_S3_UPLOAD_CUTOFF";
/// What would silence its statistics, by which we know that it gets on, or mix them with what it gives.
const TALK: [&str; 7] = [
    "RCLONE_LOG_FILE",
    "RCLONE_LOG_LEVEL",
    "RCLONE_LOG_SYSTEMD",
    "RCLONE_PROGRESS",
    "RCLONE_QUIET",
    "RCLONE_SYSLOG",
    "RCLONE_VERBOSE",
];

/// How to start rclone.
#[derive(Clone, Debug)]
pub(crate) struct Rclone {
    program: PathBuf,
    stall: Duration,
    stop: Stop,
}

/// What came of a run, apart from its output.
#[derive(Debug)]
pub(crate) struct Ran {
    /// The status; `None` after a signal.
    pub(crate) status: Option<i32>,
    /// What it complained of, with no secrets.
    pub(crate) complaint: String,
}

impl Ran {
    pub(crate) fn is_ok(&self) -> bool {
        self.status == Some(0)
    }
}

/// Why a run was cut short.
#[derive(Debug)]
pub(crate) enum Cut {
    /// It could not be started.
    Start(std::io::Error),
    /// Nothing moved for too long.
    Stalled(Duration),
    /// A signal came.
    Stopped(u8),
    /// Its output was refused.
    Refused(String),
}

/// What the thread that reads messages has learnt.
#[derive(Debug, Default)]
struct Heard {
    moved: Moved,
    messages: Vec<String>,
}

/// What moves as long as rclone gets on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct Moved {
    bytes: i64,
    transfers: i64,
    checks: i64,
    deletes: i64,
    renames: i64,
}

#[derive(Deserialize)]
struct Message {
    #[serde(default)]
    level: String,
    #[serde(default)]
    msg: String,
    #[serde(default)]
    object: String,
    #[serde(default)]
    stats: Option<Moved>,
}

impl Rclone {
    /// The program that was named, or the one on the `PATH`.
    pub(crate) fn find(named: Option<PathBuf>, stall: Duration, stop: Stop) -> Result<Rclone, Error> {
        let program = named.unwrap_or_else(|| PathBuf::from("rclone"));
        let is_there = if program.components().count() > 1 {
            program.is_file()
        } else {
            let path = std::env::var_os("PATH").unwrap_or_default();
            std::env::split_paths(&path).any(|dir| dir.join(&program).is_file())
        };
        if !is_there {
            return Err(Error::NoRclone { program, cause: None });
        }
        Ok(Rclone { program, stall, stop })
    }

    pub(crate) fn program(&self) -> &Path {
        &self.program
    }

    /// Runs it on `input`, and hands its output to `take` piece by piece.
    pub(crate) fn run(
        &self,
        args: &[OsString],
        input: Vec<u8>,
        secrets: &Secrets,
        take: &mut dyn FnMut(&[u8]) -> Result<(), String>,
    ) -> Result<Ran, Cut> {
        let mut command = Command::new(&self.program);
        command.args(args).args(["--use-json-log", "--stats", "5s", "--stats-log-level", "NOTICE"]);
        command.arg("--ask-password=false");
        for name in TALK {
            command.env_remove(name);
        }
        if std::env::var_os(S3_UPLOAD_CUTOFF).is_none() {
            command.env(S3_UPLOAD_CUTOFF, S3_WHOLE_MAX);
        }
        // Its own group, so that all it starts can be ended, and a Ctrl-C is ours to pass on.
        command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut group = Group { child: command.spawn().map_err(Cut::Start)?, is_reaped: false };
        let heard = Arc::new(Mutex::new(Heard::default()));
        let output = group.attach(input, &heard, secrets);
        let status = self.watch(&mut group, &output, &heard, take)?;
        let heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Ran { status, complaint: heard.messages.join("; ") })
    }

    fn watch(
        &self,
        group: &mut Group,
        output: &Receiver<Vec<u8>>,
        heard: &Mutex<Heard>,
        take: &mut dyn FnMut(&[u8]) -> Result<(), String>,
    ) -> Result<Option<i32>, Cut> {
        let mut moved = Moved::default();
        let mut last = Instant::now();
        let mut ended: Option<Instant> = None;
        loop {
            if let Some(signal) = self.stop.signal() {
                return Err(Cut::Stopped(signal));
            }
            match output.recv_timeout(LOOK_INTERVAL) {
                Ok(piece) => {
                    take(&piece).map_err(Cut::Refused)?;
                    last = Instant::now();
                    continue;
                }
                Err(RecvTimeoutError::Disconnected) if ended.is_some() => break,
                Err(RecvTimeoutError::Disconnected) => thread::sleep(LOOK_INTERVAL),
                Err(RecvTimeoutError::Timeout) => {}
            }
            if ended.is_none() && group.is_over() {
                ended = Some(Instant::now());
            }
            // Something that it started and left holds its output.
            if ended.is_some_and(|at| at.elapsed() > GRACE) {
                break;
            }
            let now = heard.lock().unwrap_or_else(PoisonError::into_inner).moved;
            if now != moved {
                (moved, last) = (now, Instant::now());
            }
            if last.elapsed() > self.stall {
                return Err(Cut::Stalled(self.stall));
            }
        }
        Ok(group.end())
    }
}

/// A child and all that it started, ended when this is dropped.
struct Group {
    child: Child,
    is_reaped: bool,
}

impl Group {
    /// Feeds it and listens to it, each in a thread, so that nobody waits for another.
    fn attach(&mut self, input: Vec<u8>, heard: &Arc<Mutex<Heard>>, secrets: &Secrets) -> Receiver<Vec<u8>> {
        if let Some(mut stdin) = self.child.stdin.take() {
            // What it does not read is its affair.
            thread::spawn(move || stdin.write_all(&input));
        }
        if let Some(stderr) = self.child.stderr.take() {
            let (heard, secrets) = (Arc::clone(heard), secrets.clone());
            thread::spawn(move || listen(stderr, &heard, &secrets));
        }
        let (sender, receiver) = sync_channel(PIECES_MAX);
        if let Some(stdout) = self.child.stdout.take() {
            thread::spawn(move || collect(stdout, &sender));
        }
        receiver
    }
}

impl Group {
    /// Whether the child has ended. It is not reaped by that, so nobody else can have its number yet.
    fn is_over(&self) -> bool {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        !matches!(waitid(WaitId::Pid(Pid::from_child(&self.child)), options), Ok(None) | Err(Errno::INTR))
    }

    /// Ends what is left of it, and says how the child ended.
    fn end(&mut self) -> Option<i32> {
        let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
        self.is_reaped = true;
        self.child.wait().ok().and_then(|status| status.code())
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if self.is_reaped {
            return;
        }
        let _ = kill_process_group(Pid::from_child(&self.child), Signal::TERM);
        let until = Instant::now() + GRACE;
        while !self.is_over() && Instant::now() < until {
            thread::sleep(LOOK_INTERVAL);
        }
        self.end();
    }
}

fn collect(mut stdout: impl Read, sender: &SyncSender<Vec<u8>>) {
    let mut buffer = vec![0; READ_BYTES];
    loop {
        match stdout.read(&mut buffer) {
            Ok(0) => return,
            Ok(count) => {
                let piece = buffer.get(..count).unwrap_or_default().to_vec();
                if sender.send(piece).is_err() {
                    return;
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}

fn listen(stderr: impl Read, heard: &Mutex<Heard>, secrets: &Secrets) {
    let mut reader = BufReader::new(stderr);
    let mut line = Vec::new();
    loop {
        line.clear();
        match (&mut reader).take(MESSAGE_BYTES_MAX).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) => hear(&line, &mut heard.lock().unwrap_or_else(PoisonError::into_inner), secrets),
        }
    }
}

fn hear(line: &[u8], heard: &mut Heard, secrets: &Secrets) {
    let text = match serde_json::from_slice::<Message>(line) {
        Ok(message) => {
            heard.moved = message.stats.unwrap_or(heard.moved);
            if !["error", "critical", "fatal", "panic", "emergency", "alert"].contains(&message.level.as_str()) {
                return;
            }
            if message.object.is_empty() { message.msg } else { format!("{}: {}", message.object, message.msg) }
        }
        // Before it has read its flags it complains in plain text.
        Err(_) => {
            let text = String::from_utf8_lossy(line).into_owned();
            if text.contains("NOTICE") {
                return;
            }
            text
        }
    };
    // Before it is cut: the rest of a secret would not be known for one.
    let text: String = secrets.hide(&text).chars().filter(|c| !c.is_control()).take(QUOTE_CHARS_MAX).collect();
    let text = text.trim().to_owned();
    if !text.is_empty() && !heard.messages.contains(&text) {
        if heard.messages.len() == MESSAGES_MAX {
            heard.messages.remove(0);
        }
        heard.messages.push(text);
    }
}

/// Words as arguments.
pub(crate) fn args(words: &[&str]) -> Vec<OsString> {
    words.iter().map(|word| OsStr::new(word).to_owned()).collect()
}
