//! `trade`.

use std::ops::Range;

use dccd_record::{Market as MarketKind, Side};

use crate::bitmex::buckets::turnover;
use crate::bitmex::error::ApiError;
use crate::bitmex::params::Page;
use crate::bitmex::symbols::{notional, size, symbol};
use crate::clock::{MILLI, iso_text};
use crate::decimal::trimmed_text;
use crate::hash::mix;
use crate::http::Query;
use crate::javascript::wire;
use crate::market::Series;
use crate::market::ids::uuid;
use crate::market::trade::Trade;

const COUNT_MAX: i64 = 1_000;
const SIDES: i64 = 31;
/// Of the trades of contracts that expire, one of so many does not say who took.
const SIDELESS: u64 = 500;

/// One page.
pub(crate) fn page(series: &Series, query: &Query, seen: i64) -> Result<Vec<u8>, ApiError> {
    let page = Page::read(query, COUNT_MAX)?;
    let ids = ids(series, page, seen);
    // One more, to know whether the first price rose.
    let mut before = series.trades(ids.start - 1..ids.start).next().map(|trade| trade.price);
    let mut rows = Vec::new();
    for trade in series.trades(ids) {
        rows.push(row(series, &trade, before));
        before = Some(trade.price);
    }
    if page.is_reverse {
        rows.reverse();
    }
    Ok(format!("[{}]", rows.join(",")).into_bytes())
}

/// Who took, if the exchange says so.
pub(crate) fn taker(series: &Series, trade: &Trade) -> Option<Side> {
    let is_dated = matches!(series.listing().pair.market(), MarketKind::Dated(_));
    let is_silent = is_dated && mix(mix(series.key(), SIDES), trade.id).is_multiple_of(SIDELESS);
    (!is_silent).then_some(trade.taker)
}

/// The digits of a trade's amount in the base asset.
pub(crate) fn home(series: &Series, trade: &Trade) -> String {
    let [(digits, scale), _] = notional(series.listing(), i128::from(trade.amount), trade.value);
    trimmed_text(digits, scale)
}

/// The name of a trade.
pub(crate) fn match_id(series: &Series, trade: &Trade) -> String {
    uuid(series.key(), trade.id)
}

fn ids(series: &Series, page: Page, seen: i64) -> Range<i64> {
    let after = series.first_id_at(page.end.saturating_add(MILLI).min(seen.saturating_add(1)));
    let from = series.first_id_at(page.start).min(after);
    if page.is_reverse {
        let after = after.saturating_sub(page.offset).max(from);
        after.saturating_sub(page.count).max(from)..after
    } else {
        let from = from.saturating_add(page.offset).min(after);
        from..from.saturating_add(page.count).min(after)
    }
}

/// A row; `before` is the price of the trade before it.
pub(crate) fn row(series: &Series, trade: &Trade, before: Option<i64>) -> String {
    let listing = series.listing();
    let side = match taker(series, trade) {
        Some(Side::Buy) => "\"side\":\"Buy\",",
        Some(Side::Sell) => "\"side\":\"Sell\",",
        None => "",
    };
    let direction = match before {
        Some(before) if before > trade.price => "MinusTick",
        Some(before) if before < trade.price => "PlusTick",
        _ => "ZeroPlusTick",
    };
    let [_, (foreign, foreign_scale)] = notional(listing, i128::from(trade.amount), trade.value);
    format!(
        "{{\"timestamp\":\"{}\",\"symbol\":\"{}\",{side}\"size\":{},\"price\":{},\"tickDirection\":\"{direction}\",\"trdMatchID\":\"{}\",\"grossValue\":{},\"homeNotional\":{},\"foreignNotional\":{},\"trdType\":\"Regular\",\"pool\":\"Primary\"}}",
        iso_text(trade.micros, 3),
        symbol(&listing.pair),
        size(listing, i128::from(trade.amount)),
        wire(&trimmed_text(i128::from(trade.price), listing.price_scale)),
        match_id(series, trade),
        turnover(listing, trade.value),
        wire(&home(series, trade)),
        wire(&trimmed_text(foreign, foreign_scale)),
    )
}
