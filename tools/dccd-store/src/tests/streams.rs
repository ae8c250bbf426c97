//! Streams: an outage in which nobody lived to speak is a gap all the same.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use dccd_record::Range;

use super::writers::{covered, open, take, trade};
use super::{dataset, range};
use crate::coverage::Coverage;
use crate::store::Store;

const BTC: &str = "binance:trade:BTC-USDT";
const STREAM: &str =
    r#"{"kind":"job","exchange":"binance","pair":"BTC/USDT","id":"binance:BTC-USDT","of":"trade","live":true}"#;

/// The order of a backfill.
fn order(asked: Range) -> String {
    format!(
        r#"{{"kind":"range","exchange":"binance","pair":"BTC/USDT","job":"old","of":"trade","start":"{}","end":"{}","why":"asked"}}"#,
        asked.start(),
        asked.end()
    )
}

/// Writes these lines and is killed.
fn die_after(root: &Path, lines: &[&str]) {
    let mut writer = open(root);
    lines.iter().for_each(|line| take(&mut writer, line));
    writer.commit().unwrap();
}

/// The gaps that readers see, in journals as well as once all is published.
#[track_caller]
fn check(root: &Path, expected: &[(Range, Option<&str>)]) {
    for is_published in [false, true] {
        if is_published {
            open(root).finish().unwrap();
        }
        let view = Store::open(root).unwrap().view(&dataset(BTC)).unwrap();
        let planned = Coverage::open(root).unwrap().ledger(&dataset(BTC), Range::all()).unwrap();
        for ledger in [view.ledger(), &planned] {
            let gaps = ledger.gaps();
            let found: Vec<_> = gaps.iter().map(|gap| (gap.range, gap.reason.as_deref())).collect();
            assert_eq!(found, expected, "published: {is_published}");
        }
    }
}

#[test]
fn the_time_in_which_stream_and_writer_were_dead_is_one_gap() {
    let dir = tempfile::tempdir().unwrap();
    die_after(dir.path(), &[STREAM, &trade("BTC/USDT", 1, 1), &covered("BTC/USDT", range(0, 60))]);
    check(dir.path(), &[]);
    die_after(dir.path(), &[STREAM, &trade("BTC/USDT", 3_700, 2), &covered("BTC/USDT", range(3_660, 3_720))]);
    check(dir.path(), &[(range(60, 3_660), None)]);
    die_after(dir.path(), &[&order(range(60, 3_660)), &covered("BTC/USDT", range(60, 3_660))]);
    check(dir.path(), &[]);
}

#[test]
fn what_a_stream_never_covered_it_does_not_ask_for() {
    let dir = tempfile::tempdir().unwrap();
    die_after(dir.path(), &[STREAM, &trade("BTC/USDT", 1, 1)]);
    die_after(dir.path(), &[&order(range(-9_000, -8_000)), &covered("BTC/USDT", range(-9_000, -8_000))]);
    check(dir.path(), &[]);
    die_after(dir.path(), &[STREAM, &covered("BTC/USDT", range(3_600, 3_660))]);
    check(dir.path(), &[]);
}

#[test]
fn a_stream_that_only_missed_something_asks_for_all_since_then() {
    let dir = tempfile::tempdir().unwrap();
    let gap = format!(
        r#"{{"kind":"gap","exchange":"binance","pair":"BTC/USDT","of":"trade","start":"{}","end":"{}","reason":"refused"}}"#,
        range(0, 60).start(),
        range(0, 60).end()
    );
    die_after(dir.path(), &[STREAM, &gap]);
    check(dir.path(), &[(range(0, 60), Some("refused"))]);
    die_after(dir.path(), &[STREAM, &covered("BTC/USDT", range(3_600, 3_660))]);
    check(dir.path(), &[(range(0, 60), Some("refused")), (range(60, 3_600), None)]);
    die_after(dir.path(), &[&order(range(0, 60)), &covered("BTC/USDT", range(0, 60))]);
    check(dir.path(), &[(range(60, 3_600), None)]);
}

#[test]
fn an_older_backfill_is_no_gap_wherever_it_comes() {
    let old = [order(range(-9_000, -8_000)), covered("BTC/USDT", range(-9_000, -8_000))];
    let live = [STREAM.to_owned(), covered("BTC/USDT", range(0, 60)), covered("BTC/USDT", range(90, 120))];
    let [ordered, answered] = [old[0].as_str(), old[1].as_str()];
    let [stream, first, second] = [live[0].as_str(), live[1].as_str(), live[2].as_str()];
    for runs in [
        vec![vec![ordered, answered], vec![stream, first, second]],
        vec![vec![stream, first, second], vec![ordered, answered]],
        vec![vec![stream], vec![ordered, answered], vec![stream, first, second]],
        // In one input.
        vec![vec![ordered, answered, stream, first, second]],
        vec![vec![stream, ordered, answered, first, second]],
        vec![vec![stream, first, ordered, second, answered]],
    ] {
        let dir = tempfile::tempdir().unwrap();
        runs.iter().for_each(|lines| die_after(dir.path(), lines));
        check(dir.path(), &[(range(60, 90), None)]);
    }
}

#[test]
fn two_streams_of_one_dataset_close_each_others_gaps() {
    let dir = tempfile::tempdir().unwrap();
    let (mut one, mut other) = (open(dir.path()), open(dir.path()));
    [&mut one, &mut other].into_iter().for_each(|writer| take(writer, STREAM));
    take(&mut other, &covered("BTC/USDT", range(30, 300)));
    other.commit().unwrap();
    take(&mut one, &covered("BTC/USDT", range(0, 60)));
    one.commit().unwrap();
    take(&mut one, &covered("BTC/USDT", range(200, 400)));
    one.commit().unwrap();
    take(&mut other, &covered("BTC/USDT", range(500, 600)));
    other.commit().unwrap();
    drop((one, other));
    check(dir.path(), &[(range(400, 500), None)]);
}

#[test]
fn a_stream_that_outruns_the_journal_is_remembered_too() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = open(dir.path());
    take(&mut writer, STREAM);
    (0..100_000).for_each(|tid| take(&mut writer, &trade("BTC/USDT", i64::try_from(tid / 2).unwrap(), tid)));
    take(&mut writer, &covered("BTC/USDT", range(0, 50_000)));
    take(&mut writer, &covered("BTC/USDT", range(60_000, 60_010)));
    writer.finish().unwrap();
    assert!(writer.output().ends_with(b"\"proof\":\"id\"}\n"));
    drop(writer);
    check(dir.path(), &[(range(50_000, 60_000), None)]);
}

/// Every file of the store with its inode, which each rewrite changes.
fn inodes(dir: &Path, found: &mut BTreeMap<PathBuf, u64>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            inodes(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "parquet") {
            found.insert(path.clone(), path.metadata().unwrap().ino());
        }
    }
}

#[test]
fn a_day_of_commits_rewrites_its_files_a_few_times() {
    const BUSY_PER_MINUTE: u64 = 200;
    const REWRITES_MAX: u32 = 6;
    let dir = tempfile::tempdir().unwrap();
    let mut writer = open(dir.path());
    let pairs = ["BTC/USDT", "ETH/USDT", "LTC/USDT", "XRP/USDT"];
    pairs.iter().for_each(|pair| take(&mut writer, &STREAM.replace("BTC/USDT", pair)));
    let (mut before, mut rewrites) = (BTreeMap::new(), BTreeMap::<PathBuf, u32>::new());
    let mut stored = 0;
    for minute in 0..1_440_u64 {
        let second = i64::try_from(minute * 60).unwrap();
        let busy = (0..BUSY_PER_MINUTE).map(|at| trade("BTC/USDT", second, minute * BUSY_PER_MINUTE + at));
        let quiet = pairs[1..].iter().map(|pair| trade(pair, second, minute));
        for line in busy.chain(quiet).chain(pairs.iter().map(|pair| covered(pair, range(second, second + 60)))) {
            take(&mut writer, &line);
        }
        writer.commit().unwrap();
        writer.publish_due().unwrap();
        stored += writer.take_durable().unwrap().rows;
        writer.output().clear();
        let mut now = BTreeMap::new();
        inodes(dir.path(), &mut now);
        for (path, inode) in &now {
            *rewrites.entry(path.clone()).or_default() += u32::from(before.get(path) != Some(inode));
        }
        before = now;
    }
    assert_eq!(stored, 1_440 * (BUSY_PER_MINUTE + 3));
    assert!(rewrites.values().all(|times| *times <= REWRITES_MAX), "{rewrites:?}");
    assert!(rewrites.keys().any(|path| path.to_string_lossy().contains("BTC-USDT")), "{rewrites:?}");
    writer.finish().unwrap();
    drop(writer);
    check(dir.path(), &[]);
    let ledger = Store::open(dir.path()).unwrap().view(&dataset(BTC)).unwrap().ledger().covered();
    assert!(ledger.covers(range(0, 86_400)));
}
