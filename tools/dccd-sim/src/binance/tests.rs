mod futures;

use std::io::Read;

use serde_json::Value;

use super::*;
use crate::clock::{DAY, HOUR, MINUTE, SECOND};
use crate::http::Request;
use crate::limits::LimitSettings;
use crate::market::Settings;
use crate::market::catalogue::Catalogue;

/// 2024-01-01.
const START: i64 = 19_723 * DAY;
/// 2024-01-05T12:34:56.789.
const NOW: i64 = START + 4 * DAY + 12 * HOUR + 34 * MINUTE + 56_789 * MILLI;

struct Desk {
    market: Market,
    binance: Binance,
    now: i64,
}

impl Desk {
    fn new(trades_per_day: i64, burst: i64, now: i64) -> Desk {
        let market = Market::new(Settings { seed: 1, trades_per_day, burst }, Catalogue::new([]));
        let limits = LimitSettings { is_off: true, ban_secs: 1, ..LimitSettings::default() };
        let binance = Binance::open(&market, Limits::new(LIMITS, &limits));
        Desk { market, binance, now }
    }

    fn ask(&self, target: &str) -> Response {
        let text = format!("GET {target} HTTP/1.1\r\nHost: sim\r\n\r\n");
        let request = Request::read(&mut text.as_bytes()).ok().flatten().expect("a request");
        let moment = Moment { now: self.now, seen: self.now, limits_now: self.now };
        self.binance.answer(&self.market, &request, moment).expect("a path of the exchange")
    }

    fn json(&self, target: &str) -> Value {
        let response = self.ask(target);
        serde_json::from_slice(&response.body).expect("JSON")
    }

    fn rows(&self, target: &str) -> Vec<Value> {
        match self.json(target) {
            Value::Array(rows) => rows,
            other => panic!("{target}: {other}"),
        }
    }

    fn csv(&self, path: &str) -> Vec<String> {
        let response = self.ask(path);
        assert_eq!(response.status, 200, "{path}");
        let mut zip = zip::ZipArchive::new(std::io::Cursor::new(response.body.to_vec())).expect("a zip");
        let mut text = String::new();
        zip.by_index(0).expect("one file").read_to_string(&mut text).expect("text");
        text.lines().map(str::to_owned).collect()
    }
}

fn millis(instant: i64) -> i64 {
    instant / MILLI
}

fn opens(rows: &[Value]) -> Vec<i64> {
    rows.iter().map(|row| row[0].as_i64().expect("an open time")).collect()
}

/// A spot number in 1/10^8, so that sums are exact.
fn exact(value: &Value) -> i128 {
    let digits: String = value.as_str().expect("a number in a string").chars().filter(|c| *c != '.').collect();
    digits.parse().expect("digits")
}

#[test]
fn kline_bounds_are_inclusive_and_compared_with_the_open_time() {
    let desk = Desk::new(2_000, 0, NOW);
    let check = |query: &str, expected: &[i64]| {
        let rows = desk.rows(&format!("/api/v3/klines?symbol=BTCUSDT&interval=1h{query}"));
        let hours: Vec<i64> = opens(&rows).iter().map(|open| (open - millis(START)) / 3_600_000).collect();
        assert_eq!(hours, expected, "{query}");
    };
    let at = |hours: i64| millis(START + hours * HOUR);
    check(&format!("&startTime={}&endTime={}", at(5), at(5)), &[5]);
    check(&format!("&startTime={}&endTime={}", at(5) + 1, at(7)), &[6, 7]);
    check(&format!("&startTime={}&endTime={}", at(5), at(7) - 1), &[5, 6]);
    check(&format!("&startTime={}&endTime={}&limit=2", at(5), at(9)), &[5, 6]);
    check(&format!("&endTime={}&limit=2", at(9)), &[8, 9]);
    check("&limit=2", &[107, 108]);
    check(&format!("&startTime={}", at(107)), &[107, 108]);
    check(&format!("&startTime={}", at(109)), &[]);
    check(&format!("&startTime={}&endTime={}", at(9), at(7)), &[]);
    // The outage of 2024-01-02 03:00 to 06:00 has no rows.
    check(&format!("&startTime={}&limit=3", at(26)), &[26, 30, 31]);
    // Microseconds are understood on spot.
    check(&format!("&startTime={}&endTime={}", at(5) * 1_000, at(6) * 1_000), &[5, 6]);
}

#[test]
fn klines_have_the_documented_shape() {
    let desk = Desk::new(2_000, 0, NOW);
    let target = format!("/api/v3/klines?symbol=BTCUSDT&interval=1m&startTime={}&limit=1000", millis(START));
    let rows = desk.rows(&target);
    assert_eq!(rows.len(), 1_000);
    for row in &rows {
        let fields = row.as_array().expect("an array");
        assert_eq!(fields.len(), 12);
        assert_eq!(row[6].as_i64(), row[0].as_i64().map(|open| open + 59_999));
        assert!(fields[1..5].iter().all(|price| price.as_str().is_some_and(|text| text.ends_with("000000"))), "{row}");
        assert!(exact(&row[3]) <= exact(&row[1]) && exact(&row[1]) <= exact(&row[2]));
    }
    let quiet: Vec<&Value> = rows.iter().filter(|row| row[8] == 0).collect();
    assert!(!quiet.is_empty());
    assert!(quiet.iter().all(|row| row[1] == row[4] && row[2] == row[3] && row[5] == "0.00000000"));
    assert_eq!(desk.rows(&target.replace("limit=1000", "limit=5000")).len(), 1_000);
    let futures = target.replace("/api/v3", "/fapi/v1").replace("limit=1000", "limit=1500");
    assert_eq!(desk.rows(&futures).len(), 1_500);
    assert_eq!(desk.rows(&target.replace("&limit=1000", "")).len(), 500);
}

#[test]
fn pages_by_id_give_every_trade_and_make_up_the_candles() {
    let desk = Desk::new(5_000, 2_500, NOW);
    let day = START + 3 * DAY;
    let window = format!("startTime={}&endTime={}", millis(day), millis(day + DAY) - 1);
    let mut trades = desk.rows(&format!("/api/v3/aggTrades?symbol=BTCUSDT&limit=1000&{window}"));
    loop {
        let next = trades.last().and_then(|row| row["a"].as_i64()).expect("an id") + 1;
        let page = desk.rows(&format!("/api/v3/aggTrades?symbol=BTCUSDT&limit=1000&fromId={next}"));
        let inside: Vec<Value> = page.into_iter().filter(|row| row["T"].as_i64() < Some(millis(day + DAY))).collect();
        if inside.is_empty() {
            break;
        }
        trades.extend(inside);
    }
    assert!(trades.windows(2).all(|two| two[0]["l"].as_i64().map(|last| last + 1) == two[1]["f"].as_i64()));
    assert!(trades.windows(2).all(|two| two[0]["T"].as_i64() <= two[1]["T"].as_i64()));
    let candles = desk.rows(&format!("/api/v3/klines?symbol=BTCUSDT&interval=1h&{window}"));
    assert_eq!(candles.len(), 24);
    for candle in &candles {
        let own: Vec<&Value> = trades
            .iter()
            .filter(|row| candle[0].as_i64() <= row["T"].as_i64() && row["T"].as_i64() <= candle[6].as_i64())
            .collect();
        let volume: i128 = own.iter().map(|row| exact(&row["q"])).sum();
        let bought: i128 = own.iter().filter(|row| row["m"] == false).map(|row| exact(&row["q"])).sum();
        let quote: i128 = own.iter().map(|row| exact(&row["q"]) * exact(&row["p"])).sum();
        let count: i64 = own.iter().filter_map(|row| Some(row["l"].as_i64()? - row["f"].as_i64()? + 1)).sum();
        assert_eq!((exact(&candle[5]), exact(&candle[9])), (volume, bought));
        assert_eq!(exact(&candle[7]) * 100_000_000, quote);
        assert_eq!(candle[8], count);
        if let (Some(first), Some(last)) = (own.first(), own.last()) {
            assert_eq!((&candle[1], &candle[4]), (&first["p"], &last["p"]));
            assert_eq!(Some(exact(&candle[2])), own.iter().map(|row| exact(&row["p"])).max());
            assert_eq!(Some(exact(&candle[3])), own.iter().map(|row| exact(&row["p"])).min());
        }
    }
}

#[test]
fn windows_of_trades_are_inclusive_and_never_pass_now() {
    let desk = Desk::new(20_000, 0, NOW);
    let ask = |query: &str| desk.rows(&format!("/api/v3/aggTrades?symbol=BTCUSDT{query}"));
    let some = ask(&format!("&startTime={}&limit=5", millis(START)));
    let (first, last) = (some[0]["T"].as_i64().expect("T"), some[4]["T"].as_i64().expect("T"));
    let window = ask(&format!("&startTime={first}&endTime={last}"));
    assert_eq!(window[..5], some[..]);
    assert!(window.iter().all(|row| row["T"].as_i64() <= Some(last)));
    let before = ask(&format!("&endTime={last}&limit=1000"));
    assert_eq!(before.last().map(|row| &row["T"]), Some(&some[4]["T"]));
    assert_eq!(before.len(), 1_000);
    let newest = ask("");
    assert_eq!(newest.len(), 500);
    assert!(newest.iter().all(|row| row["T"].as_i64() <= Some(millis(NOW))));
    let next = newest.last().and_then(|row| row["a"].as_i64()).expect("an id") + 1;
    assert!(ask(&format!("&fromId={next}")).is_empty());
    assert!(ask(&format!("&startTime={}", millis(NOW) + 1)).is_empty());
    assert_eq!(ask("&fromId=0&limit=1")[0]["a"], 0);
}

#[test]
fn raw_trades_are_the_parts_of_aggregate_trades() {
    let desk = Desk::new(2_000, 0, NOW);
    let aggregates = desk.rows("/api/v3/aggTrades?symbol=ETHBTC&fromId=1000&limit=50");
    let (first, last) = (aggregates[0]["f"].as_i64().expect("f"), aggregates[49]["l"].as_i64().expect("l"));
    let limit = last - first + 1;
    let raw = desk.rows(&format!("/api/v3/historicalTrades?symbol=ETHBTC&fromId={first}&limit={limit}"));
    assert_eq!(raw.len(), usize::try_from(limit).expect("a small number"));
    for aggregate in &aggregates {
        let own: Vec<&Value> = raw
            .iter()
            .filter(|row| {
                aggregate["f"].as_i64() <= row["id"].as_i64() && row["id"].as_i64() <= aggregate["l"].as_i64()
            })
            .collect();
        assert_eq!(own.iter().map(|row| exact(&row["qty"])).sum::<i128>(), exact(&aggregate["q"]));
        assert!(own.iter().all(|row| row["price"] == aggregate["p"] && row["time"] == aggregate["T"]));
    }
    let recent = desk.rows("/api/v3/trades?symbol=ETHBTC&limit=7");
    assert_eq!(recent.len(), 7);
    assert_eq!(recent, desk.rows("/api/v3/historicalTrades?symbol=ETHBTC&limit=7"));
}

#[test]
fn refusals_have_the_documented_codes() {
    let desk = Desk::new(2_000, 0, NOW);
    let check = |target: &str, status: u16, code: i64| {
        let response = desk.ask(target);
        let body: Value = serde_json::from_slice(&response.body).expect("JSON");
        assert_eq!((response.status, body["code"].as_i64()), (status, Some(code)), "{target}: {body}");
    };
    check("/api/v3/klines?symbol=XXXYYY&interval=1h", 400, -1121);
    check("/api/v3/klines?symbol=btcusdt&interval=1h", 400, -1100);
    check("/api/v3/klines?symbol=BTCUSDT&interval=7h", 400, -1120);
    check("/fapi/v1/klines?symbol=BTCUSDT&interval=1s", 400, -1120);
    check("/api/v3/klines?symbol=BTCUSDT", 400, -1102);
    check("/api/v3/klines?interval=1h", 400, -1102);
    check("/api/v3/klines?symbol=BTCUSDT&interval=1h&limit=0", 400, -1130);
    check("/fapi/v1/klines?symbol=BTCUSDT&interval=1h&limit=1501", 400, -1130);
    check("/api/v3/klines?symbol=BTCUSDT&interval=1h&startTime=-5", 400, -1100);
    check("/api/v3/klines?symbol=BTCUSDT&interval=1h&startTime=9223372036854775807", 400, -1130);
    check("/api/v3/klines?symbol=BTCUSDT&interval=1h&since=5", 400, -1104);
    check("/api/v3/aggTrades?symbol=BTCUSDT&fromId=1&startTime=1", 400, -1128);
    check("/fapi/v1/aggTrades?symbol=BTCUSDT&startTime=1704067200000&endTime=1704070800001", 400, -1127);
    check("/fapi/v1/historicalTrades?symbol=BTCUSDT", 401, -2014);
    check("/fapi/v1/depth?symbol=BTCUSDT&limit=30", 400, -1130);
    check("/futures/data/openInterestHist?symbol=BTCUSDT&period=3m", 400, -1130);
    check("/futures/data/openInterestHist?symbol=BTCUSDT&period=5m&startTime=1600000000000", 400, -1130);
    check("/fapi/v1/continuousKlines?pair=BTCUSDT&contractType=ETERNAL&interval=1h", 400, -1130);
}

#[test]
fn books_have_the_levels_that_were_asked_for() {
    let desk = Desk::new(2_000, 0, NOW);
    let book = desk.json("/api/v3/depth?symbol=BTCUSDT");
    assert_eq!(book["bids"].as_array().map(Vec::len), Some(100));
    assert!(book["E"].is_null());
    let book = desk.json("/api/v3/depth?symbol=BTCUSDT&limit=9999");
    assert_eq!(book["asks"].as_array().map(Vec::len), Some(5_000));
    let book = desk.json("/fapi/v1/depth?symbol=BTCUSDT&limit=5");
    assert_eq!(book["bids"].as_array().map(Vec::len), Some(5));
    assert_eq!(book["E"], millis(NOW));
    assert!(exact(&book["bids"][0][0]) < exact(&book["asks"][0][0]));
}

#[test]
fn funding_pages_ascend_within_inclusive_bounds() {
    let desk = Desk::new(2_000, 0, NOW);
    let ask = |query: &str| desk.rows(&format!("/fapi/v1/fundingRate?symbol=BTCUSDT{query}"));
    let all = ask(&format!("&startTime={}&endTime={}", millis(START), millis(START + 4 * DAY) - 1));
    assert_eq!(all.len(), 12);
    let (second, third) = (all[1]["fundingTime"].as_i64().expect("ms"), all[2]["fundingTime"].as_i64().expect("ms"));
    assert_eq!(ask(&format!("&startTime={second}&endTime={third}")), all[1..3]);
    assert_eq!(ask(&format!("&startTime={second}&limit=2")), all[1..3]);
    assert_eq!(ask(&format!("&endTime={third}&limit=2")), all[1..3]);
    assert_eq!(ask("").len(), 100);
    let old = ask("&startTime=1600128000000&limit=1");
    assert!(old[0]["markPrice"].is_null() && old[0]["fundingRate"].is_string());
    assert_eq!(ask("&startTime=1640995200000&limit=1")[0]["markPrice"], "");
}

#[test]
fn open_interest_gives_the_newest_rows_of_a_window() {
    let desk = Desk::new(2_000, 0, NOW);
    let ask = |query: &str| desk.rows(&format!("/futures/data/openInterestHist?symbol=BTCUSDT&period=5m{query}"));
    let (start, end) = (millis(START), millis(START + 10 * HOUR));
    let stamps = |rows: &[Value]| -> Vec<i64> { rows.iter().filter_map(|row| row["timestamp"].as_i64()).collect() };
    let page = stamps(&ask(&format!("&startTime={start}&endTime={end}&limit=100")));
    let expected: Vec<i64> = (0..100).rev().map(|at| end - at * 300_000).collect();
    assert_eq!(page, expected);
    assert_eq!(stamps(&ask(&format!("&startTime={start}&endTime={}", start + 600_000))).len(), 3);
    assert_eq!(ask("").len(), 30);
    assert!(stamps(&ask("")).iter().all(|stamp| *stamp <= millis(NOW)));
}

#[test]
fn archive_files_hold_what_rest_shows() {
    let desk = Desk::new(3_000, 0, NOW);
    let day = START + DAY;
    let window = format!("startTime={}&endTime={}", millis(day), millis(day + DAY) - 1);
    let candles = desk.rows(&format!("/api/v3/klines?symbol=BTCUSDT&interval=15m&limit=1000&{window}"));
    let file = desk.csv("/data/spot/daily/klines/BTCUSDT/15m/BTCUSDT-15m-2024-01-02.zip");
    let joined: Vec<String> = candles.iter().map(|row| row.to_string().replace(['[', ']', '"'], "")).collect();
    assert_eq!(file, joined);
    assert_eq!(file.len(), 84, "three hours of outage are left out");

    let first = desk.rows(&format!("/fapi/v1/aggTrades?symbol=BTCUSDT&limit=1&startTime={}", millis(day)));
    let file = desk.csv("/data/futures/um/daily/aggTrades/BTCUSDT/BTCUSDT-aggTrades-2024-01-02.zip");
    let row: Vec<&str> = file[1].split(',').collect();
    assert!(file[0].starts_with("agg_trade_id,"));
    assert_eq!((row[0], row[5]), (first[0]["a"].to_string().as_str(), first[0]["T"].to_string().as_str()));
    assert!(file.iter().skip(1).all(|line| line.ends_with("true") || line.ends_with("false")));
}

#[test]
fn spot_files_are_in_microseconds_from_2025_on() {
    // 2025-02-03 was the first Monday of its month.
    let desk = Desk::new(500, 0, 20_122 * DAY);
    let stamp = |path: &str, column: usize| {
        let rows = desk.csv(path);
        rows[rows.len() - 1].split(',').nth(column).map_or(0, str::len)
    };
    assert_eq!(stamp("/data/spot/daily/aggTrades/BTCUSDT/BTCUSDT-aggTrades-2024-12-31.zip", 5), 13);
    assert_eq!(stamp("/data/spot/daily/aggTrades/BTCUSDT/BTCUSDT-aggTrades-2025-01-01.zip", 5), 16);
    assert_eq!(stamp("/data/spot/monthly/klines/BTCUSDT/1mo/BTCUSDT-1mo-2025-01.zip", 6), 16);
    assert_eq!(stamp("/data/futures/um/daily/trades/BTCUSDT/BTCUSDT-trades-2025-01-01.zip", 4), 13);
    assert_eq!(stamp("/data/futures/um/monthly/fundingRate/BTCUSDT/BTCUSDT-fundingRate-2025-01.zip", 0), 13);
    assert_eq!(desk.csv("/data/futures/um/daily/metrics/BTCUSDT/BTCUSDT-metrics-2025-01-01.zip").len(), 289);
    let spot = desk.csv("/data/spot/daily/aggTrades/BTCUSDT/BTCUSDT-aggTrades-2025-01-01.zip");
    assert!(spot.iter().all(|line| line.ends_with(",True,True") || line.ends_with(",False,True")));
}

#[test]
fn archive_files_appear_when_their_time_has_come() {
    let status = |now: i64, path: &str| Desk::new(100, 0, now).ask(path).status;
    let daily = "/data/spot/daily/klines/BTCUSDT/1h/BTCUSDT-1h-2024-01-31.zip";
    assert_eq!(status(START + 31 * DAY - SECOND, daily), 404);
    assert_eq!(status(START + 31 * DAY, daily), 200);
    // The first Monday of February 2024 was the 5th.
    let monthly = "/data/spot/monthly/klines/BTCUSDT/1h/BTCUSDT-1h-2024-01.zip.CHECKSUM";
    assert_eq!(status(START + 35 * DAY - SECOND, monthly), 404);
    assert_eq!(status(START + 35 * DAY, monthly), 200);
    let check = |path: &str| assert_eq!(status(START + 35 * DAY, path), 404, "{path}");
    check("/data/spot/monthly/klines/BTCUSDT/1M/BTCUSDT-1M-2024-01.zip");
    check("/data/spot/daily/klines/BTCUSDT/1h/BTCUSDT-1h-2024-01.zip");
    check("/data/spot/daily/klines/BTCUSDT/1h/BTCUSDT-1h-2024-02-30.zip");
    check("/data/spot/daily/klines/BTCUSDT/1h/ETHUSDT-1h-2024-01-01.zip");
    check("/data/spot/daily/klines/BTCUSDT/1h/BTCUSDT-1h-2017-08-16.zip");
    check("/data/spot/daily/metrics/BTCUSDT/BTCUSDT-metrics-2024-01-01.zip");
    check("/data/spot/");
}

#[test]
fn microseconds_are_shown_to_those_who_ask() {
    let desk = Desk::new(2_000, 0, NOW);
    let text = "GET /api/v3/aggTrades?symbol=BTCUSDT&limit=1 HTTP/1.1\r\nX-MBX-TIME-UNIT: MICROSECOND\r\n\r\n";
    let request = Request::read(&mut text.as_bytes()).ok().flatten().expect("a request");
    let moment = Moment { now: NOW, seen: NOW, limits_now: NOW };
    let response = desk.binance.answer(&desk.market, &request, moment).expect("a path of the exchange");
    let rows: Value = serde_json::from_slice(&response.body).expect("JSON");
    let usual = desk.rows("/api/v3/aggTrades?symbol=BTCUSDT&limit=1");
    assert_eq!(rows[0]["T"].as_i64().map(|micros| micros / 1_000), usual[0]["T"].as_i64());
}
