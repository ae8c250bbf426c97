//! Nobody collects for hours, and some data never comes: the store ends as if nothing had happened.

use std::time::{SystemTime, UNIX_EPOCH};

use dccd_record::Ts;
use dccd_tests::{assert_same_records, run};
use serde_json::Value;

use crate::desk::Desk;

const CONFIG: &str = "\
settings: {data_path: store, timezone: UTC}
jobs:
  - {exchange: binance, pairs: [BTC/USDT, ETH/USDT], data_type: ohlc, span: 3600}
  - {exchange: binance, pairs: [BTC/USDT], data_type: trades}
";
/// The planner's clock is that of this host, so the simulator's is too.
const TEN_HOURS: i64 = 10 * 3600;

/// So many seconds before the last full minute of this host.
fn ago(seconds: i64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    let now = i64::try_from(now).expect("a time of this age") / 60 * 60;
    Ts::from_nanos((now - seconds) * 1_000_000_000).expect("an instant of this age").to_string()
}

fn done(text: &str) -> Option<&str> {
    text.lines().last().filter(|line| line.starts_with("Done."))
}

fn gaps(desk: &Desk) -> Vec<Value> {
    desk.run(&["inventory", "--gaps", "--json"], 0).lines()
}

/// The records of a dataset in the store, and those that the exchange has from the first of them on.
fn stored_and_true(desk: &Desk, series: &[&str]) -> [Vec<Value>; 2] {
    let mut read = desk.scratch.tool("dccd-read");
    let stored = run(read.args(series).args(["--records", "--data-path", "store"]), "").expect(0).lines();
    let first = stored.first().and_then(|line| line["ts"].as_str()).expect("the store is not empty");
    let mut truth = desk.scratch.tool("dccd-sim");
    truth.arg("truth").args(series).args(["--start", first]);
    let truth = run(&mut truth, "").expect(0).lines();
    [stored, truth]
}

/// Nothing is missing but what the exchange may still be filling.
#[track_caller]
fn assert_whole(desk: &Desk, series: &[&str]) {
    let [stored, mut truth] = stored_and_true(desk, series);
    let newest = truth.len().saturating_sub(stored.len());
    assert!(newest < 1_000, "{newest} records are missing");
    truth.truncate(stored.len());
    assert_same_records(&stored, &truth);
}

#[test]
fn a_hole_is_filled_although_newer_data_came_first() {
    let before = ago(TEN_HOURS);
    let mut desk = Desk::new(CONFIG, &["--now", &before]);
    let trades = format!(
        "dccd-fetch binance BTC/USDT --kind trade --start {} | dccd-write --data-path store",
        ago(TEN_HOURS + 600)
    );
    run(&mut desk.shell(&trades), "").expect(0);
    assert_eq!(done(&desk.run(&["collect", "--kind", "candle"], 0).text()), Some("Done. successes=2 failures=0"));
    desk.assert_no_gaps(3);
    desk.move_on(&[]);
    let newest = format!(
        "dccd-fetch binance BTC/USDT --span 1h --start {} | dccd-write --data-path store &&
         dccd-fetch binance BTC/USDT --kind trade --start {} | dccd-write --data-path store",
        ago(7200),
        ago(600),
    );
    run(&mut desk.shell(&newest), "").expect(0);
    let series = [
        &["binance", "BTC/USDT", "--kind", "candle", "--span", "1h"][..],
        &["binance", "BTC/USDT", "--kind", "trade"],
        &["binance", "ETH/USDT", "--kind", "candle", "--span", "1h"],
    ];
    for series in &series[..2] {
        let [stored, truth] = stored_and_true(&desk, series);
        assert!(stored.len() + 7 < truth.len(), "there is a hole");
    }
    assert_eq!(done(&desk.run(&["collect"], 0).text()), Some("Done. successes=3 failures=0"));
    desk.assert_no_gaps(3);
    for series in series {
        assert_whole(&desk, series);
    }
}

#[test]
fn a_hole_can_be_repaired_without_a_configuration() {
    let desk = Desk::new("settings: {data_path: store}\n", &["--now", "2024-03-01T22:00:00Z"]);
    desk.sim.page("/sim/faults?kind=html&path=/api/&skip=5");
    let fetch =
        "dccd-fetch binance BTC/USDT --span 1m --start 2024-02-01 --end 2024-02-08 --source rest --max-retries 0 |
        dccd-write --data-path store";
    run(&mut desk.shell(fetch), "").expect(0);
    assert_eq!(gaps(&desk).len(), 1);
    desk.sim.page("/sim/faults?clear=1");
    let table = desk.run(&["repair", "--dry-run"], 0).text();
    assert!(table.contains("2024-02-08") && table.contains("total"), "{table}");
    assert_eq!(gaps(&desk).len(), 1, "a dry run repairs nothing");
    assert_eq!(done(&desk.run(&["repair"], 0).text()), Some("Done. successes=1 failures=0"));
    desk.assert_no_gaps(1);
    desk.sim.page("/sim/reset");
    desk.run(&["repair"], 0);
    assert!(desk.sim.requests().is_empty(), "there was nothing left to repair");
}

#[test]
fn a_pair_that_is_not_there_stops_no_other() {
    let config = CONFIG.replace("[BTC/USDT, ETH/USDT]", "[GONE/USDT, BTC/USDT, NONE/USDT, ETH/USDT]");
    let desk = Desk::new(&config, &[]);
    let ended = desk.run(&["collect"], 65);
    assert_eq!(done(&ended.text()), Some("Done. successes=3 failures=2"));
    let gapless = || {
        let inventory = desk.inventory();
        let whole = inventory.iter().filter(|line| line["gaps"] == 0).map(|line| line["pair"].as_str().unwrap_or(""));
        assert_eq!(whole.collect::<Vec<_>>(), ["BTC/USDT", "ETH/USDT", "BTC/USDT"], "{inventory:?}");
    };
    assert!(ended.stderr.contains("GONE-USDT") && ended.stderr.contains("NONE-USDT"), "{}", ended.stderr);
    gapless();
    let ended = desk.run(&["backfill", "--start", &ago(7200)], 65);
    assert_eq!(done(&ended.text()), Some("Done. successes=3 failures=2"));
    gapless();
}
