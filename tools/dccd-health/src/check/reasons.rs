//! What is wrong, measured by limits.

use std::time::Duration;

use dccd_record::Ts;

use super::Limits;
use super::runs::JobRuns;
use super::series::{Series, State};
use super::survey::Survey;
use super::sync::SyncState;
use super::text::{age, size};
use crate::clock::{is_to_come, seconds};

const GIB: u64 = 1 << 30;

/// What sort of thing is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Sort {
    Stale,
    Gap,
    Overdue,
    Failing,
    Disk,
    Sync,
}

impl Sort {
    pub(crate) const ALL: [Sort; 6] = [Sort::Stale, Sort::Gap, Sort::Overdue, Sort::Failing, Sort::Disk, Sort::Sync];

    /// Its word in lines and labels.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Sort::Stale => "stale",
            Sort::Gap => "gap",
            Sort::Overdue => "overdue",
            Sort::Failing => "failing",
            Sort::Disk => "disk",
            Sort::Sync => "sync",
        }
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reason {
    pub(crate) sort: Sort,
    /// The job, folder or remote.
    pub(crate) subject: String,
    /// Since when, if that is known.
    pub(crate) since: Option<Ts>,
    pub(crate) message: String,
}

/// Everything that is wrong; nothing if all is well.
pub(crate) fn reasons(found: &Survey, limits: &Limits) -> Vec<Reason> {
    let mut reasons: Vec<Reason> = Vec::new();
    reasons.extend(nothing_at_all(found));
    reasons.extend(found.series.iter().filter_map(|series| stale(series, found.now)));
    reasons.extend(found.series.iter().filter_map(|series| gaps(series, found.now, limits.max_gap_age)));
    let jobs = || found.jobs.iter().filter(|job| job.is_wanted);
    reasons.extend(jobs().filter(|job| job.is_overdue(found.now)).map(|job| overdue(job, found.now)));
    reasons.extend(jobs().filter(|job| job.errors >= found.errors_max).map(failing));
    reasons.extend(disk(found, limits));
    reasons.extend(found.sync.iter().flat_map(|sync| unsynced(sync, found.now, limits.max_sync_age)));
    reasons
}

/// Where nothing is, nothing is stale; but somebody looks in the wrong place, or has forgotten something.
fn nothing_at_all(found: &Survey) -> Option<Reason> {
    let message = "no dataset is stored or configured; is it the right --data-path and --config?".to_owned();
    let subject = found.root.display().to_string();
    found.series.is_empty().then_some(Reason { sort: Sort::Stale, subject, since: None, message })
}

fn stale(series: &Series, now: Ts) -> Option<Reason> {
    if series.state != State::Stale {
        return None;
    }
    let required = series.required?;
    let help = if series.is_live { "see what its stream says" } else { "see what its last run says" };
    let message = match series.covered_end() {
        None => format!("nothing is covered yet; {help}"),
        Some(end) => {
            let ago = age(series.lag_nanos(now).unwrap_or(0));
            format!("covered until {}, {ago} ago, and should be until {}; {help}", seconds(end), seconds(required))
        }
    };
    Some(Reason { sort: Sort::Stale, subject: series.dataset.to_string(), since: series.covered_end(), message })
}

fn gaps(series: &Series, now: Ts, max_age: Duration) -> Option<Reason> {
    let max_age_nanos = i64::try_from(max_age.as_nanos()).unwrap_or(i64::MAX);
    let overdue = || series.overdue(now.saturating_add(-max_age_nanos));
    let oldest = overdue().next()?;
    let count = overdue().count();
    let message = format!(
        "gaps open for more than {} that history can fill: {count}, the oldest from {} to {}; run dccd repair",
        age(max_age_nanos),
        seconds(oldest.start()),
        seconds(oldest.end())
    );
    Some(Reason { sort: Sort::Gap, subject: series.dataset.to_string(), since: Some(oldest.end()), message })
}

fn overdue(job: &JobRuns, now: Ts) -> Reason {
    let last = match job.last_run {
        None => "no run of it was ever recorded".to_owned(),
        Some(run) if is_to_come(run, now) => {
            format!("its last run ended at {}, says a clock that was wrong", seconds(run))
        }
        Some(run) => {
            let ago = age(now.nanos().saturating_sub(run.nanos()));
            format!("its last run ended at {}, {ago} ago", seconds(run))
        }
    };
    let due = job.due.map_or_else(String::new, |due| format!(", and one was due since {}", seconds(due)));
    let message = format!("{last}{due}; is its timer running, or one run still going on?");
    Reason { sort: Sort::Overdue, subject: job.job.clone(), since: job.last_run, message }
}

fn failing(job: &JobRuns) -> Reason {
    let last = job.last_success.map_or_else(|| "never yet".to_owned(), |at| format!("last at {}", seconds(at)));
    let message = format!("failed {} times in a row, succeeded {last}; see what its last run says", job.errors);
    Reason { sort: Sort::Failing, subject: job.job.clone(), since: job.last_success, message }
}

fn disk(found: &Survey, limits: &Limits) -> Option<Reason> {
    let disk = found.disk?;
    let free = size(disk.free_bytes);
    let least = limits.disk_free_gb.saturating_mul(GIB);
    // What is removed once it is copied does not fill the disk.
    let is_kept_free = found.kept_free_bytes > 0 && disk.free_bytes >= found.kept_free_bytes;
    let message = if disk.free_bytes < least {
        format!("{free} free, less than {}; make room, or let dccd-sync purge what is copied", size(least))
    } else {
        let days = disk.days_left().filter(|days| *days < limits.disk_days && !is_kept_free)?;
        format!(
            "full in {days} days: {free} free, and a day of data takes {}; make room, or let dccd-sync purge what is \
             copied",
            size(disk.growth_bytes)
        )
    };
    Some(Reason { sort: Sort::Disk, subject: found.root.display().to_string(), since: None, message })
}

fn unsynced(sync: &SyncState, now: Ts, max_age: Option<Duration>) -> Vec<Reason> {
    let max_age = max_age.unwrap_or(sync.max_age);
    let max_age_nanos = i64::try_from(max_age.as_nanos()).unwrap_or(i64::MAX);
    let is_old = |at: Option<Ts>| {
        at.is_none_or(|at| is_to_come(at, now) || now.nanos().saturating_sub(at.nanos()) > max_age_nanos)
    };
    let old = sync.remotes.iter().filter(|remote| is_old(remote.last_success));
    old.map(|remote| {
        let message = match remote.last_success {
            None => "never copied to; run dccd-sync push".to_owned(),
            Some(at) if is_to_come(at, now) => {
                format!("last copied to at {}, says a clock that was wrong; run dccd-sync push", seconds(at))
            }
            Some(at) => format!(
                "last copied to at {}, {} ago, and {} are allowed; run dccd-sync push",
                seconds(at),
                age(now.nanos().saturating_sub(at.nanos())),
                age(max_age_nanos)
            ),
        };
        Reason { sort: Sort::Sync, subject: remote.name.clone(), since: remote.last_success, message }
    })
    .collect()
}
