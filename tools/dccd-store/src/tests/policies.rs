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

/// A row a minute for `days`, and the question each time: how often, and how far behind at most, in minutes.
fn publish_each_minute(occasion: Occasion, kind: Kind, days: u64) -> (u64, u64) {
    let (mut file, mut waiting_rows, mut rewrites, mut behind) = (0, 0, 0, 0);
    for minute in 0..days * 1_440 {
        waiting_rows += 1;
        let at = |minute: u64| ts(i64::try_from(minute).unwrap() * 60);
        let (first, last) = (at(minute + 1 - waiting_rows), at(minute));
        let age = Duration::from_secs((waiting_rows - 1) * 60);
        let waiting = Waiting { rows: waiting_rows, first, last, age, newest: last };
        if is_due(occasion, Period::of(kind, ts(0)), &waiting, Published { rows: file, bytes: file * 40 }) {
            (file, waiting_rows, rewrites) = (file + waiting_rows, 0, rewrites + 1);
        }
        behind = behind.max(waiting_rows);
    }
    (rewrites, behind)
}

#[test]
fn a_pause_every_minute_costs_a_few_rewrites() {
    let (rewrites, behind) = publish_each_minute(Occasion::Pause, Kind::Trade, 1);
    assert!(rewrites <= 32 && behind <= 60, "{rewrites} rewrites, {behind} minutes behind");
}

#[test]
fn a_stream_of_candles_is_never_far_behind() {
    let (rewrites, behind) = publish_each_minute(Occasion::Flow, Kind::Candle, 10);
    assert!(rewrites <= 40 && behind <= 361, "{rewrites} rewrites, {behind} minutes behind");
}

#[test]
fn a_backfill_of_candles_waits_for_a_whole_row_group() {
    let check = |rows: u64, file_rows: u64, age_secs: u64, expected: bool| {
        let waiting = Waiting {
            rows,
            first: ts(0),
            last: ts(20 * 86_400),
            age: Duration::from_secs(age_secs),
            newest: ts(20 * 86_400),
        };
        let file = Published { rows: file_rows, bytes: file_rows * 40 };
        let year = Period::of(Kind::Candle, ts(0));
        assert_eq!(is_due(Occasion::Flow, year, &waiting, file), expected, "{waiting:?} {file:?}");
    };
    check(28_800, 0, 1, false);
    check(28_800, 100_000, 1, false);
    check(28_800, 100_000, 600, true);
    check(200_000, 0, 1, true);
}
