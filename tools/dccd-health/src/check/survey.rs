//! Everything that is judged, as it is now.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use dccd_cli::AddressBook;
use dccd_cli::config::Config;
use dccd_record::{Dataset, Range, Ts};
use dccd_store::Coverage;

use super::disk::{Disk, measure};
use super::runs::{JobRuns, job_runs};
use super::series::Series;
use super::sync::{SyncState, sync_state};
use super::wanted::{Expectation, Promise, promises};
use crate::clock::now;
use crate::error::Error;

/// What is known at one moment.
#[derive(Debug)]
pub(crate) struct Survey {
    pub(crate) now: Ts,
    /// The folder of the store.
    pub(crate) root: PathBuf,
    pub(crate) series: Vec<Series>,
    pub(crate) jobs: Vec<JobRuns>,
    /// Failures in a row of which somebody is told.
    pub(crate) errors_max: u64,
    /// Nothing, where there is no store yet.
    pub(crate) disk: Option<Disk>,
    /// What `dccd-sync` keeps free, if it may remove what is copied.
    pub(crate) kept_free_bytes: u64,
    /// Nothing, where there are no remotes.
    pub(crate) sync: Option<SyncState>,
}

/// Looks at the store at `root`, the jobs of `config`, and what lies around them.
pub(crate) fn survey(root: &Path, config: Option<&Config>, max_lag: Option<Duration>) -> Result<Survey, Error> {
    // The failures after which the configuration tells somebody, if it does not say how many.
    const ERRORS_MAX: u64 = 3;
    // By this host's clock: what is stale is so for those who live here.
    let now = now();
    let addresses = AddressBook::new(config.cloned());
    let max_lag_nanos = max_lag.map(|lag| i64::try_from(lag.as_nanos()).unwrap_or(i64::MAX));
    let expected = Expectation { now, config, addresses: &addresses, max_lag_nanos };
    let is_there = root.is_dir();
    let coverage = if is_there { Some(Coverage::open(root)?) } else { None };
    let series = all_series(coverage.as_ref(), &expected)?;
    Ok(Survey {
        now,
        root: root.to_owned(),
        disk: if is_there { Some(measure(root, &series, now)?) } else { None },
        jobs: job_runs(root, config, &expected)?,
        errors_max: config.map_or(ERRORS_MAX, |config| config.alerts.max_consecutive_errors),
        kept_free_bytes: config.map_or(0, kept_free_bytes),
        sync: match config.filter(|config| !config.storage.remotes.is_empty()) {
            Some(config) => Some(sync_state(root, &config.storage)?),
            None => None,
        },
        series,
    })
}

/// Seconds between two stored books, where no configuration says.
const BOOK_STEP_SECS: u64 = 60;

/// Every dataset that is configured or stored.
fn all_series(coverage: Option<&Coverage>, expected: &Expectation<'_>) -> Result<Vec<Series>, Error> {
    let configured = expected.config.map(promises);
    let mut datasets: BTreeSet<Dataset> = configured.iter().flat_map(BTreeMap::keys).cloned().collect();
    datasets.extend(coverage.map_or(Ok(Vec::new()), Coverage::datasets)?);
    let past = Range::new(Ts::MIN, expected.now).unwrap_or(Range::all());
    let mut all = Vec::with_capacity(datasets.len());
    for dataset in datasets {
        let ledger = coverage.map(|coverage| coverage.ledger(&dataset, past)).transpose()?.unwrap_or_default();
        let promised = match &configured {
            Some(configured) => configured.get(&dataset).cloned().unwrap_or_default(),
            // Nobody says what is wanted, but a stream that was started is.
            None if ledger.is_streamed() || expected.max_lag_nanos.is_some() => {
                vec![Promise::Live { step_secs: BOOK_STEP_SECS }]
            }
            None => Vec::new(),
        };
        let is_live = match configured {
            Some(_) => promised.iter().any(|promise| matches!(promise, Promise::Live { .. })),
            None => ledger.is_streamed(),
        };
        all.push(Series::new(&dataset, &ledger, expected.due(&dataset, &promised), is_live, expected.now));
    }
    Ok(all)
}

fn kept_free_bytes(config: &Config) -> u64 {
    const GIB: f64 = 1_073_741_824.0;
    let gb = if config.storage.remotes.is_empty() { 0.0 } else { config.storage.min_free_gb };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be at most a million GiB")]
    let bytes = (gb * GIB) as u64;
    bytes
}
