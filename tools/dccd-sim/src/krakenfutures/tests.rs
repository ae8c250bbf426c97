use serde_json::Value;

use crate::clock::{DAY, HOUR, MINUTE, SECOND, iso_text};
use crate::limits::LimitSettings;
use crate::tests::desk::Desk;
use crate::tests::recordings::{assert_alike, recorded};

/// 2024-01-01.
const START: i64 = 19_723 * DAY;
/// 2024-01-05T12:34:56.
const NOW: i64 = START + 4 * DAY + 12 * HOUR + 34 * MINUTE + 56 * SECOND;

fn desk(trades_per_day: i64) -> Desk {
    Desk::new("krakenfutures", trades_per_day, 0, NOW)
}

fn rows(desk: &Desk, target: &str, name: &str) -> Vec<Value> {
    match desk.json(target)[name].take() {
        Value::Array(rows) => rows,
        other => panic!("{target}: {name} is {other}"),
    }
}

fn error(desk: &Desk, target: &str) -> (u16, String) {
    let response = desk.ask(target);
    let body: Value = serde_json::from_slice(&response.body).expect("JSON");
    assert_eq!(body["result"], "error", "{target}: {body}");
    (response.status, body["error"].as_str().unwrap_or_default().to_owned())
}

#[test]
fn candles_begin_at_from_and_say_whether_there_are_more() {
    let desk = desk(2_000);
    let target =
        |from: i64, to: i64| format!("/api/charts/v1/trade/PF_XBTUSD/1m?from={}&to={}", from / SECOND, to / SECOND);
    let stamps = |page: &Value| -> Vec<i64> {
        page["candles"].as_array().into_iter().flatten().filter_map(|row| row["time"].as_i64()).collect()
    };
    let whole = desk.json(&target(START, START + 3 * DAY));
    let own = stamps(&whole);
    assert_eq!((own.len(), own[0], whole["more_candles"].as_bool()), (2_000, START / 1_000, Some(true)));
    assert!(own.windows(2).all(|two| two[1] - two[0] == 60_000), "quiet minutes are filled, outages too");
    let exact = desk.json(&target(START, START + 1_999 * MINUTE));
    assert_eq!((stamps(&exact).len(), exact["more_candles"].as_bool()), (2_000, Some(false)));
    let both = desk.json(&target(START + SECOND, START + 2 * MINUTE));
    assert_eq!(stamps(&both), [(START + MINUTE) / 1_000, (START + 2 * MINUTE) / 1_000], "inclusive");
    let newest = desk.json("/api/charts/v1/trade/pf_xbtusd/1h?count=3");
    assert_eq!(stamps(&newest).last(), Some(&((NOW - NOW % HOUR) / 1_000)), "the open one is there");
    assert_eq!((stamps(&newest).len(), newest["more_candles"].as_bool()), (3, Some(true)));
    let weeks = desk.json("/api/charts/v1/mark/PF_XBTUSD/1w?count=1");
    assert_eq!(stamps(&weeks), [START / 1_000], "a Monday");
    assert_eq!(weeks["candles"][0]["volume"], "0", "only trades have a volume");
    let quiet = whole["candles"].as_array().into_iter().flatten().filter(|row| row["volume"] == "0");
    assert!(quiet.count() > 60);
}

#[test]
fn unknown_charts_are_not_found() {
    let desk = desk(100);
    let not_found = (404, "notFound".to_owned());
    assert_eq!(error(&desk, "/api/charts/v1/trade/PF_NOPEUSD/1m"), not_found);
    assert_eq!(error(&desk, "/api/charts/v1/trade/PF_XBTUSD/3m"), not_found);
    assert_eq!(error(&desk, "/api/charts/v1/index/PF_XBTUSD/1m"), not_found);
    assert_eq!(error(&desk, "/api/charts/v1/trade/PF_XBTUSD/1m?from=x").0, 400);
    assert_eq!(error(&desk, "/derivatives/api/v3/moon").0, 404);
}

#[test]
fn funding_is_a_year_of_hours_in_one_answer() {
    let desk = desk(100);
    let rates = rows(&desk, "/derivatives/api/v4/historicalfundingrates?symbol=PF_XBTUSD&from=5", "rates");
    assert_eq!(rates.len(), 365 * 24);
    assert_eq!(rates[0]["timestamp"], iso_text(NOW - 365 * DAY - NOW % HOUR + HOUR, 3).as_str());
    assert_eq!(rates[rates.len() - 1]["timestamp"], "2024-01-05T12:00:00.000Z");
    for rate in &rates {
        let (relative, absolute) = (rate["relativeFundingRate"].as_f64(), rate["fundingRate"].as_f64());
        let price = absolute.zip(relative).map_or(0.0, |(absolute, relative)| absolute / relative);
        assert!((10_000.0..100_000.0).contains(&price), "{rate}");
    }
    let inverse = rows(&desk, "/derivatives/api/v4/historicalfundingrates?symbol=PI_XBTUSD", "rates");
    assert!(inverse.iter().all(|rate| rate["fundingRate"].as_f64().is_some_and(|rate| rate.abs() < 1e-6)));
    let text = desk.ask("/derivatives/api/v4/historicalfundingrates?symbol=PI_XBTUSD").body;
    assert!(text.windows(2).any(|two| two == b"e-"), "tiny numbers have exponents");
    let dated = rows(&desk, "/derivatives/api/v4/historicalfundingrates?symbol=FF_XBTUSD_240329", "rates");
    assert!(dated.is_empty());
    let missing = (200, "requiredArgumentMissing".to_owned());
    assert_eq!(error(&desk, "/derivatives/api/v4/historicalfundingrates"), missing);
    assert_eq!(error(&desk, "/derivatives/api/v4/historicalfundingrates?symbol=PF_NOPEUSD").1, "notFound");
}

#[test]
fn answers_look_as_recorded() {
    let desk = desk(1_000);
    let check = |target: &str, name: &str| {
        if let Some(mut recording) = recorded(name) {
            // This source wrote volumes as numbers.
            if name.contains("jk-futures-getklines") {
                recording["candles"][0]["volume"] = "1".into();
            }
            assert_alike(&desk.json(target), &recording, name);
        }
    };
    check("/api/charts/v1/trade/PF_XBTUSD/1h?count=9", "kraken/ohlc-rest-nt-futures-trade.json");
    check("/api/charts/v1/mark/PF_XBTUSD/12h", "kraken/ohlc-rest-jk-futures-getklines.json");
    let rates = "/derivatives/api/v4/historicalfundingrates?symbol=PF_XBTUSD";
    check(rates, "kraken/funding-rest-jk-futures-gethistoricalfundingrates.json");
    check("/derivatives/api/v3/orderbook?symbol=PI_XBTUSD", "kraken/book-rest-jk-futures-getorderbook.json");
    check("/derivatives/api/v3/history?symbol=PI_XBTUSD", "kraken/trades-rest-jk-futures-gettrades.json");
}

#[test]
fn instruments_say_what_became_of_them() {
    let desk = desk(100);
    let instruments = rows(&desk, "/derivatives/api/v3/instruments", "instruments");
    let find = |symbol: &str| instruments.iter().find(|row| row["symbol"] == symbol);
    let standing =
        |symbol: &str| find(symbol).map(|row| (row["type"].as_str().unwrap_or(""), row["tradeable"] == true));
    assert_eq!(standing("PF_XBTUSD"), Some(("flexible_futures", true)));
    assert_eq!(standing("PF_DOGEUSD"), Some(("flexible_futures", true)));
    assert_eq!(standing("PI_XBTUSD"), Some(("futures_inverse", true)));
    assert_eq!(standing("PF_RUNEUSD"), Some(("flexible_futures", false)));
    assert_eq!(standing("in_xbtusd"), Some(("spot index", false)));
    assert_eq!(standing("PF_MATICUSD"), None);
    assert_eq!(standing("PF_POLUSD"), Some(("flexible_futures", true)));
    assert_eq!(
        find("FF_XBTUSD_240329").map(|row| row["lastTradingTime"].clone()),
        Some("2024-03-29T08:00:00.000Z".into())
    );
    assert_eq!(standing("FF_XBTUSD_231229"), None, "expired");
    let tickers = rows(&desk, "/derivatives/api/v3/tickers", "tickers");
    let ticker = |symbol: &str| tickers.iter().find(|row| row["symbol"] == symbol).expect("a ticker");
    assert_eq!(
        (ticker("PF_RUNEUSD")["suspended"].as_bool(), ticker("PF_XBTUSD")["suspended"].as_bool()),
        (Some(true), Some(false))
    );
    assert!(ticker("PF_XBTUSD")["openInterest"].is_f64());
    assert_eq!(desk.json("/derivatives/api/v3/tickers/PI_XBTUSD")["ticker"]["tag"], "perpetual");
    // Charts remember what was traded once.
    let target = "/api/charts/v1/trade/FF_XBTUSD_231229/1d";
    assert!(!rows(&desk, target, "candles").is_empty());
    assert_eq!(error(&desk, "/derivatives/api/v3/orderbook?symbol=FF_XBTUSD_231229").1, "notFound");
}

#[test]
fn history_goes_back_a_hundred_trades_at_a_time() {
    let desk = desk(5_000);
    let newest = rows(&desk, "/derivatives/api/v3/history?symbol=PF_XBTUSD", "history");
    assert_eq!(newest.len(), 100);
    assert_eq!((newest[0]["trade_id"].as_i64(), newest[99]["trade_id"].as_i64()), (Some(100), Some(1)));
    assert!(newest.windows(2).all(|two| two[0]["time"].as_str() >= two[1]["time"].as_str()));
    let last = newest[99]["time"].as_str().expect("an instant");
    let older = rows(&desk, &format!("/derivatives/api/v3/history?symbol=PF_XBTUSD&lastTime={last}"), "history");
    assert!(older[0]["time"].as_str() <= Some(last));
    assert_ne!(older[0]["uid"], newest[99]["uid"]);
}

#[test]
fn executions_go_back_to_the_first_trade() {
    let desk = desk(3_000);
    let series = desk.market.series("krakenfutures", &"BTC/USD:perp".parse().expect("a pair")).expect("listed");
    let wanted: Vec<String> = series
        .trades(series.first_id_at(START)..series.first_id_at(START + DAY))
        .map(|trade| super::executions::uid(&series, &trade))
        .collect();
    let (since, before) = (START / 1_000, (START + DAY) / 1_000);
    for sort in ["asc", "desc"] {
        let (mut found, mut token) = (Vec::new(), String::new());
        for _ in 0..20 {
            let bounds = format!("since={since}&before={before}&sort={sort}&count=700{token}");
            let page = desk.json(&format!("/api/history/v3/market/PF_XBTUSD/executions?{bounds}"));
            let elements = page["elements"].as_array().expect("rows");
            assert_eq!(page["len"], elements.len());
            let execution = |element: &Value| element["event"]["Execution"]["execution"].clone();
            found.extend(elements.iter().filter_map(|row| execution(row)["uid"].as_str().map(str::to_owned)));
            let Some(next) = page["continuationToken"].as_str() else { break };
            token = format!("&continuation_token={next}");
        }
        if sort == "desc" {
            found.reverse();
        }
        assert!(wanted.len() > 1_500 && found == wanted, "{sort}: {} of {}", found.len(), wanted.len());
    }
    assert_eq!(error(&desk, "/api/history/v3/market/PF_XBTUSD/executions?sort=up").0, 400);
    assert_eq!(error(&desk, "/api/history/v3/market/PF_NOPEUSD/executions").0, 404);
    let old = rows(&desk, "/derivatives/api/v3/history?symbol=PF_XBTUSD&lastTime=2023-12-29T12:34:00Z", "history");
    assert!(old.is_empty(), "that one looks back seven days only");
}

#[test]
fn history_has_a_limit_of_its_own() {
    let desk = Desk::with_limits("krakenfutures", 100, 0, NOW, &LimitSettings::default());
    let funding = "/derivatives/api/v4/historicalfundingrates?symbol=PF_NOPEUSD";
    for _ in 0..100 {
        assert_eq!(error(&desk, funding).1, "notFound");
    }
    assert_eq!(error(&desk, funding), (200, "apiLimitExceeded".to_owned()));
    assert_eq!(desk.ask("/derivatives/api/v3/orderbook?symbol=PF_XBTUSD").status, 200);
    assert!(!desk.ask("/derivatives/api/v3/orderbook?symbol=PF_XBTUSD").is_refusal, "another limit");
    let charts = b"{\"candles\":[{}],\"more_candles\":true}";
    let empty = desk.exchange.empty("/api/charts/v1/trade/PF_XBTUSD/1m", charts);
    assert_eq!(empty.as_deref(), Some(&b"{\"candles\":[],\"more_candles\":false}"[..]));
}
