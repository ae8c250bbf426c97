//! `trades` and `trades-all`: one in each frame.

use std::sync::Arc;

use super::Place;
use crate::clock::MILLI;
use crate::feed::TradeFeed;
use crate::market::Series;
use crate::market::statistics::BOOK_STEP;
use crate::market::trade::Trade;
use crate::okx::instrument::{Digits, name};
use crate::okx::trades::trade_id;
use crate::ws::{Frame, Load};

/// What is made of several fills of one taker's order at one price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Merge {
    /// One row, with the id of the last.
    Fills,
    Nothing,
}

/// The trades of one instrument.
#[derive(Debug)]
pub(super) struct TradeStream {
    feed: TradeFeed,
    merge: Merge,
}

impl TradeStream {
    pub(super) fn new(series: &Arc<Series>, merge: Merge, now: i64) -> TradeStream {
        TradeStream { feed: TradeFeed::new(series, now), merge }
    }

    /// What was traded since.
    pub(super) fn updates(&mut self, place: &Place, now: i64) -> Vec<Frame> {
        let passed = self.feed.pass(now);
        let of_one_order = |one: &Trade, next: &Trade| {
            let key = |trade: &Trade| (trade.micros, trade.price, trade.taker);
            self.merge == Merge::Fills && key(one) == key(next)
        };
        let fills = passed.chunk_by(of_one_order);
        fills.filter_map(|fills| Some(place.frame(Load::Trade, "", &self.row(fills)?))).collect()
    }

    fn row(&self, fills: &[Trade]) -> Option<String> {
        let listing = self.feed.series().listing();
        let (name, digits, last) = (name(&listing.pair), Digits::of(listing), fills.last()?);
        let size = digits.size(fills.iter().map(|trade| i128::from(trade.amount)).sum::<i128>());
        let (id, price, side, time) =
            (trade_id(last), digits.price(last.price), last.taker.name(), last.micros / MILLI);
        let row = format!(
            "\"instId\":\"{name}\",\"tradeId\":\"{id}\",\"px\":\"{price}\",\"sz\":\"{size}\",\"side\":\"{side}\",\
             \"ts\":\"{time}\""
        );
        Some(match self.merge {
            Merge::Fills => {
                let (count, step) = (fills.len(), last.micros.div_euclid(BOOK_STEP));
                format!("{{{row},\"count\":\"{count}\",\"source\":\"0\",\"seqId\":{step}}}")
            }
            Merge::Nothing => format!("{{{row},\"source\":\"0\"}}"),
        })
    }
}
