//! When jobs ran and how that went, as it was counted.

use std::collections::BTreeMap;
use std::path::Path;

use dccd_cli::config::Config;
use dccd_record::{Dataset, Ts};

use super::wanted::Expectation;
use crate::clock::is_to_come;
use crate::error::Error;
use crate::metrics::{Counts, Metrics};

/// The unit that fails whenever something else does.
const OURSELVES: &str = "dccd-check";

/// One job.
#[derive(Clone, Debug)]
pub(crate) struct JobRuns {
    /// Its id.
    pub(crate) job: String,
    pub(crate) last_run: Option<Ts>,
    pub(crate) last_success: Option<Ts>,
    pub(crate) rows: u64,
    /// Failures since the last success.
    pub(crate) errors: u64,
    /// When it should have run again, if it has a schedule.
    pub(crate) due: Option<Ts>,
    /// Whether somebody still wants it.
    pub(crate) is_wanted: bool,
}

impl JobRuns {
    fn new(job: &str, counts: &Counts, due: Option<Ts>, is_wanted: bool) -> JobRuns {
        JobRuns {
            job: job.to_owned(),
            last_run: counts.last_run_at,
            last_success: counts.last_success_at,
            rows: counts.rows_collected,
            errors: counts.errors_count,
            due,
            is_wanted,
        }
    }

    /// Whether a run that was due did not come, as far as anybody can know.
    pub(crate) fn is_overdue(&self, now: Ts) -> bool {
        self.due.is_some_and(|due| self.last_run.is_none_or(|run| run < due || is_to_come(run, now)))
    }
}

/// What was counted of every job, and the jobs that should have been; nothing where nobody counts.
pub(crate) fn job_runs(
    root: &Path,
    config: Option<&Config>,
    expected: &Expectation<'_>,
) -> Result<Vec<JobRuns>, Error> {
    let Some(metrics) = Metrics::read_jobs(root)? else { return Ok(Vec::new()) };
    let jobs = wanted(config, expected);
    let mut runs: BTreeMap<String, JobRuns> = BTreeMap::new();
    for pair in metrics.pairs.values() {
        for (job, counted) in &pair.jobs {
            let wanted = jobs.get(job);
            let is_wanted = if is_unit(job) { job != OURSELVES } else { config.is_none() || wanted.is_some() };
            runs.insert(job.clone(), JobRuns::new(job, &counted.counts, wanted.copied().flatten(), is_wanted));
        }
    }
    for (job, due) in jobs {
        runs.entry(job).or_insert_with_key(|job| JobRuns::new(job, &Counts::default(), due, true));
    }
    Ok(runs.into_values().collect())
}

/// Whether it is no job but a unit that serves all, such as `dccd-sync`.
fn is_unit(job: &str) -> bool {
    !job.contains(':')
}

/// The configured jobs by id, and when each should have run. A closed exchange needs no runs.
fn wanted(config: Option<&Config>, expected: &Expectation<'_>) -> BTreeMap<String, Option<Ts>> {
    let mut jobs: BTreeMap<String, Option<Ts>> = BTreeMap::new();
    let Some(config) = config else { return jobs };
    let is_open = |dataset: &Dataset| !expected.is_closed(dataset);
    for job in config.streams.iter() {
        let datasets = job.channels.iter().filter_map(|(kind, _)| job.dataset(*kind));
        jobs.extend(datasets.filter(is_open).map(|dataset| (dataset.to_string(), None)));
    }
    for job in config.history.iter().filter(|job| is_open(&job.dataset)) {
        // What has ended, or has not begun, may run or not.
        let is_current =
            job.end.is_none_or(|end| end > expected.now) && job.start.is_none_or(|start| start <= expected.now);
        let due = expected.run_due(&job.schedule).filter(|_| is_current);
        jobs.insert(job.dataset.to_string(), due);
    }
    jobs
}
