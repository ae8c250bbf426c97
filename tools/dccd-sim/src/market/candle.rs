//! Candles as an exchange lists them; what it makes of times without trades is its own affair.

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

/// What an exchange shows of times without trades.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fill {
    /// No candles.
    Never,
    /// Flat candles, but none where an outage took the whole of one.
    WhileOpen,
    /// Flat candles, outages or not.
    Always,
}

/// Which candles are wanted if there are too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pick {
    Oldest,
    Newest,
}

/// Which candles are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CandleQuery {
    /// Opened at this instant or later; none: since the pair is listed.
    pub(crate) from: Option<i64>,
    /// Opened at this instant or earlier.
    pub(crate) through: i64,
    /// Now: later candles have not begun.
    pub(crate) now: i64,
    /// Later trades are not shown yet.
    pub(crate) seen: i64,
    /// At most so many.
    pub(crate) limit: usize,
    /// Which of them if there are more.
    pub(crate) pick: Pick,
    /// What comes of times without trades.
    pub(crate) fill: Fill,
}

/// The candles, the oldest first; the last one may still be open.
pub(crate) fn candles(series: &Series, grid: Grid, query: CandleQuery) -> Vec<Candle> {
    let listing = series.listing();
    let listed = grid.floor(listing.since);
    let last = query.through.min(query.now).min(listing.until - 1).min(Series::horizon() - 1);
    let (first, last) = (query.from.map_or(listed, |from| grid.ceil(from.max(listed))), grid.floor(last));
    match query.pick {
        Pick::Oldest => {
            let starts = std::iter::successors(Some(first), |start| Some(grid.next(*start)));
            let starts = starts.take_while(|start| *start <= last);
            starts.filter_map(|start| candle(series, grid, start, query)).take(query.limit).collect()
        }
        Pick::Newest => {
            let starts = std::iter::successors(Some(last), |start| Some(grid.floor(*start - 1)));
            let starts = starts.take_while(|start| *start >= first);
            let newest = starts.filter_map(|start| candle(series, grid, start, query));
            let mut candles: Vec<Candle> = newest.take(query.limit).collect();
            candles.reverse();
            candles
        }
    }
}

fn candle(series: &Series, grid: Grid, start: i64, query: CandleQuery) -> Option<Candle> {
    let end = grid.next(start);
    if query.fill == Fill::WhileOpen && !series.is_open_within(start, end.min(query.now.saturating_add(1))) {
        return None;
    }
    let bar = series.bar(start, end.min(query.seen.saturating_add(1)));
    if bar.count == 0 && query.fill == Fill::Never {
        return None;
    }
    let bar = if bar.count > 0 { bar } else { Bar::flat(series.last_price_before(start.min(query.seen))?) };
    Some(Candle { start, end, bar })
}
