use std::sync::Arc;

use dccd_record::{Market as MarketKind, Pair};
use serde_json::{Value, json};

use super::*;
use crate::clock::{DAY, HOUR, MINUTE, SECOND};
use crate::limits::LimitSettings;
use crate::market::Series;
use crate::market::bar::Grid;
use crate::market::candle::{CandleQuery, Pick, candles as candles_of};
use crate::okx::instrument::Digits;
use crate::okx::statistics::{open_interest_text, payments, realized_rate};
use crate::okx::truth::{candle_row, trade_row};
use crate::tests::desk::Desk;
use crate::tests::recordings::{assert_alike, recorded};
use crate::truth::Door;

/// 2024-01-01.
const START: i64 = 19_723 * DAY;
/// 2024-01-05T12:34:56.789.
const NOW: i64 = START + 4 * DAY + 12 * HOUR + 34 * MINUTE + 56_789 * MILLI;
/// With what a contract is worth, and whether that is US dollars.
const MARKETS: [(&str, f64, bool); 7] = [
    ("BTC-USDT", 1.0, false),
    ("BTC-USDT-SWAP", 0.01, false),
    ("DOGE-USDT-SWAP", 1_000.0, false),
    ("ETH-USDT-240329", 0.1, false),
    ("BTC-USD-SWAP", 100.0, true),
    ("ETH-USD-SWAP", 10.0, true),
    ("BTC-USD-240329", 100.0, true),
];

fn desk(trades_per_day: i64, burst: i64) -> Desk {
    Desk::new("okx", trades_per_day, burst, NOW)
}

fn rows(desk: &Desk, target: &str) -> Vec<Value> {
    let body = desk.json(&format!("/api/v5/{target}"));
    assert_eq!(body["code"], "0", "{target}: {body}");
    body["data"].as_array().unwrap_or_else(|| panic!("{target}: {body}")).clone()
}

fn error(desk: &Desk, target: &str) -> (u16, String) {
    let response = desk.ask(&format!("/api/v5/{target}"));
    let body: Value = serde_json::from_slice(&response.body).expect("JSON");
    assert_eq!(body["data"], json!([]), "{target}: {body}");
    (response.status, body["code"].as_str().unwrap_or_default().to_owned())
}

fn series(desk: &Desk, name: &str) -> Arc<Series> {
    let names = Names::new(desk.market.catalogue());
    desk.market.series(EXCHANGE, names.pair(name).expect("a name")).expect("a series")
}

fn text(value: &Value) -> &str {
    value.as_str().expect("text")
}

fn number(value: &Value) -> f64 {
    text(value).parse().expect("a number")
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
        if let Some(recording) = recorded(&format!("okx/{file}.json")) {
            assert_alike(&desk.json(&format!("/api/v5/{target}")), &recording, file);
        }
    };
    check("book-rest-jk-unifiedapi-getorderbook", "market/books?instId=BTC-USDT");
    check("book-rest-nt", "market/books?instId=BTC-USDT&sz=3");
    check("error-rest-instrument", "market/candles?instId=NOPE-USDT");
    check("funding-rest-jk-unifiedapi-getfundingratehistory", "public/funding-rate-history?instId=BTC-USD-SWAP");
    check("ohlc-rest-hb-okx-spot-1h", "market/candles?instId=BTC-USDT&bar=1H");
    check("ohlc-rest-jk-unifiedapi-getklinehistory", "market/history-candles?instId=BTC-USDT");
    check("oi-rest-jk-unifiedapi-getopeninterests", "public/open-interest?instType=SWAP&instId=BTC-USDT-SWAP");
    check("trades-rest-jk-unifiedapi-getrecenttrades", "market/trades?instId=BTC-USDT");
    if let Some(recording) = recorded("okx/error-rest-instrument.json") {
        assert_eq!(desk.json("/api/v5/market/candles?instId=NOPE-USDT"), recording);
    }
}

#[test]
fn candles_come_newest_first_between_exclusive_bounds() {
    let desk = desk(2_000, 0);
    let at = |hour: i64| (START + hour * HOUR) / MILLI;
    let check = |query: &str, expected: &[i64]| {
        for path in ["candles", "history-candles"] {
            let found = rows(&desk, &format!("market/{path}?instId=BTC-USDT&bar=1H{query}"));
            assert_eq!(hours(&found), expected, "{path}{query}");
        }
    };
    check(&format!("&after={}&before={}", at(5), at(1)), &[4, 3, 2]);
    check(&format!("&after={}&before={}", at(5), at(1) - 1), &[4, 3, 2, 1]);
    check(&format!("&after={}&before={}&limit=2", at(5), at(1)), &[4, 3]);
    check(&format!("&after={}&limit=2", at(5)), &[4, 3]);
    // With `before` alone the newest come, not those next to it.
    check(&format!("&before={}&limit=2", at(1)), &[108, 107]);
    check("&limit=2", &[108, 107]);
    // The outage of 2024-01-02 03:00 to 06:00 has no rows.
    check(&format!("&after={}&before={}", at(32), at(24)), &[31, 30, 26, 25]);
    check(&format!("&after={}&before={}", at(1), at(5)), &[]);
    let count = |query: &str| rows(&desk, &format!("market/history-candles?instId=BTC-USDT{query}")).len();
    assert_eq!((count(""), count("&limit=300"), count("&limit=1000")), (100, 300, 300));
}

#[test]
fn recent_candles_reach_back_over_so_many_only() {
    let desk = desk(2_000, 0);
    let oldest = |path: &str| {
        let mut after = NOW / MILLI;
        for _ in 0..20 {
            let found = rows(&desk, &format!("market/{path}?instId=BTC-USDT&bar=1m&limit=300&after={after}"));
            match found.last() {
                Some(row) => after = stamp(&row[0]) / MILLI,
                None => break,
            }
        }
        after * MILLI
    };
    assert_eq!(oldest("candles"), NOW - NOW.rem_euclid(MINUTE) - 1_439 * MINUTE);
    assert!(oldest("history-candles") < NOW - 5_000 * MINUTE);
    assert_eq!(error(&desk, "market/candles?instId=BTC-USDT&bar=1s"), (400, "51000".to_owned()));
    assert_eq!(rows(&desk, "market/history-candles?instId=BTC-USDT&bar=1s&limit=5").len(), 5);
}

#[test]
fn long_bars_begin_in_two_time_zones() {
    let desk = desk(300, 0);
    let check = |bar: &str, expected: &[i64]| {
        let target = format!("market/history-candles?instId=BTC-USDT&bar={bar}&limit=2");
        assert_eq!(hours(&rows(&desk, &target)), expected, "{bar}");
    };
    check("6H", &[106, 100]);
    check("6Hutc", &[108, 102]);
    check("12H", &[100, 88]);
    check("12Hutc", &[108, 96]);
    check("1D", &[88, 64]);
    check("1Dutc", &[96, 72]);
    check("1W", &[-8, -176]);
    check("1Wutc", &[0, -168]);
    check("1Mutc", &[0, -744]);
    for bar in ["1h", "1d", "8H", "1Hutc"] {
        let target = format!("market/candles?instId=BTC-USDT&bar={bar}");
        assert_eq!(error(&desk, &target), (400, "51000".to_owned()), "{bar}");
    }
}

#[test]
fn only_the_newest_candle_is_not_confirmed_and_quiet_ones_are_flat() {
    let desk = desk(300, 0);
    let found = rows(&desk, "market/candles?instId=BTC-USDT&bar=1m&limit=300");
    assert_eq!(found[0][8], "0");
    assert!(found.iter().skip(1).all(|row| row[8] == "1"));
    let flat: Vec<&Value> = found.iter().filter(|row| row[5] == "0").collect();
    assert!(flat.len() > 30, "{}", flat.len());
    for row in flat {
        assert!(row[1] == row[2] && row[2] == row[3] && row[3] == row[4] && row[7] == "0", "{row}");
    }
}

#[test]
fn candles_sum_up_their_trades_in_three_units() {
    let desk = desk(5_000, 100);
    for (name, worth, is_inverse) in MARKETS {
        let series = series(&desk, name);
        let end = (START + 7 * HOUR) / MILLI;
        let found = rows(&desk, &format!("market/history-candles?instId={name}&bar=1H&after={end}&limit=4"));
        assert_eq!(found.len(), 4, "{name}");
        for row in found {
            let start = stamp(&row[0]);
            let trades: Vec<_> = series.trades(series.first_id_at(start)..series.first_id_at(start + HOUR)).collect();
            let digits = Digits::of(series.listing());
            let size: i128 = trades.iter().map(|trade| i128::from(trade.amount)).sum();
            assert_eq!(text(&row[5]), digits.size(size), "{name}");
            let value: f64 = trades
                .iter()
                .map(|trade| {
                    let size: f64 = digits.size(trade.amount).parse().expect("a size");
                    let price: f64 = digits.price(trade.price).parse().expect("a price");
                    if is_inverse { size * worth / price } else { size * worth * price }
                })
                .sum();
            let close = |found: f64, expected: f64| (found - expected).abs() <= 1e-6 * expected.max(1.0);
            let contracts = number(&row[5]) * worth;
            let (base, quote) = if is_inverse { (value, contracts) } else { (contracts, value) };
            let middle = if name == "BTC-USDT" { quote } else { base };
            assert!(close(number(&row[6]), middle), "{name}: {row}");
            assert!(close(number(&row[7]), quote), "{name}: {row}");
        }
    }
}

#[test]
fn trades_are_walked_by_id_and_found_by_time() {
    let desk = desk(5_000, 250);
    let series = series(&desk, "BTC-USDT-SWAP");
    let end = START + 2 * DAY;
    let page = |query: &str| rows(&desk, &format!("market/history-trades?instId=BTC-USDT-SWAP{query}"));
    let ids =
        |rows: &[Value]| -> Vec<i64> { rows.iter().map(|row| text(&row["tradeId"]).parse().expect("an id")).collect() };
    let first = ids(&page(&format!("&type=2&after={}&limit=1", end / MILLI)));
    assert_eq!(first, [series.first_id_at(end)], "strictly older, and ids begin with 1");
    let (mut found, mut after) = (Vec::new(), first[0] + 1);
    for _ in 0..30 {
        let rows = page(&format!("&after={after}"));
        assert_eq!(rows.len(), 100);
        after = *ids(&rows).last().expect("rows");
        found.extend(ids(&rows));
    }
    assert_eq!(found, (first[0] - 2_999..=first[0]).rev().collect::<Vec<_>>());
    assert_eq!(ids(&page(&format!("&after={}&before={}", first[0], first[0] - 3))), [first[0] - 1, first[0] - 2]);
    // With `before` alone the newest come.
    let newest = series.first_id_at(NOW + 1);
    assert_eq!(ids(&page("&before=5&limit=2")), [newest, newest - 1]);
    assert_eq!(page("&limit=500").len(), 100);
    assert_eq!(rows(&desk, "market/trades?instId=BTC-USDT-SWAP&limit=1000").len(), 500);
    assert_eq!(error(&desk, "market/history-trades?instId=BTC-USDT-SWAP&type=3"), (400, "51000".to_owned()));
}

#[test]
fn trades_are_kept_for_three_months() {
    let desk = desk(300, 0);
    let series = series(&desk, "BTC-USDT");
    let oldest = series.first_id_at(NOW - 90 * DAY) + 1;
    let page = |query: &str| rows(&desk, &format!("market/history-trades?instId=BTC-USDT{query}"));
    assert_eq!(page(&format!("&after={oldest}")), Vec::<Value>::new());
    let last = page(&format!("&after={}", oldest + 1));
    assert_eq!(last.len(), 1);
    assert_eq!(text(&last[0]["tradeId"]), oldest.to_string());
    assert_eq!(page(&format!("&type=2&after={}", (NOW - 91 * DAY) / MILLI)), Vec::<Value>::new());
}

#[test]
fn books_have_one_level_unless_told_otherwise() {
    let desk = desk(300, 0);
    let check = |query: &str, expected: usize| {
        let book = rows(&desk, &format!("market/books?instId=BTC-USDT-SWAP{query}")).remove(0);
        let prices = |side: &str| -> Vec<f64> {
            book[side].as_array().expect("levels").iter().map(|level| number(&level[0])).collect()
        };
        let (bids, asks) = (prices("bids"), prices("asks"));
        assert_eq!((bids.len(), asks.len()), (expected, expected), "{query}");
        assert!(bids.windows(2).all(|two| two[0] > two[1]) && asks.windows(2).all(|two| two[0] < two[1]), "{query}");
        assert!(bids[0] < asks[0] && book["seqId"].is_i64(), "{query}");
        let level = book["bids"][0].as_array().expect("a level");
        assert_eq!((level.len(), &level[2]), (4, &json!("0")));
    };
    check("", 1);
    check("&sz=400", 400);
    check("&sz=5000", 400);
}

#[test]
fn funding_goes_back_three_months_between_exclusive_bounds() {
    let desk = desk(300, 0);
    let path = "public/funding-rate-history?instId=BTC-USDT-SWAP";
    let series = series(&desk, "BTC-USDT-SWAP");
    let expected: Vec<(i64, String)> = payments(&series, NOW - 90 * DAY, NOW + 1)
        .map(|funding| (funding.micros, realized_rate(&series, &funding)))
        .collect();
    let (mut found, mut after) = (Vec::new(), NOW / MILLI);
    for _ in 0..10 {
        let page = rows(&desk, &format!("{path}&limit=70&after={after}"));
        let Some(oldest) = page.last() else { break };
        after = stamp(&oldest["fundingTime"]) / MILLI;
        found.extend(page.iter().map(|row| (stamp(&row["fundingTime"]), text(&row["realizedRate"]).to_owned())));
    }
    found.reverse();
    assert_eq!(found, expected);
    assert_eq!(expected.len(), 270);
    assert!(expected.iter().all(|(time, _)| time % (8 * HOUR) == 0));
    let at = |hour: i64| (START + hour * HOUR) / MILLI;
    let between = rows(&desk, &format!("{path}&before={}&after={}", at(0), at(24)));
    assert_eq!(between.iter().map(|row| (stamp(&row["fundingTime"]) - START) / HOUR).collect::<Vec<_>>(), [16, 8]);
    assert!(between.iter().all(|row| row["fundingRate"] != row["realizedRate"]), "predicted is not settled");
    assert_eq!(error(&desk, "public/funding-rate-history?instId=BTC-USDT"), (400, "51000".to_owned()));
}

#[test]
fn open_interest_has_short_windows() {
    let desk = desk(300, 0);
    let check = |period: &str, days: i64, step: i64| {
        let path = format!("rubik/stat/contracts/open-interest-history?instId=BTC-USD-SWAP&period={period}");
        let (mut count, mut end) = (0, NOW / MILLI);
        for _ in 0..20 {
            let page = rows(&desk, &format!("{path}&begin=0&end={end}"));
            assert!(page.len() <= 100);
            let Some(oldest) = page.last() else { break };
            end = stamp(&oldest[0]) / MILLI - 1;
            count += i64::try_from(page.len()).unwrap_or(0);
        }
        assert_eq!(count, days * DAY / step, "{period}");
    };
    check("5m", 2, 5 * MINUTE);
    check("1H", 30, HOUR);
    check("1Dutc", 180, DAY);
    for (name, worth, is_inverse) in MARKETS.into_iter().skip(1) {
        let target = format!("rubik/stat/contracts/open-interest-history?instId={name}&period=1H&limit=1");
        let row = rows(&desk, &target).remove(0);
        let (contracts, base, dollars) = (number(&row[1]), number(&row[2]), number(&row[3]));
        let counted = if is_inverse { dollars } else { base };
        assert!((contracts * worth - counted).abs() < 0.02, "{name}: {row}");
        let truth = open_interest_text(&series(&desk, name), stamp(&row[0]));
        assert_eq!((text(&row[2]), text(&row[3])), (truth.base.as_str(), truth.dollars.as_str()), "{name}");
    }
    let spot = "rubik/stat/contracts/open-interest-history?instId=BTC-USDT";
    assert_eq!(error(&desk, spot), (400, "51000".to_owned()));
}

#[test]
fn instruments_say_what_a_contract_is_worth() {
    let desk = desk(300, 0);
    for (name, worth, is_inverse) in MARKETS {
        let kind = if name.ends_with("SWAP") {
            "SWAP"
        } else if name.len() > 8 {
            "FUTURES"
        } else {
            "SPOT"
        };
        let row = rows(&desk, &format!("public/instruments?instType={kind}&instId={name}")).remove(0);
        assert_eq!((&row["instId"], &row["state"]), (&json!(name), &json!("live")));
        if kind == "SPOT" {
            assert_eq!((&row["ctVal"], &row["baseCcy"]), (&json!(""), &json!("BTC")));
            continue;
        }
        assert!((number(&row["ctVal"]) * number(&row["ctMult"]) - worth).abs() < 1e-12, "{row}");
        let (kind, currency) =
            if is_inverse { ("inverse", "USD") } else { ("linear", &name[..name.find('-').unwrap_or(0)]) };
        assert_eq!((&row["ctType"], &row["ctValCcy"]), (&json!(kind), &json!(currency)), "{row}");
        assert!(number(&row["lotSz"]) > 0.0 && number(&row["tickSz"]) > 0.0);
    }
    assert_eq!(error(&desk, "public/instruments").1, "50014");
    assert_eq!(error(&desk, "public/instruments?instType=NOPE").1, "51000");
    assert_eq!(error(&desk, "public/instruments?instType=SPOT&instId=NOPE").1, "51001");
    assert!(rows(&desk, "public/instruments?instType=SPOT").len() > 60);
}

#[test]
fn instruments_have_a_life() {
    let check = |now: i64, name: &str, kind: &str, expected: Option<&str>| {
        let desk = Desk::new("okx", 300, 0, now);
        let all = rows(&desk, &format!("public/instruments?instType={kind}"));
        let found = all.iter().find(|row| row["instId"] == name).map(|row| text(&row["state"]).to_owned());
        assert_eq!(found.as_deref(), expected, "{name}");
        let candles = desk.json(&format!("/api/v5/market/history-candles?instId={name}&bar=1H"));
        assert_eq!(candles["code"] == "0", expected.is_some(), "{name}: {candles}");
        let has_rows = candles["data"].as_array().is_some_and(|rows| !rows.is_empty());
        assert_eq!(has_rows, matches!(expected, Some("live" | "suspend")), "{name}");
    };
    let pair = Pair::new("BTC", "USD", MarketKind::Dated(240_329)).expect("a pair");
    let desk = desk(300, 0);
    let listing = desk.market.catalogue().listing(EXCHANGE, &pair).expect("a listing");
    for (now, expected) in [
        (listing.since - 30 * DAY, None),
        (listing.since - DAY, Some("preopen")),
        (listing.since + HOUR, Some("live")),
        (listing.until - 1, Some("live")),
        (listing.until, None),
    ] {
        check(now, "BTC-USD-240329", "FUTURES", expected);
    }
    check(NOW, "FTT-USDT", "SPOT", Some("suspend"));
    check(NOW, "LUNA-USDT", "SPOT", None);
    check(NOW, "LUNA-USDT-SWAP", "SWAP", None);
}

#[test]
fn each_endpoint_has_its_own_limit() {
    let limits = LimitSettings { ban_secs: 1, ..LimitSettings::default() };
    let mut desk = Desk::with_limits("okx", 300, 0, NOW - NOW % (2 * SECOND), &limits);
    for (path, max) in [("market/candles?instId=BTC-USDT", 40), ("market/history-trades?instId=BTC-USDT&limit=1", 10)] {
        for _ in 0..max {
            assert_eq!(desk.ask(&format!("/api/v5/{path}")).status, 200, "{path}");
        }
        for _ in 0..10 {
            let refused = desk.ask(&format!("/api/v5/{path}"));
            assert_eq!((refused.status, refused.is_refusal), (429, true), "{path}");
            let body: Value = serde_json::from_slice(&refused.body).expect("JSON");
            assert_eq!(body, json!({"msg": "Too Many Requests", "code": "50011"}));
        }
    }
    assert_eq!(desk.ask("/api/v5/market/history-candles?instId=BTC-USDT").status, 200);
    desk.now += 2 * SECOND;
    assert_eq!(desk.ask("/api/v5/market/candles?instId=BTC-USDT").status, 200, "never a ban");
}

#[test]
fn failures_and_empty_pages_are_in_its_own_form() {
    let desk = desk(300, 0);
    let failure = desk.exchange.failure(503, None, "/api/v5/market/candles");
    let body: Value = serde_json::from_slice(&failure.body).expect("JSON");
    assert_eq!((failure.status, &body["code"], &body["data"]), (503, &json!("50001"), &json!([])));
    let page = desk.ask("/api/v5/market/candles?instId=BTC-USDT");
    let empty: Value = serde_json::from_slice(&desk.exchange.empty("", &page.body).expect("a list")).expect("JSON");
    assert_eq!(empty, json!({"code": "0", "msg": "", "data": []}));
    assert_eq!(error(&desk, "market/candles"), (400, "50014".to_owned()));
    assert_eq!(error(&desk, "market/candles?instId=BTC-USDT&limit=0"), (400, "51000".to_owned()));
    assert_eq!(error(&desk, "market/candles?instId=BTC-USDT&after=x"), (400, "51000".to_owned()));
    assert_eq!(error(&desk, "market/books?instId=NOPE"), (200, "51001".to_owned()));
}

#[test]
fn the_truth_is_what_is_shown() {
    let desk = desk(3_000, 50);
    for (name, worth, is_inverse) in MARKETS {
        let series = series(&desk, name);
        let digits = Digits::of(series.listing());
        let query = CandleQuery {
            from: Some(START),
            through: START + 19 * HOUR,
            now: NOW,
            seen: NOW,
            limit: 100,
            pick: Pick::Oldest,
            fill: candles::FILL,
        };
        let (before, after) = (START / MILLI - 1, (START + 20 * HOUR) / MILLI);
        let target = format!("market/history-candles?instId={name}&bar=1H&before={before}&after={after}");
        let mut found = rows(&desk, &target);
        found.reverse();
        let all = candles_of(&series, Grid::Fixed { width: HOUR, origin: 0 }, query);
        assert_eq!((found.len(), all.len()), (20, 20), "{name}");
        for (row, candle) in found.iter().zip(&all) {
            let truth = candle_row(candle, digits);
            let base = if name == "BTC-USDT" { 5 } else { 6 };
            assert_eq!(stamp(&row[0]), truth.micros, "{name}");
            assert_eq!([1, 2, 3, 4].map(|at: usize| text(&row[at]).to_owned()), truth.prices, "{name}");
            assert_eq!(text(&row[base]), truth.volume, "{name}");
            assert_eq!(Some(text(&row[7])), truth.quote_volume.as_deref(), "{name}");
        }
        let id = series.first_id_at(START + HOUR);
        let row = rows(&desk, &format!("market/history-trades?instId={name}&after={}&limit=1", id + 2)).remove(0);
        let truth = trade_row(&series.trades(id..id + 1).next().expect("a trade"), digits, Door::Rest);
        let amount: f64 = truth.amount.parse().expect("an amount");
        assert!((number(&row["sz"]) * worth - amount).abs() < 1e-9 * amount, "{name}: {row} {is_inverse}");
        assert_eq!((text(&row["px"]), Some(text(&row["tradeId"]))), (truth.price.as_str(), truth.id.as_deref()));
        assert_eq!(stamp(&row["ts"]) * 1_000, truth.nanos);
    }
}
