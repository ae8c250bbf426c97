//! Whole ranges, asked of a small exchange that lives in this file.

use dccd_record::{Range, RangeSet};

use super::answer;
use crate::tests::{dataset, range, reply};
use crate::{Step, Walk};

const DAY_MS: i64 = 1_704_067_200_000;
const ASKS_MAX: usize = 200;

#[derive(Debug, Default)]
struct Outcome {
    lines: Vec<String>,
    covered: RangeSet,
}

/// Walks through `asked`; `give` answers a path with rows.
fn walk(id: &str, asked: Range, give: impl Fn(&Query<'_>) -> String) -> Outcome {
    let mut walk = Walk::new(&dataset(id), asked, asked.end()).expect("possible");
    let mut outcome = Outcome::default();
    for _ in 0..ASKS_MAX {
        let Some(ask) = walk.next_ask() else { break };
        let body = answer(&give(&Query(&ask.request.path)));
        let mut out = Vec::new();
        let page = ask.read(&reply(200, body.as_bytes()), &mut out).expect("a sound answer");
        for step in walk.take(&ask, &page, &mut out) {
            match step {
                Step::Lines => outcome.lines.extend(String::from_utf8_lossy(&out).lines().map(str::to_owned)),
                Step::Covered(range, _) => outcome.covered.insert(range),
                Step::Gap(range, why) => panic!("{range:?}: {why}"),
                Step::Failed { range, error, .. } => panic!("{range:?}: {error}"),
            }
        }
    }
    assert!(walk.left().is_none(), "{:?} is left", walk.left());
    outcome
}

struct Query<'a>(&'a str);

impl Query<'_> {
    fn number(&self, key: &str) -> Option<i64> {
        let found = self.0.split(['?', '&']).find_map(|field| field.strip_prefix(key)?.strip_prefix('='))?;
        Some(found.parse().expect("a number"))
    }

    /// The newest of the rows between two exclusive bounds, at most `most` of them.
    fn newest(&self, rows: &[i64], bounds: (&str, &str), most: usize, row: impl Fn(i64) -> String) -> String {
        let (above, below) = (self.number(bounds.0).unwrap_or(i64::MIN), self.number(bounds.1).unwrap_or(i64::MAX));
        let limit = usize::try_from(self.number("limit").expect("a limit")).expect("small").min(most);
        let given: Vec<String> =
            rows.iter().rev().filter(|at| **at > above && **at < below).take(limit).map(|at| row(*at)).collect();
        format!("[{}]", given.join(","))
    }
}

#[test]
fn pages_of_candles_and_interest_lose_nothing() {
    let asked = range("2024-01-01T00:00:00Z", "2024-01-02T00:00:00Z");
    let all = RangeSet::from_iter([asked]);
    let minutes: Vec<i64> = (-10..2000).map(|n| DAY_MS + n * 60_000).collect();
    for most in [300, 100] {
        let outcome = walk("okx:candle:BTC-USDT:1m", asked, |query| {
            query.newest(&minutes, ("before", "after"), most, |ms| {
                format!(r#"["{ms}","1","2","1","2","3","4","4","1"]"#)
            })
        });
        assert_eq!((outcome.lines.len(), &outcome.covered), (1440, &all), "{most} a page");
    }
    let interest: Vec<i64> = (-10..400).map(|n| DAY_MS + n * 300_000).collect();
    // Whether bounds are exclusive is not said: either way it is the same.
    let odd = range("2024-01-01T00:00:00.000000001Z", "2024-01-01T23:55:00.000000001Z");
    for (asked, nudge, count) in [(asked, 0, 288), (asked, 1, 288), (odd, 0, 287), (odd, 1, 287)] {
        let outcome = walk("okx:open_interest:BTC-USDT_PERP:5m", asked, |query| {
            let bound =
                |key: &str, nudge: i64| query.number(key).map_or(String::new(), |at| format!("&{key}={}", at + nudge));
            let limit = query.number("limit").expect("a limit");
            let nudged = format!("?limit={limit}{}{}", bound("begin", -nudge), bound("end", nudge));
            Query(&nudged).newest(&interest, ("begin", "end"), 100, |ms| format!(r#"["{ms}","1","2","3"]"#))
        });
        assert_eq!((outcome.lines.len(), outcome.covered), (count, RangeSet::from_iter([asked])), "nudged by {nudge}");
    }
}

#[test]
fn rates_lose_nothing() {
    let asked = range("2024-01-01T00:00:00Z", "2024-01-11T00:00:00Z");
    let rates: Vec<i64> = (-4..400).map(|n| DAY_MS + n * 3_600_000).collect();
    let outcome = walk("okx:funding:BTC-USDT_PERP", asked, |query| {
        query.newest(&rates, ("before", "after"), 100, |ms| {
            format!(r#"{{"instId":"BTC-USDT-SWAP","fundingRate":"1","realizedRate":"2","fundingTime":"{ms}"}}"#)
        })
    });
    assert_eq!((outcome.lines.len(), outcome.covered), (240, RangeSet::from_iter([asked])));
}

#[test]
fn trades_follow_ids_through_one_instant() {
    // 250 trades share an instant in the middle; the range begins inside a millisecond.
    let time = |id: i64| match id {
        ..=300 => DAY_MS + (id - 100) * 1000,
        301..=550 => DAY_MS + 201_000,
        _ => DAY_MS + 201_000 + (id - 550) * 1000,
    };
    let ids: Vec<i64> = (1..900).collect();
    let asked = range("2024-01-01T00:00:00.000000001Z", "2024-01-01T00:06:00Z");
    let give = |query: &Query<'_>| {
        if query.0.contains("/instruments?") {
            return r#"[{"instId":"BTC-USDT-SWAP","ctVal":"0.01","ctMult":"1","ctValCcy":"BTC"}]"#.to_owned();
        }
        let row = |id: i64| {
            let ms = time(id);
            format!(r#"{{"instId":"BTC-USDT-SWAP","side":"buy","sz":"{id}","px":"2","tradeId":"{id}","ts":"{ms}"}}"#)
        };
        if query.number("type") == Some(2) {
            let before = query.number("after").expect("a time");
            let ids: Vec<i64> = ids.iter().copied().filter(|id| time(*id) < before).collect();
            return Query(&query.0.replace("&after=", "&time=")).newest(&ids, ("before", "after"), 100, row);
        }
        query.newest(&ids, ("before", "after"), 100, row)
    };
    let outcome = walk("okx:trade:BTC-USDT_PERP", asked, give);
    let expected: Vec<i64> =
        ids.iter().copied().filter(|id| time(*id) > DAY_MS && time(*id) < DAY_MS + 360_000).collect();
    assert_eq!(outcome.lines.len(), expected.len());
    for (line, id) in outcome.lines.iter().zip(&expected) {
        assert!(line.contains(&format!("\"tid\":\"{id}\"")), "{line} where {id} belongs");
    }
    assert!(outcome.lines[0].contains("\"amount\":1.01,"), "{}", outcome.lines[0]);
    assert_eq!(outcome.covered, RangeSet::from_iter([asked]));
}
