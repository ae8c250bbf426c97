//! Files that should be there.
//!
//! A ledger says what is complete, not how much that is: in a quiet market a covered day has no file, and that is
//! right. So a file is missed only where rows are sure to have been, or where the files around it say that there must
//! have been many.

use std::collections::BTreeSet;

use dccd_record::{Dataset, Kind, Range, RangeSet};

use super::{Check, Finding, Level};
use crate::layout::Period;
use crate::ledger::Ledger;
use crate::purged::is_purged;
use crate::store::Store;
use crate::table::FileScan;

/// A file is missed if its neighbours let expect so many trades or books...
const TICKS_EXPECTED_MIN: u64 = 100;
/// ...or so many rows of another kind.
const ROWS_EXPECTED_MIN: u64 = 20;

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
    ) {
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
        let is_elsewhere = |period: &Period| is_purged(self.layout(), dataset, *period);
        let is_bare = published.is_empty() && waiting.is_empty() && !suspects.iter().any(is_elsewhere);
        suspects.retain(|period| !is_there(period) && !is_elsewhere(period));
        if is_bare && !suspects.is_empty() && !suspects.iter().any(|period| around.is_certain(*period)) {
            let path = self.relative(&self.layout().dataset_dir(dataset));
            let what = "covered, and there is no file at all; nothing is wrong if nothing was ever traded there";
            findings.push(Finding::new(Level::Note, Check::Missing, path, what).of(dataset));
        }
        let mut is_end_told = false;
        for period in suspects {
            let before = published.range(..period).next_back();
            let after = published.range(period..).next();
            let found = match (before, after) {
                _ if around.is_certain(period) => {
                    Some((Level::Error, "rows were here, and the file is gone".to_owned()))
                }
                (Some(before), Some(after)) => around.between(period, *before, *after),
                // Once is enough.
                (Some(before), None) if !is_end_told => {
                    let found = around.after(period, *before);
                    is_end_told = found.is_some();
                    found
                }
                _ => None,
            };
            if let Some((level, what)) = found {
                let path = self.relative(&self.layout().file(dataset, period));
                findings.push(Finding::new(level, Check::Missing, path, what).of(dataset));
            }
        }
    }
}

impl Around<'_> {
    fn is_certain(&self, period: Period) -> bool {
        !self.certain.within(period.range()).is_empty()
    }

    /// Between two files that both let expect many rows.
    fn between(&self, period: Period, before: Period, after: Period) -> Option<(Level, String)> {
        let expected = self.expected(period, before)?.min(self.expected(period, after)?);
        let what = format!("covered, and there is no file; those around it let expect about {expected} rows");
        (expected >= self.expected_min()).then_some((Level::Error, what))
    }

    /// Behind the last file; that a market was closed looks the same.
    fn after(&self, period: Period, before: Period) -> Option<(Level, String)> {
        let is_missed = self.expected(period, before)? >= self.expected_min();
        let is_last = self.waiting.range(period..).next().is_none();
        let what = "covered, and no file is here or later; nothing is wrong if nothing is traded there any more";
        (is_missed && is_last).then(|| (Level::Note, what.to_owned()))
    }

    fn expected_min(&self) -> u64 {
        if matches!(self.dataset.kind(), Kind::Trade | Kind::Book) { TICKS_EXPECTED_MIN } else { ROWS_EXPECTED_MIN }
    }

    /// How many rows the covered part of a period should have, if they are as dense as in another file; `None` if that
    /// cannot be read, which is told elsewhere.
    fn expected(&self, period: Period, like: Period) -> Option<u64> {
        let path = self.store.layout().file(self.dataset, like);
        let rows = FileScan::open(&path, self.dataset.kind()).ok()?.info().rows;
        let covered: u64 = self.covered.within(period.range()).iter().map(nanos_of).sum();
        let expected = u128::from(rows) * u128::from(covered) / u128::from(nanos_of(like.range()).max(1));
        Some(u64::try_from(expected).unwrap_or(u64::MAX))
    }
}

fn nanos_of(range: Range) -> u64 {
    range.end().nanos().abs_diff(range.start().nanos())
}

/// The periods that a range touches.
fn periods_of(kind: Kind, range: Range) -> Vec<Period> {
    let last = range.end().saturating_add(-1);
    match (Period::of(kind, range.start()), Period::of(kind, last)) {
        (Period::Year(first), Period::Year(last)) => (first..=last).map(Period::Year).collect(),
        (Period::Day(first), Period::Day(last)) => (first..=last).map(Period::Day).collect(),
        _ => Vec::new(),
    }
}
