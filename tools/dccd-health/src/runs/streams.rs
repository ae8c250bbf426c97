//! When a stream is worth a line.

use std::collections::BTreeMap;

use dccd_record::Ts;

use super::{RunLine, State};
use crate::run::Outcome;

/// What was told of the streams of one process.
pub(crate) struct Streams {
    /// Since when this process runs.
    begun: Ts,
    told: BTreeMap<String, Told>,
}

/// What was told of one stream last, and what came since.
struct Told {
    state: State,
    until: Ts,
    rows: u64,
}

impl Streams {
    pub(crate) fn new(begun: Ts) -> Streams {
        Streams { begun, told: BTreeMap::new() }
    }

    /// The lines that a count is worth: what is new, and each stream once a day. Call it once for each count, since rows
    /// count from the last one.
    pub(crate) fn lines(&mut self, outcomes: &[Outcome], now: Ts) -> Vec<RunLine> {
        let mut lines = Vec::new();
        for outcome in outcomes {
            let state = if outcome.trouble.is_some() { State::Failing } else { State::Running };
            let has_begun = outcome.is_new || outcome.rows > 0;
            let Some(told) = self.told.get_mut(&outcome.job) else {
                if has_begun {
                    let told = Told { state, until: now, rows: 0 };
                    self.told.insert(outcome.job.clone(), told);
                    lines.push(line(outcome, state, self.begun, now, outcome.rows));
                }
                continue;
            };
            told.rows = told.rows.saturating_add(outcome.rows);
            if told.state != state || told.until.day() != now.day() {
                lines.push(line(outcome, state, told.until, now, told.rows));
                *told = Told { state, until: now, rows: 0 };
            }
        }
        lines
    }

    /// The lines of what ends: streams since they were told of last, all else since the beginning.
    pub(crate) fn ends(&self, outcomes: &[Outcome], now: Ts) -> Vec<RunLine> {
        let end = |outcome: &Outcome| {
            let told = self.told.get(&outcome.job);
            let start = told.map_or(self.begun, |told| told.until);
            let rows = told.map_or(0, |told| told.rows).saturating_add(outcome.rows);
            line(outcome, State::of_end(outcome.trouble), start, now, rows)
        };
        outcomes.iter().map(end).collect()
    }
}

fn line(outcome: &Outcome, state: State, start: Ts, end: Ts, rows: u64) -> RunLine {
    let error = outcome.error.clone();
    RunLine { rows, error, ..RunLine::new(outcome.job.clone(), state, Some(start), end) }
}
