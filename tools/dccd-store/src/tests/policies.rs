//! Publishing often enough to be useful, and seldom enough to be cheap.

use std::time::Duration;

use dccd_record::Kind;

use super::ts;
use crate::layout::Period;
use crate::policy::{Occasion, Published, Waiting, is_due};

#[test]
fn a_day_of_one_minute_commits_costs_a_few_rewrites() {
    let rows_per_minute = 1_736;
    let day = Period::of(Kind::Trade, ts(0));
    let (mut file, mut waiting_rows, mut rows_written, mut rewrites) = (0, 0, 0, 0);
    for minute in 0..1_440 {
        waiting_rows += rows_per_minute;
        let now = ts(minute * 60 + 59);
        let waiting =
            Waiting { rows: waiting_rows, first: ts(0), last: now, age: Duration::from_secs(60), newest: now };
        if is_due(Occasion::Flow, day, &waiting, Published { rows: file, bytes: file * 14 }) {
            (file, waiting_rows, rewrites) = (file + waiting_rows, 0, rewrites + 1);
            rows_written += file;
        }
    }
    rows_written += file + waiting_rows;
    let total = 1_440 * rows_per_minute;
    assert!(rewrites >= 2, "{rewrites} rewrites leave Parquet far behind");
    assert!(rows_written * 10 <= total * 21, "{rows_written} rows written for {total}");
}

#[test]
fn what_is_cheap_is_published_at_rest() {
    let check = |rows: u64, file_rows: u64, file_bytes: u64, newest: i64, expected: bool| {
        let waiting = Waiting { rows, first: ts(0), last: ts(newest), age: Duration::ZERO, newest: ts(newest) };
        let file = Published { rows: file_rows, bytes: file_bytes };
        assert_eq!(
            is_due(Occasion::Rest, Period::of(Kind::Trade, ts(0)), &waiting, file),
            expected,
            "{waiting:?} {file:?}"
        );
    };
    check(1, 0, 0, 10, true);
    check(1, 1_000, 20_000, 10, true);
    check(1_000, 2_000_000, 30_000_000, 10, false);
    check(600_000, 2_000_000, 30_000_000, 10, true);
    check(1_000, 2_000_000, 30_000_000, 86_400, true);
}
