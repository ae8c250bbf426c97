//! `publicTrade`: all trades of a turn in one frame.

use std::sync::Arc;

use dccd_record::Side;

use super::Place;
use crate::bybit::instrument::{Category, Digits, symbol};
use crate::bybit::trades::{exec_id, is_rpi, seq, side};
use crate::clock::MILLI;
use crate::feed::{TradeFeed, recent};
use crate::market::Series;
use crate::market::trade::Trade;
use crate::ws::{Frame, Load};

const FRAME_TRADES_MAX: usize = 1_024;

/// The trades of one symbol.
#[derive(Debug)]
pub(super) struct TradeStream {
    feed: TradeFeed,
    /// The last price, and whether it was a rise that led to it.
    last: Option<(i64, bool)>,
}

impl TradeStream {
    pub(super) fn new(series: &Arc<Series>, now: i64) -> TradeStream {
        let last = recent(series, now, 1).pop().map(|trade| (trade.price, trade.taker == Side::Buy));
        TradeStream { feed: TradeFeed::new(series, now), last }
    }

    /// What was traded since.
    pub(super) fn updates(&mut self, place: &Place, now: i64) -> Vec<Frame> {
        let passed = self.feed.pass(now);
        let mut frames = Vec::new();
        for portion in passed.chunks(FRAME_TRADES_MAX) {
            let rows: Vec<String> = portion.iter().map(|trade| self.row(place.category, trade)).collect();
            frames.push(place.frame(Load::Trade, "snapshot", now, &format!("[{}]", rows.join(",")), ""));
        }
        frames
    }

    fn row(&mut self, category: Category, trade: &Trade) -> String {
        let series = self.feed.series();
        let digits = Digits::of(series.listing());
        let (id, symbol, side) = (exec_id(series, trade), symbol(&series.listing().pair), side(trade.taker));
        let (price, amount) = (digits.price(trade.price), digits.amount(trade.amount));
        let (time, rpi, seq) = (trade.micros / MILLI, is_rpi(trade), seq(trade));
        let tick = self.tick(trade.price);
        if category == Category::Spot {
            return format!(
                "{{\"i\":\"{id}\",\"T\":{time},\"p\":\"{price}\",\"v\":\"{amount}\",\"S\":\"{side}\",\
                 \"s\":\"{symbol}\",\"BT\":false,\"RPI\":{rpi},\"seq\":{seq}}}"
            );
        }
        format!(
            "{{\"T\":{time},\"s\":\"{symbol}\",\"S\":\"{side}\",\"v\":\"{amount}\",\"p\":\"{price}\",\
             \"L\":\"{tick}\",\"i\":\"{id}\",\"BT\":false,\"RPI\":{rpi},\"seq\":{seq}}}"
        )
    }

    /// Which way the price went; a price that stays goes the way it went before.
    fn tick(&mut self, price: i64) -> &'static str {
        let (last, was_rise) = self.last.unwrap_or((price, true));
        let is_rise = if price == last { was_rise } else { price > last };
        self.last = Some((price, is_rise));
        match (price == last, is_rise) {
            (false, true) => "PlusTick",
            (false, false) => "MinusTick",
            (true, true) => "ZeroPlusTick",
            (true, false) => "ZeroMinusTick",
        }
    }
}
