use dccd_record::{Range, Ts};

use crate::adapter::{Adapter, Rows};
use crate::coinbase::Coinbase;
use crate::tests::recordings::{read_book, read_page};
use crate::tests::{dataset, range, read, reply, ts};
use crate::{AnswerError, Ask, Instrument, Page, Trading, Walk, instruments, read_instruments};

const HOUR: &str = "coinbase:candle:BTC-USD:1h";
const TRADE: &str = "coinbase:trade:BTC-USD";
const BOOK: &str = "coinbase:book:BTC-USD";

fn row(id: u64, side: &str, second: u32) -> String {
    format!(
        r#"{{"trade_id":{id},"side":"{side}","size":"0.5","price":"100.10","time":"2024-01-01T00:00:{second:02}.000001Z"}}"#
    )
}

#[test]
fn every_kind_of_no_is_told_apart() {
    let check = |status: u16, body: &str, is_expected: fn(&AnswerError) -> bool, is_retryable: bool| {
        let pages = [HOUR, TRADE].map(|id| read_page(id, Rows::Newest, status, body).expect_err(id));
        let book = read_book(BOOK, status, body).expect_err(BOOK);
        let clock = Coinbase.read_clock(&reply(status, body.as_bytes())).expect_err("a clock");
        let request = instruments("coinbase").expect("known").remove(0);
        let products = read_instruments("coinbase", &request, &reply(status, body.as_bytes()), &mut Vec::new());
        for error in pages.into_iter().chain([book, clock, products.expect_err("products")]) {
            assert!(is_expected(&error), "{status} {body}: {error:?}");
            assert_eq!(error.is_retryable(), is_retryable, "{status} {body}: {error:?}");
        }
    };
    check(404, r#"{"message":"NotFound"}"#, |e| matches!(e, AnswerError::UnknownSymbol(_)), false);
    check(200, r#"{"message":"NotFound"}"#, |e| matches!(e, AnswerError::UnknownSymbol(_)), false);
    let refused = |e: &AnswerError| matches!(e, AnswerError::Refused { code, .. } if code == "400");
    check(400, r#"{"message":"Unsupported granularity"}"#, refused, false);
    check(400, r#"{"message":"Count of aggregations requested exceeds 300"}"#, refused, false);
    let limited = |e: &AnswerError| matches!(e, AnswerError::Limited { status: 429, retry_after_secs: None });
    check(429, r#"{"message":"Public rate limit exceeded"}"#, limited, true);
    check(200, r#"{"message":"Public rate limit exceeded"}"#, limited, true);
    check(429, "", limited, true);
    check(403, "<html>", |e| matches!(e, AnswerError::Limited { status: 403, .. }), true);
    check(500, r#"{"message":"Internal server error"}"#, |e| matches!(e, AnswerError::Refused { .. }), true);
    check(503, "<html>busy</html>", |e| matches!(e, AnswerError::Server { status: 503 }), true);
    check(200, "<!DOCTYPE html>", |e| matches!(e, AnswerError::Html { status: 200 }), true);
    check(404, "<html>", |e| matches!(e, AnswerError::Status(404)), false);
    check(200, "", |e| matches!(e, AnswerError::Malformed(_)), true);
    check(200, "   ", |e| matches!(e, AnswerError::Malformed(_)), true);
    check(200, "null", |e| matches!(e, AnswerError::Unexpected(_)), false);
    check(200, r#"{"error":[]}"#, |e| matches!(e, AnswerError::Unexpected(_)), false);
}

fn check_cut(body: &str, read: impl Fn(&str) -> Result<(Page, String), AnswerError>) {
    for length in 0..body.len() {
        let cut = body.get(..length).expect("ASCII");
        let error = read(cut).expect_err(cut);
        assert!(matches!(error, AnswerError::Malformed(_)), "{cut}: {error:?}");
    }
}

#[test]
fn a_body_that_was_cut_is_no_answer() {
    let candles = "[[1704067200,1,4,2,3,10],[1704063600,1,4,2,3,10]]";
    let trades = format!("[{},{}]", row(2, "buy", 2), row(1, "sell", 1));
    let book = r#"{"sequence":7,"bids":[["1","2",3]],"asks":[],"time":"2024-01-01T00:00:00Z"}"#;
    assert_eq!(read_page(HOUR, Rows::Newest, 200, candles).expect("whole").0.lines, 2);
    assert_eq!(read_page(TRADE, Rows::Newest, 200, &trades).expect("whole").0.lines, 2);
    assert_eq!(read_book(BOOK, 200, book).expect("whole").0.lines, 1);
    check_cut(candles, |body| read_page(HOUR, Rows::Newest, 200, body));
    check_cut(&trades, |body| read_page(TRADE, Rows::Newest, 200, body));
    check_cut(book, |body| read_book(BOOK, 200, body));
}

#[test]
fn an_empty_list_is_empty() {
    for id in [HOUR, TRADE] {
        let (page, lines) = read_page(id, Rows::Newest, 200, " [] ").expect(id);
        assert_eq!((page.rows, page.last, lines.as_str()), (0, None, ""));
    }
    let first = Ask::first_record(&dataset(TRADE)).expect("possible").expect("asked");
    assert_eq!(read(&first, "[]").0.first, None);
    let (page, _) = read(&first, &format!("[{}]", row(1, "buy", 7)));
    assert_eq!(page.first.map(|first| first.ts), Some(ts("2024-01-01T00:00:07.000001Z")));
    let hour = Ask::first_record(&dataset(HOUR)).expect("possible").expect("asked");
    let (page, _) = read(&hour, &format!("[{}]", row(1, "buy", 7)));
    assert_eq!(page.first.map(|first| first.ts), Some(ts("2024-01-01T00:00:00Z")), "the candle that holds it");
    let other = format!("[{}]", row(17, "buy", 7));
    let refused = first.read(&reply(200, other.as_bytes()), &mut Vec::new()).expect_err("not the first");
    assert!(refused.to_string().contains("trade 17"), "{refused}");
}

#[test]
fn the_side_is_turned_round() {
    let body = format!("[{},{}]", row(2, "buy", 2), row(1, "sell", 1));
    let (page, lines) = read_page(TRADE, Rows::Newest, 200, &body).expect("sound");
    assert_eq!(page.lines, 2);
    let sides: Vec<bool> = lines.lines().map(|line| line.contains(r#""side":"buy""#)).collect();
    assert_eq!(sides, [true, false], "oldest first; a maker who sold met a taker who bought: {lines}");
    let odd = format!("[{}]", row(1, "SELL", 1));
    assert!(matches!(read_page(TRADE, Rows::Newest, 200, &odd), Err(AnswerError::Unexpected(_))));
}

#[test]
fn trades_below_the_asked_ones_are_left_out_and_those_above_are_refused() {
    let asked = range("2024-01-01T00:00:00Z", "2024-01-01T01:00:00Z");
    // The newest trade is 1003, and 1001 was asked for: the page is filled with older ones.
    let body: Vec<String> = (4..=1003).rev().map(|id| row(id, "buy", 1)).collect();
    let body = format!("[{}]", body.join(","));
    let mut walk = Walk::new(&dataset(TRADE), asked, asked.end()).expect("possible");
    let mut ask = walk.next_ask().expect("the newest trade");
    let answer = |ask: &Ask, body: &str| {
        let mut out = Vec::new();
        let page = ask.read(&reply(200, body.as_bytes()), &mut out);
        (page, out)
    };
    // Halving: 1001 is the first one of the range.
    while !ask.request.path.ends_with("limit=1000") {
        let after = ask
            .request
            .path
            .split_once("after=")
            .map_or(u64::MAX, |(_, rest)| rest.split('&').next().and_then(|id| id.parse().ok()).expect("an id"));
        let seen = after.saturating_sub(1).min(1003);
        let time = if seen < 1001 { "2023-12-31T23:00:00Z" } else { "2024-01-01T00:00:01.000001Z" };
        let body = row(seen, "buy", 1).replace("2024-01-01T00:00:01.000001Z", time);
        let (page, mut lines) = answer(&ask, &format!("[{body}]"));
        walk.take(&ask, &page.expect("sound"), &mut lines);
        ask = walk.next_ask().expect("a question");
    }
    assert_eq!(ask.request.path, "/products/BTC-USD/trades?after=2000&limit=1000", "one before the range");
    let (page, out) = answer(&ask, &body);
    let page = page.expect("sound");
    assert_eq!((page.rows, page.lines, page.last.map(|last| last.id)), (1000, 4, Some(1003)));
    assert_eq!(String::from_utf8(out).expect("text").lines().count(), 4);
    let (refused, out) = answer(&ask, &format!("[{}]", row(2000, "buy", 1)));
    assert!(matches!(refused, Err(AnswerError::Unexpected(_))), "{refused:?}");
    assert!(out.is_empty());
}

#[test]
fn candles_at_the_edges_may_come_unasked_and_others_may_not() {
    let asked = range("2024-01-01T00:00:00Z", "2024-01-01T03:00:00Z");
    let candle = |text: &str| format!("[{},1,4,2,3,10]", ts(text).secs());
    let page = |rows: &[&str]| {
        let rows: Vec<String> = rows.iter().map(|row| candle(row)).collect();
        read_page(HOUR, Rows::Within(asked), 200, &format!("[{}]", rows.join(",")))
    };
    let (found, lines) =
        page(&["2024-01-01T03:00:00Z", "2024-01-01T02:00:00Z", "2024-01-01T00:00:00Z"]).expect("sound");
    assert_eq!((found.rows, found.lines), (3, 2));
    assert!(lines.contains(r#""open":2,"high":4,"low":1,"close":3,"volume":10"#), "{lines}");
    for odd in [
        &["2024-01-01T04:00:00Z"][..],
        &["2023-12-31T23:00:00Z"],
        &["2024-01-01T00:30:00Z"],
        &["2024-01-01T00:00:00Z", "2024-01-01T01:00:00Z"],
        &["2024-01-01T01:00:00Z", "2024-01-01T01:00:00Z"],
    ] {
        assert!(matches!(page(odd), Err(AnswerError::Unexpected(_))), "{odd:?}");
    }
    // A range inside of one hour: the candle that holds its start is none of its own.
    let inside = Rows::Within(range("2024-01-01T00:10:00Z", "2024-01-01T00:20:00Z"));
    let (found, lines) = read_page(HOUR, inside, 200, &format!("[{}]", candle("2024-01-01T00:00:00Z"))).expect("sound");
    assert_eq!((found.rows, found.lines, lines.as_str()), (1, 0, ""));
}

#[test]
fn products_that_cannot_be_traded_say_so() {
    let product = |id: &str, status: &str, flags: &str| {
        format!(r#"{{"id":"{id}","base_currency":"BTC","quote_currency":"USD","status":"{status}"{flags}}}"#)
    };
    let body = [
        product("BTC-USD", "online", ""),
        product("BTC-USD", "online", r#","trading_disabled":true"#),
        product("BTC-USD", "online", r#","cancel_only":true"#),
        product("BTC-USD", "online", r#","post_only":true"#),
        product("BTC-USD", "internal", ""),
        product("BTC-USD", "delisted", ""),
        product("BTC-PERP", "online", ""),
    ];
    let request = instruments("coinbase").expect("known").remove(0);
    let mut found: Vec<Instrument> = Vec::new();
    let body = format!("[{}]", body.join(","));
    read_instruments("coinbase", &request, &reply(200, body.as_bytes()), &mut found).expect("sound");
    let trading: Vec<Trading> = found.iter().map(|product| product.trading).collect();
    use Trading::{Delisted, Halted, Open};
    assert_eq!(trading, [Open, Halted, Halted, Open, Halted, Delisted, Open]);
    let pairs: Vec<bool> = found.iter().map(|product| product.pair.is_some()).collect();
    assert_eq!(pairs, [true, true, true, true, true, true, false], "what is called otherwise cannot be asked for");
}

#[test]
fn the_clock_is_read() {
    let body = br#"{"iso":"2024-03-01T12:34:56.789Z","epoch":1709296496.789}"#;
    assert_eq!(Coinbase.read_clock(&reply(200, body)), Ok(Some(ts("2024-03-01T12:34:56.789Z"))));
}

#[test]
fn no_value_makes_a_reader_panic() {
    let everything = Rows::Within(Range::all());
    let bad = [
        "-1",
        "0",
        "1e999",
        "99999999999999999999999999",
        "-9223372036854775808",
        "18446744073709551616",
        "null",
        "true",
        "\"\"",
        "\"x\"",
        "[]",
        "{}",
        "1.5",
        "\"1e-400\"",
        "\"\\u0000\"",
    ];
    for value in bad {
        for field in 0..6 {
            let row: Vec<&str> = (0..6).map(|at| if at == field { value } else { "1704067200" }).collect();
            let body = format!("[[{}]]", row.join(","));
            for rows in [Rows::Newest, everything, Rows::FromId(u64::MAX), Rows::Before(Ts::MIN)] {
                if let Ok((page, lines)) = read_page(HOUR, rows, 200, &body) {
                    assert_eq!(page.lines, lines.lines().count() as u64, "{body}");
                }
            }
        }
        for key in ["trade_id", "side", "size", "price", "time"] {
            let row: Vec<String> = [
                ("trade_id", "7"),
                ("side", "\"buy\""),
                ("size", "\"1\""),
                ("price", "\"1\""),
                ("time", "\"2024-01-01T00:00:00Z\""),
            ]
            .iter()
            .map(|(name, sound)| format!("\"{name}\":{}", if *name == key { value } else { sound }))
            .collect();
            let body = format!("[{{{}}}]", row.join(","));
            for rows in [Rows::Newest, Rows::FromId(0), Rows::FromId(u64::MAX)] {
                let _ = read_page(TRADE, rows, 200, &body);
            }
        }
        let _ = read_book(BOOK, 200, &format!(r#"{{"sequence":{value},"bids":[],"asks":[]}}"#));
        let _ = read_book(BOOK, 200, &format!(r#"{{"sequence":1,"bids":[[{value},"1",1]],"asks":{value}}}"#));
        let _ = read_book(BOOK, 200, &format!(r#"{{"sequence":1,"time":{value},"bids":[],"asks":[]}}"#));
        let _ = Coinbase.read_clock(&reply(200, format!(r#"{{"iso":{value}}}"#).as_bytes()));
    }
}
