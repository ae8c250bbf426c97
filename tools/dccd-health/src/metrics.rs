//! What runs are counted in: `.dccd/metrics.json`, as dccd 2 kept it.
//!
//! Keys are `exchange/BASE/QUOTE`, derivatives with their suffix, as in `binance/BTC/USDT:perp`; what is no job of a pair is
//! counted under its own name. A pair is a view of its jobs; each job is counted by itself too. Instants are seconds since
//! 1970. Whatever else somebody keeps in the file stays there.

use std::collections::BTreeMap;

use dccd_record::{Dataset, Ts};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::alert::Incident;
use crate::run::{Outcome, Trouble};
use crate::stamp;

/// All pairs.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Metrics {
    pub(crate) pairs: BTreeMap<String, Pair>,
    other: BTreeMap<String, Value>,
}

/// One pair.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Pair {
    #[serde(flatten)]
    pub(crate) counts: Counts,
    /// By id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) jobs: BTreeMap<String, Job>,
    #[serde(flatten)]
    other: Map<String, Value>,
}

/// One job of a pair.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Job {
    #[serde(flatten)]
    pub(crate) counts: Counts,
    /// The invocation of a unit of systemd whose end was counted last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) invocation: Option<String>,
    /// Failures in a row that somebody is, or was, to be told of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) incident: Option<Incident>,
    #[serde(flatten)]
    other: Map<String, Value>,
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
    /// The content of the file; `None` if it is none of ours.
    pub(crate) fn from_json(content: &[u8]) -> Option<Metrics> {
        let held: BTreeMap<String, Value> = serde_json::from_slice(content).ok()?;
        let mut metrics = Metrics::default();
        for (key, value) in held {
            if is_pair(&value) {
                metrics.pairs.insert(key, serde_json::from_value(value).ok()?);
            } else {
                metrics.other.insert(key, value);
            }
        }
        Some(metrics)
    }

    pub(crate) fn to_json(&self) -> Vec<u8> {
        #[derive(Serialize)]
        struct All<'a> {
            #[serde(flatten)]
            pairs: &'a BTreeMap<String, Pair>,
            #[serde(flatten)]
            other: BTreeMap<&'a String, &'a Value>,
        }
        // What came to be a pair since is no longer anything else.
        let other = self.other.iter().filter(|(key, _)| !self.pairs.contains_key(*key)).collect();
        let all = All { pairs: &self.pairs, other };
        let mut text = serde_json::to_vec_pretty(&all).expect("maps with text keys can be written");
        text.push(b'\n');
        text
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

/// Whether a value of the file counts something.
fn is_pair(value: &Value) -> bool {
    const KEYS: [&str; 4] = ["last_run_at", "last_success_at", "rows_collected", "errors_count"];
    value.as_object().is_some_and(|object| KEYS.iter().any(|key| object.contains_key(*key)))
}

/// The id of the unit that streams a pair.
fn unit_id(dataset: &Dataset) -> String {
    format!("{}:{}", dataset.exchange(), dataset.pair().path_name())
}

/// What a pair is counted under.
pub(crate) fn key(dataset: &Dataset) -> String {
    format!("{}/{}", dataset.exchange(), dataset.pair())
}
