//! `book`: a snapshot, then one level after the other, numbered without gaps.

use std::sync::Arc;

use super::super::LEVELS;
use super::{amount_float, price_float};
use crate::clock::MILLI;
use crate::feed::{DepthFeed, Fallen};
use crate::market::Series;
use crate::market::statistics::BOOK_STEP;
use crate::ws::{Frame, Load, Topic, World};

/// Numbers that lie between two steps of a book, more than there are changes.
const NUMBERS_PER_STEP: i64 = 1_000;

/// The book of one product, and the number of the last message.
#[derive(Debug)]
pub(super) struct BookFeed {
    book: DepthFeed,
    number: i64,
}

impl BookFeed {
    /// The book of `now`; numbers are higher than those of any connection before.
    pub(super) fn new(series: &Arc<Series>, now: i64) -> BookFeed {
        let book = DepthFeed::new(series, LEVELS, 1, Fallen::Told, now);
        let number = book.book().step * NUMBERS_PER_STEP;
        BookFeed { book, number }
    }

    /// The whole book.
    pub(super) fn snapshot(&self, topic: &Topic, product: &str) -> Frame {
        let (listing, book) = (self.book.series().listing(), self.book.book());
        let levels = |levels: &[(i64, i64)]| {
            let level = |(ticks, amount): &(i64, i64)| {
                let (price, amount) = (price_float(listing, *ticks), amount_float(listing, *amount));
                format!("{{\"price\":{price},\"qty\":{amount}}}")
            };
            levels.iter().map(level).collect::<Vec<_>>().join(",")
        };
        let (bids, asks, time) = (levels(&book.bids), levels(&book.asks), book.step * BOOK_STEP / MILLI);
        let number = self.number;
        let text = format!(
            "{{\"feed\":\"book_snapshot\",\"product_id\":\"{product}\",\"timestamp\":{time},\"seq\":{number},\
             \"tickSize\":null,\"bids\":[{bids}],\"asks\":[{asks}]}}"
        );
        Frame::of(Load::Book, topic, text)
    }

    /// What has changed since: first what is gone, so that no side ever reaches into the other.
    pub(super) fn updates(&mut self, topic: &Topic, product: &str, world: &World<'_>) -> Vec<Frame> {
        let mut frames = Vec::new();
        while let Some(change) = self.book.next_change(topic, world) {
            let time = change.step * BOOK_STEP / MILLI;
            let bids = change.bids.iter().map(|level| ("buy", level));
            let levels: Vec<_> = bids.chain(change.asks.iter().map(|level| ("sell", level))).collect();
            let gone = levels.iter().filter(|(_, (_, amount))| *amount == 0);
            for (side, (ticks, amount)) in gone.chain(levels.iter().filter(|(_, (_, amount))| *amount > 0)) {
                self.number += 1;
                frames.push(self.update(topic, product, (side, *ticks, *amount), time));
            }
        }
        frames
    }

    fn update(&self, topic: &Topic, product: &str, level: (&str, i64, i64), time: i64) -> Frame {
        let (listing, number) = (self.book.series().listing(), self.number);
        let (side, price, amount) = (level.0, price_float(listing, level.1), amount_float(listing, level.2));
        let text = format!(
            "{{\"feed\":\"book\",\"product_id\":\"{product}\",\"side\":\"{side}\",\"seq\":{number},\"price\":{price},\
             \"qty\":{amount},\"timestamp\":{time}}}"
        );
        Frame::of(Load::Book, topic, text).sealed("\"seq\":", number, number + 5)
    }
}
