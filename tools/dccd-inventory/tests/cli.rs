//! `dccd-inventory` as a process.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use dccd_store::{StoreOptions, Taken, Writer, WriterOptions};

const CANDLE: &str = r#"{"kind":"candle","exchange":"binance","pair":"BTC/USDT","span":3600,"ts":"2024-01-01T00:00:00Z","open":1,"high":1,"low":1,"close":1,"volume":1,"quote_volume":null,"trades":null}"#;
const TRADE: &str = r#"{"kind":"trade","exchange":"binance","pair":"BTC/USDT:perp","ts":"2024-01-01T00:00:01.000000000Z","price":1,"amount":1,"side":"buy","tid":"1"}"#;
const GAP: &str = r#"{"kind":"gap","exchange":"binance","pair":"BTC/USDT:perp","of":"trade","start":"2024-01-01T00:00:02.000000000Z","end":"2024-01-01T00:00:03.000000000Z","reason":"disconnected"}"#;
const FINAL_GAP: &str = r#"{"kind":"gap","exchange":"binance","pair":"BTC/USDT:perp","of":"trade","start":"2024-01-01T00:00:04.000000000Z","end":"2024-01-01T00:00:05.000000000Z","reason":"never published","final":true}"#;
const FUTURE: &str = r#"{"kind":"range","exchange":"binance","pair":"BTC/USDT:perp","job":"j","of":"trade","start":"2190-01-01T00:00:00.000000000Z","end":"2190-01-02T00:00:00.000000000Z","why":"asked"}"#;

fn writer(root: &Path) -> Writer {
    let options = WriterOptions {
        sync_interval: Duration::from_secs(1),
        store: StoreOptions::AsItIs,
        program: "test 0".to_owned(),
    };
    Writer::open(root, &options).unwrap()
}

fn store(lines: &[&str]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = writer(dir.path());
    lines.iter().for_each(|line| assert_eq!(writer.take(line.as_bytes()).unwrap(), Taken::Yes, "{line}"));
    writer.finish().unwrap();
    dir
}

fn inventory(store: &Path, flags: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dccd-inventory"));
    let output = command.env_clear().arg("--data-path").arg(store).args(flags).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[track_caller]
fn check(store: &Path, flags: &[&str], expected: &str) {
    assert_eq!(inventory(store, flags), (0, expected.to_owned(), String::new()));
}

#[test]
fn the_table_counts_rows_and_open_gaps() {
    let dir = store(&[CANDLE, TRADE, GAP, FINAL_GAP, FUTURE]);
    check(
        dir.path(),
        &[],
        "exchange  pair           type    span  from                  to                    rows  gaps\n\
         binance   BTC/USDT       candle  1h    2024-01-01T00:00:00Z  2024-01-01T00:00:00Z  1     0\n\
         binance   BTC/USDT:perp  trade   -     2024-01-01T00:00:01Z  2024-01-01T00:00:01Z  1     1\n",
    );
    check(
        dir.path(),
        &["--kind", "ohlc", "--json"],
        "{\"kind\":\"inventory\",\"exchange\":\"binance\",\"pair\":\"BTC/USDT\",\"of\":\"candle\",\"span\":3600,\
         \"from\":\"2024-01-01T00:00:00.000000000Z\",\"to\":\"2024-01-01T00:00:00.000000000Z\",\"rows\":1,\"gaps\":0}\n",
    );
}

#[test]
fn gaps_are_listed_with_their_reasons() {
    let dir = store(&[TRADE, GAP, FINAL_GAP, FUTURE]);
    check(
        dir.path(),
        &["--gaps"],
        "exchange  pair           type   span  from                  to                    reason\n\
         binance   BTC/USDT:perp  trade  -     2024-01-01T00:00:02Z  2024-01-01T00:00:03Z  disconnected\n\
         binance   BTC/USDT:perp  trade  -     2024-01-01T00:00:04Z  2024-01-01T00:00:05Z  never published (final)\n",
    );
    check(dir.path(), &["--gaps", "--json", "--pair", "BTC/USDT:perp"], &format!("{GAP}\n{FINAL_GAP}\n"));
    check(dir.path(), &["--gaps", "--json", "--exchange", "kraken"], "");
}

/// The stream and its writer were killed, and an hour later they were started again.
#[test]
fn an_outage_of_a_stream_is_a_gap_without_a_name() {
    let stream = r#"{"kind":"job","exchange":"binance","pair":"BTC/USDT:perp","id":"binance:BTC-USDT_PERP","of":"trade","live":true}"#;
    let covered = |from: &str, to: &str| {
        format!(
            r#"{{"kind":"covered","exchange":"binance","pair":"BTC/USDT:perp","of":"trade","start":"2024-01-01T{from}Z","end":"2024-01-01T{to}Z","proof":"id"}}"#
        )
    };
    let dir = tempfile::tempdir().unwrap();
    for covered in [covered("00:00:00", "00:01:00"), covered("01:01:00", "01:02:00")] {
        let mut writer = writer(dir.path());
        for line in [stream, TRADE, &covered] {
            assert_eq!(writer.take(line.as_bytes()).unwrap(), Taken::Yes, "{line}");
        }
        writer.commit().unwrap();
    }
    check(
        dir.path(),
        &["--gaps"],
        "exchange  pair           type   span  from                  to                    reason\n\
         binance   BTC/USDT:perp  trade  -     2024-01-01T00:01:00Z  2024-01-01T01:01:00Z  asked for, and not obtained\n",
    );
}

#[test]
fn journaled_rows_count_once() {
    let dir = store(&[TRADE]);
    let mut writer = writer(dir.path());
    let second = TRADE.replace(":01.0", ":02.0").replace("\"tid\":\"1\"", "\"tid\":\"2\"");
    for line in [TRADE, &second] {
        assert_eq!(writer.take(line.as_bytes()).unwrap(), Taken::Yes);
    }
    writer.commit().unwrap();
    let (status, stdout, _) = inventory(dir.path(), &["--json"]);
    assert!(status == 0 && stdout.contains("\"rows\":2"), "{stdout}");
}

#[test]
fn a_file_that_cannot_be_read_is_told() {
    let dir = store(&[CANDLE, TRADE]);
    std::fs::write(dir.path().join("binance/ohlc/BTC-USDT/1h/2024.parquet"), "broken").unwrap();
    let (status, stdout, stderr) = inventory(dir.path(), &["--json"]);
    assert_eq!(status, 65);
    assert_eq!(stdout.lines().count(), 2, "{stdout}");
    assert!(stderr.contains("2024.parquet"), "{stderr}");
}

#[test]
fn a_store_that_is_not_there_is_an_error_and_an_empty_one_is_not() {
    let dir = tempfile::tempdir().unwrap();
    check(dir.path(), &["--json"], "");
    let nowhere = dir.path().join("nowhere");
    let why = format!("dccd-inventory: cannot open the store {}: there is no such folder\n", nowhere.display());
    assert_eq!(inventory(&nowhere, &[]), (74, String::new(), why));
    assert_eq!(inventory(dir.path(), &["--kind", "tick"]).0, 2);
}

#[test]
fn the_configuration_names_the_store_and_the_zone() {
    let dir = store(&[CANDLE]);
    let run = |flags: &[&str], variable: Option<&str>| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dccd-inventory"));
        command.env_clear().envs(variable.map(|path| ("DCCD_DATA_PATH", path))).current_dir(dir.path()).args(flags);
        let output = command.output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    };
    let config = |text: String| std::fs::write(dir.path().join("config.yml"), text).unwrap();
    config(format!("settings: {{data_path: {}, timezone: Asia/Kolkata}}\n", dir.path().display()));
    let table = "exchange  pair      type    span  from                       to                         rows  gaps\n\
                 binance   BTC/USDT  candle  1h    2024-01-01T05:30:00+05:30  2024-01-01T05:30:00+05:30  1     0\n";
    assert_eq!(run(&[], None), (0, table.to_owned(), String::new()));
    assert_eq!(run(&["-c", "config.yml"], None).0, 0);
    // What is said nearer goes first.
    assert_eq!(run(&[], Some("elsewhere")).0, 74);
    assert_eq!(run(&["--data-path", "."], Some("elsewhere")).0, 0);
    assert_eq!(run(&[], Some("")).0, 0);
    assert_eq!(run(&["-c", "missing.yml"], None).0, 78);
    config("settings: {data_pth: x}\n".to_owned());
    let wrong = "dccd-inventory: config.yml:1:12: unknown key \"data_pth\" in settings; did you mean \"data_path\"?\n";
    assert_eq!(run(&[], None), (78, String::new(), wrong.to_owned()));
}
