//! Somebody is told, once, that a job keeps failing, and once that it works again.
//!
//! What was told stands in `.dccd/jobs.json` beside the counts of the job, so that no other process tells it again, now
//! or after a restart. Who is about to tell something claims it under the file's lock, and tells it without: nobody waits
//! for a server that is slow. What could not be told waits for whoever comes next.

mod command;
mod deliver;
mod messenger;
mod text;

pub(crate) use command::{AlertArgs, run, tell_waiting};
pub(crate) use deliver::Delivery;
pub(crate) use messenger::Messenger;

use dccd_record::Ts;
use serde::{Deserialize, Serialize};

use crate::metrics::Counts;
use crate::stamp;

/// Nobody tells anything for so long; a claim that is older was left by a process that died.
const CLAIM_SECS_MAX: i64 = 120;

/// Failures in a row, from when they were too many until somebody knows that they are over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Incident {
    #[serde(default, with = "stamp")]
    since: Option<Ts>,
    errors: u64,
    /// What was said of the last failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// Whether somebody was told of it.
    #[serde(default)]
    is_told: bool,
    /// Whether somebody tried to tell, which may have been heard.
    #[serde(default)]
    is_tried: bool,
    /// When the job worked again.
    #[serde(default, with = "stamp", skip_serializing_if = "Option::is_none")]
    over_at: Option<Ts>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    claim: Option<Claim>,
}

/// Somebody is telling it just now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Claim {
    by: String,
    #[serde(default, with = "stamp")]
    at: Option<Ts>,
}

impl Incident {
    /// The incident after a count, if there is one; `max` failures in a row make one. Who does not know of a maximum, for
    /// want of a configuration, makes none.
    pub(crate) fn follow(
        held: Option<Incident>,
        counts: &Counts,
        max: Option<u64>,
        error: Option<&str>,
        now: Ts,
    ) -> Option<Incident> {
        let are_too_many = max.is_some_and(|max| counts.errors_count >= max);
        let Some(mut incident) = held else {
            let opened = || Incident {
                since: Some(now),
                errors: counts.errors_count,
                error: error.map(str::to_owned),
                is_told: false,
                is_tried: false,
                over_at: None,
                claim: None,
            };
            return are_too_many.then(opened);
        };
        if counts.errors_count == 0 {
            // Of what nobody can have heard of nobody needs to hear the end.
            let may_be_known = incident.is_told || incident.is_tried || incident.is_claimed(now);
            incident.over_at = incident.over_at.or(Some(now));
            return may_be_known.then_some(incident);
        }
        if are_too_many {
            // Nobody heard of the end yet, so it was none.
            incident.over_at = None;
            incident.errors = counts.errors_count;
            incident.error = error.map(str::to_owned).or(incident.error);
        }
        Some(incident)
    }

    /// Whether there is something to tell now.
    pub(crate) fn has_news(&self, now: Ts) -> bool {
        self.news(now).is_some()
    }

    /// What is to be told now, if nobody else is telling it.
    fn news(&self, now: Ts) -> Option<News> {
        if self.is_claimed(now) {
            None
        } else if !self.is_told {
            Some(News::Failing)
        } else {
            self.over_at.map(|_| News::Works)
        }
    }

    /// What stays of it after `by` told `news`, or could not.
    fn settled(mut self, by: &str, news: News, is_told: bool) -> Option<Incident> {
        if self.claim.as_ref().is_none_or(|claim| claim.by != by) {
            return Some(self);
        }
        (self.claim, self.is_tried) = (None, !is_told);
        match news {
            _ if !is_told => {}
            News::Failing => self.is_told = true,
            News::Works if self.over_at.is_some() => return None,
            // It fails again since, which is to be told again.
            News::Works => self.is_told = false,
        }
        Some(self)
    }

    fn is_claimed(&self, now: Ts) -> bool {
        // A clock that was set back must not keep a claim alive for long.
        let age_secs = |at: Ts| now.secs().saturating_sub(at.secs()).saturating_abs();
        self.claim.as_ref().and_then(|claim| claim.at).is_some_and(|at| age_secs(at) < CLAIM_SECS_MAX)
    }
}

/// What can be told of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum News {
    Failing,
    Works,
}

#[cfg(test)]
mod tests;
