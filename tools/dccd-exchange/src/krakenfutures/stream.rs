//! What Kraken Futures pushes: trades and books. Candles are not pushed, and funding rates only as forecasts.
//!
//! A book's changes come one by one, with consecutive numbers; so do trades, which history does not page.

#[cfg(test)]
pub(crate) mod tests;

use std::borrow::Cow;
use std::collections::HashMap;

use dccd_record::{Book, Dataset, Kind, Level, Side, Trade, Ts};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::symbol::symbol;
use crate::capability::Impossible;
use crate::live::{
    Event, FrameError, FrameReader, Joint, KeepAlive, Link, LiveHost, Order, Rule, Streams, Subscription,
    SubscriptionId, check,
};
use crate::wire::{excerpt, message, millis, number, unexpected};

const KINDS: &[Kind] = &[Kind::Trade, Kind::Book];
/// Nothing is published.
const SERIES_MAX: usize = 200;
/// How many contracts one message asks for.
const BATCH: usize = 20;

static HOST: LiveHost = LiveHost {
    name: "krakenfutures",
    ws_url: "wss://futures.kraken.com",
    keep_alive: KeepAlive::Pings { secs: 20 },
    silence_secs: 60,
    age_secs_max: None,
    sends: (5, 1000),
    connects: (150, 600),
};

/// What Kraken Futures pushes.
#[derive(Debug)]
pub(super) struct KrakenFuturesStreams;

impl Streams for KrakenFuturesStreams {
    fn links(&self, subscriptions: &[Subscription]) -> Result<Vec<Link>, Impossible> {
        for Subscription { dataset, .. } in subscriptions {
            check(dataset, KINDS, &[])?;
        }
        let ids: Vec<SubscriptionId> = (0..subscriptions.len()).map(SubscriptionId).collect();
        let link = |ids: &[SubscriptionId]| {
            let wanted = ids.iter().filter_map(|id| subscriptions.get(id.0)).map(|wanted| &wanted.dataset);
            Link { host: &HOST, path: "/ws/v1".to_owned(), opening: opening(wanted), subscriptions: ids.to_vec() }
        };
        Ok(ids.chunks(SERIES_MAX).map(link).collect())
    }

    fn reader(&self, link: &Link, subscriptions: &[Subscription]) -> Box<dyn FrameReader> {
        let mut reader = Reader::default();
        for id in &link.subscriptions {
            let Some(Subscription { dataset, .. }) = subscriptions.get(id.0) else { continue };
            let feed = if dataset.kind() == Kind::Trade { &mut reader.trades } else { &mut reader.books };
            feed.insert(symbol(dataset.pair()), *id);
        }
        Box::new(reader)
    }

    fn rule(&self, _subscription: &Subscription) -> Rule {
        Rule { order: Order::Consecutive, checksum: None, depth: None }
    }

    fn renewal(&self, subscription: &Subscription) -> Vec<String> {
        let (feed, products) = (feed(&subscription.dataset), [symbol(subscription.dataset.pair())]);
        vec![request("unsubscribe", feed, &products), request("subscribe", feed, &products)]
    }
}

/// Heartbeats, then each feed for many contracts at once.
fn opening<'a>(wanted: impl Iterator<Item = &'a Dataset> + Clone) -> Vec<String> {
    let mut messages = vec![json!({ "event": "subscribe", "feed": "heartbeat" }).to_string()];
    for name in ["trade", "book"] {
        let of_feed = wanted.clone().filter(|dataset| feed(dataset) == name);
        let products: Vec<String> = of_feed.map(|dataset| symbol(dataset.pair())).collect();
        messages.extend(products.chunks(BATCH).map(|products| request("subscribe", name, products)));
    }
    messages
}

fn feed(dataset: &Dataset) -> &'static str {
    if dataset.kind() == Kind::Trade { "trade" } else { "book" }
}

fn request(event: &str, feed: &str, products: &[String]) -> String {
    json!({ "event": event, "feed": feed, "product_ids": products }).to_string()
}

/// Reads the frames of one connection; series by their contract.
#[derive(Debug, Default)]
struct Reader {
    trades: HashMap<String, SubscriptionId>,
    books: HashMap<String, SubscriptionId>,
}

/// What tells frames apart.
#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(borrow)]
    event: Option<Cow<'a, str>>,
    #[serde(borrow)]
    feed: Option<Cow<'a, str>>,
    #[serde(borrow)]
    product_ids: Option<Vec<Cow<'a, str>>>,
    #[serde(borrow)]
    message: Option<Cow<'a, str>>,
    /// The clock, in heartbeats.
    #[serde(borrow)]
    time: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct TradeRow<'a> {
    #[serde(borrow)]
    product_id: Cow<'a, str>,
    /// Since 2019.
    #[serde(borrow)]
    uid: Option<Cow<'a, str>>,
    /// The taker's.
    #[serde(borrow)]
    side: Cow<'a, str>,
    seq: u64,
    #[serde(borrow)]
    time: &'a RawValue,
    #[serde(borrow)]
    qty: &'a RawValue,
    #[serde(borrow)]
    price: &'a RawValue,
}

/// The newest comes first.
#[derive(Deserialize)]
struct TradeSnapshot<'a> {
    #[serde(borrow)]
    trades: Vec<TradeRow<'a>>,
}

#[derive(Deserialize)]
struct BookSnapshot<'a> {
    #[serde(borrow)]
    product_id: Cow<'a, str>,
    seq: u64,
    #[serde(borrow)]
    timestamp: Option<&'a RawValue>,
    #[serde(borrow)]
    bids: Vec<LevelRow<'a>>,
    #[serde(borrow)]
    asks: Vec<LevelRow<'a>>,
}

#[derive(Deserialize)]
struct LevelRow<'a> {
    #[serde(borrow)]
    price: &'a RawValue,
    #[serde(borrow)]
    qty: &'a RawValue,
}

#[derive(Deserialize)]
struct BookChange<'a> {
    #[serde(borrow)]
    product_id: Cow<'a, str>,
    /// Which side of the book.
    #[serde(borrow)]
    side: Cow<'a, str>,
    seq: u64,
    #[serde(borrow)]
    price: &'a RawValue,
    #[serde(borrow)]
    qty: &'a RawValue,
    #[serde(borrow)]
    timestamp: Option<&'a RawValue>,
}

impl Reader {
    fn read_frame(&self, frame: &str, recv_ts: Ts, take: &mut dyn FnMut(Event<'_>)) -> Result<(), FrameError> {
        let wire: Wire<'_> = serde_json::from_str(frame)?;
        match (wire.event.as_deref(), wire.feed.as_deref()) {
            (Some(event), feed) => self.answer(event, feed, &wire, take)?,
            (None, Some("heartbeat")) => take(Event::Heartbeat(wire.time.map(millis).transpose()?)),
            (None, Some("trade")) => {
                let row: TradeRow<'_> = serde_json::from_str(frame)?;
                let id = find(&self.trades, &row.product_id)?;
                take(Event::Trade(id, Some(row.seq), row.trade(recv_ts)?));
            }
            (None, Some("trade_snapshot")) => self.past_trades(serde_json::from_str(frame)?, recv_ts, take)?,
            (None, Some("book")) => self.change(&serde_json::from_str(frame)?, recv_ts, take)?,
            (None, Some("book_snapshot")) => self.snapshot(&serde_json::from_str(frame)?, recv_ts, take)?,
            _ => return Err(FrameError("no known sort of frame".to_owned())),
        }
        Ok(())
    }

    /// What the exchange says to our messages.
    fn answer(
        &self,
        event: &str,
        feed: Option<&str>,
        wire: &Wire<'_>,
        take: &mut dyn FnMut(Event<'_>),
    ) -> Result<(), FrameError> {
        let series = match feed {
            Some("trade") => Some(&self.trades),
            Some("book") => Some(&self.books),
            _ => None,
        };
        let products = wire.product_ids.iter().flatten();
        let ids: Vec<SubscriptionId> = products.filter_map(|product| series?.get(&**product).copied()).collect();
        match event {
            "subscribed" if !ids.is_empty() => ids.iter().for_each(|id| take(Event::Accepted(*id))),
            "info" | "subscribed" | "unsubscribed" | "unsubscribed_failed" => take(Event::Ignored),
            "subscribed_failed" | "error" | "alert" => {
                let words = message(wire.message.as_deref().unwrap_or(event));
                if ids.is_empty() {
                    take(Event::Refused(None, words.clone()));
                }
                ids.iter().for_each(|id| take(Event::Refused(Some(*id), words.clone())));
            }
            _ => return Err(FrameError(format!("no known event {:?}", excerpt(event)))),
        }
        Ok(())
    }

    fn past_trades(
        &self,
        mut snapshot: TradeSnapshot<'_>,
        recv_ts: Ts,
        take: &mut dyn FnMut(Event<'_>),
    ) -> Result<(), FrameError> {
        snapshot.trades.sort_by_key(|row| row.seq);
        if snapshot.trades.is_empty() {
            take(Event::Ignored);
        }
        for row in &snapshot.trades {
            let id = find(&self.trades, &row.product_id)?;
            take(Event::PastTrade(id, Some(row.seq), row.trade(recv_ts)?));
        }
        Ok(())
    }

    fn snapshot(
        &self,
        wire: &BookSnapshot<'_>,
        recv_ts: Ts,
        take: &mut dyn FnMut(Event<'_>),
    ) -> Result<(), FrameError> {
        let id = find(&self.books, &wire.product_id)?;
        let book = Book {
            ts: wire.timestamp.map(millis).transpose()?.unwrap_or(recv_ts),
            is_snapshot: true,
            bids: wire.bids.iter().map(LevelRow::level).collect::<Result<_, _>>()?,
            asks: wire.asks.iter().map(LevelRow::level).collect::<Result<_, _>>()?,
            seq: Some(wire.seq),
            recv_ts: Some(recv_ts),
        };
        take(Event::Book(id, book, Joint::Snapshot { seq: Some(wire.seq) }, None));
        Ok(())
    }

    fn change(&self, wire: &BookChange<'_>, recv_ts: Ts, take: &mut dyn FnMut(Event<'_>)) -> Result<(), FrameError> {
        let id = find(&self.books, &wire.product_id)?;
        let level = vec![LevelRow { price: wire.price, qty: wire.qty }.level()?];
        let (bids, asks) = match &*wire.side {
            "buy" => (level, Vec::new()),
            "sell" => (Vec::new(), level),
            other => return Err(unexpected("is no side", other).into()),
        };
        let ts = wire.timestamp.map(millis).transpose()?.unwrap_or(recv_ts);
        let book = Book { ts, is_snapshot: false, bids, asks, seq: Some(wire.seq), recv_ts: Some(recv_ts) };
        let joint = Joint::Update { first: wire.seq, last: wire.seq, previous: None };
        take(Event::Book(id, book, joint, None));
        Ok(())
    }
}

impl FrameReader for Reader {
    fn read(&mut self, frame: &str, recv_ts: Ts, take: &mut dyn FnMut(Event<'_>)) -> Result<(), FrameError> {
        self.read_frame(frame, recv_ts, take).map_err(|FrameError(why)| FrameError::new(&why, frame))
    }
}

impl TradeRow<'_> {
    fn trade(&self, recv_ts: Ts) -> Result<Trade<'_>, FrameError> {
        Ok(Trade {
            ts: millis(self.time)?,
            price: number(self.price)?,
            amount: number(self.qty)?,
            side: Some(Side::from_name(&self.side).ok_or_else(|| unexpected("is no side", &self.side))?),
            tid: self.uid.as_deref().map(Cow::Borrowed),
            recv_ts: Some(recv_ts),
        })
    }
}

impl<'a> LevelRow<'a> {
    fn level(&self) -> Result<Level<'a>, FrameError> {
        Ok(Level { price: number(self.price)?, amount: number(self.qty)?, count: None })
    }
}

fn find(series: &HashMap<String, SubscriptionId>, product: &str) -> Result<SubscriptionId, FrameError> {
    series.get(product).copied().ok_or_else(|| FrameError(format!("{:?} was not asked for", excerpt(product))))
}
