//! The feed of the Exchange: trades one by one, books without a number, and heartbeats that name the last trade.

use std::collections::BTreeMap;
use std::sync::Arc;

use dccd_record::Side;
use serde_json::{Value, json};

use super::super::{amount_number, amount_text, book_sequence, price_number, price_text, trades};
use super::{error, no_product, series, texts};
use crate::clock::{SECOND, iso_text};
use crate::coinbase::LEVELS;
use crate::feed::{DepthFeed, Fallen, TradeFeed, recent};
use crate::market::Series;
use crate::market::ids;
use crate::market::statistics::BOOK_STEP;
use crate::market::trade::Trade;
use crate::ws::{Admission, Frame, Load, Meter, Session, Topic, World};

/// Orders have names beside those of trades.
const MAKERS: u64 = 41;
const TAKERS: u64 = 42;

/// One connection.
#[derive(Debug)]
pub(super) struct ExchangeSession {
    subscriptions: Vec<Subscription>,
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
    Matches,
    Level2Batch,
    Heartbeat,
}

#[derive(Debug)]
enum Feed {
    Matches(TradeFeed),
    Book(DepthFeed),
    Heartbeat(Arc<Series>),
}

impl ExchangeSession {
    pub(super) fn new(meter: Meter) -> ExchangeSession {
        ExchangeSession { subscriptions: Vec::new(), meter }
    }

    /// All of it or nothing: one product that cannot be had fails the whole message.
    fn subscribe(&mut self, wanted: &[(Channel, String)], world: &World<'_>) -> Result<Vec<Frame>, String> {
        let (mut opened, mut are_answered) = (Vec::new(), wanted.is_empty());
        for (channel, product) in wanted {
            let series = series(world.market, product, world.now)?;
            let is_same = |other: &Subscription| other.channel == *channel && other.product == *product;
            if self.subscriptions.iter().chain(&opened).any(is_same) {
                are_answered = true;
                continue;
            }
            let topic = Topic::new(channel.name(), product);
            match world.admission(&topic) {
                Admission::Usual => opened.push(Subscription::open(*channel, product, topic, &series, world)),
                Admission::Denied => return Err(no_product(product)),
                Admission::Ignored => continue,
            }
            are_answered = true;
        }
        if !are_answered {
            return Ok(Vec::new());
        }
        let mut frames: Vec<Frame> = opened.iter().filter_map(|new| new.last_match(world.now)).collect();
        let snapshots: Vec<Frame> = opened.iter().filter_map(Subscription::snapshot).collect();
        self.subscriptions.extend(opened);
        frames.push(self.acknowledgement());
        frames.extend(snapshots);
        Ok(frames)
    }

    fn unsubscribe(&mut self, wanted: &[(Channel, String)]) -> Vec<Frame> {
        self.subscriptions.retain(|known| {
            !wanted.iter().any(|(channel, product)| *channel == known.channel && *product == known.product)
        });
        vec![self.acknowledgement()]
    }

    /// Everything that is now subscribed to.
    fn acknowledgement(&self) -> Frame {
        let mut channels: BTreeMap<Channel, Vec<&str>> = BTreeMap::new();
        for subscription in &self.subscriptions {
            channels.entry(subscription.channel).or_default().push(&subscription.product);
        }
        let channels: Vec<Value> = channels
            .iter()
            .map(|(channel, products)| json!({"name": channel.name(), "product_ids": products}))
            .collect();
        Frame::control(json!({"type": "subscriptions", "channels": channels}).to_string())
    }
}

impl Session for ExchangeSession {
    fn text(&mut self, message: &str, world: &World<'_>) -> Vec<Frame> {
        if !self.meter.admits(world.limits_now) {
            return vec![error("Rate limit exceeded")];
        }
        let Ok(request) = serde_json::from_str::<Value>(message) else { return vec![error("Malformed JSON")] };
        let frames = match request.get("type").and_then(Value::as_str) {
            Some("subscribe") => wanted(&request).and_then(|wanted| self.subscribe(&wanted, world)),
            Some("unsubscribe") => wanted(&request).map(|wanted| self.unsubscribe(&wanted)),
            _ => return vec![error("Type has to be either subscribe or unsubscribe")],
        };
        frames.unwrap_or_else(|reason| {
            let refusal = json!({"type": "error", "message": "Failed to subscribe", "reason": reason});
            vec![Frame::control(refusal.to_string())]
        })
    }

    fn advance(&mut self, world: &World<'_>) -> Vec<Frame> {
        let each = self.subscriptions.iter_mut().map(|subscription| subscription.advance(world));
        let mut frames: Vec<Frame> = each.flatten().collect();
        // Heartbeats come behind the trades that they count.
        if world.is_due(SECOND) {
            frames.extend(self.subscriptions.iter().filter_map(|subscription| subscription.heartbeat(world.now)));
        }
        frames
    }
}

impl Channel {
    fn parse(name: &str) -> Result<Channel, String> {
        match name {
            "matches" => Ok(Channel::Matches),
            "level2_batch" => Ok(Channel::Level2Batch),
            "heartbeat" => Ok(Channel::Heartbeat),
            "level2" | "level3" | "full" => {
                Err("level2, level3, and full channels now require authentication".to_owned())
            }
            name => Err(format!("{name} is not a valid channel")),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Channel::Matches => "matches",
            Channel::Level2Batch => "level2_batch",
            Channel::Heartbeat => "heartbeat",
        }
    }
}

/// Each channel of a message with each of its products; a channel may come with products of its own.
fn wanted(request: &Value) -> Result<Vec<(Channel, String)>, String> {
    let shared = texts(request.get("product_ids")).unwrap_or_default();
    let mut wanted = Vec::new();
    for channel in request.get("channels").and_then(Value::as_array).into_iter().flatten() {
        let name = channel.as_str().or_else(|| channel.get("name")?.as_str()).unwrap_or_default();
        let products = texts(channel.get("product_ids")).unwrap_or_else(|| shared.clone());
        if products.is_empty() {
            return Err("product_ids is required".to_owned());
        }
        let channel = Channel::parse(name)?;
        wanted.extend(products.into_iter().map(|product| (channel, product)));
    }
    if wanted.is_empty() { Err("channels is required".to_owned()) } else { Ok(wanted) }
}

impl Subscription {
    fn open(channel: Channel, product: &str, topic: Topic, series: &Arc<Series>, world: &World<'_>) -> Subscription {
        let feed = match channel {
            Channel::Matches => Feed::Matches(TradeFeed::new(series, world.now)),
            Channel::Level2Batch => Feed::Book(DepthFeed::new(series, LEVELS, 1, Fallen::Told, world.now)),
            Channel::Heartbeat => Feed::Heartbeat(Arc::clone(series)),
        };
        Subscription { channel, product: product.to_owned(), topic, feed }
    }

    /// The trade before the first one.
    fn last_match(&self, now: i64) -> Option<Frame> {
        let Feed::Matches(feed) = &self.feed else { return None };
        let trade = recent(feed.series(), now, 1).pop()?;
        Some(self.trade("last_match", feed.series(), &trade))
    }

    /// The whole book.
    fn snapshot(&self) -> Option<Frame> {
        let Feed::Book(feed) = &self.feed else { return None };
        let (listing, book, product) = (feed.series().listing(), feed.book(), &self.product);
        let levels = |levels: &[(i64, i64)]| {
            let level = |(ticks, amount): &(i64, i64)| {
                format!("[\"{}\",\"{}\"]", price_text(listing, *ticks), amount_text(listing, i128::from(*amount)))
            };
            levels.iter().map(level).collect::<Vec<_>>().join(",")
        };
        let (asks, bids) = (levels(&book.asks), levels(&book.bids));
        let time = iso_text(book.step * BOOK_STEP, 6);
        let text = format!(
            "{{\"type\":\"snapshot\",\"product_id\":\"{product}\",\"asks\":[{asks}],\"bids\":[{bids}],\
             \"time\":\"{time}\"}}"
        );
        Some(Frame::of(Load::Book, &self.topic, text))
    }

    fn heartbeat(&self, now: i64) -> Option<Frame> {
        let Feed::Heartbeat(series) = &self.feed else { return None };
        let text = json!({
            "type": "heartbeat", "last_trade_id": series.first_id_at(now.saturating_add(1)),
            "product_id": self.product, "sequence": book_sequence(series, now), "time": iso_text(now, 6),
        });
        Some(Frame { topic: Some(self.topic.clone()), ..Frame::heartbeat(text.to_string()) })
    }

    fn advance(&mut self, world: &World<'_>) -> Vec<Frame> {
        let mut frames = Vec::new();
        match &mut self.feed {
            Feed::Matches(feed) => {
                let passed = feed.pass(world.now);
                let series = Arc::clone(feed.series());
                frames.extend(passed.iter().map(|trade| self.trade("match", &series, trade)));
            }
            Feed::Book(feed) => {
                while let Some(change) = feed.next_change(&self.topic, world) {
                    let changes = [("buy", &change.bids), ("sell", &change.asks)]
                        .map(|(side, levels)| changes(feed.series(), side, levels))
                        .concat()
                        .join(",");
                    let (product, time) = (&self.product, iso_text(change.step * BOOK_STEP, 6));
                    let text = format!(
                        "{{\"type\":\"l2update\",\"product_id\":\"{product}\",\"changes\":[{changes}],\
                         \"time\":\"{time}\"}}"
                    );
                    frames.push(Frame::of(Load::Book, &self.topic, text));
                }
            }
            Feed::Heartbeat(_) => {}
        }
        frames
    }

    /// The side is the maker's, and numbers have no needless zeros.
    fn trade(&self, kind: &str, series: &Series, trade: &Trade) -> Frame {
        let (listing, product) = (series.listing(), &self.product);
        let side = if trade.taker == Side::Buy { "sell" } else { "buy" };
        let [maker, taker] = [MAKERS, TAKERS].map(|salt| ids::uuid(series.key() ^ salt, trade.id));
        let (price, size) = (price_number(listing, trade.price), amount_number(listing, i128::from(trade.amount)));
        let (id, sequence, time) = (trades::id(trade), trades::sequence(trade), iso_text(trade.micros, 6));
        let text = format!(
            "{{\"type\":\"{kind}\",\"trade_id\":{id},\"maker_order_id\":\"{maker}\",\"taker_order_id\":\"{taker}\",\
             \"side\":\"{side}\",\"size\":\"{size}\",\"price\":\"{price}\",\"product_id\":\"{product}\",\
             \"sequence\":{sequence},\"time\":\"{time}\"}}"
        );
        Frame::of(Load::Trade, &self.topic, text)
    }
}

/// Levels with their new amounts; what is gone has none.
fn changes(series: &Series, side: &str, levels: &[(i64, i64)]) -> Vec<String> {
    let listing = series.listing();
    let change = |(ticks, amount): &(i64, i64)| {
        let (price, amount) = (price_text(listing, *ticks), amount_text(listing, i128::from(*amount)));
        format!("[\"{side}\",\"{price}\",\"{amount}\"]")
    };
    levels.iter().map(change).collect()
}
