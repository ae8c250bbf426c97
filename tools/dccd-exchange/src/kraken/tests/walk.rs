//! Walks through a small Kraken that lives in this file, and that rounds times as the true one does.

use dccd_record::{Range, RangeSet, Ts};

use crate::tests::{dataset, range, read, ts};
use crate::{Step, Walk};

const ASKS_MAX: usize = 300;

struct Outcome {
    ids: Vec<u64>,
    covered: RangeSet,
    gaps: RangeSet,
    failed: Vec<String>,
}

/// Trades with consecutive ids from 1 on, by their true times.
struct Market(Vec<i64>);

impl Market {
    /// The rows later than `since`, or the newest page.
    fn answer(&self, path: &str) -> String {
        let value = |key: &str| -> Option<i64> {
            let (_, rest) = path.split_once(&format!("&{key}="))?;
            rest.split('&').next()?.parse().ok()
        };
        let count = usize::try_from(value("count").unwrap_or(1000)).expect("a count");
        let first = match value("since") {
            Some(since) => self.0.partition_point(|nanos| *nanos <= since),
            None => self.0.len().saturating_sub(count),
        };
        let rows: Vec<String> = (first..self.0.len().min(first + count))
            .map(|at| format!(r#"["1.5","2",{},"b","l","",{}]"#, seconds(self.0[at]), at + 1))
            .collect();
        let last = rows.len().checked_sub(1).map_or(value("since").unwrap_or(0), |last| self.0[first + last]);
        format!(r#"{{"error":[],"result":{{"XXBTZUSD":[{}],"last":"{last}"}}}}"#, rows.join(","))
    }

    fn walk(&self, asked: Range) -> Outcome {
        let mut walk = Walk::new(&dataset("kraken:trade:BTC-USD"), asked, asked.end()).expect("possible");
        let mut outcome =
            Outcome { ids: Vec::new(), covered: RangeSet::new(), gaps: RangeSet::new(), failed: Vec::new() };
        let mut asks = 0;
        while walk.left().is_some() {
            let ask = walk.next_ask().expect("one question at a time");
            asks += 1;
            assert!(asks <= ASKS_MAX, "the walk does not end");
            let (page, lines) = read(&ask, &self.answer(&ask.request.path));
            let mut bytes = lines.into_bytes();
            for step in walk.take(&ask, &page, &mut bytes) {
                match step {
                    Step::Lines => outcome.ids.extend(ids(&bytes)),
                    Step::Covered(range, _) => outcome.covered.insert(range),
                    Step::Gap(range, _) => outcome.gaps.insert(range),
                    Step::Failed { error, .. } => outcome.failed.push(error),
                }
            }
        }
        outcome
    }
}

/// As a binary fraction, written in seven places without zeros at the end.
#[expect(clippy::cast_precision_loss, reason = "that is what the exchange does")]
fn seconds(nanos: i64) -> String {
    let text = format!("{:.7}", nanos as f64 / 1e9);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn ids(lines: &[u8]) -> Vec<u64> {
    let text = std::str::from_utf8(lines).expect("lines are text");
    let id = |line: &str| line.rsplit('"').nth(1).and_then(|id| id.parse().ok()).expect("an id");
    text.lines().map(id).collect()
}

fn start() -> i64 {
    ts("2024-01-01T00:00:00Z").nanos()
}

#[test]
fn rounded_times_neither_lose_nor_double_a_trade() {
    // Steps that are no multiple of what a binary fraction can tell apart.
    for step in [37, 119, 1_001, 1_000_003] {
        let market = Market((0..3_500).map(|n| start() + n * step).collect());
        let asked = range("2024-01-01T00:00:00Z", "2024-01-01T01:00:00Z");
        let outcome = market.walk(asked);
        assert!(outcome.failed.is_empty(), "step {step}: {:?}", outcome.failed);
        if step < 1_000 {
            // A page holds no more than some microseconds, and the edges of pages have gaps at worst.
            let mut answered = outcome.covered.clone();
            answered.extend(&outcome.gaps);
            assert_eq!(answered, RangeSet::from_iter([asked]), "step {step}");
        } else {
            assert_eq!(outcome.covered, RangeSet::from_iter([asked]), "step {step}: {:?}", outcome.gaps);
            assert_eq!(outcome.ids, (1..=3_500).collect::<Vec<u64>>(), "step {step}");
        }
        // What is covered was given.
        for (at, nanos) in market.0.iter().enumerate() {
            let shown = ts_of(&seconds(*nanos));
            let id = u64::try_from(at).expect("small") + 1;
            assert!(
                !outcome.covered.contains(shown) || outcome.ids.contains(&id),
                "step {step}: trade {id} of {shown} is claimed and was not given"
            );
        }
    }
}

#[test]
fn a_range_begins_with_the_rows_that_show_its_times() {
    // True times a little before the range, which the rows show at its start or behind it.
    let market = Market((0..40).map(|n| start() - 300 + n * 17).chain([start() + 7_200_000_000_000]).collect());
    let asked = range("2024-01-01T00:00:00Z", "2024-01-01T01:00:00Z");
    let shown: Vec<u64> = (1..=40)
        .filter(|id| ts_of(&seconds(market.0[usize::try_from(id - 1).expect("small")])) >= asked.start())
        .collect();
    let late = market.0.iter().filter(|nanos| **nanos >= start()).count() - 1;
    assert!(shown.len() > late, "some are shown later than they were: {} and {late}", shown.len());
    let outcome = market.walk(asked);
    assert_eq!(outcome.ids, shown);
    assert_eq!(outcome.covered, RangeSet::from_iter([asked]));
}

#[test]
fn an_instant_that_fills_a_page_is_a_gap_and_no_loop() {
    let instant = start() + 5_000_000_123;
    for behind in [0, 700, 2_500] {
        let mut times: Vec<i64> = (0..10).map(|n| start() + n).collect();
        times.extend(std::iter::repeat_n(instant, 2_400));
        times.extend((1..=behind).map(|n| instant + n * 1_000_000));
        let market = Market(times);
        let asked = range("2024-01-01T00:00:00Z", "2024-01-01T01:00:00Z");
        let outcome = market.walk(asked);
        let mut answered = outcome.covered.clone();
        answered.extend(&outcome.gaps);
        assert_eq!(answered, RangeSet::from_iter([asked]), "{behind} behind: {:?}", outcome.failed);
        let hole = outcome.gaps.hull().expect("a gap");
        let shown = ts_of(&seconds(instant));
        assert!(hole.contains(shown), "{hole:?} is about {shown}");
        assert!(hole.end().nanos() - hole.start().nanos() < 5_000, "{hole:?} is about an instant");
        let last = u64::try_from(market.0.len()).expect("small");
        let wanted = last - u64::try_from(behind).expect("small") + 1..=last;
        assert!(wanted.clone().all(|id| outcome.ids.contains(&id)), "all behind the instant");
    }
}

/// What a walk over five minutes of a market gives: how many trades the candles hold, and what is covered.
fn candles_of(market: &Market) -> (Vec<String>, RangeSet, RangeSet) {
    let asked = five_minutes();
    let now = ts("2026-01-01T00:00:00Z");
    let mut walk = Walk::new(&dataset("kraken:candle:BTC-USD:1m"), asked, now).expect("possible");
    let (mut found, mut covered, mut gaps) = (String::new(), RangeSet::new(), RangeSet::new());
    for _ in 0..ASKS_MAX {
        let Some(ask) = walk.next_ask() else { break };
        let (page, lines) = read(&ask, &market.answer(&ask.request.path));
        let mut bytes = lines.into_bytes();
        for step in walk.take(&ask, &page, &mut bytes) {
            match step {
                Step::Lines => found.push_str(std::str::from_utf8(&bytes).expect("text")),
                Step::Covered(range, _) => covered.insert(range),
                Step::Gap(range, _) => gaps.insert(range),
                other => panic!("{other:?}"),
            }
        }
    }
    let trades = found.lines().map(|line| {
        assert!(line.contains("\"derived\":true"), "{line}");
        let at = line.find("\"trades\":").expect("a count");
        line.get(at + 9..at + 10).expect("a digit").to_owned()
    });
    (trades.collect(), covered, gaps)
}

fn five_minutes() -> Range {
    range("2024-01-01T00:00:00Z", "2024-01-01T00:05:00Z")
}

const MINUTE: i64 = 60_000_000_000;
const DAY: i64 = 1440 * MINUTE;

#[test]
fn old_candles_are_built_and_quiet_ones_filled() {
    // One trade at 00:00:30 and one at 00:03:10.
    let market = Market(vec![start() + MINUTE / 2, start() + 19 * MINUTE / 6, start() + DAY]);
    let (trades, covered, gaps) = candles_of(&market);
    assert_eq!(trades, ["1", "0", "0", "1", "0"]);
    assert_eq!((covered, gaps), (RangeSet::from_iter([five_minutes()]), RangeSet::new()));
}

#[test]
fn what_is_repeated_before_the_first_trade_is_known_or_named() {
    let third = start() + 5 * MINUTE / 2;
    let rest = range("2024-01-01T00:02:00Z", "2024-01-01T00:05:00Z");
    let quiet = range("2024-01-01T00:00:00Z", "2024-01-01T00:02:00Z");
    // The price of three hours ago is repeated.
    let (trades, covered, gaps) = candles_of(&Market(vec![start() - 180 * MINUTE, third, start() + DAY]));
    assert_eq!(trades, ["0", "0", "1", "0", "0"]);
    assert_eq!((covered, gaps), (RangeSet::from_iter([five_minutes()]), RangeSet::new()));
    // The price of three days ago is not asked for.
    let (trades, covered, gaps) = candles_of(&Market(vec![start() - 3 * DAY, third, start() + DAY]));
    assert_eq!(trades, ["1", "0", "0"]);
    assert_eq!((covered, gaps), (RangeSet::from_iter([rest]), RangeSet::from_iter([quiet])));
    // Before the first trade of all there are no candles.
    let (trades, covered, gaps) = candles_of(&Market(vec![third, start() + DAY]));
    assert_eq!(trades, ["1", "0", "0"]);
    assert_eq!((covered, gaps), (RangeSet::from_iter([five_minutes()]), RangeSet::new()));
}

fn ts_of(seconds: &str) -> Ts {
    let (whole, fraction) = seconds.split_once('.').unwrap_or((seconds, ""));
    let fraction: i64 = format!("{fraction:0<9}").parse().expect("digits");
    Ts::from_nanos(whole.parse::<i64>().expect("digits") * 1_000_000_000 + fraction).expect("believable")
}
