//! `kline` and `continuousKline`: the open candle now and then, and every candle when it is over.

use std::sync::Arc;

use super::Event;
use crate::binance::klines::grid;
use crate::binance::venue::{Style, Venue};
use crate::clock::{MILLI, SECOND};
use crate::feed::CandleFeed;
use crate::market::Series;
use crate::market::bar::Grid;
use crate::market::candle::{Candle, Fill};
use crate::market::trade::first_part;
use crate::truth::text;
use crate::ws::{Load, World};

/// The candles of one stream.
#[derive(Debug)]
pub(super) struct KlineFeed {
    candles: CandleFeed,
    interval: String,
    /// The kind of contract, where candles go on from one contract to the next.
    contract: Option<&'static str>,
    is_changed: bool,
}

impl KlineFeed {
    /// The candles of an interval that is known.
    pub(super) fn new(series: &Arc<Series>, interval: String, contract: Option<&'static str>, now: i64) -> KlineFeed {
        // Spot knows every interval.
        let grid = grid(Venue::Spot, &interval).unwrap_or(Grid::Month);
        let candles = CandleFeed::new(series, grid, Fill::WhileOpen, now);
        KlineFeed { candles, interval, contract, is_changed: false }
    }

    /// What is to be said of them.
    pub(super) fn events(&mut self, symbol: &str, style: Style, world: &World<'_>) -> Vec<Event> {
        let period = if style.venue == Venue::Spot { SECOND } else { 250 * MILLI };
        self.is_changed |= self.candles.has_traded(world.now);
        let closed = self.candles.closed(world.now);
        let mut events: Vec<Event> =
            closed.iter().map(|candle| self.event(candle, true, symbol, style, world.now)).collect();
        if self.is_changed && world.is_due(period) {
            self.is_changed = false;
            let open = self.candles.open(world.now);
            events.extend(open.iter().map(|candle| self.event(candle, false, symbol, style, world.now)));
        }
        events
    }

    fn event(&self, candle: &Candle, is_closed: bool, symbol: &str, style: Style, now: i64) -> Event {
        let event = style.unit.of(now);
        let kline = self.kline(candle, is_closed, symbol, style, now);
        let text = match self.contract {
            Some(contract) => format!(
                "{{\"e\":\"continuous_kline\",\"E\":{event},\"ps\":\"{symbol}\",\"ct\":\"{contract}\",\"k\":{kline}}}"
            ),
            None => format!("{{\"e\":\"kline\",\"E\":{event},\"s\":\"{symbol}\",\"k\":{kline}}}"),
        };
        Event { load: Load::Candle, text, sequence: None }
    }

    fn kline(&self, candle: &Candle, is_closed: bool, symbol: &str, style: Style, now: i64) -> String {
        let (series, bar, digits) = (self.candles.series(), &candle.bar, style.digits);
        // Parts of trades, both -1 if there were none.
        let ids = [candle.start, candle.end.min(now.saturating_add(1))].map(|at| first_part(series.first_id_at(at)));
        let [first, last] = if bar.count > 0 { [ids[0], ids[1] - 1] } else { [-1, -1] };
        let [open, high, low, close] =
            [bar.open, bar.high, bar.low, bar.close].map(|ticks| text(|out| digits.price(out, ticks)));
        let [volume, taker_volume] =
            [bar.volume, bar.taker_volume].map(|amount| text(|out| digits.amount(out, amount)));
        let [quote, taker_quote] =
            [bar.quote_volume, bar.taker_quote_volume].map(|value| text(|out| digits.quote(out, value)));
        let (start, end) = (style.unit.of(candle.start), style.unit.of(candle.end) - 1);
        let (interval, count) = (&self.interval, bar.count);
        let name = if self.contract.is_some() { String::new() } else { format!("\"s\":\"{symbol}\",") };
        format!(
            "{{\"t\":{start},\"T\":{end},{name}\"i\":\"{interval}\",\"f\":{first},\"L\":{last},\"o\":\"{open}\",\
             \"c\":\"{close}\",\"h\":\"{high}\",\"l\":\"{low}\",\"v\":\"{volume}\",\"n\":{count},\"x\":{is_closed},\
             \"q\":\"{quote}\",\"V\":\"{taker_volume}\",\"Q\":\"{taker_quote}\",\"B\":\"0\"}}"
        )
    }
}
