//! `kline`: the open candle at most once a second, and each that is over, which says so.

use std::sync::Arc;

use super::{Place, kline};
use crate::bybit::instrument::Digits;
use crate::clock::{MILLI, MINUTE, SECOND};
use crate::feed::CandleFeed;
use crate::market::Series;
use crate::market::bar::Grid;
use crate::market::candle::Candle;
use crate::ws::{Frame, Load, World};

/// The open candle is told this often, if anything was traded.
const SOONEST: i64 = SECOND;
/// And this often if nothing was.
const LATEST: i64 = MINUTE;

/// The candles of one symbol and interval.
#[derive(Debug)]
pub(super) struct CandleStream {
    feed: CandleFeed,
    interval: String,
    /// When something was last told.
    told: Option<i64>,
}

impl CandleStream {
    pub(super) fn new(series: &Arc<Series>, interval: &str, grid: Grid, now: i64) -> CandleStream {
        let feed = CandleFeed::new(series, grid, kline::FILL, now);
        CandleStream { feed, interval: interval.to_owned(), told: None }
    }

    /// What is over, and what the open one has become.
    pub(super) fn updates(&mut self, place: &Place, world: &World<'_>) -> Vec<Frame> {
        let now = world.now;
        let mut frames: Vec<Frame> =
            self.feed.closed(now).iter().map(|candle| self.frame(place, candle, now)).collect();
        if world.is_due(SOONEST) {
            let touched = self.feed.touched(now).pop().filter(|candle| candle.end > now);
            let is_late = self.told.is_none_or(|told| now - told >= LATEST);
            let open = touched.or_else(|| if is_late { self.feed.open(now) } else { None });
            frames.extend(open.map(|candle| self.frame(place, &candle, now)));
        }
        if !frames.is_empty() {
            self.told = Some(now);
        }
        frames
    }

    fn frame(&self, place: &Place, candle: &Candle, now: i64) -> Frame {
        let (digits, bar) = (Digits::of(self.feed.series().listing()), &candle.bar);
        let [open, high, low, close] = [bar.open, bar.high, bar.low, bar.close].map(|ticks| digits.price(ticks));
        let (volume, turnover) = (digits.amount(bar.volume), digits.value(bar.quote_volume));
        let (start, end, now_ms) = (candle.start / MILLI, candle.end / MILLI - 1, now / MILLI);
        let (interval, confirm) = (&self.interval, candle.end <= now);
        let data = format!(
            "[{{\"start\":{start},\"end\":{end},\"interval\":\"{interval}\",\"open\":\"{open}\",\
             \"close\":\"{close}\",\"high\":\"{high}\",\"low\":\"{low}\",\"volume\":\"{volume}\",\
             \"turnover\":\"{turnover}\",\"confirm\":{confirm},\"timestamp\":{now_ms}}}]"
        );
        place.frame(Load::Candle, "snapshot", now, &data, "")
    }
}
