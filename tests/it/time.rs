//! A host whose clock is wrong: now is what the exchange says it is.

use std::time::{SystemTime, UNIX_EPOCH};

use dccd_record::Ts;
use dccd_tests::{Scratch, Sim, assert_same_records, instant, of_kind, run};
use serde_json::Value;

fn host_now() -> Ts {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970");
    Ts::from_nanos(i64::try_from(now.as_nanos()).expect("nanoseconds fit")).expect("an instant of this century")
}

/// Fetches the last ten minutes from an exchange whose clock is `offset` seconds ahead of ours.
#[track_caller]
fn check(offset: i64, series: &[&str]) {
    let scratch = Scratch::new();
    let began = host_now().saturating_add(offset * 1_000_000_000);
    let start = began.saturating_add(-600_000_000_000).to_string();
    let sim = Sim::start(&scratch, &["--now", &began.to_string()]);
    let mut fetch = scratch.tool("dccd-fetch");
    fetch.args(["binance", "BTC/USDT", "--source", "rest", "--rest-url", sim.url(), "--start", &start]).args(series);
    let ended = run(&mut fetch, "").expect(0);
    let now_ms = sim.stats()["now_ms"].as_i64().expect("the exchange's time");
    let now = Ts::from_millis(now_ms + 1).expect("an instant of this century");
    let lines = ended.lines();
    let covered_end = of_kind(&lines, "covered").map(|line| instant(&line["end"])).max().expect("something is covered");
    assert!(covered_end <= now, "covered to {covered_end}, and it is {now} there");
    // Not far behind, either: a minute's candle, and what REST may still be filling.
    assert!(
        covered_end > began.saturating_add(-120_000_000_000),
        "covered to {covered_end} only, and it is {now} there"
    );

    // Seen from ten minutes later every candle is as it was stored, and nothing before the covered end is missing.
    let later = now.saturating_add(600_000_000_000).to_string();
    let mut truth = scratch.tool("dccd-sim");
    truth.args(["--now", &later, "truth", "binance", "BTC/USDT"]).args(series);
    let first = of_kind(&lines, "covered").map(|line| instant(&line["start"])).min().expect("something is covered");
    truth.args(["--start", &first.to_string(), "--end", &covered_end.to_string()]);
    let truth = run(&mut truth, "").expect(0).lines();
    let is_covered = |line: &&Value| instant(&line["ts"]) < covered_end;
    let kind = if series.contains(&"trade") { "trade" } else { "candle" };
    let found: Vec<Value> = of_kind(&lines, kind).filter(is_covered).cloned().collect();
    // A simulated exchange is down for an hour of each month, which may be now.
    assert!(!found.is_empty() || truth.is_empty(), "nothing was fetched");
    assert_same_records(&found, &truth);
    if kind == "candle" {
        assert_eq!(of_kind(&lines, kind).count(), found.len(), "a candle came that was not closed");
    }
}

#[test]
fn a_host_30_s_slow() {
    check(30, &["--kind", "candle", "--span", "1m"]);
    check(30, &["--kind", "trade"]);
}

#[test]
fn a_host_30_s_fast() {
    check(-30, &["--kind", "candle", "--span", "1m"]);
    check(-30, &["--kind", "trade"]);
}

#[test]
fn a_host_years_wrong() {
    check(-86_400 * 900, &["--kind", "candle", "--span", "1m"]);
}
