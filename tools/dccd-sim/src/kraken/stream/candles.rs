//! `ohlc`: the candle of every trade, with no word on whether it is over.

use std::sync::Arc;

use super::super::{amount_text, ohlc, price_text, vwap_text};
use super::stamp;
use crate::clock::iso_text;
use crate::feed::CandleFeed;
use crate::market::Series;
use crate::market::bar::Grid;
use crate::market::candle::{Candle, Fill};
use crate::ws::{Frame, Load, Topic};

/// Candles that are shown to those who just came.
const RECENT: usize = 10;

/// The candles of a pair and interval.
pub(super) fn feed(series: &Arc<Series>, minutes: i64, now: i64) -> CandleFeed {
    let width = ohlc::width(minutes).unwrap_or_default().max(1);
    CandleFeed::new(series, Grid::Fixed { width, origin: 0 }, Fill::Always, now)
}

/// The last candles, the open one among them.
pub(super) fn snapshot(topic: &Topic, feed: &CandleFeed, minutes: i64, now: i64) -> Frame {
    frame(topic, feed.series(), "snapshot", minutes, &feed.recent(now, RECENT))
}

/// Every candle with a new trade, as it is now.
pub(super) fn updates(topic: &Topic, feed: &mut CandleFeed, minutes: i64, now: i64) -> Vec<Frame> {
    let touched = feed.touched(now);
    touched.iter().map(|candle| frame(topic, feed.series(), "update", minutes, &[*candle])).collect()
}

fn frame(topic: &Topic, series: &Series, kind: &str, minutes: i64, candles: &[Candle]) -> Frame {
    let rows: Vec<String> = candles.iter().map(|candle| row(series, minutes, candle)).collect();
    let text = format!("{{\"channel\":\"ohlc\",\"type\":\"{kind}\",\"data\":[{}]}}", rows.join(","));
    Frame::of(Load::Candle, topic, text)
}

fn row(series: &Series, minutes: i64, candle: &Candle) -> String {
    let (listing, bar) = (series.listing(), &candle.bar);
    let [open, high, low, close] = [bar.open, bar.high, bar.low, bar.close].map(|ticks| price_text(listing, ticks));
    let (volume, vwap, trades) = (amount_text(listing, bar.volume), vwap_text(listing, bar), bar.trades);
    let (pair, end) = (&listing.pair, stamp(candle.end));
    // Nanoseconds, none of which is ever needed.
    let begin = iso_text(candle.start, 6).replace('Z', "000Z");
    format!(
        "{{\"symbol\":\"{pair}\",\"open\":{open},\"high\":{high},\"low\":{low},\"close\":{close},\
         \"trades\":{trades},\"volume\":{volume},\"vwap\":{vwap},\"interval_begin\":\"{begin}\",\
         \"interval\":{minutes},\"timestamp\":\"{end}\"}}"
    )
}
