//! Lines, progress and the last word.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use dccd_cli::{Log, OutputError, Status, Stop, Tool, ToolError};
use serde::Serialize;

use crate::error::Error;

/// Progress is shown this often.
const SHOW_INTERVAL: Duration = Duration::from_millis(200);

/// What is said of one file.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Said<'a> {
    pub(crate) remote: &'a str,
    pub(crate) path: &'a str,
    /// One of the words that the manual explains.
    pub(crate) state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rows: Option<u64>,
    /// What proves it: a hash, `size` or `bytes`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) by: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) why: Option<String>,
}

#[derive(Serialize)]
struct Line<'a> {
    kind: &'static str,
    task: &'static str,
    #[serde(flatten)]
    said: Said<'a>,
}

/// How bad it is that something was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verdict {
    /// All is well.
    Well,
    /// It heals by itself, or with the next run.
    Later,
    /// Somebody has to look.
    No,
}

/// What goes out.
pub(crate) struct Report<'a> {
    task: &'static str,
    tool: &'a mut Tool,
    verdict: Verdict,
    error: Option<Status>,
    is_read: bool,
    is_shown: bool,
    shown: Instant,
    width: usize,
}

impl<'a> Report<'a> {
    pub(crate) fn new(task: &'static str, tool: &'a mut Tool) -> Report<'a> {
        let is_shown = std::io::stderr().is_terminal() && !std::io::stdout().is_terminal() && !tool.log.is_quiet();
        Report {
            task,
            tool,
            verdict: Verdict::Well,
            error: None,
            is_read: true,
            is_shown,
            shown: Instant::now(),
            width: 0,
        }
    }

    pub(crate) fn stop(&self) -> Stop {
        self.tool.stop.clone()
    }

    pub(crate) fn log(&self) -> &Log {
        &self.tool.log
    }

    /// Fails once a signal came.
    pub(crate) fn go_on(&self) -> Result<(), Error> {
        self.tool.stop.signal().map_or(Ok(()), |signal| Err(Error::Stopped(signal)))
    }

    /// Says something of a file, at once.
    pub(crate) fn say(&mut self, said: Said<'_>, verdict: Verdict) -> Result<(), Error> {
        self.verdict = self.verdict.max(verdict);
        let line = Line { kind: "sync", task: self.task, said };
        let out = self.tool.out.buffer();
        serde_json::to_writer(&mut *out, &line).expect("writing to memory cannot fail");
        out.push(b'\n');
        if !self.is_read {
            out.clear();
            return Ok(());
        }
        match self.tool.out.flush() {
            // What was begun is finished, whether or not somebody wants to know.
            Err(OutputError::Closed) => self.is_read = false,
            flushed => flushed?,
        }
        Ok(())
    }

    /// A remote could not be worked with; the others are gone on with.
    pub(crate) fn fail(&mut self, error: &Error) {
        self.clear();
        self.tool.log.error(error);
        self.error.get_or_insert(error.exit());
    }

    /// It is at least so bad.
    pub(crate) fn judge(&mut self, verdict: Verdict) {
        self.verdict = self.verdict.max(verdict);
    }

    /// Whether anything was wrong so far.
    pub(crate) fn is_well(&self) -> bool {
        self.verdict == Verdict::Well && self.error.is_none()
    }

    /// Shows on a terminal how far it is.
    pub(crate) fn progress(&mut self, remote: &str, what: &str, done: usize, all: usize) {
        if self.is_shown && self.shown.elapsed() >= SHOW_INTERVAL {
            self.shown = Instant::now();
            let text = format!("{} {remote}: {what} {done} of {all}", self.task);
            let width = text.chars().count();
            let _ = write!(std::io::stderr(), "\r{text}{:1$}\r", "", self.width.saturating_sub(width));
            self.width = width;
        }
    }

    /// Ends with a sentence, for whoever looks or where something is wrong, and a status.
    pub(crate) fn end(&mut self, sentence: &str) -> Status {
        self.clear();
        if std::io::stderr().is_terminal() || !self.is_well() {
            self.tool.log.warn(sentence);
        } else {
            self.tool.log.note(sentence);
        }
        match (self.verdict, self.error) {
            (Verdict::No, _) => Status::No,
            (_, Some(status)) => status,
            (Verdict::Later, None) => Status::TempFail,
            (Verdict::Well, None) => Status::Ok,
        }
    }

    fn clear(&mut self) {
        if std::mem::take(&mut self.width) > 0 {
            let _ = write!(std::io::stderr(), "\r\u{1b}[K");
        }
    }
}

/// A number of things in words: `1 file`, `2 files`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}
