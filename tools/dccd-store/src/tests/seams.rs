//! One trade with two stamps: in journals, in files, and with midnight between them.

use std::path::Path;

use dccd_record::{Range, Ts};

use super::promises::adopt_trades;
use super::writers::{covered, open, take};
use super::{dataset, range, ts};
use crate::store::Store;
use crate::table::Record;

const BTC: &str = "binance:trade:BTC-USDT";
const DAY: i64 = 86_400;

/// A trade so many nanoseconds after the second day begins, as text for its id.
#[derive(Clone, Copy, Debug)]
struct Stamp(i64, &'static str);

impl Stamp {
    fn ts(self) -> Ts {
        ts(DAY).saturating_add(self.0)
    }

    fn line(self, price: usize) -> String {
        let (ts, tid) = (self.ts(), self.1);
        format!(
            r#"{{"kind":"trade","exchange":"binance","pair":"BTC/USDT","ts":"{ts}","price":{price},"amount":1,"side":null,"tid":{tid}}}"#
        )
    }
}

/// What a reader sees: instants and ids, in order.
fn read(root: &Path) -> Vec<(Ts, Option<String>)> {
    let view = Store::open(root).unwrap().view(&dataset(BTC)).unwrap();
    let mut trades = Vec::new();
    for period in view.periods() {
        for rows in view.rows(period, Range::all()).unwrap() {
            let told = rows.unwrap().for_each(|record| {
                let Record::Trade(trade) = record else { return Err("not a trade") };
                trades.push((trade.ts, trade.tid.as_ref().map(ToString::to_string)));
                Ok(())
            });
            assert_eq!(told.unwrap().0, 0);
        }
    }
    trades
}

/// The rows of the published files, which any program may read.
fn rows_in_files(root: &Path) -> u64 {
    let view = Store::open(root).unwrap().view(&dataset(BTC)).unwrap();
    view.periods().iter().filter_map(|period| Some(period.file.as_ref()?.as_ref().unwrap().rows)).sum()
}

/// Writes these trades and is killed.
fn die_after(root: &Path, came: &[Stamp]) {
    let mut writer = open(root);
    came.iter().zip(1..).for_each(|(stamp, price)| take(&mut writer, &stamp.line(price)));
    writer.commit().unwrap();
}

/// So many of the trades are there, however they came to lie where they lie.
#[track_caller]
fn check(came: &[Stamp], count: usize) {
    let many = u64::try_from(count).unwrap();
    for published in 0..=came.len() {
        for is_one_input in [true, false] {
            let dir = tempfile::tempdir().unwrap();
            let (before, after) = came.split_at(published);
            for stamp in before {
                die_after(dir.path(), &[*stamp]);
                open(dir.path()).finish().unwrap();
            }
            if is_one_input {
                die_after(dir.path(), after);
            } else {
                after.iter().for_each(|stamp| die_after(dir.path(), &[*stamp]));
            }
            assert_eq!(read(dir.path()).len(), count, "{published} of {came:?} published");
            open(dir.path()).finish().unwrap();
            assert_eq!(read(dir.path()).len(), count, "{published} of {came:?} were published, now all are");
            assert_eq!(rows_in_files(dir.path()), many, "{published} of {came:?} were published, in files");
        }
    }
}

#[test]
fn a_trade_on_both_sides_of_midnight_is_there_once() {
    check(&[Stamp(-100, "\"1\""), Stamp(0, "\"1\"")], 1);
    check(&[Stamp(0, "\"1\""), Stamp(-100, "\"1\"")], 1);
    check(&[Stamp(-900, "\"1\""), Stamp(600, "\"1\""), Stamp(50, "\"1\"")], 1);
    check(&[Stamp(999, "\"1\""), Stamp(-1_000, "\"1\""), Stamp(-1, "\"1\"")], 1);
}

#[test]
fn a_trade_on_both_sides_of_another_edge_is_there_once() {
    check(&[Stamp(-1_000_100, "\"1\""), Stamp(-1_000_000, "\"1\"")], 1);
    check(&[Stamp(7_000_000, "\"1\""), Stamp(6_999_900, "\"1\""), Stamp(6_999_900, "\"2\"")], 2);
}

#[test]
fn different_trades_around_midnight_stay() {
    check(&[Stamp(-100, "\"1\""), Stamp(0, "\"2\"")], 2);
    check(&[Stamp(-100, "null"), Stamp(0, "null")], 2);
    check(&[Stamp(-1_001, "\"1\""), Stamp(0, "\"1\"")], 2);
    check(&[Stamp(-1, "\"1\""), Stamp(1_000, "\"1\"")], 2);
}

#[test]
fn a_rush_of_trades_with_two_stamps_stores_each_once() {
    let dir = tempfile::tempdir().unwrap();
    let count = 40_000_u32;
    let mut writer = open(dir.path());
    // A trade at each edge; each tenth comes once more with an earlier stamp, and each hundredth after a while.
    for at in 0..count {
        let edge = (i64::from(at) - 20_000) * 1_000_000;
        let line = |back: i64| {
            let ts = Stamp(edge - back * 1_000_000, "").ts().saturating_add(if back > 0 { -100 } else { 0 });
            let tid = i64::from(at) - back;
            let long = "x".repeat(200);
            format!(
                r#"{{"kind":"trade","exchange":"binance","pair":"BTC/USDT","ts":"{ts}","price":1,"amount":1,"side":null,"tid":"{tid}","more":"{long}"}}"#
            )
        };
        take(&mut writer, &line(0));
        for (each, back) in [(10, 2), (100, 2_000)] {
            if at % each == 0 && i64::from(at) >= back {
                take(&mut writer, &line(back));
            }
        }
    }
    assert!(!String::from_utf8_lossy(writer.output()).contains("stored"), "all of it bypasses the journal");
    writer.finish().unwrap();
    assert_eq!(rows_in_files(dir.path()), u64::from(count));
    let mut tids: Vec<u32> = read(dir.path()).into_iter().map(|(_, tid)| tid.unwrap().parse().unwrap()).collect();
    tids.sort_unstable();
    assert!(tids.into_iter().eq(0..count));
}

#[test]
fn a_trade_does_not_give_way_to_an_adopted_one_that_may_go_itself() {
    let dir = tempfile::tempdir().unwrap();
    adopt_trades(dir.path(), &[(Stamp(-100, "").ts(), 1)]);
    let mut writer = open(dir.path());
    take(&mut writer, &Stamp(0, "\"1\"").line(2));
    writer.finish().unwrap();
    assert_eq!(read(dir.path()), [(Stamp(-100, "").ts(), Some("1".to_owned()))]);
    let mut writer = open(dir.path());
    take(&mut writer, &covered("BTC/USDT", range(0, DAY)));
    writer.finish().unwrap();
    assert_eq!(read(dir.path()), [(ts(DAY), Some("1".to_owned()))]);
}

#[test]
fn a_range_ends_where_a_trade_has_its_other_stamp() {
    let dir = tempfile::tempdir().unwrap();
    die_after(dir.path(), &[Stamp(-100, "\"1\"")]);
    open(dir.path()).finish().unwrap();
    die_after(dir.path(), &[Stamp(0, "\"1\""), Stamp(5_000_000, "\"2\"")]);
    die_after(dir.path(), &[Stamp(4_999_900, "\"2\"")]);
    let view = Store::open(dir.path()).unwrap().view(&dataset(BTC)).unwrap();
    let edge = ts(DAY).saturating_add(5_000_000);
    let pieces = [(ts(0), ts(DAY)), (ts(DAY), edge), (edge, ts(2 * DAY))];
    let count = |(start, end): (Ts, Ts)| {
        let asked = Range::new(start, end).unwrap();
        let scans = view.periods().iter().map(|period| view.rows(period, asked).unwrap());
        scans.flatten().map(|rows| rows.unwrap().len()).sum::<usize>()
    };
    assert_eq!(pieces.map(count), [1, 1, 0]);
    let last: Vec<usize> = view
        .periods()
        .iter()
        .map(|period| view.last_rows(period, Range::all(), 1).unwrap().map(|rows| rows.unwrap().len()).sum())
        .collect();
    assert_eq!(last, [1, 1]);
}
