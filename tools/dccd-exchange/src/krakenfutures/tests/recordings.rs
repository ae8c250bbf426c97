//! Every recording of Kraken Futures' REST traffic is read to exactly its digits.

#![expect(clippy::print_stderr, reason = "what is not asked says why")]

use std::collections::BTreeMap;

use dccd_record::Ts;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::adapter::Rows;
use crate::tests::recordings::{check_names, read_book, read_page, recording};
use crate::tests::{dataset, ts};

/// What a recording proves.
enum Proves {
    Candles(&'static str),
    Rates(&'static str),
    Book(&'static str),
    /// An answer to a question that is not asked, and why it is not.
    NotAsked(&'static str),
}
use Proves::{Book, Candles, NotAsked, Rates};

const TABLE: &[(&str, Proves)] = &[
    ("book-rest-jk-futures-getorderbook", Book("krakenfutures:book:BTC-USD_INVERSE")),
    ("funding-rest-jk-futures-gethistoricalfundingrates", Rates("krakenfutures:funding:BTC-USD_PERP")),
    // A candle of mark prices, whose volume is a number; its time is no multiple of the 12 hours of its address.
    ("ohlc-rest-jk-futures-getklines", Candles("krakenfutures:candle:ETH-USD_PERP:1m")),
    // The address says minutes, and the candles are an hour apart.
    ("ohlc-rest-nt-futures-trade", Candles("krakenfutures:candle:BTC-USD_PERP:1h")),
    ("trades-rest-jk-futures-gettrades", NotAsked("the newest hundred trades; there is no way to page through more")),
];

type Row = BTreeMap<String, Box<RawValue>>;

#[derive(Deserialize)]
struct Chart {
    candles: Vec<Row>,
}

#[derive(Deserialize)]
struct History {
    rates: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Snapshot {
    order_book: BTreeMap<String, Vec<[Box<RawValue>; 2]>>,
    server_time: String,
}

#[test]
fn the_table_names_every_recording() {
    check_names("kraken", TABLE.iter().map(|(name, _)| *name), |name| name.contains("futures"));
}

#[test]
fn lines_have_the_recorded_digits() {
    for (name, proves) in TABLE {
        let Some(recording) = recording("kraken", name) else { return };
        let body = recording.body.get();
        let (lines, expected): (String, Vec<String>) = match proves {
            NotAsked(why) => {
                eprintln!("{name}: {why}");
                continue;
            }
            Book(id) => (read_book(id, 200, body).expect(name).1, vec![book_line(id, body)]),
            Candles(id) => {
                let chart: Chart = serde_json::from_str(body).expect("a chart");
                let lines = read_page(id, Rows::Newest, 200, body).expect(name).1;
                (lines, chart.candles.iter().map(|row| candle_line(id, row)).collect())
            }
            Rates(id) => {
                let history: History = serde_json::from_str(body).expect("rates");
                let lines = read_page(id, Rows::Newest, 200, body).expect(name).1;
                (lines, history.rates.iter().map(|row| rate_line(id, row)).collect())
            }
        };
        assert!(!expected.is_empty(), "{name} proves nothing");
        assert_eq!(lines, expected.concat(), "{name}");
    }
}

fn text<'a>(row: &'a Row, key: &str) -> &'a str {
    row.get(key).unwrap_or_else(|| panic!("no {key}")).get().trim_matches('"')
}

fn candle_line(id: &str, row: &Row) -> String {
    let time = Ts::from_millis(text(row, "time").parse().expect("milliseconds")).expect("believable").to_string();
    let second = time.split('.').next().expect("a second");
    let span = dataset(id).span().expect("a span").secs();
    format!(
        "{},\"span\":{span},\"ts\":\"{second}Z\",\"open\":{},\"high\":{},\"low\":{},\"close\":{},\"volume\":{},\"quote_volume\":null,\"trades\":null}}\n",
        beginning(id),
        text(row, "open"),
        text(row, "high"),
        text(row, "low"),
        text(row, "close"),
        text(row, "volume"),
    )
}

/// Exponents are written out.
fn rate_line(id: &str, row: &Row) -> String {
    let rate = match text(row, "relativeFundingRate") {
        "-5.40935416667e-7" => "-0.000000540935416667",
        plain => plain,
    };
    let time = ts(text(row, "timestamp"));
    format!("{},\"ts\":\"{time}\",\"rate\":{rate},\"mark_price\":null}}\n", beginning(id))
}

fn book_line(id: &str, body: &str) -> String {
    let book: Snapshot = serde_json::from_str(body).expect("a book");
    let levels = |side: &str| {
        let side = book.order_book.get(side).expect("a side");
        assert!(side.len() > 10, "a deep book");
        side.iter().map(|[price, amount]| format!("[{price},{amount}]")).collect::<Vec<_>>().join(",")
    };
    format!(
        "{},\"ts\":\"{}\",\"snapshot\":true,\"bids\":[{}],\"asks\":[{}],\"seq\":null,\"recv_ts\":\"2026-01-01T00:00:00.500000000Z\"}}\n",
        beginning(id),
        ts(&book.server_time),
        levels("bids"),
        levels("asks"),
    )
}

fn beginning(id: &str) -> String {
    let dataset = dataset(id);
    format!("{{\"kind\":\"{}\",\"exchange\":\"krakenfutures\",\"pair\":\"{}\"", dataset.kind(), dataset.pair())
}
