//! Every recording of Binance's REST traffic is read to exactly its digits.

#![expect(clippy::print_stderr, reason = "what is not asked says why")]

use dccd_record::Ts;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::adapter::Rows;
use crate::tests::dataset;
use crate::tests::recordings::{Recording, check_names, read_book, read_page, recording};
use crate::{AnswerError, Page};

/// What a recording proves.
enum Proves {
    /// Rows of candles.
    Candles(&'static str),
    /// Rows of aggregate trades.
    Trades(&'static str),
    /// Rows of funding rates.
    Rates(&'static str),
    /// Rows of open interest.
    Interest(&'static str),
    /// A snapshot.
    Book(&'static str),
    /// A refusal with these words.
    Error(&'static str),
    /// An answer to a question that is not asked, and why it is not.
    NotAsked(&'static str),
}
use Proves::{Book, Candles, Error, Interest, NotAsked, Rates, Trades};

const TABLE: &[(&str, Proves)] = &[
    ("book-rest-gct-spot-depth-btcusdt-0", Book("binance:book:BTC-USDT")),
    ("book-rest-gct-usdm-depth-btcusdt-0", Book("binance:book:BTC-USDT_PERP")),
    ("book-rest-jk-usdfutures-getorderbook", Book("binance:book:BTC-USDT_PERP")),
    ("book-rest-nknusdt-limit1000", Book("binance:book:NKN-USDT")),
    ("book-rest-runeeur-limit1000", Book("binance:book:RUNE-EUR")),
    ("book-rest-usdm-akrousdt-limit1000", Book("binance:book:AKRO-USDT_PERP")),
    ("book-rest-usdm-sushiusdt-limit1000", Book("binance:book:SUSHI-USDT_PERP")),
    ("error-rest-gct-coinm-klines-btcusd-perp-1d-0", Error("Maximum time interval is 200 days.")),
    ("error-rest-gct-usdm-24hr-btcusd-201225-0", Error("Invalid symbol.")),
    ("error-rest-too-many-requests", Error("too many requests")),
    ("funding-rest-gct-usdm-fundingrate-btcusdt-0", Rates("binance:funding:BTC-USDT_PERP")),
    ("funding-rest-gct-usdm-fundingrate-ltcusdt-1", Rates("binance:funding:LTC-USDT_PERP")),
    ("funding-rest-jk-usdfutures-getfundingrates", Rates("binance:funding:BTC-USDT_PERP")),
    // Months have no fixed width, but each begins with a day.
    ("ohlc-rest-gct-coinm-continuousklines-btcusd-1M-0", Candles("binance:candle:BTC-USD_QUARTER:1d")),
    ("ohlc-rest-gct-spot-klines-btcusdt-1d-2", Candles("binance:candle:BTC-USDT:1d")),
    ("ohlc-rest-gct-spot-klines-btcusdt-1h-3", Candles("binance:candle:BTC-USDT:1h")),
    ("ohlc-rest-gct-spot-klines-btcusdt-1m-1", Candles("binance:candle:BTC-USDT:1m")),
    ("ohlc-rest-gct-spot-klines-btcusdt-5m-0", Candles("binance:candle:BTC-USDT:5m")),
    ("ohlc-rest-gct-usdm-klines-btcusdt-1d-0", Candles("binance:candle:BTC-USDT_PERP:1d")),
    ("ohlc-rest-gct-usdm-klines-ltcusdt-5m-1", Candles("binance:candle:LTC-USDT_PERP:5m")),
    ("ohlc-rest-hb-binance-spot-1h", Candles("binance:candle:BTC-USDT:1h")),
    ("ohlc-rest-jk-spot-getklines", Candles("binance:candle:ETH-BTC:1w")),
    ("ohlc-rest-jk-usdfutures-getcontinuouscontractklines", Candles("binance:candle:BTC-USDT_PERP:1m")),
    ("ohlc-rest-spot-btcusdt-1h-2026", Candles("binance:candle:BTC-USDT:1h")),
    ("oi-rest-gct-usdm-openinterest-btcusdt-0", NotAsked("the current value; history is asked for")),
    ("oi-rest-gct-usdm-openinteresthist-btcusd-5m-1", Interest("binance:open_interest:BTC-USD_INVERSE:5m")),
    ("oi-rest-gct-usdm-openinteresthist-ltcusdt-1d-0", Interest("binance:open_interest:LTC-USDT_PERP:1d")),
    ("oi-rest-jk-usdfutures-getopeninterest", NotAsked("the current value; history is asked for")),
    ("trades-rest-gct-spot-aggtrades-btcusdt-0", Trades("binance:trade:BTC-USDT")),
    ("trades-rest-gct-spot-aggtrades-btcusdt-1", Trades("binance:trade:BTC-USDT")),
    ("trades-rest-gct-spot-aggtrades-btcusdt-2", Trades("binance:trade:BTC-USDT")),
    ("trades-rest-gct-spot-historicaltrades-btcusdt-0", NotAsked("single trades; aggregate ones are asked for")),
    ("trades-rest-gct-spot-trades-btcusdt-0", NotAsked("recent single trades")),
    ("trades-rest-gct-usdm-aggtrades-btcusdt-0", Trades("binance:trade:BTC-USDT_PERP")),
    ("trades-rest-jk-spot-getaggregatedtradehistory", Trades("binance:trade:BTC-USDT")),
    ("trades-rest-jk-spot-gettradehistory", NotAsked("single trades; aggregate ones are asked for")),
    ("trades-rest-jk-usdfutures-getrecenttrades", NotAsked("recent single trades")),
];

#[test]
fn the_table_names_every_recording() {
    check_names("binance", TABLE.iter().map(|(name, _)| *name), |_| true);
}

#[test]
fn lines_have_the_recorded_digits() {
    for (name, proves) in TABLE {
        let Some(recording) = recording("binance", name) else { return };
        // Of COIN-M's open interest that of perpetual contracts is asked for; the recording is of another one.
        let body = &recording.body.get().replace("CURRENT_QUARTER", "PERPETUAL");
        let lines = match proves {
            NotAsked(why) => {
                eprintln!("{name}: {why}");
                continue;
            }
            Error(words) => {
                check_error(name, &recording, words);
                continue;
            }
            Book(id) => {
                let value: Value = serde_json::from_str(body).expect("JSON");
                assert_eq!(read(proves, id, body).expect(name).1, book_line(id, &value), "{name}");
                1
            }
            Candles(id) | Trades(id) | Rates(id) | Interest(id) => check_rows(name, proves, id, body),
        };
        assert!(lines > 0, "{name} proves nothing");
    }
}

/// Reads the page as a whole, and each of its rows as a page of one: recorders left rows out, so ids skip.
fn check_rows(name: &str, proves: &Proves, id: &str, body: &str) -> usize {
    let rows: Vec<&RawValue> = serde_json::from_str(body).expect("a list");
    let mut all = String::new();
    for row in &rows {
        let value: Value = serde_json::from_str(row.get()).expect("JSON");
        let (page, line) = read(proves, id, &format!("[{}]", row.get())).expect(name);
        assert_eq!(page.lines, 1, "{name}: {row}");
        assert_eq!(line, row_line(proves, id, &value), "{name}");
        all.push_str(&line);
    }
    let (page, lines) = read(proves, id, body).expect(name);
    assert_eq!(page.rows, rows.len(), "{name}");
    assert_eq!(lines, all, "{name}");
    rows.len()
}

fn check_error(name: &str, recording: &Recording, words: &str) {
    let read = read_page("binance:candle:BTC-USDT:1d", Rows::Newest, recording.status, recording.body.get());
    let error = read.expect_err(name);
    assert!(error.to_string().contains(words), "{name}: {error}");
}

fn read(proves: &Proves, id: &str, body: &str) -> Result<(Page, String), AnswerError> {
    match proves {
        Book(_) => read_book(id, 200, body),
        _ => read_page(id, Rows::Newest, 200, body),
    }
}

/// What the line must be, put together from the recorded JSON alone.
fn row_line(proves: &Proves, id: &str, row: &Value) -> String {
    let text = |value: &Value| value.as_str().expect("a string of digits").to_owned();
    let (start, span) = beginning(id);
    let is_inverse = id.contains("BTC-USD_");
    match proves {
        Candles(_) => {
            let ts = stamp(&row[0]);
            let second = ts.split('.').next().expect("a second");
            format!(
                "{start},\"span\":{span},\"ts\":\"{second}Z\",\"open\":{},\"high\":{},\"low\":{},\"close\":{},\"volume\":{},\"quote_volume\":{},\"trades\":{}}}\n",
                text(&row[1]),
                text(&row[2]),
                text(&row[3]),
                text(&row[4]),
                text(&row[if is_inverse { 7 } else { 5 }]),
                if is_inverse { "null".to_owned() } else { text(&row[7]) },
                row[8],
            )
        }
        Trades(_) => {
            let side = if row["m"] == Value::Bool(true) { "sell" } else { "buy" };
            let (ts, price, amount) = (stamp(&row["T"]), text(&row["p"]), text(&row["q"]));
            format!(
                "{start},\"ts\":\"{ts}\",\"price\":{price},\"amount\":{amount},\"side\":\"{side}\",\"tid\":\"{}\"}}\n",
                row["a"]
            )
        }
        Rates(_) => {
            let mark = row["markPrice"].as_str().filter(|digits| !digits.is_empty()).unwrap_or("null");
            format!(
                "{start},\"ts\":\"{}\",\"rate\":{},\"mark_price\":{mark}}}\n",
                stamp(&row["fundingTime"]),
                text(&row["fundingRate"])
            )
        }
        _ => format!(
            "{start},\"span\":{span},\"ts\":\"{}\",\"open_interest\":{},\"open_interest_value\":{}}}\n",
            stamp(&row["timestamp"]),
            text(&row[if is_inverse { "sumOpenInterestValue" } else { "sumOpenInterest" }]),
            if is_inverse { "null".to_owned() } else { text(&row["sumOpenInterestValue"]) },
        ),
    }
}

fn book_line(id: &str, book: &Value) -> String {
    let levels = |side: &Value| {
        let levels: Vec<String> = side
            .as_array()
            .expect("levels")
            .iter()
            .map(|level| format!("[{},{}]", level[0].as_str().expect("digits"), level[1].as_str().expect("digits")))
            .collect();
        levels.join(",")
    };
    let ts = if book["T"].is_null() { "2026-01-01T00:00:00.500000000Z".to_owned() } else { stamp(&book["T"]) };
    format!(
        "{},\"ts\":\"{ts}\",\"snapshot\":true,\"bids\":[{}],\"asks\":[{}],\"seq\":{},\"recv_ts\":\"2026-01-01T00:00:00.500000000Z\"}}\n",
        beginning(id).0,
        levels(&book["bids"]),
        levels(&book["asks"]),
        book["lastUpdateId"],
    )
}

fn beginning(id: &str) -> (String, u32) {
    let dataset = dataset(id);
    let start = format!("{{\"kind\":\"{}\",\"exchange\":\"binance\",\"pair\":\"{}\"", dataset.kind(), dataset.pair());
    (start, dataset.span().map_or(0, dccd_record::Span::secs))
}

fn stamp(value: &Value) -> String {
    Ts::from_millis(value.as_i64().expect("milliseconds")).expect("believable").to_string()
}
