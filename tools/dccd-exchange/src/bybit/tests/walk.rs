//! Whole ranges, asked of a small exchange that lives in this file.

use dccd_record::RangeSet;

use crate::tests::{dataset, range, reply};
use crate::{Step, Walk};

const DAY_MS: i64 = 1_704_067_200_000;
const ASKS_MAX: usize = 200;

/// How many lines go out and what is covered in the end, if the newest `most` rows of too many are given.
fn walk(id: &str, rows: &[i64], most: usize, row: impl Fn(i64) -> String) -> (usize, RangeSet, usize) {
    let asked = range("2024-01-01T00:00:00Z", "2024-01-03T00:00:00Z");
    let mut walk = Walk::new(&dataset(id), asked, asked.end()).expect("possible");
    let (mut lines, mut covered, mut asks) = (0, RangeSet::new(), 0);
    while let Some(ask) = walk.next_ask() {
        asks += 1;
        assert!(asks <= ASKS_MAX, "the walk does not end");
        let number = |key: &str| -> Option<i64> {
            let found =
                ask.request.path.split(['?', '&']).find_map(|field| field.strip_prefix(key)?.strip_prefix('='))?;
            Some(found.parse().expect("a number"))
        };
        let bound = |name: &str| number(name).or_else(|| number(&format!("{name}Time")));
        let (start, end) = (bound("start").unwrap_or(0), bound("end").unwrap_or(i64::MAX));
        let limit = usize::try_from(number("limit").expect("a limit")).expect("small").min(most);
        let given: Vec<String> =
            rows.iter().rev().filter(|ms| (start..=end).contains(ms)).take(limit).map(|ms| row(*ms)).collect();
        let body = format!(r#"{{"retCode":0,"result":{{"list":[{}]}},"time":{DAY_MS}}}"#, given.join(","));
        let mut out = Vec::new();
        let page = ask.read(&reply(200, body.as_bytes()), &mut out).expect("a sound answer");
        for step in walk.take(&ask, &page, &mut out) {
            match step {
                Step::Lines => lines += out.iter().filter(|byte| **byte == b'\n').count(),
                Step::Covered(range, _) => covered.insert(range),
                Step::Gap(range, why) => panic!("{range:?}: {why}"),
                Step::Failed { range, error, .. } => panic!("{range:?}: {error}"),
            }
        }
    }
    assert!(walk.left().is_none(), "{:?}", walk.left());
    (lines, covered, asks)
}

fn candle(ms: i64) -> String {
    format!(r#"["{ms}","1","2","0.5","1.5","10","15"]"#)
}

#[test]
fn a_page_that_was_cut_at_its_beginning_loses_nothing() {
    let all = RangeSet::from_iter([range("2024-01-01T00:00:00Z", "2024-01-03T00:00:00Z")]);
    let minutes: Vec<i64> = (-10..4000).map(|n| DAY_MS + n * 60_000).collect();
    // Pages of 1000, of 200 as in older days, and of a number that fits nowhere.
    for most in [1000, 200, 173] {
        let (lines, covered, asks) = walk("bybit:candle:BTC-USDT:1m", &minutes, most, candle);
        assert_eq!((lines, &covered), (2880, &all), "{most} a page, {asks} questions");
    }
    // Listed in the middle of a page, with an outage that begins a page.
    let listed: Vec<i64> = (700..4000).filter(|n| !(1000..1300).contains(n)).map(|n| DAY_MS + n * 60_000).collect();
    for most in [1000, 200] {
        let (lines, covered, asks) = walk("bybit:candle:BTC-USDT:1m", &listed, most, candle);
        assert_eq!((lines, &covered), (2880 - 700 - 300, &all), "{most} a page, {asks} questions");
    }
}

#[test]
fn windows_of_rates_and_interest_lose_nothing() {
    let all = RangeSet::from_iter([range("2024-01-01T00:00:00Z", "2024-01-03T00:00:00Z")]);
    let rates: Vec<i64> = (-4..40).map(|n| DAY_MS + n * 8 * 3_600_000 + 3).collect();
    let (lines, covered, asks) = walk("bybit:funding:BTC-USDT_PERP", &rates, 200, |ms| {
        format!(r#"{{"symbol":"BTCUSDT","fundingRate":"0.0001","fundingRateTimestamp":"{ms}"}}"#)
    });
    assert_eq!((lines, covered), (6, all.clone()), "{asks} questions");
    let interest: Vec<i64> = (-4..4000).map(|n| DAY_MS + n * 300_000).collect();
    for most in [200, 50] {
        let (lines, covered, asks) = walk("bybit:open_interest:BTC-USDT_PERP:5m", &interest, most, |ms| {
            format!(r#"{{"openInterest":"7.50","singleOpenInterest":"3.75","timestamp":"{ms}"}}"#)
        });
        assert_eq!((lines, &covered), (576, &all), "{most} a page, {asks} questions");
    }
}
