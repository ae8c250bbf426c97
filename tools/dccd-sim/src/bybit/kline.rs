//! `kline`: candles, the newest first.

use crate::bybit::error::ApiError;
use crate::bybit::instrument::Digits;
use crate::bybit::params::{Params, illegal};
use crate::clock::{DAY, HOUR, MILLI, MINUTE};
use crate::exchange::Moment;
use crate::market::Series;
use crate::market::bar::Grid;
use crate::market::candle::{Candle, CandleQuery, Fill, Pick, candles};

/// Minutes without trades are flat candles; those of an outage are missing.
pub(crate) const FILL: Fill = Fill::WhileOpen;
const MONDAY: i64 = 4 * DAY;
const ROWS: usize = 200;
const ROWS_MAX: usize = 1_000;

/// The buckets of an interval, which is a number of minutes or a letter.
pub(crate) fn grid(interval: &str) -> Option<Grid> {
    let (width, origin) = match interval {
        "1" => (MINUTE, 0),
        "3" => (3 * MINUTE, 0),
        "5" => (5 * MINUTE, 0),
        "15" => (15 * MINUTE, 0),
        "30" => (30 * MINUTE, 0),
        "60" => (HOUR, 0),
        "120" => (2 * HOUR, 0),
        "240" => (4 * HOUR, 0),
        "360" => (6 * HOUR, 0),
        "720" => (12 * HOUR, 0),
        "D" => (DAY, 0),
        "W" => (7 * DAY, MONDAY),
        "M" => return Some(Grid::Month),
        _ => return None,
    };
    Some(Grid::Fixed { width, origin })
}

/// The rows of one page.
///
/// A `start` inside a bucket returns that bucket too. Where there are more rows than wanted, a `start` alone keeps the
/// oldest, anything else the newest.
pub(crate) fn rows(series: &Series, params: &Params, moment: Moment) -> Result<String, ApiError> {
    let grid = grid(params.mandatory("interval")?).ok_or_else(|| illegal("interval"))?;
    let (start, end) = (params.time("start")?, params.time("end")?);
    let query = CandleQuery {
        from: start.map(|start| grid.floor(start)),
        through: end.unwrap_or(i64::MAX),
        now: moment.now,
        seen: moment.seen,
        limit: params.limit(ROWS, ROWS_MAX)?,
        pick: if start.is_some() && end.is_none() { Pick::Oldest } else { Pick::Newest },
        fill: FILL,
    };
    let digits = Digits::of(series.listing());
    let rows: Vec<String> = candles(series, grid, query).iter().rev().map(|candle| row(candle, digits)).collect();
    Ok(rows.join(","))
}

fn row(candle: &Candle, digits: Digits) -> String {
    let bar = &candle.bar;
    let [open, high, low, close] = [bar.open, bar.high, bar.low, bar.close].map(|ticks| digits.price(ticks));
    let (volume, turnover) = (digits.amount(bar.volume), digits.value(bar.quote_volume));
    let start = candle.start / MILLI;
    format!("[\"{start}\",\"{open}\",\"{high}\",\"{low}\",\"{close}\",\"{volume}\",\"{turnover}\"]")
}
