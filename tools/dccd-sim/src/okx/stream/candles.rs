//! `candle1m` and the others: the open candle at most once a second, and each that is over, which says so.

use std::sync::Arc;

use super::Place;
use crate::clock::SECOND;
use crate::feed::CandleFeed;
use crate::market::Series;
use crate::market::bar::Grid;
use crate::market::candle::Candle;
use crate::okx::candles::{FILL, row};
use crate::okx::instrument::Digits;
use crate::ws::{Frame, Load, World};

/// The open candle is told this often, if anything was traded.
const SOONEST: i64 = SECOND;

/// The candles of one instrument and bar.
#[derive(Debug)]
pub(super) struct CandleStream {
    feed: CandleFeed,
}

impl CandleStream {
    pub(super) fn new(series: &Arc<Series>, grid: Grid, now: i64) -> CandleStream {
        CandleStream { feed: CandleFeed::new(series, grid, FILL, now) }
    }

    /// What the open one is now.
    pub(super) fn open(&self, place: &Place, now: i64) -> Option<Frame> {
        Some(self.frame(place, &self.feed.open(now)?, now))
    }

    /// What is over, and what the open one has become.
    pub(super) fn updates(&mut self, place: &Place, world: &World<'_>) -> Vec<Frame> {
        let now = world.now;
        let closed = self.feed.closed(now);
        let mut told: Vec<Frame> = closed.iter().map(|candle| self.frame(place, candle, now)).collect();
        if world.is_due(SOONEST) && self.feed.has_traded(now) {
            told.extend(self.open(place, now));
        }
        told
    }

    fn frame(&self, place: &Place, candle: &Candle, now: i64) -> Frame {
        place.frame(Load::Candle, "", &row(candle, Digits::of(self.feed.series().listing()), now))
    }
}
