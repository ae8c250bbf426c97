//! Candles as trades make them.

use std::sync::Arc;

use crate::market::Series;
use crate::market::bar::Grid;
use crate::market::candle::{Candle, CandleQuery, Fill, Pick, candles};

use super::TradeFeed;

/// Candles that close within one turn, at most; only a clock that runs very fast closes more.
const CLOSED_MAX: usize = 10_000;

/// The candles of one pair and width.
#[derive(Debug)]
pub(crate) struct CandleFeed {
    trades: TradeFeed,
    grid: Grid,
    fill: Fill,
    /// Candles that end up to here were closed.
    closed: i64,
}

impl CandleFeed {
    /// The candles from `now` on; `fill` as the exchange's REST has it.
    pub(crate) fn new(series: &Arc<Series>, grid: Grid, fill: Fill, now: i64) -> CandleFeed {
        CandleFeed { trades: TradeFeed::new(series, now), grid, fill, closed: now }
    }

    /// Every candle that a trade up to `now` has changed, as it is now; the oldest first.
    pub(crate) fn touched(&mut self, now: i64) -> Vec<Candle> {
        let mut starts: Vec<i64> = self.trades.pass(now).iter().map(|trade| self.grid.floor(trade.micros)).collect();
        starts.dedup();
        starts.into_iter().flat_map(|start| self.candles(start, start, now)).collect()
    }

    /// Whether a trade up to `now` has changed a candle; instead of [`CandleFeed::touched`].
    pub(crate) fn has_traded(&mut self, now: i64) -> bool {
        !self.trades.pass(now).is_empty()
    }

    /// Every candle that ended since the last time; the oldest first.
    pub(crate) fn closed(&mut self, now: i64) -> Vec<Candle> {
        // A candle that has ended by an instant is the one before the one that is open then.
        let (first, last) = (self.grid.floor(self.closed), self.grid.floor(now) - 1);
        self.closed = now;
        if first > last { Vec::new() } else { self.candles(first, last, now) }
    }

    /// The candle of `now`, if it has begun to be.
    pub(crate) fn open(&self, now: i64) -> Option<Candle> {
        self.candles(self.grid.floor(now), now, now).pop()
    }

    /// The last candles, the open one among them: what is shown to those who just came.
    pub(crate) fn recent(&self, now: i64, count: usize) -> Vec<Candle> {
        candles(self.series(), self.grid, CandleQuery { limit: count, ..self.query(None, now, now) })
    }

    /// The pair.
    pub(crate) fn series(&self) -> &Arc<Series> {
        self.trades.series()
    }

    fn candles(&self, from: i64, through: i64, now: i64) -> Vec<Candle> {
        candles(self.series(), self.grid, self.query(Some(from), through, now))
    }

    fn query(&self, from: Option<i64>, through: i64, now: i64) -> CandleQuery {
        CandleQuery { from, through, now, seen: now, limit: CLOSED_MAX, pick: Pick::Newest, fill: self.fill }
    }
}
