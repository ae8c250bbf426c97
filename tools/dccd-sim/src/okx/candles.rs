//! `candles` and `history-candles`: the newest first.

use crate::clock::{DAY, HOUR, MILLI, MINUTE, SECOND};
use crate::exchange::Moment;
use crate::market::Series;
use crate::market::bar::Grid;
use crate::market::candle::{Candle, CandleQuery, Fill, Pick, candles};
use crate::okx::error::ApiError;
use crate::okx::instrument::Digits;
use crate::okx::params::Params;

/// Buckets without trades are flat candles; those of an outage are missing.
pub(crate) const FILL: Fill = Fill::WhileOpen;
const ROWS: usize = 100;
const ROWS_MAX: usize = 300;
/// `candles` reaches back over so many.
const RECENT_MAX: i64 = 1_440;
/// Candles of one second are kept this long.
const SECONDS_KEPT: i64 = 20 * DAY;
/// The days of bars without `utc` begin at midnight of UTC+8.
const MIDNIGHT: i64 = -8 * HOUR;
/// Weeks begin on Monday, day 4 of 1970.
const MONDAY: i64 = 4 * DAY;

/// Which of the two doors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// `candles`: only the newest.
    Recent,
    /// `history-candles`: all.
    History,
}

/// The buckets of a bar; months exist in UTC only here.
pub(crate) fn grid(bar: &str, reach: Reach) -> Option<Grid> {
    let (width, origin) = match bar {
        "1s" if reach == Reach::History => (SECOND, 0),
        "1m" => (MINUTE, 0),
        "3m" => (3 * MINUTE, 0),
        "5m" => (5 * MINUTE, 0),
        "15m" => (15 * MINUTE, 0),
        "30m" => (30 * MINUTE, 0),
        "1H" => (HOUR, 0),
        "2H" => (2 * HOUR, 0),
        "4H" => (4 * HOUR, 0),
        "1Mutc" => return Some(Grid::Month),
        long => long_bar(long)?,
    };
    Some(Grid::Fixed { width, origin })
}

/// Width and origin of six hours and more, which exist in two time zones.
pub(crate) fn long_bar(bar: &str) -> Option<(i64, i64)> {
    let (bar, midnight) = bar.strip_suffix("utc").map_or((bar, MIDNIGHT), |bar| (bar, 0));
    let (width, origin) = match bar {
        "6H" => (6 * HOUR, 0),
        "12H" => (12 * HOUR, 0),
        "1D" => (DAY, 0),
        "2D" => (2 * DAY, 0),
        "3D" => (3 * DAY, 0),
        "1W" => (7 * DAY, MONDAY),
        _ => return None,
    };
    Some((width, origin + midnight))
}

/// The rows of one page: the newest of those before `after` and behind `before`.
pub(crate) fn rows(series: &Series, params: &Params, reach: Reach, moment: Moment) -> Result<String, ApiError> {
    let grid = grid(params.text("bar").unwrap_or("1m"), reach).ok_or_else(|| ApiError::illegal("bar"))?;
    let (after, before) = (params.time("after")?, params.time("before")?);
    let oldest = oldest(grid, reach, moment.now);
    let query = CandleQuery {
        from: Some(before.map_or(oldest, |before| (before + 1).max(oldest))),
        through: after.map_or(i64::MAX, |after| after - 1),
        now: moment.now,
        seen: moment.seen,
        limit: params.limit("limit", ROWS, ROWS_MAX)?,
        pick: Pick::Newest,
        fill: FILL,
    };
    let digits = Digits::of(series.listing());
    let rows = candles(series, grid, query);
    Ok(rows.iter().rev().map(|candle| row(candle, digits, moment.now)).collect::<Vec<_>>().join(","))
}

fn oldest(grid: Grid, reach: Reach, now: i64) -> i64 {
    match (grid, reach) {
        (Grid::Fixed { width, .. }, Reach::Recent) => grid.floor(now) - (RECENT_MAX - 1) * width,
        (Grid::Fixed { width: SECOND, .. }, Reach::History) => now - SECONDS_KEPT,
        _ => 0,
    }
}

/// One row, which says whether it is over.
pub(crate) fn row(candle: &Candle, digits: Digits, now: i64) -> String {
    let bar = &candle.bar;
    let [open, high, low, close] = [bar.open, bar.high, bar.low, bar.close].map(|ticks| digits.price(ticks));
    let [own, base, quote] = digits.volumes(bar.volume, bar.quote_volume);
    // Spot counts base first, then quote twice.
    let middle = if digits.is_spot() { &quote } else { &base };
    let confirm = u8::from(candle.end <= now);
    let start = candle.start / MILLI;
    format!(
        "[\"{start}\",\"{open}\",\"{high}\",\"{low}\",\"{close}\",\"{own}\",\"{middle}\",\"{quote}\",\"{confirm}\"]"
    )
}
