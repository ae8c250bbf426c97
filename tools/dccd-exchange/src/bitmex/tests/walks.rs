//! Whole ranges, against a small BitMEX that lives in this file.

use dccd_record::{Range, RangeSet, Ts};

use crate::tests::walk::{Outcome, walk};
use crate::tests::{dataset, range, ts};

const DAY_MS: i64 = 1_704_067_200_000;
const MINUTE_MS: i64 = 60_000;

/// Rows (stamp, text) as BitMEX gives them; both bounds belong to what is asked.
fn answer(rows: &[(Ts, String)], path: &str) -> String {
    let (_, query) = path.split_once('?').expect("a query");
    let value = |key: &str| query.split('&').find_map(|pair| pair.strip_prefix(key)?.strip_prefix('='));
    let (start, end) = (value("startTime").map(ts), value("endTime").map(ts));
    let mut within: Vec<&str> = rows
        .iter()
        .filter(|(at, _)| start.is_none_or(|start| *at >= start) && end.is_none_or(|end| *at <= end))
        .map(|(_, text)| text.as_str())
        .collect();
    if value("reverse") == Some("true") {
        within.reverse();
    }
    within.truncate(value("count").and_then(|count| count.parse().ok()).expect("a count"));
    format!("[{}]", within.join(","))
}

#[track_caller]
fn check_whole(id: &str, asked: Range, rows: &[(Ts, String)], lines: usize) -> Outcome {
    let outcome = walk(&dataset(id), asked, 3, |path| answer(rows, path));
    assert!(outcome.gaps.is_empty() && outcome.failed.is_empty(), "{:?} {:?}", outcome.gaps, outcome.failed);
    assert_eq!(outcome.covered, RangeSet::from_iter([asked]));
    assert_eq!(outcome.lines.len(), lines);
    outcome
}

fn at(millis: i64) -> Ts {
    Ts::from_millis(millis).expect("believable")
}

/// As in queries and rows.
fn text(at: Ts) -> String {
    at.to_string().replace("000000Z", "Z")
}

#[test]
fn candles_stand_where_they_opened() {
    let candle = |minute: i64| {
        let closed = at(DAY_MS + (minute + 1) * MINUTE_MS);
        let row = format!(
            r#"{{"timestamp":"{}","symbol":"XBTUSD","open":{minute},"high":9,"low":1,"close":2,"trades":1,"volume":100,"homeNotional":0.5,"foreignNotional":100}}"#,
            text(closed)
        );
        (closed, row)
    };
    // An outage of a hundred minutes.
    let rows: Vec<(Ts, String)> = (0..5000).filter(|minute| !(1500..1600).contains(minute)).map(candle).collect();
    let asked = range("2024-01-01T00:10:00Z", "2024-01-03T00:00:30Z");
    let outcome = check_whole("bitmex:candle:BTC-USD_INVERSE:1m", asked, &rows, 2 * 1440 - 10 - 100 + 1);
    assert!(outcome.lines.first().is_some_and(|line| line.contains("\"ts\":\"2024-01-01T00:10:00Z\",\"open\":10,")));
    assert!(outcome.lines.last().is_some_and(|line| line.contains("\"ts\":\"2024-01-03T00:00:00Z\",\"open\":2880,")));
}

fn trade(n: i64, at: Ts) -> (Ts, String) {
    let row = format!(
        r#"{{"timestamp":"{}","symbol":"XBTUSD","side":"Buy","size":1,"price":{n},"trdMatchID":"00000000-006d-1000-0000-{n:012x}","homeNotional":0.5}}"#,
        text(at)
    );
    (at, row)
}

#[test]
fn a_burst_that_crosses_pages_is_had_once() {
    let mut stamps: Vec<i64> = (0..700).map(|n| DAY_MS + n).collect();
    stamps.extend(std::iter::repeat_n(DAY_MS + 700, 900));
    stamps.extend((1..1500).map(|n| DAY_MS + 700 + n));
    let rows: Vec<(Ts, String)> = (1..).zip(&stamps).map(|(n, ms)| trade(n, at(*ms))).collect();
    let asked = range("2024-01-01T00:00:00Z", "2024-01-01T01:00:00Z");
    let outcome = check_whole("bitmex:trade:BTC-USD_INVERSE", asked, &rows, rows.len());
    for (n, line) in (1..).zip(&outcome.lines) {
        assert!(line.contains(&format!("\"price\":{n},")), "{line}");
    }
    let asked = range("2024-01-01T00:00:00.700Z", "2024-01-01T00:00:00.701Z");
    check_whole("bitmex:trade:BTC-USD_INVERSE", asked, &rows, 900);
}

#[test]
fn more_trades_of_one_instant_than_a_page_holds_are_a_gap() {
    let rows: Vec<(Ts, String)> =
        (1..1200).map(|n| trade(n, at(DAY_MS))).chain([trade(5000, at(DAY_MS + 9))]).collect();
    let asked = range("2024-01-01T00:00:00Z", "2024-01-01T01:00:00Z");
    let outcome = walk(&dataset("bitmex:trade:BTC-USD_INVERSE"), asked, 1, |path| answer(&rows, path));
    let hole = range("2024-01-01T00:00:00Z", "2024-01-01T00:00:00.000000001Z");
    assert_eq!(outcome.gaps.iter().map(|(range, _)| *range).collect::<Vec<_>>(), [hole]);
    assert_eq!(outcome.covered.missing(asked), RangeSet::from_iter([hole]));
}

#[test]
fn funding_is_paged_from_rate_to_rate() {
    let rate = |n: i64| {
        let paid = at(DAY_MS + (4 + 8 * n) * 60 * MINUTE_MS);
        let row = format!(
            r#"{{"timestamp":"{}","symbol":"XBTUSD","fundingInterval":"2000-01-01T08:00:00.000Z","fundingRate":0.00{n},"fundingRateDaily":1}}"#,
            text(paid)
        );
        (paid, row)
    };
    let rows: Vec<(Ts, String)> = (0..1300).map(rate).collect();
    let asked = range("2024-01-01T00:00:00Z", "2025-02-01T04:00:00Z");
    let outcome = check_whole("bitmex:funding:BTC-USD_INVERSE", asked, &rows, 397 * 3);
    assert!(
        outcome.lines.first().is_some_and(|line| line.contains("2024-01-01T04:00:00.000000000Z\",\"rate\":0.000,"))
    );
}
