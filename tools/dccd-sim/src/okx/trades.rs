//! `trades` and `history-trades`: the newest first.

use std::ops::Range;

use crate::clock::{DAY, MILLI};
use crate::market::Series;
use crate::market::trade::Trade;
use crate::okx::error::ApiError;
use crate::okx::instrument::{Digits, name};
use crate::okx::params::Params;

/// Trades are kept for three months.
const KEPT: i64 = 90 * DAY;
/// Ids begin with 1.
const FIRST_ID: i64 = 1;

/// The rows of `trades`.
pub(crate) fn recent_rows(series: &Series, params: &Params, seen: i64) -> Result<String, ApiError> {
    let limit = params.limit("limit", 100, 500)?;
    Ok(rows(series, newest(0..series.first_id_at(seen.saturating_add(1)), limit)))
}

/// The rows of `history-trades`: older than `after` and, by id only, newer than `before`.
pub(crate) fn history_rows(series: &Series, params: &Params, now: i64, seen: i64) -> Result<String, ApiError> {
    let limit = params.limit("limit", 100, 100)?;
    let known = series.first_id_at(now - KEPT)..series.first_id_at(seen.saturating_add(1));
    let (start, end) = match params.text("type").unwrap_or("1") {
        "1" => {
            let id = |name: &str| Ok::<_, ApiError>(params.whole(name)?.map(|id| id - FIRST_ID));
            (id("before")?.map(|before| before.saturating_add(1)), id("after")?)
        }
        "2" => (None, params.time("after")?.map(|after| series.first_id_at(after))),
        _ => return Err(ApiError::illegal("type")),
    };
    let start = start.map_or(known.start, |start| start.max(known.start));
    let end = end.map_or(known.end, |end| end.min(known.end));
    Ok(rows(series, newest(start..end, limit)))
}

/// The exchange's id of a trade.
pub(crate) fn trade_id(trade: &Trade) -> i64 {
    trade.id + FIRST_ID
}

fn newest(ids: Range<i64>, limit: usize) -> Range<i64> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    ids.start.max(ids.end.saturating_sub(limit))..ids.end
}

fn rows(series: &Series, ids: Range<i64>) -> String {
    let (name, digits) = (name(&series.listing().pair), Digits::of(series.listing()));
    let row = |trade: Trade| {
        format!(
            "{{\"instId\":\"{name}\",\"side\":\"{}\",\"sz\":\"{}\",\"px\":\"{}\",\"source\":\"0\",\"tradeId\":\"{}\",\"ts\":\"{}\"}}",
            trade.taker.name(),
            digits.size(trade.amount),
            digits.price(trade.price),
            trade_id(&trade),
            trade.micros / MILLI,
        )
    };
    let mut rows: Vec<String> = series.trades(ids).map(row).collect();
    rows.reverse();
    rows.join(",")
}
