//! `aggTrade` and `trade`: one event each.

use dccd_record::Side;

use super::Event;
use crate::binance::venue::{Style, Venue};
use crate::market::trade::Trade;
use crate::truth::text;
use crate::ws::Load;

/// One taker against one price.
pub(super) fn aggregate(trade: &Trade, symbol: &str, style: Style, now: i64) -> Event {
    let (id, first, last) = (trade.id, trade.first_part(), trade.last_part());
    let price = text(|out| style.digits.price(out, trade.price));
    let amount = text(|out| style.digits.amount(out, trade.amount));
    let (event, stamp, end) = (style.unit.of(now), style.unit.of(trade.micros), end(trade, style));
    event_of(format!(
        "{{\"e\":\"aggTrade\",\"E\":{event},\"s\":\"{symbol}\",\"a\":{id},\"p\":\"{price}\",\"q\":\"{amount}\",\
         \"f\":{first},\"l\":{last},\"T\":{stamp},{end}}}"
    ))
}

/// One maker each.
pub(super) fn parts(trade: &Trade, symbol: &str, style: Style, now: i64) -> Vec<Event> {
    let price = text(|out| style.digits.price(out, trade.price));
    let (event, stamp, end) = (style.unit.of(now), style.unit.of(trade.micros), end(trade, style));
    let part = |id: i64, amount: i64| {
        let amount = text(|out| style.digits.amount(out, amount));
        event_of(format!(
            "{{\"e\":\"trade\",\"E\":{event},\"s\":\"{symbol}\",\"t\":{id},\"p\":\"{price}\",\"q\":\"{amount}\",\
             \"T\":{stamp},{end}}}"
        ))
    };
    trade.parts().map(|one| part(one.id, one.amount)).collect()
}

/// Whether the buyer was the maker, and what spot says besides.
fn end(trade: &Trade, style: Style) -> String {
    let is_maker = trade.taker == Side::Sell;
    if style.venue == Venue::Spot { format!("\"m\":{is_maker},\"M\":true") } else { format!("\"m\":{is_maker}") }
}

fn event_of(text: String) -> Event {
    Event { load: Load::Trade, text, sequence: None }
}
