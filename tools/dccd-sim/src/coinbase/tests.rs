use dccd_record::Side;
use serde_json::Value;

use crate::clock::{DAY, HOUR, MINUTE, SECOND, iso_text};
use crate::limits::LimitSettings;
use crate::tests::desk::Desk;
use crate::tests::recordings::{assert_alike, recorded};

/// 2024-01-01.
const START: i64 = 19_723 * DAY;
/// 2024-01-05T12:34:56.
const NOW: i64 = START + 4 * DAY + 12 * HOUR + 34 * MINUTE + 56 * SECOND;

fn desk(trades_per_day: i64, burst: i64) -> Desk {
    Desk::new("coinbase", trades_per_day, burst, NOW)
}

fn hours(rows: &[Value]) -> Vec<i64> {
    rows.iter().filter_map(|row| row[0].as_i64()).map(|stamp| (stamp * SECOND - START) / HOUR).collect()
}

fn message(desk: &Desk, target: &str) -> (u16, String) {
    let response = desk.ask(target);
    let body: Value = serde_json::from_slice(&response.body).expect("JSON");
    (response.status, body["message"].as_str().unwrap_or_default().to_owned())
}

#[test]
fn candles_come_newest_first_up_to_the_end() {
    let desk = desk(20_000, 0);
    let ask = |query: &str| desk.rows(&format!("/products/BTC-USD/candles?granularity=3600{query}"));
    let window = "&start=2024-01-01T00:00:00Z&end=2024-01-01T06:00:00Z";
    let rows = ask(window);
    if let Some(recording) = recorded("coinbase/ohlc-rest-exchange-btc-usd-1h.json") {
        let stamps = |rows: &[Value]| -> Vec<i64> { rows.iter().filter_map(|row| row[0].as_i64()).collect() };
        assert_alike(&Value::Array(rows.clone()), &recording, "candles");
        assert_eq!(stamps(&rows), stamps(recording.as_array().expect("rows")), "the same question");
    }
    assert_eq!(hours(&rows), [5, 4, 3, 2, 1, 0]);
    assert_eq!(hours(&ask("&start=1704067200&end=1704088800")), [5, 4, 3, 2, 1, 0], "Unix seconds");
    assert_eq!(hours(&ask("&start=2024-01-01T01:30:00Z&end=2024-01-01T03:00:01Z")), [3, 2, 1]);
    // The outage of 2024-01-02 03:00 to 06:00 has no rows.
    let after = ask("&start=2024-01-02T02:00:00Z&end=2024-01-02T08:00:00Z");
    assert_eq!(hours(&after), [31, 30, 26]);
    assert_eq!(hours(&ask(""))[0], 108, "the open candle comes first");
    assert_eq!(hours(&ask("&start=2024-01-01T00:00:00Z"))[0], 108, "one bound alone is ignored");
    for row in &rows {
        let fields: Vec<f64> = row.as_array().into_iter().flatten().filter_map(Value::as_f64).collect();
        assert_eq!(fields.len(), 6);
        assert!(fields[1] <= fields[3] && fields[3] <= fields[2], "low, high, open: {row}");
    }
}

#[test]
fn minutes_without_trades_have_no_candle() {
    let desk = desk(2_000, 0);
    let target = "/products/BTC-USD/candles?granularity=60&start=2024-01-03T00:00:00Z&end=2024-01-03T05:00:00Z";
    let rows = desk.rows(target);
    assert!((1..300).contains(&rows.len()), "{}", rows.len());
    assert!(rows.iter().all(|row| row[5].as_f64() > Some(0.0)));
}

#[test]
fn windows_of_more_than_300_are_refused() {
    let desk = desk(2_000, 0);
    let ask =
        |end: &str| message(&desk, &format!("/products/BTC-USD/candles?granularity=60&start=1704067200&end={end}"));
    assert_eq!(ask("1704085200").0, 200, "300 minutes");
    let (status, text) = ask("1704085201");
    assert_eq!(status, 400);
    assert!(text.contains("Count of aggregations requested exceeds 300"), "{text}");
    assert_eq!(
        message(&desk, "/products/BTC-USD/candles?granularity=120"),
        (400, "Unsupported granularity".to_owned())
    );
    assert_eq!(message(&desk, "/products/BTC-USD/candles?start=x&end=y").0, 400);
}

#[test]
fn cursors_in_headers_lead_back_to_the_first_trade() {
    // Three days after a pair is listed.
    let listed = desk(2_000, 0).market.series("coinbase", &"SOL/USD".parse().expect("a pair")).expect("listed");
    let since = listed.listing().since;
    let desk = Desk::new("coinbase", 2_000, 1_500, since + 3 * DAY);
    let (mut ids, mut cursor) = (Vec::new(), String::new());
    for _ in 0..100 {
        let response = desk.ask(&format!("/products/SOL-USD/trades?limit=1000{cursor}"));
        let rows: Vec<Value> = serde_json::from_slice(&response.body).expect("rows");
        let own: Vec<i64> = rows.iter().filter_map(|row| row["trade_id"].as_i64()).collect();
        let header =
            |name: &str| response.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone());
        assert_eq!(header("CB-BEFORE"), own.first().map(i64::to_string));
        ids.extend(own);
        let Some(after) = header("CB-AFTER") else { break };
        cursor = format!("&after={after}");
    }
    let expected: Vec<i64> = (1..=ids[0]).rev().collect();
    assert!(ids.len() > 5_000 && ids == expected, "{} trades", ids.len());
}

#[test]
fn before_gives_the_newest_and_not_the_next() {
    let desk = desk(5_000, 0);
    let ids = |query: &str| -> Vec<i64> {
        let rows = desk.rows(&format!("/products/BTC-USD/trades?{query}"));
        rows.iter().filter_map(|row| row["trade_id"].as_i64()).collect()
    };
    let newest = ids("limit=5");
    assert_eq!(ids(&format!("limit=5&before={}", newest[4] - 100)), newest);
    assert_eq!(ids(&format!("limit=5&before={}", newest[2])), newest[..2]);
    assert_eq!(ids(&format!("limit=2&after={}", newest[1])), newest[2..4]);
    assert!(ids("after=1").is_empty());
    assert!(desk.ask("/products/BTC-USD/trades?after=1").headers.is_empty());
    assert_eq!(ids("limit=9999").len(), 1_000);
}

#[test]
fn trades_have_the_recorded_shape_and_the_makers_side() {
    let desk = desk(5_000, 0);
    let rows = desk.rows("/products/BTC-USDT/trades?limit=3");
    if let Some(mut recording) = recorded("coinbase/trades-rest-exchange-btc-usdt-ccxt.json") {
        // The source wrote the id as text.
        recording[0]["trade_id"] = rows[0]["trade_id"].clone();
        assert_alike(&Value::Array(rows.clone()), &recording, "trades");
    }
    let series = desk.market.series("coinbase", &"BTC/USDT".parse().expect("a pair")).expect("listed");
    for row in &rows {
        let id = row["trade_id"].as_i64().expect("an id") - 1;
        let trade = series.trades(id..id + 1).next().expect("a trade");
        let makers = if trade.taker == Side::Buy { "sell" } else { "buy" };
        assert_eq!(row["side"], makers);
        assert_eq!(row["time"], iso_text(trade.micros, 6).as_str());
        assert!(
            row["price"].as_str().is_some_and(|price| price.split('.').nth(1).is_some_and(|digits| digits.len() == 8))
        );
    }
}

#[test]
fn products_say_what_became_of_them() {
    let desk = desk(2_000, 0);
    let rows = desk.rows("/products");
    if let Some(recording) = recorded("coinbase/symbols-rest-products.json") {
        assert_alike(&Value::Array(rows.clone()), &recording, "products");
    }
    let find = |id: &str| rows.iter().find(|row| row["id"] == id).unwrap_or_else(|| panic!("no {id}"));
    let standing = |id: &str| (find(id)["status"].as_str().unwrap_or_default(), find(id)["trading_disabled"] == true);
    assert_eq!(standing("BTC-USD"), ("online", false));
    assert_eq!(standing("POL-USD"), ("online", false));
    assert_eq!(standing("MATIC-USD"), ("delisted", true));
    assert_eq!(standing("NKN-USD"), ("online", true));
    assert_eq!(find("NKN-USD")["cancel_only"], true);
    assert_eq!(desk.json("/products/RUNE-USD")["status"], "delisted");
    // What was traded once can still be read.
    let rows = desk.rows("/products/MATIC-USD/trades?limit=1");
    assert!(rows[0]["time"].as_str() < Some("2023-12-20T00:00:00Z"), "{}", rows[0]);
    let window = "granularity=86400&start=2023-12-18T00:00:00Z&end=2023-12-25T00:00:00Z";
    assert_eq!(desk.rows(&format!("/products/MATIC-USD/candles?{window}")).len(), 2);
    assert_eq!(desk.rows(&format!("/products/POL-USD/candles?{window}")).len(), 5);
    assert_eq!(desk.json("/products/MATIC-USD/book?level=2")["bids"], Value::Array(Vec::new()));
}

#[test]
fn what_is_unknown_is_not_found() {
    let desk = desk(2_000, 0);
    let expected = (404, "NotFound".to_owned());
    for target in
        ["/products/NOPE-USD/candles", "/products/BTCUSD/trades", "/products/btc-usd/book", "/products/BTC-USD/moon"]
    {
        assert_eq!(message(&desk, target), expected, "{target}");
    }
    if let Some(recording) = recorded("coinbase/error-rest-not-found.json") {
        let body: Value = serde_json::from_slice(&desk.ask("/products/NOPE-USD/candles").body).expect("JSON");
        assert_eq!(body, recording);
    }
    assert_eq!(desk.ask_with("/products", "").status, 400, "without a User-Agent");
}

#[test]
fn books_have_three_levels_of_detail() {
    let desk = desk(2_000, 0);
    let ask = |level: &str| desk.json(&format!("/products/BTC-USD/book{level}"));
    assert_eq!(ask("")["bids"].as_array().map(Vec::len), Some(1));
    let full = ask("?level=2");
    assert_eq!(full["asks"].as_array().map(Vec::len), Some(1_000));
    assert!(full["sequence"].is_i64() && full["time"].is_string() && full["auction"].is_null());
    assert!(full["bids"][0][2].is_i64());
    assert!(ask("?level=3")["bids"][0][2].is_string());
    assert_eq!(message(&desk, "/products/BTC-USD/book?level=4").0, 400);
    assert_eq!(desk.json("/time")["iso"], "2024-01-05T12:34:56.000Z");
}

#[test]
fn fifteen_at_once_and_ten_a_second() {
    let desk = Desk::with_limits("coinbase", 100, 0, NOW, &LimitSettings::default());
    for _ in 0..15 {
        assert_eq!(desk.ask("/time").status, 200);
    }
    let refused = desk.ask("/time");
    assert!(refused.is_refusal && refused.headers.is_empty(), "no Retry-After");
    assert_eq!(message(&desk, "/time"), (429, "Public rate limit exceeded".to_owned()));
    let later = Desk { now: NOW + SECOND / 10, ..desk };
    assert_eq!(later.ask("/time").status, 200);
    assert_eq!(later.ask("/time").status, 429);
}
