//! Streams: tables, each with a partial of what there is and then with what is done to it, up to the day it closed.

mod book;
mod table;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use serde_json::{Value, json};

use crate::bitmex::statistics::{CLOCK, funding_row, has_funding};
use crate::bitmex::symbols::Symbols;
use crate::bitmex::{CLOSED, buckets, trades};
use crate::clock::{DAY, iso_text};
use crate::feed::{CandleFeed, TradeFeed, recent};
use crate::http::Request;
use crate::market::Series;
use crate::market::bar::Grid;
use crate::market::candle::{Candle, Fill};
use crate::market::catalogue::Standing;
use crate::market::statistics::fundings_at;
use crate::ws::{Admission, Frame, Session, Topic, World};
use book::BookFeed;
use table::{Action, Table};

pub(super) const PATH: &str = "/realtime";
const FRAME_TRADES_MAX: usize = 100;
/// Funding is looked for so far back.
const FUNDING_LOOKBACK: i64 = DAY;

/// One connection.
#[derive(Debug)]
pub(super) struct BitmexSession {
    symbols: Arc<Symbols>,
    subscriptions: Vec<Subscription>,
    /// What the address asks for.
    asked: Vec<String>,
}

#[derive(Debug)]
struct Subscription {
    table: Table,
    symbol: String,
    topic: Topic,
    feed: Feed,
}

#[derive(Debug)]
enum Feed {
    /// With the price of the last trade that was told.
    Trades(TradeFeed, Option<i64>),
    Book(BookFeed),
    Bins(CandleFeed, i64),
    /// Payments, told up to an instant.
    Funding(Arc<Series>, i64),
}

impl BitmexSession {
    pub(super) fn new(symbols: &Arc<Symbols>, request: &Request) -> BitmexSession {
        let query = request.query();
        let asked = query.value("subscribe").unwrap_or_default().split(',').filter(|name| !name.is_empty());
        BitmexSession {
            symbols: Arc::clone(symbols),
            subscriptions: Vec::new(),
            asked: asked.map(str::to_owned).collect(),
        }
    }

    /// The answers of a request: one for each of its names, with the partial behind it.
    fn subscribe(&mut self, names: &[String], request: &Value, world: &World<'_>) -> Vec<Frame> {
        let mut frames = Vec::new();
        for name in names {
            match self.open(name, world) {
                Ok(Some(subscription)) => {
                    frames.push(answer(&json!({"success": true, "subscribe": name, "request": request})));
                    frames.push(subscription.partial(world.now));
                    self.subscriptions.push(subscription);
                }
                Ok(None) => {}
                Err(message) => frames.push(refusal(&message, request)),
            }
        }
        frames
    }

    /// A subscription; nothing if it is ignored.
    fn open(&self, name: &str, world: &World<'_>) -> Result<Option<Subscription>, String> {
        let unknown = || "Unknown or expired symbol.".to_owned();
        let (table, symbol) = name.split_once(':').unwrap_or((name, ""));
        let table = Table::parse(table).ok_or_else(|| format!("Unknown table: {table}"))?;
        if self.is_subscribed(table, symbol) {
            return Err(format!("You are already subscribed to this topic: {name}"));
        }
        let series = self.symbols.series(world.market, symbol, world.now).ok_or_else(unknown)?;
        if series.listing().standing(world.now) != Standing::Trading {
            return Err(unknown());
        }
        let topic = Topic::new(table.name(), symbol);
        match world.admission(&topic) {
            Admission::Usual => Ok(Some(Subscription::open(table, symbol, topic, &series, world.now))),
            Admission::Denied => Err(unknown()),
            Admission::Ignored => Ok(None),
        }
    }

    fn unsubscribe(&mut self, names: &[String], request: &Value) -> Vec<Frame> {
        let mut frames = Vec::new();
        for name in names {
            let (table, symbol) = name.split_once(':').unwrap_or((name, ""));
            let known = Table::parse(table).filter(|table| self.is_subscribed(*table, symbol));
            let Some(table) = known else {
                frames.push(refusal(&format!("You are not subscribed to this topic: {name}"), request));
                continue;
            };
            self.subscriptions.retain(|other| other.table != table || other.symbol != symbol);
            frames.push(answer(&json!({"success": true, "unsubscribe": name, "request": request})));
        }
        frames
    }

    fn is_subscribed(&self, table: Table, symbol: &str) -> bool {
        self.subscriptions.iter().any(|other| other.table == table && other.symbol == symbol)
    }
}

impl Session for BitmexSession {
    fn hello(&mut self, world: &World<'_>) -> Vec<Frame> {
        let mut frames = vec![answer(&json!({
            "info": "Welcome to the BitMEX Realtime API.", "version": "2021-07-14T01:26:29.000Z",
            "timestamp": iso_text(world.now, 3), "docs": "https://www.bitmex.com/app/wsAPI", "limit": {"remaining": 39},
        }))];
        let asked = std::mem::take(&mut self.asked);
        frames.extend(self.subscribe(&asked, &json!({"op": "subscribe", "args": asked}), world));
        frames
    }

    fn text(&mut self, message: &str, world: &World<'_>) -> Vec<Frame> {
        if message == "ping" {
            return vec![Frame::control("pong")];
        }
        let request: Value = serde_json::from_str(message).unwrap_or_else(|_| json!(message));
        let names = names(request.get("args"));
        match (request.get("op").and_then(Value::as_str), names) {
            (Some("subscribe"), Some(names)) => self.subscribe(&names, &request, world),
            (Some("unsubscribe"), Some(names)) => self.unsubscribe(&names, &request),
            (Some("subscribe" | "unsubscribe"), None) => vec![refusal("Invalid args.", &request)],
            _ => vec![refusal("Unrecognized request.", &request)],
        }
    }

    fn advance(&mut self, world: &World<'_>) -> Vec<Frame> {
        let each = self.subscriptions.iter_mut().map(|subscription| subscription.advance(world));
        let mut frames: Vec<Frame> = each.flatten().collect();
        if world.now >= CLOSED {
            frames.push(Frame::close(1_001, "", "closed"));
        }
        frames
    }
}

impl Subscription {
    fn open(table: Table, symbol: &str, topic: Topic, series: &Arc<Series>, now: i64) -> Subscription {
        let feed = match table {
            Table::Trade => {
                Feed::Trades(TradeFeed::new(series, now), recent(series, now, 1).pop().map(|trade| trade.price))
            }
            Table::Book(depth) => Feed::Book(BookFeed::new(series, depth, now)),
            Table::Bin(_, width) => {
                let grid = Grid::Fixed { width, origin: 0 };
                Feed::Bins(CandleFeed::new(series, grid, Fill::Always, now), width)
            }
            Table::Funding => Feed::Funding(Arc::clone(series), now),
        };
        Subscription { table, symbol: symbol.to_owned(), topic, feed }
    }

    /// What there is when somebody comes: the last trade, the whole book, the last bin, the last payment.
    fn partial(&self, now: i64) -> Frame {
        let rows = match &self.feed {
            Feed::Trades(feed, _) => {
                let series = feed.series();
                match recent(series, now, 2).as_slice() {
                    [before, last] => vec![trades::row(series, last, Some(before.price))],
                    rows => rows.iter().map(|trade| trades::row(series, trade, None)).collect(),
                }
            }
            Feed::Book(feed) => feed.rows(),
            Feed::Bins(feed, width) => {
                let recent = feed.recent(now, 2);
                let last = recent.iter().rfind(|candle| candle.end <= now);
                last.iter().map(|candle| bin(feed.series(), candle, *width, now)).collect()
            }
            Feed::Funding(series, _) => payments(series, now - FUNDING_LOOKBACK, now).pop().into_iter().collect(),
        };
        self.frame(Action::Partial, &rows)
    }

    fn advance(&mut self, world: &World<'_>) -> Vec<Frame> {
        let now = world.now;
        let done: Vec<(Action, Vec<String>)> = match &mut self.feed {
            Feed::Trades(feed, before) => {
                let portions = feed.pass_by_stamp(now, FRAME_TRADES_MAX);
                let series = feed.series();
                let rows = portions.iter().map(|portion| {
                    let row = |trade| trades::row(series, trade, before.replace(trade.price));
                    portion.iter().map(row).collect::<Vec<_>>()
                });
                rows.map(|rows| (Action::Insert, rows)).collect()
            }
            Feed::Book(feed) => feed.changes(&self.topic, world),
            Feed::Bins(feed, width) => {
                let closed = feed.closed(now);
                let row = |candle| (Action::Insert, vec![bin(feed.series(), candle, *width, now)]);
                closed.iter().map(row).collect()
            }
            Feed::Funding(series, told) => {
                let from = std::mem::replace(told, now);
                payments(series, from, now).into_iter().map(|row| (Action::Insert, vec![row])).collect()
            }
        };
        done.into_iter().map(|(action, rows)| self.frame(action, &rows)).collect()
    }

    fn frame(&self, action: Action, rows: &[String]) -> Frame {
        let shape = if action == Action::Partial { self.table.shape(&self.symbol) } else { String::new() };
        let text = format!(
            "{{\"table\":\"{}\",\"action\":\"{}\",{shape}\"data\":[{}]}}",
            self.table.name(),
            action.name(),
            rows.join(",")
        );
        Frame::of(self.table.load(), &self.topic, text)
    }
}

fn bin(series: &Series, candle: &Candle, width: i64, now: i64) -> String {
    buckets::row(series, candle.start, width, now)
}

/// What was paid after `from` and up to `now`.
fn payments(series: &Series, from: i64, now: i64) -> Vec<String> {
    if !has_funding(series.listing().pair.market()) {
        return Vec::new();
    }
    let paid = fundings_at(series, CLOCK, from.saturating_add(1), now.saturating_add(1));
    paid.map(|paid| funding_row(series, &paid)).collect()
}

/// One name or a list of them.
fn names(args: Option<&Value>) -> Option<Vec<String>> {
    match args? {
        Value::String(name) => Some(vec![name.clone()]),
        Value::Array(names) => names.iter().map(|name| name.as_str().map(str::to_owned)).collect(),
        _ => None,
    }
}

fn answer(value: &Value) -> Frame {
    Frame::control(value.to_string())
}

fn refusal(message: &str, request: &Value) -> Frame {
    answer(&json!({"status": 400, "error": message, "meta": {}, "request": request}))
}
