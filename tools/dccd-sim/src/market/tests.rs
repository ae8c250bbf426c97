use std::sync::Arc;

use dccd_record::Pair;

use super::bar::{Bar, Grid};
use super::catalogue::{Catalogue, Sort, Standing};
use super::statistics::{FUNDING_STEP, book, fundings};
use super::trade::{Trade, first_part, trade_of_part};
use super::{Market, Series, Settings};
use crate::clock::{DAY, HOUR, MINUTE, SECOND, iso_text};
use crate::exchange::EXCHANGES;
use crate::hash::{mix, pick};

/// 2024-01-01.
const START: i64 = 19_723 * DAY;
const SEEDS: [u64; 3] = [0, 7, 0xdccd];

fn series(seed: u64, trades_per_day: i64, burst: i64) -> Arc<Series> {
    let market = Market::new(Settings { seed, trades_per_day, burst }, Catalogue::new([]));
    let pair: Pair = "BTC/USDT".parse().expect("a pair");
    market.series("binance", &pair).expect("a listed pair")
}

fn day_trades(series: &Series, day: i64) -> Vec<Trade> {
    series.trades(series.first_id_at(day)..series.first_id_at(day + DAY)).collect()
}

#[test]
fn ids_are_consecutive_and_times_rise() {
    for seed in SEEDS {
        let series = series(seed, 9_000, 3_000);
        let trades: Vec<Trade> =
            series.trades(series.first_id_at(START)..series.first_id_at(START + 4 * DAY)).collect();
        assert!(trades.len() > 30_000, "seed {seed}: {}", trades.len());
        for two in trades.windows(2) {
            assert_eq!(two[0].id + 1, two[1].id, "seed {seed}");
            assert!(two[0].micros <= two[1].micros, "seed {seed}: {two:?}");
        }
        assert!(trades.iter().all(|trade| (START..START + 4 * DAY).contains(&trade.micros)), "seed {seed}");
        assert!(trades.iter().all(|trade| trade.amount >= trade.part_count() && trade.price > 0), "seed {seed}");
    }
}

#[test]
fn random_access_equals_sequential() {
    for seed in SEEDS {
        let all = day_trades(&series(seed, 5_000, 700), START);
        let first = all[0].id;
        let fresh = series(seed, 5_000, 700);
        for draw in 0..200 {
            let at = pick(mix(seed, draw), i64::try_from(all.len()).unwrap_or(1));
            let count = 1 + pick(mix(seed, -draw), 40);
            let page: Vec<Trade> = fresh.trades(first + at..first + at + count).collect();
            for trade in &page {
                let expected = all.iter().find(|known| known.id == trade.id);
                assert!(expected.is_none_or(|known| known == trade), "seed {seed}, draw {draw}");
            }
            let trade = page[0];
            let before = all.iter().filter(|known| known.micros < trade.micros).count();
            assert_eq!(fresh.first_id_at(trade.micros), first + i64::try_from(before).unwrap_or(0), "seed {seed}");
        }
    }
}

#[test]
fn candles_equal_the_fold_of_their_trades() {
    for seed in SEEDS {
        let series = series(seed, 4_000, 500);
        let trades = day_trades(&series, START + DAY);
        let day = START + DAY;
        let widths = [SECOND, MINUTE, 5 * MINUTE, HOUR, 90 * MINUTE, DAY];
        for (draw, width) in (0..).zip(widths.into_iter().cycle().take(120)) {
            let start = day + width * pick(mix(seed, draw), DAY / width);
            let end = start + width;
            let folded: Bar = trades.iter().filter(|trade| (start..end).contains(&trade.micros)).copied().collect();
            assert_eq!(series.bar(start, end), folded, "seed {seed}, draw {draw}, width {width}");
        }
        let odd = (day + 17 * MINUTE + 3, day + 3 * HOUR + 12 * MINUTE + 999_999);
        let folded: Bar = trades.iter().filter(|trade| (odd.0..odd.1).contains(&trade.micros)).copied().collect();
        assert_eq!(series.bar(odd.0, odd.1), folded, "seed {seed}");
    }
}

#[test]
fn a_burst_fills_several_pages_with_one_millisecond() {
    let trades = day_trades(&series(1, 20_000, 3_000), START);
    let most = trades.chunk_by(|a, b| a.micros / 1_000 == b.micros / 1_000).map(<[Trade]>::len).max();
    assert!(most >= Some(3_000), "{most:?}");
}

#[test]
fn outages_are_where_they_are_known_to_be() {
    let series = series(3, 50_000, 0);
    let (start, end) = (START + DAY + 3 * HOUR, START + DAY + 6 * HOUR);
    assert!(!series.is_open_within(start, end));
    assert_eq!(series.bar(start, end), Bar::default());
    assert!(series.is_open_within(start - MINUTE, end));
    assert!(series.is_open_within(start, end + MINUTE));
    assert!(!series.is_open_within(START + 2 * DAY + 607 * MINUTE, START + 2 * DAY + 612 * MINUTE));
    assert!(!series.is_open_within(series.listing().since - DAY, series.listing().since));
}

#[test]
fn some_listed_minutes_are_quiet() {
    let series = series(3, 50_000, 0);
    let minutes = (0..1_440).map(|at| START + at * MINUTE);
    let quiet = minutes.filter(|at| series.is_open_within(*at, at + MINUTE) && series.bar(*at, at + MINUTE).count == 0);
    let quiet = quiet.count();
    assert!((60..400).contains(&quiet), "{quiet}");
}

#[test]
fn parts_split_trades_exactly() {
    let trades = day_trades(&series(5, 3_000, 0), START);
    for trade in &trades {
        assert_eq!(trade.parts().map(|part| part.amount).sum::<i64>(), trade.amount);
        assert!(trade.parts().all(|part| trade_of_part(part.id) == trade.id && part.amount > 0));
        assert_eq!(trade.last_part() + 1, first_part(trade.id + 1));
    }
}

#[test]
fn the_first_trade_has_id_zero_and_comes_after_listing() {
    let series = series(9, 10_000, 100);
    let first = series.trades(0..1).next().expect("a first trade");
    assert_eq!(first.id, 0);
    assert!(first.micros >= series.listing().since);
    assert_eq!(series.first_id_at(0), 0);
    assert_eq!(series.last_price_before(series.listing().since), None);
}

#[test]
fn books_are_sorted_and_do_not_cross() {
    let series = series(2, 1_000, 0);
    for step in [START / 100_000, START / 100_000 + 12_345] {
        let book = book(&series, step, 5_000);
        assert_eq!((book.bids.len(), book.asks.len()), (5_000, 5_000));
        assert!(book.bids.windows(2).all(|two| two[0].0 > two[1].0));
        assert!(book.asks.windows(2).all(|two| two[0].0 < two[1].0));
        assert!(book.bids[0].0 < book.asks[0].0);
        assert!(book.bids.iter().chain(&book.asks).all(|level| level.1 > 0));
    }
}

#[test]
fn funding_is_paid_every_eight_hours() {
    let series = series(2, 1_000, 0);
    let paid: Vec<i64> = fundings(&series, START, START + DAY).map(|funding| funding.micros).collect();
    assert_eq!(paid.len(), 3);
    assert!(paid.iter().all(|micros| micros % FUNDING_STEP < 16_000 && micros % 1_000 == 0));
}

#[test]
fn months_and_weeks_begin_where_the_calendar_says() {
    let month = Grid::Month;
    assert_eq!(month.floor(START + 40 * DAY), START + 31 * DAY);
    assert_eq!(month.next(START + 31 * DAY), START + 60 * DAY);
    let week = Grid::Fixed { width: 7 * DAY, origin: 4 * DAY };
    assert_eq!(week.floor(START + 2 * DAY), START, "2024-01-01 was a Monday");
    assert_eq!(week.ceil(START + 1), START + 7 * DAY);
}

#[test]
fn dated_contracts_live_for_half_a_year() {
    let catalogue = Catalogue::new([]);
    let listing = |pair: &str| catalogue.listing("krakenfutures", &pair.parse().expect("a pair"));
    let march = listing("BTC/USD:240329").expect("the last Friday of March 2024");
    assert_eq!(iso_text(march.since, 0), "2023-09-29T08:00:00Z");
    assert_eq!(iso_text(march.until, 0), "2024-03-29T08:00:00Z");
    assert_eq!(march.standing(march.since - 1), Standing::Unlisted);
    assert_eq!(march.standing(march.until - 1), Standing::Trading);
    assert_eq!(march.standing(march.until), Standing::Delisted);
    for pair in ["BTC/USD:240328", "BTC/USD:240426", "SOL/USD:240329", "BTC/USD:200327"] {
        assert_eq!(listing(pair), None, "{pair}");
    }
    let dated = catalogue.pairs("krakenfutures", Sort::Dated);
    assert!(dated.len() > 60 && dated.contains(&"ETH/USD:240927".parse().expect("a pair")));
    assert!(dated.iter().all(|pair| catalogue.listing("krakenfutures", pair).is_some()), "{dated:?}");
}

#[test]
fn nothing_is_traded_after_the_end() {
    let market = Market::new(Settings { seed: 1, trades_per_day: 2_000, burst: 50 }, Catalogue::new([]));
    let series = market.series("coinbase", &"RUNE/USD".parse().expect("a pair")).expect("listed once");
    let until = series.listing().until;
    let end = series.first_id_at(until);
    assert_eq!(series.first_id_at(until + 100 * DAY), end);
    assert_eq!(series.trades(end - 5..end + 5).count(), 5);
    assert!(series.trades(end - 1..end).all(|trade| trade.micros < until));
    assert!(!series.is_open_within(until, until + DAY));
    assert_eq!(series.bar(until, until + DAY), Bar::default());
    assert!(series.last_price_before(until + DAY).is_some());
}

#[test]
fn inverse_contracts_are_worth_what_the_price_makes_of_them() {
    let market = Market::new(Settings { seed: 1, trades_per_day: 2_000, burst: 0 }, Catalogue::new([]));
    let series = market.series("krakenfutures", &"BTC/USD:inverse".parse().expect("a pair")).expect("listed");
    let listing = series.listing();
    assert_eq!((listing.amount_scale, listing.value_scale()), (0, 8));
    // 42000 contracts of one dollar at 42000.00 are one bitcoin.
    assert_eq!(listing.value(4_200_000, 42_000), 100_000_000);
    let trades: Vec<Trade> = day_trades(&series, START);
    let bar = series.bar(START, START + DAY);
    assert_eq!(bar.trades, i64::try_from(trades.len()).expect("few"));
    assert_eq!(bar.quote_volume, trades.iter().map(|trade| listing.value(trade.price, trade.amount)).sum::<i128>());
}

#[test]
fn every_exchange_has_its_own_pairs_and_takes_more() {
    let added: dccd_record::Pair = "NEW/USD".parse().expect("a pair");
    let catalogue = Catalogue::new([added.clone()]);
    for entry in EXCHANGES {
        let sorts = [Sort::Spot, Sort::Perp, Sort::Inverse];
        for sort in sorts.into_iter().filter(|sort| entry.groups.iter().any(|group| group.sorts.contains(sort))) {
            let pairs = catalogue.pairs(entry.name, sort);
            assert!(pairs.iter().all(|pair| catalogue.listing(entry.name, pair).is_some()), "{}", entry.name);
            let unique: std::collections::BTreeSet<&dccd_record::Pair> = pairs.iter().collect();
            assert_eq!(unique.len(), pairs.len(), "{}: {sort:?}", entry.name);
        }
        let has_spot = entry.groups.iter().any(|group| group.sorts.contains(&Sort::Spot));
        assert_eq!(catalogue.listing(entry.name, &added).is_some(), has_spot, "{}", entry.name);
    }
    assert_eq!(catalogue.listing("moon", &added), None);
}
