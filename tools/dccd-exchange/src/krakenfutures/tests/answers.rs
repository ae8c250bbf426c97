use dccd_record::{Range, Ts};

use crate::adapter::{Adapter, Rows};
use crate::krakenfutures::KrakenFutures;
use crate::tests::recordings::{read_book, read_page};
use crate::tests::{dataset, range, read, reply, ts};
use crate::{AnswerError, Ask, Instrument, Page, Trading, Walk, instruments, read_instruments};

const HOUR: &str = "krakenfutures:candle:BTC-USD_PERP:1h";
const RATES: &str = "krakenfutures:funding:BTC-USD_PERP";
const BOOK: &str = "krakenfutures:book:BTC-USD_PERP";
const START_MS: i64 = 1_704_067_200_000;
const HOUR_MS: i64 = 3_600_000;

fn candle(hour: i64) -> String {
    let time = START_MS + hour * HOUR_MS;
    format!(r#"{{"time":{time},"open":"2","high":"4","low":"1","close":"3","volume":"10.50"}}"#)
}

fn chart(candles: &[String], more: bool) -> String {
    format!(r#"{{"candles":[{}],"more_candles":{more}}}"#, candles.join(","))
}

fn rates(hours: std::ops::Range<i64>) -> String {
    let rate = |hour: i64| {
        let time = ts("2024-01-01T00:00:00Z").saturating_add(hour * HOUR_MS * 1_000_000);
        format!(r#"{{"timestamp":"{time}","fundingRate":1.5,"relativeFundingRate":1e-5}}"#)
    };
    let rows: Vec<String> = hours.map(rate).collect();
    format!(r#"{{"result":"success","rates":[{}]}}"#, rows.join(","))
}

#[test]
fn every_kind_of_no_is_told_apart() {
    let check = |status: u16, body: &str, is_expected: fn(&AnswerError) -> bool, is_retryable: bool| {
        let pages = [HOUR, RATES].map(|id| read_page(id, Rows::Newest, status, body).expect_err(id));
        let book = read_book(BOOK, status, body).expect_err(BOOK);
        let request = instruments("krakenfutures").expect("known").remove(0);
        let list = read_instruments("krakenfutures", &request, &reply(status, body.as_bytes()), &mut Vec::new());
        for error in pages.into_iter().chain([book, list.expect_err("contracts")]) {
            assert!(is_expected(&error), "{status} {body}: {error:?}");
            assert_eq!(error.is_retryable(), is_retryable, "{status} {body}: {error:?}");
        }
    };
    let limited = |e: &AnswerError| matches!(e, AnswerError::Limited { status: 429, retry_after_secs: Some(10) });
    let refused = |e: &AnswerError| matches!(e, AnswerError::Refused { .. });
    let unknown = |e: &AnswerError| matches!(e, AnswerError::UnknownSymbol(_));
    let error = |word: &str| format!(r#"{{"result":"error","error":"{word}","serverTime":"2024-01-01T00:00:00Z"}}"#);
    check(200, &error("apiLimitExceeded"), limited, true);
    check(429, "", |e| matches!(e, AnswerError::Limited { status: 429, retry_after_secs: None }), true);
    check(200, &error("notFound"), unknown, false);
    check(404, r#"{"result":"error","errors":[{"code":0,"message":"404 NOT_FOUND"}]}"#, unknown, false);
    check(400, "Invalid symbol", unknown, false);
    check(400, "Invalid resolution", refused, false);
    check(200, &error("requiredArgumentMissing"), refused, false);
    check(200, &error("Server Error"), refused, true);
    check(200, &error("Unavailable"), refused, true);
    check(200, r#"{"result":"error"}"#, refused, false);
    check(503, &error("anything"), refused, true);
    check(403, "<html>", |e| matches!(e, AnswerError::Limited { status: 403, .. }), true);
    check(520, "<html>", |e| matches!(e, AnswerError::Server { status: 520 }), true);
    check(200, "<html>", |e| matches!(e, AnswerError::Html { status: 200 }), true);
    check(404, "<html>", |e| matches!(e, AnswerError::Status(404)), false);
    check(200, "", |e| matches!(e, AnswerError::Malformed(_)), true);
    check(200, "{", |e| matches!(e, AnswerError::Malformed(_)), true);
    check(200, "{}", |e| matches!(e, AnswerError::Unexpected(_)), false);
    check(200, r#"{"result":"success"}"#, |e| matches!(e, AnswerError::Unexpected(_)), false);
    check(200, "[]", |e| matches!(e, AnswerError::Unexpected(_)), false);
    let odd = r#"{"result":"partial","rates":[],"orderBook":{"bids":[],"asks":[]},"instruments":[]}"#;
    check(200, odd, |e| matches!(e, AnswerError::Unexpected(_)), false);
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
    let candles = chart(&[candle(0), candle(1)], false);
    let book = r#"{"result":"success","orderBook":{"bids":[[1,2]],"asks":[]},"serverTime":"2024-01-01T00:00:00Z"}"#;
    assert_eq!(read_page(HOUR, Rows::Newest, 200, &candles).expect("whole").0.lines, 2);
    assert_eq!(read_page(RATES, Rows::Newest, 200, &rates(0..2)).expect("whole").0.lines, 2);
    assert_eq!(read_book(BOOK, 200, book).expect("whole").0.lines, 1);
    check_cut(&candles, |body| read_page(HOUR, Rows::Newest, 200, body));
    check_cut(&rates(0..2), |body| read_page(RATES, Rows::Newest, 200, body));
    check_cut(book, |body| read_book(BOOK, 200, body));
}

#[test]
fn an_empty_list_is_empty() {
    let (page, lines) = read_page(HOUR, Rows::Newest, 200, &chart(&[], false)).expect("sound");
    assert_eq!((page.rows, page.last, lines.as_str()), (0, None, ""));
    let (page, lines) = read_page(RATES, Rows::Newest, 200, &rates(0..0)).expect("sound");
    assert_eq!((page.rows, page.last, lines.as_str()), (0, None, ""));
    let first = Ask::first_record(&dataset(HOUR)).expect("possible").expect("asked");
    assert_eq!(read(&first, &chart(&[], false)).0.first, None);
    let (page, _) = read(&first, &chart(&[candle(0), candle(1)], true));
    assert_eq!(page.first.map(|first| first.ts), Some(ts("2024-01-01T00:00:00Z")));
}

#[test]
fn candles_that_were_not_asked_for_are_refused() {
    let asked = Rows::Within(range("2024-01-01T00:00:00Z", "2024-01-01T03:00:00Z"));
    let page = |hours: &[i64]| {
        let rows: Vec<String> = hours.iter().map(|hour| candle(*hour)).collect();
        read_page(HOUR, asked, 200, &chart(&rows, true))
    };
    let (found, lines) = page(&[0, 1, 2]).expect("sound");
    assert_eq!((found.rows, found.lines), (3, 3));
    assert!(lines.contains(r#""open":2,"high":4,"low":1,"close":3,"volume":10.50,"#), "{lines}");
    for odd in [&[-1, 0][..], &[0, 3], &[1, 0], &[1, 1], &[500]] {
        assert!(matches!(page(odd), Err(AnswerError::Unexpected(_))), "{odd:?}");
    }
}

#[test]
fn of_a_year_of_rates_the_range_is_taken() {
    let asked = range("2024-01-03T00:30:00Z", "2024-01-04T00:00:00Z");
    let mut walk = Walk::new(&dataset(RATES), asked, ts("2024-06-01T00:00:00Z")).expect("possible");
    let ask = walk.next_ask().expect("a question");
    let (page, lines) = read(&ask, &rates(0..8_800));
    assert_eq!((page.rows, page.lines), (8_800, 23));
    assert!(page.first.is_some_and(|first| first.ts < asked.start()), "it shows what was before: {page:?}");
    assert!(lines.lines().all(|line| line.ends_with(r#""rate":0.00001,"mark_price":null}"#)), "{lines}");
    let steps = walk.take(&ask, &page, &mut lines.into_bytes());
    assert_eq!(walk.left(), None, "what lies behind the range proves it: {steps:?}");
    let within = Rows::Within(range("2024-01-01T01:00:00Z", "2024-01-01T03:00:00Z"));
    assert_eq!(read_page(RATES, within, 200, &rates(0..24)).expect("sound").0.lines, 2);
    let before = Rows::Before(ts("2024-01-01T01:00:00Z"));
    assert_eq!(read_page(RATES, before, 200, &rates(0..24)).expect("sound").0.lines, 1);
}

#[test]
fn contracts_that_cannot_be_traded_say_so() {
    let contract = |symbol: &str, flags: &str| format!(r#"{{"symbol":"{symbol}","type":"flexible_futures"{flags}}}"#);
    let full = concat!(
        r#"{"symbol":"PF_XBTUSD","type":"flexible_futures","tickSize":1,"tradeable":true,"postOnly":false,"#,
        r#""contractValueTradePrecision":4,"openingDate":"2022-03-22T15:00:00.000Z","isExpired":false}"#
    );
    let body = [
        full.to_owned(),
        contract("PI_XBTUSD", r#","tradeable":true,"postOnly":true,"tickSize":0.5,"contractValueTradePrecision":0"#),
        contract("FF_XBTUSD_261225", r#","tradeable":false"#),
        contract("PF_OLDUSD", r#","tradeable":true,"isExpired":true"#),
        contract("PF_PEPEUSD", r#","tradeable":true,"contractValueTradePrecision":-3,"tickSize":1e-9"#),
        contract("FI_XBTUSD_261225", r#","tradeable":true"#),
        r#"{"symbol":"in_xbtusd","type":"spot index","tradeable":false,"tickSize":null}"#.to_owned(),
    ];
    let body = format!(r#"{{"result":"success","instruments":[{}]}}"#, body.join(","));
    let request = instruments("krakenfutures").expect("known").remove(0);
    let mut found: Vec<Instrument> = Vec::new();
    read_instruments("krakenfutures", &request, &reply(200, body.as_bytes()), &mut found).expect("sound");
    let first = Instrument {
        symbol: "PF_XBTUSD".to_owned(),
        pair: Some("BTC/USD:perp".parse().expect("a pair")),
        trading: Trading::Open,
        status: "tradeable".to_owned(),
        tick: Some("1".to_owned()),
        lot: Some("0.0001".to_owned()),
        since: Some(ts("2022-03-22T15:00:00Z")),
    };
    assert_eq!(found.first(), Some(&first));
    use Trading::{Delisted, Halted, Open};
    let trading: Vec<Trading> = found.iter().map(|contract| contract.trading).collect();
    assert_eq!(trading, [Open, Open, Halted, Delisted, Open, Open, Halted]);
    let lots: Vec<Option<&str>> = found.iter().map(|contract| contract.lot.as_deref()).collect();
    assert_eq!(lots, [Some("0.0001"), Some("1"), None, None, Some("1000"), None, None]);
    let pairs: Vec<bool> = found.iter().map(|contract| contract.pair.is_some()).collect();
    assert_eq!(pairs, [true, true, true, true, true, false, false]);
}

#[test]
fn the_clock_is_read_even_of_a_no() {
    let time = ts("2024-03-01T12:34:56.789Z");
    let said = r#""serverTime":"2024-03-01T12:34:56.789Z""#;
    let check = |status: u16, body: &str, expected: Option<Ts>| {
        assert_eq!(KrakenFutures.read_clock(&reply(status, body.as_bytes())), Ok(expected), "{body}");
    };
    check(200, &format!(r#"{{"result":"success","ticker":{{}},{said}}}"#), Some(time));
    check(404, &format!(r#"{{"result":"error","error":"notFound",{said}}}"#), Some(time));
    check(200, r#"{"result":"success"}"#, None);
    check(404, "no such contract", None);
    for (status, body) in [(200, ""), (200, "<html>"), (502, "<html>"), (404, "<html>"), (429, ""), (200, "[]")] {
        KrakenFutures.read_clock(&reply(status, body.as_bytes())).expect_err(body);
    }
    KrakenFutures.read_clock(&reply(200, br#"{"serverTime":"yesterday"}"#)).expect_err("no time");
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
        "[]",
        "{}",
        "1.5",
        "\"\\u0000\"",
    ];
    let all = [Rows::Newest, Rows::Within(Range::all()), Rows::From(Ts::MAX), Rows::Before(Ts::MIN)];
    let mut refused = 0;
    for value in bad {
        for key in ["time", "open", "high", "low", "close", "volume"] {
            let sound = candle(0);
            let start = sound.find(&format!("\"{key}\":")).expect("a key") + key.len() + 3;
            let length = sound.get(start..).and_then(|rest| rest.find([',', '}'])).expect("an end");
            let row = format!("{}{value}{}", &sound[..start], &sound[start + length..]);
            for rows in all {
                refused += usize::from(read_page(HOUR, rows, 200, &chart(std::slice::from_ref(&row), false)).is_err());
            }
        }
        for row in [
            format!(r#"{{"timestamp":{value},"relativeFundingRate":1}}"#),
            format!(r#"{{"timestamp":"2024-01-01T00:00:00Z","relativeFundingRate":{value}}}"#),
        ] {
            for rows in all {
                let body = format!(r#"{{"result":"success","rates":[{row}]}}"#);
                refused += usize::from(read_page(RATES, rows, 200, &body).is_err());
            }
        }
        for book in [format!(r#"{{"bids":[[{value},1]],"asks":[]}}"#), format!(r#"{{"bids":{value},"asks":[[1]]}}"#)] {
            let body = format!(r#"{{"result":"success","orderBook":{book}}}"#);
            refused += usize::from(read_book(BOOK, 200, &body).is_err());
        }
    }
    assert!(refused > 300, "only {refused} were refused");
}
