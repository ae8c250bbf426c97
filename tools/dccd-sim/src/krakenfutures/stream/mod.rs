//! Streams: feeds of products, each change of a book a message of its own.

mod book;
#[cfg(test)]
mod tests;
mod trades;

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Symbols, amount_number, known, price_number};
use crate::clock::{MILLI, SECOND};
use crate::exchange::Moment;
use crate::feed::TradeFeed;
use crate::market::Series;
use crate::market::catalogue::{Listing, Standing};
use crate::ws::{Admission, ControlKind, Frame, Session, Topic, World, is_overdue};
use book::BookFeed;

pub(super) const PATH: &str = "/ws/v1";
/// Signs of life, for those who subscribe to them.
const HEARTBEAT: i64 = SECOND;
/// Clients have to say something this often, be it a ping.
const SILENCE_SECS_MAX: i64 = 60;

/// One connection.
#[derive(Debug)]
pub(super) struct FuturesSession {
    symbols: Arc<Symbols>,
    subscriptions: Vec<Subscription>,
    has_heartbeat: bool,
    /// When the client last said something, by the clock of limits.
    heard: i64,
}

#[derive(Debug)]
struct Subscription {
    topic: Topic,
    product: String,
    feed: Feed,
}

#[derive(Debug)]
enum Feed {
    Trades(TradeFeed),
    Book(BookFeed),
}

impl FuturesSession {
    pub(super) fn new(symbols: &Arc<Symbols>, moment: Moment) -> FuturesSession {
        let symbols = Arc::clone(symbols);
        FuturesSession { symbols, subscriptions: Vec::new(), has_heartbeat: false, heard: moment.limits_now }
    }

    /// Answers a subscription product by product, with snapshots.
    fn subscribe(&mut self, feed: &str, products: &[&str], world: &World<'_>) -> Vec<Frame> {
        products.iter().flat_map(|product| self.open(feed, product, world)).collect()
    }

    fn open(&mut self, feed: &str, product: &str, world: &World<'_>) -> Vec<Frame> {
        let product = product.to_uppercase();
        let is_listed = |series: &Arc<Series>| series.listing().standing(world.now) != Standing::Delisted;
        let Some(series) = known(&self.symbols, world.market, &product, world.now).filter(is_listed) else {
            return vec![error("Invalid product id")];
        };
        let topic = Topic::new(feed, &product);
        match world.admission(&topic) {
            Admission::Usual => {}
            Admission::Denied => return vec![error("Invalid product id")],
            Admission::Ignored => return Vec::new(),
        }
        let (feed, snapshot) = if feed == "book" {
            let book = BookFeed::new(&series, world.now);
            let snapshot = book.snapshot(&topic, &product);
            (Feed::Book(book), snapshot)
        } else {
            let snapshot = trades::snapshot(&topic, &product, &series, world.now);
            (Feed::Trades(TradeFeed::new(&series, world.now)), snapshot)
        };
        let known = self.subscriptions.len();
        self.subscriptions.retain(|subscription| subscription.topic != topic);
        let answer = if self.subscriptions.len() < known {
            json!({"event": "alert", "message": "Already subscribed to feed, re-requesting"})
        } else {
            json!({"event": "subscribed", "feed": name_of(&feed), "product_ids": [product]})
        };
        self.subscriptions.push(Subscription { topic, product, feed });
        vec![Frame::control(answer.to_string()), snapshot]
    }

    fn unsubscribe(&mut self, feed: &str, products: &[&str]) -> Vec<Frame> {
        let mut frames = Vec::new();
        for product in products {
            let product = product.to_uppercase();
            let topic = Topic::new(feed, &product);
            self.subscriptions.retain(|subscription| subscription.topic != topic);
            let answer = json!({"event": "unsubscribed", "feed": feed, "product_ids": [product]});
            frames.push(Frame::control(answer.to_string()));
        }
        frames
    }
}

impl Session for FuturesSession {
    fn hello(&mut self, _: &World<'_>) -> Vec<Frame> {
        vec![Frame::control("{\"event\":\"info\",\"version\":1}")]
    }

    fn text(&mut self, message: &str, world: &World<'_>) -> Vec<Frame> {
        self.heard = world.limits_now;
        let Ok(value) = serde_json::from_str::<Value>(message) else { return vec![error("Json Error")] };
        let is_start = match value.get("event").and_then(Value::as_str) {
            Some("subscribe") => true,
            Some("unsubscribe") => false,
            _ => return vec![error("Invalid event")],
        };
        let products = value.get("product_ids").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let products: Vec<&str> = products.iter().filter_map(Value::as_str).collect();
        match value.get("feed").and_then(Value::as_str) {
            Some("heartbeat") => {
                self.has_heartbeat = is_start;
                let event = if is_start { "subscribed" } else { "unsubscribed" };
                vec![Frame::control(json!({"event": event, "feed": "heartbeat"}).to_string())]
            }
            Some("book" | "trade") if products.is_empty() => vec![error("Invalid product id")],
            Some(feed @ ("book" | "trade")) if is_start => self.subscribe(feed, &products, world),
            Some(feed @ ("book" | "trade")) => self.unsubscribe(feed, &products),
            _ => vec![error("Invalid feed")],
        }
    }

    fn control(&mut self, _: ControlKind, world: &World<'_>) -> Vec<Frame> {
        self.heard = world.limits_now;
        Vec::new()
    }

    fn advance(&mut self, world: &World<'_>) -> Vec<Frame> {
        if is_overdue(self.heard, world.limits_now, SILENCE_SECS_MAX) {
            return vec![Frame::close(1_001, "", "silence")];
        }
        let each = self.subscriptions.iter_mut().map(|subscription| subscription.advance(world));
        let mut frames: Vec<Frame> = each.flatten().collect();
        if self.has_heartbeat && world.is_due(HEARTBEAT) {
            frames.push(Frame::heartbeat(format!("{{\"feed\":\"heartbeat\",\"time\":{}}}", world.now / MILLI)));
        }
        frames
    }
}

impl Subscription {
    fn advance(&mut self, world: &World<'_>) -> Vec<Frame> {
        match &mut self.feed {
            Feed::Trades(feed) => trades::updates(&self.topic, &self.product, feed, world.now),
            Feed::Book(feed) => feed.updates(&self.topic, &self.product, world),
        }
    }
}

fn name_of(feed: &Feed) -> &'static str {
    match feed {
        Feed::Trades(_) => "trade",
        Feed::Book(_) => "book",
    }
}

fn error(message: &str) -> Frame {
    Frame::control(json!({"event": "error", "message": message}).to_string())
}

/// A price as streams have it: a float, which shows that it is one.
fn price_float(listing: &Listing, ticks: i64) -> String {
    float(price_number(listing, ticks))
}

/// An amount as streams have it.
fn amount_float(listing: &Listing, amount: i64) -> String {
    float(amount_number(listing, i128::from(amount)))
}

fn float(text: String) -> String {
    if text.contains('.') { text } else { text + ".0" }
}
