//! Streams, version 2: arrays that begin with the number of a channel, in the order that SEQ_ALL proves.

mod book;
mod request;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use serde_json::{Value, json};

use crate::bitfinex::symbols::Symbols;
use crate::bitfinex::{candles, status, trades};
use crate::clock::{MILLI, SECOND};
use crate::exchange::Moment;
use crate::feed::{CandleFeed, TradeFeed, recent};
use crate::hash::{mix, pick};
use crate::market::Series;
use crate::market::bar::Grid;
use crate::market::candle::Fill;
use crate::market::catalogue::Standing;
use crate::market::ids::uuid;
use crate::ws::{Admission, Farewell, Frame, Load, Session, Topic, World};
use book::BookFeed;
use request::{Refusal, Request, Subject};

pub(super) const PATH: &str = "/ws/2";
/// A channel that was quiet for so long says that it lives.
const HEARTBEAT: i64 = 15 * SECOND;
/// Trades and candles that are shown to those who just came.
const RECENT_TRADES: i64 = 30;
const RECENT_CANDLES: usize = 100;
const CHANNELS_MAX: usize = 30;
/// The numbers of a connection's channels begin below it, and go up by less than the other.
const FIRST_CHANNEL: i64 = 300_000;
const CHANNEL_STRIDE: i64 = 40;
const HELLO: u64 = 51;

/// What `conf` switches on.
#[derive(Clone, Copy, Debug, Default)]
struct Flags(u64);

/// One connection.
#[derive(Debug)]
pub(super) struct BitfinexSession {
    symbols: Arc<Symbols>,
    channels: Vec<Channel>,
    flags: Flags,
    /// The number of the last array.
    sequence: i64,
    /// The number of the last channel.
    channel: i64,
    channels_max: usize,
}

#[derive(Debug)]
struct Channel {
    id: i64,
    subject: Subject,
    topic: Topic,
    feed: Feed,
    /// When something was last said of it.
    told: i64,
}

#[derive(Debug)]
enum Feed {
    Trades(TradeFeed),
    Book(BookFeed),
    Candles(CandleFeed, Grid),
    /// What is measured of a contract, up to an instant.
    Status(Arc<Series>, i64),
}

/// What stands behind the number of a channel.
#[derive(Debug)]
struct Payload {
    load: Load,
    text: String,
}

impl Flags {
    const TIMESTAMP: u64 = 32_768;
    const SEQ_ALL: u64 = 65_536;
    const OB_CHECKSUM: u64 = 131_072;
    const BULK_UPDATES: u64 = 536_870_912;

    fn has(self, flag: u64) -> bool {
        self.0 & flag != 0
    }
}

impl BitfinexSession {
    pub(super) fn new(symbols: &Arc<Symbols>, moment: Moment, has_limits: bool) -> BitfinexSession {
        BitfinexSession {
            symbols: Arc::clone(symbols),
            channels: Vec::new(),
            flags: Flags::default(),
            sequence: 0,
            channel: pick(mix(HELLO, moment.limits_now), FIRST_CHANNEL),
            channels_max: if has_limits { CHANNELS_MAX } else { usize::MAX },
        }
    }

    fn subscribe(&mut self, request: &Request, world: &World<'_>) -> Result<Vec<Frame>, Refusal> {
        let subject = request.subject()?;
        if self.channels.iter().any(|channel| channel.subject == subject) {
            return Err(Refusal(10_301, "subscribe: dup".to_owned()));
        }
        let invalid = || Refusal(10_300, format!("{}: invalid", subject.field()));
        let series = self.symbols.series(world.market, subject.symbol(), world.now).ok_or_else(invalid)?;
        if series.listing().standing(world.now) != Standing::Trading {
            return Err(invalid());
        }
        if self.channels.len() >= self.channels_max {
            return Err(Refusal(10_305, "subscribe: limit".to_owned()));
        }
        let topic = subject.topic();
        match world.admission(&topic) {
            Admission::Usual => {}
            Admission::Denied => return Err(invalid()),
            Admission::Ignored => return Ok(Vec::new()),
        }
        self.channel += 1 + pick(mix(HELLO, self.channel), CHANNEL_STRIDE);
        let channel = Channel::open(self.channel, subject, topic, &series, world.now);
        let mut frames = vec![request.subscribed(channel.id)];
        frames.extend(self.framed(&channel, channel.snapshot(world.now), world));
        self.channels.push(channel);
        Ok(frames)
    }

    fn unsubscribe(&mut self, id: Option<i64>) -> Result<Vec<Frame>, Refusal> {
        let at = self.channels.iter().position(|channel| Some(channel.id) == id);
        let at = at.ok_or_else(|| Refusal(10_400, "unsubscribe: invalid".to_owned()))?;
        let channel = self.channels.remove(at);
        Ok(vec![event(&json!({"event": "unsubscribed", "status": "OK", "chanId": channel.id}))])
    }

    /// The array of a channel with what the flags append; what is muted uses up no number.
    fn framed(&mut self, channel: &Channel, payload: Payload, world: &World<'_>) -> Option<Frame> {
        let Payload { load, text } = payload;
        let frame = Frame::of(load, &channel.topic, String::new());
        if !world.reaches(&frame) {
            return None;
        }
        let mut array = format!("[{},{text}", channel.id);
        if self.flags.has(Flags::SEQ_ALL) {
            self.sequence += 1;
            array.push_str(&format!(",{}", self.sequence));
        }
        if self.flags.has(Flags::TIMESTAMP) {
            array.push_str(&format!(",{}", world.now / MILLI));
        }
        array.push(']');
        let frame = frame.with_text(|_| array);
        Some(match text.strip_prefix("\"cs\",").and_then(|checksum| checksum.parse::<i32>().ok()) {
            Some(checksum) => frame.sealed("\"cs\",", checksum, checksum ^ 1),
            None if self.flags.has(Flags::SEQ_ALL) => frame.sealed("],", self.sequence, self.sequence + 1),
            None => frame,
        })
    }

    fn conf(&mut self, flags: Option<u64>) -> Result<Vec<Frame>, Refusal> {
        let flags = flags.ok_or_else(|| Refusal(10_020, "flags: invalid".to_owned()))?;
        self.flags = Flags(flags);
        Ok(vec![event(&json!({"event": "conf", "status": "OK", "flags": flags}))])
    }
}

impl Session for BitfinexSession {
    fn hello(&mut self, world: &World<'_>) -> Vec<Frame> {
        let server = uuid(HELLO, world.limits_now);
        vec![event(&json!({"event": "info", "version": 2, "serverId": server, "platform": {"status": 1}}))]
    }

    fn text(&mut self, message: &str, world: &World<'_>) -> Vec<Frame> {
        let request = Request::parse(message);
        let answer = match request.event() {
            "conf" => self.conf(request.number("flags").and_then(|flags| u64::try_from(flags).ok())),
            "subscribe" => self.subscribe(&request, world),
            "unsubscribe" => self.unsubscribe(request.number("chanId")),
            "ping" => Ok(vec![request.pong(world.now)]),
            _ => Err(Refusal(10_000, "event: unknown".to_owned())),
        };
        answer.unwrap_or_else(|refusal| vec![request.refused(&refusal)])
    }

    fn advance(&mut self, world: &World<'_>) -> Vec<Frame> {
        let mut channels = std::mem::take(&mut self.channels);
        let mut frames = Vec::new();
        for channel in &mut channels {
            let mut payloads = channel.advance(self.flags, world);
            if payloads.is_empty() && world.now - channel.told >= HEARTBEAT {
                payloads.push(Payload { load: Load::Heartbeat, text: "\"hb\"".to_owned() });
            }
            if !payloads.is_empty() {
                channel.told = world.now;
            }
            frames.extend(payloads.into_iter().filter_map(|payload| self.framed(channel, payload, world)));
        }
        self.channels = channels;
        frames
    }

    fn farewell(&mut self, farewell: Farewell, _: &World<'_>) -> Vec<Frame> {
        match farewell {
            Farewell::Restart => {
                let message = "Stopping. Please try to reconnect";
                vec![event(&json!({"event": "info", "code": 20_051, "msg": message}))]
            }
            Farewell::Age => Vec::new(),
        }
    }
}

impl Channel {
    fn open(id: i64, subject: Subject, topic: Topic, series: &Arc<Series>, now: i64) -> Channel {
        let feed = match &subject {
            Subject::Trades { .. } => Feed::Trades(TradeFeed::new(series, now)),
            Subject::Book { scope, .. } => Feed::Book(BookFeed::new(series, *scope, now)),
            Subject::Candles { grid, .. } => Feed::Candles(CandleFeed::new(series, *grid, Fill::Never, now), *grid),
            Subject::Status { .. } => Feed::Status(Arc::clone(series), now),
        };
        Channel { id, subject, topic, feed, told: now }
    }

    /// What there is when somebody comes, the newest first.
    fn snapshot(&self, now: i64) -> Payload {
        match &self.feed {
            Feed::Trades(feed) => {
                let series = feed.series();
                let trades = recent(series, now, RECENT_TRADES);
                let rows: Vec<String> = trades.iter().rev().map(|trade| trades::row(series, trade)).collect();
                Payload::new(Load::Trade, format!("[{}]", rows.join(",")))
            }
            Feed::Book(feed) => Payload::new(Load::Book, feed.snapshot()),
            Feed::Candles(feed, grid) => {
                let series = feed.series();
                let rows = candles::descending(series, *grid, 0, now.saturating_add(1), now).take(RECENT_CANDLES);
                let rows: Vec<String> = rows.map(|row| candles::row_text(series, &row)).collect();
                Payload::new(Load::Candle, format!("[{}]", rows.join(",")))
            }
            Feed::Status(series, _) => {
                let last = status::descending(series, 0, now.saturating_add(1)).next();
                Payload::new(Load::Funding, last.map_or_else(|| "[]".to_owned(), |last| status::row(series, &last)))
            }
        }
    }

    fn advance(&mut self, flags: Flags, world: &World<'_>) -> Vec<Payload> {
        match &mut self.feed {
            Feed::Trades(feed) => executions(feed, world.now),
            Feed::Book(feed) => feed.updates(&self.topic, flags, world),
            // The newest first: the one before is corrected when its successor is there already.
            Feed::Candles(feed, _) if are_candles_due(world) => {
                let touched = feed.touched(world.now);
                let rows = touched.iter().rev().map(|candle| candles::Row::from(*candle));
                let rows = rows.map(|row| Payload::new(Load::Candle, candles::row_text(feed.series(), &row)));
                rows.collect()
            }
            Feed::Candles(..) => Vec::new(),
            Feed::Status(series, told) => {
                let from = std::mem::replace(told, world.now);
                let rows = status::ascending(series, from.saturating_add(1), world.now.saturating_add(1));
                rows.map(|row| Payload::new(Load::Funding, status::row(series, &row))).collect()
            }
        }
    }
}

impl Payload {
    fn new(load: Load, text: String) -> Payload {
        Payload { load, text }
    }
}

/// Candles are told once a second, and not when a minute ends: what came last before that is told late.
fn are_candles_due(world: &World<'_>) -> bool {
    let beat = |instant: i64| (instant - SECOND / 2).div_euclid(SECOND);
    beat(world.from) < beat(world.now)
}

/// Every trade twice: executed, and then updated.
fn executions(feed: &mut TradeFeed, now: i64) -> Vec<Payload> {
    let passed = feed.pass(now);
    let rows: Vec<String> = passed.iter().map(|trade| trades::row(feed.series(), trade)).collect();
    let named = ["te", "tu"].into_iter().flat_map(|name| rows.iter().map(move |row| format!("\"{name}\",{row}")));
    named.map(|text| Payload::new(Load::Trade, text)).collect()
}

fn event(value: &Value) -> Frame {
    Frame::control(value.to_string())
}
