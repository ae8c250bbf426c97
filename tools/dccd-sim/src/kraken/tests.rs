use serde_json::Value;

use super::stamp;
use crate::clock::{DAY, HOUR, MINUTE, SECOND};
use crate::limits::LimitSettings;
use crate::tests::desk::Desk;
use crate::tests::recordings::{assert_alike, recorded};

/// 2024-01-01.
const START: i64 = 19_723 * DAY;
/// 2024-01-05T12:34:56.
const NOW: i64 = START + 4 * DAY + 12 * HOUR + 34 * MINUTE + 56 * SECOND;

fn desk(trades_per_day: i64, burst: i64) -> Desk {
    Desk::new("kraken", trades_per_day, burst, NOW)
}

fn result(desk: &Desk, target: &str) -> Value {
    let mut body = desk.json(target);
    assert_eq!(body["error"], Value::Array(Vec::new()), "{target}");
    body["result"].take()
}

fn rows(desk: &Desk, target: &str, key: &str) -> (Vec<Value>, Value) {
    let mut result = result(desk, target);
    match result[key].take() {
        Value::Array(rows) => (rows, result["last"].take()),
        other => panic!("{target}: {key} is {other}"),
    }
}

fn refusal(desk: &Desk, target: &str) -> String {
    let body = desk.json(target);
    assert!(body.get("result").is_none(), "{target}");
    body["error"][0].as_str().unwrap_or_default().to_owned()
}

#[test]
fn candles_are_the_newest_720_and_the_open_one() {
    let desk = desk(5_000, 0);
    let (all, last) = rows(&desk, "/0/public/OHLC?pair=XBTUSD&interval=1", "XXBTZUSD");
    assert_eq!(all.len(), 721);
    assert_eq!(last, all[719][0], "the last committed one");
    assert!(all.windows(2).all(|two| two[0][0].as_i64().map(|stamp| stamp + 60) == two[1][0].as_i64()));
    let quiet: Vec<&Value> = all.iter().filter(|row| row[7] == 0).collect();
    assert!(!quiet.is_empty());
    for row in quiet {
        assert!(row[1] == row[2] && row[2] == row[3] && row[3] == row[4], "{row}");
        assert_eq!((row[5].as_str(), row[6].as_str()), (Some("0.0"), Some("0.00000000")));
    }
    // Older ones do not come back, whatever is asked for.
    assert_eq!(rows(&desk, "/0/public/OHLC?pair=XBTUSD&interval=1&since=0", "XXBTZUSD").0, all);
    let since = &all[700][0];
    let (later, _) = rows(&desk, &format!("/0/public/OHLC?pair=XXBTZUSD&interval=1&since={since}"), "XXBTZUSD");
    assert_eq!(later, all[701..], "the stamp itself is left out");
}

#[test]
fn candles_go_through_outages_and_weeks_begin_on_thursday() {
    let desk = desk(5_000, 0);
    let (hours, _) = rows(&desk, "/0/public/OHLC?pair=ETHUSDT&interval=60", "ETHUSDT");
    let outage = 1_704_164_400; // 2024-01-02T03:00
    let at = hours.iter().position(|row| row[0] == outage).expect("an outage has rows");
    assert!(hours[at..at + 3].iter().all(|row| row[7] == 0));
    let (weeks, _) = rows(&desk, "/0/public/OHLC?pair=ETHUSDT&interval=10080", "ETHUSDT");
    assert!(weeks.iter().all(|row| row[0].as_i64().is_some_and(|stamp| stamp % 604_800 == 0)));
    assert_eq!(refusal(&desk, "/0/public/OHLC?pair=ETHUSDT&interval=3"), "EGeneral:Invalid arguments");
}

#[test]
fn pages_of_trades_make_up_the_candles() {
    let desk = desk(5_000, 2_500);
    let start = START + 4 * DAY;
    let (mut trades, mut since) = (Vec::new(), (start * 1_000 - 1).to_string());
    for _ in 0..50 {
        let (page, last) = rows(&desk, &format!("/0/public/Trades?pair=XBTUSD&since={since}"), "XXBTZUSD");
        let last = last.as_str().expect("text").to_owned();
        if page.is_empty() {
            assert_eq!(last, since, "nothing newer: the cursor comes back");
            break;
        }
        // Trades of one nanosecond at the edge of a page would be lost: ask again from just before it.
        let edge = last.parse::<i64>().expect("nanoseconds") - i64::from(page.len() == 1_000);
        since = edge.to_string();
        trades.extend(page);
    }
    trades.sort_by_key(|row| row[6].as_i64());
    trades.dedup_by_key(|row| row[6].as_i64());
    assert!(trades.windows(2).all(|two| two[0][6].as_i64().map(|id| id + 1) == two[1][6].as_i64()));
    let (candles, _) = rows(&desk, "/0/public/OHLC?pair=XBTUSD&interval=60", "XXBTZUSD");
    let today: Vec<&Value> = candles.iter().filter(|row| row[0].as_i64() >= Some(start / SECOND)).collect();
    assert_eq!(today.len(), 13);
    for candle in today {
        let stamp = candle[0].as_f64().expect("seconds");
        let own: Vec<&Value> = trades
            .iter()
            .filter(|row| row[2].as_f64().is_some_and(|at| (stamp..stamp + 3_600.0).contains(&at)))
            .collect();
        assert_eq!(candle[7], own.len(), "{candle}");
        let number = |value: &Value| value.as_str().and_then(|text| text.parse::<f64>().ok()).unwrap_or(-1.0);
        let volume: f64 = own.iter().map(|row| number(&row[1])).sum();
        assert!((number(&candle[6]) - volume).abs() < 1e-6, "{candle}: {volume}");
        if let (Some(first), Some(last)) = (own.first(), own.last()) {
            assert_eq!((number(&candle[1]), number(&candle[4])), (number(&first[0]), number(&last[0])));
        }
    }
}

#[test]
fn trades_begin_after_a_stamp_of_any_unit() {
    let desk = desk(5_000, 0);
    let (page, last) = rows(&desk, "/0/public/Trades?pair=XBTUSD&since=1704067200&count=50", "XXBTZUSD");
    assert_eq!(page.len(), 50);
    for scale in ["000", "000000", "000000000"] {
        let target = format!("/0/public/Trades?pair=XBTUSD&since=1704067200{scale}&count=50");
        assert_eq!(rows(&desk, &target, "XXBTZUSD").0, page, "{scale}");
    }
    let exact: i64 = last.as_str().and_then(|text| text.parse().ok()).expect("nanoseconds");
    assert_eq!(page[49][2].to_string(), stamp::float_text(exact));
    let (next, _) = rows(&desk, &format!("/0/public/Trades?pair=XBTUSD&since={exact}&count=2"), "XXBTZUSD");
    assert!(next[0][6].as_i64() > page[49][6].as_i64());
    let (same, _) = rows(&desk, &format!("/0/public/Trades?pair=XBTUSD&since={}&count=2", exact - 1), "XXBTZUSD");
    assert_eq!(same[0][2], page[49][2], "the stamp itself is left out, the one before is not");
    let (first, _) = rows(&desk, "/0/public/Trades?pair=XBTUSD&since=0&count=3", "XXBTZUSD");
    assert_eq!(first[0][6], 1);
    let (newest, _) = rows(&desk, "/0/public/Trades?pair=XBTUSD", "XXBTZUSD");
    assert_eq!(newest.len(), 1_000);
    assert!(newest[999][2].as_f64() <= Some(1_704_458_096.0));
    assert_eq!(refusal(&desk, "/0/public/Trades?pair=XBTUSD&count=1001"), "EGeneral:Invalid arguments");
    assert_eq!(refusal(&desk, "/0/public/Trades?pair=XBTUSD&since=yesterday"), "EGeneral:Invalid arguments");
}

#[test]
fn several_trades_share_a_nanosecond() {
    let desk = desk(5_000, 3_000);
    let series = desk.market.series("kraken", &"BTC/USD".parse().expect("a pair")).expect("listed");
    let ids = series.first_id_at(START)..series.first_id_at(START + DAY);
    let stamps: Vec<i64> = series.trades(ids).map(|trade| stamp::nanos(series.key(), trade.micros)).collect();
    assert!(stamps.windows(2).all(|two| two[0] <= two[1]));
    assert!(stamps.windows(2).any(|two| two[0] == two[1]));
    assert!(stamps.iter().any(|stamp| stamp % 1_000 != 0));
}

#[test]
fn answers_look_as_recorded() {
    let desk = desk(5_000, 0);
    let check = |target: &str, name: &str| {
        if let Some(recording) = recorded(name) {
            assert_alike(&desk.json(target), &recording, name);
        }
    };
    check("/0/public/Trades?pair=XBTUSDT&since=1704067200", "kraken/trades-rest-nt-xbtusdt.json");
    check("/0/public/Depth?pair=XBTUSDT", "kraken/book-rest-nt.json");
    check("/0/public/AssetPairs?pair=XBTUSDT", "kraken/symbols-rest-nt-assetpairs.json");
    if let Some(recording) = recorded("kraken/error-rest-unknown-pair.json") {
        assert_eq!(desk.json("/0/public/OHLC?pair=NOPE"), recording);
    }
    // Names are those of the exchange wherever both sides list a pair.
    if let Some(recording) = recorded("kraken/symbols-rest-assetpairs.json") {
        let pairs = result(&desk, "/0/public/AssetPairs");
        let mut both = 0;
        for (key, recorded) in recording["result"].as_object().into_iter().flatten() {
            let ours = pairs.as_object().into_iter().flatten().find(|(_, pair)| pair["altname"] == recorded["altname"]);
            let Some((own_key, own)) = ours else { continue };
            both += 1;
            assert_eq!(own_key, key);
            for field in ["wsname", "base", "quote"] {
                assert_eq!(own[field], recorded[field], "{key}");
            }
        }
        assert!(both > 50, "{both}");
    }
}

#[test]
fn pairs_say_what_became_of_them() {
    let desk = desk(2_000, 0);
    let pairs = result(&desk, "/0/public/AssetPairs");
    assert_eq!(pairs["XXBTZUSD"]["status"], "online");
    assert_eq!(pairs["RUNEUSD"]["status"], "cancel_only");
    assert!(pairs["MATICUSD"].is_null() && pairs["POLUSD"].is_object());
    assert_eq!(refusal(&desk, "/0/public/Trades?pair=MATICUSD"), "EQuery:Unknown asset pair");
    assert_eq!(refusal(&desk, "/0/public/AssetPairs?pair=XBTUSD,NOPE"), "EQuery:Unknown asset pair");
    assert_eq!(refusal(&desk, "/0/public/Moon"), "EGeneral:Unknown method");
    let before = Desk { now: START - 20 * DAY, ..desk };
    assert!(!rows(&before, "/0/public/Trades?pair=MATICUSD", "MATICUSD").0.is_empty());
    assert_eq!(result(&before, "/0/public/Assets")["XXDG"]["altname"], "XDG");
    assert_eq!(result(&before, "/0/public/Time")["rfc1123"], "Tue, 12 Dec 23 00:00:00 +0000");
    assert!(result(&before, "/0/public/Ticker?pair=XDGUSD")["XDGUSD"]["c"][0].is_string());
}

#[test]
fn too_many_requests_are_told_so_in_a_good_answer() {
    let desk = Desk::with_limits("kraken", 100, 0, NOW, &LimitSettings::default());
    for _ in 0..10 {
        assert!(!desk.ask("/0/public/Time").is_refusal);
    }
    assert!(desk.ask("/0/public/Time").is_refusal);
    assert_eq!(refusal(&desk, "/0/public/Time"), "EGeneral:Too many requests");
    let later = Desk { now: NOW + SECOND, ..desk };
    assert!(!later.ask("/0/public/Time").is_refusal);
    assert!(later.ask("/0/public/Time").is_refusal);
    let body = later.exchange.failure(200, None, "/0/public/Trades").body;
    assert_eq!(body.as_slice(), b"{\"error\":[\"EService:Unavailable\"]}");
    let page = b"{\"error\":[],\"result\":{\"XXBTZUSD\":[[1]],\"last\":\"5\"}}";
    let empty = later.exchange.empty("/0/public/Trades", page).expect("a page");
    assert_eq!(empty, b"{\"error\":[],\"result\":{\"XXBTZUSD\":[],\"last\":\"5\"}}");
}
