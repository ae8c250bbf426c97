//! Candles as an exchange lists them: none in outages, flat ones where nobody traded.

use crate::market::bar::{Bar, Grid};
use crate::market::series::Series;

/// One candle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Candle {
    /// When it opened.
    pub(crate) start: i64,
    /// When the next one opens.
    pub(crate) end: i64,
    /// What was traded, up to now.
    pub(crate) bar: Bar,
}

/// Which candles are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CandleQuery {
    /// Opened at this instant or later; none: the newest are wanted.
    pub(crate) from: Option<i64>,
    /// Opened at this instant or earlier.
    pub(crate) through: i64,
    /// Now: later candles have not begun.
    pub(crate) now: i64,
    /// Later trades are not shown yet.
    pub(crate) seen: i64,
    /// At most so many.
    pub(crate) limit: usize,
}

/// The candles, the oldest first; the last one may still be open.
pub(crate) fn candles(series: &Series, grid: Grid, query: CandleQuery) -> Vec<Candle> {
    let listed = grid.floor(series.listing().since);
    let last = grid.floor(query.through.min(query.now).min(Series::horizon() - 1));
    match query.from {
        Some(from) => {
            let first = grid.ceil(from.max(listed));
            let starts = std::iter::successors(Some(first), |start| Some(grid.next(*start)));
            let starts = starts.take_while(|start| *start <= last);
            starts.filter_map(|start| candle(series, grid, start, query)).take(query.limit).collect()
        }
        None => {
            let starts = std::iter::successors(Some(last), |start| Some(grid.floor(*start - 1)));
            let starts = starts.take_while(|start| *start >= listed);
            let newest = starts.filter_map(|start| candle(series, grid, start, query));
            let mut candles: Vec<Candle> = newest.take(query.limit).collect();
            candles.reverse();
            candles
        }
    }
}

fn candle(series: &Series, grid: Grid, start: i64, query: CandleQuery) -> Option<Candle> {
    let end = grid.next(start);
    if !series.is_open_within(start, end.min(query.now.saturating_add(1))) {
        return None;
    }
    let bar = series.bar(start, end.min(query.seen.saturating_add(1)));
    let bar = if bar.count > 0 { bar } else { Bar::flat(series.last_price_before(start.min(query.seen))?) };
    Some(Candle { start, end, bar })
}
