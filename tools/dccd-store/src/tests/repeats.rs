//! Rows that were dropped because they were there already are counted, or not at all.

use std::path::Path;

use super::writers::{open, take, trade};
use super::{Random, dataset};
use crate::layout::Period;
use crate::store::Store;

const BTC: &str = "binance:trade:BTC-USDT";
/// 2024-01-01.
const DAY: i64 = 19_723;

fn write(root: &Path, seconds: impl IntoIterator<Item = i64>) {
    let mut writer = open(root);
    seconds.into_iter().for_each(|second| take(&mut writer, &trade("BTC/USDT", second, second.unsigned_abs())));
    writer.finish().unwrap();
}

#[track_caller]
fn check(root: &Path, expected: Option<u64>) {
    assert_eq!(Store::open(root).unwrap().repeats(&dataset(BTC), Period::Day(DAY)), expected);
}

#[test]
fn what_is_dropped_is_counted_from_the_first_row_on() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    write(root, 0..10);
    check(root, Some(0));
    write(root, [8, 9, 10, 11]);
    check(root, Some(2));
    // Nothing new at all, and twice within one input.
    write(root, 0..12);
    check(root, Some(14));
    write(root, [12, 12, 13]);
    check(root, Some(15));
    // Another day counts by itself.
    write(root, [86_400, 86_400]);
    check(root, Some(15));
    assert_eq!(Store::open(root).unwrap().repeats(&dataset(BTC), Period::Day(DAY + 1)), Some(1));
    // Where nobody counted from the beginning nobody begins.
    std::fs::remove_dir_all(root.join(".dccd/repeats")).unwrap();
    write(root, [0, 14]);
    check(root, None);
    // A file that could not be read is no beginning; the one that takes its place is.
    std::fs::write(root.join("binance/trades/BTC-USDT/2024-01-01.parquet"), "broken").unwrap();
    write(root, [0, 0]);
    check(root, Some(1));
}

/// More than memory is meant for, in any order and through every way there is.
#[test]
fn much_is_counted_like_little() {
    let seed = 20_241_122;
    println!("seed {seed}");
    let mut random = Random(seed);
    let dir = tempfile::tempdir().unwrap();
    let mut pushed = 0;
    let mut held = std::collections::BTreeSet::new();
    for _ in 0..4 {
        let count = 20_000 + random.below(30_000);
        let seconds: Vec<i64> = (0..count).map(|_| i64::try_from(random.below(86_400)).unwrap()).collect();
        pushed += count;
        held.extend(seconds.iter().copied());
        write(dir.path(), seconds);
        check(dir.path(), Some(pushed - u64::try_from(held.len()).unwrap()));
    }
}
