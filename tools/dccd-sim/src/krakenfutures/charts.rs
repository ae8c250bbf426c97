//! The charts service: candles of trades, marks and the spot index, from a start on.

use super::{ApiError, KrakenFutures, amount_number, price_number};
use crate::clock::{DAY, HOUR, MILLI, MINUTE, SECOND};
use crate::exchange::Moment;
use crate::http::Query;
use crate::market::bar::Grid;
use crate::market::candle::{Candle, CandleQuery, Fill, Pick, candles};
use crate::market::{Market, Series};

/// What all its paths begin with.
pub(super) const PATH: &str = "/api/charts/v1/";
const ROWS_MAX: usize = 2_000;
const RESOLUTIONS: [(&str, i64); 9] = [
    ("1m", MINUTE),
    ("5m", 5 * MINUTE),
    ("15m", 15 * MINUTE),
    ("30m", 30 * MINUTE),
    ("1h", HOUR),
    ("4h", 4 * HOUR),
    ("12h", 12 * HOUR),
    ("1d", DAY),
    ("1w", 7 * DAY),
];
const MONDAY: i64 = 4 * DAY;
/// No instant lies further from 1970, in seconds.
const SECONDS_MAX: i64 = 253_402_300_800;

const NOT_FOUND: ApiError = ApiError(404, "notFound");
const BAD_ARGUMENT: ApiError = ApiError(400, "invalidArgument");

/// One page: the oldest rows from `from` on, else the newest.
pub(super) fn page(
    exchange: &KrakenFutures,
    market: &Market,
    path: &str,
    query: &Query,
    moment: Moment,
) -> Result<String, ApiError> {
    let parts: Vec<&str> = path.split('/').collect();
    let [tick_type, symbol, resolution] = parts.as_slice() else { return Err(NOT_FOUND) };
    let has_volume = match *tick_type {
        "trade" => true,
        "mark" | "spot" => false,
        _ => return Err(NOT_FOUND),
    };
    let series = exchange.known(market, symbol, moment.now).ok_or(NOT_FOUND)?;
    let (_, width) = RESOLUTIONS.iter().find(|(name, _)| name == resolution).ok_or(NOT_FOUND)?;
    let from = seconds(query, "from")?;
    let count = match query.value("count") {
        Some(text) => text.parse().ok().filter(|count| *count > 0).ok_or(BAD_ARGUMENT)?,
        None => ROWS_MAX,
    };
    let limit = count.min(ROWS_MAX);
    let wanted = CandleQuery {
        from,
        through: seconds(query, "to")?.unwrap_or(i64::MAX),
        now: moment.now,
        seen: moment.seen,
        // One more tells whether there are more.
        limit: limit + 1,
        pick: if from.is_some() { Pick::Oldest } else { Pick::Newest },
        fill: Fill::Always,
    };
    let mut found = candles(&series, Grid::Fixed { width: *width, origin: MONDAY }, wanted);
    let has_more = found.len() > limit;
    match wanted.pick {
        Pick::Oldest => found.truncate(limit),
        Pick::Newest => drop(found.drain(..found.len().saturating_sub(limit))),
    }
    let rows: Vec<String> = found.iter().map(|candle| row(&series, candle, has_volume)).collect();
    Ok(format!("{{\"candles\":[{}],\"more_candles\":{has_more}}}", rows.join(",")))
}

fn row(series: &Series, candle: &Candle, has_volume: bool) -> String {
    let (listing, bar) = (series.listing(), &candle.bar);
    let [open, high, low, close] = [bar.open, bar.high, bar.low, bar.close].map(|ticks| price_number(listing, ticks));
    let volume = if has_volume { amount_number(listing, bar.volume) } else { String::from("0") };
    let time = candle.start / MILLI;
    format!(
        "{{\"time\":{time},\"open\":\"{open}\",\"high\":\"{high}\",\"low\":\"{low}\",\"close\":\"{close}\",\"volume\":\"{volume}\"}}"
    )
}

/// An instant in Unix seconds.
fn seconds(query: &Query, name: &str) -> Result<Option<i64>, ApiError> {
    let parse = |text: &str| text.parse().ok().filter(|seconds: &i64| (0..SECONDS_MAX).contains(seconds));
    query.value(name).map(|text| parse(text).map(|seconds| seconds * SECOND).ok_or(BAD_ARGUMENT)).transpose()
}
