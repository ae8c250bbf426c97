//! The history of runs: a line for each job of a run, and for the streams how they did.
//!
//! A run that ends is one line. A stream may run for months: it has a line when it begins to deliver, when it fails and when
//! it is well again, one each day, and one at its end. Each tells of the time since the line before.

mod history;
mod list;
mod streams;

pub(crate) use history::History;
pub(crate) use list::{RunsArgs, run};
pub(crate) use streams::Streams;

use dccd_record::Ts;
use serde::{Deserialize, Serialize};

use crate::clock::seconds;
use crate::run::Trouble;

/// How a job was at the end of what a line tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    /// A stream that is well.
    Running,
    /// A stream in which something failed.
    Failing,
    Succeeded,
    Failed,
    Interrupted,
}

/// A stretch of the life of a job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct RunLine {
    kind: RunKind,
    pub(crate) job: String,
    pub(crate) state: State,
    /// Not known of a unit.
    pub(crate) start: Option<String>,
    pub(crate) end: String,
    /// Rows of its series that became durable.
    pub(crate) rows: u64,
    pub(crate) error: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum RunKind {
    #[serde(rename = "run")]
    Run,
}

impl State {
    /// How a run ended.
    pub(crate) fn of_end(trouble: Option<Trouble>) -> State {
        match trouble {
            None => State::Succeeded,
            Some(Trouble::Interrupted) => State::Interrupted,
            Some(Trouble::Passing | Trouble::Lasting) => State::Failed,
        }
    }

    fn is_bad(self) -> bool {
        matches!(self, State::Failing | State::Failed)
    }

    fn name(self) -> &'static str {
        match self {
            State::Running => "running",
            State::Failing => "failing",
            State::Succeeded => "succeeded",
            State::Failed => "failed",
            State::Interrupted => "interrupted",
        }
    }
}

impl RunLine {
    /// A stored line, and when it ended.
    fn parse(line: &[u8]) -> Option<(RunLine, Ts)> {
        let line: RunLine = serde_json::from_slice(line).ok()?;
        let end = line.end.parse().ok()?;
        Some((line, end))
    }

    pub(crate) fn new(job: String, state: State, start: Option<Ts>, end: Ts) -> RunLine {
        RunLine { kind: RunKind::Run, job, state, start: start.map(seconds), end: seconds(end), rows: 0, error: None }
    }
}

#[cfg(test)]
mod tests;
