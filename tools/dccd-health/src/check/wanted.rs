//! What a configuration promises of each dataset.

use std::collections::BTreeMap;

use dccd_cli::AddressBook;
use dccd_cli::config::{Config, HistoryJob, Schedule, StreamJob};
use dccd_exchange::archive::files_end;
use dccd_exchange::{Capability, Impossible, Reach, capability};
use dccd_record::{Dataset, Day, Kind, Market, Ts};

use super::due::last_due;

const SECOND_NANOS: i64 = 1_000_000_000;
/// A stream covers what is new every few seconds, and comes back from a break within a few minutes.
const LIVE_NANOS: i64 = 300 * SECOND_NANOS;
/// Whether a rate is still the newest is asked every five minutes only.
const RATES_NANOS: i64 = 900 * SECOND_NANOS;

/// What is promised of one dataset.
#[derive(Clone, Debug)]
pub(crate) enum Promise {
    /// Runs that fetch what is new.
    History {
        /// When.
        schedule: Schedule,
        /// First instant that is wanted.
        start: Option<Ts>,
        /// First instant that is no longer wanted.
        end: Option<Ts>,
    },
    /// A stream that stores something at least so often.
    Live {
        /// Seconds between two stored snapshots of a book.
        step_secs: u64,
    },
}

/// The promises, by dataset.
pub(crate) fn promises(config: &Config) -> BTreeMap<Dataset, Vec<Promise>> {
    let mut wanted: BTreeMap<Dataset, Vec<Promise>> = BTreeMap::new();
    for HistoryJob { dataset, schedule, start, end, .. } in &config.history {
        let promise = Promise::History { schedule: schedule.clone(), start: *start, end: *end };
        wanted.entry(dataset.clone()).or_default().push(promise);
    }
    for job in &config.streams {
        for (kind, _) in &job.channels {
            let Some(dataset) = job.dataset(*kind) else { continue };
            wanted.entry(dataset).or_default().push(live(job, *kind));
        }
    }
    wanted
}

fn live(job: &StreamJob, kind: Kind) -> Promise {
    Promise::Live { step_secs: if kind == Kind::Book { job.time_step_secs } else { 0 } }
}

/// What can be expected of a dataset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// To be covered up to here by now.
    Until(Ts),
    /// The same, and never further.
    Finally(Ts),
    /// The exchange closed: nothing more can be had.
    Closed,
    /// Nobody promised anything.
    Never,
}

/// Judges promises at one moment.
#[derive(Debug)]
pub(crate) struct Expectation<'a> {
    pub(crate) now: Ts,
    pub(crate) config: Option<&'a Config>,
    pub(crate) addresses: &'a AddressBook,
    /// The lag that is allowed whatever was promised.
    pub(crate) max_lag_nanos: Option<i64>,
}

impl Expectation<'_> {
    /// Up to where `promises` let a dataset be covered by now.
    pub(crate) fn due(&self, dataset: &Dataset, promises: &[Promise]) -> Due {
        if self.is_closed(dataset) {
            return Due::Closed;
        }
        let Ok(row) = of_any_market(dataset) else { return Due::Never };
        let expiry = expiry(dataset);
        let all = promises.iter().filter_map(|promise| {
            let until = self.until(row, dataset, promise)?;
            let end = match promise {
                // What has not begun is not late.
                Promise::History { start: Some(start), .. } if *start >= until => return None,
                Promise::History { end, .. } => end.iter().copied().chain(expiry).min(),
                Promise::Live { .. } => expiry,
            };
            Some(end.filter(|end| *end <= until).map_or(Due::Until(until), Due::Finally))
        });
        // What goes on counts more than what ends.
        all.max_by_key(|due| match due {
            Due::Until(ts) => (1, *ts),
            Due::Finally(ts) => (0, *ts),
            Due::Closed | Due::Never => (0, Ts::MIN),
        })
        .unwrap_or(Due::Never)
    }

    /// Whether the exchange closed, and no other server stands in for it.
    pub(crate) fn is_closed(&self, dataset: &Dataset) -> bool {
        let exchange = dataset.exchange().as_str();
        Impossible::closed(exchange).is_some() && !self.addresses.is_elsewhere(exchange)
    }

    /// When the last run of a job ought to have been, if it runs by itself.
    pub(crate) fn run_due(&self, schedule: &Schedule) -> Option<Ts> {
        let zone = self.config.map(|config| &config.settings.zone);
        last_due(schedule, zone, self.now)
    }

    fn until(&self, row: &Capability, dataset: &Dataset, promise: &Promise) -> Option<Ts> {
        let whole = |ts: Ts| dataset.span().map_or(ts, |span| span.floor(ts));
        if let Some(lag) = self.max_lag_nanos {
            return Some(whole(self.now.saturating_add(-lag)));
        }
        match promise {
            Promise::History { schedule, .. } => Some(whole(horizon(row, dataset, self.run_due(schedule)?))),
            Promise::Live { step_secs } => {
                let rare = matches!(dataset.kind(), Kind::Funding | Kind::OpenInterest);
                let usual = if rare { RATES_NANOS } else { LIVE_NANOS };
                let step = i64::try_from(*step_secs).unwrap_or(i64::MAX).saturating_mul(SECOND_NANOS);
                let span = dataset.span().map_or(0, |span| span.nanos());
                Some(whole(self.now.saturating_add(-usual.saturating_add(step).saturating_add(span))))
            }
        }
    }
}

/// What is known of a dataset's exchange; a live series may have no history.
fn of_any_market(dataset: &Dataset) -> Result<&'static Capability, Impossible> {
    capability(dataset).or_else(|cause| {
        let book = Dataset::new(dataset.exchange().clone(), Kind::Book, dataset.pair().clone(), None);
        book.ok().and_then(|book| capability(&book).ok()).ok_or(cause)
    })
}

/// What a run at `now` can cover at most.
pub(crate) fn horizon(row: &Capability, dataset: &Dataset, now: Ts) -> Ts {
    match row.reach {
        // The file of a day comes when that day is over.
        Reach::Archive => files_end(dataset, now).unwrap_or(Ts::MIN),
        _ => row.horizon(dataset, now),
    }
}

/// When a contract ends: in the course of the day in its name.
fn expiry(dataset: &Dataset) -> Option<Ts> {
    let Market::Dated(date) = dataset.pair().market() else { return None };
    let part = |divisor: u32| i64::from(date / divisor % 100);
    let day = Day { year: 2000 + i64::from(date / 10_000), month: part(100), day: part(1) };
    day.number().map(|_| day.start())
}
