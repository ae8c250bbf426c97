//! The writer: what it says is stored is there, whatever happened before and after.

use std::path::Path;
use std::time::Duration;

use dccd_record::{Range, RangeSet};

use super::{dataset, range, ts};
use crate::layout::Period;
use crate::store::{Store, StoreOptions};
use crate::table::Record;
use crate::writer::{Taken, Writer, WriterOptions};

fn options() -> WriterOptions {
    WriterOptions { sync_interval: Duration::from_secs(1), store: StoreOptions::AsItIs, program: "test 0".to_owned() }
}

pub(super) fn open(root: &Path) -> Writer {
    Writer::open(root, &options()).unwrap()
}

pub(super) fn take(writer: &mut Writer, line: &str) {
    assert_eq!(writer.take(line.as_bytes()).unwrap(), Taken::Yes, "{line}");
}

pub(super) fn trade(pair: &str, second: i64, tid: u64) -> String {
    format!(
        r#"{{"kind":"trade","exchange":"binance","pair":"{pair}","ts":"{}","price":42000.5,"amount":0.1,"side":"buy","tid":"{tid}"}}"#,
        ts(second)
    )
}

pub(super) fn covered(pair: &str, covered: Range) -> String {
    format!(
        r#"{{"kind":"covered","exchange":"binance","pair":"{pair}","of":"trade","start":"{}","end":"{}","proof":"id"}}"#,
        covered.start(),
        covered.end()
    )
}

/// The trade ids that a reader sees, in order.
pub(super) fn tids(root: &Path, id: &str) -> Vec<u64> {
    let view = Store::open(root).unwrap().view(&dataset(id)).unwrap();
    let mut tids = Vec::new();
    for period in view.periods() {
        for rows in view.rows(period, Range::all()).unwrap() {
            rows.unwrap()
                .for_each(|record| {
                    let Record::Trade(trade) = record else { panic!("not a trade") };
                    tids.push(trade.tid.unwrap().parse().unwrap());
                    Ok::<(), ()>(())
                })
                .unwrap();
        }
    }
    tids
}

pub(super) fn covered_set(root: &Path, id: &str) -> RangeSet {
    Store::open(root).unwrap().view(&dataset(id)).unwrap().ledger().covered()
}

#[test]
fn readers_see_what_is_committed_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = open(dir.path());
    take(&mut writer, &trade("BTC/USDT", 2, 2));
    take(&mut writer, &covered("BTC/USDT", range(0, 3)));
    assert!(Store::open(dir.path()).unwrap().survey().unwrap().is_empty());
    assert!(writer.output().is_empty());
    writer.commit().unwrap();
    take(&mut writer, &trade("BTC/USDT", 1, 1));
    assert_eq!(tids(dir.path(), "binance:trade:BTC-USDT"), [2]);
    writer.commit().unwrap();
    assert_eq!(tids(dir.path(), "binance:trade:BTC-USDT"), [1, 2]);
    assert!(covered_set(dir.path(), "binance:trade:BTC-USDT").covers(range(0, 3)));
    writer.finish().unwrap();
    assert_eq!(tids(dir.path(), "binance:trade:BTC-USDT"), [1, 2]);
    assert!(dir.path().join("binance/trades/BTC-USDT/2024-01-01.parquet").is_file());
    assert!(std::fs::read_dir(dir.path().join(".dccd/journal")).unwrap().next().is_none());
}

#[test]
fn a_dead_writer_is_succeeded() {
    let dir = tempfile::tempdir().unwrap();
    let mut first = open(dir.path());
    take(&mut first, &trade("BTC/USDT", 1, 1));
    take(&mut first, &covered("BTC/USDT", range(0, 2)));
    first.commit().unwrap();
    take(&mut first, &trade("BTC/USDT", 3, 3));
    drop(first);
    let mut second = open(dir.path());
    take(&mut second, &trade("BTC/USDT", 2, 2));
    second.finish().unwrap();
    assert_eq!(tids(dir.path(), "binance:trade:BTC-USDT"), [1, 2]);
    assert!(covered_set(dir.path(), "binance:trade:BTC-USDT").covers(range(0, 2)));
    assert!(std::fs::read_dir(dir.path().join(".dccd/journal")).unwrap().next().is_none());
}

#[test]
fn what_is_not_worth_publishing_stays_readable_and_moves_on() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = open(dir.path());
    // A file above the small size, whose day is not over.
    for tid in 0..120_000_u64 {
        take(&mut writer, &trade("BTC/USDT", i64::try_from(tid / 4).unwrap(), tid.wrapping_mul(0x9E37_79B9_7F4A_7C15)));
    }
    writer.finish().unwrap();
    let path = dir.path().join("binance/trades/BTC-USDT/2024-01-01.parquet");
    let size = std::fs::metadata(&path).unwrap().len();
    assert!(size > 1 << 20, "{size}");
    let mut writer = open(dir.path());
    take(&mut writer, &trade("BTC/USDT", 40_000, 7));
    take(&mut writer, &trade("ETH/USDT", 1, 1));
    writer.finish().unwrap();
    drop(writer);
    assert_eq!(std::fs::metadata(&path).unwrap().len(), size, "one row is not worth a rewrite");
    assert_eq!(tids(dir.path(), "binance:trade:BTC-USDT").len(), 120_001);
    assert_eq!(tids(dir.path(), "binance:trade:ETH-USDT"), [1]);
    let mut writer = open(dir.path());
    take(&mut writer, &covered("BTC/USDT", range(0, 86_400)));
    writer.finish().unwrap();
    assert!(std::fs::read_dir(dir.path().join(".dccd/journal")).unwrap().next().is_none(), "the day is over");
    assert_eq!(tids(dir.path(), "binance:trade:BTC-USDT").len(), 120_001);
}

#[test]
fn input_that_outruns_the_journal_is_answered_after_its_rename() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = open(dir.path());
    let count = 400_000;
    for tid in 0..count {
        take(&mut writer, &trade("BTC/USDT", i64::try_from(tid / 2).unwrap(), tid));
    }
    take(&mut writer, &covered("BTC/USDT", range(0, 200_000)));
    let answered = String::from_utf8(writer.output().clone()).unwrap();
    assert!(!answered.contains("covered"), "nothing is published yet");
    writer.finish().unwrap();
    let answered = String::from_utf8(writer.output().clone()).unwrap();
    assert!(answered.trim_end().lines().last().unwrap().contains("\"covered\""));
    let rows: u64 = answered
        .lines()
        .filter(|line| line.contains("\"stored\""))
        .map(|line| line.split("\"rows\":").nth(1).unwrap().split(',').next().unwrap().parse::<u64>().unwrap())
        .sum();
    assert_eq!(rows, count);
    let stored = tids(dir.path(), "binance:trade:BTC-USDT");
    let missing = (0..count).filter(|tid| stored.binary_search(tid).is_err()).collect::<Vec<_>>();
    assert_eq!((missing.len(), missing.first(), missing.last(), stored.len()), (0, None, None, 400_000));
    let view = Store::open(dir.path()).unwrap().view(&dataset("binance:trade:BTC-USDT")).unwrap();
    let periods: Vec<Period> = view.periods().iter().map(|view| view.period).collect();
    assert_eq!(periods.len(), 3);
}

#[test]
fn nothing_is_covered_by_a_rush_whose_file_could_not_be_published() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = open(dir.path());
    for tid in 0..100_000 {
        take(&mut writer, &trade("BTC/USDT", i64::try_from(tid / 2).unwrap(), tid));
    }
    take(&mut writer, &covered("BTC/USDT", range(0, 50_000)));
    take(&mut writer, &trade("BTC/USDT", 86_400, 100_000));
    let in_the_way = dir.path().join(".dccd/ledger/binance:trade:BTC-USDT.ndjson");
    std::fs::create_dir_all(&in_the_way).unwrap();
    let third_day = trade("BTC/USDT", 2 * 86_400, 100_001);
    writer.take(third_day.as_bytes()).expect_err("the oldest file cannot be published");
    std::fs::remove_dir(&in_the_way).unwrap();
    writer.finish().unwrap();
    assert!(!String::from_utf8(writer.output().clone()).unwrap().contains("covered"));
    assert!(covered_set(dir.path(), "binance:trade:BTC-USDT").is_empty());
}

#[test]
fn a_file_is_continued_by_what_follows_it_and_by_what_does_not() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("binance/trades/BTC-USDT/2024-01-01.parquet");
    let mut writer = open(dir.path());
    (0..1_000).for_each(|tid| take(&mut writer, &trade("BTC/USDT", 10_000, tid)));
    writer.finish().unwrap();
    drop(writer);
    let mut writer = open(dir.path());
    // Enough for a part file; the last ones come late and one is a repeat.
    (1_000..41_000).for_each(|tid| take(&mut writer, &trade("BTC/USDT", 20_000, tid)));
    take(&mut writer, &trade("BTC/USDT", 10_000, 999));
    take(&mut writer, &trade("BTC/USDT", 5_000, 41_000));
    writer.finish().unwrap();
    assert!(path.is_file());
    let mut stored = tids(dir.path(), "binance:trade:BTC-USDT");
    assert_eq!(stored.first(), Some(&41_000));
    stored.sort_unstable();
    assert!(stored.iter().copied().eq(0..=41_000), "{} rows", stored.len());
    assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "a part file is left");
}

#[test]
fn what_has_no_id_and_is_sent_again_is_there_once() {
    let dir = tempfile::tempdir().unwrap();
    let nameless = |second| trade("BTC/USDT", second, 0).replace("\"tid\":\"0\"", "\"tid\":null");
    let mut writer = open(dir.path());
    (0..1_000).for_each(|second| take(&mut writer, &nameless(second)));
    writer.finish().unwrap();
    drop(writer);
    for first_named in [0, 40_000] {
        let mut writer = open(dir.path());
        // Enough for a part file, before or after what is sent again.
        (0..first_named).for_each(|at| take(&mut writer, &trade("BTC/USDT", 2_000 + at / 4, at.unsigned_abs() + 1)));
        (500..1_000).for_each(|second| take(&mut writer, &nameless(second)));
        (0..40_000).for_each(|at| take(&mut writer, &trade("BTC/USDT", 2_000 + at / 4, at.unsigned_abs() + 1)));
        writer.finish().unwrap();
        drop(writer);
        let view = Store::open(dir.path()).unwrap().view(&dataset("binance:trade:BTC-USDT")).unwrap();
        let scan = view.rows(&view.periods()[0], Range::all()).unwrap();
        assert_eq!(scan.map(|rows| rows.unwrap().len()).sum::<usize>(), 41_000);
    }
}

#[test]
fn a_pause_after_a_rush_brings_the_receipts() {
    let dir = tempfile::tempdir().unwrap();
    let options = WriterOptions { sync_interval: Duration::from_millis(1), ..options() };
    let mut writer = Writer::open(dir.path(), &options).unwrap();
    for tid in 0..100_000 {
        take(&mut writer, &trade("BTC/USDT", i64::try_from(tid / 2).unwrap(), tid));
    }
    take(&mut writer, &covered("BTC/USDT", range(0, 50_000)));
    let looks_max = 1_000;
    for _ in 0..looks_max {
        let Some(due) = writer.commit_due() else { break };
        std::thread::sleep(due.saturating_duration_since(std::time::Instant::now()));
        writer.commit().unwrap();
        writer.publish_due().unwrap();
    }
    assert_eq!(writer.commit_due(), None, "something still waits");
    assert!(String::from_utf8(writer.output().clone()).unwrap().contains("\"covered\""));
}

#[test]
fn a_file_that_cannot_be_read_is_set_aside_and_asked_for_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = open(dir.path());
    take(&mut writer, &trade("BTC/USDT", 1, 1));
    take(&mut writer, &covered("BTC/USDT", range(0, 86_400)));
    writer.finish().unwrap();
    let path = dir.path().join("binance/trades/BTC-USDT/2024-01-01.parquet");
    std::fs::write(&path, b"PAR1 this is no Parquet PAR1").unwrap();
    let mut writer = open(dir.path());
    take(&mut writer, &trade("BTC/USDT", 2, 2));
    writer.finish().unwrap();
    assert_eq!(writer.take_notices().len(), 1);
    assert_eq!(tids(dir.path(), "binance:trade:BTC-USDT"), [2]);
    assert!(covered_set(dir.path(), "binance:trade:BTC-USDT").is_empty());
    assert_eq!(std::fs::read_dir(dir.path().join(".dccd/aside")).unwrap().count(), 1);
}
