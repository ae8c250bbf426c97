//! What Coinbase pushes, over two interfaces to the same market.
//!
//! Trades come from the Exchange feed: their ids are those of the history, its heartbeats name the last one, and its
//! side is known to be the maker's. Books and candles come from Advanced Trade, which counts the frames of a
//! connection; but it may call products quoted in USDC by the name of those quoted in USD, so that the books of
//! those come from the Exchange feed too, where nothing is counted.

mod advanced;
mod exchange;
#[cfg(test)]
mod tests;

use dccd_record::{Dataset, Kind};

use super::query::symbol;
use crate::capability::{Impossible, SpanName};
use crate::live::{
    Event, FrameReader, KeepAlive, Link, LiveHost, Order, Rule, Streams, Subscription, SubscriptionId, check,
};
use crate::wire::message;

/// The Exchange feed. Each product has a heartbeat every second.
pub(super) static EXCHANGE: LiveHost = LiveHost {
    name: "coinbase",
    ws_url: "wss://ws-feed.exchange.coinbase.com",
    keep_alive: KeepAlive::Pongs,
    silence_secs: 15,
    age_secs_max: None,
    // A hundred a second are said to be allowed.
    sends: (50, 1000),
    connects: (8, 1),
};

/// Advanced Trade. Each connection asks for a heartbeat every second, without which quiet channels are closed.
pub(super) static ADVANCED: LiveHost = LiveHost {
    name: "coinbase-advanced",
    ws_url: "wss://advanced-trade-ws.coinbase.com",
    keep_alive: KeepAlive::Pongs,
    silence_secs: 15,
    age_secs_max: None,
    sends: (8, 1000),
    connects: (8, 1),
};

/// No limit is published; whole books are large, and a connection that is lost takes all of them down.
const SUBSCRIPTIONS_MAX: usize = 20;
/// Candles of five minutes are all that there is.
static SPANS: [SpanName; 1] = [(300, "5m")];
const KINDS: [Kind; 3] = [Kind::Candle, Kind::Trade, Kind::Book];
/// Its products may come under the name of those quoted in USD.
const ALIAS: &str = "USDC";

/// Coinbase's streams.
#[derive(Debug)]
pub(super) struct CoinbaseStreams;

impl Streams for CoinbaseStreams {
    /// One product for each request, so that one that is refused takes down no other.
    fn links(&self, subscriptions: &[Subscription]) -> Result<Vec<Link>, Impossible> {
        let mut links: Vec<(Link, bool)> = Vec::new();
        for (at, subscription) in subscriptions.iter().enumerate() {
            let dataset = &subscription.dataset;
            check(dataset, &KINDS, &SPANS)?;
            let host = host(dataset);
            // On a connection with products of both quotes a name could be that of either.
            let is_apart = *host == ADVANCED && dataset.pair().quote() == ALIAS;
            let has_room = |(link, apart): &&mut (Link, bool)| {
                link.host == host && *apart == is_apart && link.subscriptions.len() < SUBSCRIPTIONS_MAX
            };
            let link = match links.iter_mut().find(has_room) {
                Some((link, _)) => link,
                None => {
                    let opening = if *host == ADVANCED { vec![advanced::HEARTBEATS.to_owned()] } else { Vec::new() };
                    let link = Link { host, path: "/".to_owned(), opening, subscriptions: Vec::new() };
                    links.push((link, is_apart));
                    let Some((link, _)) = links.last_mut() else { continue };
                    link
                }
            };
            link.opening.push(request("subscribe", dataset));
            link.subscriptions.push(SubscriptionId(at));
        }
        Ok(links.into_iter().map(|(link, _)| link).collect())
    }

    fn skips_quiet_candles(&self) -> bool {
        true
    }

    fn reader(&self, link: &Link, subscriptions: &[Subscription]) -> Box<dyn FrameReader> {
        let series = Series::of(link, subscriptions);
        if *link.host == ADVANCED {
            Box::new(advanced::Reader::new(series))
        } else {
            Box::new(exchange::Reader::new(series))
        }
    }

    /// Nothing in a book's own frames tells what is missing: those of Advanced Trade are counted together.
    fn rule(&self, _subscription: &Subscription) -> Rule {
        Rule { order: Order::None, checksum: None, depth: None }
    }

    fn renewal(&self, subscription: &Subscription) -> Vec<String> {
        ["unsubscribe", "subscribe"].map(|form| request(form, &subscription.dataset)).to_vec()
    }
}

fn host(dataset: &Dataset) -> &'static LiveHost {
    match dataset.kind() {
        Kind::Trade => &EXCHANGE,
        Kind::Book if dataset.pair().quote() == ALIAS => &EXCHANGE,
        _ => &ADVANCED,
    }
}

fn request(form: &str, dataset: &Dataset) -> String {
    let (host, channel) = (host(dataset), channel(dataset));
    let channels = if *host == ADVANCED {
        format!(r#""channel":"{channel}""#)
    } else {
        format!(r#""channels":["{channel}","heartbeat"]"#)
    };
    format!(r#"{{"type":"{form}","product_ids":["{}"],{channels}}}"#, symbol(dataset.pair()))
}

fn channel(dataset: &Dataset) -> &'static str {
    match dataset.kind() {
        Kind::Trade => "matches",
        // The other one of the Exchange feed wants a key.
        Kind::Book if *host(dataset) == EXCHANGE => "level2_batch",
        Kind::Book => "level2",
        _ => "candles",
    }
}

/// What one connection carries.
#[derive(Debug)]
struct Series {
    id: SubscriptionId,
    kind: Kind,
    /// Its name, and another one under which it may come.
    product: String,
    alias: Option<String>,
    channel: &'static str,
    is_accepted: bool,
    is_refused: bool,
}

impl Series {
    fn of(link: &Link, subscriptions: &[Subscription]) -> Vec<Series> {
        let series = |id: &SubscriptionId| {
            let dataset = &subscriptions.get(id.0)?.dataset;
            let product = symbol(dataset.pair());
            let is_renamed = *link.host == ADVANCED && dataset.pair().quote() == ALIAS;
            let alias = product.strip_suffix('C').filter(|_| is_renamed).map(str::to_owned);
            let (kind, channel) = (dataset.kind(), channel(dataset));
            Some(Series { id: *id, kind, product, alias, channel, is_accepted: false, is_refused: false })
        };
        link.subscriptions.iter().filter_map(series).collect()
    }

    fn is_called(&self, product: &str) -> bool {
        self.product == product || self.alias.as_deref() == Some(product)
    }

    /// Whether a channel is this one's. That of books in batches has other names too.
    fn is_of(&self, channel: &str) -> bool {
        self.channel == channel || (self.kind == Kind::Book && channel.starts_with("level2"))
    }

    /// Notes whether it is among what is subscribed now; its id if that is new.
    fn accept(&mut self, is_listed: bool) -> Option<SubscriptionId> {
        let is_new = is_listed && !self.is_accepted;
        self.is_accepted = is_listed;
        self.is_refused &= !is_listed;
        is_new.then_some(self.id)
    }
}

/// Hands on an error. It names no channel, and perhaps no product; but requests stand for one series each and are answered
/// in their order, so it is about the first one without an answer, of the products that it names if it names any.
fn refuse(series: &mut [Series], words: &str, take: &mut dyn FnMut(Event<'_>)) {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let names: Vec<&str> = words.split(|c: char| !is_name(c)).collect();
    let is_named = |one: &Series| names.iter().any(|name| one.is_called(name));
    let is_any_named = series.iter().any(is_named);
    let is_unanswered = |one: &Series| !one.is_accepted && !one.is_refused;
    let why = message(words);
    if let Some(one) = series.iter_mut().find(|one| is_unanswered(one) && (is_named(one) || !is_any_named)) {
        one.is_refused = true;
        return take(Event::Refused(Some(one.id), why));
    }
    // It answers nothing: it is about what was granted before, or about the connection.
    for one in series.iter_mut().filter(|one| is_named(one)) {
        one.is_refused = true;
        take(Event::Refused(Some(one.id), why.clone()));
    }
    if !is_any_named {
        take(Event::Refused(None, why));
    }
}
