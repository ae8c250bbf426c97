//! Books of any depth, and how they change around the best price.

use std::ops::RangeInclusive;
use std::sync::Arc;

use super::books::{BookChange, CROSSED_BY, next_step};
use crate::market::Series;
use crate::market::statistics::{BOOK_STEP, Levels};
use crate::ws::{Topic, World};

/// The book of one pair, of which every change within so many ticks of the best price is told.
///
/// Levels farther away are not spoken of until the price comes near: then all of them are told, those that are empty
/// as removed. So a client that took a snapshot of any depth, and heard all changes since, has the best levels right.
#[derive(Debug)]
pub(crate) struct BandFeed {
    series: Arc<Series>,
    reach: i64,
    pace: i64,
    band: Band,
    /// The step of what was last told.
    told: i64,
    /// A bid that was never there.
    crossing: Option<i64>,
}

/// What is told at one step.
#[derive(Clone, Copy, Debug)]
struct Band {
    step: i64,
    levels: Levels,
    reach: i64,
}

/// One of the two sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum BookSide {
    Bids,
    Asks,
}

impl BandFeed {
    /// The book of `now`, told again every `pace` steps.
    pub(crate) fn new(series: &Arc<Series>, reach: i64, pace: i64, now: i64) -> BandFeed {
        let step = now.div_euclid(BOOK_STEP).div_euclid(pace) * pace;
        let band = Band::new(series, step, reach);
        BandFeed { series: Arc::clone(series), reach, pace, band, told: step, crossing: None }
    }

    /// The pair.
    pub(crate) fn series(&self) -> &Arc<Series> {
        &self.series
    }

    /// The next change up to now.
    pub(crate) fn next_change(&mut self, topic: &Topic, world: &World<'_>) -> Option<BookChange> {
        while let Some(step) = next_step(self.band.step, self.pace, world.now) {
            let next = Band::new(&self.series, step, self.reach);
            let mut bids = self.changed(&next, BookSide::Bids);
            bids.reverse();
            let asks = self.changed(&next, BookSide::Asks);
            if let Some(price) = self.crossing.take().filter(|price| !next.prices(BookSide::Bids).contains(price)) {
                bids.insert(0, (price, 0));
            }
            if next.reach > 0 && world.gate.crosses(topic) {
                let price = next.levels.best() + 1 + CROSSED_BY;
                self.crossing = Some(price);
                bids.insert(0, (price, self.series.listing().lot));
            }
            let change = BookChange { since: self.told, step, bids, asks };
            self.band = next;
            if !change.is_empty() {
                self.told = step;
                return Some(change);
            }
        }
        None
    }

    /// What to tell of one side, by price.
    fn changed(&self, next: &Band, side: BookSide) -> Vec<(i64, i64)> {
        let (before, after) = (self.band.prices(side), next.prices(side));
        let (start, end) = (before.start().min(after.start()), before.end().max(after.end()));
        let is_news = |price: i64| {
            let (old, new) = (self.band.amount(side, price), next.amount(side, price));
            let news = (price, new.unwrap_or(0));
            match (before.contains(&price), after.contains(&price)) {
                (true, true) => (old != new).then_some(news),
                // It turned to the other side, or nothing is traded any more; farther away it is left as it is.
                (true, false) if next.is_beyond_best(side, price) => old.map(|_| news),
                (false, true) if self.band.is_beyond_best(side, price) => new.map(|_| news),
                (false, true) => Some(news),
                // The price leapt over levels that only a snapshot has told of.
                (false, false) if next.is_beyond_best(side, price) && !self.band.is_beyond_best(side, price) => {
                    Some(news)
                }
                (_, false) => None,
            }
        };
        (*start..=*end).filter_map(is_news).collect()
    }
}

impl Band {
    /// What is no longer traded has no band.
    fn new(series: &Series, step: i64, reach: i64) -> Band {
        let is_traded = step * BOOK_STEP < series.listing().until;
        Band { step, levels: Levels::new(series, step), reach: if is_traded { reach } else { 0 } }
    }

    fn prices(&self, side: BookSide) -> RangeInclusive<i64> {
        let best = self.levels.best();
        match side {
            BookSide::Bids => (best + 1 - self.reach).max(1)..=best,
            BookSide::Asks => best + 1..=best + self.reach,
        }
    }

    fn amount(&self, side: BookSide, price: i64) -> Option<i64> {
        if self.prices(side).contains(&price) { self.levels.amount(price) } else { None }
    }

    /// Whether a price lies where this side has no levels at all.
    fn is_beyond_best(&self, side: BookSide, price: i64) -> bool {
        match side {
            _ if self.reach == 0 => true,
            BookSide::Bids => price > self.levels.best(),
            BookSide::Asks => price <= self.levels.best(),
        }
    }
}
