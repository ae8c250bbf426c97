//! Whole ranges, against a small Bitfinex that lives in this file.

use dccd_record::{Range, RangeSet};

use crate::tests::walk::{Outcome, Query, walk};
use crate::tests::{dataset, range, reply};
use crate::{Reply, Walk};

const DAY_MS: i64 = 1_704_067_200_000;
const MINUTE_MS: i64 = 60_000;
const PERIOD_MS: i64 = 480 * MINUTE_MS;

/// Rows (stamp, text) as Bitfinex gives them.
fn answer(rows: &[(i64, String)], path: &str) -> String {
    let query = Query::new(path);
    let (start, end) = (query.number("start"), query.number("end"));
    let mut within: Vec<&str> = rows
        .iter()
        .filter(|(at, _)| start.is_none_or(|start| *at >= start) && end.is_none_or(|end| *at <= end))
        .map(|(_, text)| text.as_str())
        .collect();
    if query.number("sort") == Some(-1) {
        within.reverse();
    }
    within.truncate(query.limit());
    format!("[{}]", within.join(","))
}

fn walk_rows(id: &str, asked: Range, rows: &[(i64, String)]) -> Outcome {
    walk(&dataset(id), asked, 2, |path| answer(rows, path))
}

#[track_caller]
fn check_whole(outcome: &Outcome, asked: Range, lines: usize) {
    assert!(outcome.gaps.is_empty() && outcome.failed.is_empty(), "{:?} {:?}", outcome.gaps, outcome.failed);
    assert_eq!(outcome.covered, RangeSet::from_iter([asked]));
    assert_eq!(outcome.lines.len(), lines);
    let mut once = outcome.lines.clone();
    once.dedup();
    assert_eq!(once.len(), lines, "no line twice");
}

#[test]
fn quiet_minutes_have_no_candles() {
    let candle = |minute: i64| (DAY_MS + minute * MINUTE_MS, format!("[{},1,2,3,0.5,10]", DAY_MS + minute * MINUTE_MS));
    let rows: Vec<(i64, String)> =
        (0..40_000).filter(|minute| minute % 7 == 0 || *minute > 39_000).map(candle).collect();
    let asked = range("2024-01-01T00:00:30Z", "2024-01-26T00:00:00Z");
    let expected = rows.iter().filter(|(at, _)| *at > DAY_MS && *at < DAY_MS + 25 * 3 * PERIOD_MS).count();
    check_whole(&walk_rows("bitfinex:candle:BTC-USD:1m", asked, &rows), asked, expected);
}

#[test]
fn bursts_of_trades_are_had_once() {
    // 9,999 trades in a second, then 9,000 in one millisecond, then one a minute.
    let mut stamps: Vec<i64> = (0..9_999).map(|n| DAY_MS + n / 10).collect();
    stamps.extend(std::iter::repeat_n(DAY_MS + 1000, 9_000));
    stamps.extend((1..200).map(|n| DAY_MS + 1000 + n * MINUTE_MS));
    let rows: Vec<(i64, String)> =
        stamps.iter().enumerate().map(|(n, at)| (*at, format!("[{},{at},-0.5,100.{n}]", 1_000_000 + 3 * n))).collect();
    let asked = range("2024-01-01T00:00:00Z", "2024-01-01T03:00:00Z");
    let expected = rows.iter().filter(|(at, _)| *at < DAY_MS + 180 * MINUTE_MS).count();
    check_whole(&walk_rows("bitfinex:trade:BTC-USD", asked, &rows), asked, expected);
}

#[test]
fn more_trades_of_one_instant_than_a_page_holds_are_a_gap() {
    let mut rows: Vec<(i64, String)> =
        (0..10_500).map(|n| (DAY_MS + 5, format!("[{},{},1,1]", n + 7, DAY_MS + 5))).collect();
    rows.push((DAY_MS + 6, format!("[99999,{},1,1]", DAY_MS + 6)));
    let asked = range("2024-01-01T00:00:00Z", "2024-01-01T00:01:00Z");
    let outcome = walk_rows("bitfinex:trade:BTC-USD", asked, &rows);
    let hole = range("2024-01-01T00:00:00.005Z", "2024-01-01T00:00:00.005000001Z");
    assert_eq!(outcome.gaps.iter().map(|(range, _)| *range).collect::<Vec<_>>(), [hole]);
    assert_eq!(outcome.covered.missing(asked), RangeSet::from_iter([hole]));
    assert_eq!((outcome.lines.len(), outcome.failed.len()), (10_001, 0));
}

#[test]
fn an_unknown_symbol_is_no_empty_success() {
    let asked = range("2024-01-01T00:00:00Z", "2024-01-01T01:00:00Z");
    for id in ["bitfinex:candle:BTC-USX:1m", "bitfinex:trade:BTC-USX", "bitfinex:funding:BTC-USX_PERP"] {
        let outcome = walk_rows(id, asked, &[]);
        assert!(outcome.covered.is_empty() && outcome.failed.len() == 1, "{id}: {outcome:?}");
        assert!(outcome.failed[0].1.contains("at all"), "{id}: {outcome:?}");
    }
}

/// A status about every minute; the rate of a payment is its number.
fn statuses(count: i64) -> Vec<(i64, String)> {
    (0..count)
        .map(|n| {
            let at = DAY_MS + n * MINUTE_MS + (n * 7919) % 50_000;
            let payment = (at - DAY_MS).div_euclid(PERIOD_MS) + 1;
            (at, status(at, DAY_MS + payment * PERIOD_MS, payment, n))
        })
        .collect()
}

fn status(at: i64, next: i64, payment: i64, interest: i64) -> String {
    format!(
        "[{at},null,1,1,null,1,null,{next},0.9,1,null,0.000{payment},null,null,42,null,null,{interest}.5,null,null,null,1,1]"
    )
}

#[test]
fn a_payment_is_what_the_status_named_until_it_was_made() {
    // Ten days: three pages, of which each shows the last known payment again.
    let rows = statuses(10 * 1440);
    let asked = range("2024-01-01T08:00:00Z", "2024-01-10T16:00:00.000000001Z");
    let outcome = walk_rows("bitfinex:funding:BTC-USDT_PERP", asked, &rows);
    check_whole(&outcome, asked, 29);
    let first = r#"{"kind":"funding","exchange":"bitfinex","pair":"BTC/USDT:perp","ts":"2024-01-01T08:00:00.000000000Z","rate":0.0001,"mark_price":null}"#;
    assert_eq!(outcome.lines.first().map(String::as_str), Some(first));
    assert!(
        outcome.lines.last().is_some_and(|line| line.contains("2024-01-10T16:00:00.000000000Z\",\"rate\":0.00029,"))
    );
    let asked = range("2024-01-01T08:00:00.000000001Z", "2024-01-02T00:00:00Z");
    check_whole(&walk_rows("bitfinex:funding:BTC-USDT_PERP", asked, &rows), asked, 1);
    let nothing = range("2024-01-01T09:00:00Z", "2024-01-01T15:00:00Z");
    check_whole(&walk_rows("bitfinex:funding:BTC-USDT_PERP", nothing, &rows), nothing, 0);
}

fn read_funding(rows: &[(i64, String)], from: &str, date: Option<&str>) -> Result<(usize, u64), String> {
    let mut walk = Walk::new(
        &dataset("bitfinex:funding:BTC-USDT_PERP"),
        range(from, "2024-02-01T00:00:00Z"),
        crate::tests::ts("2024-02-01T00:00:00Z"),
    )
    .expect("possible");
    let ask = walk.next_ask().expect("a question");
    let body = answer(rows, &ask.request.path);
    let reply = Reply { date: date.map(crate::tests::ts), ..reply(200, body.as_bytes()) };
    ask.read(&reply, &mut Vec::new()).map(|page| (page.rows, page.lines)).map_err(|error| error.to_string())
}

#[test]
fn a_payment_that_no_status_shows_is_missed_and_not_passed_over() {
    let from = "2024-01-01T00:00:00Z";
    let whole = statuses(2000);
    assert_eq!(read_funding(&whole, from, None), Ok((2000, 4)));
    // Nothing between the first payment and the third.
    let holey: Vec<(i64, String)> =
        whole.iter().filter(|(at, _)| *at < DAY_MS + PERIOD_MS || *at > DAY_MS + 2 * PERIOD_MS).cloned().collect();
    let error = read_funding(&holey, from, None).expect_err("a payment is missing");
    assert!(error.contains("skips from the funding of 2024-01-01T08") && error.contains("2024-01-02T00"), "{error}");
    // An outage of some hours hides no payment.
    let outage: Vec<(i64, String)> = whole
        .iter()
        .filter(|(at, _)| !(DAY_MS + 300 * MINUTE_MS..DAY_MS + 700 * MINUTE_MS).contains(at))
        .cloned()
        .collect();
    assert_eq!(read_funding(&outage, from, None), Ok((1600, 4)));
}

#[test]
fn a_payment_is_not_believed_before_the_status_has_moved_on() {
    let from = "2024-01-01T00:00:00Z";
    let rows = statuses(479);
    assert_eq!(read_funding(&rows, from, Some("2024-01-01T08:09:00Z")), Ok((479, 0)));
    let error = read_funding(&rows, from, Some("2024-01-01T08:11:00Z")).expect_err("it is late");
    assert!(error.contains("what became of the funding of 2024-01-01T08:00:00"), "{error}");
    // Put off, not made.
    let mut put_off = statuses(100);
    put_off.extend(
        (100..600).map(|n| (DAY_MS + n * MINUTE_MS, status(DAY_MS + n * MINUTE_MS, DAY_MS + 600 * MINUTE_MS, 9, n))),
    );
    put_off.extend(
        (600..700).map(|n| (DAY_MS + n * MINUTE_MS, status(DAY_MS + n * MINUTE_MS, DAY_MS + 1080 * MINUTE_MS, 8, n))),
    );
    assert_eq!(read_funding(&put_off, from, None), Ok((700, 1)));
}

#[test]
fn statuses_too_dense_for_a_page_are_no_progress() {
    let rows: Vec<(i64, String)> =
        (0..6000).map(|n| (DAY_MS + n * 1000, status(DAY_MS + n * 1000, DAY_MS + PERIOD_MS, 1, n))).collect();
    let error = read_funding(&rows, "2024-01-01T00:00:00Z", None).expect_err("stuck");
    assert!(error.contains("5000 statuses end before the funding of 2024-01-01T08"), "{error}");
    let asked = range("2024-01-01T00:00:00Z", "2024-01-01T01:40:00Z");
    let mut walk =
        Walk::new(&dataset("bitfinex:open_interest:BTC-USDT_PERP:5m"), asked, asked.end()).expect("possible");
    let ask = walk.next_ask().expect("a question");
    let body = answer(&rows, &ask.request.path);
    let error = ask.read(&reply(200, body.as_bytes()), &mut Vec::new()).expect_err("cut");
    assert!(error.to_string().contains("5000 statuses fill a page"), "{error}");
}

#[test]
fn open_interest_is_what_the_last_status_says() {
    let rows = statuses(10 * 1440);
    let asked = range("2024-01-02T00:00:00Z", "2024-01-09T00:00:00Z");
    for (span, count) in [("5m", 2016), ("1h", 168), ("1d", 7)] {
        let outcome = walk_rows(&format!("bitfinex:open_interest:BTC-USDT_PERP:{span}"), asked, &rows);
        check_whole(&outcome, asked, count);
        for line in &outcome.lines {
            let at = line.split("\"ts\":\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a ts");
            let at = crate::tests::ts(at).millis();
            let (_, last) = rows.iter().rfind(|(ms, _)| *ms <= at).expect("a status");
            let value = last.split(',').nth(17).expect("a value");
            assert!(line.contains(&format!("\"open_interest\":{value},")), "{line} {last}");
        }
    }
    // Two hours without a status.
    let holey: Vec<(i64, String)> = rows
        .iter()
        .filter(|(at, _)| !(DAY_MS + 2000 * MINUTE_MS..DAY_MS + 2120 * MINUTE_MS).contains(at))
        .cloned()
        .collect();
    let outcome = walk_rows("bitfinex:open_interest:BTC-USDT_PERP:5m", asked, &holey);
    check_whole(&outcome, asked, 2016 - 24);
}
