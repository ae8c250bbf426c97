//! `recent-trade`: the newest trades and nothing else.

use dccd_record::{Market as MarketKind, Side};

use crate::bybit::error::ApiError;
use crate::bybit::instrument::{Category, Digits, symbol};
use crate::bybit::params::Params;
use crate::clock::MILLI;
use crate::hash::mix;
use crate::market::trade::Trade;
use crate::market::{Series, ids};

/// Where ids of spot trades begin.
const FIRST_SPOT_ID: i64 = 2_100_000_000_000_000_000;
/// What ids of contracts' trades are drawn from.
const IDS: i64 = 31;

/// The rows of one page, the newest first.
pub(crate) fn rows(series: &Series, params: &Params, seen: i64) -> Result<String, ApiError> {
    let category = Category::of(&series.listing().pair);
    let (default, max) = if category == Category::Spot { (60, 60) } else { (500, 1_000) };
    let limit = i64::try_from(params.limit(default, max)?).unwrap_or(60);
    let known = series.first_id_at(seen.saturating_add(1));
    let mut rows: Vec<String> = series.trades((known - limit).max(0)..known).map(|trade| row(series, &trade)).collect();
    rows.reverse();
    Ok(rows.join(","))
}

/// The exchange's id of a trade: a number on spot, a UUID elsewhere.
pub(crate) fn exec_id(series: &Series, trade: &Trade) -> String {
    if series.listing().pair.market() == MarketKind::Spot {
        return (FIRST_SPOT_ID + trade.id).to_string();
    }
    ids::uuid(mix(series.key(), IDS), trade.id)
}

/// The word for who took.
pub(crate) fn side(taker: Side) -> &'static str {
    match taker {
        Side::Buy => "Buy",
        Side::Sell => "Sell",
    }
}

/// Whether a trade was a retail price improvement: some are.
pub(crate) fn is_rpi(trade: &Trade) -> bool {
    trade.id % 17 == 0
}

/// What tells which of two trades is older.
pub(crate) fn seq(trade: &Trade) -> i64 {
    trade.id * 3
}

fn row(series: &Series, trade: &Trade) -> String {
    let digits = Digits::of(series.listing());
    format!(
        "{{\"execId\":\"{}\",\"symbol\":\"{}\",\"price\":\"{}\",\"size\":\"{}\",\"side\":\"{}\",\"time\":\"{}\",\"isBlockTrade\":false,\"isRPITrade\":{},\"seq\":\"{}\"}}",
        exec_id(series, trade),
        symbol(&series.listing().pair),
        digits.price(trade.price),
        digits.amount(trade.amount),
        side(trade.taker),
        trade.micros / MILLI,
        is_rpi(trade),
        seq(trade),
    )
}
