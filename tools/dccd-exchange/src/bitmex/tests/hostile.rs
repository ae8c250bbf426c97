//! Answers that nobody should send, and odd ones that were sent.

use proptest::prelude::*;

use crate::adapter::Rows;
use crate::tests::range;
use crate::tests::recordings::{read_book, read_page};
use crate::{AnswerError, Page};

const CANDLES: &str = "bitmex:candle:BTC-USD_INVERSE:1h";
const TRADES: &str = "bitmex:trade:BTC-USD_INVERSE";
const FUNDING: &str = "bitmex:funding:BTC-USD_INVERSE";
const BOOK: &str = "bitmex:book:BTC-USD_INVERSE";

fn candle(timestamp: &str, fields: &str) -> String {
    format!(r#"{{"timestamp":{timestamp},"symbol":"XBTUSD",{fields}}}"#)
}

const SOUND: &str =
    r#""open":1,"high":2,"low":0.5,"close":1.5,"trades":3,"volume":100,"homeNotional":0.1,"foreignNotional":100"#;

fn trade(id: &str, rest: &str) -> String {
    format!(
        r#"{{"timestamp":"2024-01-01T00:00:00.000Z","symbol":"XBTUSD","size":1,"price":7.5,"trdMatchID":{id},"homeNotional":0.5{rest}}}"#
    )
}

fn refused(read: Result<(Page, String), AnswerError>, what: &str) {
    assert!(matches!(read, Err(AnswerError::Unexpected(_))), "{what}: {read:?}");
}

#[test]
fn a_bucket_without_trades_is_a_candle_if_it_has_prices() {
    let read = |fields: &str| {
        read_page(CANDLES, Rows::Newest, 200, &format!("[{}]", candle("\"2024-01-01T01:00:00.000Z\"", fields)))
    };
    for volume in [r#""volume":0,"homeNotional":0"#, r#""volume":null,"homeNotional":null"#, r#""volume":0"#] {
        let (page, line) = read(&format!(r#""open":7,"high":7,"low":7,"close":7,"trades":0,{volume}"#)).expect("sound");
        assert_eq!(page.lines, 1);
        assert!(line.contains("\"ts\":\"2024-01-01T00:00:00Z\",\"open\":7,\"high\":7,\"low\":7,\"close\":7,\"volume\":0,\"quote_volume\":null,\"trades\":0"), "{line}");
    }
    let (page, line) = read(r#""open":null,"high":null,"low":null,"close":null,"trades":0,"volume":0"#).expect("sound");
    assert_eq!((page.rows, page.lines, line.as_str()), (1, 0, ""));
    refused(read(r#""open":7,"high":7,"low":7,"close":7,"volume":100"#), "contracts without a base volume");
}

#[test]
fn a_trade_without_side_or_id_is_a_trade() {
    let zeros = "\"00000000-0000-0000-0000-000000000000\"";
    let body = format!(
        "[{},{},{},{}]",
        trade(zeros, ""),
        trade("null", r#","side":"Buy""#),
        trade("\"00000000-006d-1000-0000-0003ad666d43\"", r#","side":"Sell""#),
        trade("\"00000000-006d-1000-0000-0003ad666d44\"", r#","side":"""#),
    );
    let (page, lines) = read_page(TRADES, Rows::From(dccd_record::Ts::MIN), 200, &body).expect("sound");
    assert_eq!((page.rows, page.lines), (4, 4));
    let ends: Vec<&str> = lines.lines().filter_map(|line| line.split_once("\"side\":").map(|(_, end)| end)).collect();
    assert_eq!(
        ends,
        [
            "null,\"tid\":null}",
            "\"buy\",\"tid\":null}",
            "\"sell\",\"tid\":\"00000000-006d-1000-0000-0003ad666d43\"}",
            "null,\"tid\":\"00000000-006d-1000-0000-0003ad666d44\"}",
        ]
    );
}

#[test]
fn values_that_make_no_sense_are_refused() {
    let one = |id: &str, row: &str| read_page(id, Rows::Newest, 200, &format!("[{row}]"));
    assert!(one(CANDLES, &candle("\"2024-01-01T01:00:00.000Z\"", SOUND)).is_ok());
    let huge = "9".repeat(400);
    for time in [
        "\"2024-01-01T01:00:00.001Z\"",
        "\"\"",
        "1704067200000",
        "null",
        "\"1969-01-01T00:00:00.000Z\"",
        "\"9999-01-01T00:00:00.000Z\"",
    ] {
        refused(one(CANDLES, &candle(time, SOUND)), time);
    }
    for number in ["\"NaN\"", "true", "1e999", "[1]", &huge] {
        refused(
            one(
                CANDLES,
                &candle("\"2024-01-01T01:00:00.000Z\"", &SOUND.replace("\"low\":0.5", &format!("\"low\":{number}"))),
            ),
            number,
        );
        refused(one(TRADES, &trade("\"1\"", "").replace("7.5", number)), number);
        refused(
            read_book(BOOK, 200, &format!(r#"[{{"symbol":"XBTUSD","side":"Buy","size":{number},"price":1}}]"#)),
            number,
        );
        refused(
            one(
                FUNDING,
                &format!(r#"{{"timestamp":"2024-01-01T04:00:00.000Z","symbol":"XBTUSD","fundingRate":{number}}}"#),
            ),
            number,
        );
    }
    refused(one(TRADES, &trade("\"1\"", r#","side":"Hold""#)), "side");
    refused(read_book(BOOK, 200, r#"[{"symbol":"XBTUSD","side":"Hold","size":1,"price":1}]"#), "side");
    refused(one(TRADES, &trade("\"1\"", "").replace("\"homeNotional\":0.5", "\"homeNotional\":null")), "no amount");
}

#[test]
fn rows_of_another_symbol_or_range_are_refused() {
    let row = candle("\"2024-01-01T01:00:00.000Z\"", SOUND);
    refused(read_page(CANDLES, Rows::Newest, 200, &format!("[{}]", row.replace("XBTUSD", "ETHUSD"))), "candle");
    refused(
        read_page(TRADES, Rows::Newest, 200, &format!("[{}]", trade("\"1\"", "").replace("XBTUSD", "ETHUSD"))),
        "trade",
    );
    refused(read_book(BOOK, 200, r#"[{"symbol":"ETHUSD","side":"Buy","size":1,"price":1}]"#), "book");
    refused(
        read_page(
            FUNDING,
            Rows::Newest,
            200,
            r#"[{"timestamp":"2024-01-01T04:00:00.000Z","symbol":"ETHUSD","fundingRate":1}]"#,
        ),
        "funding",
    );
    let asked = Rows::Within(range("2024-01-01T01:00:00Z", "2024-01-01T02:00:00Z"));
    refused(read_page(CANDLES, asked, 200, &format!("[{row}]")), "it opened at midnight");
    refused(read_page(CANDLES, Rows::From(dccd_record::Ts::MIN), 200, &format!("[{row},{row}]")), "twice");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_bytes_make_a_reader_panic(body in proptest::collection::vec(any::<u8>(), 0..120)) {
        let text = String::from_utf8_lossy(&body);
        for id in [CANDLES, TRADES, FUNDING] {
            let _ = read_page(id, Rows::Newest, 200, &text);
        }
        let _ = read_book(BOOK, 200, &text);
    }

    #[test]
    fn no_values_make_a_reader_panic(
        values in proptest::array::uniform8(prop_oneof!["-?[0-9]{0,30}", "\"[ -~&&[^\"\\\\]]{0,30}\"", "null", "\\[\\]"]),
    ) {
        let [time, symbol, side, price, id, notional, open, volume] = values;
        let body = format!(
            r#"[{{"timestamp":{time},"symbol":{symbol},"side":{side},"price":{price},"trdMatchID":{id},"homeNotional":{notional},"open":{open},"high":{open},"low":{open},"close":{open},"volume":{volume},"size":{volume},"fundingRate":{price}}}]"#
        );
        for id in [CANDLES, TRADES, FUNDING] {
            let _ = read_page(id, Rows::Newest, 200, &body);
        }
        let _ = read_book(BOOK, 200, &body);
    }
}
