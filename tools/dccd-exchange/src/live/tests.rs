//! Books, and when they can be believed.

use std::collections::BTreeMap;

use dccd_record::{Book, Dataset, Exchange, Level, Market, Number, Pair, Span};
use serde_json::{Value, json};

use super::book::{BookSide, OrderBook};
use super::{Break, Checksum, Joint, Keeper, Order, Rule, Subscription, streams};
use crate::tests::frames::{Dice, RECV, top};
use crate::tests::ts;
use crate::{closed, exchanges, table};

fn level<'a>(price: &'a str, amount: &'a str) -> Level<'a> {
    let number = |text: &'a str| Number::new(text).expect("the test names a number");
    Level { price: number(price), amount: number(amount), count: None }
}

fn book<'a>(bids: &[(&'a str, &'a str)], asks: &[(&'a str, &'a str)]) -> Book<'a> {
    let side = |levels: &[(&'a str, &'a str)]| levels.iter().map(|(price, amount)| level(price, amount)).collect();
    Book { ts: ts(RECV), is_snapshot: false, bids: side(bids), asks: side(asks), seq: None, recv_ts: None }
}

fn all(book: &OrderBook) -> Value {
    top(book, usize::MAX, |price, amount, _| json!([price, amount]))
}

#[test]
fn levels_are_sorted_by_value_and_keep_their_digits() {
    let mut book = OrderBook::new();
    for (price, amount) in [("9.5", "1"), ("10", "0.10"), ("100.0", "3"), ("1e1", "7"), ("0.00000001", "5")] {
        for side in [BookSide::Bids, BookSide::Asks] {
            book.set(side, &level(price, amount)).expect("it fits");
        }
    }
    let bids = [["100.0", "3"], ["1e1", "7"], ["9.5", "1"], ["0.00000001", "5"]];
    let asks: Vec<_> = bids.iter().rev().collect();
    assert_eq!(all(&book), json!({ "bids": bids, "asks": asks }));
    assert_eq!((book.levels(), book.is_crossed()), (8, true));
    book.set(BookSide::Bids, &level("100", "0.000")).expect("it fits");
    book.set(BookSide::Bids, &level("55", "0")).expect("what is not there can be removed");
    assert_eq!(book.bids().next(), Some(("1e1", "7", None)));
    book.truncate(1);
    assert_eq!(all(&book), json!({ "bids": [["1e1", "7"]], "asks": [["0.00000001", "5"]] }));
    book.clear();
    assert_eq!((book.levels(), book.is_crossed()), (0, false));
    let tiny = level("0.0000000000000000001", "1");
    assert!(book.set(BookSide::Asks, &tiny).is_err(), "a price with more digits than can be compared");
}

#[test]
fn a_book_is_crossed_when_somebody_pays_what_another_asks() {
    for (bid, ask, is_crossed) in [("1", "2", false), ("2", "2.0", true), ("3", "2", true)] {
        let mut book = OrderBook::new();
        book.set(BookSide::Bids, &level(bid, "1")).expect("it fits");
        assert!(!book.is_crossed());
        book.set(BookSide::Asks, &level(ask, "1")).expect("it fits");
        assert_eq!(book.is_crossed(), is_crossed, "{bid} {ask}");
    }
}

fn keeper(order: Order) -> Keeper {
    Keeper::new(Rule { order, checksum: None, depth: None })
}

fn update(first: u64, last: u64, previous: Option<u64>) -> Joint {
    Joint::Update { first, last, previous }
}

/// Takes joints one after the other, beginning with a snapshot of number 10.
fn check_order(order: Order, steps: &[(Joint, Result<bool, Break>)]) {
    let mut keeper = keeper(order);
    let frame = book(&[("1", "1")], &[("2", "1")]);
    assert_eq!(keeper.take(&frame, update(1, 2, None), None), Err(Break::NoSnapshot), "{order:?}");
    assert_eq!(keeper.take(&frame, Joint::Snapshot { seq: Some(10) }, None), Ok(true), "{order:?}");
    assert_eq!(keeper.seq(), Some(10));
    for (joint, expected) in steps {
        let before = keeper.seq();
        assert_eq!(keeper.take(&frame, *joint, None), *expected, "{order:?}: {joint:?}");
        let after = match (joint, expected) {
            (Joint::Update { last, .. }, Ok(true)) => Some(*last),
            (_, Ok(false)) => before,
            (Joint::Snapshot { seq }, _) => *seq,
            _ => None,
        };
        assert_eq!((keeper.seq(), keeper.book().is_some()), (after, expected.is_ok()), "{order:?}: {joint:?}");
    }
}

fn gap(reached: u64, came: u64) -> Result<bool, Break> {
    Err(Break::Sequence { reached, came })
}

#[test]
fn consecutive_frames_follow_each_other_by_one() {
    check_order(
        Order::Consecutive,
        &[
            // What the snapshot holds already, then one that overlaps it.
            (update(7, 10, None), Ok(false)),
            (update(9, 12, None), Ok(true)),
            (update(13, 13, None), Ok(true)),
            (update(15, 16, None), gap(13, 15)),
            (update(14, 14, None), Err(Break::NoSnapshot)),
            (Joint::Snapshot { seq: Some(20) }, Ok(true)),
            (update(22, 22, None), gap(20, 22)),
            (Joint::Snapshot { seq: Some(20) }, Ok(true)),
            (update(21, 21, None), Ok(true)),
            // Nothing comes twice.
            (update(21, 21, None), gap(21, 21)),
        ],
    );
}

#[test]
fn linked_frames_name_the_one_before() {
    check_order(
        Order::Linked,
        &[
            (update(15, 15, Some(10)), Ok(true)),
            (update(15, 15, Some(15)), Ok(true)),
            // Numbers may begin anew, as long as the link holds.
            (update(3, 3, Some(15)), Ok(true)),
            (update(9, 9, Some(4)), gap(3, 9)),
            (Joint::Snapshot { seq: Some(30) }, Ok(true)),
            (update(31, 31, None), gap(30, 31)),
        ],
    );
}

#[test]
fn bridged_frames_hold_the_snapshot_and_are_linked_from_then_on() {
    check_order(
        Order::Bridged,
        &[
            (update(5, 9, Some(4)), Ok(false)),
            (update(8, 14, Some(7)), Ok(true)),
            (update(17, 19, Some(14)), Ok(true)),
            (update(20, 22, Some(18)), gap(19, 20)),
            // Or the first one names the snapshot.
            (Joint::Snapshot { seq: Some(30) }, Ok(true)),
            (update(33, 40, Some(30)), Ok(true)),
            (Joint::Snapshot { seq: Some(50) }, Ok(true)),
            (update(52, 55, Some(51)), gap(50, 52)),
        ],
    );
}

#[test]
fn frames_without_numbers_need_a_snapshot_alone() {
    let mut keeper = keeper(Order::None);
    let frame = book(&[("1", "1")], &[]);
    assert_eq!(keeper.take(&frame, Joint::Bare, None), Err(Break::NoSnapshot));
    assert_eq!(keeper.take(&frame, Joint::Snapshot { seq: None }, None), Ok(true));
    assert_eq!(keeper.take(&book(&[("2", "5")], &[]), Joint::Bare, None), Ok(true));
    assert_eq!(keeper.book().map(all), Some(json!({ "bids": [["2", "5"], ["1", "1"]], "asks": [] })));
    assert_eq!(keeper.take(&book(&[("3", "5")], &[]), Joint::Snapshot { seq: None }, None), Ok(true));
    assert_eq!(keeper.book().map(all), Some(json!({ "bids": [["3", "5"]], "asks": [] })));
}

/// The number of levels, for want of a real sum.
fn count(book: &OrderBook) -> u32 {
    u32::try_from(book.levels()).expect("few")
}

#[test]
fn a_sum_that_differs_breaks_a_book() {
    let mut keeper = Keeper::new(Rule { order: Order::Consecutive, checksum: Some(count), depth: None });
    let frame = book(&[("1", "1")], &[("2", "1")]);
    assert_eq!(keeper.take(&frame, Joint::Snapshot { seq: Some(10) }, Some(Checksum(2))), Ok(true));
    // What is older has an older sum.
    assert_eq!(keeper.take(&frame, update(9, 9, None), Some(Checksum(7))), Ok(false));
    assert_eq!(keeper.take(&book(&[("1", "0")], &[]), update(11, 11, None), Some(Checksum(1))), Ok(true));
    assert_eq!(keeper.take(&frame, update(12, 12, None), None), Ok(true));
    assert_eq!(keeper.checksums(), 2);
    let wrong = keeper.take(&frame, update(13, 13, None), Some(Checksum(3)));
    assert_eq!(wrong, Err(Break::Checksum { said: 3, is: 2 }));
    assert_eq!((keeper.book().is_none(), keeper.seq()), (true, None));
    assert_eq!(keeper.take(&frame, update(14, 14, None), Some(Checksum(2))), Err(Break::NoSnapshot));
}

#[test]
fn a_book_is_cut_as_the_exchange_cuts_it() {
    let mut keeper = Keeper::new(Rule { order: Order::None, checksum: None, depth: Some(2) });
    keeper
        .take(&book(&[("1", "1"), ("2", "1"), ("3", "1")], &[]), Joint::Snapshot { seq: None }, None)
        .expect("a book");
    keeper.take(&book(&[("4", "1")], &[]), Joint::Bare, None).expect("a change");
    // What fell out does not come back when there is room.
    keeper.take(&book(&[("4", "0")], &[]), Joint::Bare, None).expect("a change");
    assert_eq!(keeper.book().map(all), Some(json!({ "bids": [["3", "1"]], "asks": [] })));
}

#[test]
fn a_level_that_is_no_number_and_a_book_without_bounds_break() {
    let mut keeper = keeper(Order::None);
    let tiny = book(&[("0.0000000000000000001", "1")], &[]);
    assert!(matches!(keeper.take(&tiny, Joint::Snapshot { seq: None }, None), Err(Break::Number(_))));
    assert!(keeper.book().is_none());
    let less = book(&[], &[("1", "-0.1")]);
    let negative = Err(Break::NegativeAmount("-0.1".to_owned()));
    assert_eq!(keeper.take(&less, Joint::Snapshot { seq: None }, None), negative);
    assert!(keeper.book().is_none());
    let prices: Vec<String> = (0..=1_000_000).map(|price| price.to_string()).collect();
    let levels: Vec<(&str, &str)> = prices.iter().map(|price| (price.as_str(), "1")).collect();
    let (most, one_more) = (book(&levels[1..], &[]), book(&levels[..1], &[]));
    assert_eq!(keeper.take(&most, Joint::Snapshot { seq: None }, None), Ok(true));
    assert_eq!(keeper.take(&one_more, Joint::Bare, None), Err(Break::TooManyLevels));
    assert!(keeper.book().is_none());
}

#[test]
fn why_a_book_broke_is_said() {
    for (why, words) in [
        (Break::Sequence { reached: 3, came: 5 }, "frames are missing: 5 came after 3"),
        (Break::Checksum { said: 1, is: 2 }, "the checksum is 2, not 1"),
        (Break::NoSnapshot, "a change came before any snapshot"),
        (Break::NegativeAmount("-1".to_owned()), "a level of -1"),
        (Break::TooManyLevels, "the book has more than 1000000 levels"),
    ] {
        assert_eq!(why.to_string(), words);
    }
}

/// A keeper against the plainest model there is: a map of prices for each side.
#[test]
fn a_keeper_agrees_with_a_plain_model() {
    for seed in 0..50 {
        let mut dice = Dice::new(seed);
        let mut keeper = keeper(Order::Consecutive);
        let mut model: [BTreeMap<usize, String>; 2] = [BTreeMap::new(), BTreeMap::new()];
        keeper.take(&book(&[], &[]), Joint::Snapshot { seq: Some(0) }, None).expect("a book");
        for seq in 1..400 {
            let (side, price) = (dice.below(2), dice.below(30));
            let (price_text, amount) = (format!("{price}.50"), dice.below(4).to_string());
            let levels = [(price_text.as_str(), amount.as_str())];
            let frame = if side == 0 { book(&levels, &[]) } else { book(&[], &levels) };
            assert_eq!(keeper.take(&frame, update(seq, seq, None), None), Ok(true), "seed {seed}");
            match amount.as_str() {
                "0" => drop(model[side].remove(&price)),
                _ => drop(model[side].insert(price, amount)),
            }
        }
        let lines = |side: usize| -> Vec<Value> {
            model[side].iter().map(|(price, amount)| json!([format!("{price}.50"), amount])).collect()
        };
        let (mut bids, asks) = (lines(0), lines(1));
        bids.reverse();
        assert_eq!(keeper.book().map(all), Some(json!({ "bids": bids, "asks": asks })), "seed {seed}");
    }
}

/// Whatever numbers come: a book is there if the last frame was taken, and has reached that frame's number.
#[test]
fn no_number_confuses_a_keeper() {
    let numbers = [0, 1, 2, 3, u64::MAX - 1, u64::MAX];
    for (seed, order) in (0..).zip([Order::None, Order::Consecutive, Order::Linked, Order::Bridged]) {
        let (mut dice, mut keeper) = (Dice::new(seed), keeper(order));
        for turn in 0..20_000 {
            let mut number = || numbers[dice.below(numbers.len())];
            let (first, last, previous) = (number(), number(), Some(number()));
            let joint = match dice.below(8) {
                0 => Joint::Snapshot { seq: Some(last) },
                1 => Joint::Snapshot { seq: None },
                2 => Joint::Bare,
                _ => update(first, last, previous.filter(|_| dice.below(4) > 0)),
            };
            let before = keeper.seq();
            let taken = keeper.take(&book(&[("1", "1")], &[]), joint, None);
            let reached = match (&taken, joint) {
                (Ok(true), Joint::Snapshot { seq }) => seq,
                (Ok(true), Joint::Update { last, .. }) => Some(last),
                (Ok(true), Joint::Bare) | (Err(_), _) => None,
                (Ok(false), _) => before,
            };
            let is = (keeper.seq(), keeper.book().is_some());
            assert_eq!(is, (reached, taken.is_ok()), "seed {seed}, turn {turn}: {joint:?}");
        }
    }
}

#[test]
fn nobody_unknown_has_streams() {
    assert!(streams("nobody").is_none());
}

/// One series for each row of an exchange that is pushed.
fn pushed(exchange: &str) -> Vec<Subscription> {
    let rows = table().filter(|row| row.exchange == exchange);
    let series = rows.filter_map(|row| {
        let market = if let Market::Dated(_) = row.market { Market::Dated(261_225) } else { row.market };
        let pair = Pair::new("BTC", row.quotes.map_or("USDT", |quotes| quotes[0]), market).ok()?;
        let span = row.spans.iter().find_map(|(secs, _)| Span::from_secs(*secs).ok());
        let dataset = Dataset::new(Exchange::new(exchange).ok()?, row.kind, pair, span).ok()?;
        Some(Subscription::new(dataset))
    });
    let mut wanted: Vec<Subscription> = Vec::new();
    for subscription in series {
        let is_pushed =
            streams(exchange).is_some_and(|streams| streams.links(std::slice::from_ref(&subscription)).is_ok());
        if is_pushed && !wanted.contains(&subscription) {
            wanted.push(subscription);
        }
    }
    wanted
}

#[test]
fn each_series_is_carried_once_and_asked_for_in_json() {
    for exchange in exchanges() {
        let Some(streams) = streams(exchange) else { continue };
        let wanted = pushed(exchange);
        if closed(exchange).is_some() {
            assert!(wanted.is_empty(), "{exchange}");
            continue;
        }
        assert!(wanted.len() > 1, "{exchange}");
        let links = streams.links(&wanted).expect(exchange);
        let mut carried: Vec<usize> = links.iter().flat_map(|link| &link.subscriptions).map(|id| id.0).collect();
        carried.sort_unstable();
        assert_eq!(carried, (0..wanted.len()).collect::<Vec<_>>(), "{exchange}");
        for link in &links {
            assert!(link.host.ws_url.starts_with("wss://") && !link.host.ws_url.ends_with('/'), "{exchange}");
            assert!(link.path.is_empty() || link.path.starts_with('/'), "{exchange}: {}", link.path);
            assert!(link.host.silence_secs > 0 && link.host.sends.0 > 0 && link.host.connects.0 > 0, "{exchange}");
            for message in &link.opening {
                assert!(serde_json::from_str::<Value>(message).is_ok(), "{exchange}: {message}");
            }
            assert!(!format!("{:?}", streams.reader(link, &wanted)).is_empty());
        }
        assert!(streams.links(&[]).expect(exchange).is_empty(), "{exchange}: no series, no connection");
    }
}
