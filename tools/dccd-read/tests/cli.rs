//! `dccd-read` as a process: what was written is read back, in every shape.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use dccd_store::{StoreOptions, Taken, Writer, WriterOptions};

const CANDLE: &str = r#"{"kind":"candle","exchange":"binance","pair":"BTC/USDT","span":3600,"ts":"2024-01-01T00:00:00Z","open":42283.58,"high":42554.57,"low":42261.02,"close":42475.23,"volume":1271.68108,"quote_volume":53957248.973789,"trades":47134}"#;
const FIRST: &str = r#"{"kind":"trade","exchange":"binance","pair":"BTC/USDT","ts":"2024-01-01T00:00:00.000000001Z","price":42283.58,"amount":0.00069,"side":"sell","tid":"1"}"#;
const SECOND: &str = r#"{"kind":"trade","exchange":"binance","pair":"BTC/USDT","ts":"2024-01-01T00:00:01.000000000Z","price":0.00000001,"amount":1,"side":null,"tid":"2","recv_ts":"2024-01-01T00:00:01.500000000Z"}"#;
const THIRD: &str = r#"{"kind":"trade","exchange":"binance","pair":"BTC/USDT","ts":"2024-01-02T00:00:00.000000000Z","price":3,"amount":1.5,"side":"buy","tid":null}"#;
const BOOK: &str = r#"{"kind":"book","exchange":"kraken","pair":"BTC/USD","ts":"2024-01-01T00:00:00.000000000Z","snapshot":true,"bids":[[1.5,2],[1.4,3,7]],"asks":[[1.6,1]],"seq":9}"#;
const EMPTY_BOOK: &str = r#"{"kind":"book","exchange":"kraken","pair":"BTC/USD","ts":"2024-01-01T00:00:01.000000000Z","snapshot":false,"bids":[],"asks":[],"seq":10,"recv_ts":"2024-01-01T00:00:01.250000000Z"}"#;
const ORDER: &str = r#"{"kind":"range","exchange":"binance","pair":"BTC/USDT","job":"job","of":"trade","start":"2024-01-01T00:00:00.000000000Z","end":"2024-01-03T00:00:00.000000000Z","why":"asked"}"#;
const COVERED: &str = r#"{"kind":"covered","exchange":"binance","pair":"BTC/USDT","of":"trade","start":"2024-01-01T00:00:00.000000000Z","end":"2024-01-02T00:00:00.000000000Z","proof":"id"}"#;
const GAP: &str = r#"{"kind":"gap","exchange":"binance","pair":"BTC/USDT","of":"trade","start":"2024-01-02T00:00:00.000000000Z","end":"2024-01-03T00:00:00.000000000Z","reason":"asked for, and not obtained"}"#;

fn store(lines: &[&str], options: StoreOptions) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let options = WriterOptions { sync_interval: Duration::from_secs(1), store: options, program: "test 0".to_owned() };
    let mut writer = Writer::open(dir.path(), &options).unwrap();
    for line in lines {
        assert_eq!(writer.take(line.as_bytes()).unwrap(), Taken::Yes, "{line}");
    }
    writer.finish().unwrap();
    dir
}

/// Status, standard output and standard error.
fn read(store: &Path, flags: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dccd-read"));
    let output = command.env_clear().arg("--data-path").arg(store).args(flags).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[track_caller]
fn check(store: &Path, flags: &[&str], expected: &[&str]) {
    let (status, stdout, stderr) = read(store, flags);
    assert_eq!(stdout.lines().collect::<Vec<_>>(), expected);
    assert_eq!((status, stderr.as_str()), (0, ""));
}

#[test]
fn lines_come_back_as_they_went_in() {
    let dir = store(&[THIRD, CANDLE, SECOND, FIRST, BOOK, EMPTY_BOOK], StoreOptions::AsItIs);
    check(dir.path(), &["binance", "BTC/USDT", "--span", "1h", "--records"], &[CANDLE]);
    check(dir.path(), &["binance", "btc-usdt", "--kind", "trades", "--records"], &[FIRST, SECOND, THIRD]);
    check(dir.path(), &["kraken", "XBT/USD", "--kind", "book", "--records"], &[BOOK, EMPTY_BOOK]);
}

#[test]
fn a_decimal_store_keeps_every_digit_that_counts() {
    let line = FIRST.replace("42283.58", "42283.123456789012345678");
    let dir = store(&[&line], StoreOptions::Decimal);
    check(dir.path(), &["binance", "BTC/USDT", "--kind", "trade", "--records"], &[&line]);
}

#[test]
fn what_is_known_follows_the_records() {
    let dir = store(&[ORDER, FIRST, COVERED], StoreOptions::AsItIs);
    check(dir.path(), &["binance", "BTC/USDT", "--kind", "trade"], &[FIRST, COVERED, GAP]);
}

#[test]
fn a_range_is_half_open() {
    let dir = store(&[FIRST, SECOND, THIRD], StoreOptions::AsItIs);
    let trades = ["binance", "BTC/USDT", "--kind", "trade", "--records"];
    let with = |more: &[&'static str]| [&trades[..], more].concat();
    check(dir.path(), &with(&["--start", "2024-01-01T00:00:01"]), &[SECOND, THIRD]);
    check(dir.path(), &with(&["--end", "2024-01-01T00:00:01"]), &[FIRST]);
    check(dir.path(), &with(&["--start", "2024-01-02", "--end", "2024-01-02T00:00:00.000000001Z"]), &[THIRD]);
    check(dir.path(), &with(&["--start", "2025-01-01"]), &[]);
}

#[test]
fn the_last_records_may_lie_in_several_files() {
    let dir = store(&[FIRST, SECOND, THIRD], StoreOptions::AsItIs);
    let trades = ["binance", "BTC/USDT", "--kind", "trade", "--records", "--last"];
    let with = |count: &'static str| [&trades[..], &[count]].concat();
    check(dir.path(), &with("0"), &[]);
    check(dir.path(), &with("1"), &[THIRD]);
    check(dir.path(), &with("2"), &[SECOND, THIRD]);
    check(dir.path(), &with("9"), &[FIRST, SECOND, THIRD]);
}

#[test]
fn csv_has_a_header_even_without_records() {
    let dir = store(&[FIRST, SECOND, BOOK], StoreOptions::AsItIs);
    let header = "ts,price,amount,side,tid,recv_ts";
    check(
        dir.path(),
        &["binance", "BTC/USDT", "--kind", "trade", "--format", "csv"],
        &[
            header,
            "2024-01-01T00:00:00.000000001Z,42283.58,0.00069,sell,1,",
            "2024-01-01T00:00:01.000000000Z,0.00000001,1,,2,2024-01-01T00:00:01.500000000Z",
        ],
    );
    check(
        dir.path(),
        &["binance", "BTC/USDT", "--kind", "trade", "--format", "csv", "--start", "2025-01-01"],
        &[header],
    );
    check(
        dir.path(),
        &["kraken", "BTC/USD", "--kind", "book", "--format", "csv", "--columns", "side,price,count"],
        &["side,price,count", "bid,1.5,", "bid,1.4,7", "ask,1.6,"],
    );
}

#[test]
fn columns_are_chosen_by_name() {
    let dir = store(&[FIRST], StoreOptions::AsItIs);
    let trades = ["binance", "BTC/USDT", "--kind", "trade", "--columns"];
    check(dir.path(), &[&trades[..], &["tid,price"]].concat(), &[r#"{"tid":"1","price":42283.58}"#]);
    let (status, _, stderr) = read(dir.path(), &[&trades[..], &["open"]].concat());
    assert_eq!(status, 2);
    assert!(stderr.contains("ts, price, amount"), "{stderr}");
}

#[test]
fn a_file_that_cannot_be_read_is_told_and_the_others_are_read() {
    let dir = store(&[FIRST, THIRD], StoreOptions::AsItIs);
    std::fs::write(dir.path().join("binance/trades/BTC-USDT/2024-01-01.parquet"), "broken").unwrap();
    let (status, stdout, stderr) = read(dir.path(), &["binance", "BTC/USDT", "--kind", "trade", "--records"]);
    assert_eq!((status, stdout), (65, format!("{THIRD}\n")));
    assert!(stderr.contains("2024-01-01.parquet"), "{stderr}");
}

#[test]
fn what_is_not_there_is_a_negative_answer() {
    let dir = store(&[FIRST], StoreOptions::AsItIs);
    let (status, stdout, stderr) = read(dir.path(), &["binance", "ETH/USDT", "--kind", "trade"]);
    assert_eq!((status, stdout.as_str()), (1, ""));
    assert!(stderr.contains("binance:trade:ETH-USDT"), "{stderr}");
    assert_eq!(read(&dir.path().join("nowhere"), &["binance", "ETH/USDT", "--kind", "trade"]).0, 74);
}

#[test]
fn wrong_calls_are_usage_errors() {
    let dir = store(&[FIRST], StoreOptions::AsItIs);
    for flags in [
        &["binance", "BTC/USDT"][..],
        &["binance", "BTCUSDT", "--kind", "trade"],
        &["binance", "BTC/USDT", "--kind", "tick"],
        &["binance", "BTC/USDT", "--kind", "trade", "--span", "1h"],
        &["binance", "BTC/USDT", "--span", "1M"],
        &["binance", "BTC/USDT", "--kind", "trade", "--start", "2024-01-02", "--end", "2024-01-01"],
        &["binance", "BTC/USDT", "--kind", "trade", "--start", "soon"],
    ] {
        assert_eq!(read(dir.path(), flags).0, 2, "{flags:?}");
    }
}

#[test]
fn a_reader_that_leaves_ends_it_in_silence() {
    let dir = store(&[FIRST, SECOND, THIRD], StoreOptions::AsItIs);
    let mut command = Command::new(env!("CARGO_BIN_EXE_dccd-read"));
    command.env_clear().arg("--data-path").arg(dir.path()).args(["binance", "BTC/USDT", "--kind", "trade"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr), (Some(0), Vec::new()));
}

#[test]
fn times_without_an_offset_are_in_the_configured_zone() {
    let dir = store(&[FIRST, SECOND, THIRD], StoreOptions::AsItIs);
    let config = format!("settings: {{data_path: {}, timezone: Asia/Kolkata}}\n", dir.path().display());
    std::fs::write(dir.path().join("config.yml"), config).unwrap();
    let count = |flags: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dccd-read"));
        command.env_clear().current_dir(dir.path()).args(["binance", "BTC/USDT", "--kind", "trade", "--records"]);
        let output = command.args(flags).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout.iter().filter(|byte| **byte == b'\n').count()
    };
    // Midnight in UTC is half past five there.
    assert_eq!(count(&["--start", "2024-01-02T05:30"]), 1);
    assert_eq!(count(&["--start", "2024-01-02T05:31"]), 0);
    assert_eq!(count(&["--start", "2024-01-02T00:00:00Z"]), 1);
    assert_eq!(count(&["--end", "2024-01-01 05:30:01"]), 1);
    assert_eq!(count(&["--end", "2024-01-01T00:00:01Z", "--config", "config.yml"]), 1);
}
