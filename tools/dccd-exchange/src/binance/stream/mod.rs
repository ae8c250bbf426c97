//! What Binance pushes: aggregate trades, as in history, candles, and changes of books.
//!
//! Funding rates are not among it: what comes beside mark prices is a forecast until the moment it is paid. A book
//! begins with a snapshot over REST. USD-M has two groups of streams, which no connection can mix.

mod reader;
#[cfg(test)]
mod tests;

use dccd_record::{Dataset, Kind, Market};
use serde_json::json;

use super::query::symbol;
use super::{COINM, SPANS, SPOT, USDM_SPANS};
use crate::capability::{Impossible, capability};
use crate::live::{FrameReader, KeepAlive, Link, LiveHost, Order, Rule, Streams, Subscription, SubscriptionId, check};

/// What is read; the rest of what is pushed is not.
const KINDS: &[Kind] = &[Kind::Candle, Kind::Trade, Kind::Book];

/// Of 1,024 that are allowed: more connections, each with less to carry.
const STREAMS_MAX: usize = 200;
/// How many streams one message asks for.
const BATCH: usize = 100;

/// The server pings every 20 seconds.
static SPOT_HOST: LiveHost = LiveHost {
    name: "binance spot",
    ws_url: "wss://stream.binance.com:9443",
    keep_alive: KeepAlive::Pongs,
    silence_secs: 60,
    age_secs_max: Some(86_400),
    sends: (5, 1000),
    connects: (300, 300),
};
/// The server pings every three minutes only, so we do.
static USDM_HOST: LiveHost = LiveHost {
    name: "binance USD-M",
    ws_url: "wss://fstream.binance.com",
    keep_alive: KeepAlive::Pings { secs: 20 },
    sends: (10, 1000),
    ..SPOT_HOST
};
static COINM_HOST: LiveHost = LiveHost { name: "binance COIN-M", ws_url: "wss://dstream.binance.com", ..USDM_HOST };

/// Streams that one connection can carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Group {
    Spot,
    /// Books.
    UsdmPublic,
    /// Trades and candles.
    UsdmMarket,
    Coinm,
}

impl Group {
    const ALL: [Group; 4] = [Group::Spot, Group::UsdmPublic, Group::UsdmMarket, Group::Coinm];

    fn of(dataset: &Dataset) -> Result<Group, Impossible> {
        let row = capability(dataset)?;
        Ok(match dataset.kind() {
            _ if *row.api == SPOT => Group::Spot,
            _ if *row.api == COINM => Group::Coinm,
            Kind::Book => Group::UsdmPublic,
            _ => Group::UsdmMarket,
        })
    }

    fn host(self) -> &'static LiveHost {
        match self {
            Group::Spot => &SPOT_HOST,
            Group::UsdmPublic | Group::UsdmMarket => &USDM_HOST,
            Group::Coinm => &COINM_HOST,
        }
    }

    fn path(self) -> &'static str {
        match self {
            Group::Spot | Group::Coinm => "/stream",
            Group::UsdmPublic => "/public/stream",
            Group::UsdmMarket => "/market/stream",
        }
    }
}

/// What Binance pushes.
#[derive(Debug)]
pub(super) struct BinanceStreams;

impl Streams for BinanceStreams {
    fn links(&self, subscriptions: &[Subscription]) -> Result<Vec<Link>, Impossible> {
        let mut named: Vec<(Group, SubscriptionId, String)> = Vec::with_capacity(subscriptions.len());
        for (at, Subscription { dataset, .. }) in subscriptions.iter().enumerate() {
            let spans = if dataset.pair().market() == Market::Spot { &SPANS } else { USDM_SPANS };
            check(dataset, KINDS, spans)?;
            named.push((Group::of(dataset)?, SubscriptionId(at), stream_name(dataset)));
        }
        let mut links = Vec::new();
        for group in Group::ALL {
            let of_group: Vec<_> = named.iter().filter(|(its, ..)| *its == group).collect();
            for chunk in of_group.chunks(STREAMS_MAX) {
                let names: Vec<&str> = chunk.iter().map(|(_, _, name)| name.as_str()).collect();
                links.push(Link {
                    host: group.host(),
                    path: group.path().to_owned(),
                    opening: names.chunks(BATCH).zip(1..).map(|(names, id)| request("SUBSCRIBE", names, id)).collect(),
                    subscriptions: chunk.iter().map(|(_, id, _)| *id).collect(),
                });
            }
        }
        Ok(links)
    }

    fn reader(&self, link: &Link, subscriptions: &[Subscription]) -> Box<dyn FrameReader> {
        Box::new(reader::Reader::new(link, subscriptions))
    }

    fn rule(&self, subscription: &Subscription) -> Rule {
        let is_spot = subscription.dataset.pair().market() == Market::Spot;
        Rule { order: if is_spot { Order::Consecutive } else { Order::Bridged }, checksum: None, depth: None }
    }

    fn has_rest_snapshot(&self, subscription: &Subscription) -> bool {
        subscription.dataset.kind() == Kind::Book
    }
}

/// Batches are acknowledged by their number, from 1.
fn request(method: &str, names: &[&str], id: usize) -> String {
    json!({ "method": method, "params": names, "id": id }).to_string()
}

/// Names are lower case, but for what follows the `@`.
fn stream_name(dataset: &Dataset) -> String {
    let pair = dataset.pair();
    let span = span_name(dataset);
    let symbol = symbol(pair).to_lowercase();
    match (dataset.kind(), pair.market()) {
        (Kind::Trade, _) => format!("{symbol}@aggTrade"),
        (Kind::Candle, Market::Quarter) => format!("{symbol}_current_quarter@continuousKline_{span}"),
        (Kind::Candle, Market::NextQuarter) => format!("{symbol}_next_quarter@continuousKline_{span}"),
        (Kind::Candle, _) => format!("{symbol}@kline_{span}"),
        _ => format!("{symbol}@depth@100ms"),
    }
}

/// Binance's word for the span of a series.
fn span_name(dataset: &Dataset) -> &'static str {
    let secs = dataset.span().map(dccd_record::Span::secs);
    SPANS.iter().find(|(known, _)| Some(*known) == secs).map(|(_, name)| *name).unwrap_or_default()
}
