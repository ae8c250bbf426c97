//! The program under test: started, read, told to stop, never left behind.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::PATIENCE;
use crate::server::Server;

/// The program at work; killed when it is dropped.
pub(crate) struct Program {
    child: Child,
    output: Option<ChildStdout>,
    lines: Option<Receiver<String>>,
    messages: Arc<Mutex<String>>,
    listener: Option<JoinHandle<()>>,
    seen: Vec<Value>,
    _budget: TempDir,
}

/// What came of it.
pub(crate) struct Run {
    pub(crate) lines: Vec<Value>,
    pub(crate) stderr: String,
    pub(crate) status: Option<i32>,
}

/// The program with nothing of the user's around it.
pub(crate) fn command(args: &[&str], budget: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dccd-stream"));
    command.env_clear().env("HOME", budget).current_dir(budget);
    command.args(args).arg("--budget-dir").arg(budget);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs it without any exchange, to its own end.
pub(crate) fn run(args: &[&str]) -> (Option<i32>, String, String) {
    let budget = TempDir::new().expect("a temporary folder");
    let output = command(args, budget.path()).output().expect("the program runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

impl Program {
    /// Starts it, with `server` in place of every exchange, and reads what it prints.
    pub(crate) fn start(server: &Server, args: &[&str]) -> Program {
        let mut program = Program::start_unread(server, args);
        program.begin_to_read();
        program
    }

    /// Starts it, and leaves its lines where they are.
    pub(crate) fn start_unread(server: &Server, args: &[&str]) -> Program {
        let budget = TempDir::new().expect("a temporary folder");
        Program::start_in(server, args, budget)
    }

    /// Starts it in a folder, in which there may be a configuration.
    pub(crate) fn start_in(server: &Server, args: &[&str], folder: TempDir) -> Program {
        let mut command = command(args, folder.path());
        for exchange in ["BINANCE", "BITFINEX", "COINBASE", "KRAKEN", "OKX"] {
            command.env(format!("DCCD_{exchange}_WS_URL"), format!("ws://{}", server.address));
            command.env(format!("DCCD_{exchange}_REST_URL"), format!("http://{}", server.address));
        }
        let mut child = command.spawn().expect("the program starts");
        let output = child.stdout.take();
        let messages = Arc::new(Mutex::new(String::new()));
        let heard = Arc::clone(&messages);
        let listener = child.stderr.take().map(|stderr| std::thread::spawn(move || listen(stderr, &heard)));
        Program { child, output, lines: None, messages, listener, seen: Vec::new(), _budget: folder }
    }

    pub(crate) fn begin_to_read(&mut self) {
        let output = self.output.take().expect("nobody reads it yet");
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        self.lines = Some(lines);
    }

    /// Reads one line, and then never again.
    pub(crate) fn read_one_and_leave(&mut self) -> String {
        let mut reader = BufReader::new(self.output.take().expect("nobody reads it yet"));
        let mut line = String::new();
        reader.read_line(&mut line).expect("a line");
        line
    }

    /// Waits for a line that is such.
    #[track_caller]
    pub(crate) fn wait_until(&mut self, mut is_it: impl FnMut(&Value) -> bool) {
        let began = Instant::now();
        loop {
            let left = PATIENCE.saturating_sub(began.elapsed());
            match self.lines.as_ref().expect("it is read").recv_timeout(left) {
                Ok(line) => self.seen.push(parse(&line)),
                Err(RecvTimeoutError::Timeout) => panic!("this is all that came: {:?}", tail(&self.seen)),
                Err(RecvTimeoutError::Disconnected) => panic!("it ended after {:?}", tail(&self.seen)),
            }
            if self.seen.last().is_some_and(&mut is_it) {
                return;
            }
        }
    }

    /// Waits for so many more lines of a kind.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, kind: &str, count: usize) {
        let mut left = count;
        self.wait_until(|line| {
            left -= usize::from(line["kind"] == kind);
            left == 0
        });
    }

    /// Waits for the trade of this number.
    #[track_caller]
    pub(crate) fn wait_for_trade(&mut self, id: u64) {
        let id = id.to_string();
        self.wait_until(|line| line["tid"] == id.as_str());
    }

    /// The most memory it ever had, in KiB.
    pub(crate) fn peak_kib(&self) -> u64 {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(path).expect("it is alive");
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("it has memory");
        line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).expect("a number")
    }

    /// Lets nothing happen in it.
    pub(crate) fn pause(&self) {
        kill_process(Pid::from_child(&self.child), Signal::STOP).expect("it is there");
    }

    pub(crate) fn resume(&self) {
        kill_process(Pid::from_child(&self.child), Signal::CONT).expect("it is there");
    }

    /// Tells it to stop as systemd does; all that it said.
    pub(crate) fn stop(self) -> Run {
        kill_process(Pid::from_child(&self.child), Signal::TERM).expect("it is there");
        self.end()
    }

    /// Waits for its end.
    pub(crate) fn end(mut self) -> Run {
        if let Some(lines) = self.lines.take() {
            let began = Instant::now();
            while let Ok(line) = lines.recv_timeout(PATIENCE.saturating_sub(began.elapsed())) {
                self.seen.push(parse(&line));
            }
        }
        let began = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("it was started") {
                break status;
            }
            assert!(began.elapsed() < PATIENCE, "it does not end");
            std::thread::yield_now();
        };
        self.listener.take().expect("they are read").join().expect("no panic");
        let stderr = self.messages.lock().expect("no panic while it is held").clone();
        Run { lines: std::mem::take(&mut self.seen), stderr, status: status.code() }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Run {
    /// Fails the test unless it ended well, and said no word to people.
    #[track_caller]
    pub(crate) fn expect_silence(self) -> Run {
        assert_eq!((self.status, self.stderr.as_str()), (Some(0), ""));
        self
    }

    /// The lines of a kind.
    pub(crate) fn of<'r>(&'r self, kind: &'r str) -> impl Iterator<Item = &'r Value> {
        self.lines.iter().filter(move |line| line["kind"] == kind)
    }

    /// What is said of a series, in order: `covered` and `gap` with their times, neighbours of one sort joined.
    pub(crate) fn said(&self, of: &str) -> Vec<(String, String, String)> {
        let mut said: Vec<(String, String, String)> = Vec::new();
        for line in self.lines.iter().filter(|line| line["of"] == of) {
            let text = |key: &str| line[key].as_str().unwrap_or_default().to_owned();
            let word = if line["kind"] == "gap" { text("reason") } else { text("kind") };
            if !matches!(line["kind"].as_str(), Some("covered" | "gap")) {
                continue;
            }
            match said.last_mut() {
                Some(last) if last.0 == word && last.2 == clock(&text("start")) => last.2 = clock(&text("end")),
                _ => said.push((word, clock(&text("start")), clock(&text("end")))),
            }
        }
        said
    }

    /// The numbers of the trades, in the order in which they came out.
    pub(crate) fn ids(&self) -> Vec<u64> {
        let number = |line: &Value| line["tid"].as_str().and_then(|tid| tid.parse().ok()).expect("a number");
        self.of("trade").map(number).collect()
    }
}

/// Minutes and seconds of a time, without zeros at its end: all of it happens in one hour.
fn clock(time: &str) -> String {
    let text = time.strip_prefix("2024-01-01T00:").unwrap_or(time).trim_end_matches('Z');
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// What [`Run::said`] should give.
pub(crate) fn word(word: &str, start: &str, end: &str) -> (String, String, String) {
    (word.to_owned(), start.to_owned(), end.to_owned())
}

fn parse(line: &str) -> Value {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
}

fn tail(lines: &[Value]) -> &[Value] {
    lines.get(lines.len().saturating_sub(5)..).unwrap_or_default()
}

fn listen(stderr: ChildStderr, heard: &Mutex<String>) {
    for line in BufReader::new(stderr).lines().map_while(Result::ok) {
        let mut heard = heard.lock().expect("no panic while it is held");
        heard.push_str(&line);
        heard.push('\n');
    }
}
