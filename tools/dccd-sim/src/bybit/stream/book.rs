//! `orderbook`: a snapshot, then changes whose `u` counts them one by one; of one level, snapshots only.

use std::sync::Arc;

use super::Place;
use crate::bybit::instrument::{Digits, symbol};
use crate::bybit::statistics::{DEEPEST_PACE, book_u, seq};
use crate::clock::{MILLI, SECOND};
use crate::feed::{DepthFeed, Fallen};
use crate::market::Series;
use crate::market::statistics::{BOOK_STEP, Book};
use crate::ws::{Frame, Load, World};

/// The depth that REST shows too.
const DEEPEST: usize = 1_000;
/// The best level is repeated when it has not changed for so long.
const REPEAT: i64 = 3 * SECOND;
/// Books of less depth count on their own, far from the deepest.
const OTHER_COUNT: i64 = 172_000_000;
/// What a restart of the service begins with.
const FIRST: i64 = 1;
/// A sequence that is wrong leaves out so many.
const WRONG_BY: i64 = 5;

/// The book of one symbol.
#[derive(Debug)]
pub(super) struct BookStream {
    feed: DepthFeed,
    depth: usize,
    /// The number of the last change.
    u: i64,
    /// When something was last told.
    told: i64,
}

impl BookStream {
    /// The book of `now`: the deepest changes every 200 ms, the others as often as there is anything new.
    pub(super) fn new(series: &Arc<Series>, depth: usize, now: i64) -> BookStream {
        let pace = if depth == DEEPEST { DEEPEST_PACE } else { 1 };
        let feed = DepthFeed::new(series, depth, pace, Fallen::Told, now);
        let step = feed.book().step;
        // It never falls behind a connection that has counted longer: there is at most one change in each step.
        let u = if depth == DEEPEST { book_u(step) } else { step + OTHER_COUNT };
        BookStream { feed, depth, u, told: now }
    }

    /// The whole book.
    pub(super) fn snapshot(&mut self, place: &Place, now: i64) -> Frame {
        self.told = now;
        let Book { step, bids, asks } = self.feed.book();
        self.frame(place, "snapshot", now, *step, [bids, asks])
    }

    /// The whole book of a service that has just restarted.
    pub(super) fn restarted(&mut self, place: &Place, now: i64) -> Frame {
        self.u = FIRST;
        self.snapshot(place, now)
    }

    /// What has changed since.
    pub(super) fn updates(&mut self, place: &Place, world: &World<'_>) -> Vec<Frame> {
        let mut frames = Vec::new();
        while let Some(change) = self.feed.next_change(&place.topic, world) {
            self.u += 1;
            self.told = world.now;
            frames.push(if self.depth == 1 {
                self.snapshot(place, world.now)
            } else {
                self.frame(place, "delta", world.now, change.step, [&change.bids, &change.asks])
            });
        }
        if self.depth == 1 && world.now - self.told >= REPEAT {
            frames.push(self.snapshot(place, world.now));
        }
        frames
    }

    fn frame(&self, place: &Place, kind: &str, now: i64, step: i64, [bids, asks]: [&Vec<(i64, i64)>; 2]) -> Frame {
        let listing = self.feed.series().listing();
        let digits = Digits::of(listing);
        let side = |levels: &[(i64, i64)]| {
            let level =
                |(price, amount): &(i64, i64)| format!("[\"{}\",\"{}\"]", digits.price(*price), digits.amount(*amount));
            levels.iter().map(level).collect::<Vec<_>>().join(",")
        };
        let (bids, asks, symbol) = (side(bids), side(asks), symbol(&listing.pair));
        let (u, seq, cts) = (self.u, seq(step), step * BOOK_STEP / MILLI);
        let data = format!("{{\"s\":\"{symbol}\",\"b\":[{bids}],\"a\":[{asks}],\"u\":{u},\"seq\":{seq}}}");
        let frame = place.frame(Load::Book, kind, now, &data, &format!(",\"cts\":{cts}"));
        // Of one level nothing can be missed: each frame is whole.
        if self.depth == 1 { frame } else { frame.sealed("\"u\":", u, u + WRONG_BY) }
    }
}
