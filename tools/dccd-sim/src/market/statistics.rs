//! What is measured beside trades: books, funding and open interest.

use crate::clock::{HOUR, MILLI, MINUTE};
use crate::hash::{mix, pick};
use crate::market::path;
use crate::market::series::Series;

const BOOK: i64 = 11;
const FUNDING: i64 = 12;
const OPEN_INTEREST: i64 = 13;
/// A book changes this often.
pub(crate) const BOOK_STEP: i64 = 100 * MILLI;
/// A level keeps its amount for so many steps.
const STEPS_PER_LEVEL: i64 = 64;
/// Funding is paid this often.
pub(crate) const FUNDING_STEP: i64 = 8 * HOUR;
/// Funding is stamped up to so many milliseconds late.
const FUNDING_LATE_MILLIS: i64 = 16;
/// Open interest is measured this often.
pub(crate) const OPEN_INTEREST_STEP: i64 = 5 * MINUTE;
/// Open interest is 1/10^this of the base asset.
pub(crate) const OPEN_INTEREST_SCALE: u32 = 3;
/// A funding rate is 1/10^this.
pub(crate) const RATE_SCALE: u32 = 8;

/// Both sides of a book, best first: (price in ticks, smallest amounts).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Book {
    /// The step it belongs to: 100 ms each, since 1970.
    pub(crate) step: i64,
    /// What is wanted.
    pub(crate) bids: Vec<(i64, i64)>,
    /// What is offered.
    pub(crate) asks: Vec<(i64, i64)>,
}

/// One payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Funding {
    /// When it was paid, in whole milliseconds though written in microseconds.
    pub(crate) micros: i64,
    /// In 1/10^8.
    pub(crate) rate: i64,
    /// In ticks.
    pub(crate) mark_price: i64,
}

/// One measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OpenInterest {
    /// When.
    pub(crate) micros: i64,
    /// In 1/10^3 of the base asset.
    pub(crate) amount: i64,
    /// In 1/10^3 of a tick.
    pub(crate) value: i128,
}

/// The book of a step, so many levels deep on each side.
pub(crate) fn book(series: &Series, step: i64, depth: usize) -> Book {
    let best = series.price_at(step * BOOK_STEP);
    let key = mix(series.key(), BOOK);
    let level = |price: i64| {
        let own = mix(key, price);
        let word = mix(own, (step + pick(own, STEPS_PER_LEVEL)).div_euclid(STEPS_PER_LEVEL));
        let is_there = !word.is_multiple_of(3) || price == best || price == best + 1;
        is_there.then(|| (price, series.listing().lot * (1 + pick(word >> 8, 400))))
    };
    // A price that is far away has no orders: a walk over four ticks per level finds enough.
    let reach = i64::try_from(depth).unwrap_or(0) * 4;
    let bids = (1..=best).rev().take(depth * 4).filter_map(level).take(depth).collect();
    let asks = (best + 1..=best + reach).filter_map(level).take(depth).collect();
    Book { step, bids, asks }
}

/// The payments stamped within `[start, end)`.
pub(crate) fn fundings(series: &Series, start: i64, end: i64) -> impl DoubleEndedIterator<Item = Funding> + '_ {
    let first = start.max(series.listing().since).div_euclid(FUNDING_STEP);
    let after = end.div_euclid(FUNDING_STEP) + 1;
    (first..after.max(first))
        .map(|number| funding(series, number))
        .filter(move |funding| funding.micros >= start.max(series.listing().since) && funding.micros < end)
}

fn funding(series: &Series, number: i64) -> Funding {
    let word = mix(mix(series.key(), FUNDING), number);
    let due = number * FUNDING_STEP;
    // Half of them carry the usual rate of one basis point.
    let rate = if word.is_multiple_of(2) { 10_000 } else { pick(word >> 8, 60_000) - 25_000 };
    Funding { micros: due + pick(word >> 32, FUNDING_LATE_MILLIS) * MILLI, rate, mark_price: series.price_at(due) }
}

/// The measurement of `instant`, a multiple of [`OPEN_INTEREST_STEP`] unless it is a live one.
pub(crate) fn open_interest(series: &Series, instant: i64) -> OpenInterest {
    let listing = series.listing();
    let level = (listing.lot * 2_000_000).max(1_000) / 10_i64.pow(listing.amount_scale) * 1_000;
    let amount = path::at(mix(series.key(), OPEN_INTEREST), level, instant);
    OpenInterest { micros: instant, amount, value: i128::from(amount) * i128::from(series.price_at(instant)) }
}
