//! Programs under test: started, talked to, waited for, never left behind.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};

/// How long anything may take before it counts as hung.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// How a program ended.
#[derive(Clone, Debug)]
pub struct Ended {
    /// The status as a shell shows it: 128 + n after signal n.
    pub status: i32,
    /// What it printed and nobody has read.
    pub stdout: Vec<u8>,
    /// Its messages.
    pub stderr: String,
}

impl Ended {
    /// Fails the test unless the status is `status`.
    #[track_caller]
    pub fn expect(self, status: i32) -> Ended {
        assert_eq!(self.status, status, "the status is wrong; stderr:\n{}", self.stderr);
        self
    }

    /// Standard output as text.
    pub fn text(&self) -> String {
        String::from_utf8(self.stdout.clone()).expect("stdout is UTF-8")
    }

    /// Standard output as lines.
    pub fn lines(&self) -> Vec<serde_json::Value> {
        crate::parse_lines(&self.stdout)
    }
}

/// A running program, killed when dropped.
#[derive(Debug)]
pub struct Running {
    name: String,
    child: Child,
    stdin: Option<Sender<Vec<u8>>>,
    stdout: Receiver<Vec<u8>>,
    stderr: Receiver<Vec<u8>>,
}

impl Running {
    /// Starts a program whose three streams are ours.
    pub fn start(command: &mut Command) -> Running {
        Running::start_with(command, Stdio::piped(), Stdio::piped())
    }

    /// Starts a program with standard input or output joined to something else.
    pub fn start_with(command: &mut Command, stdin: Stdio, stdout: Stdio) -> Running {
        let name = command.get_program().to_string_lossy().into_owned();
        let spawned = command.stdin(stdin).stdout(stdout).stderr(Stdio::piped()).spawn();
        let mut child = spawned.unwrap_or_else(|error| panic!("cannot start {name}: {error}"));
        let stdin = child.stdin.take().map(feed);
        let stdout = collect(child.stdout.take());
        let stderr = collect(child.stderr.take());
        Running { name, child, stdin, stdout, stderr }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends bytes to standard input, in the background.
    pub fn write(&mut self, bytes: impl Into<Vec<u8>>) {
        let stdin = self.stdin.as_ref().unwrap_or_else(|| panic!("{} has no open stdin", self.name));
        // A program that stopped reading is found out by its status, not here.
        let _ = stdin.send(bytes.into());
    }

    /// Ends standard input after what was written.
    pub fn close_stdin(&mut self) {
        self.stdin = None;
    }

    /// The next line of standard output without its LF; `None` at the end.
    pub fn line(&mut self) -> Option<String> {
        match self.stdout.recv_timeout(PATIENCE) {
            Ok(line) => Some(String::from_utf8_lossy(&line).trim_end_matches('\n').to_owned()),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("{} printed no line within {PATIENCE:?}", self.name),
        }
    }

    /// The next line on standard output that holds `text`.
    pub fn line_with(&mut self, text: &str) -> String {
        while let Some(line) = self.line() {
            if line.contains(text) {
                return line;
            }
        }
        panic!("{} ended without a line with {text:?}", self.name);
    }

    /// The next line on standard error that holds `text`.
    pub fn message_with(&mut self, text: &str) -> String {
        loop {
            let Ok(line) = self.stderr.recv_timeout(PATIENCE) else {
                panic!("{} never said {text:?}", self.name);
            };
            let line = String::from_utf8_lossy(&line).into_owned();
            if line.contains(text) {
                return line;
            }
        }
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        // The only failure is that it has ended already.
        let _ = kill_process(self.pid(), signal);
    }

    /// Ends standard input, waits for the end, and returns all that was not read yet.
    pub fn finish(mut self) -> Ended {
        self.close_stdin();
        self.wait()
    }

    /// Waits for the end with standard input left open.
    pub fn wait(&mut self) -> Ended {
        let status = self.wait_status();
        let stdout = drain(&self.stdout, &self.name);
        let stderr = String::from_utf8_lossy(&drain(&self.stderr, &self.name)).into_owned();
        match status {
            Some(status) => Ended { status: shell_status(status), stdout, stderr },
            None => panic!("{} did not end within {PATIENCE:?} and was killed; stderr:\n{stderr}", self.name),
        }
    }

    /// Kills it as a crash would, and waits until it is gone.
    pub fn kill(mut self) -> Ended {
        let _ = self.child.kill();
        self.wait()
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// The status, or `None` if it had to be killed for taking too long.
    fn wait_status(&mut self) -> Option<ExitStatus> {
        let pidfd = pidfd_open(self.pid(), PidfdFlags::empty()).expect("a child that was not waited for has a pidfd");
        let until = Instant::now() + PATIENCE;
        let is_over = loop {
            let left = until.saturating_duration_since(Instant::now());
            let timeout = Timespec::try_from(left).ok();
            match poll(&mut [PollFd::new(&pidfd, PollFlags::IN)], timeout.as_ref()) {
                Ok(0) => break false,
                Ok(_) => break true,
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => panic!("cannot wait for {}: {error}", self.name),
            }
        };
        if !is_over {
            let _ = self.child.kill();
        }
        let status = self.child.wait().expect("a child can be waited for");
        is_over.then_some(status)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs one program on `input` to its end.
pub fn run(command: &mut Command, input: impl Into<Vec<u8>>) -> Ended {
    let mut running = Running::start(command);
    running.write(input);
    running.finish()
}

/// Runs programs joined by pipes on `input`; returns how each ended. Only the last one's output is collected.
pub fn run_pipe(mut commands: Vec<Command>, input: impl Into<Vec<u8>>) -> Vec<Ended> {
    let last = commands.len().checked_sub(1).expect("a pipe has a stage");
    let mut stdin = Stdio::piped();
    let mut stages = Vec::new();
    for (number, command) in commands.iter_mut().enumerate() {
        let (stdout, next) = if number == last {
            (Stdio::piped(), Stdio::null())
        } else {
            let (reader, writer) = io::pipe().expect("a pipe");
            (Stdio::from(writer), Stdio::from(reader))
        };
        stages.push(Running::start_with(command, stdin, stdout));
        // The command keeps the parent's ends open, and with them the pipe.
        command.stdin(Stdio::null()).stdout(Stdio::null());
        stdin = next;
    }
    stages[0].write(input);
    stages.into_iter().map(Running::finish).collect()
}

/// A thread that writes what it is sent, so that no test waits for a program that does not read.
fn feed(mut stdin: impl Write + Send + 'static) -> Sender<Vec<u8>> {
    let (sender, receiver) = channel::<Vec<u8>>();
    thread::spawn(move || {
        for bytes in receiver {
            if stdin.write_all(&bytes).is_err() {
                return;
            }
        }
    });
    sender
}

/// A thread that reads lines, so that no program waits for a test that does not read.
fn collect(stream: Option<impl Read + Send + 'static>) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    if let Some(stream) = stream {
        thread::spawn(move || {
            let mut reader = BufReader::with_capacity(1 << 16, stream);
            let mut line = Vec::new();
            while matches!(reader.read_until(b'\n', &mut line), Ok(length) if length > 0) {
                if sender.send(std::mem::take(&mut line)).is_err() {
                    return;
                }
            }
        });
    }
    receiver
}

/// Everything up to the end of a stream.
fn drain(stream: &Receiver<Vec<u8>>, name: &str) -> Vec<u8> {
    let mut all = Vec::new();
    loop {
        match stream.recv_timeout(PATIENCE) {
            Ok(line) => all.extend_from_slice(&line),
            Err(RecvTimeoutError::Disconnected) => return all,
            Err(RecvTimeoutError::Timeout) => panic!("{name} ended, but something it started holds its streams"),
        }
    }
}

fn shell_status(status: ExitStatus) -> i32 {
    status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(-1)
}
