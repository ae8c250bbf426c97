use std::collections::BTreeSet;

use serde_json::Value;

use super::*;
use crate::clock::{MILLI, MINUTE, iso_text, parse_iso};
use crate::limits::LimitSettings;
use crate::tests::desk::Desk;
use crate::tests::recordings::{assert_alike, recorded};

/// 2024-01-01.
const START: i64 = 19_723 * DAY;
/// 2024-01-05T12:34:56.789.
const NOW: i64 = START + 4 * DAY + 12 * HOUR + 34 * MINUTE + 56_789 * MILLI;

fn desk(trades_per_day: i64, burst: i64) -> Desk {
    Desk::new(EXCHANGE, trades_per_day, burst, NOW)
}

fn stamp(row: &Value) -> i64 {
    row["timestamp"].as_str().and_then(parse_iso).expect("a stamp")
}

fn real(value: &Value) -> f64 {
    value.as_f64().expect("a number")
}

fn error(desk: &Desk, target: &str) -> (u16, String, String) {
    let response = desk.ask(target);
    let body: Value = serde_json::from_slice(&response.body).expect("JSON");
    let text = |name: &str| body["error"][name].as_str().unwrap_or_default().to_owned();
    (response.status, text("name"), text("message"))
}

#[test]
fn answers_look_like_the_recordings() {
    let desk = desk(2_000, 0);
    let check = |file: &str, target: &str| {
        if let Some(recording) = recorded(&format!("bitmex/{file}.json")) {
            let response = desk.ask(&format!("/api/v1/{target}"));
            assert_alike(&serde_json::from_slice(&response.body).expect("JSON"), &recording, file);
        }
    };
    check("ohlc-rest-nt-trade-bins", "trade/bucketed?binSize=1h&symbol=XBTUSD&startTime=2024-01-02");
    let trades = "trade?symbol=XBTUSD&count=5&reverse=false&startTime=2024-01-01T00:00:00Z";
    check("trades-rest-xbtusd", trades);
    assert_eq!(desk.rows(&format!("/api/v1/{trades}")).len(), 5);
    check("symbols-rest-instrument-active", "instrument/active");
    check("symbols-rest-instrument-active", "instrument");
}

#[test]
fn buckets_are_stamped_with_their_end_and_open_where_the_last_one_closed() {
    let desk = desk(3_000, 40);
    let rows = desk.rows("/api/v1/trade/bucketed?binSize=1m&symbol=XBTUSD&startTime=2024-01-02T02:00&count=300");
    assert_eq!(rows.len(), 300);
    let stamps: Vec<i64> = rows.iter().map(stamp).collect();
    let expected: Vec<i64> = (0..300).map(|at| START + 26 * HOUR + at * MINUTE).collect();
    assert_eq!(stamps, expected, "outages and quiet minutes have rows as well");
    assert!(rows.windows(2).all(|two| two[0]["close"] == two[1]["open"]));
    let trades =
        desk.rows("/api/v1/trade?symbol=XBTUSD&startTime=2024-01-02T01:59&endTime=2024-01-02T03:00&count=1000");
    assert!(trades.len() < 1_000);
    for row in &rows[..60] {
        let end = stamp(row);
        let own: Vec<&Value> = trades.iter().filter(|trade| (end - MINUTE..end).contains(&stamp(trade))).collect();
        let sum = |name: &str| own.iter().map(|trade| real(&trade[name])).sum::<f64>();
        assert_eq!(real(&row["volume"]), sum("size"), "{row}");
        assert!((real(&row["homeNotional"]) - sum("homeNotional")).abs() < 1e-9, "{row}");
        assert_eq!(row["foreignNotional"], row["volume"]);
        if let Some(last) = own.last() {
            assert_eq!((&row["close"], &row["lastSize"]), (&last["price"], &last["size"]));
            assert!((real(&row["low"]) * 0.99..real(&row["high"]) * 1.01).contains(&real(&row["vwap"])), "{row}");
        } else {
            assert_eq!((&row["vwap"], &row["lastSize"], &row["trades"]), (&Value::Null, &Value::Null, &Value::from(0)));
            assert!(["high", "low", "close"].iter().all(|name| row[name] == row["open"]));
        }
    }
    assert!(rows.iter().any(|row| row["vwap"].is_null()));
}

#[test]
fn bucket_bounds_are_inclusive_on_the_stamp_and_offsets_leave_rows_out() {
    let desk = desk(2_000, 0);
    let check = |query: &str, expected: &[i64]| {
        let rows = desk.rows(&format!("/api/v1/trade/bucketed?binSize=1h&symbol=XBTUSD{query}"));
        let hours: Vec<i64> = rows.iter().map(|row| (stamp(row) - START) / HOUR).collect();
        assert_eq!(hours, expected, "{query}");
    };
    check("&startTime=2024-01-01T05:00&endTime=2024-01-01T07:00", &[5, 6, 7]);
    check("&startTime=2024-01-01T05:00:00.001Z&endTime=2024-01-01T06:59:59.999Z", &[6]);
    check("&startTime=2024-01-01T05:00&count=2", &[5, 6]);
    check("&startTime=2024-01-01T05:00&count=2&start=3", &[8, 9]);
    check("&endTime=2024-01-01T05:00&count=2&reverse=true", &[5, 4]);
    check("&endTime=2024-01-01T05:00&count=2&reverse=true&start=1", &[4, 3]);
    check("&startTime=2024-01-01T07:00&endTime=2024-01-01T05:00", &[]);
    // The open bucket is only there for those who ask.
    check("&reverse=true&count=1", &[108]);
    check("&reverse=true&count=1&partial=true", &[109]);
    check("&startTime=2024-01-05T12:00", &[108]);
    check("&startTime=2024-01-06", &[]);
    let oldest = desk.rows("/api/v1/trade/bucketed?binSize=1d&symbol=XBTUSD&count=3");
    assert_eq!(stamp(&oldest[0]), 16_935 * DAY);
    let escaped = desk.rows("/api/v1/trade/bucketed?binSize=1d&symbol=XBTUSD&startTime=2024-01-02T00%3A00%3A00.000Z");
    assert_eq!(stamp(&escaped[0]), START + DAY);
}

#[test]
fn trades_are_paged_by_offset_or_by_inclusive_time() {
    let desk = desk(2_000, 300);
    let all = desk.rows("/api/v1/trade?symbol=XBTUSD&startTime=2024-01-01&count=1000");
    assert_eq!(all.len(), 1_000);
    let ids: BTreeSet<&str> = all.iter().filter_map(|row| row["trdMatchID"].as_str()).collect();
    assert_eq!(ids.len(), 1_000);
    let mut paged = Vec::new();
    for offset in (0..1_000).step_by(250) {
        paged.extend(desk.rows(&format!("/api/v1/trade?symbol=XBTUSD&startTime=2024-01-01&count=250&start={offset}")));
    }
    assert_eq!(paged, all);
    let rest: Vec<Value> =
        desk.rows("/api/v1/trade?symbol=XBTUSD&startTime=2024-01-01&count=1000&start=1000").into_iter().collect();
    let longest = all.iter().chain(&rest).map(stamp).collect::<Vec<_>>();
    let burst = longest.chunk_by(|a, b| a == b).max_by_key(|chunk| chunk.len()).expect("trades");
    assert!(burst.len() >= 300, "{}", burst.len());
    let at = iso_text(burst[0], 3);
    let same = desk.rows(&format!("/api/v1/trade?symbol=XBTUSD&startTime={at}&endTime={at}&count=1000"));
    assert_eq!(same.len(), burst.len());
    let mut newest =
        desk.rows(&format!("/api/v1/trade?symbol=XBTUSD&startTime={at}&endTime={at}&count=7&reverse=true"));
    newest.reverse();
    assert_eq!(newest, same[same.len() - 7..]);
    assert!(stamp(&desk.rows("/api/v1/trade?symbol=XBTUSD&count=1&reverse=true")[0]) <= NOW);
}

#[test]
fn amounts_are_stated_in_both_assets() {
    let desk = desk(2_000, 0);
    for row in desk.rows("/api/v1/trade?symbol=XBTUSD&startTime=2024-01-01&count=50") {
        assert_eq!(row["foreignNotional"], row["size"]);
        assert!((real(&row["homeNotional"]) * real(&row["price"]) / real(&row["size"]) - 1.0).abs() < 1e-3, "{row}");
        assert!(row["side"] == "Buy" || row["side"] == "Sell");
    }
    for symbol in ["XBT_USDT", "XBTUSDT"] {
        for row in desk.rows(&format!("/api/v1/trade?symbol={symbol}&startTime=2024-01-01&count=50")) {
            assert!((real(&row["homeNotional"]) * 1e6 - real(&row["size"])).abs() < 1e-6, "{row}");
            assert!((real(&row["homeNotional"]) * real(&row["price"]) - real(&row["foreignNotional"])).abs() < 1e-6);
        }
    }
}

#[test]
fn contracts_that_expire_may_not_say_who_took() {
    let desk = desk(2_000, 0);
    let rows = desk.rows("/api/v1/trade?symbol=XBTH24&startTime=2024-01-01&count=1000");
    let silent = rows.iter().filter(|row| row["side"].is_null()).count();
    assert!((1..20).contains(&silent), "{silent}");
    assert!(rows.iter().all(|row| row["side"].is_string() || row.get("side").is_none()));
    // It was listed half a year before the last Friday of March.
    assert!(desk.rows("/api/v1/trade?symbol=XBTM24&count=1").len() == 1);
    assert!(desk.rows("/api/v1/trade?symbol=XBTU24&count=1").is_empty());
    assert!(desk.rows("/api/v1/funding?symbol=XBTH24").is_empty());
}

#[test]
fn funding_is_paid_at_four_twelve_and_twenty() {
    let desk = desk(2_000, 0);
    let rows = desk.rows("/api/v1/funding?symbol=XBTUSD&startTime=2024-01-01T04:00&endTime=2024-01-02T04:00");
    let hours: Vec<i64> = rows.iter().map(|row| (stamp(row) - START) / HOUR).collect();
    assert_eq!(hours, [4, 12, 20, 28]);
    for row in &rows {
        assert_eq!(row["fundingInterval"], "2000-01-01T08:00:00.000Z");
        assert!((real(&row["fundingRate"]) * 3.0 - real(&row["fundingRateDaily"])).abs() < 1e-12);
    }
    let newest = desk.rows("/api/v1/funding?symbol=XBTUSD&count=2&reverse=true");
    assert_eq!(newest.iter().map(|row| (stamp(row) - START) / HOUR).collect::<Vec<_>>(), [108, 100]);
    assert_eq!(desk.rows("/api/v1/funding?symbol=XBTUSD&count=500").len(), 500);
    assert!(desk.rows("/api/v1/funding?symbol=XBT_USDT").is_empty());
}

#[test]
fn books_are_one_list_from_the_highest_price_down() {
    let desk = desk(2_000, 0);
    let rows = desk.rows("/api/v1/orderBook/L2?symbol=XBTUSD");
    assert_eq!(rows.len(), 50);
    assert!(rows.windows(2).all(|two| real(&two[0]["price"]) > real(&two[1]["price"])));
    assert!(rows[..25].iter().all(|row| row["side"] == "Sell") && rows[25..].iter().all(|row| row["side"] == "Buy"));
    assert!(rows.iter().all(|row| row["id"].is_i64() && row["size"].is_i64()));
    assert_eq!(desk.rows("/api/v1/orderBook/L2?symbol=XBTUSD&depth=3").len(), 6);
    assert_eq!(desk.rows("/api/v1/orderBook/L2?symbol=XBTUSD&depth=0").len(), 10_000);
}

#[test]
fn instruments_say_how_they_stand() {
    let mut desk = desk(100, 0);
    let symbols = |rows: &[Value]| -> BTreeSet<String> {
        rows.iter().filter_map(|row| row["symbol"].as_str().map(str::to_owned)).collect()
    };
    let active = symbols(&desk.rows("/api/v1/instrument/active"));
    for symbol in ["XBTUSD", "XBTUSDT", "XBT_USDT", "XBTH24", "XBTM24", "MATICUSDT"] {
        assert!(active.contains(symbol), "{symbol}: {active:?}");
    }
    assert!(!active.contains("XBTZ23") && !active.contains("XBTU24"));
    let expired = desk.rows("/api/v1/instrument?symbol=XBTZ23");
    assert_eq!((expired.len(), &expired[0]["state"], &expired[0]["typ"]), (1, &"Settled".into(), &"FFCCSX".into()));
    let all = desk.rows("/api/v1/instrument?count=500");
    assert!(symbols(&all).is_superset(&active));
    let mut paged = desk.rows("/api/v1/instrument?count=10");
    paged.extend(desk.rows("/api/v1/instrument?count=490&start=10"));
    assert_eq!(paged, all);

    desk.now = 20_000 * DAY;
    assert_eq!(desk.rows("/api/v1/instrument?symbol=MATICUSDT")[0]["state"], "Settled");
    assert!(!symbols(&desk.rows("/api/v1/instrument/active")).contains("MATICUSDT"));
    let last = desk.rows("/api/v1/trade?symbol=MATICUSDT&count=1&reverse=true");
    assert!(stamp(&last[0]) < 19_970 * DAY);
    assert!(desk.rows("/api/v1/orderBook/L2?symbol=MATICUSDT").is_empty());
    // After its end a contract has no buckets.
    let last = desk.rows("/api/v1/trade/bucketed?symbol=XBTZ23&binSize=1h&count=1&reverse=true");
    assert_eq!(stamp(&last[0]), parse_iso("2023-12-29T08:00").expect("an instant"));
}

#[test]
fn refusals_are_objects_with_a_name() {
    let desk = desk(1_000, 0);
    let check = |target: &str, status: u16, name: &str| {
        let (found, kind, message) = error(&desk, &format!("/api/v1/{target}"));
        assert_eq!((found, kind.as_str()), (status, name), "{target}: {message}");
        assert!(!message.is_empty());
    };
    check("trade?symbol=XBTUSD&count=1001", 400, "ValidationError");
    check("funding?symbol=XBTUSD&count=501", 400, "ValidationError");
    check("trade/bucketed?symbol=XBTUSD&binSize=3m", 400, "ValidationError");
    check("trade?symbol=XBTUSD&startTime=yesterday", 400, "ValidationError");
    check("trade?symbol=XBTUSD&start=-1", 400, "ValidationError");
    check("trade?symbol=XBTUSD&reverse=perhaps", 400, "ValidationError");
    check("trade", 400, "ValidationError");
    check("nothing", 404, "HTTPError");
    for target in ["trade", "trade/bucketed", "funding", "orderBook/L2"] {
        assert!(desk.rows(&format!("/api/v1/{target}?symbol=BTCUSD")).is_empty());
    }
}

#[test]
fn thirty_requests_a_minute_and_headers_that_say_so() {
    let limits = LimitSettings { is_off: false, ban_secs: 60, ..LimitSettings::default() };
    let mut desk = Desk::with_limits(EXCHANGE, 500, 0, NOW, &limits);
    let header = |response: &Response, name: &str| -> Option<String> {
        response.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone())
    };
    for left in (0..30).rev() {
        let response = desk.ask("/api/v1/trade?symbol=XBTUSD&count=1");
        assert_eq!((response.status, header(&response, "x-ratelimit-remaining")), (200, Some(left.to_string())));
        assert_eq!(header(&response, "x-ratelimit-limit").as_deref(), Some("30"));
    }
    let refused = desk.ask("/api/v1/trade?symbol=XBTUSD&count=1");
    assert_eq!((refused.status, header(&refused, "Retry-After").as_deref()), (429, Some("2")));
    assert!(refused.is_refusal);
    let body: Value = serde_json::from_slice(&refused.body).expect("JSON");
    assert_eq!(body["error"]["name"], "RateLimitError");
    desk.now += 2 * SECOND;
    assert_eq!(desk.ask("/api/v1/trade?symbol=XBTUSD&count=1").status, 200);
}

#[test]
fn since_it_closed_nothing_is_found() {
    let mut desk = desk(100, 0);
    desk.now = CLOSED - 1;
    assert_eq!(desk.ask("/api/v1/trade?symbol=XBTUSD&count=1").status, 200);
    desk.now = CLOSED;
    let response = desk.ask("/api/v1/trade?symbol=XBTUSD&count=1");
    assert_eq!((response.status, response.content_type), (404, "text/html"));
    assert_eq!(desk.ask("/api/v1/instrument/active").status, 404);
}
