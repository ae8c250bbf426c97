//! How one dataset stands.

use dccd_exchange::{Reach, capability};
use dccd_record::{Dataset, Kind, Range, RangeSet, Ts};
use dccd_store::Ledger;

use super::wanted::{Due, horizon};

/// Whether a dataset is as it was promised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Covered as far as it should be.
    Fresh,
    /// Not as far.
    Stale,
    /// All that was asked for, or can be had, is there.
    Complete,
    /// Nobody promised anything.
    Unplanned,
}

/// One dataset.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    pub(crate) dataset: Dataset,
    pub(crate) state: State,
    /// Whether a stream records it.
    pub(crate) is_live: bool,
    /// Where what is covered begins and ends, at times of the exchange.
    pub(crate) covered: Option<Range>,
    /// Up to here it should be covered.
    pub(crate) required: Option<Ts>,
    /// Gaps that history can fill, oldest first.
    pub(crate) repairable: Vec<Range>,
    /// Gaps that nothing can fill.
    pub(crate) irreparable: u64,
}

impl Series {
    /// What a ledger says of it.
    pub(crate) fn new(dataset: &Dataset, ledger: &Ledger, due: Due, is_live: bool, now: Ts) -> Series {
        let covered = ledger.covered().hull();
        let covered_end = covered.map(Range::end);
        let gaps = Gaps::of(dataset, ledger, due, now);
        let (state, required) = match due {
            Due::Closed => (State::Complete, None),
            Due::Never => (State::Unplanned, None),
            Due::Until(until) | Due::Finally(until) => {
                // A stream that has stalled names the hole while it grows; only history ends in holes that stay.
                let is_reached = covered_end.is_some_and(|end| end >= until || !is_live && gaps.is_lost(end, until));
                let state = match due {
                    _ if !is_reached => State::Stale,
                    Due::Finally(_) => State::Complete,
                    _ => State::Fresh,
                };
                (state, Some(until))
            }
        };
        let (repairable, irreparable) = (gaps.repairable, gaps.irreparable);
        Series { dataset: dataset.clone(), state, is_live, covered, required, repairable, irreparable }
    }

    /// Where what is covered ends.
    pub(crate) fn covered_end(&self) -> Option<Ts> {
        self.covered.map(Range::end)
    }

    /// Nanoseconds since the end of what is covered.
    pub(crate) fn lag_nanos(&self, now: Ts) -> Option<i64> {
        Some(now.nanos().saturating_sub(self.covered_end()?.nanos()).max(0))
    }

    /// Gaps that could have been filled since `before`.
    pub(crate) fn overdue(&self, before: Ts) -> impl Iterator<Item = Range> + '_ {
        self.repairable.iter().copied().filter(move |gap| gap.end() < before)
    }
}

/// What was asked for and is not covered, up to now.
struct Gaps {
    repairable: Vec<Range>,
    irreparable: u64,
    lost: RangeSet,
}

impl Gaps {
    fn of(dataset: &Dataset, ledger: &Ledger, due: Due, now: Ts) -> Gaps {
        let history = if due == Due::Closed { None } else { history(dataset, now) };
        let mut gaps = Gaps { repairable: Vec::new(), irreparable: 0, lost: RangeSet::new() };
        let past = Range::new(Ts::MIN, now);
        for gap in ledger.gaps() {
            let Some(range) = past.and_then(|past| gap.range.intersect(past)) else { continue };
            match history.and_then(|history| range.intersect(history)) {
                Some(range) if !gap.is_final => gaps.repairable.push(range),
                _ => gaps.irreparable += 1,
            }
            if gap.is_final {
                gaps.lost.insert(range);
            }
        }
        gaps
    }

    /// Whether everything from `start` to `end` is known to be lost.
    fn is_lost(&self, start: Ts, end: Ts) -> bool {
        Range::new(start, end).is_some_and(|range| self.lost.covers(range))
    }
}

/// What the exchange can still give.
pub(crate) fn history(dataset: &Dataset, now: Ts) -> Option<Range> {
    let row = capability(dataset).ok()?;
    if dataset.kind() == Kind::Book || row.reach == Reach::Now {
        return None;
    }
    let opened = row.since.start();
    let start = if row.archive.is_some() { opened } else { opened.max(row.rest_start(dataset, now)) };
    Range::new(start, horizon(row, dataset, now))
}
