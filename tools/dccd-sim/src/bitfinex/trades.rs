//! `trades/SYMBOL/hist`.

use std::ops::Range;

use dccd_record::Side;

use crate::bitfinex::error::ApiError;
use crate::bitfinex::params::Page;
use crate::clock::MILLI;
use crate::decimal::trimmed_text;
use crate::hash::{mix, mix_text, pick};
use crate::http::Query;
use crate::javascript::wire;
use crate::market::Series;
use crate::market::trade::Trade;

const LIMIT: usize = 125;
const LIMIT_MAX: usize = 10_000;
/// Trades of other pairs that may lie between two of one pair.
const STRIDE: i64 = 8;
/// More than there are pairs.
const PAIRS_MAX: i64 = 4_096;

/// One page; without a sort the newest come first.
pub(crate) fn page(series: &Series, query: &Query, seen: i64) -> Result<Vec<u8>, ApiError> {
    let page = Page::read(query, LIMIT, LIMIT_MAX)?;
    let ids = ids(series, page, seen);
    let mut trades: Vec<Trade> = series.trades(ids).collect();
    if !page.is_ascending {
        trades.reverse();
    }
    let mut out = Vec::with_capacity(trades.len() * 56 + 2);
    out.push(b'[');
    for (at, trade) in trades.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        out.extend_from_slice(row(series, trade).as_bytes());
    }
    out.push(b']');
    Ok(out)
}

/// The number that the exchange gives a trade: rising over all pairs' trades, so with holes in each pair's.
pub(crate) fn venue_id(series: &Series, id: i64) -> i64 {
    let slot = pick(mix_text(0, &series.listing().pair.path_name()), PAIRS_MAX);
    (id * STRIDE + pick(mix(series.key(), id), STRIDE)) * PAIRS_MAX + slot
}

fn ids(series: &Series, page: Page, seen: i64) -> Range<i64> {
    let after = series.first_id_at(page.end.min(seen.saturating_add(1)));
    let from = series.first_id_at(page.start).min(after);
    let limit = i64::try_from(page.limit).unwrap_or(i64::MAX);
    if page.is_ascending { from..from.saturating_add(limit).min(after) } else { from.max(after - limit)..after }
}

/// Id, stamp, amount (negative if the taker sold) and price.
pub(crate) fn row(series: &Series, trade: &Trade) -> String {
    let listing = series.listing();
    let signed = if trade.taker == Side::Buy { trade.amount } else { -trade.amount };
    let (id, millis) = (venue_id(series, trade.id), trade.micros / MILLI);
    let amount = wire(&trimmed_text(i128::from(signed), listing.amount_scale));
    let price = wire(&trimmed_text(i128::from(trade.price), listing.price_scale));
    format!("[{id},{millis},{amount},{price}]")
}
