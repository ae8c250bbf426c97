//! Every recording of Bitfinex's REST traffic is read to exactly its digits.

#![expect(clippy::print_stderr, reason = "what is not asked says why")]

use dccd_record::{Market, Ts};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::adapter::{Adapter, Rows};
use crate::bitfinex::Bitfinex;
use crate::bitfinex::symbol::{name, pair};
use crate::tests::recordings::{check_names, read_book, read_page, recording};
use crate::tests::{range, reply};
use crate::{AnswerError, Listed, Trading};

/// What a recording proves.
enum Proves {
    /// Rows of candles.
    Candles(&'static str),
    /// Rows of trades.
    Trades(&'static str),
    /// A funding rate and a value of open interest, from rows of status.
    Status,
    /// A snapshot.
    Book(&'static str),
    /// Names of what is traded: so many, and for each market so many that are ours.
    Names(Market, usize, usize),
    /// A refusal.
    Error,
    /// An answer to a question that is not asked, and why it is not.
    NotAsked(&'static str),
}
use Proves::{Book, Candles, Error, Names, NotAsked, Status, Trades};

const TABLE: &[(&str, Proves)] = &[
    ("book-rest-jk-spot-getorderbook", Book("bitfinex:book:ETH-USDT")),
    ("error-rest-ratelimit", Error),
    ("funding-rest-jk-spot-getderivativesstatushistory", Status),
    // The example is of no day's start.
    ("ohlc-rest-jk-spot-getklines", Candles("bitfinex:candle:ETH-USDT:1m")),
    ("ohlc-rest-tbtcusd-1h-oldest", Candles("bitfinex:candle:BTC-USD:1h")),
    ("symbols-rest-pub-list-pairs", Names(Market::Spot, 293, 293)),
    ("symbols-rest-pub-list-pairs-1", NotAsked("assets alone; pairs are asked for")),
    ("symbols-rest-pub-list-pairs-2", Names(Market::Perp, 35, 35)),
    ("trades-rest-jk-spot-gettradehistory", Trades("bitfinex:trade:ETH-USDT")),
];

#[test]
fn the_table_names_every_recording() {
    check_names("bitfinex", TABLE.iter().map(|(name, _)| *name), |_| true);
}

#[test]
fn lines_have_the_recorded_digits() {
    for (name, proves) in TABLE {
        let Some(recording) = recording("bitfinex", name) else { return };
        let body = recording.body.get();
        match proves {
            Candles(id) => check_rows(name, id, body, candle_line),
            Trades(id) => check_rows(name, id, body, trade_line),
            Status => check_status(body),
            Book(id) => {
                let (page, line) = read_book(id, recording.status, body).expect(name);
                assert_eq!(page.lines, 1, "{name}");
                assert_eq!(line, book_line(body), "{name}");
            }
            Names(market, count, known) => check_list(*market, *count, *known, body),
            Error => {
                let read = read_page("bitfinex:trade:BTC-USD", Rows::Newest, recording.status, body);
                let limited = AnswerError::Limited { status: 429, retry_after_secs: Some(60) };
                assert_eq!(read.expect_err(name), limited, "{name}");
            }
            NotAsked(why) => eprintln!("{name}: {why}"),
        }
    }
}

fn check_rows(name: &str, id: &str, body: &str, line: fn(&[&str]) -> String) {
    let rows: Vec<Vec<&RawValue>> = serde_json::from_str(body).expect("a list of lists");
    let expected: String = rows.iter().map(|row| line(&row.iter().map(|raw| raw.get()).collect::<Vec<_>>())).collect();
    let (page, lines) = read_page(id, Rows::From(Ts::MIN), 200, body).expect(name);
    assert!(!rows.is_empty(), "{name} proves nothing");
    assert_eq!((page.rows, lines), (rows.len(), expected), "{name}");
}

fn candle_line(row: &[&str]) -> String {
    let [time, open, close, high, low, volume] = row else { panic!("six fields: {row:?}") };
    let (pair, span) = if time.starts_with("1364") { ("BTC/USD", 3600) } else { ("ETH/USDT", 60) };
    let ts = stamp(time).replace(".000000000Z", "Z");
    format!(
        "{{\"kind\":\"candle\",\"exchange\":\"bitfinex\",\"pair\":\"{pair}\",\"span\":{span},\"ts\":\"{ts}\",\"open\":{open},\"high\":{high},\"low\":{low},\"close\":{close},\"volume\":{volume},\"quote_volume\":null,\"trades\":null}}\n"
    )
}

fn trade_line(row: &[&str]) -> String {
    let [id, time, amount, price] = row else { panic!("four fields: {row:?}") };
    let (side, amount) = amount.strip_prefix('-').map_or(("buy", *amount), |amount| ("sell", amount));
    let ts = stamp(time);
    format!(
        "{{\"kind\":\"trade\",\"exchange\":\"bitfinex\",\"pair\":\"ETH/USDT\",\"ts\":\"{ts}\",\"price\":{price},\"amount\":{amount},\"side\":\"{side}\",\"tid\":\"{id}\"}}\n"
    )
}

fn book_line(body: &str) -> String {
    let rows: Vec<[&RawValue; 3]> = serde_json::from_str(body).expect("levels");
    let side = |is_ask: bool| {
        let levels: Vec<String> = rows
            .iter()
            .filter(|[_, _, amount]| amount.get().starts_with('-') == is_ask)
            .map(|[price, count, amount]| {
                format!("[{},{},{}]", price.get(), amount.get().trim_start_matches('-'), count.get())
            })
            .collect();
        levels.join(",")
    };
    format!(
        "{{\"kind\":\"book\",\"exchange\":\"bitfinex\",\"pair\":\"ETH/USDT\",\"ts\":\"2026-01-01T00:00:00.500000000Z\",\"snapshot\":true,\"bids\":[{}],\"asks\":[{}],\"seq\":null,\"recv_ts\":\"2026-01-01T00:00:00.500000000Z\"}}\n",
        side(false),
        side(true),
    )
}

/// The recorded status names midnight as the next payment, and a rate; a status after that settles it.
fn check_status(body: &str) {
    let rows: Vec<Vec<Value>> = serde_json::from_str(body).expect("rows");
    let [row] = rows.as_slice() else { panic!("one row: {rows:?}") };
    let (paid, rate, interest) = (row[7].to_string(), row[11].to_string(), row[17].to_string());
    let lists: Vec<&RawValue> = serde_json::from_str(body).expect("rows");
    let recorded = lists.first().expect("a row").get();
    let moved_on = recorded.replace(&row[0].to_string(), "1570579260000").replace(&paid, "1570608000000");
    let both = format!("[{recorded},{moved_on}]");
    let (page, lines) = read_page("bitfinex:funding:ETH-USDT_PERP", Rows::From(Ts::MIN), 200, &both).expect("sound");
    let expected = format!(
        "{{\"kind\":\"funding\",\"exchange\":\"bitfinex\",\"pair\":\"ETH/USDT:perp\",\"ts\":\"{}\",\"rate\":{rate},\"mark_price\":null}}\n",
        stamp(&paid)
    );
    assert_eq!((page.rows, page.lines, lines), (2, 1, expected));
    let asked = Rows::Within(range("2019-10-08T23:50:00Z", "2019-10-09T00:05:00Z"));
    let (page, lines) = read_page("bitfinex:open_interest:ETH-USDT_PERP:5m", asked, 200, body).expect("sound");
    let expected = format!(
        "{{\"kind\":\"open_interest\",\"exchange\":\"bitfinex\",\"pair\":\"ETH/USDT:perp\",\"span\":300,\"ts\":\"2019-10-08T23:55:00.000000000Z\",\"open_interest\":{interest},\"open_interest_value\":null}}\n"
    );
    assert_eq!((page.rows, page.lines, lines), (1, 1, expected));
}

fn check_list(market: Market, count: usize, known: usize, body: &str) {
    let requests = Bitfinex.instruments();
    let request = requests.get(usize::from(market != Market::Spot)).expect("two lists");
    let mut found = Vec::new();
    let listed = Bitfinex.read_instruments(request, &reply(200, body.as_bytes()), &mut found);
    assert_eq!(listed, Ok(Listed::All));
    let names: Vec<Vec<String>> = serde_json::from_str(body).expect("names");
    let names = names.concat();
    let ours = found.iter().filter(|instrument| instrument.pair.is_some()).count();
    assert_eq!((names.len(), found.len(), ours), (count, count, known), "{market:?}");
    for (instrument, listed) in found.iter().zip(&names) {
        assert_eq!((instrument.symbol.as_str(), instrument.trading), (format!("t{listed}").as_str(), Trading::Open));
        let ours = instrument.pair.as_ref().map(name);
        assert!(ours.is_none_or(|ours| ours == *listed), "{instrument:?}");
    }
}

#[test]
fn a_book_has_both_its_sides() {
    let body = include_str!("../../../fixtures/bitfinex/book-p0.json");
    let (_, line) = read_book("bitfinex:book:ETH-USD", 200, body).expect("sound");
    let sides =
        "\"bids\":[[219.11,18.10913638,3],[219.1,0.00005,1],[218.99,61,12]],\"asks\":[[219.12,7.5,2],[219.2,0.25,1]],";
    assert!(line.contains(sides), "{line}");
}

#[test]
fn the_newest_trades_are_turned() {
    let body = include_str!("../../../fixtures/bitfinex/trades-newest.json");
    let (page, lines) = read_page("bitfinex:trade:BTC-USD", Rows::Newest, 200, body).expect("sound");
    let ends: Vec<&str> = lines.lines().filter_map(|line| line.split_once("\"price\":").map(|(_, end)| end)).collect();
    assert_eq!((page.rows, page.last.map(|last| last.id)), (3, Some(5_690_221_201)));
    assert_eq!(
        ends,
        [
            "102568,\"amount\":0.000012,\"side\":\"sell\",\"tid\":\"5690221150\"}",
            "102569.5,\"amount\":0.5,\"side\":\"buy\",\"tid\":\"5690221198\"}",
            "102570,\"amount\":0.00991467,\"side\":\"sell\",\"tid\":\"5690221201\"}",
        ]
    );
}

#[test]
fn names_go_there_and_back() {
    let check = |ours: &str, theirs: &str| {
        let expected: dccd_record::Pair = ours.parse().expect("a pair");
        assert_eq!(name(&expected), theirs);
        assert_eq!(pair(theirs, expected.market()), Some(expected), "{theirs}");
    };
    check("BTC/USD", "BTCUSD");
    check("BTC/USDT", "BTCUST");
    check("USDT/USD", "USTUSD");
    check("DOGE/USD", "DOGE:USD");
    check("AVAX/USDT", "AVAX:UST");
    check("DASH/BTC", "DSHBTC");
    check("TESTBTC/TESTUSD", "TESTBTC:TESTUSD");
    check("BTC/USDT:perp", "BTCF0:USTF0");
    check("DOT/BTC:perp", "DOTF0:BTCF0");
    check("ALGO/USDT:perp", "ALGF0:USTF0");
    check("EUROPE50IX/USDT:perp", "EUROPE50IXF0:USTF0");
    // What could not be asked for again has no pair.
    for theirs in ["BTC:USD", "BTCUSDX", "B", "", "€€", "BTC:", ":", "btcusd", "USDTUSD", "USDT:USD"] {
        assert_eq!(pair(theirs, Market::Spot), None, "{theirs}");
    }
    for theirs in ["BTCUSD", "BTC:USTF0", "BTCF0USTF0", "F0:F0"] {
        assert_eq!(pair(theirs, Market::Perp), None, "{theirs}");
    }
}

fn stamp(millis: &str) -> String {
    Ts::from_millis(millis.trim().parse().expect("milliseconds")).expect("believable").to_string()
}
