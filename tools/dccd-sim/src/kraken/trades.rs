//! `Trades`: what came after a stamp, up to so many.

use dccd_record::Side;

use super::{ApiError, BAD_ARGUMENTS, amount_text, long_price_text, stamp};
use crate::exchange::Moment;
use crate::hash::mix;
use crate::http::Query;
use crate::market::Series;
use crate::market::trade::Trade;

const ROWS_MAX: i64 = 1_000;
/// Numbers below are seconds, milliseconds, microseconds.
const SECONDS_BELOW: i64 = 100_000_000_000;
const MILLIS_BELOW: i64 = 100_000_000_000_000;
const MICROS_BELOW: i64 = 100_000_000_000_000_000;

/// Ids are consecutive and begin with 1.
pub(super) fn id(trade: &Trade) -> i64 {
    trade.id + 1
}

/// One page.
pub(super) fn page(series: &Series, key: &str, query: &Query, moment: Moment) -> Result<String, ApiError> {
    let count = match query.value("count") {
        Some(text) => text.parse().ok().filter(|count| (1..=ROWS_MAX).contains(count)).ok_or(BAD_ARGUMENTS)?,
        None => ROWS_MAX,
    };
    let known = series.first_id_at(moment.seen.saturating_add(1));
    let (first, since, mut last) = match query.value("since") {
        None => ((known - count).max(0), i64::MIN, String::from("0")),
        Some(text) => {
            let nanos = since_nanos(text).ok_or(BAD_ARGUMENTS)?;
            (series.first_id_at(nanos.div_euclid(1_000)).min(known), nanos, text.to_owned())
        }
    };
    let mut rows: Vec<String> = Vec::new();
    let trades = series.trades(first..known).map(|trade| (stamp::nanos(series.key(), trade.micros), trade));
    let limit = usize::try_from(count).unwrap_or(0);
    for (nanos, trade) in trades.skip_while(|(nanos, _)| *nanos <= since).take(limit) {
        last = nanos.to_string();
        rows.push(row(series, &trade, nanos));
    }
    Ok(format!("{{\"{key}\":[{}],\"last\":\"{last}\"}}", rows.join(",")))
}

fn row(series: &Series, trade: &Trade, nanos: i64) -> String {
    let listing = series.listing();
    let side = if trade.taker == Side::Buy { "b" } else { "s" };
    let order = if mix(series.key(), trade.id).is_multiple_of(2) { "m" } else { "l" };
    let (price, amount) = (long_price_text(listing, trade.price), amount_text(listing, i128::from(trade.amount)));
    let (time, id) = (stamp::float_text(nanos), id(trade));
    format!("[\"{price}\",\"{amount}\",{time},\"{side}\",\"{order}\",\"\",{id}]")
}

/// Nanoseconds, or anything wider with fewer digits; seconds may have a fraction.
fn since_nanos(text: &str) -> Option<i64> {
    if text.contains('.') {
        return stamp::parse_seconds(text);
    }
    let number: i64 = text.parse().ok().filter(|number| *number >= 0)?;
    match number {
        ..SECONDS_BELOW => number.checked_mul(1_000_000_000),
        SECONDS_BELOW..MILLIS_BELOW => number.checked_mul(1_000_000),
        MILLIS_BELOW..MICROS_BELOW => number.checked_mul(1_000),
        _ => Some(number),
    }
}
