use std::collections::BTreeMap;
use std::sync::Arc;

use super::books::Fallen;
use super::trades::recent;
use super::{BandFeed, CandleFeed, DepthFeed, TradeFeed};
use crate::clock::{DAY, HOUR, MILLI, MINUTE, SECOND};
use crate::faults::Faults;
use crate::market::bar::Grid;
use crate::market::candle::{Candle, Fill};
use crate::market::catalogue::Catalogue;
use crate::market::statistics::{BOOK_STEP, book};
use crate::market::{Market, Series, Settings};
use crate::ws::{Gate, Topic, World};

/// 2024-01-05T12:34:56.
const NOW: i64 = 19_727 * DAY + 12 * HOUR + 34 * MINUTE + 56 * SECOND;

fn market() -> Market {
    Market::new(Settings { seed: 1, trades_per_day: 200_000, burst: 3_000 }, Catalogue::new([]))
}

fn series(market: &Market) -> Arc<Series> {
    market.series("kraken", &"BTC/USD".parse().expect("a pair")).expect("listed")
}

/// Calls `turn` with a world that goes on in uneven turns from one instant to another.
fn walk(market: &Market, faults: &Faults, from: i64, to: i64, mut turn: impl FnMut(&World<'_>)) {
    let gate = Gate::new(faults, "/v2");
    let mut at = from;
    for width in [7 * MILLI, 10 * MILLI, 333 * MILLI, 1, 2 * SECOND].into_iter().cycle() {
        if at >= to {
            return;
        }
        let now = (at + width).min(to);
        turn(&World { market, from: at, now, limits_now: now, gate: &gate });
        at = now;
    }
}

#[test]
fn trades_are_those_of_the_market_each_once() {
    let market = market();
    let series = series(&market);
    let mut feed = TradeFeed::new(&series, NOW);
    let mut pushed = Vec::new();
    walk(&market, &Faults::new(1, Vec::new()), NOW, NOW + 10 * MINUTE, |world| {
        let passed = feed.pass(world.now);
        assert!(passed.iter().all(|trade| trade.micros <= world.now));
        pushed.extend(passed);
    });
    let ids = series.first_id_at(NOW + 1)..series.first_id_at(NOW + 10 * MINUTE + 1);
    assert!(ids.end - ids.start > 500, "{ids:?}");
    assert_eq!(pushed, series.trades(ids).collect::<Vec<_>>());
    let before = recent(&series, NOW, 50);
    assert_eq!(before.len(), 50);
    assert_eq!(before.last().map(|trade| trade.id + 1), pushed.first().map(|trade| trade.id));
}

#[test]
fn portions_share_their_stamp() {
    let market = market();
    let series = series(&market);
    let start = NOW - NOW.rem_euclid(DAY);
    let all = TradeFeed::new(&series, start).pass(start + DAY);
    let portions = TradeFeed::new(&series, start).pass_by_stamp(start + DAY, 2);
    assert!(portions.iter().any(|portion| portion.len() == 2));
    assert!(portions.iter().all(|portion| portion.len() <= 2
        && portion.first().map(|trade| trade.micros) == portion.last().map(|trade| trade.micros)));
    assert_eq!(portions.concat(), all);
}

#[test]
fn candles_end_up_as_rest_has_them() {
    let market = market();
    let series = series(&market);
    let grid = Grid::Fixed { width: MINUTE, origin: 0 };
    let end = NOW + 10 * MINUTE;
    let mut by_trades = CandleFeed::new(&series, grid, Fill::Always, NOW);
    let mut by_clock = CandleFeed::new(&series, grid, Fill::Always, NOW);
    let (mut touched, mut closed) = (BTreeMap::new(), Vec::new());
    walk(&market, &Faults::new(1, Vec::new()), NOW, end, |world| {
        touched.extend(by_trades.touched(world.now).into_iter().map(|candle| (candle.start, candle)));
        closed.extend(by_clock.closed(world.now));
    });
    let rest: Vec<Candle> = by_clock.recent(end, 11);
    assert_eq!(rest.len(), 11);
    assert_eq!(closed, rest[..10], "closed ones, the first of which was open before");
    assert_eq!(by_clock.open(end), Some(rest[10]));
    let busy: Vec<Candle> = rest.iter().filter(|candle| candle.bar.count > 0).copied().collect();
    assert!(touched.values().all(|candle| busy.contains(candle)), "the last word on each is the final one");
    assert!(touched.len() >= 9, "{}", touched.len());
}

/// A client's book.
#[derive(Default)]
struct Mirror {
    bids: BTreeMap<i64, i64>,
    asks: BTreeMap<i64, i64>,
}

impl Mirror {
    fn apply(&mut self, bids: &[(i64, i64)], asks: &[(i64, i64)]) {
        for (side, levels) in [(&mut self.bids, bids), (&mut self.asks, asks)] {
            for (price, amount) in levels {
                if *amount == 0 {
                    side.remove(price)
                } else {
                    side.insert(*price, *amount)
                };
            }
        }
    }

    fn cut(&mut self, depth: usize) {
        while self.bids.len() > depth {
            self.bids.pop_first();
        }
        while self.asks.len() > depth {
            self.asks.pop_last();
        }
    }

    fn sides(&self) -> [Vec<(i64, i64)>; 2] {
        let bids = self.bids.iter().rev().map(|(price, amount)| (*price, *amount)).collect();
        [bids, self.asks.iter().map(|(price, amount)| (*price, *amount)).collect()]
    }
}

#[test]
fn snapshot_and_changes_make_the_book_of_rest() {
    let market = market();
    let series = series(&market);
    for (fallen, pace, depth) in [(Fallen::Silent, 1, 10), (Fallen::Told, 1, 25), (Fallen::Silent, 10, 100)] {
        let mut feed = DepthFeed::new(&series, depth, pace, fallen, NOW);
        let mut mirror = Mirror::default();
        mirror.apply(&feed.book().bids, &feed.book().asks);
        let (mut changes, mut known) = (0, feed.book().step);
        let topic = Topic::new("book", "BTC/USD");
        walk(&market, &Faults::new(1, Vec::new()), NOW, NOW + 2 * MINUTE, |world| {
            while let Some(change) = feed.next_change(&topic, world) {
                mirror.apply(&change.bids, &change.asks);
                if fallen == Fallen::Silent {
                    mirror.cut(depth);
                }
                assert!(change.since == known && change.step > change.since && change.step % pace == 0);
                assert!(change.step * BOOK_STEP <= world.now);
                let truth = book(&series, change.step, depth);
                assert_eq!(mirror.sides(), [truth.bids, truth.asks], "{fallen:?}, step {}", change.step);
                known = change.step;
                changes += 1;
            }
        });
        assert!(changes * pace > 1_000, "{changes}");
    }
}

#[test]
fn a_snapshot_of_rest_and_the_changes_of_a_band_make_the_best_levels() {
    let market = market();
    let series = series(&market);
    let (reach, depth) = (600, 250);
    let mut feed = BandFeed::new(&series, reach, 1, NOW);
    let snapshot = book(&series, NOW.div_euclid(BOOK_STEP), 1_000);
    let mut mirror = Mirror::default();
    mirror.apply(&snapshot.bids, &snapshot.asks);
    let topic = Topic::new("depth", "BTCUSD");
    let (mut changes, mut lowest, mut highest) = (0, i64::MAX, 0);
    walk(&market, &Faults::new(1, Vec::new()), NOW, NOW + 20 * MINUTE, |world| {
        while let Some(change) = feed.next_change(&topic, world) {
            mirror.apply(&change.bids, &change.asks);
            changes += 1;
            let truth = book(&series, change.step, depth);
            (lowest, highest) = (lowest.min(truth.bids[0].0), highest.max(truth.bids[0].0));
            let best = mirror.sides().map(|side| side.into_iter().take(depth).collect::<Vec<_>>());
            if changes % 20 == 0 {
                assert_eq!(best, [truth.bids, truth.asks], "step {}", change.step);
            }
        }
    });
    assert!(changes > 5_000, "{changes}");
    assert!(highest - lowest > 2 * reach, "the price went beyond the band: {lowest} to {highest}");
}

#[test]
fn a_leap_leaves_no_levels_behind() {
    let market = market();
    let series = series(&market);
    let faults = Faults::new(1, Vec::new());
    let gate = Gate::new(&faults, "/ws");
    let topic = Topic::new("depth", "BTCUSD");
    for hours in 1..20 {
        let end = NOW + hours * HOUR;
        let mut feed = BandFeed::new(&series, 100, 1, NOW);
        let snapshot = book(&series, NOW.div_euclid(BOOK_STEP), 1_000);
        let mut mirror = Mirror::default();
        mirror.apply(&snapshot.bids, &snapshot.asks);
        let world = World { market: &market, from: NOW, now: end, limits_now: NOW, gate: &gate };
        while let Some(change) = feed.next_change(&topic, &world) {
            mirror.apply(&change.bids, &change.asks);
        }
        let truth = book(&series, end / BOOK_STEP, 50);
        let best = mirror.sides().map(|side| side.into_iter().take(50).collect::<Vec<_>>());
        assert_eq!(best, [truth.bids, truth.asks], "after {hours} hours");
    }
}

#[test]
fn a_band_is_crossed_for_one_change() {
    let market = market();
    let series = series(&market);
    let faults = Faults::new(1, vec!["ws-cross:next=1,skip=3".parse().expect("a fault")]);
    let mut feed = BandFeed::new(&series, 100, 1, NOW);
    let mut mirror = Mirror::default();
    let snapshot = book(&series, NOW.div_euclid(BOOK_STEP), 50);
    mirror.apply(&snapshot.bids, &snapshot.asks);
    let topic = Topic::new("depth", "BTCUSD");
    let mut crossed = Vec::new();
    walk(&market, &faults, NOW, NOW + 3 * SECOND, |world| {
        while let Some(change) = feed.next_change(&topic, world) {
            mirror.apply(&change.bids, &change.asks);
            let [bids, asks] = mirror.sides();
            crossed.push(bids[0].0 >= asks[0].0);
        }
    });
    assert_eq!(crossed.iter().position(|crossed| *crossed), Some(3));
    assert_eq!(crossed.iter().filter(|crossed| **crossed).count(), 1);
}

#[test]
fn books_end_with_the_listing() {
    let market = market();
    // Halted on 2023-12-20 at midnight.
    let series = market.series("kraken", &"RUNE/USD".parse().expect("a pair")).expect("listed");
    let from = series.listing().until - SECOND;
    let mut depth_feed = DepthFeed::new(&series, 10, 1, Fallen::Silent, from);
    let mut band_feed = BandFeed::new(&series, 100, 1, from);
    let (mut one, mut other) = (Mirror::default(), Mirror::default());
    one.apply(&depth_feed.book().bids, &depth_feed.book().asks);
    let snapshot = book(&series, from.div_euclid(BOOK_STEP), 50);
    other.apply(&snapshot.bids, &snapshot.asks);
    let topic = Topic::new("book", "RUNE/USD");
    walk(&market, &Faults::new(1, Vec::new()), from, from + 5 * SECOND, |world| {
        while let Some(change) = depth_feed.next_change(&topic, world) {
            one.apply(&change.bids, &change.asks);
            one.cut(10);
        }
        while let Some(change) = band_feed.next_change(&topic, world) {
            other.apply(&change.bids, &change.asks);
        }
    });
    assert!(one.sides().iter().chain(&other.sides()).all(Vec::is_empty));
}

#[test]
fn a_crossed_book_is_crossed_for_one_change() {
    let market = market();
    let series = series(&market);
    let faults = Faults::new(1, vec!["ws-cross:next=1,skip=3,path=/v2 book".parse().expect("a fault")]);
    let mut feed = DepthFeed::new(&series, 10, 1, Fallen::Silent, NOW);
    let topic = Topic::new("book", "BTC/USD");
    let mut crossed = Vec::new();
    walk(&market, &faults, NOW, NOW + 3 * SECOND, |world| {
        while feed.next_change(&topic, world).is_some() {
            let book = feed.book();
            crossed.push(book.bids[0].0 >= book.asks[0].0);
        }
    });
    assert!(crossed.len() > 10);
    assert_eq!(crossed.iter().position(|crossed| *crossed), Some(3));
    assert_eq!(crossed.iter().filter(|crossed| **crossed).count(), 1);
}

#[test]
fn a_fast_clock_makes_wide_steps() {
    let market = market();
    let series = series(&market);
    let faults = Faults::new(1, Vec::new());
    let gate = Gate::new(&faults, "/v2");
    let mut feed = DepthFeed::new(&series, 10, 1, Fallen::Told, NOW);
    let world = World { market: &market, from: NOW, now: NOW + DAY, limits_now: NOW, gate: &gate };
    let topic = Topic::new("book", "BTC/USD");
    let changes = std::iter::from_fn(|| feed.next_change(&topic, &world)).count();
    assert!(changes < 2_000, "{changes}");
    assert_eq!(feed.book(), &book(&series, (NOW + DAY) / BOOK_STEP, 10));
}
