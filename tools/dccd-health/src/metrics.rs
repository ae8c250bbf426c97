//! What runs are counted in: `.dccd/jobs.json`.
//!
//! Keys are `exchange/BASE/QUOTE`, derivatives with their suffix, as in `binance/BTC/USDT:perp`; what is no job of a pair is
//! counted under its own name. A pair is counted as a whole, for its jobs may run together, and each job by itself too.
//! Instants are seconds since 1970. What others are shown of it is the [`View`].

#[cfg(test)]
mod tests;
mod view;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::Path;

use dccd_record::{Dataset, Ts};
use dccd_store::CountFile;
use serde::{Deserialize, Serialize};

pub(crate) use view::View;

use crate::alert::Incident;
use crate::error::Error;
use crate::run::{Outcome, Trouble};
use crate::stamp;

/// All pairs.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Metrics {
    pub(crate) pairs: BTreeMap<String, Pair>,
}

/// One pair.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Pair {
    #[serde(flatten)]
    pub(crate) counts: Counts,
    /// By id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) jobs: BTreeMap<String, Job>,
}

/// One job of a pair.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Job {
    #[serde(flatten)]
    pub(crate) counts: Counts,
    /// The invocation of a unit of systemd whose end was counted last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) invocation: Option<String>,
    /// Failures in a row that somebody is, or was, to be told of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) incident: Option<Incident>,
}

/// How often and how well something ran.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Counts {
    #[serde(default, with = "stamp")]
    pub(crate) last_run_at: Option<Ts>,
    #[serde(default, with = "stamp")]
    pub(crate) last_success_at: Option<Ts>,
    #[serde(default)]
    pub(crate) rows_collected: u64,
    /// Failures since the last success.
    #[serde(default)]
    pub(crate) errors_count: u64,
}

/// What holds for all jobs that are counted together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counting<'a> {
    pub(crate) now: Ts,
    /// Failures in a row that somebody is to be told of; `None` if nobody is.
    pub(crate) errors_max: Option<u64>,
    /// The invocation of a unit that ends with what is counted.
    pub(crate) invocation: Option<&'a str>,
}

impl Metrics {
    /// All that is known at the moment.
    pub(crate) fn read(root: &Path) -> Result<Metrics, Error> {
        let mut metrics = Metrics::read_jobs(root)?.unwrap_or_default();
        if let Some(content) = CountFile::Metrics.read(root)? {
            let strange = || Error::Metrics(CountFile::Metrics.path(root));
            metrics.take_over(&View::from_json(&content).ok_or_else(strange)?);
        }
        Ok(metrics)
    }

    /// The same without what only others counted, who count no jobs; `None` where nobody counted.
    pub(crate) fn read_jobs(root: &Path) -> Result<Option<Metrics>, Error> {
        let Some(content) = CountFile::Jobs.read(root)? else { return Ok(None) };
        Metrics::from_json(&content).map(Some).ok_or_else(|| Error::Metrics(CountFile::Jobs.path(root)))
    }

    /// The content of the file; `None` if it is none of ours.
    pub(crate) fn from_json(content: &[u8]) -> Option<Metrics> {
        Some(Metrics { pairs: serde_json::from_slice(content).ok()? })
    }

    pub(crate) fn to_json(&self) -> Vec<u8> {
        // What has no jobs was counted by others, who may yet take it away.
        let ours: BTreeMap<&String, &Pair> = self.pairs.iter().filter(|(_, pair)| !pair.jobs.is_empty()).collect();
        to_text(&ours)
    }

    /// Goes on from what others, such as dccd 2, counted since we did. A view that was not kept in time is behind, and
    /// changes nothing.
    pub(crate) fn take_over(&mut self, view: &View) {
        for (key, shown) in view.pairs() {
            match self.pairs.entry(key.clone()) {
                Entry::Vacant(entry) => drop(entry.insert(shown.clone())),
                Entry::Occupied(mut entry) => {
                    let counts = &mut entry.get_mut().counts;
                    if shown.counts.last_run_at > counts.last_run_at {
                        counts.clone_from(&shown.counts);
                    }
                }
            }
        }
    }

    /// Counts the end of a job of which nothing else is known: a failure, if there is an error.
    pub(crate) fn count_end(&mut self, key: &str, job: &str, error: Option<&str>, counting: &Counting<'_>) {
        let verdict = if error.is_some() { Verdict::Failure } else { Verdict::Success };
        let pair = self.pairs.entry(key.to_owned()).or_default();
        pair.counts.count(verdict, 0, counting.now);
        pair.jobs.entry(job.to_owned()).or_default().count(verdict, 0, error, counting);
    }

    /// Whether somebody is to be told something now.
    pub(crate) fn has_news(&self, now: Ts) -> bool {
        let mut jobs = self.pairs.values().flat_map(|pair| pair.jobs.values());
        jobs.any(|job| job.incident.as_ref().is_some_and(|incident| incident.has_news(now)))
    }

    /// All jobs and their ids.
    pub(crate) fn jobs_mut(&mut self) -> impl Iterator<Item = (&String, &mut Job)> {
        self.pairs.values_mut().flat_map(|pair| pair.jobs.iter_mut())
    }

    /// Counts a run that has ended, or that of streams up to now.
    pub(crate) fn count(&mut self, outcomes: &[Outcome], counting: &Counting<'_>) {
        let mut pairs: BTreeMap<String, Vec<&Outcome>> = BTreeMap::new();
        for outcome in outcomes {
            pairs.entry(key(&outcome.dataset)).or_default().push(outcome);
        }
        for (key, outcomes) in pairs {
            let pair = self.pairs.entry(key).or_default();
            // Two jobs of one dataset stored their rows together.
            let rows: BTreeMap<&Dataset, u64> =
                outcomes.iter().map(|outcome| (&outcome.dataset, outcome.rows)).collect();
            pair.counts.count(Verdict::of(&outcomes), rows.values().sum(), counting.now);
            for outcome in &outcomes {
                let job = pair.jobs.entry(outcome.job.clone()).or_default();
                job.count(Verdict::of(&[outcome]), outcome.rows, outcome.error.as_deref(), counting);
            }
            pair.count_unit(&outcomes, counting);
        }
    }
}

impl Pair {
    /// A unit that could not even begin was counted by its own id; it has begun if one of its streams is well.
    fn count_unit(&mut self, outcomes: &[&Outcome], counting: &Counting<'_>) {
        let well: Vec<&Outcome> =
            outcomes.iter().copied().filter(|outcome| outcome.is_live && outcome.trouble.is_none()).collect();
        let Some(first) = well.first() else { return };
        if let Some(unit) = self.jobs.get_mut(&unit_id(&first.dataset)) {
            unit.count(Verdict::of(&well), 0, None, counting);
        }
    }
}

impl Job {
    fn count(&mut self, verdict: Verdict, rows: u64, error: Option<&str>, counting: &Counting<'_>) {
        self.counts.count(verdict, rows, counting.now);
        if let Some(invocation) = counting.invocation {
            self.invocation = Some(invocation.to_owned());
        }
        let incident = self.incident.take();
        self.incident = Incident::follow(incident, &self.counts, counting.errors_max, error, counting.now);
    }
}

impl Counts {
    fn count(&mut self, verdict: Verdict, rows: u64, now: Ts) {
        if verdict == Verdict::Nothing && rows == 0 {
            return;
        }
        self.last_run_at = Some(now);
        self.rows_collected = self.rows_collected.saturating_add(rows);
        match verdict {
            Verdict::Success => {
                self.last_success_at = Some(now);
                self.errors_count = 0;
            }
            Verdict::Failure => self.errors_count = self.errors_count.saturating_add(1),
            Verdict::Progress | Verdict::Nothing => {}
        }
    }
}

/// What outcomes mean for those that are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// All are well.
    Success,
    /// One has failed now.
    Failure,
    /// One went on while another was interrupted, or is still in trouble that was counted before.
    Progress,
    /// All is as it was.
    Nothing,
}

impl Verdict {
    fn of(outcomes: &[&Outcome]) -> Verdict {
        let has_failed = |outcome: &&Outcome| outcome.trouble > Some(Trouble::Interrupted);
        if !outcomes.iter().any(|outcome| outcome.is_new) {
            Verdict::Nothing
        } else if outcomes.iter().any(|outcome| outcome.is_new && has_failed(outcome)) {
            Verdict::Failure
        } else if outcomes.iter().any(|outcome| outcome.trouble.is_some()) {
            Verdict::Progress
        } else {
            Verdict::Success
        }
    }
}

/// The id of the unit that streams a pair.
fn unit_id(dataset: &Dataset) -> String {
    format!("{}:{}", dataset.exchange(), dataset.pair().path_name())
}

/// What a pair is counted under.
pub(crate) fn key(dataset: &Dataset) -> String {
    format!("{}/{}", dataset.exchange(), dataset.pair())
}

/// What stands in a file.
fn to_text(content: &impl Serialize) -> Vec<u8> {
    let mut text = serde_json::to_vec_pretty(content).expect("maps with text keys can be written");
    text.push(b'\n');
    text
}
