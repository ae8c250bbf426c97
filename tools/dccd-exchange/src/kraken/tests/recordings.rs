//! Every recording of Kraken's REST traffic is read to exactly its digits.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::adapter::Rows;
use crate::instrument::{Instrument, Trading};
use crate::kraken::trade::STAMP_ERROR_NANOS;
use crate::tests::recordings::{Recording, check_names, read_book, read_page, recording};
use crate::tests::{dataset, reply, ts};
use crate::{instruments, read_instruments};

/// What a recording proves.
enum Proves {
    Trades(&'static str),
    Book(&'static str),
    /// So many pairs, and so many of them that we have too.
    Pairs(usize, usize),
    /// A refusal with these words.
    Error(&'static str),
}
use Proves::{Book, Error, Pairs, Trades};

const TABLE: &[(&str, Proves)] = &[
    ("book-rest-nt", Book("kraken:book:BTC-USDT")),
    ("error-rest-unknown-pair", Error("no such symbol: EQuery:Unknown asset pair")),
    // Eleven pairs are traded in the dark.
    ("symbols-rest-assetpairs", Pairs(304, 293)),
    ("symbols-rest-nt-assetpairs", Pairs(1, 1)),
    ("trades-rest-nt-xbtusdt", Trades("kraken:trade:BTC-USDT")),
];

#[test]
fn the_table_names_every_recording() {
    check_names("kraken", TABLE.iter().map(|(name, _)| *name), |name| !name.contains("futures"));
}

#[test]
fn lines_have_the_recorded_digits() {
    for (name, proves) in TABLE {
        let Some(recording) = recording("kraken", name) else { return };
        let body = recording.body.get();
        match proves {
            Error(words) => {
                for id in ["kraken:candle:NOPE-USD:1h", "kraken:trade:NOPE-USD"] {
                    let error = read_page(id, Rows::Newest, recording.status, body).expect_err(name).to_string();
                    assert!(error.contains(words), "{name}: {error}");
                }
            }
            Pairs(all, ours) => check_pairs(&recording, *all, *ours),
            Book(id) => assert_eq!(read_book(id, 200, body).expect(name).1, book_line(id, body), "{name}"),
            Trades(id) => check_trades(id, body),
        }
    }
}

#[derive(Deserialize)]
struct Recorded {
    result: BTreeMap<String, Box<RawValue>>,
}

fn check_trades(id: &str, body: &str) {
    let recorded: Recorded = serde_json::from_str(body).expect("JSON");
    let rows = recorded.result.get("XBTUSDT").expect("its own key").get();
    let rows: Vec<Vec<&RawValue>> = serde_json::from_str(rows).expect("rows");
    let (page, lines) = read_page(id, Rows::Newest, 200, body).expect("sound");
    assert_eq!((page.rows, page.lines, rows.len()), (1000, 1000, 1000));
    assert_eq!(lines, rows.iter().map(|row| trade_line(id, row)).collect::<String>());
    // The cursor is the true time of the last row, which the row itself says no better than this.
    let cursor = recorded.result.get("last").expect("a cursor").get().trim_matches('"');
    let cursor: i64 = cursor.parse().expect("nanoseconds");
    let last = page.last.expect("a trade").ts.nanos();
    assert!((cursor - last).abs() <= STAMP_ERROR_NANOS, "{cursor} and {last}");
    assert!((cursor - last).abs() > 100, "a recording that shows why there is a margin");
}

fn trade_line(id: &str, row: &[&RawValue]) -> String {
    let text = |at: usize| row[at].get().trim_matches('"');
    let (second, fraction) = text(2).split_once('.').expect("a fraction");
    let second: i64 = second.parse().expect("seconds");
    let whole = dccd_record::Ts::from_secs(second).expect("believable").to_string();
    let whole = whole.split('.').next().expect("a second");
    let side = if text(3) == "b" { "buy" } else { "sell" };
    format!(
        "{},\"ts\":\"{whole}.{fraction:0<9}Z\",\"price\":{},\"amount\":{},\"side\":\"{side}\",\"tid\":\"{}\"}}\n",
        beginning(id),
        text(0),
        text(1),
        text(6),
    )
}

fn book_line(id: &str, body: &str) -> String {
    let value: Value = serde_json::from_str(body).expect("a book");
    let book = &value["result"]["XBTUSDT"];
    let digits = |value: &Value| value.as_str().expect("digits").to_owned();
    let levels = |side: &Value| {
        let level = |level: &Value| format!("[{},{}]", digits(&level[0]), digits(&level[1]));
        side.as_array().expect("levels").iter().map(level).collect::<Vec<_>>().join(",")
    };
    format!(
        "{},\"ts\":\"2026-01-01T00:00:00.500000000Z\",\"snapshot\":true,\"bids\":[{}],\"asks\":[{}],\"seq\":null,\"recv_ts\":\"2026-01-01T00:00:00.500000000Z\"}}\n",
        beginning(id),
        levels(&book["bids"]),
        levels(&book["asks"]),
    )
}

fn check_pairs(recording: &Recording, all: usize, ours: usize) {
    let request = instruments("kraken").expect("known").remove(0);
    let mut found = Vec::new();
    let body = recording.body.get().as_bytes();
    read_instruments("kraken", &request, &reply(recording.status, body), &mut found).expect("sound");
    assert_eq!(found.len(), all);
    assert_eq!(found.iter().filter(|pair| pair.pair.is_some()).count(), ours);
    assert!(found.iter().all(|pair| pair.trading == Trading::Open));
    let is_old = all > 100;
    let bitcoin = if is_old { "XBTUSD" } else { "XBTUSDT" };
    let expected = Instrument {
        symbol: bitcoin.to_owned(),
        pair: Some(if is_old { "BTC/USD" } else { "BTC/USDT" }.parse().expect("a pair")),
        trading: Trading::Open,
        status: if is_old { "" } else { "online" }.to_owned(),
        tick: Some("0.1".to_owned()),
        lot: Some("0.00000001".to_owned()),
        since: None,
    };
    let named = |symbol: &str| found.iter().find(|pair| pair.symbol == symbol);
    assert_eq!(named(bitcoin), Some(&expected));
    if is_old {
        let doge = named("XDGUSD").and_then(|pair| pair.pair.as_ref()).map(ToString::to_string);
        assert_eq!(doge.as_deref(), Some("DOGE/USD"));
        assert_eq!(named("XBTUSD.d").map(|dark| &dark.pair), Some(&None));
    }
}

fn beginning(id: &str) -> String {
    let dataset = dataset(id);
    format!("{{\"kind\":\"{}\",\"exchange\":\"kraken\",\"pair\":\"{}\"", dataset.kind(), dataset.pair())
}

#[test]
fn the_newest_trade_of_the_recording_is_where_it_should_be() {
    let Some(recording) = recording("kraken", "trades-rest-nt-xbtusdt") else { return };
    let (page, _) = read_page("kraken:trade:BTC-USDT", Rows::Newest, 200, recording.body.get()).expect("sound");
    let last = page.last.expect("a trade");
    assert_eq!((last.id, last.ts), (10_219_207, ts("2025-11-11T00:13:55.9822779Z")));
}
