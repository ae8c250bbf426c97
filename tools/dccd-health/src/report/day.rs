//! Looking at one day of what is traded in one place.

use std::convert::Infallible;

use dccd_record::{Dataset, Kind, Range, RangeSet, Ts};
use dccd_store::table::{Record, Rows, TableError};
use dccd_store::{NamedGap, Period, Store, View};

use super::candles::Comparer;
use super::day_range;
use super::gaps::{History, nanos_of};
use super::lag::{Lag, Lags};
use super::sheet::Sheet;

/// Looks at days, and remembers what could not be read.
pub(super) struct Examiner<'a> {
    store: &'a Store,
    now: Ts,
    unreadable: Vec<String>,
}

/// What the rows of one day tell.
#[derive(Default)]
struct Read {
    rows: u64,
    lag: Option<Lag>,
    repeats: Option<u64>,
}

impl<'a> Examiner<'a> {
    /// `now` is this host's: what is still to come was not missed yet.
    pub(super) fn new(store: &'a Store, now: Ts) -> Examiner<'a> {
        Examiner { store, now, unreadable: Vec::new() }
    }

    /// A sentence for each file that could not be read.
    pub(super) fn unreadable(&self) -> &[String] {
        &self.unreadable
    }

    /// The sheets of a day, of all datasets of one pair that are wanted.
    pub(super) fn examine(&mut self, views: &[View], date: i64, is_wanted: &dyn Fn(&Dataset) -> bool) -> Vec<Sheet> {
        let mut sheets = Vec::new();
        let trades = views.iter().find(|view| view.dataset().kind() == Kind::Trade);
        let mut comparers = Vec::new();
        for view in views.iter().filter(|view| is_wanted(view.dataset()) && view.dataset().kind() != Kind::Trade) {
            let mut comparer = trades.and_then(|trades| {
                let (candles, trades) = (view.ledger().covered(), trades.ledger().covered());
                Comparer::new(view.dataset(), day_range(date), &candles, &trades)
            });
            comparer = comparer.filter(|_| view.dataset().kind() == Kind::Candle);
            let read = self.read(view, date, comparer.as_mut_slice());
            sheets.push(self.sheet(view, date, read.as_ref()));
            comparers.extend(comparer.filter(|_| read.is_some()));
        }
        let Some(trades) = trades else { return finished(sheets, Vec::new()) };
        let is_trades_wanted = is_wanted(trades.dataset());
        if is_trades_wanted || !comparers.is_empty() {
            let read = self.read(trades, date, &mut comparers);
            if read.is_none() {
                comparers.clear();
            }
            if is_trades_wanted {
                sheets.push(self.sheet(trades, date, read.as_ref()));
            }
        }
        finished(sheets, comparers)
    }

    fn sheet(&self, view: &View, date: i64, read: Option<&Read>) -> Sheet {
        let dataset = view.dataset();
        let past = Range::new(Ts::MIN, self.now).and_then(|past| day_range(date).intersect(past));
        let covered = past.map(|past| view.ledger().covered().within(past)).unwrap_or_default();
        let gaps: Vec<NamedGap> = past.map(|_| view.ledger().gaps()).unwrap_or_default();
        let gaps = past.map(|past| History::of(dataset, self.now).sum(&gaps, past)).unwrap_or_default();
        let covered_nanos = length(&covered);
        Sheet {
            date,
            dataset: dataset.clone(),
            rows: read.map(|read| read.rows).or_else(|| purged_rows(view, date)),
            asked_nanos: covered_nanos + gaps.iter().map(|sum| sum.nanos).sum::<u64>(),
            covered_nanos,
            gaps,
            repeats: read.and_then(|read| read.repeats),
            lag: read.and_then(|read| read.lag),
            comparison: None,
        }
    }

    /// Reads the rows of a day; `None` if they cannot be had.
    fn read(&mut self, view: &View, date: i64, comparers: &mut [Comparer]) -> Option<Read> {
        let period = period(view.dataset().kind(), date);
        if view.purged().iter().any(|(purged, _)| *purged == period) {
            return None;
        }
        let Some(about) = view.periods().iter().find(|about| about.period == period) else {
            return Some(Read::default());
        };
        let read = match &about.file {
            Some(Err(why)) => Err(why.clone()),
            _ => view
                .rows(about, day_range(date))
                .and_then(|scan| read_rows(scan, comparers))
                .map_err(|cause| cause.to_string()),
        };
        match read {
            Ok(mut read) => {
                // What waits was not looked through yet.
                read.repeats = self.store.repeats(view.dataset(), period).filter(|_| !about.is_waiting);
                Some(read)
            }
            Err(why) => {
                let message = format!("{} cannot be read: {why}", about.path.display());
                if !self.unreadable.contains(&message) {
                    self.unreadable.push(message);
                }
                None
            }
        }
    }
}

fn read_rows(
    scan: impl Iterator<Item = Result<Rows, TableError>>,
    comparers: &mut [Comparer],
) -> Result<Read, TableError> {
    let mut read = Read::default();
    let mut lags = Lags::default();
    for rows in scan {
        let rows = rows?;
        read.rows += u64::try_from(rows.len()).unwrap_or(0);
        let mut last = None;
        let Ok(_) = rows.for_each(|record| {
            lags.record(&record);
            last = Some(record.ts());
            comparers.iter_mut().for_each(|comparer| match &record {
                Record::Candle(candle) => comparer.candle(candle),
                Record::Trade(trade) => comparer.trade(trade),
                _ => {}
            });
            Ok::<(), Infallible>(())
        });
        // So that no more than a few candles wait at a time. The stored ones are all there before the first trade.
        if let Some(last) = last.filter(|_| rows.kind() == Kind::Trade) {
            comparers.iter_mut().for_each(|comparer| comparer.advance(last));
        }
    }
    read.lag = lags.summary();
    Ok(read)
}

/// Gives each sheet of candles its comparison, and leaves out those that say nothing.
fn finished(mut sheets: Vec<Sheet>, comparers: Vec<Comparer>) -> Vec<Sheet> {
    for comparer in comparers {
        let Some(sheet) = sheets.iter_mut().find(|sheet| sheet.dataset == comparer.dataset) else { continue };
        sheet.comparison = comparer.finish();
    }
    sheets.retain(|sheet| !sheet.is_blank());
    sheets
}

/// The rows of a day whose file is only on remotes.
fn purged_rows(view: &View, date: i64) -> Option<u64> {
    let whole_day = Period::Day(date);
    view.purged().iter().find(|(period, _)| *period == whole_day).map(|(_, purged)| purged.rows)
}

fn period(kind: Kind, date: i64) -> Period {
    Period::of(kind, day_range(date).start())
}

fn length(ranges: &RangeSet) -> u64 {
    ranges.iter().map(nanos_of).sum()
}
