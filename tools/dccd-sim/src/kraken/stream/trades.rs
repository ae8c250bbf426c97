//! `trade`: those of one instant in one frame.

use dccd_record::Side;

use super::super::{amount_text, price_text, trades};
use super::stamp;
use crate::feed::{TradeFeed, recent};
use crate::hash::mix;
use crate::market::Series;
use crate::market::trade::Trade;
use crate::ws::{Frame, Load, Topic};

/// Trades that are shown to those who just came.
const RECENT: i64 = 50;
const FRAME_TRADES_MAX: usize = 100;

/// The last trades.
pub(super) fn snapshot(topic: &Topic, series: &Series, now: i64) -> Frame {
    frame(topic, series, "snapshot", &recent(series, now, RECENT))
}

/// What was traded since.
pub(super) fn updates(topic: &Topic, feed: &mut TradeFeed, now: i64) -> Vec<Frame> {
    let portions = feed.pass_by_stamp(now, FRAME_TRADES_MAX);
    portions.iter().map(|portion| frame(topic, feed.series(), "update", portion)).collect()
}

fn frame(topic: &Topic, series: &Series, kind: &str, trades: &[Trade]) -> Frame {
    let rows: Vec<String> = trades.iter().map(|trade| row(series, trade)).collect();
    let text = format!("{{\"channel\":\"trade\",\"type\":\"{kind}\",\"data\":[{}]}}", rows.join(","));
    Frame::of(Load::Trade, topic, text)
}

fn row(series: &Series, trade: &Trade) -> String {
    let listing = series.listing();
    let side = if trade.taker == Side::Buy { "buy" } else { "sell" };
    // As REST has it, which says m or l.
    let order = if mix(series.key(), trade.id).is_multiple_of(2) { "market" } else { "limit" };
    let (price, amount) = (price_text(listing, trade.price), amount_text(listing, i128::from(trade.amount)));
    let (pair, id, time) = (&listing.pair, trades::id(trade), stamp(trade.micros));
    format!(
        "{{\"symbol\":\"{pair}\",\"side\":\"{side}\",\"price\":{price},\"qty\":{amount},\"ord_type\":\"{order}\",\
         \"trade_id\":{id},\"timestamp\":\"{time}\"}}"
    )
}
