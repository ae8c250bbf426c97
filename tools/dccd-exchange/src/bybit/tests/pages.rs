//! Pages that are empty, odd or hostile.

use proptest::prelude::*;

use crate::AnswerError;
use crate::adapter::Rows;
use crate::tests::range;
use crate::tests::recordings::{read_book, read_page};

const CANDLE: &str = "bybit:candle:BTC-USDT:1h";
/// 2024-05-08T14:00:00Z.
const HOUR: i64 = 1_715_176_800_000;

fn candles(rows: &[String]) -> String {
    let rows = rows.join(",");
    format!(
        r#"{{"retCode":0,"retMsg":"OK","result":{{"category":"spot","symbol":"BTCUSDT","list":[{rows}]}},"time":{HOUR}}}"#
    )
}

fn candle(start: i64) -> String {
    format!(r#"["{start}","1","2","0.5","1.5","10","15"]"#)
}

#[test]
fn an_empty_list_is_empty() {
    let (page, lines) = read_page(CANDLE, Rows::Newest, 200, &candles(&[])).expect("empty");
    assert_eq!((page.rows, lines.as_str()), (0, ""));
    for (id, name) in [("bybit:funding:BTC-USDT_PERP", ""), ("bybit:open_interest:BTC-USDT_PERP:5m", "BTCUSDT")] {
        let symbol = if name.is_empty() { String::new() } else { format!(r#""symbol":"{name}","#) };
        let body = format!(r#"{{"retCode":0,"result":{{"category":"linear",{symbol}"list":[]}},"time":{HOUR}}}"#);
        assert_eq!(read_page(id, Rows::Newest, 200, &body).expect("empty").0.rows, 0, "{id}");
    }
}

#[test]
fn the_candle_around_the_start_is_left_out() {
    let body = candles(&[candle(HOUR + 3_600_000), candle(HOUR)]);
    let within = |start: &str| Rows::Within(range(start, "2024-05-08T16:00:00Z"));
    let (page, lines) = read_page(CANDLE, within("2024-05-08T14:30:00Z"), 200, &body).expect("sound");
    assert_eq!((page.rows, page.lines, lines.lines().count()), (2, 1, 1));
    let (page, _) = read_page(CANDLE, within("2024-05-08T14:00:00Z"), 200, &body).expect("sound");
    assert_eq!((page.rows, page.lines), (2, 2));
    // An older one was not asked for.
    let body = candles(&[candle(HOUR), candle(HOUR - 3_600_000)]);
    let error = read_page(CANDLE, within("2024-05-08T14:30:00Z"), 200, &body).expect_err("not asked for");
    assert!(error.to_string().contains("was not asked for"), "{error}");
}

#[test]
fn rows_out_of_order_or_twice_are_refused() {
    for rows in [[HOUR, HOUR], [HOUR, HOUR + 3_600_000], [HOUR, HOUR - 1]] {
        let body = candles(&rows.map(candle));
        let error = read_page(CANDLE, Rows::Newest, 200, &body).expect_err("odd rows");
        assert!(matches!(error, AnswerError::Unexpected(_)), "{rows:?}: {error:?}");
    }
}

#[test]
fn hostile_values_are_refused() {
    let check = |row: &str| {
        let read = read_page(CANDLE, Rows::Newest, 200, &candles(&[row.to_owned()]));
        assert!(matches!(read, Err(AnswerError::Unexpected(_))), "{row}: {read:?}");
    };
    check("[]");
    check(r#"["1715176800000","1","2","0.5","1.5","10"]"#);
    check(r#"["-1715176800000","1","2","0.5","1.5","10","15"]"#);
    check(r#"["9223372036854775807","1","2","0.5","1.5","10","15"]"#);
    check(r#"["99999999999999999999","1","2","0.5","1.5","10","15"]"#);
    check(r#"["1715176800","1","2","0.5","1.5","10","15"]"#);
    check(r#"["1715176800000","NaN","2","0.5","1.5","10","15"]"#);
    check(r#"["1715176800000",null,"2","0.5","1.5","10","15"]"#);
    check(r#"["1715176800000",[],"2","0.5","1.5","10","15"]"#);
    check(r#"["1715176800000","","2","0.5","1.5","10","15"]"#);
    check(&format!(r#"["1715176800000","{}","2","0.5","1.5","10","15"]"#, "9".repeat(80)));
    check(r#"["1715176800000","1e999999","2","0.5","1.5","10","15"]"#);
    let book = |fields: &str| format!(r#"{{"retCode":0,"result":{{"s":"BTCUSDT",{fields}}},"time":{HOUR}}}"#);
    for odd in [
        r#""a":[["1"]],"b":[],"ts":1716863719031,"u":1"#,
        r#""a":[],"b":[["x","1"]],"ts":1716863719031,"u":1"#,
        r#""a":[],"b":[],"ts":-5,"u":1"#,
        r#""a":[],"b":[],"ts":1716863719031,"u":-1"#,
        r#""a":[],"b":[],"ts":1716863719031,"cts":0,"u":1"#,
    ] {
        let read = read_book("bybit:book:BTC-USDT", 200, &book(odd));
        assert!(matches!(read, Err(AnswerError::Unexpected(_))), "{odd}: {read:?}");
    }
    // A time of the envelope that cannot be is none.
    let body = candles(&[candle(HOUR)]).replace(&format!("\"time\":{HOUR}"), "\"time\":-1");
    assert_eq!(read_page(CANDLE, Rows::Newest, 200, &body).expect("sound").0.stamp, None);
}

#[test]
fn a_body_that_is_cut_anywhere_is_no_page() {
    let body = candles(&[candle(HOUR), candle(HOUR - 3_600_000)]);
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
        status in prop_oneof![Just(200), Just(403), Just(500)],
    ) {
        for id in [CANDLE, "bybit:funding:BTC-USDT_PERP", "bybit:open_interest:BTC-USDT_PERP:5m"] {
            let _ = read_page(id, Rows::Newest, status, &String::from_utf8_lossy(&body));
            let _ = read_page(id, Rows::Newest, status, &candles(std::slice::from_ref(&row)));
        }
        let _ = read_book("bybit:book:BTC-USDT", status, &String::from_utf8_lossy(&body));
    }
}
