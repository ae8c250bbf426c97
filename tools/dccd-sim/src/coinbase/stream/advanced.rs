//! Advanced Trade: every frame of a connection has the next number, whatever its channel.

use std::collections::BTreeMap;
use std::sync::Arc;

use dccd_record::Side;
use serde_json::{Value, json};

use super::super::{amount_number, amount_text, price_number, price_text, trades};
use super::{error, series, texts};
use crate::clock::{MINUTE, SECOND, iso_text};
use crate::coinbase::LEVELS;
use crate::feed::{CandleFeed, DepthFeed, Fallen, TradeFeed, recent};
use crate::hash::{mix, pick};
use crate::market::Series;
use crate::market::bar::Grid;
use crate::market::candle::{Candle, Fill};
use crate::market::catalogue::Listing;
use crate::market::statistics::BOOK_STEP;
use crate::market::trade::Trade;
use crate::ws::{Admission, Frame, Load, Meter, Session, Topic, World, is_overdue};

/// Trades that are shown to those who just came.
const RECENT: i64 = 50;
/// Candles are five minutes wide.
const GRID: Grid = Grid::Fixed { width: 5 * MINUTE, origin: 0 };
/// A connection on which nothing is said for so long is not kept.
const IDLE_SECS_MAX: i64 = 90;
const NANOS: u64 = 43;

/// One connection.
#[derive(Debug)]
pub(super) struct AdvancedSession {
    subscriptions: Vec<Subscription>,
    /// How many heartbeats there were, for those who want them.
    heartbeats: Option<i64>,
    sequence: i64,
    /// When something was last sent, by the clock of limits.
    sent: i64,
    meter: Meter,
}

#[derive(Debug)]
struct Subscription {
    channel: Channel,
    product: String,
    topic: Topic,
    feed: Feed,
}

/// What is subscribed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Channel {
    MarketTrades,
    Level2,
    Candles,
    Heartbeats,
}

#[derive(Debug)]
enum Feed {
    Trades(TradeFeed),
    Book(DepthFeed),
    Candles(CandleFeed),
}

/// A frame without its number.
#[derive(Debug)]
struct Message {
    frame: Frame,
    channel: &'static str,
    events: String,
}

impl AdvancedSession {
    pub(super) fn new(meter: Meter, limits_now: i64) -> AdvancedSession {
        AdvancedSession { subscriptions: Vec::new(), heartbeats: None, sequence: 0, sent: limits_now, meter }
    }

    /// All of it or nothing; what is there already comes before the acknowledgement.
    fn subscribe(&mut self, channel: Channel, products: &[String], world: &World<'_>) -> Result<Vec<Message>, String> {
        let mut are_answered = channel == Channel::Heartbeats;
        if are_answered {
            self.heartbeats.get_or_insert(0);
        }
        let mut opened = Vec::new();
        for product in products.iter().filter(|_| channel != Channel::Heartbeats) {
            let series = series(world.market, product, world.now)?;
            let is_same = |other: &Subscription| other.channel == channel && other.product == *product;
            if self.subscriptions.iter().chain(&opened).any(is_same) {
                are_answered = true;
                continue;
            }
            let topic = Topic::new(channel.name(), product);
            match world.admission(&topic) {
                Admission::Usual => opened.push(Subscription::open(channel, product, topic, &series, world)),
                // What its errors name is not documented, so whoever reads them must do with nothing.
                Admission::Denied => return Err("subscription refused".to_owned()),
                Admission::Ignored => continue,
            }
            are_answered = true;
        }
        let mut messages: Vec<Message> = opened.iter().map(|new| new.snapshot(world.now)).collect();
        self.subscriptions.extend(opened);
        messages.extend(are_answered.then(|| self.acknowledgement()));
        Ok(messages)
    }

    fn unsubscribe(&mut self, channel: Channel, products: &[String]) -> Vec<Message> {
        if channel == Channel::Heartbeats {
            self.heartbeats = None;
        }
        self.subscriptions.retain(|known| known.channel != channel || !products.contains(&known.product));
        vec![self.acknowledgement()]
    }

    /// Everything that is now subscribed to.
    fn acknowledgement(&self) -> Message {
        let mut channels: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for subscription in &self.subscriptions {
            channels.entry(subscription.channel.name()).or_default().push(&subscription.product);
        }
        if self.heartbeats.is_some() {
            channels.insert(Channel::Heartbeats.name(), vec![Channel::Heartbeats.name()]);
        }
        let events = json!([{"subscriptions": channels}]).to_string();
        Message { frame: Frame::control(String::new()), channel: "subscriptions", events }
    }

    fn heartbeat(&mut self, now: i64) -> Option<Message> {
        let counter = self.heartbeats.as_mut()?;
        *counter += 1;
        let current = iso_text(now, 6).replace('T', " ").replace('Z', "000 +0000 UTC");
        let events = json!([{"current_time": current, "heartbeat_counter": *counter}]).to_string();
        Some(Message { frame: Frame::heartbeat(String::new()), channel: "heartbeats", events })
    }

    /// Gives each message its number; what is muted uses up none.
    fn numbered(&mut self, messages: Vec<Message>, world: &World<'_>) -> Vec<Frame> {
        let mut frames = Vec::new();
        for Message { frame, channel, events } in messages.into_iter().filter(|message| world.reaches(&message.frame)) {
            let number = self.sequence;
            let stamp = nano_stamp(world.now, number);
            let text = format!(
                "{{\"channel\":\"{channel}\",\"client_id\":\"\",\"timestamp\":\"{stamp}\",\"sequence_num\":{number},\
                 \"events\":{events}}}"
            );
            frames.push(frame.with_text(|_| text).sealed("\"sequence_num\":", number, number + 1));
            self.sequence += 1;
            self.sent = world.limits_now;
        }
        frames
    }
}

impl Session for AdvancedSession {
    fn text(&mut self, message: &str, world: &World<'_>) -> Vec<Frame> {
        if !self.meter.admits(world.limits_now) {
            return vec![error("rate limit exceeded")];
        }
        let Ok(request) = serde_json::from_str::<Value>(message) else { return vec![error("malformed JSON")] };
        let kind = request.get("type").and_then(Value::as_str).unwrap_or_default();
        let products = texts(request.get("product_ids")).unwrap_or_default();
        let messages = Channel::parse(&request).and_then(|channel| match kind {
            _ if products.is_empty() && channel != Channel::Heartbeats => Err("product_ids is required".to_owned()),
            "subscribe" => self.subscribe(channel, &products, world),
            "unsubscribe" => Ok(self.unsubscribe(channel, &products)),
            _ => Err("type has to be subscribe or unsubscribe".to_owned()),
        });
        match messages {
            Ok(messages) => self.numbered(messages, world),
            Err(reason) => vec![error(&reason)],
        }
    }

    fn advance(&mut self, world: &World<'_>) -> Vec<Frame> {
        let each = self.subscriptions.iter_mut().map(|subscription| subscription.advance(world));
        let mut messages: Vec<Message> = each.flatten().collect();
        if world.is_due(SECOND) {
            messages.extend(self.heartbeat(world.now));
        }
        let mut frames = self.numbered(messages, world);
        if is_overdue(self.sent, world.limits_now, IDLE_SECS_MAX) {
            frames.push(Frame::close(1_000, "", "idle"));
        }
        frames
    }
}

impl Channel {
    fn parse(request: &Value) -> Result<Channel, String> {
        match request.get("channel").and_then(Value::as_str).unwrap_or_default() {
            "market_trades" => Ok(Channel::MarketTrades),
            "level2" => Ok(Channel::Level2),
            "candles" => Ok(Channel::Candles),
            "heartbeats" => Ok(Channel::Heartbeats),
            name => Err(format!("{name} is not a valid channel")),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Channel::MarketTrades => "market_trades",
            Channel::Level2 => "level2",
            Channel::Candles => "candles",
            Channel::Heartbeats => "heartbeats",
        }
    }
}

impl Subscription {
    fn open(channel: Channel, product: &str, topic: Topic, series: &Arc<Series>, world: &World<'_>) -> Subscription {
        let feed = match channel {
            Channel::Level2 => Feed::Book(DepthFeed::new(series, LEVELS, 1, Fallen::Told, world.now)),
            Channel::Candles => Feed::Candles(CandleFeed::new(series, GRID, Fill::Never, world.now)),
            _ => Feed::Trades(TradeFeed::new(series, world.now)),
        };
        Subscription { channel, product: product.to_owned(), topic, feed }
    }

    /// What there is when somebody comes.
    fn snapshot(&self, now: i64) -> Message {
        match &self.feed {
            Feed::Trades(feed) => self.trades("snapshot", feed.series(), &recent(feed.series(), now, RECENT)),
            Feed::Book(feed) => {
                let book = feed.book();
                self.book("snapshot", feed.series().listing(), book.step, [&book.bids, &book.asks])
            }
            Feed::Candles(feed) => self.candles("snapshot", feed.series().listing(), &feed.recent(now, 1)),
        }
    }

    fn advance(&mut self, world: &World<'_>) -> Vec<Message> {
        let (mut passed, mut changes, mut touched) = (Vec::new(), Vec::new(), Vec::new());
        match &mut self.feed {
            Feed::Trades(feed) => passed = feed.pass(world.now),
            Feed::Book(feed) => changes.extend(std::iter::from_fn(|| feed.next_change(&self.topic, world))),
            Feed::Candles(feed) if world.is_due(SECOND) => touched = feed.touched(world.now),
            Feed::Candles(_) => {}
        }
        let series = match &self.feed {
            Feed::Trades(feed) => feed.series(),
            Feed::Book(feed) => feed.series(),
            Feed::Candles(feed) => feed.series(),
        };
        let listing = series.listing();
        let mut messages = Vec::new();
        messages.extend((!passed.is_empty()).then(|| self.trades("update", series, &passed)));
        messages.extend(
            changes.iter().map(|change| self.book("update", listing, change.step, [&change.bids, &change.asks])),
        );
        messages.extend((!touched.is_empty()).then(|| self.candles("update", listing, &touched)));
        messages
    }

    /// The newest first.
    fn trades(&self, kind: &str, series: &Series, trades: &[Trade]) -> Message {
        let (listing, product) = (series.listing(), &self.product);
        let row = |trade: &Trade| {
            let side = if trade.taker == Side::Buy { "BUY" } else { "SELL" };
            let (price, size) = (price_number(listing, trade.price), amount_number(listing, i128::from(trade.amount)));
            let (id, time) = (trades::id(trade), iso_text(trade.micros, 6));
            format!(
                "{{\"product_id\":\"{product}\",\"trade_id\":\"{id}\",\"price\":\"{price}\",\"size\":\"{size}\",\
                 \"time\":\"{time}\",\"side\":\"{side}\"}}"
            )
        };
        let rows: Vec<String> = trades.iter().rev().map(row).collect();
        let events = format!("[{{\"type\":\"{kind}\",\"trades\":[{}]}}]", rows.join(","));
        self.message(Load::Trade, "market_trades", events)
    }

    fn book(&self, kind: &str, listing: &Listing, step: i64, [bids, asks]: [&Vec<(i64, i64)>; 2]) -> Message {
        let (product, time) = (&self.product, iso_text(step * BOOK_STEP, 6));
        let row = |side: &str, (ticks, amount): &(i64, i64)| {
            let price = price_text(listing, *ticks);
            let amount = if *amount == 0 { "0".to_owned() } else { amount_text(listing, i128::from(*amount)) };
            format!(
                "{{\"side\":\"{side}\",\"event_time\":\"{time}\",\"price_level\":\"{price}\",\
                 \"new_quantity\":\"{amount}\"}}"
            )
        };
        let (bids, asks) = (bids.iter().map(|level| row("bid", level)), asks.iter().map(|level| row("offer", level)));
        let updates: Vec<String> = bids.chain(asks).collect();
        let events =
            format!("[{{\"type\":\"{kind}\",\"product_id\":\"{product}\",\"updates\":[{}]}}]", updates.join(","));
        self.message(Load::Book, "l2_data", events)
    }

    fn candles(&self, kind: &str, listing: &Listing, candles: &[Candle]) -> Message {
        let product = &self.product;
        let row = |candle: &Candle| {
            let bar = &candle.bar;
            let [high, low, open, close] =
                [bar.high, bar.low, bar.open, bar.close].map(|ticks| price_number(listing, ticks));
            let (start, volume) = (candle.start / SECOND, amount_number(listing, bar.volume));
            format!(
                "{{\"start\":\"{start}\",\"high\":\"{high}\",\"low\":\"{low}\",\"open\":\"{open}\",\
                 \"close\":\"{close}\",\"volume\":\"{volume}\",\"product_id\":\"{product}\"}}"
            )
        };
        let rows: Vec<String> = candles.iter().map(row).collect();
        let events = format!("[{{\"type\":\"{kind}\",\"candles\":[{}]}}]", rows.join(","));
        self.message(Load::Candle, "candles", events)
    }

    fn message(&self, load: Load, channel: &'static str, events: String) -> Message {
        Message { frame: Frame::of(load, &self.topic, String::new()), channel, events }
    }
}

/// An instant in nanoseconds, of which nobody needs the last three digits.
fn nano_stamp(instant: i64, number: i64) -> String {
    let nanos = pick(mix(NANOS, number), 1_000);
    iso_text(instant, 6).replace('Z', &format!("{nanos:03}Z"))
}
