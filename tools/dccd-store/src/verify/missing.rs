//! Files that should be there.
//!
//! A ledger says what is complete, not how much that is: in a quiet market a covered day has no file, and that is
//! right. So a file is missed only where rows are sure to have been, or where the files around it say that there must
//! have been many.

use std::collections::BTreeSet;

use dccd_record::{Dataset, Kind, RangeSet};

use super::{Check, Finding, Level};
use crate::error::StoreError;
use crate::layout::Period;
use crate::ledger::Ledger;
use crate::purged::is_purged;
use crate::store::Store;
use crate::table::{FileScan, TableError};

/// A file is missed if its neighbours let expect so many trades or books...
const TICKS_EXPECTED_MIN: u64 = 100;
/// ...or so many rows of another kind.
const ROWS_EXPECTED_MIN: u64 = 20;

/// Rows, in so many nanoseconds.
#[derive(Clone, Copy)]
struct Rate {
    rows: u64,
    nanos: u64,
}

impl Rate {
    fn expects(self, nanos: u64) -> u64 {
        let expected = u128::from(self.rows) * u128::from(nanos) / u128::from(self.nanos.max(1));
        u64::try_from(expected).unwrap_or(u64::MAX)
    }
}

/// The files of one dataset, and those that wait.
struct Around<'a> {
    store: &'a Store,
    dataset: &'a Dataset,
    covered: RangeSet,
    /// Where rows are sure to have been.
    certain: RangeSet,
    waiting: &'a BTreeSet<Period>,
}

impl Store {
    /// Looks for periods that must have had a file.
    pub(super) fn look_for_missing(
        &self,
        dataset: &Dataset,
        ledger: &Ledger,
        published: &BTreeSet<Period>,
        waiting: &BTreeSet<Period>,
        findings: &mut Vec<Finding>,
    ) -> Result<(), StoreError> {
        let certain = match dataset.kind() {
            Kind::Trade | Kind::Book => ledger.adopted().clone(),
            _ => ledger.covered_by_file(),
        };
        let around = Around { store: self, dataset, covered: ledger.covered(), certain, waiting };
        let is_there = |period: &Period| published.contains(period) || waiting.contains(period);
        let mut suspects: BTreeSet<Period> = BTreeSet::new();
        for range in around.covered.iter().chain(around.certain.iter()) {
            suspects.extend(periods_of(dataset.kind(), range));
        }
        suspects.retain(|period| !is_there(period) && !is_purged(self.layout(), dataset, *period));
        let mut after_last = None;
        for period in suspects {
            let before = published.range(..period).next_back();
            let after = published.range(period..).next();
            let found = match (before, after) {
                _ if around.is_certain(period) => {
                    Some((Level::Error, "rows were here, and the file is gone".to_owned()))
                }
                (Some(before), Some(after)) => around.between(period, *before, *after)?,
                (Some(before), None) if after_last.is_none() => {
                    let found = around.after(period, *before)?;
                    after_last = found.as_ref().map(|_| period);
                    found
                }
                _ => None,
            };
            if let Some((level, what)) = found {
                let path = self.relative(&self.layout().file(dataset, period));
                findings.push(Finding::new(level, Check::Missing, path, what).of(dataset));
            }
        }
        Ok(())
    }
}

impl Around<'_> {
    fn is_certain(&self, period: Period) -> bool {
        !self.certain.within(period.range()).is_empty()
    }

    /// Between two files that both let expect many rows.
    fn between(&self, period: Period, before: Period, after: Period) -> Result<Option<(Level, String)>, StoreError> {
        let nanos = self.covered_nanos(period);
        let (Some(before), Some(after)) = (self.rate(before)?, self.rate(after)?) else { return Ok(None) };
        let expected = before.expects(nanos).min(after.expects(nanos));
        Ok((expected >= self.expected_min()).then(|| {
            (Level::Error, format!("covered, and there is no file; those around it let expect about {expected} rows"))
        }))
    }

    /// Behind the last file; that a market was closed looks the same.
    fn after(&self, period: Period, before: Period) -> Result<Option<(Level, String)>, StoreError> {
        let expected = self.rate(before)?.map_or(0, |rate| rate.expects(self.covered_nanos(period)));
        Ok((expected >= self.expected_min() && self.waiting.range(period..).next().is_none()).then(|| {
            let what = "covered, and no file is here or later; nothing is wrong if nothing is traded there any more";
            (Level::Note, what.to_owned())
        }))
    }

    fn expected_min(&self) -> u64 {
        if matches!(self.dataset.kind(), Kind::Trade | Kind::Book) { TICKS_EXPECTED_MIN } else { ROWS_EXPECTED_MIN }
    }

    fn covered_nanos(&self, period: Period) -> u64 {
        let covered = self.covered.within(period.range());
        covered.iter().map(|range| range.end().nanos().abs_diff(range.start().nanos())).sum()
    }

    /// How dense the rows of a file are; `None` if it cannot be read, which is told elsewhere.
    fn rate(&self, period: Period) -> Result<Option<Rate>, StoreError> {
        match FileScan::open(&self.store.layout().file(self.dataset, period), self.dataset.kind()) {
            Ok(scan) => {
                let range = period.range();
                let nanos = range.end().nanos().abs_diff(range.start().nanos());
                Ok(Some(Rate { rows: scan.info().rows, nanos }))
            }
            Err(TableError::Unreadable { .. } | TableError::Io { .. } | TableError::Row { .. }) => Ok(None),
        }
    }
}

/// The periods that a range touches.
fn periods_of(kind: Kind, range: dccd_record::Range) -> Vec<Period> {
    let last = range.end().saturating_add(-1);
    match (Period::of(kind, range.start()), Period::of(kind, last)) {
        (Period::Year(first), Period::Year(last)) => (first..=last).map(Period::Year).collect(),
        (Period::Day(first), Period::Day(last)) => (first..=last).map(Period::Day).collect(),
        _ => Vec::new(),
    }
}
