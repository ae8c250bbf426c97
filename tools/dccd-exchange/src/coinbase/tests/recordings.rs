//! Every recording of Coinbase's REST traffic is read to exactly its digits.

#![expect(clippy::print_stderr, reason = "what is not asked says why")]

use serde_json::Value;
use serde_json::value::RawValue;

use crate::adapter::Rows;
use crate::instrument::{Instrument, Trading};
use crate::tests::recordings::{Recording, check_names, read_book, read_page, recording};
use crate::tests::{dataset, reply, ts};
use crate::{instruments, read_instruments};

/// What a recording proves.
enum Proves {
    Candles(&'static str),
    Trades(&'static str),
    Book(&'static str),
    /// So many products, all of which have a pair, and so many that are traded.
    Products(usize, usize),
    /// A refusal with these words.
    Error(&'static str),
    /// An answer to a question that is not asked, and why it is not.
    NotAsked(&'static str),
}
use Proves::{Book, Candles, Error, NotAsked, Products, Trades};

const TABLE: &[(&str, Proves)] = &[
    ("book-rest-jk-advancedtrade-getaggregatedorderbook", Book("coinbase:book:ETH-USDT")),
    ("error-rest-not-found", Error("no such symbol: NotFound")),
    ("ohlc-rest-exchange-btc-usd-1h", Candles("coinbase:candle:BTC-USD:1h")),
    ("ohlc-rest-jk-advancedtrade-getklines", NotAsked("the other interface, which has no more")),
    ("symbols-rest-products", Products(162, 162)),
    ("trades-rest-exchange-btc-usdt-ccxt", Trades("coinbase:trade:BTC-USDT")),
    ("trades-rest-jk-advancedtrade-gettradehistory", NotAsked("the other interface, which has recent ones only")),
    ("trades-rest-nt-advanced", NotAsked("the other interface, which has recent ones only")),
];

#[test]
fn the_table_names_every_recording() {
    check_names("coinbase", TABLE.iter().map(|(name, _)| *name), |_| true);
}

#[test]
fn lines_have_the_recorded_digits() {
    for (name, proves) in TABLE {
        let Some(recording) = recording("coinbase", name) else { return };
        let body = recording.body.get();
        match proves {
            NotAsked(why) => eprintln!("{name}: {why}"),
            Error(words) => {
                let read = read_page("coinbase:candle:NOPE-USD:1h", Rows::Newest, recording.status, body);
                let error = read.expect_err(name).to_string();
                assert!(error.contains(words), "{name}: {error}");
            }
            Products(all, open) => check_products(&recording, *all, *open),
            Book(id) => assert_eq!(read_book(id, 200, body).expect(name).1, book_line(id, body), "{name}"),
            Candles(id) => check_rows(id, body, candle_line),
            Trades(id) => check_rows(id, body, trade_line),
        }
    }
}

/// Rows come newest first, and lines oldest first.
fn check_rows(id: &str, body: &str, line: fn(&str, &RawValue) -> String) {
    let rows: Vec<&RawValue> = serde_json::from_str(body).expect("a list");
    let (page, lines) = read_page(id, Rows::Newest, 200, body).expect("sound");
    assert!(!rows.is_empty() && page.rows == rows.len(), "{id}: {page:?}");
    let expected: String = rows.iter().rev().map(|row| line(id, row)).collect();
    assert_eq!(lines, expected);
}

fn candle_line(id: &str, row: &RawValue) -> String {
    let row: Vec<&RawValue> = serde_json::from_str(row.get()).expect("a row");
    let [time, low, high, open, close, volume] = row[..] else { panic!("six fields") };
    let seconds: i64 = time.get().parse().expect("seconds");
    let ts = dccd_record::Ts::from_secs(seconds).expect("believable").to_string();
    let second = ts.split('.').next().expect("a second");
    format!(
        "{},\"span\":3600,\"ts\":\"{second}Z\",\"open\":{open},\"high\":{high},\"low\":{low},\"close\":{close},\"volume\":{volume},\"quote_volume\":null,\"trades\":null}}\n",
        beginning(id)
    )
}

fn trade_line(id: &str, row: &RawValue) -> String {
    let row: Value = serde_json::from_str(row.get()).expect("a row");
    let text = |key: &str| row[key].as_str().expect("text").to_owned();
    let side = if text("side") == "sell" { "buy" } else { "sell" };
    format!(
        "{},\"ts\":\"{}\",\"price\":{},\"amount\":{},\"side\":\"{side}\",\"tid\":\"{}\"}}\n",
        beginning(id),
        ts(&text("time")),
        text("price"),
        text("size"),
        text("trade_id"),
    )
}

fn book_line(id: &str, body: &str) -> String {
    let book: Value = serde_json::from_str(body).expect("a book");
    let levels = |side: &Value| {
        let digits = |value: &Value| value.as_str().expect("digits").to_owned();
        let level = |level: &Value| format!("[{},{},{}]", digits(&level[0]), digits(&level[1]), level[2]);
        side.as_array().expect("levels").iter().map(level).collect::<Vec<_>>().join(",")
    };
    format!(
        "{},\"ts\":\"{}\",\"snapshot\":true,\"bids\":[{}],\"asks\":[{}],\"seq\":{},\"recv_ts\":\"2026-01-01T00:00:00.500000000Z\"}}\n",
        beginning(id),
        ts(book["time"].as_str().expect("a time")),
        levels(&book["bids"]),
        levels(&book["asks"]),
        book["sequence"],
    )
}

fn check_products(recording: &Recording, all: usize, open: usize) {
    let request = instruments("coinbase").expect("known").remove(0);
    let mut found = Vec::new();
    let body = recording.body.get().as_bytes();
    read_instruments("coinbase", &request, &reply(recording.status, body), &mut found).expect("sound");
    assert_eq!(found.len(), all);
    assert_eq!(found.iter().filter(|product| product.pair.is_some()).count(), all);
    assert_eq!(found.iter().filter(|product| product.trading == Trading::Open).count(), open);
    let first = Instrument {
        symbol: "SKL-EUR".to_owned(),
        pair: Some("SKL/EUR".parse().expect("a pair")),
        trading: Trading::Open,
        status: "online".to_owned(),
        tick: Some("0.0001".to_owned()),
        lot: Some("0.1".to_owned()),
        since: None,
    };
    assert_eq!(found.first(), Some(&first));
}

fn beginning(id: &str) -> String {
    let dataset = dataset(id);
    format!("{{\"kind\":\"{}\",\"exchange\":\"coinbase\",\"pair\":\"{}\"", dataset.kind(), dataset.pair())
}
