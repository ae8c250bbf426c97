//! The trades of one minute, and how one taker's trade splits into parts.

use dccd_record::Side;

use crate::clock::{MILLI, MINUTE};
use crate::hash::{mix, pick};
use crate::market::catalogue::Listing;
use crate::market::plan::MinutePlan;

/// One taker order against one price: what Binance calls an aggregate trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Trade {
    /// Consecutive per pair, from 0.
    pub(crate) id: i64,
    /// When, in microseconds since 1970.
    pub(crate) micros: i64,
    /// In ticks.
    pub(crate) price: i64,
    /// In smallest amounts.
    pub(crate) amount: i64,
    /// What was given for it; see [`Listing::value`].
    pub(crate) value: i128,
    /// Who took.
    pub(crate) taker: Side,
}

/// One of the makers a trade was filled by: what Binance calls a trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    /// Consecutive per pair, from 0.
    pub(crate) id: i64,
    /// In smallest amounts.
    pub(crate) amount: i64,
}

/// Parts of ten trades that follow each other.
const PARTS: [i64; 10] = [1, 1, 2, 1, 1, 3, 1, 1, 1, 1];
/// Parts of those ten before each.
const PARTS_BEFORE: [i64; 10] = [0, 1, 2, 4, 5, 6, 9, 10, 11, 12];
const PARTS_PER_TEN: i64 = 13;

impl Trade {
    /// How many makers filled it.
    pub(crate) fn part_count(&self) -> i64 {
        PARTS[last_digit(self.id)]
    }

    /// The id of its first part.
    pub(crate) fn first_part(&self) -> i64 {
        first_part(self.id)
    }

    /// The id of its last part.
    pub(crate) fn last_part(&self) -> i64 {
        self.first_part() + self.part_count() - 1
    }

    /// Its parts; their amounts sum up to its own.
    pub(crate) fn parts(&self) -> impl Iterator<Item = Part> {
        let (first, count, amount) = (self.first_part(), self.part_count(), self.amount);
        (0..count).map(move |at| {
            let rest = if at + 1 == count { amount % count } else { 0 };
            Part { id: first + at, amount: amount / count + rest }
        })
    }
}

/// The id of the first part of trade `id`.
pub(crate) fn first_part(id: i64) -> i64 {
    id.div_euclid(10) * PARTS_PER_TEN + PARTS_BEFORE[last_digit(id)]
}

/// The id of the trade that part `id` belongs to.
pub(crate) fn trade_of_part(id: i64) -> i64 {
    let within = id.rem_euclid(PARTS_PER_TEN);
    let at = PARTS_BEFORE.partition_point(|before| *before <= within) - 1;
    id.div_euclid(PARTS_PER_TEN) * 10 + i64::try_from(at).unwrap_or(0)
}

fn last_digit(id: i64) -> usize {
    usize::try_from(id.rem_euclid(10)).unwrap_or(0)
}

/// Makes the trades of one minute, in order.
#[derive(Debug)]
pub(crate) struct MinuteTrades<'a> {
    listing: &'a Listing,
    plan: MinutePlan,
    key: u64,
    open: i64,
    close: i64,
    /// The part of the minute that each trade outside the burst has to itself.
    slot: i64,
    rank: i64,
    latest: i64,
}

impl<'a> MinuteTrades<'a> {
    /// The price is `open` ticks where the minute begins and `close` where it ends.
    pub(crate) fn new(plan: MinutePlan, key: u64, listing: &'a Listing, open: i64, close: i64) -> MinuteTrades<'a> {
        let key = mix(key, plan.minute);
        let slot = MINUTE / (plan.trades - plan.burst).max(1);
        MinuteTrades { listing, plan, key, open, close, slot, rank: 0, latest: plan.minute * MINUTE }
    }

    /// The burst stands in the middle, the others keep to their own part of the minute.
    fn micros(&self, word: u64) -> i64 {
        let start = self.plan.minute * MINUTE;
        let slot = |rank: i64| start + rank * self.slot + pick(word >> 8, self.slot);
        let into_burst = self.rank - (self.plan.trades - self.plan.burst) / 2;
        let drawn = if into_burst < 0 {
            slot(self.rank)
        } else if into_burst < self.plan.burst {
            start + MINUTE / 2 + into_burst * MILLI / self.plan.burst
        } else if word.is_multiple_of(4) {
            self.latest
        } else {
            slot(self.rank - self.plan.burst)
        };
        drawn.max(self.latest)
    }

    fn price(&self, word: u64, taker: Side) -> i64 {
        let moved = (self.close - self.open) * self.rank / self.plan.trades;
        let noise = (self.open / 8_192).max(1);
        let side = if taker == Side::Buy { 1 } else { 0 };
        (self.open + moved + pick(word >> 16, 2 * noise + 1) - noise + side).max(1)
    }

    fn amount(&self, word: u64) -> i64 {
        let factor = match (word >> 3) % 64 {
            0 => 1_000,
            1..=7 => 100,
            _ => 10,
        };
        let lot = self.listing.lot;
        lot + lot * pick(word >> 24, 97) * factor / 10 + pick(word >> 40, lot)
    }
}

impl Iterator for MinuteTrades<'_> {
    type Item = Trade;

    fn next(&mut self) -> Option<Trade> {
        if self.rank >= self.plan.trades {
            return None;
        }
        let word = mix(self.key, self.rank);
        let taker = if word & 4 == 0 { Side::Sell } else { Side::Buy };
        self.latest = self.micros(word);
        let (price, amount) = (self.price(word, taker), self.amount(word));
        let trade = Trade {
            id: self.plan.first_id + self.rank,
            micros: self.latest,
            price,
            amount,
            value: self.listing.value(price, amount),
            taker,
        };
        self.rank += 1;
        Some(trade)
    }
}
