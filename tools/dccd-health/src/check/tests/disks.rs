use std::fs;

use dccd_record::{Dataset, Range};
use dccd_store::Layout;

use super::super::Limits;
use super::super::disk::{Disk, measure};
use super::super::reasons::reasons;
use super::super::series::{Series, State};
use super::super::survey::Survey;
use super::at;

const NOW: &str = "2024-03-13T12:00:00Z";

fn series(id: &str, from: &str, to: &str) -> Series {
    Series {
        dataset: id.parse().unwrap(),
        state: State::Fresh,
        is_live: true,
        covered: Range::new(at(from), at(to)),
        required: None,
        repairable: Vec::new(),
        irreparable: 0,
    }
}

/// What a store grows by in a day that has such files of one dataset.
fn growth(series: &Series, files: &[(&str, usize)]) -> (u64, u64) {
    let dir = tempfile::tempdir().unwrap();
    let folder = Layout::new(dir.path()).dataset_dir(&series.dataset);
    fs::create_dir_all(&folder).unwrap();
    for (name, bytes) in files {
        fs::write(folder.join(name), vec![0; *bytes]).unwrap();
    }
    let disk = measure(dir.path(), std::slice::from_ref(series), at(NOW)).unwrap();
    (disk.stored_bytes, disk.growth_bytes)
}

#[test]
fn whole_days_tell_how_fast_trades_grow() {
    let trades = series("binance:trade:BTC-USDT", "2024-01-01T00:00:00Z", "2024-03-13T12:00:00Z");
    let day = |day: u32| format!("2024-03-{day:02}.parquet");
    let [a, b, c, today] = [10, 11, 12, 13].map(day);
    // Today is not over, and last week counts.
    let files = [(a.as_str(), 100), (&b, 200), (&c, 300), (&today, 50_000), ("2024-03-01.parquet", 70_000)];
    assert_eq!(growth(&trades, &files), (120_600, 200));
    assert_eq!(growth(&trades, &[(&today, 50_000)]), (50_000, 0));
    let stopped = series("binance:trade:BTC-USDT", "2024-01-01T00:00:00Z", "2024-03-01T00:00:00Z");
    assert_eq!(growth(&stopped, &files).1, 0);
}

#[test]
fn the_current_year_tells_how_fast_candles_grow() {
    let files = [("2023.parquet", 99_000), ("2024.parquet", 7_300)];
    let year = series("binance:candle:BTC-USDT:1h", "2020-01-01T00:00:00Z", "2024-03-13T12:00:00Z");
    assert_eq!(growth(&year, &files), (106_300, 100));
    let days = series("binance:candle:BTC-USDT:1h", "2024-03-12T12:00:00Z", "2024-03-13T12:00:00Z");
    assert_eq!(growth(&days, &files).1, 3_650);
}

#[test]
fn a_disk_is_a_reason_if_it_does_not_last() {
    const GIB: u64 = 1 << 30;
    let check = |(free_gib, growth_bytes): (u64, u64), kept_free_gib: u64, limits: (u64, u64), expected: &str| {
        let free_bytes = free_gib * GIB;
        let disk = Disk { free_bytes, total_bytes: 100 * GIB, stored_bytes: 0, growth_bytes };
        let found = Survey {
            now: at(NOW),
            root: "store".into(),
            series: vec![series("binance:trade:BTC-USDT", "2024-01-01T00:00:00Z", "2024-03-13T12:00:00Z")],
            jobs: Vec::new(),
            errors_max: 3,
            disk: Some(disk),
            kept_free_bytes: kept_free_gib * GIB,
            sync: None,
        };
        let limits = Limits { disk_days: limits.0, disk_free_gb: limits.1, ..Limits::default() };
        let said = reasons(&found, &limits).first().map_or(String::new(), |reason| reason.message.clone());
        assert!(said.starts_with(expected) && said.is_empty() == expected.is_empty(), "{said}");
    };
    check((50, 0), 0, (7, 1), "");
    check((50, GIB), 0, (7, 1), "");
    check((6, GIB), 0, (7, 1), "full in 6 days: 6.0 GiB free");
    check((6, GIB), 0, (6, 1), "");
    check((6, GIB), 0, (0, 1), "");
    // What is copied makes room, as long as it does.
    check((6, GIB), 5, (7, 1), "");
    check((4, GIB), 5, (7, 1), "full in 4 days");
    check((0, 0), 0, (7, 1), "0 B free, less than 1.0 GiB");
    check((0, 0), 0, (7, 0), "");
    check((0, 1), 0, (7, 0), "full in 0 days");
}

#[test]
fn a_store_that_does_not_exist_cannot_be_measured() {
    let dataset: Dataset = "binance:trade:BTC-USDT".parse().unwrap();
    assert!(measure(std::path::Path::new("/nowhere/at/all"), &[], at(NOW)).is_err(), "{dataset}");
}
