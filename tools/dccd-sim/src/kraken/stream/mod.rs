//! Streams, version 2: one path, and subscriptions that are answered symbol by symbol.

mod book;
mod candles;
mod instruments;
mod request;
#[cfg(test)]
mod tests;
mod trades;

use std::sync::Arc;

use dccd_record::Pair;
use serde_json::{Value, json};

use super::EXCHANGE;
use crate::clock::{SECOND, iso_text};
use crate::exchange::Moment;
use crate::feed::{CandleFeed, DepthFeed, TradeFeed};
use crate::hash::mix;
use crate::market::catalogue::Standing;
use crate::market::{Market, Series};
use crate::ws::{Admission, Farewell, Frame, Session, Topic, World, is_overdue};
use request::{Channel, Request};

pub(super) const PATH: &str = "/v2";
/// A sign of life comes when nothing else came for so long.
const HEARTBEAT: i64 = SECOND;
/// Who subscribes to nothing for so long is not kept.
const IDLE_SECS_MAX: i64 = 60;
const HELLO: i64 = 31;

/// One connection.
#[derive(Debug)]
pub(super) struct KrakenSession {
    subscriptions: Vec<Subscription>,
    /// Since when nothing is subscribed to, by the clock of limits.
    idle_since: i64,
    /// When something was last sent.
    sent: i64,
}

#[derive(Debug)]
struct Subscription {
    topic: Topic,
    feed: Feed,
}

#[derive(Debug)]
enum Feed {
    Trades(TradeFeed),
    Book(DepthFeed),
    Candles(CandleFeed, i64),
    /// What is listed; told once.
    Instruments,
}

impl KrakenSession {
    pub(super) fn new(moment: Moment) -> KrakenSession {
        KrakenSession { subscriptions: Vec::new(), idle_since: moment.limits_now, sent: moment.now }
    }

    /// The answers of one subscription: one for each symbol, with the snapshot behind it.
    fn subscribe(&mut self, request: &Request, world: &World<'_>) -> Vec<Frame> {
        let mut frames = Vec::new();
        for symbol in &request.symbols {
            let opened = request.topic(symbol).and_then(|topic| self.open(request, topic, symbol, world));
            match opened {
                Ok(Some((subscription, snapshot))) => {
                    frames.push(request.answer(symbol, world.now));
                    frames.extend(snapshot);
                    self.subscriptions.push(subscription);
                }
                Ok(None) => {}
                Err(message) => frames.push(request.error(symbol, &message, world.now)),
            }
        }
        frames
    }

    /// A subscription and what is sent at once; nothing if it is ignored.
    fn open(
        &self,
        request: &Request,
        topic: Topic,
        symbol: &str,
        world: &World<'_>,
    ) -> Result<Option<(Subscription, Option<Frame>)>, String> {
        let unknown = || format!("Currency pair not supported {symbol}");
        if self.subscriptions.iter().any(|subscription| subscription.topic == topic) {
            return Err("Already subscribed".to_owned());
        }
        if request.channel == Channel::Instruments {
            let snapshot = instruments::snapshot(&topic, world);
            return Ok(Some((Subscription { topic, feed: Feed::Instruments }, request.snapshot.then_some(snapshot))));
        }
        let series = series(world.market, symbol, world.now).ok_or_else(unknown)?;
        match world.admission(&topic) {
            Admission::Usual => {}
            Admission::Denied => return Err(unknown()),
            Admission::Ignored => return Ok(None),
        }
        let (feed, snapshot) = match request.channel {
            Channel::Trades => {
                (Feed::Trades(TradeFeed::new(&series, world.now)), trades::snapshot(&topic, &series, world.now))
            }
            Channel::Book(depth) => {
                let feed = book::feed(&series, depth, world.now);
                let snapshot = book::snapshot(&topic, &feed);
                (Feed::Book(feed), snapshot)
            }
            Channel::Candles(minutes) => {
                let feed = candles::feed(&series, minutes, world.now);
                let snapshot = candles::snapshot(&topic, &feed, minutes, world.now);
                (Feed::Candles(feed, minutes), snapshot)
            }
            Channel::Instruments => return Ok(None),
        };
        Ok(Some((Subscription { topic, feed }, request.snapshot.then_some(snapshot))))
    }

    fn unsubscribe(&mut self, request: &Request, world: &World<'_>) -> Vec<Frame> {
        let mut frames = Vec::new();
        for symbol in &request.symbols {
            let before = self.subscriptions.len();
            let topic = request.topic(symbol);
            self.subscriptions.retain(|subscription| Ok(&subscription.topic) != topic.as_ref());
            frames.push(match before == self.subscriptions.len() {
                true => request.error(symbol, "Subscription Not Found", world.now),
                false => request.answer(symbol, world.now),
            });
        }
        self.idle_since = world.limits_now;
        frames
    }

    /// Remembers when something was last sent, so that heartbeats fill the silence.
    fn noted(&mut self, frames: Vec<Frame>, world: &World<'_>) -> Vec<Frame> {
        if frames.iter().any(|frame| world.reaches(frame)) {
            self.sent = world.now;
        }
        frames
    }
}

impl Session for KrakenSession {
    fn hello(&mut self, world: &World<'_>) -> Vec<Frame> {
        vec![status("online", world)]
    }

    fn text(&mut self, message: &str, world: &World<'_>) -> Vec<Frame> {
        let value: Value = serde_json::from_str(message).unwrap_or_default();
        let frames = match value.get("method").and_then(Value::as_str) {
            Some("ping") => vec![request::pong(&value, world.now)],
            Some("subscribe") => match Request::parse(&value) {
                Ok(request) => self.subscribe(&request, world),
                Err(message) => vec![request::refusal(&value, message, world.now)],
            },
            Some("unsubscribe") => match Request::parse(&value) {
                Ok(request) => self.unsubscribe(&request, world),
                Err(message) => vec![request::refusal(&value, message, world.now)],
            },
            _ => vec![request::refusal(&value, "Malformed request", world.now)],
        };
        self.noted(frames, world)
    }

    fn advance(&mut self, world: &World<'_>) -> Vec<Frame> {
        let each = self.subscriptions.iter_mut().map(|subscription| subscription.advance(world));
        let mut frames: Vec<Frame> = each.flatten().collect();
        if self.subscriptions.is_empty() {
            if is_overdue(self.idle_since, world.limits_now, IDLE_SECS_MAX) {
                frames.push(Frame::close(1_000, "", "idle"));
            }
            return frames;
        }
        frames = self.noted(frames, world);
        if world.now - self.sent >= HEARTBEAT {
            self.sent = world.now;
            frames.push(Frame::heartbeat("{\"channel\":\"heartbeat\"}"));
        }
        frames
    }

    fn farewell(&mut self, farewell: Farewell, world: &World<'_>) -> Vec<Frame> {
        match farewell {
            Farewell::Restart => vec![status("maintenance", world)],
            Farewell::Age => Vec::new(),
        }
    }
}

impl Subscription {
    fn advance(&mut self, world: &World<'_>) -> Vec<Frame> {
        match &mut self.feed {
            Feed::Trades(feed) => trades::updates(&self.topic, feed, world.now),
            Feed::Book(feed) => book::updates(&self.topic, feed, world),
            Feed::Candles(feed, minutes) => candles::updates(&self.topic, feed, *minutes, world.now),
            Feed::Instruments => Vec::new(),
        }
    }
}

/// The pair of a symbol such as `BTC/USD`: here the exchange uses the names that all use.
fn series(market: &Market, symbol: &str, now: i64) -> Option<Arc<Series>> {
    let pair: Pair = symbol.parse().ok().filter(|pair: &Pair| pair.to_string() == symbol)?;
    let series = market.series(EXCHANGE, &pair)?;
    matches!(series.listing().standing(now), Standing::Trading | Standing::Halted).then_some(series)
}

fn status(system: &str, world: &World<'_>) -> Frame {
    let connection_id = mix(HELLO.cast_unsigned(), world.limits_now) >> 1;
    let status = json!({"version": "2.0.10", "system": system, "api_version": "v2", "connection_id": connection_id});
    Frame::control(json!({"channel": "status", "type": "update", "data": [status]}).to_string())
}

/// An instant as data have it.
fn stamp(instant: i64) -> String {
    iso_text(instant, 6)
}
