//! Every recording of BitMEX's REST traffic is read to exactly its digits.

use dccd_record::{Market, Span};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::adapter::{Adapter, Rows};
use crate::bitmex::Bitmex;
use crate::bitmex::symbol::symbol;
use crate::tests::recordings::{check_names, folder, read_book, read_page, recording};
use crate::tests::{reply, ts};
use crate::{AnswerError, Instrument, Trading};

/// Every recording, and what it proves.
const TABLE: [(&str, &str); 4] = [
    ("error-rest-nt", "a refusal"),
    ("ohlc-rest-nt-trade-bins", "candles, stamped when they close"),
    ("symbols-rest-instrument-active", "what is traded"),
    ("trades-rest-xbtusd", "trades, of which two share a millisecond"),
];

#[test]
fn the_table_names_every_recording() {
    check_names("bitmex", TABLE.iter().map(|(name, _)| *name), |_| true);
}

#[test]
fn candles_have_the_recorded_digits() {
    let Some(recording) = recording("bitmex", "ohlc-rest-nt-trade-bins") else { return };
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Row {
        timestamp: String,
        open: Box<RawValue>,
        high: Box<RawValue>,
        low: Box<RawValue>,
        close: Box<RawValue>,
        trades: u64,
        home_notional: Box<RawValue>,
        foreign_notional: Box<RawValue>,
    }
    let rows: Vec<Row> = serde_json::from_str(recording.body.get()).expect("rows");
    let expected: Vec<String> = rows
        .iter()
        .map(|row| {
            let opened = ts(&row.timestamp).saturating_add(-Span::MINUTE.nanos()).to_string();
            format!(
                "{{\"kind\":\"candle\",\"exchange\":\"bitmex\",\"pair\":\"BTC/USD:inverse\",\"span\":60,\"ts\":\"{}\",\"open\":{},\"high\":{},\"low\":{},\"close\":{},\"volume\":{},\"quote_volume\":{},\"trades\":{}}}",
                opened.replace(".000000000Z", "Z"),
                row.open,
                row.high,
                row.low,
                row.close,
                row.home_notional,
                row.foreign_notional,
                row.trades,
            )
        })
        .collect();
    let id = "bitmex:candle:BTC-USD_INVERSE:1m";
    let (page, lines) =
        read_page(id, Rows::From(ts("2024-11-25T10:29:00Z")), 200, recording.body.get()).expect("sound");
    assert_eq!((page.rows, lines.lines().collect::<Vec<_>>().len()), (3, 3));
    assert_eq!(lines.lines().collect::<Vec<_>>(), expected);
    assert!(lines.starts_with("{\"kind\":\"candle\",\"exchange\":\"bitmex\",\"pair\":\"BTC/USD:inverse\",\"span\":60,\"ts\":\"2024-11-25T10:29:00Z\""));
}

#[test]
fn trades_have_the_recorded_digits() {
    let Some(recording) = recording("bitmex", "trades-rest-xbtusd") else { return };
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Row {
        timestamp: String,
        side: String,
        price: Box<RawValue>,
        #[serde(rename = "trdMatchID")]
        id: String,
        home_notional: Box<RawValue>,
    }
    let rows: Vec<Row> = serde_json::from_str(recording.body.get()).expect("rows");
    let expected: Vec<String> = rows
        .iter()
        .map(|row| {
            format!(
                "{{\"kind\":\"trade\",\"exchange\":\"bitmex\",\"pair\":\"BTC/USD:inverse\",\"ts\":\"{}000000Z\",\"price\":{},\"amount\":{},\"side\":\"{}\",\"tid\":\"{}\"}}",
                row.timestamp.trim_end_matches('Z'),
                row.price,
                row.home_notional,
                row.side.to_lowercase(),
                row.id,
            )
        })
        .collect();
    let from = Rows::From(ts("2024-01-01T00:00:00Z"));
    let (page, lines) = read_page("bitmex:trade:BTC-USD_INVERSE", from, 200, recording.body.get()).expect("sound");
    assert_eq!((page.rows, page.lines), (5, 5));
    assert_eq!(lines.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn rates_keep_their_digits() {
    let body = include_str!("../../../fixtures/bitmex/funding.json");
    let from = Rows::From(ts("2021-04-01T12:00:00Z"));
    let (page, lines) = read_page("bitmex:funding:BTC-USD_INVERSE", from, 200, body).expect("sound");
    let start = "{\"kind\":\"funding\",\"exchange\":\"bitmex\",\"pair\":\"BTC/USD:inverse\",\"ts\":\"2021-04-01T";
    let expected = format!(
        "{start}12:00:00.000000000Z\",\"rate\":-0.00005,\"mark_price\":null}}\n{start}20:00:00.000000000Z\",\"rate\":0.000817,\"mark_price\":null}}\n"
    );
    assert_eq!((page.rows, lines), (2, expected));
}

#[test]
fn the_list_has_what_was_recorded() {
    let Some(recording) = recording("bitmex", "symbols-rest-instrument-active") else { return };
    let rows: Vec<Value> = serde_json::from_str(recording.body.get()).expect("rows");
    let mut found: Vec<Instrument> = Vec::new();
    let requests = Bitmex.instruments();
    let request = requests.first().expect("a list");
    Bitmex.read_instruments(request, &reply(200, recording.body.get().as_bytes()), &mut found).expect("sound");
    assert_eq!(found.len(), rows.len());
    for (instrument, row) in found.iter().zip(&rows) {
        assert_eq!(instrument.symbol, row["symbol"].as_str().expect("a symbol"));
        assert_eq!((instrument.status.as_str(), instrument.trading), ("Open", Trading::Open));
        let pair = instrument.pair.as_ref().unwrap_or_else(|| panic!("{instrument:?}"));
        assert_eq!(symbol(pair), instrument.symbol);
        assert_eq!(pair.market() == Market::Inverse, row["isInverse"] == true && row["typ"] == "FFWCSX");
        assert_eq!(instrument.since, row["listing"].as_str().map(ts));
        assert_eq!(instrument.lot, row["lotSize"].as_u64().map(|lot| lot.to_string()));
    }
    let of = |symbol: &str| found.iter().find(|instrument| instrument.symbol == symbol).expect("listed");
    let pair = |symbol: &str| of(symbol).pair.as_ref().map(ToString::to_string).unwrap_or_default();
    assert_eq!(pair("XBTUSD"), "BTC/USD:inverse");
    assert_eq!(pair("XBTEUR"), "BTC/EUR:inverse");
    assert_eq!(pair("ETHUSD"), "ETH/USD:perp");
    assert_eq!(pair("LINKUSDT"), "LINK/USDT:perp");
    assert_eq!(pair("XBTZ21"), "BTC/USD:211231");
    assert_eq!(pair("XBTEURU21"), "BTC/EUR:210924");
    assert_eq!(pair("ETHUSDU21"), "ETH/USD:210924");
    assert_eq!(pair("XRPU21"), "XRP/BTC:210924");
    assert_eq!(of("TRXU21").tick.as_deref(), Some("0.0000000001"));
    assert_eq!(of("XBTUSD").tick.as_deref(), Some("0.5"));
}

#[test]
fn the_recorded_refusal_is_told() {
    let Some(folder) = folder() else { return };
    let body = std::fs::read_to_string(folder.join("bitmex/error-rest-nt.json")).expect("the recording is text");
    for status in [200, 401] {
        for id in ["bitmex:candle:BTC-USD_INVERSE:1m", "bitmex:trade:BTC-USD_INVERSE", "bitmex:funding:BTC-USD_INVERSE"]
        {
            let refused = AnswerError::Refused {
                code: "HTTPError".to_owned(),
                message: "Invalid API Key.".to_owned(),
                is_retryable: false,
            };
            assert_eq!(read_page(id, Rows::Newest, status, &body).expect_err("refused"), refused);
        }
    }
    assert!(read_book("bitmex:book:BTC-USD_INVERSE", 200, &body).is_err());
}

#[test]
fn a_recorded_book_is_turned_best_first() {
    let Some(folder) = folder() else { return };
    let text = std::fs::read_to_string(folder.join("bitmex/book-cmp-l2-snapshot.json")).expect("the recording is text");
    let cases: Vec<Value> = serde_json::from_str(&text).expect("cases");
    let body = cases[0]["raw"].as_str().expect("a frame");
    let (page, line) = read_book("bitmex:book:BTC-USD_INVERSE", 200, body).expect("sound");
    assert_eq!(page.lines, 1);
    let sides = "\"bids\":[[1.5,6000],[1,500],[0.5,1500]],\"asks\":[[658900,20000],[662520,10000],[1000000,1007600]]";
    assert!(line.contains(sides), "{line}");
}
