//! Trades as they happen.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::market::Series;
use crate::market::trade::Trade;

/// Trades that are made ahead.
const AHEAD: i64 = 1_000;

/// The trades of one pair, each once, in the order of their ids.
#[derive(Debug)]
pub(crate) struct TradeFeed {
    series: Arc<Series>,
    next_id: i64,
    ahead: VecDeque<Trade>,
}

impl TradeFeed {
    /// The trades after `now`.
    pub(crate) fn new(series: &Arc<Series>, now: i64) -> TradeFeed {
        let next_id = series.first_id_at(now.saturating_add(1));
        TradeFeed { series: Arc::clone(series), next_id, ahead: VecDeque::new() }
    }

    /// The trades up to `now` that were not given yet.
    pub(crate) fn pass(&mut self, now: i64) -> Vec<Trade> {
        let mut passed = Vec::new();
        loop {
            if self.ahead.is_empty() {
                self.ahead.extend(self.series.trades(self.next_id..self.next_id + AHEAD));
                self.next_id += i64::try_from(self.ahead.len()).unwrap_or(0);
            }
            match self.ahead.pop_front_if(|trade| trade.micros <= now) {
                Some(trade) => passed.push(trade),
                None => return passed,
            }
        }
    }

    /// The same in the portions that one taker, or one instant, made: all trades of a portion share their stamp.
    pub(crate) fn pass_by_stamp(&mut self, now: i64, portion_max: usize) -> Vec<Vec<Trade>> {
        let passed = self.pass(now);
        let stamps = passed.chunk_by(|one, next| one.micros == next.micros);
        stamps.flat_map(|same| same.chunks(portion_max.max(1))).map(<[Trade]>::to_vec).collect()
    }

    /// The pair.
    pub(crate) fn series(&self) -> &Arc<Series> {
        &self.series
    }
}

/// The last trades up to `now`, the oldest first: what is shown to those who just came.
pub(crate) fn recent(series: &Series, now: i64, count: i64) -> Vec<Trade> {
    let end = series.first_id_at(now.saturating_add(1));
    series.trades(end - count..end).collect()
}
