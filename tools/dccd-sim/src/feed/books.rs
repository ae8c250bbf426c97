//! Books of a fixed depth, and how they change.

use std::sync::Arc;

use crate::market::Series;
use crate::market::statistics::{BOOK_STEP, Book, book};
use crate::ws::{Topic, World};

/// Changes of one turn that are told one by one; a clock that runs very fast makes wider steps beyond.
const CHANGES_PER_TURN: i64 = 100;
/// A crossed bid is so many ticks above the best ask.
pub(super) const CROSSED_BY: i64 = 10;

/// How a book got from one step to another; an amount of 0 removes the level.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct BookChange {
    /// The step of the change, or of the snapshot, that was told before.
    pub(crate) since: i64,
    /// The step of this one.
    pub(crate) step: i64,
    pub(crate) bids: Vec<(i64, i64)>,
    pub(crate) asks: Vec<(i64, i64)>,
}

/// What becomes of levels that are still there but no longer among the best.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fallen {
    /// The client is told to remove them.
    Told,
    /// The client cuts its book to the depth by itself.
    Silent,
}

/// The book of one pair, so many levels deep.
#[derive(Debug)]
pub(crate) struct DepthFeed {
    series: Arc<Series>,
    depth: usize,
    pace: i64,
    fallen: Fallen,
    book: Book,
    /// The step of what was last told.
    told: i64,
}

impl BookChange {
    pub(super) fn is_empty(&self) -> bool {
        self.bids.is_empty() && self.asks.is_empty()
    }
}

impl DepthFeed {
    /// The book of `now`, told again every `pace` steps.
    pub(crate) fn new(series: &Arc<Series>, depth: usize, pace: i64, fallen: Fallen, now: i64) -> DepthFeed {
        let book = book_at(series, now.div_euclid(BOOK_STEP).div_euclid(pace) * pace, depth);
        let told = book.step;
        DepthFeed { series: Arc::clone(series), depth, pace, fallen, book, told }
    }

    /// The book as the client knows it.
    pub(crate) fn book(&self) -> &Book {
        &self.book
    }

    /// The pair.
    pub(crate) fn series(&self) -> &Arc<Series> {
        &self.series
    }

    /// The next change up to now; [`DepthFeed::book`] is the book after it.
    pub(crate) fn next_change(&mut self, topic: &Topic, world: &World<'_>) -> Option<BookChange> {
        while let Some(step) = next_step(self.book.step, self.pace, world.now) {
            let mut next = book_at(&self.series, step, self.depth);
            if world.gate.crosses(topic) {
                cross(&mut next, self.series.listing().lot, self.depth);
            }
            let change = BookChange {
                since: self.told,
                step,
                bids: self.changed(&self.book.bids, &next.bids, |one, other| one > other),
                asks: self.changed(&self.book.asks, &next.asks, |one, other| one < other),
            };
            let is_empty = change.is_empty();
            self.book = next;
            if !is_empty {
                self.told = step;
                return Some(change);
            }
        }
        None
    }

    /// What to tell of one side: what is gone, then what is new or another amount, each best first.
    fn changed(&self, old: &[(i64, i64)], new: &[(i64, i64)], is_better: impl Fn(i64, i64) -> bool) -> Vec<(i64, i64)> {
        let worst = new.last().filter(|_| new.len() >= self.depth && self.fallen == Fallen::Silent);
        let has = |side: &[(i64, i64)], price: i64| {
            let at = side.partition_point(|(other, _)| is_better(*other, price));
            side.get(at).filter(|(other, _)| *other == price).map(|(_, amount)| *amount)
        };
        let is_told = |price: i64| worst.is_none_or(|(worst, _)| is_better(price, *worst));
        let gone = old.iter().filter(|(price, _)| has(new, *price).is_none() && is_told(*price));
        let set = new.iter().filter(|(price, amount)| has(old, *price) != Some(*amount));
        gone.map(|(price, _)| (*price, 0)).chain(set.copied()).collect()
    }
}

/// The step that is told next, if it is time.
pub(crate) fn next_step(told: i64, pace: i64, now: i64) -> Option<i64> {
    let due = now.div_euclid(BOOK_STEP).div_euclid(pace) * pace;
    let stride = ((due - told) / pace / CHANGES_PER_TURN).max(1) * pace;
    (due > told).then(|| told.div_euclid(pace) * pace + stride)
}

/// The book of a step; what is no longer traded has none.
fn book_at(series: &Series, step: i64, depth: usize) -> Book {
    if step * BOOK_STEP < series.listing().until { book(series, step, depth) } else { Book { step, ..Book::default() } }
}

fn cross(book: &mut Book, amount: i64, depth: usize) {
    if let Some((best_ask, _)) = book.asks.first() {
        book.bids.insert(0, (best_ask + CROSSED_BY, amount));
        book.bids.truncate(depth);
    }
}
