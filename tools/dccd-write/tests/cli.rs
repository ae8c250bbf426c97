//! `dccd-write` as a process: statuses, messages, receipts, signals.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

fn command(store: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dccd-write"));
    command.env_clear().arg("--data-path").arg(store);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn feed(mut child: Child, input: &str) -> Output {
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    let feeder = std::thread::spawn(move || {
        let _ = stdin.write_all(input.as_bytes());
    });
    let output = child.wait_with_output().unwrap();
    feeder.join().unwrap();
    output
}

fn run(store: &Path, input: &str) -> (i32, String, String) {
    let output = feed(command(store).spawn().unwrap(), input);
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

fn trade(second: u32, tid: u32) -> String {
    format!(
        "{{\"kind\":\"trade\",\"exchange\":\"binance\",\"pair\":\"BTC/USDT\",\
         \"ts\":\"2024-01-01T00:00:{second:02}.000000000Z\",\"price\":42000.5,\"amount\":0.1,\
         \"side\":\"buy\",\"tid\":\"{tid}\"}}\n"
    )
}

const COVERED: &str = "{\"kind\":\"covered\",\"exchange\":\"binance\",\"pair\":\"BTC/USDT\",\"of\":\"trade\",\
    \"start\":\"2024-01-01T00:00:00.000000000Z\",\"end\":\"2024-01-01T00:01:00.000000000Z\",\"proof\":\"id\"}\n";

#[test]
fn help_fits_and_names_every_flag() {
    let output = Command::new(env!("CARGO_BIN_EXE_dccd-write")).arg("-h").output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success());
    assert!(help.lines().count() <= 24, "-h is longer than a screen:\n{help}");
    for flag in ["--data-path", "--sync-ms", "--decimal", "--quiet", "--verbose", "--version"] {
        assert!(help.contains(flag), "{flag} is missing:\n{help}");
    }
}

#[test]
fn a_bad_flag_is_a_usage_error() {
    let output = Command::new(env!("CARGO_BIN_EXE_dccd-write")).arg("--sync-ms=0").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
}

#[test]
fn receipts_follow_what_they_speak_of() {
    let dir = tempfile::tempdir().unwrap();
    let (status, stdout, stderr) = run(dir.path(), &format!("{}{}{COVERED}", trade(1, 1), trade(2, 2)));
    assert_eq!((status, stderr.as_str()), (0, ""));
    let lines: Vec<&str> = stdout.lines().collect();
    assert_eq!(lines.len(), 2, "{stdout}");
    assert!(lines[0].starts_with("{\"kind\":\"stored\"") && lines[0].contains("\"rows\":2"), "{stdout}");
    assert_eq!(format!("{}\n", lines[1]), COVERED);
    assert!(dir.path().join("binance/trades/BTC-USDT/2024-01-01.parquet").is_file());
}

#[test]
fn the_same_input_twice_is_stored_once() {
    let dir = tempfile::tempdir().unwrap();
    let input = format!("{}{}{COVERED}", trade(1, 1), trade(2, 2));
    let path = dir.path().join("binance/trades/BTC-USDT/2024-01-01.parquet");
    run(dir.path(), &input);
    let before = fs::read(&path).unwrap();
    let (status, stdout, _) = run(dir.path(), &input);
    assert_eq!(status, 0);
    assert!(stdout.contains("\"kind\":\"stored\""));
    assert_eq!(fs::read(&path).unwrap(), before, "a replay rewrote the file");
}

#[test]
fn bad_lines_are_told_and_their_neighbours_stored() {
    let dir = tempfile::tempdir().unwrap();
    let bad = [
        "not json",
        "{\"exchange\":\"binance\"}",
        "{\"kind\":\"trade\",\"exchange\":\"../../etc\",\"pair\":\"BTC/USDT\",\"ts\":1704067200000000000,\"price\":1,\"amount\":1}",
        "{\"kind\":\"trade\",\"exchange\":\"binance\",\"pair\":\"../../X\",\"ts\":1704067200000000000,\"price\":1,\"amount\":1}",
        "{\"kind\":\"trade\",\"exchange\":\"binance\",\"pair\":\"BTC/USDT\",\"ts\":-5,\"price\":1,\"amount\":1}",
        "{\"kind\":\"trade\",\"exchange\":\"binance\",\"pair\":\"BTC/USDT\",\"ts\":1704067200000000000,\"price\":NaN,\"amount\":1}",
        "{\"kind\":\"trade\",\"exchange\":\"binance\",\"pair\":\"BTC/USDT\",\"ts\":1704067200000000000,\"price\":1e400,\"amount\":1}",
    ];
    let mut input = String::new();
    for (at, line) in bad.iter().enumerate() {
        input.push_str(&trade(u32::try_from(at).unwrap(), u32::try_from(at).unwrap()));
        input.push_str(line);
        input.push('\n');
    }
    let (status, stdout, stderr) = run(dir.path(), &input);
    assert_eq!(status, 65, "{stderr}");
    assert!(stdout.contains(&format!("\"rows\":{}", bad.len())), "{stdout}");
    for at in 0..bad.len() {
        assert!(stderr.contains(&format!("line {}: ", at * 2 + 2)), "line {} is not told:\n{stderr}", at * 2 + 2);
    }
    assert!(!dir.path().parent().unwrap().join("etc").exists());
}

#[test]
fn an_unterminated_last_line_is_cut_off_and_is_no_bad_input() {
    let dir = tempfile::tempdir().unwrap();
    let (status, stdout, stderr) = run(dir.path(), &format!("{}{{\"kind\":\"tra", trade(1, 1)));
    assert_eq!(status, 0);
    assert!(stdout.contains("\"rows\":1"), "{stdout}");
    assert!(stderr.contains("cut off"), "{stderr}");
}

#[test]
fn unknown_kinds_and_orders_pass_through() {
    let dir = tempfile::tempdir().unwrap();
    let unknown = "{\"kind\":\"weather\",\"exchange\":\"binance\",\"rain\":[1,2]}\n";
    let order = "{\"kind\":\"range\",\"exchange\":\"binance\",\"pair\":\"BTC/USDT\",\"job\":\"j\",\"of\":\"trade\",\
        \"start\":\"2024-01-01T00:00:00.000000000Z\",\"end\":\"2024-01-01T00:01:00.000000000Z\",\"why\":\"asked\"}\n";
    let (status, stdout, _) = run(dir.path(), &format!("{unknown}{order}"));
    assert_eq!((status, stdout), (0, format!("{unknown}{order}")));
}

#[test]
fn receipts_that_nobody_reads_do_not_stop_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut child = command(dir.path()).arg("--sync-ms=1").spawn().unwrap();
    drop(child.stdout.take());
    let mut stdin = child.stdin.take().unwrap();
    for tid in 0..50 {
        stdin.write_all(trade(tid, tid).as_bytes()).unwrap();
    }
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr), (Some(0), Vec::new()));
    assert!(dir.path().join("binance/trades/BTC-USDT/2024-01-01.parquet").is_file());
}

#[test]
fn receipts_that_cannot_be_written_are_an_io_error_and_the_data_is_stored() {
    let dir = tempfile::tempdir().unwrap();
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let output = feed(command(dir.path()).stdout(full).spawn().unwrap(), &trade(1, 1));
    assert_eq!(output.status.code(), Some(74));
    assert!(dir.path().join("binance/trades/BTC-USDT/2024-01-01.parquet").is_file());
}

#[test]
fn a_file_that_had_to_be_set_aside_is_told_by_the_status() {
    let dir = tempfile::tempdir().unwrap();
    run(dir.path(), &trade(1, 1));
    fs::write(dir.path().join("binance/trades/BTC-USDT/2024-01-01.parquet"), "broken").unwrap();
    let (status, stdout, stderr) = run(dir.path(), &trade(2, 2));
    assert_eq!(status, 65, "{stderr}");
    assert!(stdout.contains("\"rows\":1") && stderr.contains("/aside/"), "{stdout}{stderr}");
}

#[test]
fn sigterm_drains_what_is_still_coming() {
    let dir = tempfile::tempdir().unwrap();
    let mut child = command(dir.path()).arg("--sync-ms=1").spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut receipts = BufReader::new(child.stdout.take().unwrap()).lines();
    stdin.write_all(trade(1, 1).as_bytes()).unwrap();
    assert!(receipts.next().unwrap().unwrap().contains("\"rows\":1"));
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    stdin.write_all(trade(2, 2).as_bytes()).unwrap();
    drop(stdin);
    assert!(receipts.next().unwrap().unwrap().contains("\"rows\":1"));
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_store_that_cannot_be_written_is_an_io_error() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    let (status, stdout, stderr) = run(&file.join("store"), &trade(1, 1));
    assert_eq!((status, stdout.as_str()), (74, ""));
    assert!(stderr.starts_with("dccd-write: cannot create folder"), "{stderr}");
}

#[test]
fn a_store_with_floats_does_not_become_one_with_decimals() {
    let dir = tempfile::tempdir().unwrap();
    run(dir.path(), &trade(1, 1));
    let output = feed(command(dir.path()).arg("--decimal").spawn().unwrap(), "");
    assert_eq!(output.status.code(), Some(78));
}
