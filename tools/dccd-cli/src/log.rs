//! Sentences for a person, on stderr.

use std::fmt;
use std::io::Write;

use crate::plain::plain;

/// Messages of one tool; a stderr that cannot be written to is ignored.
#[derive(Clone, Debug)]
pub struct Log {
    tool: &'static str,
    verbosity: i8,
    has_priorities: bool,
}

impl Log {
    pub(crate) fn new(tool: &'static str, verbosity: i8) -> Log {
        Log { tool, verbosity, has_priorities: is_journal() }
    }

    /// Data was lost or somebody is needed.
    pub fn error(&self, message: impl fmt::Display) {
        self.write(3, &message);
    }

    /// Something is odd but taken care of; `-q` removes it.
    pub fn warn(&self, message: impl fmt::Display) {
        if self.verbosity >= 0 {
            self.write(4, &message);
        }
    }

    /// What happens, for those who asked with `-v`.
    pub fn note(&self, message: impl fmt::Display) {
        if self.verbosity > 0 {
            self.write(6, &message);
        }
    }

    /// Whether warnings are wanted.
    pub fn is_quiet(&self) -> bool {
        self.verbosity < 0
    }

    fn write(&self, priority: u8, message: &dyn fmt::Display) {
        let (tool, text) = (self.tool, message.to_string());
        let message = plain(&text);
        let line = if self.has_priorities {
            format!("<{priority}>{tool}: {message}\n")
        } else {
            format!("{tool}: {message}\n")
        };
        let _ = std::io::stderr().write_all(line.as_bytes());
    }
}

/// Whether stderr is the journal's stream, as `JOURNAL_STREAM=device:inode` says.
fn is_journal() -> bool {
    let Some(stream) = crate::env::value(crate::env::JOURNAL_STREAM) else { return false };
    let Ok(stat) = rustix::fs::fstat(std::io::stderr()) else { return false };
    stream.to_str() == Some(&format!("{}:{}", stat.st_dev, stat.st_ino))
}
