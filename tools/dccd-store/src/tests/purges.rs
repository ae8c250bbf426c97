//! Files that are only on remotes: what is known of them stays, and rows for them wait.

use std::fs;
use std::path::Path;

use dccd_record::{Range, Ts};

use super::writers::{covered, covered_set, open, take, tids, trade};
use super::{dataset, range};
use crate::layout::Period;
use crate::store::Store;
use crate::sync::{Kept, PurgeOutcome, Restored, StoreFile, SyncSite};

const ID: &str = "binance:trade:BTC-USDT";
/// Seconds of a day.
const DAY: i64 = 86_400;

fn write(root: &Path, lines: &[String]) -> Vec<String> {
    let mut writer = open(root);
    lines.iter().for_each(|line| take(&mut writer, line));
    writer.finish().unwrap();
    writer.take_warnings()
}

/// Two days with three trades each, both covered.
fn two_days(root: &Path) {
    let mut lines: Vec<String> = [1, 2, 3].into_iter().map(|n| trade("BTC/USDT", n, n.unsigned_abs())).collect();
    lines.extend([4, 5, 6].into_iter().map(|n| trade("BTC/USDT", DAY + n, n.unsigned_abs())));
    lines.push(covered("BTC/USDT", range(0, 2 * DAY)));
    assert!(write(root, &lines).is_empty());
}

fn first_day() -> StoreFile {
    StoreFile { dataset: dataset(ID), period: Period::of(dataset(ID).kind(), super::ts(0)) }
}

/// Purges the first day; the copy that is left is the remote's.
fn purge(root: &Path, copy: &Path) {
    let site = SyncSite::open(root).unwrap();
    fs::copy(site.path(&first_day()), copy).unwrap();
    let id = site.open_file(&first_day()).unwrap().unwrap().id;
    let outcome = site.purge(&first_day(), id, "abc", &["nas:crypto".to_owned()]).unwrap();
    assert!(matches!(&outcome, PurgeOutcome::Purged(marker) if marker.rows == 3), "{outcome:?}");
    assert!(!site.path(&first_day()).exists());
}

fn bring_back(root: &Path, copy: &Path) -> Restored {
    let site = SyncSite::open(root).unwrap();
    let part = site.part(&first_day()).unwrap();
    fs::copy(copy, &part).unwrap();
    site.bring_back(&first_day(), &part, 0, "test 0").unwrap()
}

#[test]
fn what_is_covered_stays_covered() {
    let dir = tempfile::tempdir().unwrap();
    let (root, copy) = (dir.path().join("data"), dir.path().join("copy"));
    two_days(&root);
    purge(&root, &copy);
    assert!(covered_set(&root, ID).covers(range(0, 2 * DAY)));
    assert_eq!(tids(&root, ID), [4, 5, 6]);
    let view = Store::open(&root).unwrap().view(&dataset(ID)).unwrap();
    let (period, marker) = &view.purged()[0];
    assert_eq!(
        (*period, marker.rows, marker.remotes.as_slice()),
        (first_day().period, 3, &["nas:crypto".to_owned()][..])
    );
    assert_eq!(bring_back(&root, &copy), Restored::New { rows: 3 });
    assert_eq!(tids(&root, ID), [1, 2, 3, 4, 5, 6]);
    assert!(Store::open(&root).unwrap().view(&dataset(ID)).unwrap().purged().is_empty());
}

#[test]
fn rows_for_a_purged_file_wait_without_growing() {
    let dir = tempfile::tempdir().unwrap();
    let (root, copy) = (dir.path().join("data"), dir.path().join("copy"));
    two_days(&root);
    purge(&root, &copy);
    let late = [trade("BTC/USDT", 10, 10), trade("BTC/USDT", DAY + 20, 20), covered("BTC/USDT", range(0, 2 * DAY))];
    let journals = || {
        let names = fs::read_dir(root.join(".dccd/journal")).unwrap().map(|entry| entry.unwrap());
        let sizes: Vec<(String, u64)> =
            names.map(|entry| (entry.file_name().into_string().unwrap(), entry.metadata().unwrap().len())).collect();
        sizes
    };
    let mut sizes = Vec::new();
    for _ in 0..5 {
        let warnings = write(&root, &late);
        assert!(warnings.iter().any(|warning| warning.contains("nas:crypto")), "{warnings:?}");
        assert!(!root.join(first_day().name()).exists(), "a purged file was written anew");
        assert_eq!(tids(&root, ID), [10, 4, 5, 6, 20], "readers see what waits, and all else is published");
        let [(name, bytes)] = journals().try_into().unwrap();
        assert!(name.ends_with(".parked.ndjson.zst"), "{name}");
        sizes.push(bytes);
    }
    assert!(sizes.iter().all(|bytes| *bytes == sizes[0]), "the journal grew: {sizes:?}");
    // A writer that has nothing to add leaves it alone.
    let before = journals();
    assert!(write(&root, &[]).is_empty());
    assert_eq!(journals(), before);
    assert_eq!(bring_back(&root, &copy), Restored::New { rows: 3 });
    assert_eq!(tids(&root, ID), [1, 2, 3, 10, 4, 5, 6, 20]);
    write(&root, &[]);
    assert!(journals().is_empty(), "{:?}", journals());
    assert_eq!(tids(&root, ID), [1, 2, 3, 10, 4, 5, 6, 20]);
}

#[test]
fn a_running_writer_publishes_what_waited_once_the_file_is_back() {
    let dir = tempfile::tempdir().unwrap();
    let (root, copy) = (dir.path().join("data"), dir.path().join("copy"));
    two_days(&root);
    let mut writer = open(&root);
    purge(&root, &copy);
    take(&mut writer, &trade("BTC/USDT", 10, 10));
    writer.commit().unwrap();
    writer.finish().unwrap();
    take(&mut writer, &trade("BTC/USDT", DAY + 20, 20));
    bring_back(&root, &copy);
    writer.finish().unwrap();
    assert_eq!(tids(&root, ID), [1, 2, 3, 10, 4, 5, 6, 20]);
    let view = Store::open(&root).unwrap().view(&dataset(ID)).unwrap();
    assert!(view.periods().iter().all(|period| !period.is_waiting));
}

#[test]
fn a_file_that_is_in_use_is_not_purged() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("data");
    two_days(&root);
    let kept = |outcome: PurgeOutcome| match outcome {
        PurgeOutcome::Kept(kept) => kept,
        PurgeOutcome::Purged(_) => panic!("it was purged"),
    };
    let site = SyncSite::open(&root).unwrap();
    let old = site.open_file(&first_day()).unwrap().unwrap().id;
    assert!(matches!(SyncSite::open(&root), Err(crate::StoreError::Locked { .. })), "two syncs at once");
    write(&root, &[trade("BTC/USDT", 9, 9)]);
    assert_eq!(kept(site.purge(&first_day(), old, "abc", &[]).unwrap()), Kept::Changed);
    let id = site.open_file(&first_day()).unwrap().unwrap().id;
    let begun = site.part(&first_day()).unwrap();
    fs::write(&begun, "").unwrap();
    assert_eq!(kept(site.purge(&first_day(), id, "abc", &[]).unwrap()), Kept::BeingWritten);
    fs::remove_file(begun).unwrap();
    assert!(site.waiting().unwrap().is_empty());
    let mut writer = open(&root);
    take(&mut writer, &trade("BTC/USDT", 10, 10));
    writer.commit().unwrap();
    assert_eq!(site.waiting().unwrap().into_iter().collect::<Vec<_>>(), [first_day()]);
    assert_eq!(tids(&root, ID), [1, 2, 3, 9, 10, 4, 5, 6]);
}

#[test]
fn open_periods_are_not_offered() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("data");
    two_days(&root);
    let site = SyncSite::open(&root).unwrap();
    let closed = |now: Ts| site.closed_files(now).unwrap().len();
    assert_eq!(closed(super::ts(DAY)), 0);
    assert_eq!(closed(super::ts(2 * DAY)), 1);
    assert_eq!(closed(super::ts(3 * DAY)), 2, "covered past its end");
}

#[test]
fn rows_of_both_sides_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let (root, copy) = (dir.path().join("data"), dir.path().join("copy"));
    two_days(&root);
    let site = SyncSite::open(&root).unwrap();
    fs::copy(site.path(&first_day()), &copy).unwrap();
    drop(site);
    let lacking = |expected: u64| {
        let site = SyncSite::open(&root).unwrap();
        assert_eq!(site.lacking(&first_day(), &copy).unwrap(), expected);
    };
    lacking(0);
    assert_eq!(bring_back(&root, &copy), Restored::Same { rows: 3 });
    // As after a loss: what is here now is another part of the day.
    fs::remove_file(root.join(first_day().name())).unwrap();
    write(&root, &[trade("BTC/USDT", 3, 3), trade("BTC/USDT", 7, 7)]);
    lacking(2);
    assert_eq!(bring_back(&root, &copy), Restored::Merged { rows: 4, added: 2 });
    assert_eq!(tids(&root, ID), [1, 2, 3, 7, 4, 5, 6]);
    // And where the one that comes is all there is.
    fs::remove_file(root.join(first_day().name())).unwrap();
    write(&root, &[trade("BTC/USDT", 2, 2)]);
    assert_eq!(bring_back(&root, &copy), Restored::Merged { rows: 3, added: 2 });
    assert_eq!(tids(&root, ID), [1, 2, 3, 4, 5, 6]);
}

#[test]
fn a_damaged_file_is_never_brought_back() {
    let dir = tempfile::tempdir().unwrap();
    let (root, copy) = (dir.path().join("data"), dir.path().join("copy"));
    two_days(&root);
    purge(&root, &copy);
    let bytes = fs::read(&copy).unwrap();
    fs::write(&copy, &bytes[..bytes.len() / 2]).unwrap();
    let site = SyncSite::open(&root).unwrap();
    let part = site.part(&first_day()).unwrap();
    fs::copy(&copy, &part).unwrap();
    assert!(site.bring_back(&first_day(), &part, 0, "test 0").is_err());
    assert!(!part.exists() && !root.join(first_day().name()).exists());
}

#[test]
fn a_ledger_travels_with_what_its_files_hold() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("data");
    two_days(&root);
    let mut writer = open(&root);
    take(&mut writer, &trade("BTC/USDT", 2 * DAY + 5, 7));
    take(&mut writer, &covered("BTC/USDT", range(2 * DAY, 2 * DAY + 10)));
    take(&mut writer, &trade("ETH/USDT", 5, 7));
    writer.commit().unwrap();
    let site = SyncSite::open(&root).unwrap();
    let id = dataset(ID);
    let learnt = |lines: &[u8], periods: &[Period]| {
        let other = tempfile::tempdir().unwrap();
        SyncSite::create(other.path(), crate::StoreOptions::AsItIs).unwrap().learn(&id, lines, periods).unwrap();
        let store = Store::open(other.path()).unwrap();
        let covered = store.view(&id).unwrap().ledger().covered();
        covered.iter().collect::<Vec<Range>>()
    };
    let days: Vec<Period> = [0, DAY, 2 * DAY].map(|at| Period::of(id.kind(), super::ts(at))).to_vec();
    let picture = site.picture().unwrap();
    assert_eq!(learnt(&picture.lines(&id, &[], b""), &days), [range(0, 2 * DAY)]);
    assert_eq!(learnt(&picture.lines(&id, &days[..1], b""), &days), [range(DAY, 2 * DAY)]);
    assert_eq!(learnt(&picture.lines(&id, &[], b""), &days[1..]), [range(DAY, 2 * DAY)]);
    let theirs = covered("BTC/USDT", range(0, 50));
    assert_eq!(
        learnt(&picture.lines(&id, &days[..1], theirs.as_bytes()), &days),
        [range(0, 50), range(DAY, 2 * DAY)],
        "what a remote knows stays known"
    );
}
