//! Executions: what was traded, `/history` for the last days and the history service for all of it.

use std::ops::Range;

use dccd_record::Side;
use serde_json::{Value, json};

use super::{ApiError, KrakenFutures, amount_number, json_number, listings, price_number};
use crate::clock::{DAY, MILLI, iso_text, parse_iso};
use crate::exchange::Moment;
use crate::hash::{mix, pick};
use crate::http::Query;
use crate::market::trade::Trade;
use crate::market::{Market, Series, ids};

/// What all paths of the history service begin with.
pub(super) const PATH: &str = "/api/history/v3/market/";
/// `/history` looks back so far, and has so many rows.
const KEPT: i64 = 7 * DAY;
const RECENT_MAX: i64 = 100;
/// Rows of a page of the history service.
const ROWS_MAX: i64 = 1_000;
/// No instant lies further from 1970, in milliseconds.
const MILLIS_MAX: i64 = 253_402_300_800_000;
const ORDER: u64 = 41;

const NOT_FOUND: ApiError = ApiError(404, "notFound");
const BAD_ARGUMENT: ApiError = ApiError(400, "invalidArgument");

/// `/history`: the last trades before `lastTime`, the newest first, numbered by their place in the answer.
pub(super) fn recent(series: &Series, query: &Query, moment: Moment) -> Result<Value, ApiError> {
    let listing = series.listing();
    let known = series.first_id_at(moment.seen.saturating_add(1));
    let end = match query.value("lastTime") {
        Some(text) => series.first_id_at(parse_iso(text).ok_or(ApiError(200, "invalidArgument"))?).min(known),
        None => known,
    };
    let first = (end - RECENT_MAX).max(series.first_id_at(moment.now - KEPT));
    let trades: Vec<Trade> = series.trades(first..end).collect();
    let row = |(place, trade): (usize, &Trade)| {
        json!({
            "time": iso_text(trade.micros, 3),
            "trade_id": place,
            "price": json_number(&price_number(listing, trade.price)),
            "size": json_number(&amount_number(listing, i128::from(trade.amount))),
            "side": if trade.taker == Side::Buy { "buy" } else { "sell" },
            "type": "fill",
            "uid": uid(series, trade),
        })
    };
    let mut rows: Vec<Value> = (1..).zip(&trades).map(row).collect();
    rows.reverse();
    Ok(Value::Array(rows))
}

/// A page of the history service; what follows it is found by its token.
pub(super) fn page(
    exchange: &KrakenFutures,
    market: &Market,
    path: &str,
    query: &Query,
    moment: Moment,
) -> Result<String, ApiError> {
    let symbol = path.strip_suffix("/executions").ok_or(NOT_FOUND)?;
    let series = exchange.known(market, symbol, moment.now).ok_or(NOT_FOUND)?;
    let is_ascending = match query.value("sort").unwrap_or("desc") {
        "asc" => true,
        "desc" => false,
        _ => return Err(BAD_ARGUMENT),
    };
    let count = whole(query, "count")?.unwrap_or(ROWS_MAX).clamp(1, ROWS_MAX);
    let wanted = wanted(&series, query, moment, is_ascending)?;
    let ids = if is_ascending {
        wanted.start..wanted.end.min(wanted.start + count)
    } else {
        wanted.start.max(wanted.end - count)..wanted.end
    };
    let mut rows: Vec<Value> = series.trades(ids.clone()).map(|trade| element(&series, &trade)).collect();
    if !is_ascending {
        rows.reverse();
    }
    let mut answer = json!({"elements": rows, "len": rows.len()});
    if let (true, Value::Object(fields)) = (ids != wanted && !ids.is_empty(), &mut answer) {
        let next = if is_ascending { ids.end } else { ids.start };
        fields.insert("continuationToken".to_owned(), json!(format!("c3Q{next}")));
    }
    Ok(answer.to_string())
}

/// The id that a trade has everywhere.
pub(super) fn uid(series: &Series, trade: &Trade) -> String {
    ids::uuid(series.key(), trade.id)
}

/// The running numbers between the bounds, and beyond the token.
fn wanted(series: &Series, query: &Query, moment: Moment, is_ascending: bool) -> Result<Range<i64>, ApiError> {
    let known = series.first_id_at(moment.seen.saturating_add(1));
    let bound = |name: &str| Ok(whole(query, name)?.map(|millis| series.first_id_at(millis * MILLI).min(known)));
    let (mut start, mut end) = (bound("since")?.unwrap_or(0), bound("before")?.unwrap_or(known));
    if let Some(token) = query.value("continuation_token").or_else(|| query.value("continuationToken")) {
        let next: i64 = token.strip_prefix("c3Q").and_then(|next| next.parse().ok()).ok_or(BAD_ARGUMENT)?;
        match is_ascending {
            true => start = next.clamp(start, known),
            false => end = next.clamp(0, end),
        }
    }
    Ok(start.min(end)..end)
}

fn element(series: &Series, trade: &Trade) -> Value {
    let listing = series.listing();
    let (price, amount) = (price_number(listing, trade.price), amount_number(listing, i128::from(trade.amount)));
    let millis = trade.micros / MILLI;
    let (taker, maker) = if trade.taker == Side::Buy { ("Buy", "Sell") } else { ("Sell", "Buy") };
    let order = |direction: &str, kind: &str, salt: i64| {
        json!({
            "uid": ids::uuid(mix(series.key(), salt), trade.id), "tradeable": listings::symbol(&listing.pair),
            "direction": direction, "quantity": amount, "timestamp": millis, "limitPrice": price,
            "orderType": kind, "reduceOnly": false, "lastUpdateTimestamp": millis,
        })
    };
    let execution = json!({
        "uid": uid(series, trade),
        "makerOrder": order(maker, "Limit", 1),
        "takerOrder": order(taker, if pick(mix(ORDER, trade.id), 2) == 0 { "Market" } else { "IoC" }, 2),
        "timestamp": millis,
        "quantity": amount,
        "price": price,
        "markPrice": price,
        "limitFilled": false,
        "usdValue": "0",
    });
    json!({
        "uid": ids::uuid(mix(series.key(), 3), trade.id),
        "timestamp": millis,
        "event": {"Execution": {"execution": execution, "takerReducedQuantity": ""}},
    })
}

fn whole(query: &Query, name: &str) -> Result<Option<i64>, ApiError> {
    let parse = |text: &str| text.parse().ok().filter(|number: &i64| (0..MILLIS_MAX).contains(number));
    query.value(name).map(|text| parse(text).ok_or(BAD_ARGUMENT)).transpose()
}
