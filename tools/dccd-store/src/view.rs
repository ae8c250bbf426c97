//! A dataset as readers see it: journals and Parquet as one.

use std::collections::BTreeMap;
use std::path::PathBuf;

use dccd_record::{Dataset, Kind, Line, Range, RangeSet, Ts};

use crate::error::StoreError;
use crate::layout::{Layout, Period};
use crate::ledger::Ledger;
use crate::publish::adopted_ranges;
use crate::purged::{self, Purged};
use crate::seam::{Seam, rows_in};
use crate::store::Store;
use crate::table::{FileInfo, FileScan, MergedScan, Numbers, Origin, Rows, Source, TableError};

/// What waits in journals for one dataset.
#[derive(Default)]
pub(crate) struct Journaled {
    ledger: Ledger,
    /// Each journal's apart, since equal rows of two may be repeats.
    rows: BTreeMap<Period, Vec<(usize, Rows)>>,
    periods: BTreeMap<Period, (Ts, Ts)>,
}

impl Journaled {
    /// Where the rows that wait for a period's file lie.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = (Period, Ts, Ts)> {
        self.periods.iter().map(|(period, (first, last))| (*period, *first, *last))
    }

    /// What is known of completeness.
    pub(crate) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Only what is known of completeness.
    pub(crate) fn into_ledger(self) -> Ledger {
        self.ledger
    }

    /// Learns from a journaled line.
    pub(crate) fn take(
        &mut self,
        dataset: &Dataset,
        line: &Line<'_>,
        journal: usize,
        keeps_rows: bool,
        numbers: Numbers,
    ) -> Result<(), StoreError> {
        let ts = match (line, line.record()) {
            (Line::Control(control), _) => {
                self.ledger.take(control);
                return Ok(());
            }
            (_, Some((_, ts))) => ts,
            _ => return Ok(()),
        };
        let period = Period::of(dataset.kind(), ts);
        let (first, last) = self.periods.entry(period).or_insert((ts, ts));
        (*first, *last) = ((*first).min(ts), (*last).max(ts));
        if keeps_rows {
            let by_journal = self.rows.entry(period).or_default();
            if by_journal.last().is_none_or(|(last, _)| *last != journal) {
                by_journal.push((journal, Rows::new(dataset.kind(), numbers)));
            }
            if let Some((_, rows)) = by_journal.last_mut() {
                // A row that does not fit was refused before it was journaled.
                let _ = rows.push(line);
            }
        }
        Ok(())
    }
}

/// One file of a dataset, or one that is still to come.
#[derive(Clone, Debug)]
pub struct PeriodView {
    /// Its period.
    pub period: Period,
    /// Where it is, or will be.
    pub path: PathBuf,
    /// The published file's facts, or why it cannot be read; `None` if all its rows wait in a journal.
    pub file: Option<Result<FileInfo, String>>,
    /// Whether rows wait for it in a journal.
    pub is_waiting: bool,
}

/// One dataset.
pub struct View {
    dataset: Dataset,
    numbers: Numbers,
    ledger: Ledger,
    periods: Vec<PeriodView>,
    journaled: Journaled,
    adopted: RangeSet,
    purged: Vec<(Period, Purged)>,
}

impl View {
    /// Journals were read before the files are looked at: rows on their way are seen twice rather than never.
    pub(crate) fn new(store: &Store, dataset: Dataset, journaled: Journaled) -> Result<View, StoreError> {
        let layout = store.layout();
        let mut ledger = store.ledger(&dataset)?;
        let mut adopted = match dataset.kind() {
            Kind::Trade | Kind::Book => ledger.adopted().clone(),
            _ => ledger.covered_by_file(),
        };
        // A file that goes away meanwhile has a marker afterwards, one that comes back had it before.
        let mut purged = purged::markers(layout, &dataset)?;
        let mut all: Vec<Period> = layout.periods(&dataset)?;
        all.extend(journaled.periods.keys());
        all.sort_unstable();
        all.dedup();
        let mut periods = Vec::with_capacity(all.len());
        for period in all {
            let view = period_view(layout, &dataset, period, &journaled)?;
            match &view.file {
                Some(Ok(info)) if info.origin != Origin::Ours => {
                    adopt(layout, &dataset, &view, info, &mut ledger)?;
                    adopted.insert(period.range());
                }
                Some(Err(_)) => ledger.uncover(period.range()),
                _ => {}
            }
            periods.push(view);
        }
        ledger.merge(&dataset, &journaled.ledger);
        purged.extend(purged::markers(layout, &dataset)?);
        for view in periods.iter().filter(|view| view.file.is_some()) {
            purged.remove(&view.period);
        }
        let purged = purged.into_iter().collect();
        Ok(View { dataset, numbers: store.numbers(), ledger, periods, journaled, adopted, purged })
    }

    /// Which series it is.
    pub fn dataset(&self) -> &Dataset {
        &self.dataset
    }

    /// What is known of its completeness, journals included.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Its files, oldest first.
    pub fn periods(&self) -> &[PeriodView] {
        &self.periods
    }

    /// The files that are only on remotes, oldest first.
    pub fn purged(&self) -> &[(Period, Purged)] {
        &self.purged
    }

    /// The instants of its first and last row.
    pub fn bounds(&self) -> Option<(Ts, Ts)> {
        let bounds = self.periods.iter().filter_map(|view| self.bounds_of(view));
        bounds.reduce(|(first, last), (from, to)| (first.min(from), last.max(to)))
    }

    /// The rows of one period that are in `range`, sorted and without repeats.
    pub fn rows(&self, view: &PeriodView, range: Range) -> Result<MergedScan, TableError> {
        MergedScan::new(self.dataset.kind(), self.numbers, self.sources(view)?, range)
    }

    /// At least the last `count` records of one period that are in `range`, if it has as many.
    pub fn last_rows(&self, view: &PeriodView, range: Range, count: usize) -> Result<MergedScan, TableError> {
        MergedScan::last(self.dataset.kind(), self.numbers, self.sources(view)?, range, count)
    }

    /// What holds the rows of one period, and those of the day before to which some of them give way.
    fn sources(&self, view: &PeriodView) -> Result<Vec<Source>, TableError> {
        let mut sources = self.own_sources(view);
        if let Some(seam) = Seam::before(self.dataset.kind(), view.period)
            && let Some(day_before) = self.periods.iter().find(|other| other.period == seam.neighbour)
            && self.bounds_of(view).is_some_and(|(first, _)| first < seam.here.end())
            && self.bounds_of(day_before).is_some_and(|(_, last)| last >= seam.there.start())
        {
            let rows = rows_in(self.dataset.kind(), self.numbers, self.own_sources(day_before), seam.there)?;
            sources.extend(rows.into_iter().map(Source::neighbour));
        }
        Ok(sources)
    }

    fn own_sources(&self, view: &PeriodView) -> Vec<Source> {
        let file = matches!(view.file, Some(Ok(_))).then(|| Source::published(&view.path, self.adopted.clone()));
        let waiting = self.journaled.rows.get(&view.period).into_iter().flatten();
        let waiting = waiting.map(|(_, rows)| Source::rows(rows.clone()));
        file.into_iter().chain(waiting).collect()
    }

    /// The instants of the first and last row of one period.
    fn bounds_of(&self, view: &PeriodView) -> Option<(Ts, Ts)> {
        let file = match &view.file {
            Some(Ok(info)) => info.first.zip(info.last),
            _ => None,
        };
        let waiting = self.journaled.periods.get(&view.period).copied();
        file.into_iter().chain(waiting).reduce(|(first, last), (from, to)| (first.min(from), last.max(to)))
    }
}

fn period_view(
    layout: &Layout,
    dataset: &Dataset,
    period: Period,
    journaled: &Journaled,
) -> Result<PeriodView, StoreError> {
    let path = layout.file(dataset, period);
    let file = match FileScan::open(&path, dataset.kind()) {
        Ok(scan) => Some(Ok(scan.info().clone())),
        Err(TableError::Unreadable { why, .. }) => Some(Err(why)),
        Err(TableError::Io { cause, .. }) if cause.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(error.into()),
    };
    Ok(PeriodView { period, path, file, is_waiting: journaled.periods.contains_key(&period) })
}

/// A file of an earlier dccd that no writer has upgraded yet counts like one that was.
fn adopt(
    layout: &Layout,
    dataset: &Dataset,
    view: &PeriodView,
    info: &FileInfo,
    ledger: &mut Ledger,
) -> Result<(), StoreError> {
    let ranges = adopted_ranges(layout, dataset, &view.path, info)?;
    ranges.iter().for_each(|range| ledger.adopt(dataset.kind(), range));
    Ok(())
}
