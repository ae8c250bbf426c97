//! Stores of dccd 2 and 3: read as they are, written on, and still understood by dccd 3.

use std::path::{Path, PathBuf};

use dccd_tests::{Scratch, Trades, find_python, of_kind, run, skip, workspace_root};
use serde_json::Value;

fn python(what: &str, modules: &[&str]) -> Option<PathBuf> {
    let found = find_python(modules);
    if found.is_none() {
        skip(what, "there is no Python with dccd 3 (scripts/test makes one)");
    }
    found
}

/// Runs one of the scripts beside this file.
fn run_python(scratch: &Scratch, python: &Path, script: &str, args: &[&str]) -> Vec<Value> {
    let path = workspace_root().join("tests/it/adopt").join(script);
    let ended = run(scratch.program(python).arg("-B").arg(path).args(args), "");
    assert_eq!(ended.status, 0, "{script} {args:?}: {}", ended.stderr);
    ended.lines()
}

fn read(scratch: &Scratch, args: &[&str]) -> Vec<Value> {
    run(scratch.tool("dccd-read").args(["binance", "BTC/USDT", "--data-path", "data"]).args(args), "").expect(0).lines()
}

fn next_candle() -> &'static str {
    "{\"kind\":\"candle\",\"exchange\":\"binance\",\"pair\":\"BTC/USDT\",\"span\":3600,\"ts\":\"2024-01-02T00:00:00Z\",\
     \"open\":1.5,\"high\":2.5,\"low\":0.5,\"close\":1.25,\"volume\":7.75,\"quote_volume\":null,\"trades\":3}\n"
}

#[test]
fn a_store_of_dccd_3_is_read_and_continued() {
    let Some(python) = python("taking over a store of dccd 3", &["dccd", "polars"]) else { return };
    let scratch = Scratch::new();
    run_python(&scratch, &python, "dccd3.py", &["save", "data"]);
    let candles = read(&scratch, &["--kind", "candle", "--span", "1h"]);
    assert_eq!(of_kind(&candles, "candle").count(), 24);
    let covered: Vec<_> = of_kind(&candles, "covered").collect();
    assert_eq!(covered.len(), 1, "{covered:?}");
    // The last one may have been open when it was stored.
    assert_eq!(covered[0]["end"], "2024-01-01T23:00:00.000000000Z");
    let trades = read(&scratch, &["--kind", "trade"]);
    assert_eq!((of_kind(&trades, "trade").count(), of_kind(&trades, "covered").count()), (1000, 0));

    let mut write = scratch.tool("dccd-write");
    write.args(["--data-path", "data"]);
    let mut lines = next_candle().as_bytes().to_vec();
    lines.extend(Trades::new("binance:trade:BTC-USDT").lines(900..1_100));
    run(&mut write, lines).expect(0);
    assert_eq!(read(&scratch, &["--kind", "candle", "--span", "1h", "--records"]).len(), 25);
    assert_eq!(read(&scratch, &["--kind", "trade", "--records"]).len(), 1_100);
}

#[test]
fn what_we_write_dccd_3_reads() {
    let Some(python) = python("reading our store with dccd 3", &["dccd", "polars"]) else { return };
    let scratch = Scratch::new();
    let mut lines = next_candle().as_bytes().to_vec();
    lines.extend(Trades::new("binance:trade:BTC-USDT").lines(0..5_000));
    run(scratch.tool("dccd-write").args(["--data-path", "data"]), lines).expect(0);
    let theirs = run_python(&scratch, &python, "dccd3.py", &["load", "data"]);
    let ours = read(&scratch, &["--kind", "trade", "--records"]);
    let trades: Vec<_> = of_kind(&theirs, "trade").collect();
    assert_eq!(trades.len(), 5_000);
    for (ours, theirs) in ours.iter().zip(trades) {
        for field in ["price", "amount"] {
            assert_eq!(ours[field].as_f64(), theirs[field].as_f64(), "{field} of {ours}");
        }
        assert_eq!((&ours["side"], &ours["tid"]), (&theirs["side"], &theirs["tid"]));
    }
    let candle = of_kind(&theirs, "candle").next().expect("dccd 3 sees the candle");
    assert_eq!((&candle["close"], &candle["quote_volume"], &candle["trades"]), (&1.25.into(), &Value::Null, &3.into()));
    assert_eq!(candle["TS"], 1_704_153_600_000_000_000_i64);
    // And it writes on in the same files.
    run_python(&scratch, &python, "dccd3.py", &["save", "data"]);
    assert_eq!(read(&scratch, &["--kind", "candle", "--span", "1h", "--records"]).len(), 25);
}

#[test]
fn a_store_of_dccd_2_is_read_and_upgraded() {
    let Some(python) = python("taking over a store of dccd 2", &["polars"]) else { return };
    let scratch = Scratch::new();
    let file = scratch.write("data/binance/ohlc/BTC-USDT/1h/2023.parquet", "");
    run_python(&scratch, &python, "dccd2.py", &[&file.display().to_string()]);
    let candles = read(&scratch, &["--kind", "candle", "--span", "1h", "--records"]);
    assert_eq!(candles.len(), 100);
    assert_eq!(candles[99]["ts"], "2023-01-05T03:00:00Z");
    assert_eq!(candles[99]["quote_volume"], 72146293.5);
    let line = next_candle().replace("2024-01-02T00:00:00Z", "2023-01-05T04:00:00Z");
    run(scratch.tool("dccd-write").args(["--data-path", "data"]), line).expect(0);
    let upgraded = read(&scratch, &["--kind", "candle", "--span", "1h", "--records"]);
    assert_eq!((upgraded.len(), &upgraded[..100]), (101, &candles[..]));
}
