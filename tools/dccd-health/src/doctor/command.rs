//! Other programs, asked for a short answer within a limited time.

use std::io::Read;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// The most of an answer that is kept.
const ANSWER_BYTES_MAX: u64 = 1 << 20;
const LOOK_INTERVAL: Duration = Duration::from_millis(10);
/// What a program that was ended still said is waited for so long: something it started may hold its streams.
const REST_MAX: Duration = Duration::from_secs(1);

/// How a program answered.
#[derive(Debug)]
pub(super) enum Answer {
    /// There is no such program.
    Missing,
    /// It did not end in time, and was ended.
    Silent,
    /// It ended; without a code, by a signal.
    Done { code: Option<i32>, stdout: String },
}

/// Runs a program to its end, for so long at most.
pub(super) fn ask(program: &str, args: &[&str], time_max: Duration) -> Answer {
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let Ok(mut child) = command.spawn() else { return Answer::Missing };
    let stdout = collect(child.stdout.take());
    let Some(status) = wait(&mut child, Instant::now() + time_max) else {
        let _ = child.kill();
        let _ = child.wait();
        return Answer::Silent;
    };
    let stdout = stdout.recv_timeout(REST_MAX).unwrap_or_default();
    Answer::Done { code: status.code(), stdout: String::from_utf8_lossy(&stdout).into_owned() }
}

/// How it ended; `None` if it did not.
fn wait(child: &mut Child, until: Instant) -> Option<ExitStatus> {
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status),
            Ok(None) if Instant::now() < until => std::thread::sleep(LOOK_INTERVAL),
            Ok(None) | Err(_) => return None,
        }
    }
}

/// Reads a stream to its end, so that its writer never waits; only its beginning is kept.
fn collect(stream: Option<impl Read + Send + 'static>) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let Some(mut stream) = stream else { return };
        let mut kept = Vec::new();
        let _ = (&mut stream).take(ANSWER_BYTES_MAX).read_to_end(&mut kept);
        let _ = sender.send(kept);
        let _ = std::io::copy(&mut stream, &mut std::io::sink());
    });
    receiver
}
