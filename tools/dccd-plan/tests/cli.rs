//! `dccd-plan` as a process.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use dccd_record::Ts;
use dccd_store::{StoreOptions, Taken, Writer, WriterOptions};

const CANDLES: &str = r#"{"kind":"job","exchange":"binance","pair":"BTC/USDT","id":"mine","of":"candle","span":3600,"start":"2024-01-01T00:00:00.000000000Z","end":"2024-01-02T00:00:00.000000000Z","max_retries":3,"retry_delay":0.5}"#;
const TRADES: &str = r#"{"kind":"job","exchange":"binance","pair":"BTC/USDT","id":"ticks","of":"trade","start":"2024-01-01T00:00:00.000000000Z","end":"2024-01-02T00:00:00.000000000Z"}"#;
const BOOK: &str =
    r#"{"kind":"job","exchange":"binance","pair":"BTC/USDT","id":"books","of":"book","start":"2024-01-01T00:00:00Z"}"#;

fn store(lines: &[&str]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let options = WriterOptions {
        sync_interval: Duration::from_secs(1),
        store: StoreOptions::AsItIs,
        program: "test 0".to_owned(),
    };
    let mut writer = Writer::open(dir.path(), &options).unwrap();
    lines.iter().for_each(|line| assert_eq!(writer.take(line.as_bytes()).unwrap(), Taken::Yes, "{line}"));
    writer.finish().unwrap();
    dir
}

/// A line about a part of 2024-01-01, from one hour to another.
fn known(kind: &str, of: &str, from: u32, to: u32, rest: &str) -> String {
    let time = |hour| format!("2024-01-01T{hour:02}:00:00.000000000Z");
    format!(
        r#"{{"kind":"{kind}","exchange":"binance","pair":"BTC/USDT",{of},"start":"{}","end":"{}",{rest}}}"#,
        time(from),
        time(to)
    )
}

fn covered(of: &str, from: u32, to: u32) -> String {
    known("covered", of, from, to, r#""proof":"page""#)
}

const OF_CANDLES: &str = r#""of":"candle","span":3600"#;
const OF_TRADES: &str = r#""of":"trade""#;
const OF_BOOKS: &str = r#""of":"book""#;

fn plan(store: &Path, flags: &[&str], input: &str) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dccd-plan"));
    command.env_clear().current_dir(std::env::temp_dir()).arg("--data-path").arg(store).args(flags);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A tool that ends early does not read it all.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// The hours of the ranges that are planned, with the reason for each.
fn ranges(stdout: &str) -> Vec<(String, String, String)> {
    let field = |line: &str, key: &str| {
        line.split(&format!("\"{key}\":\"")).nth(1).unwrap().split('"').next().unwrap().to_owned()
    };
    let hour = |time: String| time[8..13].to_owned();
    stdout
        .lines()
        .filter(|line| line.starts_with(r#"{"kind":"range""#))
        .map(|line| (hour(field(line, "start")), hour(field(line, "end")), field(line, "why")))
        .collect()
}

#[track_caller]
fn check(store: &Path, flags: &[&str], input: &str, expected: &[(&str, &str, &str)]) {
    let (status, stdout, stderr) = plan(store, flags, input);
    assert_eq!((status, stderr.as_str()), (0, ""), "{stdout}");
    let found = ranges(&stdout);
    let found: Vec<(&str, &str, &str)> =
        found.iter().map(|(from, to, why)| (from.as_str(), to.as_str(), why.as_str())).collect();
    assert_eq!(found, expected, "{stdout}");
}

#[test]
fn a_job_is_passed_on_before_its_ranges() {
    let dir = store(&[&covered(OF_CANDLES, 2, 4)]);
    let own_key = CANDLES.replace("\"id\"", "\"colour\":\"blue\",\"id\"");
    let unknown = r#"{"kind":"weather","sky":"blue"}"#;
    let (status, stdout, stderr) = plan(dir.path(), &[], &format!("{own_key}\n{unknown}\n"));
    assert_eq!((status, stderr.as_str()), (0, ""));
    let lines: Vec<&str> = stdout.lines().collect();
    let planned = own_key.replace("0.5}", "0.5,\"ranges\":2}");
    let range = r#"{"kind":"range","exchange":"binance","pair":"BTC/USDT","job":"mine","of":"candle","span":3600,"start":"2024-01-01T04:00:00.000000000Z","end":"2024-01-02T00:00:00.000000000Z","why":"asked","max_retries":3,"retry_delay":0.5}"#;
    assert_eq!((lines[0], lines[2], lines[3], lines.len()), (planned.as_str(), range, unknown, 4), "{stdout}");
}

#[test]
fn a_store_that_is_not_there_lacks_everything() {
    let dir = tempfile::tempdir().unwrap();
    check(&dir.path().join("nowhere"), &[], &format!("{CANDLES}\n"), &[("01T00", "02T00", "asked")]);
    assert!(!dir.path().join("nowhere").exists(), "planning writes nothing");
}

#[test]
fn journals_count_too() {
    let dir = tempfile::tempdir().unwrap();
    let options = WriterOptions {
        sync_interval: Duration::from_secs(1),
        store: StoreOptions::AsItIs,
        program: "test 0".to_owned(),
    };
    let mut writer = Writer::open(dir.path(), &options).unwrap();
    writer.take(covered(OF_CANDLES, 0, 20).as_bytes()).unwrap();
    writer.commit().unwrap();
    check(dir.path(), &[], &format!("{CANDLES}\n"), &[("01T20", "02T00", "asked")]);
}

#[test]
fn two_jobs_of_one_dataset_ask_once() {
    let dir = tempfile::tempdir().unwrap();
    let other = CANDLES.replace("mine", "other");
    let (_, stdout, _) = plan(dir.path(), &[], &format!("{CANDLES}\n{other}\n"));
    assert_eq!(ranges(&stdout).len(), 1, "{stdout}");
    assert!(stdout.lines().last().unwrap().ends_with("\"ranges\":0}"), "{stdout}");
}

#[test]
fn open_gaps_outside_the_asked_range_are_planned_unless_flags_bound_it() {
    let later = CANDLES.replace("2024-01-01T00", "2024-01-01T12");
    let gap = known("gap", OF_CANDLES, 3, 5, r#""reason":"disconnected""#);
    let dir = store(&[&gap]);
    let input = format!("{later}\n");
    check(dir.path(), &[], &input, &[("01T03", "01T05", "disconnected"), ("01T12", "02T00", "asked")]);
    check(dir.path(), &["--start", "2024-01-01T20:00:00Z"], &input, &[("01T20", "02T00", "asked")]);
    check(dir.path(), &["--gaps"], &input, &[]);
    check(dir.path(), &["--gaps"], &format!("{CANDLES}\n"), &[("01T03", "01T05", "disconnected")]);
}

#[test]
fn collecting_begins_with_the_first_covered_instant() {
    let dir = store(&[&covered(OF_CANDLES, 3, 5), &covered(OF_CANDLES, 7, 8)]);
    let expected = [("01T05", "01T07", "asked"), ("01T08", "02T00", "asked")];
    check(dir.path(), &["--from", "covered"], &format!("{CANDLES}\n"), &expected);
    let newest_first = [("01T08", "02T00", "asked"), ("01T05", "01T07", "asked")];
    check(dir.path(), &["--from", "covered", "--order", "newest"], &format!("{CANDLES}\n"), &newest_first);
}

#[test]
fn a_job_that_ended_is_collected_up_to_its_end() {
    let dir = tempfile::tempdir().unwrap();
    let ended = TRADES.replace(r#""start":"2024-01-01T00:00:00.000000000Z","#, "");
    check(dir.path(), &["--from", "covered"], &format!("{ended}\n"), &[("01T23", "02T00", "asked")]);
}

/// With no order and no word it would be counted as done.
#[test]
fn a_job_of_which_nothing_has_happened_fails_until_it_has() {
    let dir = tempfile::tempdir().unwrap();
    let begins = CANDLES.replace("2024", "2199").replace("mine", "later");
    let input = format!("{begins}\n{TRADES}\n");
    let said = "nothing of it has happened yet, for it begins at 2199-01-01T00:00:00.000000000Z";
    let failed = format!(
        r#""start":"2199-01-01T00:00:00.000000000Z","end":"2199-01-02T00:00:00.000000000Z","error":"{said}","retry":true"#
    );
    for flags in [&["--from", "covered"][..], &[]] {
        let (status, stdout, stderr) = plan(dir.path(), flags, &input);
        assert_eq!((status, stderr), (75, format!("dccd-plan: later: {said}\n")));
        assert!(stdout.lines().nth(1).is_some_and(|line| line.contains(&failed)), "{stdout}");
        assert_eq!(ranges(&stdout).len(), 1, "{stdout}");
    }
    // Its old gaps are worth a run all the same.
    let gap = known("gap", OF_CANDLES, 3, 5, r#""reason":"disconnected""#);
    check(store(&[&gap]).path(), &[], &format!("{begins}\n"), &[("01T03", "01T05", "disconnected")]);
}

/// What is asked for by flags need not concern every job.
#[test]
fn flags_that_ask_for_nothing_leave_what_is_there() {
    let input = format!("{CANDLES}\n");
    let later = ["--start", "2024-02-01"];
    check(store(&[&covered(OF_CANDLES, 2, 4)]).path(), &later, &input, &[]);
    let (status, _, stderr) = plan(store(&[]).path(), &later, &input);
    let said = "from 2024-02-01T00:00:00.000000000Z to 2024-01-02T00:00:00.000000000Z there is nothing";
    assert_eq!((status, stderr), (65, format!("dccd-plan: mine: {said}\n")));
}

#[test]
fn gaps_of_the_whole_store_need_no_job() {
    let mut lines = vec![covered(OF_CANDLES, 0, 9), known("gap", OF_CANDLES, 2, 4, r#""reason":"late""#)];
    lines.push(known("gap", OF_TRADES, 5, 6, r#""reason":"disconnected""#));
    lines.push(known("gap", OF_TRADES, 8, 9, r#""reason":"never published","final":true"#));
    lines.push(known("gap", OF_BOOKS, 8, 9, r#""reason":"disconnected""#));
    lines.push(known("gap", OF_TRADES, 5, 6, r#""reason":"disconnected""#).replace("binance", "mtgox"));
    let dir = store(&lines.iter().map(String::as_str).collect::<Vec<_>>());
    let (status, stdout, stderr) = plan(dir.path(), &["--gaps"], "");
    assert_eq!(status, 0, "{stderr}");
    assert_eq!(ranges(&stdout), [("01T05".to_owned(), "01T06".to_owned(), "disconnected".to_owned())], "{stdout}");
    let lost = known("gap", OF_BOOKS, 8, 9, r#""reason":"irreparable: a book has no past","final":true"#);
    assert!(stdout.lines().any(|line| line == lost), "{stdout}");
    assert!(stderr.contains("mtgox:trade:BTC-USDT has gaps that stay"), "{stderr}");
    assert!(stderr.contains("a book has no past"), "{stderr}");
    assert!(stdout.contains(r#""id":"binance:trade:BTC-USDT","of":"trade","ranges":1"#), "{stdout}");
    // Once a loss is stored it is not told again.
    let dir = store(&[&lost]);
    assert_eq!(plan(dir.path(), &["--gaps"], ""), (0, String::new(), String::new()));
}

/// The job of a stream, as it leaves `dccd-stream`.
fn stream(of: &str) -> String {
    format!(r#"{{"kind":"job","exchange":"binance","pair":"BTC/USDT","id":"live",{of},"live":true}}"#)
}

/// Streams that lived from hour to hour, each of them killed.
fn streamed(of: &str, lives: &[(u32, u32)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    lives.iter().for_each(|(from, to)| die_after(dir.path(), &[&stream(of), &covered(of, *from, *to)]));
    dir
}

/// Writes these lines and is killed.
fn die_after(store: &Path, lines: &[&str]) {
    let options = WriterOptions {
        sync_interval: Duration::from_secs(1),
        store: StoreOptions::AsItIs,
        program: "test 0".to_owned(),
    };
    let mut writer = Writer::open(store, &options).unwrap();
    lines.iter().for_each(|line| assert_eq!(writer.take(line.as_bytes()).unwrap(), Taken::Yes, "{line}"));
    writer.commit().unwrap();
}

#[test]
fn what_a_dead_stream_missed_is_asked_for() {
    let dir = streamed(OF_TRADES, &[(3, 5), (6, 9)]);
    let (status, stdout, stderr) = plan(dir.path(), &["--gaps"], "");
    assert_eq!((status, stderr.as_str()), (0, ""));
    assert_eq!(ranges(&stdout), [("01T05".to_owned(), "01T06".to_owned(), "gap".to_owned())], "{stdout}");
    // A backfill of what was long before makes no gap of what lies between.
    die_after(dir.path(), &[&covered(OF_TRADES, 0, 1)]);
    check(dir.path(), &["--gaps"], "", &[("01T05", "01T06", "gap")]);
    die_after(dir.path(), &[&covered(OF_TRADES, 5, 6)]);
    assert_eq!(plan(dir.path(), &["--gaps"], ""), (0, String::new(), String::new()));
}

#[test]
fn the_job_of_a_stream_is_passed_on_and_nothing_ordered_for_it() {
    let dir = streamed(OF_TRADES, &[(3, 5), (6, 9)]);
    let line = format!("{}\n", stream(OF_TRADES));
    assert_eq!(plan(dir.path(), &[], &line), (0, line.clone(), String::new()));
    let (_, stdout, _) = plan(dir.path(), &["--gaps"], &line);
    assert!(stdout.starts_with(&line), "{stdout}");
    assert_eq!(ranges(&stdout), [("01T05".to_owned(), "01T06".to_owned(), "gap".to_owned())], "{stdout}");
}

#[test]
fn what_a_dead_stream_missed_of_books_is_lost() {
    let dir = streamed(OF_BOOKS, &[(3, 5), (6, 9)]);
    let (status, stdout, stderr) = plan(dir.path(), &["--gaps"], "");
    let lost = known("gap", OF_BOOKS, 5, 6, r#""reason":"irreparable: a book has no past","final":true"#);
    assert_eq!((status, ranges(&stdout).len()), (0, 0), "{stdout}");
    assert_eq!(stdout.lines().filter(|line| *line == lost).count(), 1, "{stdout}");
    assert!(stderr.contains("a book has no past"), "{stderr}");
    die_after(dir.path(), &[&lost]);
    assert_eq!(plan(dir.path(), &["--gaps"], ""), (0, String::new(), String::new()));
}

/// The exchange may still be filling the last seconds: what is missing of them waits for the next run.
#[test]
fn a_gap_that_has_just_opened_waits() {
    const SETTLING: Duration = Duration::from_secs(2);
    let clock = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let minute = Duration::from_secs(60);
    let covered = |from: Duration, to: Duration| {
        let (start, end) = (from.as_nanos(), to.as_nanos());
        format!(
            r#"{{"kind":"covered","exchange":"binance","pair":"BTC/USDT","of":"trade","start":{start},"end":{end},"proof":"id"}}"#
        )
    };
    // Half of the gap is still to come, however slow this host is.
    let before = clock();
    let dir = tempfile::tempdir().unwrap();
    let parts = [covered(before - 2 * minute, before - minute), covered(before + minute, before + 2 * minute)];
    die_after(dir.path(), &[&stream(OF_TRADES), &parts[0], &parts[1]]);
    let (_, stdout, _) = plan(dir.path(), &["--gaps"], "");
    let ordered = |line: &str| line.split(r#""end":""#).nth(1).unwrap().split('"').next().unwrap().to_owned();
    let ends: Vec<String> = stdout.lines().filter(|line| line.contains(r#""kind":"range""#)).map(ordered).collect();
    let [end] = &ends[..] else { panic!("{stdout}") };
    let end = Duration::from_nanos(end.parse::<Ts>().unwrap().nanos().unsigned_abs());
    assert!(before - minute < end && end + SETTLING <= clock(), "{stdout}");
    let dir = tempfile::tempdir().unwrap();
    let parts = [covered(before - minute, before + minute), covered(before + 2 * minute, before + 3 * minute)];
    die_after(dir.path(), &[&stream(OF_TRADES), &parts[0], &parts[1]]);
    check(dir.path(), &["--gaps"], "", &[]);
}

#[test]
fn impossible_jobs_fail_and_the_others_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let unknown = CANDLES.replace("binance", "mtgox");
    let (status, stdout, stderr) = plan(dir.path(), &[], &format!("{BOOK}\n{unknown}\n{TRADES}\n"));
    assert_eq!(status, 65);
    assert_eq!(ranges(&stdout).len(), 1, "{stdout}");
    let failed: Vec<&str> = stdout.lines().filter(|line| line.contains(r#""kind":"failed""#)).collect();
    assert_eq!(failed.len(), 2, "{stdout}");
    assert!(failed.iter().all(|line| line.contains(r#""retry":false"#)), "{stdout}");
    assert!(stderr.contains("books: ") && stderr.contains("no exchange \"mtgox\""), "{stderr}");
}

#[test]
fn an_estimate_is_a_table_with_totals() {
    let dir = store(&[&covered(OF_CANDLES, 0, 12)]);
    let (status, stdout, stderr) = plan(dir.path(), &["--estimate"], &format!("{CANDLES}\n{TRADES}\n"));
    assert_eq!((status, stderr.as_str()), (0, ""));
    assert_eq!(
        stdout,
        "exchange  pair      type    span  from                  to                    ranges  pages  requests  time  bytes     irreparable\n\
         binance   BTC/USDT  candle  1h    2024-01-01T12:00:00Z  2024-01-02T00:00:00Z  1       1      1         1 s   540 B     -\n\
         binance   BTC/USDT  trade   -     2024-01-01T00:00:00Z  2024-01-02T00:00:00Z  1       87     87        9 s   1012 KiB  -\n\
         total     -         -       -     -                     -                     2       88     88        9 s   1013 KiB  -\n"
    );
}

#[test]
fn an_estimate_is_in_the_configured_zone_and_whole_seconds_and_says_what_is_lost() {
    let lost = known("gap", OF_BOOKS, 3, 9, r#""reason":"disconnected""#);
    let dir = store(&[&lost]);
    let config = dir.path().join("config.yml");
    std::fs::write(&config, "settings: {timezone: Asia/Kolkata}\n").unwrap();
    let books = BOOK.replace("\"start\"", "\"end\":\"2024-01-01T05:00:00Z\",\"start\"");
    let trades = TRADES.replace("02T00:00:00.0", "01T05:30:00.7");
    let flags = ["--gaps", "--estimate", "--config", config.to_str().unwrap()];
    let (status, stdout, stderr) = plan(dir.path(), &flags, &format!("{books}\n"));
    let irreparable = |line: usize| stdout.lines().nth(line).unwrap().rsplit("  ").next();
    assert_eq!((status, irreparable(1), irreparable(2)), (0, Some("2 h"), Some("2 h")), "{stdout}");
    assert!(stderr.contains("is lost: irreparable"), "{stderr}");
    let (_, stdout, _) = plan(dir.path(), &flags[1..], &format!("{trades}\n"));
    let row: Vec<&str> = stdout.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!(row[4..6], ["2024-01-01T05:30:00+05:30", "2024-01-01T11:00:00+05:30"], "{stdout}");
}

#[test]
fn candles_that_are_built_from_trades_take_what_the_trades_take() {
    let dir = tempfile::tempdir().unwrap();
    let kraken = CANDLES.replace("binance", "kraken");
    let (status, stdout, stderr) = plan(dir.path(), &["--estimate"], &format!("{kraken}\n"));
    assert_eq!((status, stderr.as_str()), (0, ""));
    // A day of a trade a second, long gone from the pages of candles.
    let row: Vec<&str> = stdout.lines().nth(1).unwrap_or_default().split_whitespace().collect();
    assert_eq!(row[6..9], ["1", "87", "87"], "{stdout}");
}

#[test]
fn gaps_of_an_exchange_that_closed_stay() {
    let gap = known("gap", OF_TRADES, 5, 6, r#""reason":"disconnected""#).replace("binance", "bitmex");
    let (status, stdout, stderr) = plan(store(&[&gap]).path(), &["--gaps"], "");
    assert_eq!((status, stdout.as_str()), (0, ""));
    assert!(stderr.contains("has gaps that stay: bitmex closed on 2026-09-23"), "{stderr}");
}

#[test]
fn bad_lines_are_told_and_wrong_flags_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (status, stdout, stderr) = plan(dir.path(), &[], &format!("{{\"kind\":\"job\"}}\n{CANDLES}\n"));
    assert_eq!((status, stdout.lines().count()), (65, 2), "{stdout}");
    assert!(stderr.contains("line 1"), "{stderr}");
    let (status, _, stderr) = plan(dir.path(), &[], CANDLES);
    assert!(status == 0 && stderr.contains("middle of a line"), "{stderr}");
    for flags in [&["--start", "2024-02-01", "--end", "2024-01-01"][..], &["--from", "now"], &["--start", "x"]] {
        assert_eq!(plan(dir.path(), flags, "").0, 2, "{flags:?}");
    }
}

#[test]
fn it_ends_quietly_when_nobody_reads() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_dccd-plan"));
    command.env_clear().current_dir(std::env::temp_dir()).arg("--data-path").arg(dir.path());
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let mut stdin = child.stdin.take().unwrap();
    let line = format!("{CANDLES}\n");
    while stdin.write_all(line.as_bytes()).is_ok() {}
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0));
}

/// Files are looked at only where they can tell more: those of trades never, others where they are not covered.
#[test]
fn files_that_cannot_change_the_plan_are_not_opened() {
    let candle = r#"{"kind":"candle","exchange":"binance","pair":"BTC/USDT","span":3600,"ts":"2023-01-01T00:00:00Z","open":1,"high":1,"low":1,"close":1,"volume":1,"quote_volume":null,"trades":null}"#;
    let trade = r#"{"kind":"trade","exchange":"binance","pair":"BTC/USDT","ts":"2024-01-01T00:00:01.000000000Z","price":1,"amount":1,"side":"buy","tid":"1"}"#;
    let year =
        covered(OF_CANDLES, 0, 1).replace("2024-01-01T00", "2023-01-01T00").replace("2024-01-01T01", "2024-01-01T00");
    let dir = store(&[candle, trade, &year, &covered(OF_TRADES, 0, 5)]);
    for name in ["binance/ohlc/BTC-USDT/1h/2023.parquet", "binance/trades/BTC-USDT/2024-01-01.parquet"] {
        std::fs::write(dir.path().join(name), "broken").unwrap();
    }
    let whole_year = CANDLES.replace("2024-01-01T00", "2023-01-01T00").replace("2024-01-02T00", "2024-01-01T00");
    check(dir.path(), &["--start", "2023-01-01", "--end", "2024-01-01"], &format!("{whole_year}\n"), &[]);
    check(dir.path(), &[], &format!("{TRADES}\n"), &[("01T05", "02T00", "asked")]);
    // Where it matters, a file that cannot be read takes its coverage with it.
    let beyond = CANDLES.replace("2024-01-01T00", "2023-06-01T00");
    let dir = store(&[candle, &covered(OF_CANDLES, 0, 1).replace("2024-01-01T", "2023-01-01T")]);
    std::fs::write(dir.path().join("binance/ohlc/BTC-USDT/1h/2023.parquet"), "broken").unwrap();
    check(dir.path(), &[], &format!("{beyond}\n"), &[("01T00", "01T01", "gap"), ("01T00", "02T00", "asked")]);
}

/// Two thousand jobs: what it takes is seen while it waits for more.
#[cfg(target_os = "linux")]
#[test]
fn two_thousand_jobs_are_planned_at_once_in_little_memory() {
    const JOBS: usize = 2000;
    const CPU_TICKS_MAX: u64 = 100;
    const MEMORY_KIB_MAX: u64 = 64 << 10;
    let dir = store(&[]);
    let ledgers = dir.path().join(".dccd/ledger");
    std::fs::create_dir_all(&ledgers).unwrap();
    let mut input = String::new();
    for number in 0..JOBS {
        let base = format!("C{number}");
        let held = [(0, 2), (5, 6), (9, 20)].map(|(from, to)| covered(OF_CANDLES, from, to).replace("BTC", &base));
        std::fs::write(ledgers.join(format!("binance:candle:{base}-USDT:1h.ndjson")), held.join("\n") + "\n").unwrap();
        input.push_str(&CANDLES.replace("BTC", &base));
        input.push('\n');
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_dccd-plan"));
    command.env_clear().current_dir(std::env::temp_dir()).arg("--data-path").arg(dir.path());
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let writing = std::thread::spawn(move || {
        stdin.write_all(input.as_bytes()).unwrap();
        stdin
    });
    let stdout = std::io::BufReader::new(child.stdout.take().unwrap());
    let lines = std::io::BufRead::lines(stdout).map_while(Result::ok).take(4 * JOBS);
    assert_eq!(lines.filter(|line| line.contains(r#""kind":"range""#)).count(), 3 * JOBS);
    let proc = |name: &str| std::fs::read_to_string(format!("/proc/{}/{name}", child.id())).unwrap();
    let stat = proc("stat");
    // After the name in brackets: user and system time are fields 14 and 15 of all.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    let status = proc("status");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(ticks < CPU_TICKS_MAX, "{ticks} hundredths of a second");
    assert!(peak < MEMORY_KIB_MAX, "{peak} KiB");
    drop(writing.join().unwrap());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
