//! What BitMEX pushed until it closed: tables, of which a frame brings rows.
//!
//! Nothing can be subscribed any more, so that there are no connections; what was recorded is still read.

mod book;
mod read;
#[cfg(test)]
mod tests;

use crate::capability::Impossible;
use crate::live::{FrameReader, Link, Order, Rule, Streams, Subscription};

/// BitMEX's streams.
#[derive(Debug)]
pub(super) struct BitmexStreams;

impl Streams for BitmexStreams {
    fn links(&self, _subscriptions: &[Subscription]) -> Result<Vec<Link>, Impossible> {
        Impossible::closed("bitmex").map_or(Ok(Vec::new()), Err)
    }

    fn reader(&self, link: &Link, subscriptions: &[Subscription]) -> Box<dyn FrameReader> {
        Box::new(read::Reader::new(link, subscriptions))
    }

    /// Levels have ids, and nothing counts the frames.
    fn rule(&self, _subscription: &Subscription) -> Rule {
        Rule { order: Order::None, checksum: None, depth: None }
    }
}
