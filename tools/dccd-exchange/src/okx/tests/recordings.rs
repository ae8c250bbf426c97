//! Every recording of OKX's REST traffic is read to exactly its digits.

#![expect(clippy::print_stderr, reason = "what is not asked says why")]

use serde_json::Value;

use crate::adapter::Rows;
use crate::tests::recordings::{check_names, read_book, read_page, recording};

/// What a recording proves.
enum Proves {
    /// Rows of candles, of trades or of funding rates.
    Rows(&'static str),
    /// A snapshot.
    Book(&'static str),
    /// What is refused with these words.
    Error(&'static str, &'static str),
    /// An answer to a question that is not asked, and why it is not.
    NotAsked(&'static str),
}
use Proves::{Book, Error, NotAsked};

const TABLE: &[(&str, Proves)] = &[
    ("book-rest-jk-unifiedapi-getorderbook", Book("okx:book:BTC-USDT")),
    ("book-rest-nt", Book("okx:book:BTC-USDT")),
    ("error-rest-instrument", Error("okx:candle:NOPE-USDT:1m", "Instrument ID, Instrument ID code")),
    ("funding-rest-jk-unifiedapi-getfundingratehistory", Proves::Rows("okx:funding:BTC-USD_INVERSE")),
    ("ohlc-rest-hb-okx-spot-1h", Proves::Rows("okx:candle:BTC-USDT:1h")),
    // Made up: twice the same instant, which begins no minute.
    ("ohlc-rest-jk-unifiedapi-getklinehistory", Error("okx:candle:BTC-USDT:1m", "is no multiple of 1m")),
    ("oi-rest-jk-unifiedapi-getopeninterests", NotAsked("the current value; history is asked for")),
    ("trades-rest-jk-unifiedapi-getrecenttrades", Proves::Rows("okx:trade:BTC-USDT")),
];

#[test]
fn the_table_names_every_recording() {
    check_names("okx", TABLE.iter().map(|(name, _)| *name), |_| true);
}

#[test]
fn lines_have_the_recorded_digits() {
    for (name, proves) in TABLE {
        let Some(recording) = recording("okx", name) else { return };
        let body = recording.body.get();
        let answer: Value = serde_json::from_str(body).expect("JSON");
        match proves {
            NotAsked(why) => eprintln!("{name}: {why}"),
            Error(id, words) => {
                let error = read_page(id, Rows::Newest, recording.status, body).expect_err(name);
                assert!(error.to_string().contains(words), "{name}: {error}");
            }
            Book(id) => {
                let (page, line) = read_book(id, recording.status, body).expect(name);
                assert_eq!(line, book_line(id, &answer["data"][0]), "{name}");
                assert!(page.stamp.is_some(), "{name}");
            }
            Proves::Rows(id) => {
                let (page, lines) = read_page(id, Rows::Newest, recording.status, body).expect(name);
                let rows = answer["data"].as_array().expect("rows");
                let expected: Vec<String> = rows.iter().rev().map(|row| line(id, row)).collect();
                assert_eq!(lines, expected.concat(), "{name}");
                assert_eq!((page.rows, page.lines), (rows.len(), rows.len() as u64), "{name}");
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
            let second = stamp(&row[0]).replace(".000000000Z", "Z");
            format!(
                "{start},\"ts\":\"{second}\",\"open\":{},\"high\":{},\"low\":{},\"close\":{},\"volume\":{},\"quote_volume\":{},\"trades\":null}}\n",
                text(&row[1]),
                text(&row[2]),
                text(&row[3]),
                text(&row[4]),
                text(&row[5]),
                text(&row[7]),
            )
        }
        "trade" => format!(
            "{start},\"ts\":\"{}\",\"price\":{},\"amount\":{},\"side\":{},\"tid\":{}}}\n",
            stamp(&row["ts"]),
            text(&row["px"]),
            text(&row["sz"]),
            row["side"],
            row["tradeId"],
        ),
        _ => format!(
            "{start},\"ts\":\"{}\",\"rate\":{},\"mark_price\":null}}\n",
            stamp(&row["fundingTime"]),
            text(&row["realizedRate"]),
        ),
    }
}

fn book_line(id: &str, book: &Value) -> String {
    let (start, _) = beginning(id);
    let side = |levels: &Value| -> String {
        let levels = levels.as_array().expect("levels").iter();
        let levels: Vec<String> = levels
            .map(|level| {
                let field = |n: usize| level[n].as_str().expect("digits");
                format!("[{},{},{}]", field(0), field(1), field(3))
            })
            .collect();
        levels.join(",")
    };
    format!(
        "{start},\"ts\":\"{}\",\"snapshot\":true,\"bids\":[{}],\"asks\":[{}],\"seq\":{},\"recv_ts\":\"2026-01-01T00:00:00.500000000Z\"}}\n",
        stamp(&book["ts"]),
        side(&book["bids"]),
        side(&book["asks"]),
        book["seqId"],
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
    (format!("{{\"kind\":\"{kind}\",\"exchange\":\"okx\",\"pair\":\"{pair}\"{span}"), kind)
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
