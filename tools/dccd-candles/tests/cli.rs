//! The real binary: streams, statuses, signals.
#![allow(clippy::unwrap_used)]

use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};

const DAY: &str = "2024-01-01";

fn command(flags: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dccd-candles"));
    command.args(flags).env_remove("JOURNAL_STREAM");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs to the end on this input.
fn run(flags: &[&str], input: &[u8]) -> Output {
    let mut child = command(flags).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    std::thread::scope(|scope| {
        // A tool that stopped early does not read all of it.
        scope.spawn(move || drop(stdin.write_all(input)));
        child.wait_with_output().unwrap()
    })
}

#[track_caller]
fn check(flags: &[&str], input: &str, stdout: &str, stderr: &str, status: i32) {
    let output = run(flags, input.as_bytes());
    assert_eq!(String::from_utf8_lossy(&output.stdout), stdout);
    assert_eq!(String::from_utf8_lossy(&output.stderr), stderr);
    assert_eq!(output.status.code(), Some(status));
}

fn trade(pair: &str, time: &str, price: &str, amount: &str, tid: u64) -> String {
    format!(
        r#"{{"kind":"trade","exchange":"binance","pair":"{pair}","ts":"{DAY}T{time}.000000000Z","price":{price},"amount":{amount},"side":"buy","tid":"{tid}"}}"#
    ) + "\n"
}

fn said(kind: &str, pair: &str, of: &str, start: &str, end: &str, rest: &str) -> String {
    let (job, rest) = match rest.split_once('|') {
        Some((job, rest)) => (format!(r#""job":"{job}","#), rest),
        None => (String::new(), rest),
    };
    format!(
        r#"{{"kind":"{kind}","exchange":"binance","pair":"{pair}",{job}"of":{of},"start":"{DAY}T{start}.000000000Z","end":"{DAY}T{end}.000000000Z",{rest}}}"#
    ) + "\n"
}

fn trades_covered(start: &str, end: &str) -> String {
    said("covered", "BTC/USDT", r#""trade""#, start, end, r#""proof":"id""#)
}

fn candles_covered(start: &str, end: &str) -> String {
    said("covered", "BTC/USDT", r#""candle","span":60"#, start, end, r#""proof":"id""#)
}

fn candle(pair: &str, time: &str, rest: &str) -> String {
    format!(
        r#"{{"kind":"candle","exchange":"binance","pair":"{pair}","span":60,"ts":"{DAY}T{time}Z",{rest},"derived":true}}"#
    ) + "\n"
}

const ONE: &str = r#""open":1.50,"high":1.50,"low":1.50,"close":1.50,"volume":2,"quote_volume":3,"trades":1"#;

#[test]
fn trades_become_candles() {
    let input = [
        said("range", "BTC/USDT", r#""trade""#, "00:00:30", "00:03:30", r#"j|"why":"backfill""#),
        trade("BTC/USDT", "00:00:40", "9", "9", 1),
        trade("BTC/USDT", "00:01:40", "1.70", "0.10", 3),
        trade("BTC/USDT", "00:01:40", "1.50", "2.0", 2),
        trade("BTC/USDT", "00:01:40", "1.50", "2.0", 2),
        trades_covered("00:00:30", "00:03:30"),
    ]
    .concat();
    let rest = r#""open":1.50,"high":1.70,"low":1.50,"close":1.70,"volume":2.1,"quote_volume":3.17,"trades":2"#;
    let made = candle("BTC/USDT", "00:01:00", rest);
    let order = said("range", "BTC/USDT", r#""candle","span":60"#, "00:01:00", "00:03:00", r#"j|"why":"backfill""#);
    let stderr = "dccd-candles: candles not made because their time is not wholly covered: 1, \
                  of binance:candle:BTC-USDT:1m first\n";
    check(&["--span", "1m"], &input, &(order + &made + &candles_covered("00:01:00", "00:03:00")), stderr, 0);
    check(&["--span", "60", "--records", "-q"], &input, &made, "", 0);
}

#[test]
fn other_lines_pass_as_they_are() {
    let lines = concat!(
        r#"{"kind":"candle","exchange":"kraken","pair":"BTC/USDT","span":3600,"ts":"2024-01-01T00:00:00Z","open":1,"high":1,"low":1,"close":1,"volume":1.0,"quote_volume":null,"trades":null}"#,
        "\n",
        r#"{"kind":"funding","exchange":"binance","pair":"BTC/USDT:perp","ts":"2024-01-01T00:00:00.000000000Z","rate":-0.0001,"mark_price":null, "more":1}"#,
        "\n",
        r#"{"kind":"book","exchange":"binance","pair":"BTC/USDT","ts":"2024-01-01T00:00:00.000000000Z","snapshot":true,"bids":[[1,2]],"asks":[],"seq":null}"#,
        "\n",
    );
    let others = [
        said("covered", "BTC/USDT", r#""book""#, "00:00:00", "01:00:00", r#""proof":"sequence""#),
        said("range", "BTC/USDT", r#""candle","span":60"#, "00:00:00", "01:00:00", r#"j|"why":"gap""#),
        "{\"kind\":\"liquidation\",\"x\":[]}\n".to_owned(),
    ]
    .concat();
    check(&["--span", "1h"], &format!("{lines}{others}"), &format!("{lines}{others}"), "", 0);
    check(&["--span", "1h", "--records"], &format!("{lines}{others}"), lines, "", 0);
}

#[test]
fn what_is_said_of_trades_is_said_of_candles() {
    let of_candles = r#""candle","span":60"#;
    let cases = [
        (said("gap", "BTC/USDT", r#""trade""#, "00:00:30", "00:01:30", r#""reason":"outage","final":true"#),
         said("gap", "BTC/USDT", of_candles, "00:00:00", "00:02:00", r#""reason":"outage""#)),
        (said("failed", "BTC/USDT", r#""trade""#, "00:01:00", "00:01:30", r#""error":"http 500","retry":true"#),
         said("failed", "BTC/USDT", of_candles, "00:01:00", "00:02:00", r#""error":"http 500","retry":true"#)),
        ("{\"kind\":\"job\",\"exchange\":\"binance\",\"pair\":\"BTC/USDT\",\"id\":\"mine\",\"of\":\"trade\"}\n".to_owned(),
         "{\"kind\":\"job\",\"exchange\":\"binance\",\"pair\":\"BTC/USDT\",\"id\":\"mine\",\"of\":\"candle\",\"span\":60}\n".to_owned()),
    ];
    for (input, expected) in cases {
        check(&["--span", "1m"], &input, &expected, "", 0);
        check(&["--span", "1m", "--records"], &input, "", "", 0);
    }
    let narrow = said("range", "BTC/USDT", r#""trade""#, "00:00:30", "00:00:31", r#"j|"why":"gap""#);
    check(&["--span", "1m"], &narrow, &narrow, "", 0);
}

#[test]
fn series_do_not_mix() {
    let input = [
        trade("BTC/USDT", "00:00:00", "1.50", "2.0", 1),
        trade("ETH/USDT", "00:00:00", "7", "1", 1),
        trade("ETH/USDT:inverse", "00:00:00", "7", "1", 1),
        trades_covered("00:00:00", "00:01:00"),
        said("covered", "ETH/USDT:inverse", r#""trade""#, "00:00:00", "00:01:00", r#""proof":"page""#),
    ]
    .concat();
    let contracts = r#""open":7,"high":7,"low":7,"close":7,"volume":1,"quote_volume":null,"trades":1"#;
    let expected = candle("BTC/USDT", "00:00:00", ONE) + &candle("ETH/USDT:inverse", "00:00:00", contracts);
    check(&["--span", "1m", "--records", "-q"], &input, &expected, "", 0);
}

#[test]
fn bad_lines_are_named_and_their_coverage_is_not_believed() {
    let input = [
        trade("BTC/USDT", "00:00:00", "1.50", "2.0", 1),
        trade("BTC/USDT", "00:00:01", "NaN", "2.0", 2),
        trades_covered("00:00:00", "00:01:00"),
        trade("BTC/USDT", "00:01:00", "1.50", "2.0", 3),
        trades_covered("00:01:00", "00:02:00"),
    ]
    .concat();
    let expected = candle("BTC/USDT", "00:01:00", ONE) + &candles_covered("00:01:00", "00:02:00");
    let output = run(&["--span", "1m"], input.as_bytes());
    assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("line 2: ") && stderr.contains("bad lines: 1\n"), "{stderr}");
    assert!(stderr.contains("not wholly covered: 1, "), "{stderr}");
    assert_eq!(output.status.code(), Some(65));
    // Sent again in full, it is made.
    let again =
        [input, trade("BTC/USDT", "00:00:00", "1.50", "2.0", 1), trades_covered("00:00:00", "00:01:00")].concat();
    let output = run(&["--span", "1m"], again.as_bytes());
    assert!(String::from_utf8_lossy(&output.stdout).ends_with(&candles_covered("00:00:00", "00:01:00")));
    assert_eq!(output.status.code(), Some(65));
}

#[test]
fn all_covered_lines_up_to_the_next_trade_are_in_doubt() {
    let input = [
        trade("BTC/USDT", "00:00:00", "1", "1", 1),
        trade("BTC/USDT", "00:01:00", "1", "1", 2),
        "x\n".to_owned(),
        trades_covered("00:00:00", "00:01:00"),
        trades_covered("00:01:00", "00:02:00"),
        said("covered", "ETH/USDT", r#""trade""#, "00:00:00", "00:01:00", r#""proof":"id""#),
        trade("BTC/USDT", "00:02:00", "1.50", "2.0", 3),
        trades_covered("00:02:00", "00:03:00"),
    ]
    .concat();
    let output = run(&["--span", "1m"], input.as_bytes());
    let expected = candle("BTC/USDT", "00:02:00", ONE) + &candles_covered("00:02:00", "00:03:00");
    assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
    assert_eq!(output.status.code(), Some(65));
}

#[test]
fn the_proof_is_that_of_the_line_that_decided() {
    let input = [
        trade("BTC/USDT", "00:00:00", "1.50", "2.0", 1),
        said("covered", "BTC/USDT", r#""trade""#, "00:00:20", "00:01:00", r#""proof":"page""#),
        trades_covered("00:00:00", "00:00:20"),
    ]
    .concat();
    let expected = candle("BTC/USDT", "00:00:00", ONE) + &candles_covered("00:00:00", "00:01:00");
    check(&["--span", "1m"], &input, &expected, "", 0);
}

#[test]
fn every_sort_of_bad_line_is_counted() {
    let good = trade("BTC/USDT", "00:00:00", "1.50", "2.0", 1) + &trades_covered("00:00:00", "00:01:00");
    let mut input = good.into_bytes();
    for bad in [
        "",
        "x",
        "{}",
        "[]",
        r#"{"kind":"trade"}"#,
        &trade("BTC/USDT", "25:00:00", "1", "1", 1),
        &trade("BTC/USDT", "00:00:00", "1e400", "1", 1),
        &trade("../..", "00:00:00", "1", "1", 1),
        &trade("BTC/USDT", "00:00:00", "-1", "1", 1),
        &trades_covered("00:00:00", "00:00:00"),
    ] {
        input.extend(bad.trim_end().bytes());
        input.push(b'\n');
    }
    input.extend(b"{\"kind\":\"\xff\"}\n");
    input.extend(vec![b'x'; (16 << 20) + 1]);
    input.push(b'\n');
    let output = run(&["--span", "1m"], &input);
    let stderr = String::from_utf8_lossy(&output.stderr);
    for line in 3..=14 {
        assert!(stderr.contains(&format!("dccd-candles: line {line}: ")), "line {line}: {stderr}");
    }
    assert!(stderr.ends_with("dccd-candles: bad lines: 12\n"), "{stderr}");
    assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), 2);
    assert_eq!(output.status.code(), Some(65));
}

#[test]
fn too_many_bad_lines_stop_the_run() {
    let output = run(&["--span", "1m"], &b"x\n".repeat(2_000));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.lines().count() < 1_010 && stderr.contains("more than 1000 bad lines"), "{stderr}");
    assert_eq!(output.status.code(), Some(65));
}

#[test]
fn a_number_that_cannot_be_summed_fails_its_candle_alone() {
    let input = [
        trade("BTC/USDT", "00:00:00", "1", &"9".repeat(50), 1),
        trade("BTC/USDT", "00:01:00", "1.50", "2.0", 2),
        trades_covered("00:00:00", "00:02:00"),
    ]
    .concat();
    let output = run(&["--span", "1m"], input.as_bytes());
    let error = r#""error":"the sum of the trades has more digits than can be kept exactly","retry":false"#;
    let expected = candle("BTC/USDT", "00:01:00", ONE)
        + &candles_covered("00:01:00", "00:02:00")
        + &said("failed", "BTC/USDT", r#""candle","span":60"#, "00:00:00", "00:01:00", error);
    assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
    assert!(String::from_utf8_lossy(&output.stderr).starts_with("dccd-candles: line 1: "));
    assert_eq!(output.status.code(), Some(65));
}

#[test]
fn a_last_line_that_was_cut_off_is_no_bad_line() {
    let input = trade("BTC/USDT", "00:00:00", "1.50", "2.0", 1) + &trades_covered("00:00:00", "00:01:00") + "{\"ki";
    let stderr = "dccd-candles: the last line was cut off after 4 bytes and is left out\n";
    check(&["--span", "1m", "--records"], &input, &candle("BTC/USDT", "00:00:00", ONE), stderr, 0);
}

#[test]
fn nothing_in_is_nothing_out() {
    check(&["--span", "1m"], "", "", "", 0);
}

#[test]
fn too_many_held_trades_stop_the_run() {
    let mut child = command(&["--span", "1d"]).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let filler = "x".repeat(1 << 20);
    let written = (0..400).take_while(|number| {
        let line =
            trade("BTC/USDT", "00:00:00", "1", "1", *number).replace("\"tid\":\"", &format!("\"tid\":\"{filler}"));
        stdin.write_all(line.as_bytes()).is_ok()
    });
    assert!((250..300).contains(&written.count()));
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("binance:trade:BTC-USDT") && stderr.contains("256 MiB"), "{stderr}");
    assert_eq!((output.status.code(), output.stdout.len()), (Some(65), 0));
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let mut child = command(&["--span", "1m"]).spawn().unwrap();
    drop(child.stdout.take());
    let mut stdin = child.stdin.take().unwrap();
    let line = b"{\"kind\":\"unknown\"}\n".repeat(10_000);
    // Ends once the tool has gone; a tool that never goes is caught by the bound.
    assert!((0..1_000).any(|_| stdin.write_all(&line).is_err()));
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0));
}

#[test]
fn an_output_without_room_is_an_error() {
    let Ok(full) = std::fs::OpenOptions::new().write(true).open("/dev/full") else {
        assert!(std::env::var_os("CI").is_none(), "no /dev/full");
        return;
    };
    let mut child = command(&["--span", "1m"]).stdout(full).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"{\"kind\":\"unknown\"}\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).starts_with("dccd-candles: cannot write to standard output: "));
    assert_eq!(output.status.code(), Some(74));
}

/// A running tool that has answered one line.
fn started() -> (Child, ChildStdin) {
    let mut child = command(&["--span", "1m", "-q"]).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let line = b"{\"kind\":\"unknown\"}\n";
    stdin.write_all(line).unwrap();
    let mut answer = [0; 19];
    child.stdout.as_mut().unwrap().read_exact(&mut answer).unwrap();
    assert_eq!(&answer, line, "lines are flushed before a wait");
    (child, stdin)
}

fn signal(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

#[test]
fn a_signal_lets_the_input_drain() {
    for stop in [Signal::TERM, Signal::INT] {
        let (child, mut stdin) = started();
        signal(&child, stop);
        let input = trade("BTC/USDT", "00:00:00", "1.50", "2.0", 1) + &trades_covered("00:00:00", "00:01:00");
        stdin.write_all(input.as_bytes()).unwrap();
        drop(stdin);
        let output = child.wait_with_output().unwrap();
        let expected = candle("BTC/USDT", "00:00:00", ONE) + &candles_covered("00:00:00", "00:01:00");
        assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
        assert_eq!(output.status.code(), Some(0));
    }
}

#[test]
fn an_input_that_never_ends_is_left_after_a_signal() {
    let (mut child, stdin) = started();
    signal(&child, Signal::TERM);
    assert_eq!(child.wait().unwrap().code(), Some(143));
    drop(stdin);
}

#[test]
fn nobody_has_to_type_trades() {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    let person = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&person).unwrap();
    unlockpt(&person).unwrap();
    let name = ptsname(&person, Vec::new()).unwrap().into_string().unwrap();
    let terminal = std::fs::OpenOptions::new().read(true).write(true).open(name).unwrap();
    let output = command(&["--span", "1m"]).stdin(terminal).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("standard input is a terminal") && stderr.contains("Usage: "), "{stderr}");
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0));
}

#[test]
fn wrong_flags_are_named() {
    for (flags, named) in [
        (&[][..], "--span"),
        (&["--span", "7h"], "25200"),
        (&["--span", "1M"], "1M"),
        (&["--span", "-1"], "-1"),
        (&["--span", "1m", "--frobnicate"], "--frobnicate"),
        (&["--span", "1m", "file"], "file"),
    ] {
        let output = run(flags, b"");
        assert!(String::from_utf8_lossy(&output.stderr).contains(named), "{flags:?}");
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0));
    }
}

#[test]
fn help_is_complete() {
    let help = |flag: &str| {
        let output = run(&[flag], b"");
        assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0));
        String::from_utf8(output.stdout).unwrap()
    };
    let (short, long) = (help("-h"), help("--help"));
    assert!(short.starts_with("Make candles of trades\n") && short.lines().count() <= 24, "{short}");
    assert!(short.lines().chain(long.lines()).all(|line| line.chars().count() <= 110), "{long}");
    for flag in ["--span", "--records", "--quiet", "--verbose", "--help", "--version"] {
        assert!(short.contains(flag) && long.contains(flag), "{flag}");
    }
    assert!(long.contains("Examples:") && long.matches("dccd-candles --span").count() >= 2, "{long}");
    assert_eq!(help("--version"), format!("dccd-candles {}\n", env!("CARGO_PKG_VERSION")));
}
