use dccd_record::{Range, Ts};

use crate::adapter::{Adapter, Rows};
use crate::kraken::Kraken;
use crate::tests::recordings::{read_book, read_page};
use crate::tests::{dataset, range, read, reply, ts};
use crate::{AnswerError, Ask, Instrument, Page, Trading, instruments, read_instruments};

const MINUTE: &str = "kraken:candle:BTC-USD:1m";
const TRADE: &str = "kraken:trade:BTC-USD";
const BOOK: &str = "kraken:book:BTC-USD";

/// An answer with one key of a pair.
fn answer(key: &str, rows: &str, last: &str) -> String {
    format!(r#"{{"error":[],"result":{{"{key}":{rows},"last":{last}}}}}"#)
}

fn trade(id: u64, time: &str) -> String {
    format!(r#"["100.10","0.5",{time},"b","m","",{id}]"#)
}

fn candle(second: i64) -> String {
    format!(r#"[{second},"2","4","1","3","2.5","10.0",7]"#)
}

#[test]
fn every_kind_of_no_is_told_apart() {
    let check = |status: u16, body: &str, is_expected: fn(&AnswerError) -> bool, is_retryable: bool| {
        let pages = [MINUTE, TRADE].map(|id| read_page(id, Rows::Newest, status, body).expect_err(id));
        let book = read_book(BOOK, status, body).expect_err(BOOK);
        let clock = Kraken.read_clock(&reply(status, body.as_bytes())).expect_err("a clock");
        let request = instruments("kraken").expect("known").remove(0);
        let pairs = read_instruments("kraken", &request, &reply(status, body.as_bytes()), &mut Vec::new());
        for error in pages.into_iter().chain([book, clock, pairs.expect_err("pairs")]) {
            assert!(is_expected(&error), "{status} {body}: {error:?}");
            assert_eq!(error.is_retryable(), is_retryable, "{status} {body}: {error:?}");
        }
    };
    let error = |word: &str| format!(r#"{{"error":["{word}"]}}"#);
    let unknown = |e: &AnswerError| matches!(e, AnswerError::UnknownSymbol(_));
    check(200, &error("EQuery:Unknown asset pair"), unknown, false);
    check(200, r#"{"error":["WSomething:Odd","EQuery:Unknown asset pair"],"result":{}}"#, unknown, false);
    let rest = |e: &AnswerError| matches!(e, AnswerError::Limited { status: 429, retry_after_secs: Some(5) });
    check(200, &error("EGeneral:Too many requests"), rest, true);
    check(200, &error("EAPI:Rate limit exceeded"), rest, true);
    let lockout = |e: &AnswerError| matches!(e, AnswerError::Limited { status: 429, retry_after_secs: Some(900) });
    check(200, &error("EGeneral:Temporary lockout"), lockout, true);
    let refused = |e: &AnswerError| matches!(e, AnswerError::Refused { .. });
    check(200, &error("EService:Unavailable"), refused, true);
    check(200, &error("EService:Busy"), refused, true);
    check(200, &error("EGeneral:Internal error"), refused, true);
    check(200, &error("EGeneral:Invalid arguments"), refused, false);
    check(200, &error("E"), refused, false);
    check(429, "", |e| matches!(e, AnswerError::Limited { status: 429, .. }), true);
    check(520, "<html>", |e| matches!(e, AnswerError::Server { status: 520 }), true);
    check(503, r#"{"error":["EService:Busy"]}"#, refused, true);
    check(502, "{", |e| matches!(e, AnswerError::Server { status: 502 }), true);
    check(200, "<html>", |e| matches!(e, AnswerError::Html { status: 200 }), true);
    check(404, "<html>", |e| matches!(e, AnswerError::Status(404)), false);
    check(200, "", |e| matches!(e, AnswerError::Malformed(_)), true);
    check(200, r#"{"error":[],"resu"#, |e| matches!(e, AnswerError::Malformed(_)), true);
    check(200, r#"{"error":[]}"#, |e| matches!(e, AnswerError::Unexpected(_)), false);
    check(200, r#"{"error":[],"result":7}"#, |e| matches!(e, AnswerError::Unexpected(_)), false);
    check(200, "[]", |e| matches!(e, AnswerError::Unexpected(_)), false);
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
    let candles = answer("XXBTZUSD", &format!("[{},{}]", candle(1_704_067_200), candle(1_704_067_260)), "1704067200");
    let trades = answer("XXBTZUSD", &format!("[{}]", trade(1, "1704067200.5")), "\"1704067200500000000\"");
    let book = r#"{"error":[],"result":{"XXBTZUSD":{"asks":[["2","1",1704067200]],"bids":[["1","1",1704067200]]}}}"#;
    assert_eq!(read_page(MINUTE, Rows::Newest, 200, &candles).expect("whole").0.lines, 1);
    assert_eq!(read_page(TRADE, Rows::Newest, 200, &trades).expect("whole").0.lines, 1);
    assert_eq!(read_book(BOOK, 200, book).expect("whole").0.lines, 1);
    check_cut(&candles, |body| read_page(MINUTE, Rows::Newest, 200, body));
    check_cut(&trades, |body| read_page(TRADE, Rows::Newest, 200, body));
    check_cut(book, |body| read_book(BOOK, 200, body));
}

#[test]
fn the_answer_must_be_about_the_pair() {
    let rows = format!("[{}]", trade(1, "1704067200.5"));
    let check = |id: &str, key: &str, is_ours: bool| {
        let read = read_page(id, Rows::Newest, 200, &answer(key, &rows, "\"1\""));
        assert_eq!(read.is_ok(), is_ours, "{id} {key}: {read:?}");
    };
    for key in ["XXBTZUSD", "XBTUSD"] {
        check(TRADE, key, true);
    }
    for key in ["XETHZUSD", "XXBTZEUR", "XBTUSDT", "XXBTZUSD.d", "BTCUSD", ""] {
        check(TRADE, key, false);
    }
    check("kraken:trade:BTC-USDT", "XBTUSDT", true);
    check("kraken:trade:USDT-USD", "USDTZUSD", true);
    check("kraken:trade:EUR-USD", "ZEURZUSD", true);
    check("kraken:trade:DOGE-BTC", "XXDGXXBT", true);
    let two = format!(r#"{{"error":[],"result":{{"XXBTZUSD":{rows},"XETHZUSD":{rows},"last":"1"}}}}"#);
    let none = r#"{"error":[],"result":{"last":"1"}}"#;
    for body in [two.as_str(), none] {
        assert!(matches!(read_page(TRADE, Rows::Newest, 200, body), Err(AnswerError::Unexpected(_))), "{body}");
    }
}

#[test]
fn times_of_trades_are_exact() {
    let check = |time: &str, expected: Option<&str>| {
        let read = read_page(TRADE, Rows::Newest, 200, &answer("XXBTZUSD", &format!("[{}]", trade(1, time)), "\"1\""));
        match expected {
            Some(expected) => {
                let (page, lines) = read.unwrap_or_else(|error| panic!("{time}: {error}"));
                assert_eq!(page.last.map(|last| last.ts), Some(ts(expected)), "{time}");
                assert!(lines.contains(&format!("\"ts\":\"{expected}\"")), "{lines}");
            }
            None => assert!(matches!(read, Err(AnswerError::Unexpected(_))), "{time}: {read:?}"),
        }
    };
    check("1762820035.9822779", Some("2025-11-11T00:13:55.982277900Z"));
    check("1762820035.000001", Some("2025-11-11T00:13:55.000001000Z"));
    check("1762820035.123456789", Some("2025-11-11T00:13:55.123456789Z"));
    check("1762820035", Some("2025-11-11T00:13:55.000000000Z"));
    check("\"1762820035.5\"", Some("2025-11-11T00:13:55.500000000Z"));
    for odd in ["-1762820035.5", "1.7e9", "1762820035.1234567891", "0", "99999999999", "99999999999999999999", "null"] {
        check(odd, None);
    }
}

#[test]
fn a_trade_without_an_id_proves_nothing() {
    let six = answer("XXBTZUSD", r#"[["100.10","0.5",1704067200.5,"b","m",""]]"#, "\"1\"");
    let refused = read_page(TRADE, Rows::Newest, 200, &six).expect_err("no id").to_string();
    assert!(refused.contains("a trade has 6 fields, and so no id"), "{refused}");
    let five = answer("XXBTZUSD", r#"[["100.10","0.5",1704067200.5,"b","m"]]"#, "\"1\"");
    let refused = read_page(TRADE, Rows::Newest, 200, &five).expect_err("no id").to_string();
    assert!(refused.ends_with("a trade has 5 fields"), "{refused}");
    let side = answer("XXBTZUSD", r#"[["1","1",1704067200.5,"x","m","",1]]"#, "\"1\"");
    assert!(matches!(read_page(TRADE, Rows::Newest, 200, &side), Err(AnswerError::Unexpected(_))));
    // The first record is found without it.
    let first = Ask::first_record(&dataset(TRADE)).expect("possible").expect("asked");
    assert_eq!(read(&first, &six).0.first.map(|first| first.ts), Some(ts("2024-01-01T00:00:00.5Z")));
    assert_eq!(read(&first, &answer("XXBTZUSD", "[]", "\"0\"")).0.first, None);
}

#[test]
fn the_open_candle_and_what_was_not_asked_for_are_left_out() {
    let start = 1_704_067_200;
    let rows: Vec<String> = (-1..6).map(|minute| candle(start + 60 * minute)).collect();
    let body = answer("XXBTZUSD", &format!("[{}]", rows.join(",")), &(start + 240).to_string());
    let check = |rows: Rows, expected: std::ops::Range<i64>| {
        let (page, lines) = read_page(MINUTE, rows, 200, &body).expect("sound");
        assert_eq!(page.rows, 7, "{rows:?}");
        let stamps: Vec<Ts> =
            lines.lines().map(|line| ts(&line[line.find("\"ts\":\"").expect("a time") + 6..][..20])).collect();
        let expected: Vec<Ts> =
            expected.map(|minute| ts("2024-01-01T00:00:00Z").saturating_add(minute * 60_000_000_000)).collect();
        assert_eq!(stamps, expected, "{rows:?}");
    };
    check(Rows::Newest, -1..5);
    check(Rows::Within(range("2024-01-01T00:00:00Z", "2024-01-01T00:02:00Z")), 0..2);
    check(Rows::Within(range("2024-01-01T00:00:00Z", "2024-01-01T01:00:00Z")), 0..5);
    check(Rows::Within(range("2023-12-31T23:59:30Z", "2024-01-01T00:01:00Z")), 0..1);
    check(Rows::From(ts("2024-01-01T00:00:00Z")), 0..5);
    let long_ago = Rows::Within(range("2024-01-01T00:03:00Z", "2024-01-01T00:04:00Z"));
    assert!(matches!(read_page(MINUTE, long_ago, 200, &body), Err(AnswerError::Unexpected(_))), "since was ignored");
    let (_, lines) = read_page(MINUTE, Rows::Newest, 200, &body).expect("sound");
    let expected = r#""open":2,"high":4,"low":1,"close":3,"volume":10.0,"quote_volume":null,"trades":7}"#;
    assert!(lines.lines().all(|line| line.ends_with(expected)), "{lines}");
    let unsaid = r#"{"error":[],"result":{"XXBTZUSD":[]}}"#;
    let refused = read_page(MINUTE, Rows::Newest, 200, unsaid).expect_err("which one is open?").to_string();
    assert!(refused.contains("which candle is closed"), "{refused}");
}

#[test]
fn candles_that_have_left_are_not_taken_for_none() {
    let start = 1_704_067_200;
    let body = |count: i64| {
        let rows: Vec<String> = (0..count).map(|minute| candle(start + 60 * minute)).collect();
        answer("XXBTZUSD", &format!("[{}]", rows.join(",")), &(start + 60 * (count - 2)).to_string())
    };
    let asked = |start: &str| Rows::Within(range(start, "2024-01-01T06:00:00Z"));
    let (page, _) = read_page(MINUTE, asked("2024-01-01T00:00:00Z"), 200, &body(721)).expect("all that was asked for");
    assert_eq!((page.rows, page.lines), (721, 360));
    let gone = read_page(MINUTE, asked("2023-12-31T23:59:00Z"), 200, &body(721)).expect_err("one has left");
    assert!(gone.is_retryable() && gone.to_string().contains("no longer there"), "{gone}");
    // A market that is younger has no candles before its first trade.
    let (page, _) = read_page(MINUTE, asked("2023-12-31T23:59:00Z"), 200, &body(700)).expect("a young market");
    assert_eq!(page.lines, 360);
}

#[test]
fn pairs_that_cannot_be_traded_say_so() {
    let pair = |name: &str, status: &str, wsname: &str| {
        format!(
            r#""{name}":{{"altname":"{name}","wsname":"{wsname}","pair_decimals":0,"lot_decimals":2,"status":"{status}"}}"#
        )
    };
    let body = [
        pair("A1USD", "online", "A1/USD"),
        pair("A2USD", "cancel_only", "A2/USD"),
        pair("A3USD", "post_only", "A3/USD"),
        pair("A4USD", "delisted", "A4/USD"),
        pair("A5USD", "maintenance", "A5/USD"),
        pair("A6xUSD", "online", "A6x/USD"),
        pair("A7EUR", "online", "A7/USD"),
    ];
    let body = format!(r#"{{"error":[],"result":{{{}}}}}"#, body.join(","));
    let request = instruments("kraken").expect("known").remove(0);
    let mut found: Vec<Instrument> = Vec::new();
    read_instruments("kraken", &request, &reply(200, body.as_bytes()), &mut found).expect("sound");
    use Trading::{Delisted, Halted, Open};
    let trading: Vec<Trading> = found.iter().map(|pair| pair.trading).collect();
    assert_eq!(trading, [Open, Halted, Open, Delisted, Halted, Open, Open]);
    let known: Vec<bool> = found.iter().map(|pair| pair.pair.is_some()).collect();
    assert_eq!(known, [true, true, true, true, true, false, false]);
    assert!(found.iter().all(|pair| pair.tick.as_deref() == Some("1") && pair.lot.as_deref() == Some("0.01")));
}

#[test]
fn the_clock_is_read() {
    let body = br#"{"error":[],"result":{"unixtime":1709296496,"rfc1123":"Fri, 01 Mar 24 12:34:56 +0000"}}"#;
    assert_eq!(Kraken.read_clock(&reply(200, body)), Ok(Some(ts("2024-03-01T12:34:56Z"))));
    for odd in ["-1", "99999999999999999999", "\"x\"", "null"] {
        let body = format!(r#"{{"error":[],"result":{{"unixtime":{odd}}}}}"#);
        assert!(matches!(Kraken.read_clock(&reply(200, body.as_bytes())), Err(AnswerError::Unexpected(_))), "{odd}");
    }
}

#[test]
fn no_value_makes_a_reader_panic() {
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
        "\".\"",
        "\"1.\"",
        "[]",
        "{}",
        "1.5",
        "\"\\u0000\"",
    ];
    let all = [
        Rows::Newest,
        Rows::Within(Range::all()),
        Rows::From(Ts::MAX),
        Rows::From(Ts::MIN),
        Rows::FromId(u64::MAX),
        Rows::Before(Ts::MIN),
    ];
    let mut refused = 0;
    for value in bad {
        for field in 0..9 {
            let row = |sound: [&str; 8]| {
                let fields: Vec<&str> =
                    sound.iter().enumerate().map(|(at, sound)| if at == field { value } else { sound }).collect();
                format!("[[{}]]", fields.join(","))
            };
            let last = if field == 8 { value } else { "1704067200" };
            let candles = answer("XXBTZUSD", &row(["1704067200", "2", "4", "1", "3", "2", "10", "7"]), last);
            let trades =
                answer("XXBTZUSD", &row(["\"1\"", "\"1\"", "1704067200.5", "\"b\"", "\"m\"", "\"\"", "7", "0"]), last);
            for rows in all {
                refused += usize::from(read_page(MINUTE, rows, 200, &candles).is_err());
                refused += usize::from(read_page(TRADE, rows, 200, &trades).is_err());
            }
        }
        for side in [format!(r#"{{"asks":{value},"bids":[]}}"#), format!(r#"{{"asks":[[{value},"1",0]],"bids":[]}}"#)] {
            refused += usize::from(read_book(BOOK, 200, &answer("XXBTZUSD", &side, "0")).is_err());
        }
    }
    assert!(refused > 500, "only {refused} were refused");
}
