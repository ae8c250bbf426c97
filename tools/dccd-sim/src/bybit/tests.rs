use dccd_record::{Market as MarketKind, Pair};
use serde_json::Value;

use super::*;
use crate::bybit::instrument::{Digits, symbol};
use crate::bybit::statistics::{open_interest_text, payments, rate};
use crate::bybit::truth::{View, candle_row, trade_row};
use crate::clock::{DAY, HOUR, MINUTE};
use crate::limits::LimitSettings;
use crate::market::Series;
use crate::market::bar::Grid;
use crate::market::candle::{CandleQuery, Pick, candles};
use crate::tests::desk::Desk;
use crate::tests::recordings::{assert_alike, recorded};

/// 2024-01-01.
const START: i64 = 19_723 * DAY;
/// 2024-01-05T12:34:56.789.
const NOW: i64 = START + 4 * DAY + 12 * HOUR + 34 * MINUTE + 56_789 * MILLI;
const MARKETS: [(&str, &str); 5] = [
    ("spot", "BTCUSDT"),
    ("linear", "BTCUSDT"),
    ("linear", "ETHPERP"),
    ("inverse", "BTCUSD"),
    ("inverse", "BTCUSDH24"),
];

fn desk(trades_per_day: i64, burst: i64) -> Desk {
    Desk::new("bybit", trades_per_day, burst, NOW)
}

fn list(desk: &Desk, target: &str) -> Vec<Value> {
    let body = desk.json(target);
    assert_eq!(body["retCode"], 0, "{target}: {body}");
    body["result"]["list"].as_array().unwrap_or_else(|| panic!("{target}: {body}")).clone()
}

fn error(desk: &Desk, target: &str) -> (i64, String) {
    let body = desk.json(target);
    assert_eq!(body["result"], json!({}), "{target}: {body}");
    (body["retCode"].as_i64().unwrap_or(0), body["retMsg"].as_str().unwrap_or_default().to_owned())
}

fn series(desk: &Desk, category: &str, name: &str) -> std::sync::Arc<Series> {
    let category = Category::from_name(category).expect("a category");
    let symbols = Symbols::new(desk.market.catalogue());
    let pair = symbols.pair(category, name).expect("a symbol");
    desk.market.series(EXCHANGE, pair).expect("a series")
}

fn text(value: &Value) -> &str {
    value.as_str().expect("text")
}

/// A stamp in milliseconds, as microseconds.
fn stamp(value: &Value) -> i64 {
    text(value).parse::<i64>().expect("milliseconds") * MILLI
}

fn hours(rows: &[Value]) -> Vec<i64> {
    rows.iter().map(|row| (stamp(&row[0]) - START) / HOUR).collect()
}

#[test]
fn answers_look_like_the_recordings() {
    let desk = desk(2_000, 0);
    let check = |file: &str, target: &str| {
        if let Some(recording) = recorded(&format!("bybit/{file}.json")) {
            assert_alike(&desk.json(&format!("/v5/market/{target}")), &recording, file);
        }
    };
    check("book-rest-docs-orderbook", "orderbook?category=spot&symbol=BTCUSDT");
    check("book-rest-jk-v5api-getorderbook", "orderbook?category=linear&symbol=BTCUSDT");
    check("book-rest-spot-btcusdt-2026", "orderbook?category=spot&symbol=BTCUSDT&limit=50");
    check("error-rest-params", "kline?category=spot&symbol=NOPE&interval=1");
    check("funding-rest-docs-funding-history", "funding/history?category=linear&symbol=ETHPERP&limit=1");
    check("funding-rest-jk-v5api-getfundingratehistory", "funding/history?category=linear&symbol=ETHPERP");
    let window = "kline?category=inverse&symbol=BTCUSD&interval=60&start=1670601600000&end=1670608800000";
    check("ohlc-rest-docs-kline-inverse", window);
    check("ohlc-rest-jk-v5api-getklines", window);
    check("ohlc-rest-hb-bybit-spot-1h", "kline?category=spot&symbol=BTCUSDT&interval=60");
    check("oi-rest-docs-open-interest", "open-interest?limit=5&category=inverse&intervalTime=1d&symbol=BTCUSD");
    check("oi-rest-jk-v5api-getopeninterest", "open-interest?category=inverse&intervalTime=5min&symbol=BTCUSD");
    check("trades-rest-docs-recent-trade", "recent-trade?category=spot&symbol=BTCUSDT&limit=1");
    check("trades-rest-jk-v5api-gettradehistory", "recent-trade?category=spot&symbol=BTCUSDT&limit=1");
    if let Some(recording) = recorded("bybit/ohlc-rest-docs-kline-inverse.json") {
        let stamps = |rows: &[Value]| -> Vec<i64> { rows.iter().map(|row| stamp(&row[0])).collect() };
        let expected = stamps(recording["result"]["list"].as_array().expect("rows"));
        assert_eq!(stamps(&list(&desk, &format!("/v5/market/{window}"))), expected, "the same question");
    }
    if let Some(recording) = recorded("bybit/error-rest-params.json") {
        let ours = desk.json("/v5/market/kline?category=spot&symbol=NOPE&interval=1");
        assert_eq!(ours["retMsg"], recording["retMsg"]);
        assert_eq!(ours["retCode"], recording["retCode"]);
    }
}

#[test]
fn klines_come_newest_first_within_inclusive_bounds() {
    let desk = desk(2_000, 0);
    let at = |hour: i64| (START + hour * HOUR) / MILLI;
    let check = |query: &str, expected: &[i64]| {
        let rows = list(&desk, &format!("/v5/market/kline?category=spot&symbol=BTCUSDT&interval=60{query}"));
        assert_eq!(hours(&rows), expected, "{query}");
    };
    check(&format!("&start={}&end={}", at(1), at(4)), &[4, 3, 2, 1]);
    check(&format!("&start={}&end={}", at(1) + 1, at(4) - 1), &[3, 2, 1]);
    check(&format!("&start={}&end={}&limit=2", at(1), at(4)), &[4, 3]);
    check(&format!("&start={}&limit=2", at(1)), &[2, 1]);
    check(&format!("&end={}&limit=2", at(4)), &[4, 3]);
    check("&limit=2", &[108, 107]);
    // The outage of 2024-01-02 03:00 to 06:00 has no rows.
    check(&format!("&start={}&end={}", at(25), at(31)), &[31, 30, 26, 25]);
    let count =
        |query: &str| list(&desk, &format!("/v5/market/kline?category=spot&symbol=BTCUSDT&interval=1{query}")).len();
    assert_eq!(count(""), 200);
    assert_eq!(count("&limit=1000"), 1_000);
    assert_eq!(count("&limit=5000"), 1_000);
}

#[test]
fn klines_are_linear_unless_told_otherwise() {
    let desk = desk(2_000, 0);
    let ask = |category: &str| list(&desk, &format!("/v5/market/kline?{category}symbol=BTCUSDT&interval=D&limit=3"));
    assert_eq!(ask(""), ask("category=linear&"));
    assert_ne!(ask(""), ask("category=spot&"));
    assert_eq!(error(&desk, "/v5/market/kline?symbol=BTCUSD&interval=D").0, 10_001, "no linear symbol");
}

#[test]
fn klines_sum_up_their_trades() {
    let desk = desk(5_000, 100);
    for (category, name) in MARKETS {
        let series = series(&desk, category, name);
        let (digits, end) = (Digits::of(series.listing()), (START + 7 * HOUR) / MILLI);
        let target = format!("/v5/market/kline?category={category}&symbol={name}&interval=60&end={end}&limit=4");
        let rows = list(&desk, &target);
        assert_eq!(rows.len(), 4, "{name}");
        for row in rows {
            let start = stamp(&row[0]);
            let trades: Vec<_> = series.trades(series.first_id_at(start)..series.first_id_at(start + HOUR)).collect();
            let volume: i128 = trades.iter().map(|trade| i128::from(trade.amount)).sum();
            let turnover: i128 = trades.iter().map(|trade| trade.value).sum();
            assert_eq!(text(&row[5]), digits.amount(volume), "{name}");
            assert_eq!(text(&row[6]), digits.value(turnover), "{name}");
            let high = trades.iter().map(|trade| trade.price).max().or(series.last_price_before(start));
            assert_eq!(Some(text(&row[2])), high.map(|ticks| digits.price(ticks)).as_deref(), "{name}");
        }
    }
}

#[test]
fn quiet_buckets_have_flat_rows_and_the_newest_row_is_open() {
    let desk = desk(300, 0);
    let rows = list(&desk, "/v5/market/kline?category=spot&symbol=BTCUSDT&interval=1&limit=1000");
    assert_eq!(stamp(&rows[0][0]), NOW - NOW.rem_euclid(MINUTE), "the open one comes first");
    let flat: Vec<&Value> = rows.iter().filter(|row| row[5] == "0").collect();
    assert!(flat.len() > 100, "{}", flat.len());
    for row in flat {
        assert!(row[1] == row[2] && row[2] == row[3] && row[3] == row[4] && row[6] == "0", "{row}");
    }
}

#[test]
fn long_buckets_begin_on_monday_and_with_the_month() {
    let desk = desk(300, 0);
    let first = |interval: &str| {
        let target = format!("/v5/market/kline?category=spot&symbol=BTCUSDT&interval={interval}&limit=2");
        list(&desk, &target).iter().map(|row| (stamp(&row[0]) - START) / DAY).collect::<Vec<_>>()
    };
    assert_eq!(first("W"), [0, -7], "2024-01-01 is a Monday");
    assert_eq!(first("M"), [0, -31]);
    assert_eq!(first("D"), [4, 3]);
    assert_eq!(error(&desk, "/v5/market/kline?category=spot&symbol=BTCUSDT&interval=1h").0, 10_001);
}

#[test]
fn recent_trades_are_few_and_nothing_pages_through_them() {
    let desk = desk(5_000, 100);
    for (category, name, query, expected) in [
        ("spot", "BTCUSDT", "", 60),
        ("spot", "BTCUSDT", "&limit=1000", 60),
        ("linear", "BTCUSDT", "", 500),
        ("linear", "BTCUSDT", "&limit=5000", 1_000),
        ("inverse", "BTCUSD", "&limit=3&cursor=x&startTime=1", 3),
    ] {
        let rows = list(&desk, &format!("/v5/market/recent-trade?category={category}&symbol={name}{query}"));
        assert_eq!(rows.len(), expected, "{category}{query}");
        let series = series(&desk, category, name);
        let known = series.first_id_at(NOW + 1);
        for (row, id) in rows.iter().zip((0..known).rev()) {
            let trade = series.trades(id..id + 1).next().expect("a trade");
            let truth = trade_row(&series, &trade, View::Rest);
            assert_eq!(Some(text(&row["execId"])), truth.id.as_deref());
            assert_eq!((text(&row["price"]), text(&row["size"])), (truth.price.as_str(), truth.amount.as_str()));
            assert_eq!(stamp(&row["time"]) * 1_000, truth.nanos);
            assert_eq!(text(&row["side"]).to_lowercase(), trade.taker.name());
        }
        let is_uuid = text(&rows[0]["execId"]).split('-').count() == 5;
        assert_eq!(is_uuid, category != "spot", "{}", rows[0]);
    }
}

#[test]
fn books_are_short_unless_told_otherwise() {
    let desk = desk(300, 0);
    let check = |query: &str, expected: usize| {
        let book = desk.json(&format!("/v5/market/orderbook?{query}"))["result"].take();
        let prices = |side: &str| -> Vec<f64> {
            let levels = book[side].as_array().expect("levels");
            levels.iter().map(|level| text(&level[0]).parse().expect("a price")).collect()
        };
        let (bids, asks) = (prices("b"), prices("a"));
        assert_eq!((bids.len(), asks.len()), (expected, expected), "{query}");
        assert!(bids.windows(2).all(|two| two[0] > two[1]) && asks.windows(2).all(|two| two[0] < two[1]), "{query}");
        assert!(bids[0] < asks[0], "{query}");
    };
    check("category=spot&symbol=BTCUSDT", 1);
    check("category=linear&symbol=BTCUSDT", 25);
    check("category=inverse&symbol=BTCUSD&limit=200", 200);
    check("category=spot&symbol=BTCUSDT&limit=1000", 1_000);
    assert_eq!(error(&desk, "/v5/market/orderbook?symbol=BTCUSDT").0, 10_001, "no category");
}

#[test]
fn funding_walks_back_by_its_end() {
    let desk = desk(300, 0);
    let path = "/v5/market/funding/history?category=linear&symbol=BTCUSDT";
    assert_eq!(error(&desk, &format!("{path}&startTime=1")).0, 10_001, "a start needs an end");
    let start = START - 300 * DAY;
    let (mut found, mut end) = (Vec::new(), NOW / MILLI);
    for _ in 0..20 {
        let rows = list(&desk, &format!("{path}&startTime={}&endTime={end}", start / MILLI));
        let Some(oldest) = rows.last() else { break };
        end = stamp(&oldest["fundingRateTimestamp"]) / MILLI - 1;
        found.extend(rows);
    }
    found.reverse();
    let series = series(&desk, "linear", "BTCUSDT");
    let expected: Vec<(i64, String)> =
        payments(&series, start, NOW + 1).map(|funding| (funding.micros, rate(&funding))).collect();
    let found: Vec<(i64, String)> =
        found.iter().map(|row| (stamp(&row["fundingRateTimestamp"]), text(&row["fundingRate"]).to_owned())).collect();
    assert_eq!(found, expected);
    assert!(expected.len() > 800 && expected.iter().all(|(due, _)| due % (8 * HOUR) == 0), "{}", expected.len());
    assert_eq!(list(&desk, path).len(), 200);
    for target in ["category=spot&symbol=BTCUSDT", "category=inverse&symbol=BTCUSDH24"] {
        assert_eq!(error(&desk, &format!("/v5/market/funding/history?{target}")).0, 10_001, "{target}");
    }
}

#[test]
fn open_interest_is_walked_with_its_cursor() {
    let desk = desk(300, 0);
    for (category, name) in [("linear", "BTCUSDT"), ("inverse", "BTCUSD")] {
        let start = START / MILLI;
        let path = format!("/v5/market/open-interest?category={category}&symbol={name}&intervalTime=1h");
        let (mut found, mut cursor) = (Vec::new(), String::new());
        for _ in 0..10 {
            let body = desk.json(&format!("{path}&startTime={start}&limit=40&cursor={cursor}"));
            found.extend(body["result"]["list"].as_array().expect("rows").clone());
            body["result"]["nextPageCursor"].as_str().unwrap_or_default().clone_into(&mut cursor);
            if cursor.is_empty() {
                break;
            }
        }
        let stamps: Vec<i64> = found.iter().map(|row| (stamp(&row["timestamp"]) - START) / HOUR).collect();
        assert_eq!(stamps, (0..=108).rev().collect::<Vec<_>>(), "{name}");
        let series = series(&desk, category, name);
        for row in &found {
            let (both, single) = open_interest_text(&series, stamp(&row["timestamp"]));
            assert_eq!((text(&row["openInterest"]), text(&row["singleOpenInterest"])), (&*both, &*single));
        }
        let twice = desk.json(&format!("{path}&limit=5"))["result"]["nextPageCursor"].to_string().replace('%', "%25");
        let refused = error(&desk, &format!("{path}&cursor={}", twice.trim_matches('"')));
        assert_eq!(refused.0, 10_001, "encoded twice");
    }
    let spot = "/v5/market/open-interest?category=spot&symbol=BTCUSDT&intervalTime=1h";
    assert_eq!(error(&desk, spot).0, 10_001);
}

#[test]
fn instruments_come_in_pages_and_only_traded_ones_unasked() {
    let desk = desk(300, 0);
    let (mut found, mut cursor) = (Vec::new(), String::new());
    for _ in 0..20 {
        let target = format!("/v5/market/instruments-info?category=linear&limit=7&cursor={cursor}");
        let body = desk.json(&target);
        let rows = body["result"]["list"].as_array().expect("rows").clone();
        assert!(rows.len() <= 7);
        found.extend(rows);
        body["result"]["nextPageCursor"].as_str().unwrap_or_default().clone_into(&mut cursor);
        if cursor.is_empty() {
            break;
        }
    }
    let all = list(&desk, "/v5/market/instruments-info?category=linear");
    assert_eq!(found, all);
    assert!(all.len() > 40 && all.iter().all(|row| row["status"] == "Trading"), "{}", all.len());
    let names = |target: &str| -> Vec<String> {
        let rows = list(&desk, &format!("/v5/market/instruments-info?{target}"));
        rows.iter().map(|row| text(&row["symbol"]).to_owned()).collect()
    };
    assert_eq!(names("category=linear&symbol=LUNAUSDT"), Vec::<String>::new());
    assert_eq!(names("category=linear&symbol=LUNAUSDT&status=Closed"), ["LUNAUSDT"]);
    assert!(names("category=inverse&status=Closed").contains(&"BTCUSDZ23".to_owned()));
    let inverse = names("category=inverse&baseCoin=BTC");
    assert_eq!(inverse, ["BTCUSD", "BTCUSDH24", "BTCUSDM24"]);
    let spot = desk.json("/v5/market/instruments-info?category=spot&limit=1");
    assert!(spot["result"]["list"].as_array().is_some_and(|rows| rows.len() > 40), "spot has no pages");
    assert!(spot["result"].get("nextPageCursor").is_none());
    assert!(!names("category=spot").contains(&"LUNAUSDT".to_owned()));
}

#[test]
fn contracts_have_a_life() {
    let listing = |desk: &Desk| {
        let pair = Pair::new("BTC", "USD", MarketKind::Dated(240_329)).expect("a pair");
        desk.market.catalogue().listing(EXCHANGE, &pair).expect("a listing")
    };
    let listing = listing(&desk(300, 0));
    assert_eq!(symbol(&listing.pair), "BTCUSDH24");
    let check = |now: i64, expected: Option<&str>, is_served: bool| {
        let desk = Desk::new("bybit", 300, 0, now);
        let kinds = ["PreLaunch", "Trading", "Delivering", "Closed"];
        let is = |status: &&str| {
            let target = format!("/v5/market/instruments-info?category=inverse&symbol=BTCUSDH24&status={status}");
            !list(&desk, &target).is_empty()
        };
        assert_eq!(kinds.into_iter().find(is), expected);
        let kline = desk.json("/v5/market/kline?category=inverse&symbol=BTCUSDH24&interval=60");
        assert_eq!(kline["retCode"] == 0, is_served, "{expected:?}: {kline}");
    };
    check(listing.since - 30 * DAY, None, false);
    check(listing.since - DAY, Some("PreLaunch"), true);
    check(listing.since, Some("Trading"), true);
    check(listing.until - 1, Some("Trading"), true);
    check(listing.until, Some("Delivering"), true);
    check(listing.until + HOUR, Some("Closed"), false);
}

#[test]
fn errors_are_wrapped_in_a_good_status() {
    let desk = desk(300, 0);
    let check = |target: &str, message: &str| {
        assert_eq!(error(&desk, &format!("/v5/market/{target}")), (10_001, message.to_owned()), "{target}");
    };
    check("kline?category=linear&symbol=LUNAUSDT&interval=60", "symbol params err");
    check("recent-trade?category=spot&symbol=NOPE", "Not supported symbols");
    check("orderbook?category=spot&symbol=btcusdt", "Not supported symbols");
    check("kline?category=spot&symbol=BTCUSDT&interval=60&limit=0", "params error: limit invalid");
    check("kline?category=spot&symbol=BTCUSDT&interval=60&start=-1", "params error: start invalid");
    check("kline?category=nope&symbol=BTCUSDT&interval=60", "params error: category invalid");
    let failure = desk.exchange.failure(500, None, "/v5/market/kline");
    let body: Value = serde_json::from_slice(&failure.body).expect("JSON");
    assert_eq!((failure.status, &body["retCode"]), (500, &json!(10_016)));
    let wait = Refusal { is_ban: false, until: NOW + SECOND, retry_secs: 1 };
    let refusal = desk.exchange.refusal(wait, "/v5/market/kline");
    let body: Value = serde_json::from_slice(&refusal.body).expect("JSON");
    assert_eq!((refusal.status, refusal.is_refusal), (200, true));
    assert_eq!((&body["retCode"], &body["time"]), (&json!(10_006), &json!(NOW / MILLI)));
    let page = desk.ask("/v5/market/kline?category=spot&symbol=BTCUSDT&interval=60");
    let empty: Value = serde_json::from_slice(&desk.exchange.empty("", &page.body).expect("a list")).expect("JSON");
    assert_eq!((&empty["retCode"], &empty["result"]["list"]), (&json!(0), &json!([])));
}

#[test]
fn the_time_is_told() {
    let body = desk(300, 0).json("/v5/market/time");
    assert_eq!(body["time"], json!(NOW / MILLI));
    assert_eq!(body["result"]["timeSecond"], json!((NOW / SECOND).to_string()));
    assert_eq!(body["result"]["timeNano"], json!((NOW * 1_000).to_string()));
}

#[test]
fn who_asks_too_fast_is_out_for_ten_minutes() {
    let limits = LimitSettings { ban_secs: 1, ..LimitSettings::default() };
    let mut desk = Desk::with_limits("bybit", 300, 0, NOW - NOW % (5 * SECOND), &limits);
    for _ in 0..600 {
        assert_eq!(desk.ask("/v5/market/time").status, 200);
    }
    let refused = desk.ask("/v5/market/time");
    assert_eq!((refused.status, refused.is_refusal), (403, true));
    assert!(refused.headers.iter().all(|(name, _)| *name != "Retry-After"));
    desk.now += 600 * SECOND - 1;
    assert_eq!(desk.ask("/v5/market/kline").status, 403);
    assert_eq!(desk.ask("/trading/BTCUSDT/BTCUSDT2024-01-01.csv.gz").status, 200, "files are another host's");
    desk.now += 1;
    assert_eq!(desk.ask("/v5/market/time").status, 200);
}

#[test]
fn files_hold_the_trades_of_their_day() {
    let mut desk = desk(300, 20);
    let check = |path: &str, expected: u16| {
        let response = desk.ask(path);
        assert_eq!(response.status, expected, "{path}");
        response
    };
    for path in ["/trading/BTCUSDT/BTCUSDT2024-01-01.csv.gz", "/trading/BTCUSD/BTCUSD2024-01-01.csv.gz"] {
        assert!(check(path, 200).body.starts_with(&[0x1f, 0x8b, 8]), "{path}");
    }
    let bytes = check("/spot/BTCUSDT/BTCUSDT_2024-01-01.csv.gz", 200).body;
    assert!(bytes.starts_with(&[0x1f, 0x8b, 8]));
    check("/trading/LUNAUSDT/LUNAUSDT2022-05-12.csv.gz", 200);
    check("/trading/LUNAUSDT/LUNAUSDT2022-05-13.csv.gz", 404);
    check("/spot/BTCUSDT/BTCUSDT2024-01-01.csv.gz", 404);
    check("/trading/BTCUSDT/BTCUSDT_2024-01-01.csv.gz", 404);
    check("/trading/BTCUSDT/ETHUSDT2024-01-01.csv.gz", 404);
    check("/trading/NOPE/NOPE2024-01-01.csv.gz", 404);
    check("/trading/BTCUSDT/BTCUSDT2024-01-05.csv.gz", 404);
    desk.now = START + 5 * DAY + 4 * HOUR;
    assert_eq!(desk.ask("/trading/BTCUSDT/BTCUSDT2024-01-05.csv.gz").status, 200, "it appears some hours later");
}

#[test]
fn the_truth_is_what_is_shown() {
    let desk = desk(3_000, 50);
    for (category, name) in MARKETS {
        let series = series(&desk, category, name);
        let (digits, is_inverse) = (Digits::of(series.listing()), category == "inverse");
        let query = CandleQuery {
            from: Some(START),
            through: START + 20 * HOUR,
            now: NOW,
            seen: NOW,
            limit: 100,
            pick: Pick::Oldest,
            fill: kline::FILL,
        };
        let (start, end) = (START / MILLI, (START + 20 * HOUR) / MILLI);
        let target = format!("/v5/market/kline?category={category}&symbol={name}&interval=60&start={start}&end={end}");
        let mut rows = list(&desk, &target);
        rows.reverse();
        let candles = candles(&series, Grid::Fixed { width: HOUR, origin: 0 }, query);
        assert_eq!(rows.len(), candles.len());
        for (row, candle) in rows.iter().zip(&candles) {
            let truth = candle_row(candle, digits, is_inverse);
            let (base, quote) = if is_inverse { (6, 5) } else { (5, 6) };
            assert_eq!(stamp(&row[0]), truth.micros, "{name}");
            assert_eq!([1, 2, 3, 4].map(|at: usize| text(&row[at]).to_owned()), truth.prices, "{name}");
            assert_eq!(text(&row[base]), truth.volume, "{name}");
            assert_eq!(Some(text(&row[quote])), truth.quote_volume.as_deref(), "{name}");
        }
    }
}
