//! `OHLC`: the newest 720 committed candles and the open one, whatever `since` says.

use super::{ApiError, BAD_ARGUMENTS, amount_text, price_text, vwap_text};
use crate::clock::{MINUTE, SECOND};
use crate::exchange::Moment;
use crate::http::Query;
use crate::market::Series;
use crate::market::bar::Grid;
use crate::market::candle::{Candle, CandleQuery, Fill, Pick, candles};

/// Committed candles.
pub(super) const ROWS_MAX: i64 = 720;

/// One page.
pub(super) fn page(series: &Series, key: &str, query: &Query, moment: Moment) -> Result<String, ApiError> {
    let minutes: i64 = query.value("interval").unwrap_or("1").parse().map_err(|_| BAD_ARGUMENTS)?;
    let width = width(minutes).ok_or(BAD_ARGUMENTS)?;
    // Also a week is counted from 1970-01-01, a Thursday.
    let grid = Grid::Fixed { width, origin: 0 };
    let since: i64 = match query.value("since") {
        Some(text) => text.parse().map_err(|_| BAD_ARGUMENTS)?,
        None => i64::MIN,
    };
    let wanted = CandleQuery {
        from: Some(first_kept(grid, width, moment.now)),
        through: i64::MAX,
        now: moment.now,
        seen: moment.seen,
        limit: usize::try_from(ROWS_MAX + 1).unwrap_or(usize::MAX),
        pick: Pick::Newest,
        fill: Fill::Always,
    };
    let kept = candles(series, grid, wanted);
    let last = kept.iter().rev().find(|candle| candle.end <= moment.now).map_or(0, |candle| candle.start / SECOND);
    let later = kept.iter().filter(|candle| candle.start / SECOND > since);
    let rows: Vec<String> = later.map(|candle| row(series, candle)).collect();
    Ok(format!("{{\"{key}\":[{}],\"last\":{last}}}", rows.join(",")))
}

/// The oldest candle that is still kept.
pub(super) fn first_kept(grid: Grid, width: i64, now: i64) -> i64 {
    grid.floor(now) - ROWS_MAX * width
}

/// The width of an interval.
pub(super) fn width(minutes: i64) -> Option<i64> {
    let is_known = matches!(minutes, 1 | 5 | 15 | 30 | 60 | 240 | 1_440 | 10_080 | 21_600);
    is_known.then(|| minutes * MINUTE)
}

fn row(series: &Series, candle: &Candle) -> String {
    let (listing, bar) = (series.listing(), &candle.bar);
    let [open, high, low, close] = [bar.open, bar.high, bar.low, bar.close].map(|ticks| price_text(listing, ticks));
    let (start, vwap, volume) = (candle.start / SECOND, vwap_text(listing, bar), amount_text(listing, bar.volume));
    format!("[{start},\"{open}\",\"{high}\",\"{low}\",\"{close}\",\"{vwap}\",\"{volume}\",{}]", bar.trades)
}
