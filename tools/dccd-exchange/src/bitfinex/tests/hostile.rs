//! Answers that nobody should send.

use proptest::prelude::*;

use crate::adapter::Rows;
use crate::tests::range;
use crate::tests::recordings::{read_book, read_page};
use crate::{AnswerError, Page};

const FUNDING: &str = "bitfinex:funding:BTC-USDT_PERP";
const INTEREST: &str = "bitfinex:open_interest:BTC-USDT_PERP:5m";

fn refused(read: Result<(Page, String), AnswerError>, what: &str) {
    assert!(matches!(read, Err(AnswerError::Unexpected(_))), "{what}: {read:?}");
}

#[test]
fn values_that_make_no_sense_are_refused() {
    let candle = |row: &str| read_page("bitfinex:candle:BTC-USD:1h", Rows::Newest, 200, &format!("[{row}]"));
    let trade = |row: &str| read_page("bitfinex:trade:BTC-USD", Rows::Newest, 200, &format!("[{row}]"));
    assert!(candle("[1364774400000,93.25,93.1,100,93.03,345.5,null,\"new\"]").is_ok(), "more columns are no harm");
    assert!(trade("[4145,1358182043000,0.27,14.5,null]").is_ok());
    let huge = "9".repeat(400);
    for time in ["-1", "1364774400001", "9223372036854775807", "1e12", "null", "true", "\"\"", "[]", &huge] {
        refused(candle(&format!("[{time},1,1,1,1,1]")), time);
    }
    for time in ["9223372036854775807", "1e12", "null", "\"x\"", "{}", &huge] {
        refused(trade(&format!("[1,{time},1,1]")), time);
    }
    for number in ["null", "\"\"", "\"NaN\"", "true", "1e999", "[1]", "\"--1\"", &huge] {
        refused(candle(&format!("[1364774400000,1,{number},1,1,1]")), number);
        refused(trade(&format!("[1,1358182043000,{number},1]")), number);
        refused(trade(&format!("[1,1358182043000,1,{number}]")), number);
        refused(read_book("bitfinex:book:BTC-USD", 200, &format!("[[1,1,{number}]]")), number);
    }
    for id in ["-1", "1.5", "null", "18446744073709551616", &huge] {
        refused(trade(&format!("[{id},1358182043000,1,1]")), id);
    }
    for level in ["[1,0,1]", "[1,0,-1]", "[1,1,0]", "[1,-1,1]", "[1,1]", "[null,1,1]", "[]"] {
        refused(read_book("bitfinex:book:BTC-USD", 200, &format!("[{level}]")), level);
    }
}

#[test]
fn rows_out_of_order_or_twice_are_refused() {
    let from = Rows::From(dccd_record::Ts::MIN);
    let candle = |hour: i64| format!("[{},1,1,1,1,1]", 1_364_774_400_000 + hour * 3_600_000);
    for (first, second) in [(1, 0), (1, 1)] {
        let body = format!("[{},{}]", candle(first), candle(second));
        refused(read_page("bitfinex:candle:BTC-USD:1h", from, 200, &body), &body);
    }
    refused(read_page("bitfinex:trade:BTC-USD", from, 200, "[[1,1358182043001,1,1],[2,1358182043000,1,1]]"), "trades");
    let asked = Rows::Within(range("2013-04-01T00:00:00Z", "2013-04-01T01:00:00Z"));
    refused(read_page("bitfinex:candle:BTC-USD:1h", asked, 200, &format!("[{}]", candle(9))), "of another hour");
}

#[test]
fn the_newest_rows_come_first_only_where_they_were_asked_for() {
    let body = "[[2,1358182043001,-1.50,1],[1,1358182043000,1,1]]";
    let (page, lines) = read_page("bitfinex:trade:BTC-USD", Rows::Newest, 200, body).expect("sound");
    assert_eq!(page.last.map(|last| last.id), Some(2));
    assert!(lines.ends_with("\"price\":1,\"amount\":1.50,\"side\":\"sell\",\"tid\":\"2\"}\n"), "{lines}");
    let (_, lines) = read_page("bitfinex:trade:BTC-USD", Rows::Newest, 200, "[[1,1358182043000,0,1]]").expect("sound");
    assert!(lines.contains("\"amount\":0,\"side\":null"), "{lines}");
}

fn status(millis: i64, next: &str, rate: &str, interest: &str) -> String {
    format!(
        "[{millis},null,1,1,null,1,null,{next},1,1,null,{rate},null,null,1,null,null,{interest},null,null,null,1,1]"
    )
}

#[test]
fn a_status_of_another_symbol_or_shape_is_refused() {
    let from = Rows::From(dccd_record::Ts::MIN);
    let plain = status(1_704_067_200_000, "1704096000000", "0.1", "7");
    let keyed = |key: &str| format!("[[\"{key}\",{}]", &plain[1..]);
    assert!(read_page(FUNDING, from, 200, &keyed("tBTCF0:USTF0")).is_ok());
    refused(read_page(FUNDING, from, 200, &keyed("tETHF0:USTF0")), "another symbol");
    refused(read_page(FUNDING, from, 200, &format!("[{}]", status(-1, "\"soon\"", "0.1", "7"))), "no time");
    let back = format!("[{plain},{}]", status(1_704_067_199_999, "1704096000000", "0.1", "7"));
    for id in [FUNDING, INTEREST] {
        refused(read_page(id, from, 200, &back), "out of order");
    }
}

#[test]
fn a_status_that_says_nothing_is_passed_over() {
    let body = format!(
        "[{},{},{}]",
        status(1_704_067_100_000, "1704067200000", "0.5", "null"),
        status(1_704_067_150_000, "null", "null", "null"),
        status(1_704_067_201_000, "1704096000000", "null", "7"),
    );
    let (page, _) = read_page(FUNDING, Rows::From(dccd_record::Ts::MIN), 200, &body).expect("sound");
    assert_eq!((page.rows, page.lines), (3, 0), "nothing says that the payment was made");
    let asked = Rows::Within(range("2024-01-01T00:00:00Z", "2024-01-01T01:00:00Z"));
    let (page, lines) = read_page(INTEREST, asked, 200, &body).expect("sound");
    assert_eq!((page.rows, page.lines), (3, 1));
    assert!(lines.contains("\"ts\":\"2024-01-01T00:05:00.000000000Z\",\"open_interest\":7,"), "{lines}");
}

#[test]
fn the_newest_status_says_up_to_when_there_is_open_interest() {
    let body = format!("[{}]", status(1_704_070_000_000, "1704096000000", "0.1", "7"));
    let (page, _) = read_page("bitfinex:open_interest:BTC-USDT_PERP:1h", Rows::Newest, 200, &body).expect("sound");
    assert_eq!(page.last.map(|last| last.ts.to_string()).as_deref(), Some("2024-01-01T00:00:00.000000000Z"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_bytes_make_a_reader_panic(body in proptest::collection::vec(any::<u8>(), 0..120)) {
        let text = String::from_utf8_lossy(&body);
        for id in ["bitfinex:candle:BTC-USD:1h", "bitfinex:trade:BTC-USD", FUNDING, INTEREST] {
            let _ = read_page(id, Rows::Newest, 200, &text);
        }
        let _ = read_book("bitfinex:book:BTC-USD", 200, &text);
    }

    #[test]
    fn no_numbers_make_a_reader_panic(
        rows in proptest::collection::vec(proptest::collection::vec(any::<i64>(), 0..24), 0..5),
    ) {
        let body = format!("{rows:?}");
        for id in ["bitfinex:candle:BTC-USD:1h", "bitfinex:trade:BTC-USD", FUNDING, INTEREST] {
            for rows in [Rows::Newest, Rows::From(dccd_record::Ts::MIN)] {
                let _ = read_page(id, rows, 200, &body);
            }
        }
        let _ = read_book("bitfinex:book:BTC-USD", 200, &body);
    }
}
