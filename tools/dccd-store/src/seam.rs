//! Midnight, where one trade may be stamped into two files.
//!
//! An exchange's two ways of telling a trade differ by less than a microsecond, so around midnight they may even
//! differ in the day. The instant decides the file, and then one of the two gives way: to a row in a published file
//! where rows are published, and to a row of the day before where they are read. So each answer alone holds the trade
//! once, whichever of the two came first.

use dccd_record::{Dataset, Kind, Range, RangeSet};

use crate::layout::{Layout, Period};
use crate::ledger::Ledger;
use crate::table::{EDGE_NANOS, FileScan, MergedScan, Numbers, Origin, Rows, Source, TableError};

/// The edge between a day and one beside it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seam {
    /// The other day.
    pub(crate) neighbour: Period,
    /// Where in the other day a trade may be that is also in this one.
    pub(crate) there: Range,
    /// Where in this day it then is.
    pub(crate) here: Range,
}

impl Seam {
    /// The edge to the day before.
    pub(crate) fn before(kind: Kind, period: Period) -> Option<Seam> {
        let (Kind::Trade, Period::Day(day)) = (kind, period) else { return None };
        let midnight = period.range().start();
        let there = Range::new(midnight.saturating_add(-EDGE_NANOS), midnight)?;
        let here = Range::new(midnight, midnight.saturating_add(EDGE_NANOS))?;
        Some(Seam { neighbour: Period::Day(day - 1), there, here })
    }

    /// The edge to the day after.
    pub(crate) fn after(kind: Kind, period: Period) -> Option<Seam> {
        let (Kind::Trade, Period::Day(day)) = (kind, period) else { return None };
        let Seam { there, here, .. } = Seam::before(kind, Period::Day(day + 1))?;
        Some(Seam { neighbour: Period::Day(day + 1), there: here, here: there })
    }
}

/// The rows in the published files beside a day's to which repeats in that day give way. What an earlier dccd stored
/// is not among them, since that gives way itself.
pub(crate) fn published_neighbours(
    layout: &Layout,
    dataset: &Dataset,
    ledger: &Ledger,
    numbers: Numbers,
    period: Period,
) -> Result<Vec<Source>, TableError> {
    let kind = dataset.kind();
    let mut neighbours = Vec::new();
    for seam in [Seam::before(kind, period), Seam::after(kind, period)].into_iter().flatten() {
        let path = layout.file(dataset, seam.neighbour);
        let info = match FileScan::open(&path, kind) {
            Ok(scan) => scan.info().clone(),
            // Who publishes that file will see to it.
            Err(TableError::Unreadable { .. }) => continue,
            Err(TableError::Io { cause, .. }) if cause.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        let has_rows = info.first < Some(seam.there.end()) && info.last >= Some(seam.there.start());
        if info.origin != Origin::Ours || !has_rows {
            continue;
        }
        for range in ledger.adopted().missing(seam.there).iter() {
            let file = Source::published(&path, RangeSet::new());
            neighbours.extend(rows_in(kind, numbers, vec![file], range)?.into_iter().map(Source::neighbour));
        }
    }
    Ok(neighbours)
}

/// What sources hold of a short range. One that cannot be read holds nothing: who asks for it will be told.
pub(crate) fn rows_in(
    kind: Kind,
    numbers: Numbers,
    sources: Vec<Source>,
    range: Range,
) -> Result<Vec<Rows>, TableError> {
    match MergedScan::new(kind, numbers, sources, range).and_then(Iterator::collect) {
        Err(TableError::Unreadable { .. }) => Ok(Vec::new()),
        read => read,
    }
}
