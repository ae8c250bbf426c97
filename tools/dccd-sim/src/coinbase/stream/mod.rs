//! Streams: two protocols on one path, of which the first message tells which is spoken.

mod advanced;
mod exchange;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::{EXCHANGE, listings};
use crate::exchange::Moment;
use crate::market::catalogue::Standing;
use crate::market::{Market, Series};
use crate::ws::{Frame, Meter, Session, World, is_overdue};
use advanced::AdvancedSession;
use exchange::ExchangeSession;

pub(super) const PATH: &str = "/";
/// Who says nothing for so long is not kept.
const SILENT_SECS_MAX: i64 = 5;
const SECOND: Duration = Duration::from_secs(1);
/// Messages a second, by protocol.
const EXCHANGE_MESSAGES_MAX: usize = 100;
const ADVANCED_MESSAGES_MAX: usize = 8;

/// One connection of which it is not known yet what it is, or that is one of the two.
#[derive(Debug)]
pub(super) struct CoinbaseSession {
    protocol: Option<Box<dyn Session>>,
    opened: i64,
    has_limits: bool,
}

impl CoinbaseSession {
    pub(super) fn new(moment: Moment, has_limits: bool) -> CoinbaseSession {
        CoinbaseSession { protocol: None, opened: moment.limits_now, has_limits }
    }

    /// Advanced Trade names one `channel`, the Exchange a list of `channels`.
    fn choose(&self, request: &Value, world: &World<'_>) -> Option<Box<dyn Session>> {
        let meter = |max| Meter::new(max, SECOND, !self.has_limits);
        if request.get("channel").is_some() {
            return Some(Box::new(AdvancedSession::new(meter(ADVANCED_MESSAGES_MAX), world.limits_now)));
        }
        request.get("channels")?;
        Some(Box::new(ExchangeSession::new(meter(EXCHANGE_MESSAGES_MAX))))
    }
}

impl Session for CoinbaseSession {
    fn text(&mut self, message: &str, world: &World<'_>) -> Vec<Frame> {
        if self.protocol.is_none() {
            let request: Value = serde_json::from_str(message).unwrap_or_default();
            self.protocol = self.choose(&request, world);
        }
        match &mut self.protocol {
            Some(protocol) => protocol.text(message, world),
            None => vec![error("Malformed JSON")],
        }
    }

    fn advance(&mut self, world: &World<'_>) -> Vec<Frame> {
        match &mut self.protocol {
            Some(protocol) => protocol.advance(world),
            None if is_overdue(self.opened, world.limits_now, SILENT_SECS_MAX) => {
                vec![Frame::close(1_000, "", "silent")]
            }
            None => Vec::new(),
        }
    }
}

fn error(message: &str) -> Frame {
    Frame::control(json!({"type": "error", "message": message}).to_string())
}

/// What a product id stands for, or why nobody can subscribe to it.
fn series(market: &Market, id: &str, now: i64) -> Result<Arc<Series>, String> {
    let unknown = || no_product(id);
    let pair = listings::pair(id).ok_or_else(unknown)?;
    let series = market.series(EXCHANGE, &pair).ok_or_else(unknown)?;
    match series.listing().standing(now) {
        Standing::Trading | Standing::Halted => Ok(series),
        Standing::Delisted => Err(format!("{id} is delisted")),
        Standing::Unlisted => Err(unknown()),
    }
}

fn no_product(id: &str) -> String {
    format!("{id} is not a valid product")
}

/// The texts of a list; none: it is no list of texts.
fn texts(value: Option<&Value>) -> Option<Vec<String>> {
    value?.as_array()?.iter().map(|text| text.as_str().map(str::to_owned)).collect()
}
