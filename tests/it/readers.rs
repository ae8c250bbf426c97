//! What we store, others read: DuckDB and Polars see the rows that `dccd-read` gives.

use dccd_tests::{Scratch, Sim, find_python, run, run_pipe, skip, workspace_root};
use serde_json::Value;

/// Fetches and stores one series, and compares `fields` of all its rows.
#[track_caller]
fn check(engine: &str, series: &[&str], files: &str, fields: &[&str]) {
    let Some(python) = find_python(&[engine]) else {
        return skip(&format!("reading {files} with {engine}"), "there is no such Python module");
    };
    let scratch = Scratch::new();
    let sim = Sim::start(&scratch, &["--now", "2024-07-01T00:00:00Z"]);
    let mut fetch = scratch.tool("dccd-fetch");
    fetch.args([
        "--rest-url",
        sim.url(),
        "--archive-url",
        sim.url(),
        "--start",
        "2024-01-01",
        "--end",
        "2024-01-01T06:00",
    ]);
    fetch.args(series);
    let mut write = scratch.tool("dccd-write");
    write.args(["--data-path", "data"]);
    for ended in run_pipe(vec![fetch, write], "") {
        ended.expect(0);
    }
    let mut read = scratch.tool("dccd-read");
    let ours = run(read.args(series).args(["--records", "--data-path", "data"]), "").expect(0).lines();
    let mut script = scratch.program(&python);
    script.arg("-B").arg(workspace_root().join("tests/it/readers.py")).args([engine, files]);
    let theirs = run(&mut script, "").expect(0).lines();
    assert!(ours.len() > 100, "only {} rows", ours.len());
    assert_eq!(ours.len(), theirs.len());
    for (ours, theirs) in ours.iter().zip(&theirs) {
        assert_eq!(theirs["TS"].as_i64(), Some(dccd_tests::instant(&ours["ts"]).nanos()));
        for field in fields {
            assert_eq!(plain(&ours[field]), plain(&theirs[field]), "{field} of {ours}");
        }
    }
}

fn plain(value: &Value) -> Value {
    value.as_f64().map_or_else(|| value.clone(), Value::from)
}

const CANDLES: [&str; 6] = ["binance", "BTC/USDT", "--kind", "candle", "--span", "1m"];
const CANDLE_FILES: &str = "data/binance/ohlc/BTC-USDT/1m/*.parquet";
const CANDLE_FIELDS: [&str; 7] = ["open", "high", "low", "close", "volume", "quote_volume", "trades"];
const TRADES: [&str; 4] = ["binance", "BTC/USDT", "--kind", "trade"];
const TRADE_FILES: &str = "data/binance/trades/BTC-USDT/*.parquet";
const TRADE_FIELDS: [&str; 4] = ["price", "amount", "side", "tid"];

#[test]
fn duckdb() {
    check("duckdb", &CANDLES, CANDLE_FILES, &CANDLE_FIELDS);
    check("duckdb", &TRADES, TRADE_FILES, &TRADE_FIELDS);
}

#[test]
fn polars() {
    check("polars", &CANDLES, CANDLE_FILES, &CANDLE_FIELDS);
    check("polars", &TRADES, TRADE_FILES, &TRADE_FIELDS);
}
