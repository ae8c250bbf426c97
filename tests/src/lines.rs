//! Reading what tools print.

use serde_json::Value;

/// Every line as JSON; anything on stdout that is no line fails the test.
pub fn parse_lines(stdout: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(stdout).expect("stdout is UTF-8");
    assert!(text.is_empty() || text.ends_with('\n'), "stdout ends in the middle of a line: {text:?}");
    let parse = |line: &str| match serde_json::from_str::<Value>(line) {
        Ok(value @ Value::Object(_)) => value,
        _ => panic!("{line:?} on stdout is no line"),
    };
    text.lines().map(parse).collect()
}

/// The kind of a line.
pub fn kind_of(line: &Value) -> &str {
    line["kind"].as_str().unwrap_or("")
}

/// The lines of one kind.
pub fn of_kind<'a>(lines: &'a [Value], kind: &'a str) -> impl Iterator<Item = &'a Value> {
    lines.iter().filter(move |line| kind_of(line) == kind)
}

/// The `tid`s of the trades, as numbers, in the order of the lines.
pub fn numbers_of(lines: &[Value]) -> Vec<u64> {
    let number = |line: &Value| line["tid"].as_str().and_then(|tid| tid.parse().ok()).expect("a numbered trade");
    of_kind(lines, "trade").map(number).collect()
}
