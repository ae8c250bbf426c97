//! `books`: a snapshot, then changes that name the one before; `books5` and `bbo-tbt`: the best levels each time.

use std::sync::Arc;

use super::Place;
use crate::clock::{MILLI, MINUTE};
use crate::feed::{DepthFeed, Fallen};
use crate::market::Series;
use crate::market::statistics::BOOK_STEP;
use crate::okx::instrument::{Digits, name};
use crate::okx::statistics::levels_text;
use crate::ws::{Frame, Load, World};

const DEPTH: usize = 400;
/// A book without changes gives a sign of life this often.
const ALIVE: i64 = MINUTE;
/// After maintenance it counts so much lower.
const RESTARTED_BY: i64 = 1_000_000;

/// The book of one instrument.
#[derive(Debug)]
pub(super) struct BookStream {
    feed: DepthFeed,
    /// What is taken off the number of a step.
    offset: i64,
    /// The number of what was last told.
    last: i64,
    /// When that was.
    told: i64,
}

impl BookStream {
    pub(super) fn new(series: &Arc<Series>, now: i64) -> BookStream {
        let feed = DepthFeed::new(series, DEPTH, 1, Fallen::Told, now);
        let last = feed.book().step;
        BookStream { feed, offset: 0, last, told: now }
    }

    /// From now on it counts from somewhere below.
    pub(super) fn restart(&mut self) {
        self.offset = RESTARTED_BY;
    }

    /// The whole book.
    pub(super) fn snapshot(&mut self, place: &Place, now: i64) -> Frame {
        self.told = now;
        let book = self.feed.book();
        self.frame(Load::Book, place, "snapshot", book.step, [&book.bids, &book.asks], [-1, self.last])
    }

    /// What has changed since.
    pub(super) fn updates(&mut self, place: &Place, world: &World<'_>) -> Vec<Frame> {
        let mut frames = Vec::new();
        while let Some(change) = self.feed.next_change(&place.topic, world) {
            let (before, id) = (self.last, change.step - self.offset);
            let levels = [&change.bids, &change.asks];
            let frame = self.frame(Load::Book, place, "update", change.step, levels, [before, id]);
            frames.push(frame.sealed("\"prevSeqId\":", before, before - 1));
            (self.last, self.told) = (id, world.now);
        }
        if world.now - self.told >= ALIVE {
            self.told = world.now;
            let (step, nothing) = (world.now.div_euclid(BOOK_STEP), Vec::new());
            let ids = [self.last, self.last];
            frames.push(self.frame(Load::Heartbeat, place, "update", step, [&nothing, &nothing], ids));
        }
        frames
    }

    fn frame(
        &self,
        load: Load,
        place: &Place,
        action: &str,
        step: i64,
        [bids, asks]: [&Vec<(i64, i64)>; 2],
        [before, id]: [i64; 2],
    ) -> Frame {
        let digits = Digits::of(self.feed.series().listing());
        let (asks, bids, ts) = (levels_text(digits, asks), levels_text(digits, bids), step * BOOK_STEP / MILLI);
        // The checksum was given up.
        let row = format!(
            "{{\"asks\":[{asks}],\"bids\":[{bids}],\"ts\":\"{ts}\",\"checksum\":0,\"seqId\":{id},\
             \"prevSeqId\":{before}}}"
        );
        place.frame(load, &format!("\"action\":\"{action}\","), &row)
    }
}

/// The best levels of one instrument.
#[derive(Debug)]
pub(super) struct BestStream {
    feed: DepthFeed,
}

impl BestStream {
    pub(super) fn new(series: &Arc<Series>, depth: usize, now: i64) -> BestStream {
        BestStream { feed: DepthFeed::new(series, depth, 1, Fallen::Told, now) }
    }

    /// All of them.
    pub(super) fn snapshot(&self, place: &Place) -> Frame {
        let (listing, book) = (self.feed.series().listing(), self.feed.book());
        let digits = Digits::of(listing);
        let (asks, bids) = (levels_text(digits, &book.asks), levels_text(digits, &book.bids));
        let (name, ts, step) = (name(&listing.pair), book.step * BOOK_STEP / MILLI, book.step);
        let row =
            format!("{{\"asks\":[{asks}],\"bids\":[{bids}],\"instId\":\"{name}\",\"ts\":\"{ts}\",\"seqId\":{step}}}");
        place.frame(Load::Book, "", &row)
    }

    /// All of them after each change.
    pub(super) fn updates(&mut self, place: &Place, world: &World<'_>) -> Vec<Frame> {
        let mut frames = Vec::new();
        while self.feed.next_change(&place.topic, world).is_some() {
            frames.push(self.snapshot(place));
        }
        frames
    }
}
