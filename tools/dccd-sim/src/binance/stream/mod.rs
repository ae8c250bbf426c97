//! Streams: named in the path, in the query or in messages, all on one connection.
//!
//! A name that means nothing is taken without a word, and nothing ever comes of it. USD-M has two groups of streams,
//! each with a path of its own; what is asked for in the wrong group is such a name.

mod depth;
mod klines;
mod message;
mod name;
#[cfg(test)]
mod tests;
mod trades;

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use crate::binance::params::Unit;
use crate::binance::venue::{Digits, EXCHANGE, Style, Symbols};
use crate::clock::{MILLI, MINUTE, SECOND};
use crate::feed::{BandFeed, DepthFeed, TradeFeed};
use crate::http::Request;
use crate::ws::{Admission, Content, ControlKind, Farewell, Frame, Load, Meter, Session, Topic, World, is_overdue};
use klines::KlineFeed;
use message::Message;
use name::{Channel, StreamName};
pub(crate) use name::{Door, Host};

/// Streams of one connection.
const STREAMS_MAX: usize = 1_024;
/// Whoever breaks a rule is told so in a close frame.
const POLICY: u16 = 1_008;
/// However fast the clock runs, clients are not asked more often for a pong.
const PING_REAL_MIN: i64 = 2 * SECOND;

/// One connection.
#[derive(Debug)]
pub(crate) struct BinanceSession {
    symbols: Arc<Symbols>,
    door: Door,
    unit: Unit,
    /// Whether frames name their stream.
    is_combined: bool,
    subscriptions: Vec<Subscription>,
    messages: Meter,
    /// When the last ping was sent, and the first one that was not answered; by the clock of limits.
    pinged: Option<i64>,
    unanswered: Option<i64>,
}

/// One stream, or a name that means nothing.
#[derive(Debug)]
struct Subscription {
    name: String,
    stream: Option<Stream>,
}

/// What is pushed, and how it is written.
#[derive(Debug)]
struct Stream {
    topic: Topic,
    symbol: String,
    style: Style,
    feed: Feed,
}

#[derive(Debug)]
enum Feed {
    Aggregate(TradeFeed),
    Parts(TradeFeed),
    Klines(KlineFeed),
    Diff(BandFeed),
    Partial(DepthFeed),
}

impl BinanceSession {
    /// The session of a path; `None` if no stream is there.
    pub(crate) fn open(symbols: &Arc<Symbols>, request: &Request, is_unlimited: bool) -> Option<BinanceSession> {
        let door = Door::of(&request.path)?;
        let query = request.query();
        let in_query = query.value("streams").unwrap_or_default().split('/');
        let names = door.names.iter().map(String::as_str).chain(in_query).filter(|name| !name.is_empty());
        let silent = |name: &str| Subscription { name: name.to_owned(), stream: None };
        let subscriptions = names.map(silent).collect();
        let is_micros = query.value("timeUnit").is_some_and(|unit| unit.eq_ignore_ascii_case("microsecond"));
        let messages_max = if door.host == Host::Root { 5 } else { 10 };
        Some(BinanceSession {
            symbols: Arc::clone(symbols),
            is_combined: door.is_combined,
            unit: if is_micros && door.host == Host::Root { Unit::Micros } else { Unit::Millis },
            door,
            subscriptions,
            messages: Meter::new(messages_max, Duration::from_secs(1), is_unlimited),
            pinged: None,
            unanswered: None,
        })
    }

    /// The stream of a name and how it is admitted; nothing if the name means nothing here.
    fn stream(&self, name: &str, world: &World<'_>) -> Option<(Stream, Admission)> {
        let parsed = StreamName::parse(name, self.door.host, &self.symbols)?;
        let series = world.market.series(EXCHANGE, &parsed.pair)?;
        let listing = series.listing();
        if listing.since > world.now {
            return None;
        }
        let topic = Topic::new(&parsed.channel_text, &parsed.symbol);
        let admission = world.admission(&topic);
        let style = Style { venue: parsed.venue, unit: self.unit, digits: Digits::of(listing) };
        let feed = match parsed.channel {
            Channel::Aggregate => Feed::Aggregate(TradeFeed::new(&series, world.now)),
            Channel::Parts => Feed::Parts(TradeFeed::new(&series, world.now)),
            Channel::Klines(interval) => Feed::Klines(KlineFeed::new(&series, interval, None, world.now)),
            Channel::Continuous(interval, contract) => {
                Feed::Klines(KlineFeed::new(&series, interval, Some(contract), world.now))
            }
            Channel::Diff(pace) => Feed::Diff(depth::diff(&series, pace, world.now)),
            Channel::Partial(levels, pace) => Feed::Partial(depth::partial(&series, levels, pace, world.now)),
        };
        Some((Stream { topic, symbol: parsed.symbol, style, feed }, admission))
    }

    /// Adds streams; the answer, if there is one.
    fn subscribe(&mut self, names: Vec<String>, message: &Message, world: &World<'_>) -> Option<Frame> {
        let mut added = Vec::new();
        let mut is_ignored = false;
        for name in names {
            if self.subscriptions.iter().chain(&added).any(|subscription| subscription.name == name) {
                continue;
            }
            let stream = match self.stream(&name, world) {
                Some((stream, Admission::Usual)) => Some(stream),
                Some((_, Admission::Denied)) => {
                    return Some(message.error(2, "Invalid request: too many subscriptions"));
                }
                Some((_, Admission::Ignored)) => {
                    is_ignored = true;
                    None
                }
                None => None,
            };
            added.push(Subscription { name, stream });
        }
        self.subscriptions.append(&mut added);
        if self.subscriptions.len() > STREAMS_MAX {
            return Some(Frame::close(POLICY, "Too many streams", "streams"));
        }
        (!is_ignored).then(|| message.done(json!(null)))
    }

    fn take(&mut self, message: Message, world: &World<'_>) -> Option<Frame> {
        match message.method.as_str() {
            "SUBSCRIBE" => self.subscribe(message.names(), &message, world),
            "UNSUBSCRIBE" => {
                let names = message.names();
                self.subscriptions.retain(|subscription| !names.contains(&subscription.name));
                Some(message.done(json!(null)))
            }
            "LIST_SUBSCRIPTIONS" => {
                let names: Vec<&str> = self.subscriptions.iter().map(|one| one.name.as_str()).collect();
                Some(message.done(json!(names)))
            }
            "SET_PROPERTY" => {
                self.is_combined = message.combined().unwrap_or(self.is_combined);
                Some(message.done(json!(null)))
            }
            "GET_PROPERTY" => Some(message.done(json!(self.is_combined))),
            other => Some(message.unknown(other)),
        }
    }

    /// The end of whoever sends too much.
    fn flooded(&mut self, world: &World<'_>) -> Option<Frame> {
        let is_within = self.messages.admits(world.limits_now);
        (!is_within).then(|| Frame::close(POLICY, "Too many requests", "flood"))
    }

    /// A ping when it is time, and the end of those who did not answer the last one.
    fn heartbeat(&mut self, world: &World<'_>) -> Option<Frame> {
        let (period, patience_secs) = match self.door.host {
            Host::Root => (20 * SECOND, 60),
            Host::Public | Host::Market => (3 * MINUTE, 600),
        };
        if self.unanswered.is_some_and(|since| is_overdue(since, world.limits_now, patience_secs)) {
            return Some(Frame::close(POLICY, "Pong timeout", "silence"));
        }
        let is_soon = self.pinged.is_some_and(|at| world.limits_now - at < PING_REAL_MIN);
        if !world.is_due(period) || is_soon {
            return None;
        }
        self.pinged = Some(world.limits_now);
        self.unanswered.get_or_insert(world.limits_now);
        Some(Frame::ping((world.now / MILLI).to_string()))
    }
}

impl Session for BinanceSession {
    fn hello(&mut self, world: &World<'_>) -> Vec<Frame> {
        let names: Vec<String> = self.subscriptions.drain(..).map(|one| one.name).collect();
        // Nothing is said to what stands in the path, not even that it is wrong.
        let message = Message::default();
        let answers = names.into_iter().filter_map(|name| self.subscribe(vec![name], &message, world));
        let ends = answers.filter(|frame| matches!(frame.content, Content::Close(_)));
        ends.take(1).collect()
    }

    fn text(&mut self, message: &str, world: &World<'_>) -> Vec<Frame> {
        if let Some(end) = self.flooded(world) {
            return vec![end];
        }
        match Message::parse(message) {
            Ok(message) => self.take(message, world).into_iter().collect(),
            Err(refusal) => vec![refusal],
        }
    }

    fn control(&mut self, kind: ControlKind, world: &World<'_>) -> Vec<Frame> {
        if kind == ControlKind::Pong {
            self.unanswered = None;
        }
        self.flooded(world).into_iter().collect()
    }

    fn advance(&mut self, world: &World<'_>) -> Vec<Frame> {
        let is_combined = self.is_combined;
        let each = self.subscriptions.iter_mut().map(|subscription| subscription.advance(is_combined, world));
        let mut frames: Vec<Frame> = each.flatten().collect();
        frames.extend(self.heartbeat(world));
        frames
    }

    fn farewell(&mut self, farewell: Farewell, world: &World<'_>) -> Vec<Frame> {
        if farewell == Farewell::Age {
            return Vec::new();
        }
        let event = format!("{{\"e\":\"serverShutdown\",\"E\":{}}}", self.unit.of(world.now));
        vec![Frame::control(wrapped(self.is_combined, "!serverShutdown", &event))]
    }
}

impl Subscription {
    fn advance(&mut self, is_combined: bool, world: &World<'_>) -> Vec<Frame> {
        let Some(stream) = &mut self.stream else { return Vec::new() };
        let Stream { topic, symbol, style, feed } = stream;
        let (style, now) = (*style, world.now);
        let events: Vec<Event> = match feed {
            Feed::Aggregate(feed) => {
                feed.pass(now).iter().map(|trade| trades::aggregate(trade, symbol, style, now)).collect()
            }
            Feed::Parts(feed) => {
                feed.pass(now).iter().flat_map(|trade| trades::parts(trade, symbol, style, now)).collect()
            }
            Feed::Klines(feed) => feed.events(symbol, style, world),
            Feed::Diff(feed) => depth::diffs(feed, topic, symbol, style, world),
            Feed::Partial(feed) => depth::partials(feed, topic, symbol, style, world),
        };
        let frame = |event: Event| {
            let text = wrapped(is_combined, &self.name, &event.text);
            let frame = Frame::of(event.load, topic, text);
            match event.sequence {
                Some(Sequence { key, right, wrong }) => frame.sealed(key, right, wrong),
                None => frame,
            }
        };
        events.into_iter().map(frame).collect()
    }
}

/// What is pushed, before it is known how the stream is named.
#[derive(Debug)]
struct Event {
    load: Load,
    text: String,
    sequence: Option<Sequence>,
}

/// What tells whether an event was missed.
#[derive(Clone, Copy, Debug)]
struct Sequence {
    key: &'static str,
    right: i64,
    wrong: i64,
}

fn wrapped(is_combined: bool, name: &str, event: &str) -> String {
    if is_combined { format!("{{\"stream\":\"{name}\",\"data\":{event}}}") } else { event.to_owned() }
}
