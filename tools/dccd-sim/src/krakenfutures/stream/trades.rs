//! `trade`: one message each, numbered without gaps.

use dccd_record::Side;

use super::super::executions::uid;
use super::{amount_float, price_float};
use crate::clock::MILLI;
use crate::feed::{TradeFeed, recent};
use crate::market::Series;
use crate::market::trade::Trade;
use crate::ws::{Frame, Load, Topic};

/// Trades that are shown to those who just came.
const RECENT: i64 = 100;

/// The last trades, the newest first.
pub(super) fn snapshot(topic: &Topic, product: &str, series: &Series, now: i64) -> Frame {
    let mut rows: Vec<String> = recent(series, now, RECENT).iter().map(|trade| row(series, product, trade)).collect();
    rows.reverse();
    let rows = rows.join(",");
    let text = format!("{{\"feed\":\"trade_snapshot\",\"product_id\":\"{product}\",\"trades\":[{rows}]}}");
    Frame::of(Load::Trade, topic, text)
}

/// What was traded since.
pub(super) fn updates(topic: &Topic, product: &str, feed: &mut TradeFeed, now: i64) -> Vec<Frame> {
    let passed = feed.pass(now);
    let frame = |trade: &Trade| {
        let number = sequence(trade);
        Frame::of(Load::Trade, topic, row(feed.series(), product, trade)).sealed("\"seq\":", number, number + 5)
    };
    passed.iter().map(frame).collect()
}

fn row(series: &Series, product: &str, trade: &Trade) -> String {
    let listing = series.listing();
    let side = if trade.taker == Side::Buy { "buy" } else { "sell" };
    let (price, amount) = (price_float(listing, trade.price), amount_float(listing, trade.amount));
    let (uid, number, time) = (uid(series, trade), sequence(trade), trade.micros / MILLI);
    format!(
        "{{\"feed\":\"trade\",\"product_id\":\"{product}\",\"uid\":\"{uid}\",\"side\":\"{side}\",\"type\":\"fill\",\
         \"seq\":{number},\"time\":{time},\"qty\":{amount},\"price\":{price}}}"
    )
}

/// Numbers begin with 1.
fn sequence(trade: &Trade) -> i64 {
    trade.id + 1
}
