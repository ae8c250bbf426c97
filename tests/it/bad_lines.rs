//! Lines that make no sense: reported with their number, counted, and no harm to their neighbours.

use std::process::Command;

use dccd_tests::{Scratch, Trades, files_under, numbers_of, run};

const ID: &str = "binance:trade:BTC-USDT";

fn write(scratch: &Scratch) -> Command {
    let mut write = scratch.tool("dccd-write");
    write.args(["--data-path", "data"]);
    write
}

fn stored_numbers(scratch: &Scratch) -> Vec<u64> {
    let mut read = scratch.tool("dccd-read");
    let read = read.args(["binance", "BTC/USDT", "--kind", "trade", "--records", "--data-path", "data"]);
    numbers_of(&run(read, "").expect(0).lines())
}

/// A good trade with one field's value replaced.
fn trade_with(field: &str, value: &str) -> String {
    let line = String::from_utf8(Trades::new(ID).lines(2..3)).expect("lines are text");
    let key = format!("\"{field}\":");
    let (before, rest) = line.split_once(&key).expect("the trade has the field");
    let end = match rest.strip_prefix('"') {
        Some(text) => text.find('"').map(|at| at + 2),
        None => rest.find([',', '}']),
    };
    let (_, after) = rest.split_at(end.expect("a value ends"));
    format!("{before}{key}{value}{after}")
}

/// The bad line stands third of five; the others are stored, it is reported, and nothing leaves the store.
#[track_caller]
fn check(bad: impl AsRef<[u8]>) {
    let scratch = Scratch::new();
    let mut trades = Trades::new(ID);
    let mut input = trades.lines(0..2);
    input.extend_from_slice(bad.as_ref());
    input.extend_from_slice(&trades.lines(3..5));
    let shown = String::from_utf8_lossy(&bad.as_ref()[..bad.as_ref().len().min(200)]).into_owned();
    let ended = run(&mut write(&scratch), input);
    assert_eq!(ended.status, 65, "{shown} gives the wrong status: {}", ended.stderr);
    assert!(ended.stderr.contains("line 3"), "{shown} is reported without its line: {}", ended.stderr);
    assert!(ended.stderr.len() < 2_000, "{shown} is reported at length: {}", ended.stderr.len());
    assert_eq!(stored_numbers(&scratch), [0, 1, 3, 4], "{shown} harmed its neighbours");
    let outside: Vec<_> =
        files_under(scratch.path()).into_iter().filter(|path| !path.starts_with(scratch.join("data"))).collect();
    assert!(outside.is_empty(), "{shown} reached {outside:?}");
}

#[test]
fn malformed() {
    for bad in
        ["", "x", "{", "[]", "null", "\"trade\"", "{}", "{\"kind\":null}", "{\"kind\":7}", "{\"kind\":\"trade\"}"]
    {
        check(format!("{bad}\n"));
    }
    check(b"{\"kind\":\"trade\xff\"}\n");
    check(b"\0\n");
    check(trade_with("price", "1").trim_end().trim_end_matches('}').to_owned() + "\n");
}

#[test]
fn numbers() {
    for bad in ["NaN", "Infinity", "1e400", "-1", "0x10", "1.", ".5", "01", "\"1\"", "true", "null", "[1]", "1e-4000"] {
        check(trade_with("price", bad));
    }
    check(trade_with("amount", "-0.1"));
    check(trade_with("amount", &"9".repeat(500)));
}

#[test]
fn times() {
    for bad in
        ["-1", "0", "1704067200", "1704067200000", "9223372036854775807", "99999999999999999999", "1.5", "null", "\"\""]
    {
        check(trade_with("ts", bad));
    }
    for bad in ["2024-02-30T00:00:00Z", "1969-12-31T23:59:59Z", "9999-01-01T00:00:00Z", "2024-01-01", "yesterday"] {
        check(trade_with("ts", &format!("\"{bad}\"")));
    }
}

#[test]
fn names() {
    for bad in ["../x", "a/../../b", "", "Binance", "a b", ".", "..", "binance\\u0000", &"a".repeat(300)] {
        check(trade_with("exchange", &format!("\"{bad}\"")));
    }
    for bad in [
        "../../x",
        "/",
        "BTC",
        "BTC/",
        "/USDT",
        "BTC/USDT/X",
        "btc/usdt",
        "../..",
        "BTC/..",
        "BTC/USDT:../x",
        "BTC-USDT",
    ] {
        check(trade_with("pair", &format!("\"{bad}\"")));
    }
    check(trade_with("side", "\"both\""));
}

#[test]
fn too_long() {
    let mut bad = trade_with("tid", "\"").trim_end().as_bytes().to_vec();
    bad.resize((16 << 20) + 2, b'x');
    bad.push(b'\n');
    check(bad);
}

#[test]
fn a_cut_last_line_is_not_bad_input() {
    let scratch = Scratch::new();
    let mut input = Trades::new(ID).lines(0..3);
    input.truncate(input.len() - 10);
    let ended = run(&mut write(&scratch), input);
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert_eq!(stored_numbers(&scratch), [0, 1]);
}

#[test]
fn kinds_of_the_future_pass() {
    let scratch = Scratch::new();
    let line = "{\"kind\":\"mood\",\"exchange\":\"binance\",\"value\":7}\n";
    let mut input = Trades::new(ID).lines(0..1);
    input.extend_from_slice(line.as_bytes());
    let ended = run(&mut write(&scratch), input).expect(0);
    assert!(ended.text().contains(line), "{}", ended.text());
    assert_eq!(stored_numbers(&scratch), [0]);
}

#[test]
fn bad_lines_without_end_stop_the_run() {
    let scratch = Scratch::new();
    let mut input = Trades::new(ID).lines(0..3);
    input.extend(b"no line\n".repeat(1_000_000));
    let ended = run(&mut write(&scratch), input).expect(65);
    assert!(ended.stderr.len() < 1 << 20, "{} bytes of complaints", ended.stderr.len());
    assert_eq!(stored_numbers(&scratch), [0, 1, 2]);
}
