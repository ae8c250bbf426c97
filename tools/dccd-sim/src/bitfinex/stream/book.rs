//! `book`: rounded levels, one change each frame, and a checksum for those who want it.

use std::fmt;
use std::sync::Arc;

use super::{Flags, Payload};
use crate::bitfinex::book::{Level, levels};
use crate::decimal::trimmed_text;
use crate::feed::next_step;
use crate::javascript::wire;
use crate::market::Series;
use crate::market::catalogue::Listing;
use crate::market::statistics::BOOK_STEP;
use crate::ws::{Load, Topic, World};

/// Levels of each side that the checksum covers.
const CHECKED: usize = 25;
/// A crossed bid lies so many spreads above the best ask.
const CROSSED_BY: i64 = 10;

/// How much of a book is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Scope {
    /// Significant digits of prices.
    digits: u32,
    /// From one change to the next, in steps.
    pace: i64,
    /// Levels of each side.
    len: usize,
}

/// Both sides, best first.
type Sides = [Vec<Level>; 2];

/// The book of one pair.
#[derive(Debug)]
pub(super) struct BookFeed {
    series: Arc<Series>,
    scope: Scope,
    step: i64,
    sides: Sides,
}

impl Scope {
    /// The scope of `prec`, `freq` and `len`, or the name of the one that cannot be.
    pub(super) fn parse(precision: &str, pace: &str, len: &str) -> Result<Scope, &'static str> {
        let digits = match precision {
            "P0" => 5,
            "P1" => 4,
            "P2" => 3,
            "P3" => 2,
            "P4" => 1,
            _ => return Err("prec"),
        };
        let pace = match pace {
            "F0" => 1,
            "F1" => 20,
            _ => return Err("freq"),
        };
        let len = match len {
            "1" => 1,
            "25" => 25,
            "100" => 100,
            "250" => 250,
            _ => return Err("len"),
        };
        Ok(Scope { digits, pace, len })
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let frequency = if self.pace == 1 { "F0" } else { "F1" };
        write!(f, "P{}-{frequency}-{}", 5 - self.digits, self.len)
    }
}

impl BookFeed {
    pub(super) fn new(series: &Arc<Series>, scope: Scope, now: i64) -> BookFeed {
        let step = now.div_euclid(BOOK_STEP).div_euclid(scope.pace) * scope.pace;
        BookFeed { series: Arc::clone(series), scope, step, sides: sides(series, scope, step) }
    }

    /// The whole book, bids first.
    pub(super) fn snapshot(&self) -> String {
        let rows = self.sides.iter().zip([1, -1]);
        let rows = rows.flat_map(|(side, sign)| side.iter().map(move |level| (sign, level)));
        let rows: Vec<String> = rows.map(|(sign, level)| row(self.series.listing(), sign, level)).collect();
        format!("[{}]", rows.join(","))
    }

    /// What has changed since.
    pub(super) fn updates(&mut self, topic: &Topic, flags: Flags, world: &World<'_>) -> Vec<Payload> {
        let mut payloads = Vec::new();
        while let Some(step) = next_step(self.step, self.scope.pace, world.now) {
            let mut next = sides(&self.series, self.scope, step);
            if world.gate.crosses(topic) {
                cross(&mut next, self.scope.len);
            }
            let rows = self.changes(&next);
            (self.step, self.sides) = (step, next);
            if rows.is_empty() {
                continue;
            }
            if flags.has(Flags::BULK_UPDATES) {
                payloads.push(Payload::new(Load::Book, format!("[{}]", rows.join(","))));
            } else {
                payloads.extend(rows.into_iter().map(|row| Payload::new(Load::Book, row)));
            }
            if flags.has(Flags::OB_CHECKSUM) {
                let checksum = checksum(self.series.listing(), &self.sides);
                payloads.push(Payload::new(Load::Book, format!("\"cs\",{checksum}")));
            }
        }
        payloads
    }

    /// Rows that lead to the next book: first what is gone, so that the sides never cross on the way.
    fn changes(&self, next: &Sides) -> Vec<String> {
        let listing = self.series.listing();
        let (mut gone, mut set) = (Vec::new(), Vec::new());
        for ((old, new), sign) in self.sides.iter().zip(next).zip([1, -1]) {
            let before = |level: &Level| old.iter().find(|known| known.price == level.price);
            let is_gone = |level: &&Level| !new.iter().any(|known| known.price == level.price);
            gone.extend(old.iter().filter(is_gone).map(|level| {
                let price = wire(&trimmed_text(i128::from(level.price), listing.price_scale));
                format!("[{price},0,{sign}]")
            }));
            set.extend(new.iter().filter(|level| before(level) != Some(*level)).map(|level| row(listing, sign, level)));
        }
        gone.extend(set);
        gone
    }
}

/// The rounded book of a step; what is no longer traded has none.
fn sides(series: &Series, scope: Scope, step: i64) -> Sides {
    if step * BOOK_STEP < series.listing().until {
        levels(series, step, scope.digits, scope.len)
    } else {
        Sides::default()
    }
}

fn cross(sides: &mut Sides, len: usize) {
    let [bids, asks] = sides;
    if let (Some(bid), Some(ask)) = (bids.first().copied(), asks.first()) {
        bids.insert(0, Level { price: ask.price + CROSSED_BY * (ask.price - bid.price).max(1), ..bid });
        bids.truncate(len);
    }
}

/// Price, orders, and an amount that is negative of asks.
fn row(listing: &Listing, sign: i64, level: &Level) -> String {
    let price = wire(&trimmed_text(i128::from(level.price), listing.price_scale));
    format!("[{price},{},{}]", level.count, amount(listing, sign, level))
}

fn amount(listing: &Listing, sign: i64, level: &Level) -> String {
    wire(&trimmed_text(i128::from(sign * level.amount), listing.amount_scale))
}

/// CRC-32 of the best levels, bid and ask by turns: price and amount as they are sent, but without exponents in prices.
pub(super) fn checksum(listing: &Listing, [bids, asks]: &Sides) -> i32 {
    let mut texts = Vec::new();
    for at in 0..CHECKED {
        for (side, sign) in [(bids, 1), (asks, -1)] {
            if let Some(level) = side.get(at) {
                texts.push(trimmed_text(i128::from(level.price), listing.price_scale));
                texts.push(amount(listing, sign, level));
            }
        }
    }
    crc32fast::hash(texts.join(":").as_bytes()).cast_signed()
}
