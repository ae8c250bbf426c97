//! Reading what tools print.

use std::collections::BTreeSet;

use dccd_record::Ts;
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

/// Fails the test at the first record that differs; numbers are compared as a float column holds them.
#[track_caller]
pub fn assert_same_records(found: &[Value], wanted: &[Value]) {
    for (number, (found, wanted)) in found.iter().zip(wanted).enumerate() {
        assert_eq!(as_floats(found), as_floats(wanted), "record {number} differs");
    }
    assert_eq!(found.len(), wanted.len(), "the numbers of records differ");
}

fn as_floats(value: &Value) -> Value {
    match value {
        Value::Number(number) => number.as_f64().map_or(Value::Null, Value::from),
        Value::Array(values) => values.iter().map(as_floats).collect(),
        Value::Object(fields) => fields.iter().map(|(key, value)| (key.clone(), as_floats(value))).collect(),
        other => other.clone(),
    }
}

/// The instant of a line's time.
pub fn instant(time: &Value) -> Ts {
    time.as_str().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{time} is no time"))
}

/// Fails the test unless every record of `truth` in a covered range of `lines` is among `lines`.
#[track_caller]
pub fn assert_covered_is_there(lines: &[Value], truth: &[Value]) {
    let keys: BTreeSet<String> = lines.iter().map(key).collect();
    for covered in of_kind(lines, "covered") {
        let (start, end) = (instant(&covered["start"]), instant(&covered["end"]));
        for record in truth {
            let is_claimed = (start..end).contains(&instant(&record["ts"]));
            assert!(!is_claimed || keys.contains(&key(record)), "{record} is covered and not there");
        }
    }
}

fn key(record: &Value) -> String {
    format!("{} {} {} {}", kind_of(record), record["pair"], record["ts"], record["tid"])
}
