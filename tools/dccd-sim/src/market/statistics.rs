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

/// A book at one step, any level of which can be asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Levels {
    key: u64,
    lot: i64,
    step: i64,
    best: i64,
}

impl Levels {
    pub(crate) fn new(series: &Series, step: i64) -> Levels {
        let (key, lot) = (mix(series.key(), BOOK), series.listing().lot);
        Levels { key, lot, step, best: series.price_at(step * BOOK_STEP) }
    }

    /// The best bid, in ticks; the best ask is one tick above it.
    pub(crate) fn best(&self) -> i64 {
        self.best
    }

    /// What is wanted, or offered, at a price; none: nobody wants it.
    pub(crate) fn amount(&self, price: i64) -> Option<i64> {
        let own = mix(self.key, price);
        let word = mix(own, (self.step + pick(own, STEPS_PER_LEVEL)).div_euclid(STEPS_PER_LEVEL));
        let is_there = !word.is_multiple_of(3) || price == self.best || price == self.best + 1;
        is_there.then(|| self.lot * (1 + pick(word >> 8, 400)))
    }
}

/// The book of a step, so many levels deep on each side.
pub(crate) fn book(series: &Series, step: i64, depth: usize) -> Book {
    let levels = Levels::new(series, step);
    let best = levels.best();
    let level = |price: i64| levels.amount(price).map(|amount| (price, amount));
    // A price that is far away has no orders: a walk over four ticks per level finds enough.
    let reach = i64::try_from(depth).unwrap_or(0) * 4;
    let bids = (1..=best).rev().take(depth * 4).filter_map(level).take(depth).collect();
    let asks = (best + 1..=best + reach).filter_map(level).take(depth).collect();
    Book { step, bids, asks }
}

/// When funding is paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FundingClock {
    /// From one payment to the next.
    pub(crate) step: i64,
    /// Payments fall on multiples of the step plus this.
    pub(crate) offset: i64,
    /// They are stamped up to so many milliseconds late.
    pub(crate) late_millis: i64,
}

/// Every eight hours, with some jitter.
const USUAL_CLOCK: FundingClock = FundingClock { step: FUNDING_STEP, offset: 0, late_millis: FUNDING_LATE_MILLIS };

/// The payments stamped within `[start, end)`, every eight hours.
pub(crate) fn fundings(series: &Series, start: i64, end: i64) -> impl DoubleEndedIterator<Item = Funding> + '_ {
    fundings_at(series, USUAL_CLOCK, start, end)
}

/// The payments stamped within `[start, end)`, as the clock has them.
pub(crate) fn fundings_at(
    series: &Series,
    clock: FundingClock,
    start: i64,
    end: i64,
) -> impl DoubleEndedIterator<Item = Funding> + '_ {
    let (since, until) = (series.listing().since, series.listing().until);
    let number = |instant: i64| (instant - clock.offset).div_euclid(clock.step);
    let (start, end) = (start.max(since), end.min(until));
    let first = number(start);
    let after = number(end) + 1;
    (first..after.max(first))
        .map(move |number| funding(series, clock, number))
        .filter(move |funding| funding.micros >= start && funding.micros < end)
}

fn funding(series: &Series, clock: FundingClock, number: i64) -> Funding {
    let word = mix(mix(series.key(), FUNDING), number);
    let due = number * clock.step + clock.offset;
    // Half of them carry the usual rate of one basis point.
    let rate = if word.is_multiple_of(2) { 10_000 } else { pick(word >> 8, 60_000) - 25_000 };
    let late = pick(word >> 32, clock.late_millis.max(1)) * MILLI;
    Funding { micros: due + late, rate, mark_price: series.price_at(due) }
}

/// The measurement of `instant`, a multiple of [`OPEN_INTEREST_STEP`] unless it is a live one.
pub(crate) fn open_interest(series: &Series, instant: i64) -> OpenInterest {
    let listing = series.listing();
    let level = listing.lot.saturating_mul(2_000_000).max(1_000) / 10_i64.pow(listing.amount_scale) * 1_000;
    let amount = path::at(mix(series.key(), OPEN_INTEREST), level, instant);
    OpenInterest { micros: instant, amount, value: i128::from(amount) * i128::from(series.price_at(instant)) }
}
