//! `orderBookL2` and `orderBookL2_25`: levels that are known by an id.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::table::Action;
use crate::bitmex::statistics::level_id;
use crate::bitmex::symbols::{size, symbol};
use crate::clock::{DAY, iso_text};
use crate::decimal::trimmed_text;
use crate::feed::{DepthFeed, Fallen};
use crate::javascript::wire;
use crate::market::Series;
use crate::market::statistics::BOOK_STEP;
use crate::ws::{Topic, World};

/// Since 2022 rows have times, and updates also prices.
const MODERN: i64 = 18_993 * DAY;
const SIDES: [&str; 2] = ["Buy", "Sell"];

/// The book of one symbol.
#[derive(Debug)]
pub(super) struct BookFeed {
    feed: DepthFeed,
    /// Prices that the client has, bids and asks.
    known: [BTreeSet<i64>; 2],
}

impl BookFeed {
    pub(super) fn new(series: &Arc<Series>, depth: usize, now: i64) -> BookFeed {
        let feed = DepthFeed::new(series, depth, 1, Fallen::Told, now);
        let book = feed.book();
        let known = [&book.bids, &book.asks].map(|side| side.iter().map(|(price, _)| *price).collect());
        BookFeed { feed, known }
    }

    /// The whole book, the highest price first.
    pub(super) fn rows(&self) -> Vec<String> {
        let (book, series) = (self.feed.book(), self.feed.series());
        let [buy, sell] = SIDES;
        let asks = book.asks.iter().rev().map(|level| row(Action::Insert, series, book.step, sell, *level));
        let bids = book.bids.iter().map(|level| row(Action::Insert, series, book.step, buy, *level));
        asks.chain(bids).collect()
    }

    /// What is done to the book: first what is gone, so that the sides never cross on the way.
    pub(super) fn changes(&mut self, topic: &Topic, world: &World<'_>) -> Vec<(Action, Vec<String>)> {
        let mut done = Vec::new();
        while let Some(change) = self.feed.next_change(topic, world) {
            let series = self.feed.series();
            let [mut deleted, mut updated, mut inserted] = [const { Vec::new() }; 3];
            let sides = [&change.bids, &change.asks].into_iter().zip(SIDES);
            for ((levels, side), known) in sides.zip(&mut self.known) {
                for (price, amount) in levels {
                    let action = match *amount {
                        0 => Action::Delete,
                        _ if known.contains(price) => Action::Update,
                        _ => Action::Insert,
                    };
                    let rows = match action {
                        Action::Delete => &mut deleted,
                        Action::Update => &mut updated,
                        _ => &mut inserted,
                    };
                    rows.push(row(action, series, change.step, side, (*price, *amount)));
                    if action == Action::Delete {
                        known.remove(price);
                    } else {
                        known.insert(*price);
                    }
                }
            }
            let all = [(Action::Delete, deleted), (Action::Update, updated), (Action::Insert, inserted)];
            done.extend(all.into_iter().filter(|(_, rows)| !rows.is_empty()));
        }
        done
    }
}

fn row(action: Action, series: &Series, step: i64, side: &str, (price, amount): (i64, i64)) -> String {
    let listing = series.listing();
    let (name, id, size) = (symbol(&listing.pair), level_id(price), size(listing, i128::from(amount)));
    let key = format!("\"symbol\":\"{name}\",\"id\":{id},\"side\":\"{side}\"");
    let price = wire(&trimmed_text(i128::from(price), listing.price_scale));
    let stamp = iso_text(step * BOOK_STEP, 3);
    let is_modern = step * BOOK_STEP >= MODERN;
    match action {
        Action::Delete => format!("{{{key}}}"),
        _ if is_modern => format!(
            "{{{key},\"size\":{size},\"price\":{price},\"timestamp\":\"{stamp}\",\"transactTime\":\"{stamp}\"}}"
        ),
        Action::Update => format!("{{{key},\"size\":{size}}}"),
        _ => format!("{{{key},\"size\":{size},\"price\":{price}}}"),
    }
}
