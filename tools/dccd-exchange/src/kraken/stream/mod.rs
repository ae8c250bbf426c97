//! What Kraken pushes over its WebSocket v2: trades, candles and books.
//!
//! Numbers are JSON numbers there, whose text is what a book's checksum is made of.

mod candles;
mod checksum;
mod reader;
#[cfg(test)]
mod tests;

use dccd_record::{Dataset, Kind, Span};
use serde_json::{Value, json};

use super::SPANS;
use crate::capability::Impossible;
use crate::live::{FrameReader, KeepAlive, Link, LiveHost, Order, Rule, Streams, Subscription, SubscriptionId, check};

pub(super) use checksum::checksum;

/// The exchange's own weeks begin on Thursdays, so there are none.
const KINDS: &[Kind] = &[Kind::Candle, Kind::Trade, Kind::Book];
/// Nothing is published.
const SERIES_MAX: usize = 200;
/// How many pairs one message asks for.
const BATCH: usize = 50;
/// What a channel is known by in our messages, and so in their answers; of candles plus their minutes.
const CODE_TRADE: u64 = 1;
const CODE_BOOK: u64 = 2;
const CODE_CANDLE: u64 = 1000;
/// How deep a book can be.
const DEPTHS: [u32; 5] = [10, 25, 100, 500, 1000];
/// Where any depth will do.
const DEPTH: u32 = 100;

/// Heartbeats come each second. What we send is answered with the exchange's clock, which they do not say.
static HOST: LiveHost = LiveHost {
    name: "kraken",
    ws_url: "wss://ws.kraken.com",
    keep_alive: KeepAlive::Text { text: r#"{"method":"ping"}"#, secs: 5 },
    silence_secs: 20,
    age_secs_max: None,
    sends: (5, 1000),
    connects: (150, 600),
};

/// What Kraken pushes.
#[derive(Debug)]
pub(super) struct KrakenStreams;

impl Streams for KrakenStreams {
    fn links(&self, subscriptions: &[Subscription]) -> Result<Vec<Link>, Impossible> {
        for Subscription { dataset, .. } in subscriptions {
            check(dataset, KINDS, &SPANS)?;
        }
        let ids: Vec<SubscriptionId> = (0..subscriptions.len()).map(SubscriptionId).collect();
        let link = |ids: &[SubscriptionId]| {
            let wanted: Vec<&Subscription> = ids.iter().filter_map(|id| subscriptions.get(id.0)).collect();
            Link { host: &HOST, path: "/v2".to_owned(), opening: opening(&wanted), subscriptions: ids.to_vec() }
        };
        Ok(ids.chunks(SERIES_MAX).map(link).collect())
    }

    fn reader(&self, link: &Link, subscriptions: &[Subscription]) -> Box<dyn FrameReader> {
        Box::new(reader::Reader::new(link, subscriptions))
    }

    fn rule(&self, subscription: &Subscription) -> Rule {
        Rule { order: Order::None, checksum: Some(checksum), depth: usize::try_from(depth(subscription)).ok() }
    }

    fn renewal(&self, subscription: &Subscription) -> Vec<String> {
        let params = channel(subscription);
        let symbols = [symbol(&subscription.dataset)];
        vec![message("unsubscribe", &params, &symbols), message("subscribe", &params, &symbols)]
    }
}

/// Messages that ask for all series of a connection: the same channel for many pairs at once.
fn opening(wanted: &[&Subscription]) -> Vec<String> {
    let mut channels: Vec<((u64, Value), Vec<String>)> = Vec::new();
    for subscription in wanted {
        let (params, symbol) = (channel(subscription), symbol(&subscription.dataset));
        match channels.iter_mut().find(|(known, _)| *known == params) {
            Some((_, symbols)) => symbols.push(symbol),
            None => channels.push((params, vec![symbol])),
        }
    }
    let batches = |(params, symbols): &((u64, Value), Vec<String>)| -> Vec<String> {
        symbols.chunks(BATCH).map(|symbols| message("subscribe", params, symbols)).collect()
    };
    channels.iter().flat_map(batches).collect()
}

/// A channel by its code and with its options, but for pairs.
fn channel(subscription: &Subscription) -> (u64, Value) {
    let minutes = subscription.dataset.span().map_or(0, minutes);
    let params = match subscription.dataset.kind() {
        Kind::Trade => json!({ "channel": "trade" }),
        Kind::Candle => json!({ "channel": "ohlc", "interval": minutes }),
        _ => json!({ "channel": "book", "depth": depth(subscription) }),
    };
    (code(&subscription.dataset), params)
}

fn message(method: &str, (code, params): &(u64, Value), symbols: &[String]) -> String {
    let mut params = params.clone();
    if let Value::Object(fields) = &mut params {
        fields.insert("symbol".to_owned(), json!(symbols));
        if method == "subscribe" {
            fields.insert("snapshot".to_owned(), json!(true));
        }
    }
    json!({ "method": method, "params": params, "req_id": code }).to_string()
}

/// The code of a series' channel.
fn code(dataset: &Dataset) -> u64 {
    match dataset.kind() {
        Kind::Trade => CODE_TRADE,
        Kind::Candle => CODE_CANDLE + dataset.span().map_or(0, minutes),
        _ => CODE_BOOK,
    }
}

/// The code of a channel by its name.
fn code_of(channel: &str, interval: Option<u64>) -> Option<u64> {
    match channel {
        "trade" => Some(CODE_TRADE),
        "book" => Some(CODE_BOOK),
        "ohlc" => CODE_CANDLE.checked_add(interval?),
        _ => None,
    }
}

fn minutes(span: Span) -> u64 {
    u64::from(span.secs() / 60)
}

/// The least depth there is that is deep enough, else the deepest.
fn depth(subscription: &Subscription) -> u32 {
    let [.., deepest] = DEPTHS;
    let wanted = subscription.depth.unwrap_or(DEPTH);
    DEPTHS.into_iter().find(|depth| *depth >= wanted).unwrap_or(deepest)
}

/// Names are plain here: `BTC/USD`, `DOGE/USD`.
fn symbol(dataset: &Dataset) -> String {
    format!("{}/{}", dataset.pair().base(), dataset.pair().quote())
}
