//! Walks through a small exchange that lives in this file.

use std::cell::Cell;
use std::collections::HashMap;

use dccd_record::{Dataset, Range, RangeSet};

use super::{dataset, range, read};
use crate::{Step, Walk};

const ASKS_MAX: usize = 500;

/// What came of a walk.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) lines: Vec<String>,
    pub(crate) covered: RangeSet,
    pub(crate) gaps: Vec<(Range, String)>,
    pub(crate) failed: Vec<(Range, String)>,
    pub(crate) asks: usize,
}

/// Asks up to `ahead` questions before the first answer is in, as the tool does.
pub(crate) fn walk(dataset: &Dataset, range: Range, ahead: usize, answer: impl Fn(&str) -> String) -> Outcome {
    let mut walk = Walk::new(dataset, range, range.end()).expect("possible");
    let mut open = std::collections::VecDeque::new();
    let mut outcome = Outcome::default();
    while walk.left().is_some() {
        while open.len() < ahead {
            let Some(ask) = walk.next_ask() else { break };
            outcome.asks += 1;
            assert!(outcome.asks <= ASKS_MAX, "the walk does not end: {outcome:?}");
            let body = answer(&ask.request.path);
            open.push_back((ask, body));
        }
        let (ask, body) = open.pop_front().expect("a question while something is left");
        let (page, lines) = read(&ask, &body);
        let mut lines = lines.into_bytes();
        let steps = walk.take(&ask, &page, &mut lines);
        let lines = String::from_utf8(lines).expect("lines are text");
        for step in steps {
            match step {
                Step::Lines => outcome.lines.extend(lines.lines().map(str::to_owned)),
                Step::Covered(range, _) => outcome.covered.insert(range),
                Step::Gap(range, why) => outcome.gaps.push((range, why)),
                Step::Failed { range, error, .. } => outcome.failed.push((range, error)),
            }
        }
    }
    outcome
}

/// The query of a path.
pub(crate) struct Query<'a>(HashMap<&'a str, &'a str>);

impl<'a> Query<'a> {
    pub(crate) fn new(path: &'a str) -> Query<'a> {
        let (_, query) = path.split_once('?').expect("a query");
        Query(query.split('&').filter_map(|pair| pair.split_once('=')).collect())
    }

    pub(crate) fn number(&self, key: &str) -> Option<i64> {
        self.0.get(key).map(|value| value.parse().expect("a number"))
    }

    pub(crate) fn limit(&self) -> usize {
        usize::try_from(self.number("limit").expect("a limit")).expect("small")
    }
}

/// Rows (stamp or id, text) as Binance gives them: from a start the oldest, without one the newest.
fn select(rows: &[(i64, String)], start: Option<i64>, end: Option<i64>, limit: usize) -> String {
    let within: Vec<&str> = rows
        .iter()
        .filter(|(at, _)| start.is_none_or(|start| *at >= start) && end.is_none_or(|end| *at <= end))
        .map(|(_, text)| text.as_str())
        .collect();
    let kept = if start.is_some() {
        within.get(..limit.min(within.len()))
    } else {
        within.get(within.len().saturating_sub(limit)..)
    };
    format!("[{}]", kept.unwrap_or_default().join(","))
}

const DAY_MS: i64 = 1_704_067_200_000;

fn trade_rows(trades: &[(i64, i64)]) -> Vec<(i64, i64, String)> {
    let row = |(id, ms): &(i64, i64)| {
        let text = format!(r#"{{"a":{id},"p":"1.5","q":"2","f":{id},"l":{id},"T":{ms},"m":true,"M":true}}"#);
        (*id, *ms, text)
    };
    trades.iter().map(row).collect()
}

fn answer_trades(rows: &[(i64, i64, String)], path: &str) -> String {
    let query = Query::new(path);
    if let Some(id) = query.number("fromId") {
        assert!(query.number("startTime").is_none(), "ids and times exclude each other");
        let by_id: Vec<(i64, String)> = rows.iter().map(|(id, _, text)| (*id, text.clone())).collect();
        return select(&by_id, Some(id), None, query.limit());
    }
    let by_time: Vec<(i64, String)> = rows.iter().map(|(_, ms, text)| (*ms, text.clone())).collect();
    select(&by_time, query.number("startTime"), query.number("endTime"), query.limit())
}

#[test]
fn pages_of_trades_follow_ids_through_one_instant() {
    // 3,500 trades share one millisecond; then the market is quiet.
    let mut trades: Vec<(i64, i64)> = (0..500).map(|n| (n, DAY_MS + n)).collect();
    trades.extend((500..4000).map(|n| (n, DAY_MS + 1000)));
    let rows = trade_rows(&trades);
    let asked = range("2024-01-01T00:00:00Z", "2024-01-01T01:00:00Z");
    for ahead in [1, 4] {
        let outcome = walk(&dataset("binance:trade:BTC-USDT"), asked, ahead, |path| answer_trades(&rows, path));
        assert_eq!(outcome.lines.len(), 4000, "ahead {ahead}");
        assert_eq!(outcome.covered, RangeSet::from_iter([asked]));
        assert!(outcome.gaps.is_empty() && outcome.failed.is_empty(), "{outcome:?}");
    }
}

#[test]
fn trades_of_the_end_instant_are_left_out() {
    let rows = trade_rows(&[(1, DAY_MS), (2, DAY_MS + 10), (3, DAY_MS + 10), (4, DAY_MS + 11), (5, DAY_MS + 5000)]);
    let asked = range("2024-01-01T00:00:00.010Z", "2024-01-01T00:00:00.011Z");
    let outcome = walk(&dataset("binance:trade:BTC-USDT"), asked, 1, |path| answer_trades(&rows, path));
    assert_eq!((outcome.lines.len(), outcome.covered, outcome.asks), (2, RangeSet::from_iter([asked]), 2));
}

#[test]
fn a_hole_in_the_ids_is_a_gap_with_both_its_edges() {
    let rows =
        trade_rows(&[(1, DAY_MS), (2, DAY_MS + 10), (5, DAY_MS + 40), (6, DAY_MS + 50), (7, DAY_MS + 9_000_000)]);
    let asked = range("2024-01-01T00:00:00Z", "2024-01-01T01:00:00Z");
    let outcome = walk(&dataset("binance:trade:BTC-USDT"), asked, 1, |path| answer_trades(&rows, path));
    let hole = range("2024-01-01T00:00:00.010Z", "2024-01-01T00:00:00.040000001Z");
    assert_eq!(outcome.gaps, [(hole, "the exchange's trade ids skip from 2 to 5".to_owned())]);
    assert_eq!(outcome.covered.missing(asked), RangeSet::from_iter([hole]));
    assert_eq!(outcome.lines.len(), 4);
    assert!(outcome.failed.is_empty());
}

#[test]
fn a_hole_that_is_filled_when_asked_again_is_none() {
    let holey = trade_rows(&[(1, DAY_MS), (2, DAY_MS + 10), (4, DAY_MS + 40)]);
    let whole = trade_rows(&[(1, DAY_MS), (2, DAY_MS + 10), (3, DAY_MS + 20), (4, DAY_MS + 40)]);
    let asked = range("2024-01-01T00:00:00Z", "2024-01-01T01:00:00Z");
    let outcome = walk(&dataset("binance:trade:BTC-USDT"), asked, 1, |path| {
        answer_trades(if path.contains("startTime") { &holey } else { &whole }, path)
    });
    assert_eq!((outcome.lines.len(), outcome.covered, outcome.gaps.len()), (4, RangeSet::from_iter([asked]), 0));
}

#[test]
fn an_empty_page_of_trades_is_not_believed() {
    let rows = trade_rows(&[(1, DAY_MS), (2, DAY_MS + 10), (3, DAY_MS + 20)]);
    let asked = range("2024-01-01T00:00:00Z", "2024-01-01T01:00:00Z");
    // Empty twice, then the truth.
    let lies = Cell::new(2);
    let outcome = walk(&dataset("binance:trade:BTC-USDT"), asked, 1, |path| {
        if path.contains("startTime") && lies.get() > 0 {
            lies.set(lies.get() - 1);
            return "[]".to_owned();
        }
        answer_trades(&rows, path)
    });
    assert_eq!((outcome.lines.len(), outcome.covered), (3, RangeSet::from_iter([asked])));
    // Empty for ever.
    let outcome = walk(&dataset("binance:trade:BTC-USDT"), asked, 1, |path| {
        if path.contains("startTime") { "[]".to_owned() } else { answer_trades(&rows, path) }
    });
    assert_eq!(outcome.failed.len(), 1);
    assert!(outcome.failed[0].1.contains("though there is trade 3"), "{outcome:?}");
    assert!(outcome.covered.is_empty());
}

#[test]
fn a_quiet_market_is_told_from_a_false_empty_page() {
    let rows = trade_rows(&[(1, DAY_MS - 5000)]);
    let asked = range("2024-01-01T00:00:00Z", "2024-01-01T01:00:00Z");
    let outcome = walk(&dataset("binance:trade:BTC-USDT"), asked, 1, |path| answer_trades(&rows, path));
    assert_eq!((outcome.lines.len(), outcome.covered, outcome.asks), (0, RangeSet::from_iter([asked]), 2));
    let nothing = walk(&dataset("binance:trade:BTC-USDT"), asked, 1, |_| "[]".to_owned());
    assert!(nothing.failed[0].1.contains("no trade at all"), "{nothing:?}");
}

fn candle_rows(minutes: impl Iterator<Item = i64>) -> Vec<(i64, String)> {
    let row = |minute: i64| {
        let open = DAY_MS + minute * 60_000;
        (open, format!(r#"[{open},"1","2","0.5","1.5","10",{},"15",3,"1","1","0"]"#, open + 59_999))
    };
    minutes.map(row).collect()
}

fn answer_rows(rows: &[(i64, String)], path: &str) -> String {
    let query = Query::new(path);
    select(rows, query.number("startTime"), query.number("endTime"), query.limit())
}

#[test]
fn an_outage_has_no_candles_and_is_covered() {
    // An outage of 3,000 minutes: pages end early, are empty, and begin late.
    let rows = candle_rows((0..500).chain(3500..5000));
    let asked = range("2024-01-01T00:00:30Z", "2024-01-03T20:00:10Z");
    for ahead in [1, 3] {
        let outcome = walk(&dataset("binance:candle:BTC-USDT:1m"), asked, ahead, |path| answer_rows(&rows, path));
        assert_eq!(outcome.covered, RangeSet::from_iter([asked]));
        // Minutes 1..500 and 3500..4081: the range ends ten seconds into minute 4080.
        assert_eq!(outcome.lines.len(), 499 + 581, "ahead {ahead}");
        let unique: std::collections::BTreeSet<_> = outcome.lines.iter().collect();
        assert_eq!(unique.len(), outcome.lines.len(), "no candle twice");
    }
}

#[test]
fn a_false_empty_page_of_candles_is_not_believed() {
    let rows = candle_rows(0..5000);
    let asked = range("2024-01-01T00:00:00Z", "2024-01-03T00:00:00Z");
    let lies = Cell::new(3);
    let outcome = walk(&dataset("binance:candle:BTC-USDT:1m"), asked, 2, |path| {
        if path.contains("endTime") && lies.get() > 0 {
            lies.set(lies.get() - 1);
            return "[]".to_owned();
        }
        answer_rows(&rows, path)
    });
    assert_eq!((outcome.lines.len(), outcome.covered), (2880, RangeSet::from_iter([asked])));
    let outcome = walk(&dataset("binance:candle:BTC-USDT:1m"), asked, 2, |path| {
        if path.contains("endTime") { "[]".to_owned() } else { answer_rows(&rows, path) }
    });
    assert_eq!(outcome.failed.iter().map(|(range, _)| *range).collect::<Vec<_>>(), [asked]);
    assert!(outcome.covered.is_empty());
}

#[test]
fn candles_before_the_first_and_after_the_last_are_covered() {
    let rows = candle_rows(100_000..100_010);
    let asked = range("2020-01-01T00:00:00Z", "2024-06-01T00:00:00Z");
    let outcome = walk(&dataset("binance:candle:BTC-USDT:1m"), asked, 1, |path| answer_rows(&rows, path));
    assert_eq!((outcome.lines.len(), outcome.covered), (10, RangeSet::from_iter([asked])));
    assert!(outcome.asks < 10, "years without candles are jumped over: {}", outcome.asks);
}

#[test]
fn a_range_inside_one_bucket_has_no_candle() {
    let rows = candle_rows(0..100);
    let asked = range("2024-01-01T00:00:10Z", "2024-01-01T00:00:50Z");
    let outcome = walk(&dataset("binance:candle:BTC-USDT:1m"), asked, 1, |path| answer_rows(&rows, path));
    assert_eq!((outcome.lines.len(), outcome.covered), (0, RangeSet::from_iter([asked])));
}

#[test]
fn pages_of_funding_overlap_by_one_record() {
    let rows: Vec<(i64, String)> = (0..2500)
        .map(|n| {
            let ms = DAY_MS + n * 28_800_000 + n % 7;
            let mark = if n % 2 == 0 { r#","markPrice":"""# } else { r#","markPrice":"42.5""# };
            (ms, format!(r#"{{"symbol":"BTCUSDT","fundingTime":{ms},"fundingRate":"-0.0001"{mark}}}"#))
        })
        .collect();
    let asked = range("2024-01-01T00:00:00Z", "2027-01-01T00:00:00Z");
    let outcome = walk(&dataset("binance:funding:BTC-USDT_PERP"), asked, 2, |path| answer_rows(&rows, path));
    assert_eq!((outcome.lines.len(), outcome.covered), (2500, RangeSet::from_iter([asked])));
    assert!(outcome.lines[0].ends_with("\"rate\":-0.0001,\"mark_price\":null}"), "{}", outcome.lines[0]);
    assert!(outcome.lines[1].contains("T08:00:00.001000000Z"), "the jitter is kept: {}", outcome.lines[1]);
    let lies = walk(&dataset("binance:funding:BTC-USDT_PERP"), asked, 2, |path| {
        if path.contains("startTime") { "null".to_owned() } else { answer_rows(&rows, path) }
    });
    assert!(lies.failed[0].1.contains("though there is one of"), "{lies:?}");
}

fn interest_rows(numbers: impl Iterator<Item = i64>) -> Vec<(i64, String)> {
    let row = |n: i64| {
        let ms = DAY_MS + n * 300_000;
        (ms, format!(r#"{{"symbol":"BTCUSDT","sumOpenInterest":"{n}.5","sumOpenInterestValue":"1","timestamp":{ms}}}"#))
    };
    numbers.map(row).collect()
}

/// The newest rows of the window, as Binance gives them.
fn newest_of_window(rows: &[(i64, String)], path: &str) -> String {
    let query = Query::new(path);
    let (start, end) = (query.number("startTime").unwrap_or(0), query.number("endTime").unwrap_or(i64::MAX));
    let within: Vec<(i64, String)> = rows.iter().filter(|(at, _)| (start..=end).contains(at)).cloned().collect();
    select(&within, None, None, query.limit())
}

#[test]
fn pages_of_open_interest_end_where_they_are_told_to() {
    let rows = interest_rows((0..3000).filter(|n| !(700..720).contains(n)));
    let asked = range("2024-01-01T00:01:00Z", "2024-01-06T00:00:00Z");
    let dataset = dataset("binance:open_interest:BTC-USDT_PERP:5m");
    let outcome = walk(&dataset, asked, 2, |path| newest_of_window(&rows, path));
    assert_eq!((outcome.lines.len(), outcome.covered), (1440 - 1 - 20, RangeSet::from_iter([asked])));
}

#[test]
fn false_empty_pages_of_open_interest_cover_nothing() {
    let dataset = dataset("binance:open_interest:BTC-USDT_PERP:5m");
    let asked = range("2024-01-01T00:00:00Z", "2024-01-06T00:00:00Z");
    // Two of three answers are false, with a hole in the middle, or with no record before the range's second day.
    for rows in [interest_rows((0..3000).filter(|n| !(700..1300).contains(n))), interest_rows(288..3000)] {
        let held = rows.iter().filter(|(ms, _)| *ms < DAY_MS + 5 * 86_400_000).count();
        for ahead in [1, 4] {
            let count = Cell::new(0);
            let outcome = walk(&dataset, asked, ahead, |path| {
                count.set(count.get() + 1);
                if count.get() % 3 == 0 { newest_of_window(&rows, path) } else { "[]".to_owned() }
            });
            assert!(outcome.failed.is_empty(), "ahead {ahead}: {:?}", outcome.failed);
            // What is not there before the first record may have been thrown away.
            let gaps: RangeSet = outcome.gaps.iter().map(|(range, _)| *range).collect();
            let first: Option<i64> = rows.first().map(|(ms, _)| *ms).filter(|ms| *ms > DAY_MS);
            assert_eq!(gaps.hull().map(|hull| hull.end().millis()), first, "ahead {ahead}");
            assert_eq!((outcome.lines.len(), outcome.covered), (held, gaps.missing(asked)), "ahead {ahead}");
        }
    }
    let nothing = walk(&dataset, asked, 2, |_| "[]".to_owned());
    assert!(nothing.covered.is_empty(), "{nothing:?}");
    assert!(nothing.failed[0].1.contains("shows no open interest at all"), "{nothing:?}");
}
