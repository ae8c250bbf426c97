//! Every recording of Bybit's REST traffic is read to exactly its digits.

#![expect(clippy::print_stderr, reason = "what is not asked says why")]

use serde_json::Value;

use crate::adapter::Rows;
use crate::tests::recordings::{check_names, read_book, read_page, recording};

/// What a recording proves.
enum Proves {
    /// Rows of candles, of open interest or of funding rates.
    Rows(&'static str),
    /// A snapshot.
    Book(&'static str),
    /// A refusal with these words.
    Error(&'static str),
    /// An answer to a question that is not asked, and why it is not.
    NotAsked(&'static str),
}
use Proves::{Book, Error, NotAsked};

const TABLE: &[(&str, Proves)] = &[
    ("book-rest-docs-orderbook", Book("bybit:book:BTC-USDT")),
    ("book-rest-jk-v5api-getorderbook", Book("bybit:book:BTC-USDT_PERP")),
    ("book-rest-spot-btcusdt-2026", Book("bybit:book:BTC-USDT")),
    ("error-rest-params", Error("symbol params err")),
    ("funding-rest-docs-funding-history", Proves::Rows("bybit:funding:ETH-USDC_PERP")),
    ("funding-rest-jk-v5api-getfundingratehistory", Proves::Rows("bybit:funding:ETH-USDC_PERP")),
    ("ohlc-rest-docs-kline-inverse", Proves::Rows("bybit:candle:BTC-USD_INVERSE:1h")),
    ("ohlc-rest-hb-bybit-spot-1h", Proves::Rows("bybit:candle:BTC-USDT:1h")),
    ("ohlc-rest-jk-v5api-getklines", Proves::Rows("bybit:candle:BTC-USD_INVERSE:1h")),
    ("oi-rest-docs-open-interest", Proves::Rows("bybit:open_interest:BTC-USD_INVERSE:1d")),
    ("oi-rest-jk-v5api-getopeninterest", Proves::Rows("bybit:open_interest:BTC-USD_INVERSE:5m")),
    ("trades-rest-docs-recent-trade", NotAsked("trades have no history over REST")),
    ("trades-rest-jk-v5api-gettradehistory", NotAsked("trades have no history over REST")),
];

#[test]
fn the_table_names_every_recording() {
    check_names("bybit", TABLE.iter().map(|(name, _)| *name), |_| true);
}

#[test]
fn lines_have_the_recorded_digits() {
    for (name, proves) in TABLE {
        let Some(recording) = recording("bybit", name) else { return };
        let body = recording.body.get();
        let answer: Value = serde_json::from_str(body).expect("JSON");
        match proves {
            NotAsked(why) => eprintln!("{name}: {why}"),
            Error(words) => {
                let read = read_page("bybit:candle:BTC-USDT:1m", Rows::Newest, recording.status, body);
                let error = read.expect_err(name);
                assert!(error.to_string().contains(words), "{name}: {error}");
            }
            Book(id) => {
                let (page, line) = read_book(id, recording.status, body).expect(name);
                assert_eq!(line, book_line(id, &answer["result"]), "{name}");
                assert!(page.stamp.is_some(), "{name}");
            }
            Proves::Rows(id) => {
                let (page, lines) = read_page(id, Rows::Newest, recording.status, body).expect(name);
                let rows = answer["result"]["list"].as_array().expect("rows");
                let expected: Vec<String> = rows.iter().rev().map(|row| line(id, row)).collect();
                assert_eq!(lines, expected.concat(), "{name}");
                assert_eq!((page.rows, page.lines), (rows.len(), rows.len() as u64), "{name}");
                assert_eq!(page.stamp.map(|stamp| stamp.millis()), answer["time"].as_i64(), "{name}");
            }
        }
    }
}

/// What the line must be, put together from the recorded JSON alone.
fn line(id: &str, row: &Value) -> String {
    let text = |value: &Value| value.as_str().expect("a string of digits").to_owned();
    let (start, kind) = beginning(id);
    match kind {
        "candle" => {
            let (base, quote) = if id.contains("INVERSE") { (6, 5) } else { (5, 6) };
            let second = stamp(&row[0]).replace(".000000000Z", "Z");
            format!(
                "{start},\"ts\":\"{second}\",\"open\":{},\"high\":{},\"low\":{},\"close\":{},\"volume\":{},\"quote_volume\":{},\"trades\":null}}\n",
                text(&row[1]),
                text(&row[2]),
                text(&row[3]),
                text(&row[4]),
                text(&row[base]),
                text(&row[quote]),
            )
        }
        "funding" => format!(
            "{start},\"ts\":\"{}\",\"rate\":{},\"mark_price\":null}}\n",
            stamp(&row["fundingRateTimestamp"]),
            text(&row["fundingRate"]),
        ),
        _ => format!(
            "{start},\"ts\":\"{}\",\"open_interest\":{},\"open_interest_value\":null}}\n",
            stamp(&row["timestamp"]),
            text(&row["openInterest"]),
        ),
    }
}

fn book_line(id: &str, book: &Value) -> String {
    let (start, _) = beginning(id);
    let side = |levels: &Value| -> String {
        let levels = levels.as_array().expect("levels").iter();
        let levels: Vec<String> = levels
            .map(|level| format!("[{},{}]", level[0].as_str().expect("digits"), level[1].as_str().expect("digits")))
            .collect();
        levels.join(",")
    };
    let time = if book["cts"].is_null() { &book["ts"] } else { &book["cts"] };
    format!(
        "{start},\"ts\":\"{}\",\"snapshot\":true,\"bids\":[{}],\"asks\":[{}],\"seq\":{},\"recv_ts\":\"2026-01-01T00:00:00.500000000Z\"}}\n",
        stamp(time),
        side(&book["b"]),
        side(&book["a"]),
        book["u"],
    )
}

/// The beginning of every line of a data set, and its kind.
fn beginning(id: &str) -> (String, &str) {
    let mut parts = id.split(':').skip(1);
    let kind = parts.next().expect("a kind");
    let pair = parts.next().expect("a pair");
    let pair = match pair.split_once('_') {
        Some((names, market)) => format!("{}:{}", names.replace('-', "/"), market.to_lowercase()),
        None => pair.replace('-', "/"),
    };
    let span = match parts.next() {
        Some("5m") => ",\"span\":300",
        Some("1h") => ",\"span\":3600",
        Some("1d") => ",\"span\":86400",
        _ => "",
    };
    (format!("{{\"kind\":\"{kind}\",\"exchange\":\"bybit\",\"pair\":\"{pair}\"{span}"), kind)
}

/// Milliseconds as text, with arithmetic of its own.
fn stamp(value: &Value) -> String {
    let millis = value.as_i64().or_else(|| value.as_str()?.parse().ok()).expect("milliseconds");
    let (days, rest) = (millis / 86_400_000, millis % 86_400_000);
    let (mut year, mut left) = (1970, days);
    let is_leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    while left >= if is_leap(year) { 366 } else { 365 } {
        left -= if is_leap(year) { 366 } else { 365 };
        year += 1;
    }
    let mut month = 1;
    for days in [31, if is_leap(year) { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if left < days {
            break;
        }
        left -= days;
        month += 1;
    }
    format!(
        "{year}-{month:02}-{:02}T{:02}:{:02}:{:02}.{:03}000000Z",
        left + 1,
        rest / 3_600_000,
        rest / 60_000 % 60,
        rest / 1000 % 60,
        rest % 1000,
    )
}
