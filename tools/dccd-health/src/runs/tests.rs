#![expect(clippy::unwrap_used, reason = "a test may fail")]

use dccd_record::Ts;

use super::{State, Streams};
use crate::run::{Outcome, Trouble};

const DAY: i64 = 86_400;

fn at(second: i64) -> Ts {
    Ts::from_secs(1_704_067_200 + second).unwrap()
}

fn outcome(is_new: bool, trouble: Option<Trouble>, rows: u64) -> Outcome {
    Outcome {
        job: "mine".to_owned(),
        dataset: "binance:trade:BTC-USDT".parse().unwrap(),
        is_live: true,
        is_new,
        trouble,
        unanswered: 0,
        rows,
        error: trouble.map(|_| "no".to_owned()),
    }
}

#[test]
fn a_stream_is_told_of_when_it_changes_and_once_a_day() {
    let mut streams = Streams::new(at(0));
    let mut check = |outcome: Outcome, second: i64, expected: Option<(State, i64, u64)>| {
        let lines = streams.lines(&[outcome], at(second));
        let found = lines.iter().map(|line| (line.state, line.start.as_ref().unwrap().parse().unwrap(), line.rows));
        let expected = expected.map(|(state, start, rows)| (state, at(start), rows));
        assert_eq!(found.collect::<Vec<_>>(), expected.into_iter().collect::<Vec<(State, Ts, u64)>>(), "{second}");
    };
    check(outcome(false, None, 0), 60, None);
    check(outcome(true, None, 5), 120, Some((State::Running, 0, 5)));
    check(outcome(true, None, 5), 180, None);
    check(outcome(true, Some(Trouble::Passing), 1), 240, Some((State::Failing, 120, 6)));
    check(outcome(true, Some(Trouble::Lasting), 1), 300, None);
    check(outcome(false, None, 1), 360, Some((State::Running, 240, 2)));
    check(outcome(true, None, 7), DAY - 1, None);
    check(outcome(true, None, 8), DAY, Some((State::Running, 360, 15)));
    check(outcome(true, None, 9), DAY + 1, None);
    let ends = streams.ends(&[outcome(true, None, 1)], at(DAY + 2));
    assert_eq!(
        (ends[0].state, ends[0].rows, ends[0].start.as_deref()),
        (State::Succeeded, 10, Some("2024-01-02T00:00:00Z"))
    );
}

#[test]
fn what_was_never_told_of_ends_in_one_line() {
    let end = |trouble| Streams::new(at(0)).ends(&[outcome(true, trouble, 3)], at(9)).remove(0);
    assert_eq!((end(None).state, end(None).rows), (State::Succeeded, 3));
    assert_eq!(end(Some(Trouble::Interrupted)).state, State::Interrupted);
    let failed = end(Some(Trouble::Passing));
    assert_eq!((failed.state, failed.error.as_deref()), (State::Failed, Some("no")));
    let text = serde_json::to_string(&failed).unwrap();
    assert_eq!(
        text,
        r#"{"kind":"run","job":"mine","state":"failed","start":"2024-01-01T00:00:00Z","end":"2024-01-01T00:00:09Z","rows":3,"error":"no"}"#
    );
    assert_eq!(super::RunLine::parse(text.as_bytes()), Some((failed, at(9))));
}
