//! What was once broken: replays after a kill, frames without records, bad ledgers, failed publishing.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use dccd_record::{RangeSet, Ts};
use parquet::arrow::ArrowWriter;

use super::writers::{covered, covered_set, open, take, tids, trade};
use super::{range, ts};

const BTC: &str = "binance:trade:BTC-USDT";

/// A trade without an id: only by counting equals is a repeat told from another trade.
fn nameless(second: i64) -> String {
    trade("BTC/USDT", second, 0).replace("\"tid\":\"0\"", "\"tid\":null")
}

fn rows(root: &Path) -> usize {
    let view = crate::store::Store::open(root).unwrap().view(&BTC.parse().unwrap()).unwrap();
    let scans = view.periods().iter().map(|period| view.rows(period, dccd_record::Range::all()).unwrap());
    scans.flatten().map(|rows| rows.unwrap().len()).sum()
}

/// A file of dccd 3 with trades of the first day of 2024: their instants and ids.
pub(super) fn adopt_trades(root: &Path, trades: &[(Ts, u64)]) {
    let dir = root.join("binance/trades/BTC-USDT");
    std::fs::create_dir_all(&dir).unwrap();
    let ones: ArrayRef = Arc::new(Float64Array::from(vec![1.0; trades.len()]));
    let tids = trades.iter().map(|(_, tid)| tid.to_string());
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("TS", Arc::new(Int64Array::from_iter_values(trades.iter().map(|(ts, _)| ts.nanos())))),
        ("price", Arc::clone(&ones)),
        ("amount", ones),
        ("side", Arc::new(StringArray::from(vec!["buy"; trades.len()]))),
        ("tid", Arc::new(StringArray::from_iter_values(tids))),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let file = File::create(dir.join("2024-01-01.parquet")).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

#[test]
fn equal_trades_sent_again_after_a_kill_are_no_new_trades() {
    let dir = tempfile::tempdir().unwrap();
    for _ in 0..3 {
        let mut killed = open(dir.path());
        (0..4).for_each(|_| take(&mut killed, &nameless(1)));
        killed.commit().unwrap();
        drop(killed);
        assert_eq!(rows(dir.path()), 4, "as readers see it");
    }
    open(dir.path()).finish().unwrap();
    assert_eq!(rows(dir.path()), 4);
}

#[test]
fn lines_without_records_fill_a_frame_too() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = open(dir.path());
    take(&mut writer, &trade("BTC/USDT", 1, 1));
    let reason = "x".repeat(1 << 20);
    let gap = format!(
        r#"{{"kind":"gap","exchange":"binance","pair":"BTC/USDT","of":"trade","start":"{}","end":"{}","reason":"{reason}","final":false}}"#,
        ts(5),
        ts(6)
    );
    // More than the largest frame that is read.
    for _ in 0..70 {
        take(&mut writer, &gap);
    }
    take(&mut writer, &covered("BTC/USDT", range(0, 5)));
    writer.commit().unwrap();
    assert_eq!(tids(dir.path(), BTC), [1]);
    drop(writer);
    open(dir.path()).finish().unwrap();
    assert_eq!(tids(dir.path(), BTC), [1]);
    assert_eq!(covered_set(dir.path(), BTC), RangeSet::from_iter([range(0, 5)]));
}

#[test]
fn a_bad_ledger_line_stops_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = open(dir.path());
    take(&mut writer, &trade("BTC/USDT", 1, 1));
    take(&mut writer, &covered("BTC/USDT", range(0, 5)));
    writer.finish().unwrap();
    let ledger = dir.path().join(".dccd/ledger").join(format!("{BTC}.ndjson"));
    let mut content = std::fs::read(&ledger).unwrap();
    content.extend_from_slice(b"{\"kind\":\"cov");
    std::fs::write(&ledger, &content).unwrap();
    assert_eq!(tids(dir.path(), BTC), [1], "readers go on");
    let mut writer = open(dir.path());
    take(&mut writer, &trade("BTC/USDT", 2, 2));
    writer.finish().unwrap();
    let notices = writer.take_notices();
    assert!(notices.len() == 1 && notices[0].contains("bad line"), "{notices:?}");
    assert_eq!(tids(dir.path(), BTC), [1, 2]);
    assert_eq!(covered_set(dir.path(), BTC), RangeSet::from_iter([range(0, 5)]));
    let mut writer = open(dir.path());
    take(&mut writer, &trade("BTC/USDT", 3, 3));
    writer.finish().unwrap();
    assert!(writer.take_notices().is_empty(), "it is told once");
}

#[test]
fn what_was_not_published_is_not_covered() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = open(dir.path());
    for tid in 0..100_000 {
        take(&mut writer, &trade("BTC/USDT", i64::try_from(tid / 2).unwrap(), tid));
    }
    take(&mut writer, &covered("BTC/USDT", range(0, 50_000)));
    // Publishing needs the folder of locks.
    let locks = dir.path().join(".dccd/locks");
    std::fs::write(&locks, b"").unwrap();
    writer.pause().unwrap_err();
    std::fs::remove_file(&locks).unwrap();
    writer.finish().unwrap();
    let stored = rows(dir.path());
    assert!(stored == 100_000 || covered_set(dir.path(), BTC).is_empty(), "{stored} rows are there, all are covered");
}

#[test]
fn adopted_trades_give_way_even_if_nothing_takes_their_place() {
    let dir = tempfile::tempdir().unwrap();
    adopt_trades(dir.path(), &(0..10_u32).map(|at| (ts(at.into()), 1_000 + u64::from(at))).collect::<Vec<(Ts, u64)>>());
    let mut writer = open(dir.path());
    take(&mut writer, &covered("BTC/USDT", range(2, 5)));
    writer.finish().unwrap();
    assert_eq!(tids(dir.path(), BTC), [1_000, 1_001, 1_005, 1_006, 1_007, 1_008, 1_009]);
    // Now the file is ours, and only the ledger knows which rows are not.
    let mut writer = open(dir.path());
    take(&mut writer, &trade("BTC/USDT", 6, 1));
    take(&mut writer, &covered("BTC/USDT", range(6, 8)));
    writer.finish().unwrap();
    assert_eq!(tids(dir.path(), BTC), [1_000, 1_001, 1_005, 1, 1_008, 1_009]);
}

#[test]
fn one_broken_folder_does_not_keep_others_from_being_stored() {
    let dir = tempfile::tempdir().unwrap();
    let broken = dir.path().join("binance/trades/BTC-USDT");
    std::fs::create_dir_all(broken.parent().unwrap()).unwrap();
    std::fs::write(&broken, b"no folder").unwrap();
    for tid in 0..3 {
        let mut writer = open(dir.path());
        take(&mut writer, &trade("BTC/USDT", 1, tid));
        take(&mut writer, &trade("ETH/USDT", 1, tid));
        writer.finish().unwrap_err();
    }
    assert_eq!(tids(dir.path(), "binance:trade:ETH-USDT"), [0, 1, 2]);
    std::fs::remove_file(&broken).unwrap();
    open(dir.path()).finish().unwrap();
    assert_eq!(tids(dir.path(), BTC), [0, 1, 2]);
    assert_eq!(tids(dir.path(), "binance:trade:ETH-USDT"), [0, 1, 2]);
}
