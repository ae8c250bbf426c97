//! What OKX pushes: trades, candles, books and the funding rates that were paid.
//!
//! Trades are those of `trades-all`, one by one as in history. The channel `trades` merges what one order took at one
//! price, so that its ids skip and nothing proves that none was missed.

mod checksum;
mod reader;
#[cfg(test)]
mod tests;

use dccd_record::{Dataset, Kind, Market, Span};
use serde_json::json;

use super::symbol::symbol;
use super::table::SPANS;
use crate::capability::{Impossible, capability};
use crate::live::{FrameReader, KeepAlive, Link, LiveHost, Order, Rule, Streams, Subscription, SubscriptionId, check};
use checksum::checksum;

const KINDS: &[Kind] = &[Kind::Candle, Kind::Trade, Kind::Book, Kind::Funding];
/// Nothing is published.
const SERIES_MAX: usize = 200;
/// How many series one message asks for; it must stay under 64 KiB.
const BATCH: usize = 100;

/// Only its own text keeps a connection alive.
static HOST: LiveHost = LiveHost {
    name: "okx",
    ws_url: "wss://ws.okx.com:8443",
    keep_alive: KeepAlive::Text { text: "ping", secs: 15 },
    silence_secs: 30,
    age_secs_max: None,
    sends: (480, 3_600_000),
    connects: (3, 1),
};

/// The two URLs; what belongs to one is refused by the other.
const PUBLIC: &str = "/ws/v5/public";
const BUSINESS: &str = "/ws/v5/business";

/// What OKX pushes.
#[derive(Debug)]
pub(super) struct OkxStreams;

impl Streams for OkxStreams {
    fn links(&self, subscriptions: &[Subscription]) -> Result<Vec<Link>, Impossible> {
        for Subscription { dataset, .. } in subscriptions {
            check(dataset, KINDS, &SPANS)?;
            capability(dataset)?;
        }
        let mut links = Vec::new();
        for path in [PUBLIC, BUSINESS] {
            let is_here = |(_, wanted): &(_, &Subscription)| path_of(&wanted.dataset) == path;
            let of_path: Vec<_> = subscriptions.iter().enumerate().filter(is_here).collect();
            for chunk in of_path.chunks(SERIES_MAX) {
                let datasets: Vec<&Dataset> = chunk.iter().map(|(_, wanted)| &wanted.dataset).collect();
                links.push(Link {
                    host: &HOST,
                    path: path.to_owned(),
                    opening: datasets.chunks(BATCH).map(|datasets| request("subscribe", datasets)).collect(),
                    subscriptions: chunk.iter().map(|(at, _)| SubscriptionId(*at)).collect(),
                });
            }
        }
        Ok(links)
    }

    fn reader(&self, link: &Link, subscriptions: &[Subscription]) -> Box<dyn FrameReader> {
        Box::new(reader::Reader::new(link, subscriptions))
    }

    fn rule(&self, _subscription: &Subscription) -> Rule {
        Rule { order: Order::Linked, checksum: Some(checksum), depth: None }
    }

    fn renewal(&self, subscription: &Subscription) -> Vec<String> {
        let datasets = [&subscription.dataset];
        vec![request("unsubscribe", &datasets), request("subscribe", &datasets)]
    }
}

fn request(op: &str, datasets: &[&Dataset]) -> String {
    let arg = |dataset: &&Dataset| json!({ "channel": channel(dataset), "instId": symbol(dataset.pair()) });
    json!({ "op": op, "args": datasets.iter().map(arg).collect::<Vec<_>>() }).to_string()
}

fn path_of(dataset: &Dataset) -> &'static str {
    match dataset.kind() {
        Kind::Candle | Kind::Trade => BUSINESS,
        _ => PUBLIC,
    }
}

fn channel(dataset: &Dataset) -> String {
    match dataset.kind() {
        Kind::Trade => "trades-all".to_owned(),
        Kind::Candle => {
            let secs = dataset.span().map(Span::secs);
            let name = SPANS.iter().find(|(known, _)| Some(*known) == secs).map(|(_, name)| *name);
            format!("candle{}", name.unwrap_or_default())
        }
        Kind::Funding => "funding-rate".to_owned(),
        _ => "books".to_owned(),
    }
}

/// Whether amounts come in contracts, whose size makes them base coins or quotes.
fn is_counted(dataset: &Dataset) -> bool {
    dataset.pair().market() != Market::Spot
}
