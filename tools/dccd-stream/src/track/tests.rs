//! What is claimed of series, from what comes of them.

use std::borrow::Cow;

use dccd_exchange::live::{Event, Joint, Streams, Subscription, SubscriptionId, streams};
use dccd_record::{Book, Candle, Control, Level, Line, Number, Parser, Proof, Trade, Ts};

use super::{Feed, Newest, Room, Track, Verdict};
use crate::wish::Wish;

const ID: SubscriptionId = SubscriptionId(0);

/// An instant in milliseconds behind some hour.
fn ts(millis: i64) -> Ts {
    Ts::from_millis(1_700_000_400_000 + millis).expect("believable")
}

fn of(exchange: &str) -> &'static dyn Streams {
    streams(exchange).expect("it streams")
}

fn track(id: &str, time_step_secs: u32) -> Track {
    let dataset: dccd_record::Dataset = id.parse().expect("a dataset");
    let streams = of(dataset.exchange().as_str());
    let subscription = Subscription { depth: Some(2), ..Subscription::new(dataset) };
    Track::new(&Wish { subscription, time_step_secs }, streams, false)
}

fn number(text: &str) -> Number<'_> {
    Number::new(text).expect("a number")
}

fn trade(track: &mut Track, id: Option<u64>, millis: i64, is_past: bool, out: &mut Vec<u8>) {
    let trade = Trade {
        ts: ts(millis),
        price: number("1.50"),
        amount: number("2"),
        side: None,
        tid: Some(Cow::Borrowed("x")),
        recv_ts: None,
    };
    let event = if is_past { Event::PastTrade(ID, id, trade) } else { Event::Trade(ID, id, trade) };
    track.take(&event, out);
}

fn candle(track: &mut Track, minute: i64, out: &mut Vec<u8>) {
    let one = number("1");
    let candle = Candle {
        ts: ts(minute * 60_000),
        open: one,
        high: one,
        low: one,
        close: one,
        volume: one,
        quote_volume: None,
        trades: None,
        is_derived: false,
    };
    track.take(&Event::Candle(ID, candle), out);
}

/// The lines in short, with times in milliseconds; nanoseconds that are left are marked.
fn said(out: &mut Vec<u8>) -> Vec<String> {
    let mut parser = Parser::new();
    let short = |ts: Ts| {
        let nanos = ts.nanos() - self::ts(0).nanos();
        let mark = if nanos.rem_euclid(1_000_000) == 0 { "" } else { "+" };
        format!("{}{mark}", nanos.div_euclid(1_000_000))
    };
    let text = String::from_utf8(std::mem::take(out)).expect("text");
    text.lines()
        .map(|line| match parser.parse(line.as_bytes()).expect("a line") {
            Line::Control(control) => match *control {
                Control::Covered(line) => {
                    format!("covered {} {} {}", short(line.range.start()), short(line.range.end()), line.proof.name())
                }
                Control::Gap(line) => {
                    format!("gap {} {} {}", short(line.range.start()), short(line.range.end()), line.reason)
                }
                other => panic!("{other:?}"),
            },
            Line::Trade(_, trade) => format!("trade {}", short(trade.ts)),
            Line::Candle(_, candle) => format!("candle {}", short(candle.ts)),
            Line::Book(_, book) => {
                let best = |levels: &[Level<'_>]| levels.first().map_or("", |level| level.price.as_str()).to_owned();
                let word = if book.is_snapshot { "book" } else { "change" };
                let levels = book.bids.len() + book.asks.len();
                format!("{word} {} {}/{} {levels}", short(book.ts), best(&book.bids), best(&book.asks))
            }
            other => panic!("{other:?}"),
        })
        .collect()
}

#[test]
fn consecutive_ids_prove_that_none_is_missing() {
    let (mut track, mut out) = (track("binance:trade:BTC-USDT", 0), Vec::new());
    for (id, millis) in [(7, 0), (8, 500), (9, 5_000), (9, 5_000), (10, 9_000)] {
        trade(&mut track, Some(id), millis, false, &mut out);
    }
    track.cover.say(&mut out);
    let expected = ["trade 0", "trade 500", "trade 5000", "trade 9000", "covered 1000+ 8000 id"];
    assert_eq!(said(&mut out), expected, "a trade that is known does not come twice");
    // Two are missing, both edges may hold them.
    trade(&mut track, Some(13), 12_000, false, &mut out);
    trade(&mut track, Some(12), 11_000, false, &mut out);
    trade(&mut track, Some(14), 20_000, false, &mut out);
    track.cover.say(&mut out);
    let expected = [
        "gap 8000 13000+ trades 11 to 12 did not come",
        "trade 12000",
        "trade 11000",
        "trade 20000",
        "covered 13000+ 19000 id",
    ];
    assert_eq!(said_sorted(&mut out), sorted(&expected));
}

fn said_sorted(out: &mut Vec<u8>) -> Vec<String> {
    let mut lines = said(out);
    lines.sort();
    lines
}

fn sorted(lines: &[&str]) -> Vec<String> {
    let mut lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
    lines.sort();
    lines
}

#[test]
fn ids_go_on_across_connections() {
    let (mut track, mut out) = (track("binance:trade:BTC-USDT", 0), Vec::new());
    trade(&mut track, Some(7), 0, false, &mut out);
    trade(&mut track, Some(8), 9_000, false, &mut out);
    track.interrupt("disconnected: reset", &mut out);
    trade(&mut track, Some(9), 20_000, false, &mut out);
    track.interrupt("disconnected: again", &mut out);
    trade(&mut track, Some(11), 30_000, false, &mut out);
    trade(&mut track, Some(12), 40_000, false, &mut out);
    track.cover.say(&mut out);
    let lines = said(&mut out);
    let spoken: Vec<&String> = lines.iter().filter(|line| !line.starts_with("trade")).collect();
    let expected = [
        "covered 1000+ 19000 id",
        "gap 19000 31000+ trade 10 did not come: disconnected: again",
        "covered 31000+ 39000 id",
    ];
    assert_eq!(spoken, expected);
}

#[test]
fn without_ids_each_interruption_is_a_hole() {
    let (mut track, mut out) = (track("bybit:trade:BTC-USDT", 0), Vec::new());
    trade(&mut track, None, 0, false, &mut out);
    trade(&mut track, None, 9_000, false, &mut out);
    track.interrupt("disconnected: reset", &mut out);
    trade(&mut track, None, 20_000, false, &mut out);
    trade(&mut track, None, 30_000, false, &mut out);
    track.cover.say(&mut out);
    let lines = said(&mut out);
    let spoken: Vec<&String> = lines.iter().filter(|line| !line.starts_with("trade")).collect();
    let expected =
        ["covered 1000+ 8000 sequence", "gap 8000 21000+ disconnected: reset", "covered 21000+ 29000 sequence"];
    assert_eq!(spoken, expected);
    // What the exchange repeats of the past, without a hole, joins both sides.
    track.interrupt("disconnected: reset", &mut out);
    trade(&mut track, None, 28_000, true, &mut out);
    trade(&mut track, None, 40_000, true, &mut out);
    track.cover.say(&mut out);
    assert_eq!(said(&mut out), ["trade 28000", "trade 40000", "covered 29000 39000 sequence"]);
}

#[test]
fn silence_is_judged_by_what_rest_shows() {
    let (mut track, mut out) = (track("binance:trade:BTC-USDT", 0), Vec::new());
    let newest = |millis: i64, id: u64, now: i64| Newest { last: Some((ts(millis), id)), now: ts(now) };
    // Nothing came yet: what comes will be behind the last one.
    assert_eq!(track.confirm(newest(0, 7, 10_000), Proof::Page, &mut out), Verdict::Quiet);
    track.cover.say(&mut out);
    assert_eq!(said(&mut out), ["covered 1000+ 4000 page"], "REST may still be filling the last seconds");
    trade(&mut track, Some(8), 20_000, false, &mut out);
    track.cover.say(&mut out);
    assert_eq!(said(&mut out), ["trade 20000", "covered 4000 19000 id"]);
    assert_eq!(track.confirm(newest(25_000, 9, 30_000), Proof::Page, &mut out), Verdict::Behind);
    assert_eq!(track.confirm(newest(20_000, 8, 30_000), Proof::Page, &mut out), Verdict::Quiet);
    track.cover.say(&mut out);
    assert_eq!(said(&mut out), ["covered 19000 24000 page"]);
    // One that was skipped before the first is missed.
    let (mut track, mut out) = (self::track("binance:trade:BTC-USDT", 0), Vec::new());
    track.confirm(newest(0, 7, 10_000), Proof::Page, &mut out);
    trade(&mut track, Some(9), 20_000, false, &mut out);
    let lines = said(&mut out);
    assert!(lines.contains(&"gap 4000 21000+ trade 8 did not come".to_owned()), "{lines:?}");
}

#[test]
fn an_exchange_may_count_anew() {
    let (mut track, mut out) = (track("krakenfutures:trade:BTC-USD_PERP", 0), Vec::new());
    for (id, millis) in [(900, 0), (901, 9_000), (1, 20_000), (2, 30_000)] {
        trade(&mut track, Some(id), millis, false, &mut out);
    }
    track.cover.say(&mut out);
    let lines = said(&mut out);
    let spoken: Vec<&String> = lines.iter().filter(|line| !line.starts_with("trade")).collect();
    let expected = [
        "covered 1000+ 8000 id",
        "gap 8000 21000+ the exchange counts its trades anew from 1 on",
        "covered 21000+ 29000 id",
    ];
    assert_eq!(spoken, expected);
}

#[test]
fn what_may_be_missing_of_the_last_instant_is_not_claimed() {
    let (mut track, mut out) = (track("krakenfutures:trade:BTC-USD_PERP", 0), Vec::new());
    trade(&mut track, Some(7), 0, false, &mut out);
    trade(&mut track, Some(8), 9_000, false, &mut out);
    let newest = Newest { last: Some((ts(9_000), 0)), now: ts(30_000) };
    track.interrupt("disconnected", &mut out);
    assert_eq!(track.confirm(newest, Proof::Page, &mut out), Verdict::Quiet);
    let later = Newest { last: Some((ts(20_000), 0)), ..newest };
    assert_eq!(track.confirm(later, Proof::Page, &mut out), Verdict::Behind, "a dead one is told all the same");
    track.cover.say(&mut out);
    assert_eq!(said(&mut out).last().map(String::as_str), Some("covered 1000+ 8000 id"));
    trade(&mut track, Some(9), 31_000, false, &mut out);
    track.confirm(Newest { last: Some((ts(31_000), 0)), now: ts(60_000) }, Proof::Page, &mut out);
    track.cover.say(&mut out);
    assert_eq!(said(&mut out), ["trade 31000", "covered 8000 54000 page"]);
}

#[test]
fn candles_follow_each_other() {
    let (mut track, mut out) = (track("binance:candle:BTC-USDT:1m", 0), Vec::new());
    for minute in [0, 1, 3] {
        candle(&mut track, minute, &mut out);
    }
    track.doubt("a frame was lost", &mut out);
    candle(&mut track, 4, &mut out);
    track.interrupt("disconnected", &mut out);
    candle(&mut track, 5, &mut out);
    candle(&mut track, 5, &mut out);
    track.interrupt("disconnected", &mut out);
    candle(&mut track, 7, &mut out);
    track.cover.say(&mut out);
    let lines = said(&mut out);
    let spoken: Vec<&String> = lines.iter().filter(|line| !line.starts_with("candle")).collect();
    let expected = [
        "covered 0 120000 sequence",
        "gap 120000 180000 candles did not come",
        "covered 180000 300000 sequence",
        "covered 300000 360000 sequence",
        "gap 360000 420000 disconnected",
        "covered 420000 480000 sequence",
    ];
    assert_eq!(spoken, expected);
}

#[test]
fn quiet_candles_may_be_left_out_where_the_exchange_does_so() {
    let (mut track, mut out) = (track("bitfinex:candle:BTC-USD:1m", 0), Vec::new());
    candle(&mut track, 0, &mut out);
    track.take(&Event::OpenCandle(ID, ts(180_000)), &mut out);
    candle(&mut track, 5, &mut out);
    track.doubt("a frame was lost", &mut out);
    candle(&mut track, 8, &mut out);
    track.cover.say(&mut out);
    let lines = said(&mut out);
    let spoken: Vec<&String> = lines.iter().filter(|line| !line.starts_with("candle")).collect();
    let expected =
        ["covered 0 360000 sequence", "gap 360000 480000 a frame was lost", "covered 480000 540000 sequence"];
    assert_eq!(spoken, expected);
}

fn level<'a>(price: &'a str, amount: &'a str) -> Level<'a> {
    Level { price: number(price), amount: number(amount), count: None }
}

fn book<'a>(millis: i64, is_snapshot: bool, bids: Vec<Level<'a>>, asks: Vec<Level<'a>>) -> Book<'a> {
    Book { ts: ts(millis), is_snapshot, bids, asks, seq: None, recv_ts: Some(ts(millis + 1)) }
}

/// A book of Kraken Futures, whose changes are counted, or of Bitfinex, where one comes in parts.
struct Desk {
    track: Track,
    feed: Feed,
    out: Vec<u8>,
}

impl Desk {
    fn new(time_step_secs: u32) -> Desk {
        Desk::of("krakenfutures:book:BTC-USD_PERP", time_step_secs)
    }

    fn of(id: &str, time_step_secs: u32) -> Desk {
        let track = track(id, time_step_secs);
        let rule = of(track.dataset.exchange().as_str()).rule(&Subscription::new(track.dataset.clone()));
        Desk { track, feed: Feed::new(rule, None), out: Vec::new() }
    }

    fn take(&mut self, book: &Book<'_>, seq: u64) -> Result<(), String> {
        self.track.step_book(&self.feed, book.ts, book.ts, &mut self.out);
        let joint = match (book.is_snapshot, seq) {
            (true, _) => Joint::Snapshot { seq: Some(seq) },
            (false, 0) => Joint::Bare,
            (false, _) => Joint::Update { first: seq, last: seq, previous: None },
        };
        match self.feed.apply(book, joint, None) {
            Ok(Some(taken)) => self.track.take_book(&self.feed, taken, &mut self.out),
            Ok(None) => {}
            Err(reason) => {
                self.track.interrupt(&reason, &mut self.out);
                return Err(reason);
            }
        }
        Ok(())
    }
}

#[test]
fn every_change_of_a_book_is_stored_and_a_break_is_a_hole() {
    let mut desk = Desk::new(0);
    let snapshot = book(0, true, vec![level("10", "1"), level("9", "1")], vec![level("11", "1")]);
    desk.take(&snapshot, 5).expect("a snapshot");
    desk.take(&book(100, false, vec![level("10", "0")], vec![]), 6).expect("it follows");
    desk.take(&book(200, false, vec![level("8", "1")], vec![]), 8).expect_err("7 is missing");
    desk.take(&book(300, true, vec![level("10", "1")], vec![level("11", "1")]), 9).expect("a snapshot");
    desk.take(&book(400, false, vec![], vec![level("12", "1")]), 10).expect("it follows");
    desk.track.cover.say(&mut desk.out);
    let expected = [
        "book 0 10/11 3",
        "change 100 10/ 1",
        "covered 0 100 sequence",
        "gap 100 300 the book broke: frames are missing: 8 came after 6",
        "book 300 10/11 2",
        "change 400 /12 1",
        "covered 300 400 sequence",
    ];
    // A gap is said before the book that ends it.
    assert_eq!(said(&mut desk.out), expected);
}

#[test]
fn steps_hold_the_book_as_it_was_then() {
    let mut desk = Desk::new(10);
    let snapshot = book(4_000, true, vec![level("10", "1"), level("9", "1"), level("8", "1")], vec![level("11", "1")]);
    desk.take(&snapshot, 5).expect("a snapshot");
    desk.take(&book(9_000, false, vec![level("10", "0")], vec![]), 6).expect("it follows");
    desk.take(&book(10_000, false, vec![level("7", "1")], vec![level("11", "0"), level("12", "1")]), 7)
        .expect("it follows");
    // Nothing happens for two steps, and then much.
    desk.take(&book(35_000, false, vec![level("9", "0")], vec![]), 8).expect("it follows");
    desk.track.cover.say(&mut desk.out);
    let expected = ["book 10000 9/11 3", "book 20000 9/12 3", "book 30000 9/12 3", "covered 4000 35000 sequence"];
    assert_eq!(said(&mut desk.out), expected, "of each side the two best");
    // REST has the same book: nothing happened for longer.
    let same = book(60_000, true, vec![level("8.0", "1"), level("7", "1.0")], vec![level("12", "1")]);
    assert!(desk.feed.agrees(&same));
    assert!(!desk.feed.agrees(&book(60_000, true, vec![level("8", "1")], vec![level("12", "1")])));
    desk.track.confirm_book(&desk.feed, ts(60_000), ts(60_000), &mut desk.out);
    desk.track.cover.say(&mut desk.out);
    assert_eq!(said(&mut desk.out), ["book 40000 8/12 3", "book 50000 8/12 3", "covered 35000 59000 page"]);
}

#[test]
fn a_leap_of_the_exchange_clock_is_a_gap_and_no_flood() {
    const DAY_MS: i64 = 86_400_000;
    for leap_days in [10, 10_000] {
        let mut desk = Desk::new(1);
        desk.take(&book(100, true, vec![level("10", "1")], vec![level("11", "1")]), 5).expect("a snapshot");
        desk.take(&book(1_500, false, vec![level("9", "1")], vec![]), 6).expect("it follows");
        desk.take(&book(leap_days * DAY_MS, false, vec![level("8", "1")], vec![]), 7).expect("it follows");
        assert!(desk.out.len() < 5 << 20, "{} bytes at once", desk.out.len());
        desk.take(&book(leap_days * DAY_MS + 1_500, false, vec![level("7", "1")], vec![]), 8).expect("it follows");
        desk.track.cover.say(&mut desk.out);
        let (mut spoken, end) = (said(&mut desk.out), leap_days * DAY_MS);
        spoken.retain(|line| !line.starts_with("book "));
        let expected = [
            "covered 100 1500 sequence".to_owned(),
            format!("gap 1500 {end} the book stood still for more steps than are stored at once"),
            format!("covered {end} {} sequence", end + 1_500),
        ];
        assert_eq!(spoken, expected);
    }
}

#[test]
fn no_crossed_book_is_stored() {
    let mut desk = Desk::new(1);
    desk.take(&book(100, true, vec![level("10", "1")], vec![level("11", "1")]), 5).expect("a snapshot");
    desk.take(&book(900, false, vec![level("12", "1")], vec![]), 6).expect_err("a whole change crosses it");
    desk.take(&book(950, false, vec![level("12", "0")], vec![]), 7).expect_err("it has to begin anew");
    desk.take(&book(1_500, true, vec![level("10", "1")], vec![level("11", "1")]), 8).expect("a snapshot");
    desk.take(&book(2_500, false, vec![level("9", "1")], vec![]), 9).expect("it follows");
    desk.track.cover.say(&mut desk.out);
    let expected = ["gap 100 1500 the book is crossed", "book 2000 10/11 2", "covered 1500 2500 sequence"];
    assert_eq!(said(&mut desk.out), expected);
}

#[test]
fn a_book_may_be_crossed_between_two_parts_of_a_change() {
    let mut desk = Desk::of("bitfinex:book:BTC-USD", 1);
    desk.take(&book(100, true, vec![level("10", "1")], vec![level("11", "1")]), 0).expect("a snapshot");
    desk.take(&book(200, false, vec![level("12", "1")], vec![]), 0).expect("a part");
    desk.take(&book(200, false, vec![], vec![level("11", "0"), level("13", "1")]), 0).expect("the other part");
    desk.take(&book(1_500, false, vec![level("14", "1")], vec![]), 0).expect("a part");
    desk.take(&book(2_500, false, vec![level("9", "1")], vec![]), 0).expect("it is crossed at a step");
    desk.take(&book(3_900, false, vec![level("9", "2")], vec![]), 0).expect_err("it stayed crossed");
    desk.track.cover.say(&mut desk.out);
    let expected = ["book 1000 12/13 3", "covered 100 1500 sequence"];
    assert_eq!(said(&mut desk.out).get(..2), Some(&expected.map(str::to_owned)[..]));
    assert!(desk.track.cover.end().is_none(), "what was crossed at a step is a hole");
}

#[test]
fn what_nobody_takes_is_dropped_and_named() {
    let (mut track, mut out) = (track("binance:trade:BTC-USDT", 0), Vec::new());
    trade(&mut track, Some(7), 0, false, &mut out);
    trade(&mut track, Some(8), 9_000, false, &mut out);
    track.shed(true, &mut out);
    assert!(track.is_shed());
    track.shed(false, &mut out);
    trade(&mut track, Some(20), 20_000, false, &mut out);
    trade(&mut track, Some(21), 30_000, false, &mut out);
    track.cover.say(&mut out);
    let expected = [
        "trade 0",
        "trade 9000",
        "covered 1000+ 8000 id",
        "gap 8000 21000+ what reads the lines was too slow, and they were dropped",
        "trade 20000",
        "trade 30000",
        "covered 21000+ 29000 id",
    ];
    assert_eq!(said_sorted(&mut out), sorted(&expected));
}

#[test]
fn nothing_piles_up_before_a_reader_who_is_gone() {
    let (mut track, mut out) = (track("binance:trade:BTC-USDT", 0), Vec::new());
    trade(&mut track, Some(7), 0, false, &mut out);
    trade(&mut track, Some(8), 9_000, false, &mut out);
    track.shed(true, &mut out);
    assert_eq!(said(&mut out), ["trade 0", "trade 9000", "covered 1000+ 8000 id"]);
    for minute in 1..100 {
        track.name_hole_so_far(ts(minute * 60_000), &mut out);
    }
    assert_eq!(said(&mut out), [""; 0]);
    // At the end all of it is named at once.
    track.name_hole(ts(6_000_000), &mut out);
    assert_eq!(said(&mut out), ["gap 8000 6000000 what reads the lines was too slow, and they were dropped"]);
}

#[test]
fn frames_that_wait_are_bounded_for_all_books_together() {
    const ALL_BYTES: usize = 16 << 20;
    let (room, rule) =
        (Room::default(), of("binance").rule(&Subscription::new("binance:book:BTC-USDT".parse().expect("a dataset"))));
    let feed = || Feed::new(rule, Some(&room));
    let push = |feed: &mut Feed, number: usize| {
        feed.waiting().expect("it waits").push(ts(0), &format!("{number:08192}"));
    };
    let numbers = |feed: &mut Feed| -> Vec<usize> {
        feed.release().iter().map(|(_, frame)| frame.parse().expect("a number")).collect()
    };
    // One book alone may have all of the room; the newest frames stay.
    let mut alone = feed();
    (0..3_000).for_each(|number| push(&mut alone, number));
    assert_eq!(numbers(&mut alone), (3_000 - ALL_BYTES / 8192..3_000).collect::<Vec<_>>());
    // A book that came first makes room for others.
    let mut feeds: Vec<Feed> = (0..10).map(|_| feed()).collect();
    (0..3_000).for_each(|number| push(&mut feeds[0], number));
    (3_000..4_000).for_each(|number| feeds.iter_mut().for_each(|feed| push(feed, number)));
    let held: Vec<Vec<usize>> = feeds.iter_mut().map(numbers).collect();
    let frames: usize = held.iter().map(Vec::len).sum();
    assert!(frames * 8192 <= ALL_BYTES, "{frames} frames");
    for held in held {
        assert!(held.len() >= 200 && held.last() == Some(&3_999), "{} frames", held.len());
        assert!(held.windows(2).all(|pair| pair[1] == pair[0] + 1), "a frame is missing among them");
    }
    // What is gone takes no room.
    let mut other = feed();
    (0..2_048).for_each(|number| push(&mut other, number));
    assert_eq!(numbers(&mut other).len(), 2_048);
}
