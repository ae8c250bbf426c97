//! What Bitfinex pushes: thirty channels on a connection, whose frames are counted.

mod read;
#[cfg(test)]
mod tests;

use dccd_record::{Dataset, Kind};

use super::symbol::symbol;
use crate::capability::{Impossible, capability};
use crate::live::{
    FrameReader, KeepAlive, Link, LiveHost, Order, OrderBook, Rule, Streams, Subscription, SubscriptionId, check,
};

/// The only host of what is public. Each channel says at least every 15 seconds that it lives.
pub(super) static LIVE: LiveHost = LiveHost {
    name: "bitfinex",
    ws_url: "wss://api-pub.bitfinex.com",
    keep_alive: KeepAlive::Pongs,
    silence_secs: 45,
    age_secs_max: None,
    // Nothing is published: slowly, so that thirty channels make no burst.
    sends: (10, 1000),
    connects: (20, 60),
};

const CHANNELS_MAX: usize = 30;
/// Every frame ends with the exchange's clock.
const TIMESTAMP: u64 = 32_768;
/// Every frame ends with a number that counts the frames of the connection.
const SEQ_ALL: u64 = 65_536;
/// Books are followed by checksums.
const OB_CHECKSUM: u64 = 131_072;
/// The checksum is over so many levels of each side, so no book is taken with fewer.
const CHECKSUM_LEVELS: usize = 25;
const DEPTHS: [u32; 3] = [25, 100, 250];
const KINDS: [Kind; 4] = [Kind::Candle, Kind::Trade, Kind::Book, Kind::Funding];

/// Bitfinex's streams.
#[derive(Debug)]
pub(super) struct BitfinexStreams;

impl Streams for BitfinexStreams {
    fn links(&self, subscriptions: &[Subscription]) -> Result<Vec<Link>, Impossible> {
        let mut links: Vec<Link> = Vec::new();
        for (at, subscription) in subscriptions.iter().enumerate() {
            let channel = Channel::of(&subscription.dataset)?;
            if links.last().is_none_or(|link| link.subscriptions.len() >= CHANNELS_MAX) {
                let conf = format!(r#"{{"event":"conf","flags":{}}}"#, TIMESTAMP | SEQ_ALL | OB_CHECKSUM);
                let (path, opening, subscriptions) = ("/ws/2".to_owned(), vec![conf], Vec::new());
                links.push(Link { host: &LIVE, path, opening, subscriptions });
            }
            if let Some(link) = links.last_mut() {
                link.opening.push(channel.request(depth(subscription)));
                link.subscriptions.push(SubscriptionId(at));
            }
        }
        Ok(links)
    }

    fn skips_quiet_candles(&self) -> bool {
        true
    }

    fn reader(&self, link: &Link, subscriptions: &[Subscription]) -> Box<dyn FrameReader> {
        Box::new(read::Reader::new(link, subscriptions))
    }

    /// A level's frame may come before that of another one's end, so the book is not cut here.
    fn rule(&self, _subscription: &Subscription) -> Rule {
        Rule { order: Order::None, checksum: Some(checksum), depth: None }
    }
}

/// The least depth that is deep enough, or the greatest.
fn depth(subscription: &Subscription) -> u32 {
    let wanted = subscription.depth.unwrap_or_default();
    DEPTHS.into_iter().find(|depth| *depth >= wanted).unwrap_or(250)
}

/// What a channel is called when it is asked for, and again when it is granted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Channel {
    name: String,
    /// Its symbol or its key.
    of: String,
}

impl Channel {
    fn of(dataset: &Dataset) -> Result<Channel, Impossible> {
        let symbol = symbol(dataset.pair());
        let (name, of) = match dataset.kind() {
            Kind::Trade => ("trades", symbol),
            Kind::Book => ("book", symbol),
            // Only perpetual contracts have a status.
            Kind::Funding => (capability(dataset).map(|_| "status")?, format!("deriv:{symbol}")),
            Kind::Candle => {
                let span = capability(dataset)?.span_name(dataset.span()).unwrap_or_default();
                ("candles", format!("trade:{span}:{symbol}"))
            }
            Kind::OpenInterest => ("", symbol),
        };
        check(dataset, &KINDS, capability(dataset).map_or(&[], |row| row.spans))?;
        Ok(Channel { name: name.to_owned(), of })
    }

    fn request(&self, depth: u32) -> String {
        let Channel { name, of } = self;
        let (key, more) = match name.as_str() {
            "candles" | "status" => ("key", String::new()),
            "book" => ("symbol", format!(r#","prec":"P0","freq":"F0","len":"{depth}""#)),
            _ => ("symbol", String::new()),
        };
        format!(r#"{{"event":"subscribe","channel":"{name}","{key}":"{of}"{more}}}"#)
    }
}

/// What the best levels add up to, in turn a bid and an ask, each with the digits that were sent: an exponent stays
/// one.
fn checksum(book: &OrderBook) -> u32 {
    let (mut bids, mut asks) = (book.bids(), book.asks());
    let mut parts = Vec::new();
    for _ in 0..CHECKSUM_LEVELS {
        parts.extend(bids.next().map(|(price, amount, _)| format!("{price}:{amount}")));
        parts.extend(asks.next().map(|(price, amount, _)| format!("{price}:-{amount}")));
    }
    crc32fast::hash(parts.join(":").as_bytes())
}
