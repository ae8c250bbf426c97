//! What runs are counted in: `.dccd/metrics.json`.
//!
//! Keys are `exchange/BASE/QUOTE`, derivatives with their suffix, as in `binance/BTC/USDT:perp`. A pair is a view of
//! its jobs; each job is counted by itself too.

use std::collections::BTreeMap;

use dccd_record::{Dataset, Ts};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::run::{Outcome, Trouble};

/// All pairs.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Metrics {
    pub(crate) pairs: BTreeMap<String, Pair>,
}

/// One pair.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Pair {
    #[serde(flatten)]
    pub(crate) counts: Counts,
    /// By id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) jobs: BTreeMap<String, Counts>,
    /// Whatever else somebody keeps here.
    #[serde(flatten)]
    other: Map<String, Value>,
}

/// How often and how well something ran.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Counts {
    #[serde(default)]
    pub(crate) last_run_at: Option<String>,
    #[serde(default)]
    pub(crate) last_success_at: Option<String>,
    #[serde(default)]
    pub(crate) rows_collected: u64,
    /// Failures since the last success.
    #[serde(default)]
    pub(crate) errors_count: u64,
}

impl Metrics {
    /// The content of the file; `None` if it is none of ours.
    pub(crate) fn from_json(content: &[u8]) -> Option<Metrics> {
        serde_json::from_slice(content).ok()
    }

    pub(crate) fn to_json(&self) -> Vec<u8> {
        let mut text = serde_json::to_vec_pretty(self).expect("maps with text keys can be written");
        text.push(b'\n');
        text
    }

    /// Counts a run that ended at `now`, or that of streams up to `now`.
    pub(crate) fn count(&mut self, outcomes: &[Outcome], now: Ts) {
        let mut pairs: BTreeMap<String, Vec<&Outcome>> = BTreeMap::new();
        for outcome in outcomes {
            pairs.entry(key(&outcome.dataset)).or_default().push(outcome);
        }
        for (key, outcomes) in pairs {
            let pair = self.pairs.entry(key).or_default();
            // Two jobs of one dataset stored their rows together.
            let rows: BTreeMap<&Dataset, u64> =
                outcomes.iter().map(|outcome| (&outcome.dataset, outcome.rows)).collect();
            pair.counts.count(Verdict::of(&outcomes), rows.values().sum(), now);
            for outcome in outcomes {
                let job = pair.jobs.entry(outcome.job.clone()).or_default();
                job.count(Verdict::of(&[outcome]), outcome.rows, now);
            }
        }
    }
}

impl Counts {
    fn count(&mut self, verdict: Verdict, rows: u64, now: Ts) {
        if verdict == Verdict::Nothing && rows == 0 {
            return;
        }
        let now = seconds(now);
        self.last_run_at = Some(now.clone());
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

fn key(dataset: &Dataset) -> String {
    format!("{}/{}", dataset.exchange(), dataset.pair())
}

fn seconds(ts: Ts) -> String {
    let mut text = Vec::new();
    ts.write_secs(&mut text);
    String::from_utf8_lossy(&text).into_owned()
}
