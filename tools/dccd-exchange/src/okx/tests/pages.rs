//! Pages that are odd or hostile.

use proptest::prelude::*;

use super::answer;
use crate::AnswerError;
use crate::adapter::Rows;
use crate::tests::range;
use crate::tests::recordings::{read_book, read_page};

const CANDLE: &str = "okx:candle:BTC-USDT:1h";
/// 2024-06-17T21:00:00Z.
const HOUR: i64 = 1_718_658_000_000;

fn candle(start: i64, confirm: u8) -> String {
    format!(r#"["{start}","1","2","0.5","1.5","10","15","15","{confirm}"]"#)
}

#[test]
fn a_candle_that_is_open_is_left_out() {
    let body = answer(&format!("[{},{}]", candle(HOUR + 3_600_000, 0), candle(HOUR, 1)));
    let asked = Rows::Within(range("2024-06-17T21:00:00Z", "2024-06-17T23:00:00Z"));
    let (page, lines) = read_page(CANDLE, asked, 200, &body).expect("one that is closed");
    assert_eq!((page.rows, page.lines), (2, 1));
    assert!(lines.contains("\"ts\":\"2024-06-17T21:00:00Z\""), "{lines}");
}

#[test]
fn rows_out_of_order_twice_or_unasked_are_refused() {
    for rows in [[HOUR, HOUR], [HOUR, HOUR + 3_600_000], [HOUR, HOUR - 1]] {
        let body = answer(&format!("[{},{}]", candle(rows[0], 1), candle(rows[1], 1)));
        let read = read_page(CANDLE, Rows::Newest, 200, &body);
        assert!(matches!(read, Err(AnswerError::Unexpected(_))), "{rows:?}: {read:?}");
    }
    let asked = Rows::Within(range("2024-06-17T21:00:00Z", "2024-06-17T23:00:00Z"));
    for start in [HOUR - 3_600_000, HOUR + 7_200_000] {
        let error = read_page(CANDLE, asked, 200, &answer(&format!("[{}]", candle(start, 1)))).expect_err("unasked");
        assert!(error.to_string().contains("was not asked for"), "{error}");
    }
}

#[test]
fn trades_below_a_page_and_interest_on_its_end_are_left_out() {
    let trade =
        |id: u64| format!(r#"{{"instId":"BTC-USDT","side":"buy","sz":"1","px":"2","tradeId":"{id}","ts":"{HOUR}"}}"#);
    let body = answer(&format!("[{},{},{}]", trade(9), trade(8), trade(7)));
    let (page, lines) = read_page("okx:trade:BTC-USDT", Rows::FromId(8), 200, &body).expect("sound");
    assert_eq!((page.rows, page.lines, lines.lines().count()), (3, 2, 2));
    let (page, _) = read_page("okx:trade:BTC-USDT", Rows::FromId(10), 200, &body).expect("sound");
    assert_eq!((page.rows, page.lines, page.last), (3, 0, None));
    let interest = |ms: i64| format!(r#"["{ms}","1","2","3"]"#);
    let asked = Rows::Within(range("2024-06-17T20:55:00Z", "2024-06-17T21:00:00Z"));
    let body = answer(&format!("[{},{}]", interest(HOUR), interest(HOUR - 300_000)));
    let (page, _) = read_page("okx:open_interest:BTC-USDT_PERP:5m", asked, 200, &body).expect("sound");
    assert_eq!((page.rows, page.lines), (2, 1));
    let body = answer(&format!("[{}]", interest(HOUR + 300_000)));
    assert!(read_page("okx:open_interest:BTC-USDT_PERP:5m", asked, 200, &body).is_err());
}

#[test]
fn hostile_values_are_refused() {
    let check = |id: &str, row: &str| {
        let read = read_page(id, Rows::Newest, 200, &answer(&format!("[{row}]")));
        assert!(matches!(read, Err(AnswerError::Unexpected(_))), "{row}: {read:?}");
    };
    check(CANDLE, "[]");
    check(CANDLE, r#"["1718658000000","1","2","0.5","1.5","10","15","15"]"#);
    for start in ["-1718658000000", "9223372036854775807", "99999999999999999999", "1718658000", "", "x"] {
        check(CANDLE, &format!(r#"["{start}","1","2","0.5","1.5","10","15","15","1"]"#));
    }
    for price in ["NaN", "", "1e999999", "0x1"] {
        check(CANDLE, &format!(r#"["1718658000000","{price}","2","0.5","1.5","10","15","15","1"]"#));
    }
    check(CANDLE, r#"["1718658000000",null,"2","0.5","1.5","10","15","15","1"]"#);
    let trade = |side: &str, size: &str, id: &str| {
        format!(
            r#"{{"instId":"BTC-USDT","side":"{side}","sz":"{size}","px":"2","tradeId":"{id}","ts":"1718658000000"}}"#
        )
    };
    for row in [
        trade("none", "1", "1"),
        trade("buy", "", "1"),
        trade("buy", "1", "-1"),
        trade("buy", "1", "x"),
        trade("buy", "1", "18446744073709551616"),
    ] {
        check("okx:trade:BTC-USDT", &row);
    }
    check("okx:funding:BTC-USDT_PERP", r#"{"instId":"BTC-USDT-SWAP","realizedRate":"","fundingTime":"1718658000000"}"#);
    check("okx:open_interest:BTC-USDT_PERP:5m", r#"["1718658000000","1","2"]"#);
    check("okx:open_interest:BTC-USDT_PERP:5m", r#"["1718658000001","1","2","3"]"#);
}

#[test]
fn a_body_that_is_cut_anywhere_is_no_page() {
    let body = answer(&format!("[{},{}]", candle(HOUR, 1), candle(HOUR - 3_600_000, 1)));
    for end in 0..body.len() {
        let read = read_page(CANDLE, Rows::Newest, 200, &body[..end]);
        assert!(matches!(read, Err(AnswerError::Malformed(_))), "cut at {end}: {read:?}");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_a_reader_panic(
        body in proptest::collection::vec(any::<u8>(), 0..200),
        row in "[\\[\\]{}\",:0-9a-z.-]{0,60}",
        status in prop_oneof![Just(200), Just(429), Just(500)],
    ) {
        for id in [CANDLE, "okx:trade:BTC-USDT", "okx:funding:BTC-USDT_PERP", "okx:open_interest:BTC-USDT_PERP:5m"] {
            let _ = read_page(id, Rows::Newest, status, &String::from_utf8_lossy(&body));
            let _ = read_page(id, Rows::FromId(7), status, &answer(&format!("[{row}]")));
        }
        let _ = read_book("okx:book:BTC-USDT", status, &answer(&format!("[{row}]")));
    }
}
