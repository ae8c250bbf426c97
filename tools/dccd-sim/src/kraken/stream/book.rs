//! `book`: a snapshot, then changes, each with a checksum of the ten best levels.

use std::sync::Arc;

use super::super::{amount_text, price_text};
use super::stamp;
use crate::feed::{DepthFeed, Fallen};
use crate::market::Series;
use crate::market::catalogue::Listing;
use crate::market::statistics::{BOOK_STEP, Book};
use crate::ws::{Frame, Load, Topic, World};

/// Levels of each side that the checksum covers, whatever the depth.
const CHECKED: usize = 10;

/// The book of a pair; levels that fall out of the depth are not spoken of.
pub(super) fn feed(series: &Arc<Series>, depth: usize, now: i64) -> DepthFeed {
    DepthFeed::new(series, depth, 1, Fallen::Silent, now)
}

/// The whole book.
pub(super) fn snapshot(topic: &Topic, feed: &DepthFeed) -> Frame {
    let book = feed.book();
    frame(topic, feed, "snapshot", [&book.bids, &book.asks])
}

/// What has changed since.
pub(super) fn updates(topic: &Topic, feed: &mut DepthFeed, world: &World<'_>) -> Vec<Frame> {
    let mut frames = Vec::new();
    while let Some(change) = feed.next_change(topic, world) {
        frames.push(frame(topic, feed, "update", [&change.bids, &change.asks]));
    }
    frames
}

fn frame(topic: &Topic, feed: &DepthFeed, kind: &str, [bids, asks]: [&Vec<(i64, i64)>; 2]) -> Frame {
    let (listing, book) = (feed.series().listing(), feed.book());
    let levels = |levels: &[(i64, i64)]| {
        let level = |(ticks, amount): &(i64, i64)| {
            let (price, amount) = (price_text(listing, *ticks), amount_text(listing, i128::from(*amount)));
            format!("{{\"price\":{price},\"qty\":{amount}}}")
        };
        levels.iter().map(level).collect::<Vec<_>>().join(",")
    };
    let (bids, asks, checksum) = (levels(bids), levels(asks), checksum(listing, book));
    let (pair, time) = (&listing.pair, stamp(book.step * BOOK_STEP));
    let text = format!(
        "{{\"channel\":\"book\",\"type\":\"{kind}\",\"data\":[{{\"symbol\":\"{pair}\",\"bids\":[{bids}],\
         \"asks\":[{asks}],\"checksum\":{checksum},\"timestamp\":\"{time}\"}}]}}"
    );
    Frame::of(Load::Book, topic, text).sealed("\"checksum\":", checksum, checksum ^ 1)
}

/// CRC-32 of the digits of the best levels: asks from the lowest, then bids from the highest.
pub(super) fn checksum(listing: &Listing, book: &Book) -> u32 {
    let mut digits = String::new();
    for (ticks, amount) in book.asks.iter().take(CHECKED).chain(book.bids.iter().take(CHECKED)) {
        for text in [price_text(listing, *ticks), amount_text(listing, i128::from(*amount))] {
            digits.push_str(text.replace('.', "").trim_start_matches('0'));
        }
    }
    crc32fast::hash(digits.as_bytes())
}
