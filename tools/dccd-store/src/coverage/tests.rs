#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "a test may fail, and says with which seed")]

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch};
use dccd_record::{Dataset, Range, Ts};
use parquet::arrow::ArrowWriter;

use super::Coverage;
use crate::store::{Store, StoreOptions};
use crate::writer::{Taken, Writer, WriterOptions};

const HOUR: i64 = 3600;
const CANDLES: &str = "binance:candle:BTC-USDT:1h";
const IDS: [&str; 3] = [CANDLES, "binance:trade:BTC-USDT", "binance:funding:BTC-USDT_PERP"];

/// Hours after 2024 began.
fn ts(hours: i64) -> Ts {
    Ts::from_secs(1_704_067_200 + hours * HOUR).unwrap()
}

fn range(from: i64, to: i64) -> Range {
    Range::new(ts(from), ts(to)).unwrap()
}

fn writer(root: &Path) -> Writer {
    let options = WriterOptions {
        sync_interval: Duration::from_secs(1),
        store: StoreOptions::AsItIs,
        program: "test 0".to_owned(),
    };
    Writer::open(root, &options).unwrap()
}

/// A control line of a dataset.
fn line(id: &str, kind: &str, range: Range) -> String {
    let dataset: Dataset = id.parse().unwrap();
    let span = dataset.span().map_or(String::new(), |span| format!(r#","span":{}"#, span.secs()));
    let rest = match kind {
        "covered" => r#""proof":"page""#,
        "gap" => r#""reason":"disconnected""#,
        _ => r#""job":"j","why":"asked""#,
    };
    format!(
        r#"{{"kind":"{kind}","exchange":"binance","pair":"{}","of":"{}"{span},"start":"{}","end":"{}",{rest}}}"#,
        dataset.pair(),
        dataset.kind(),
        range.start(),
        range.end()
    )
}

fn take(writer: &mut Writer, line: &str) {
    assert_eq!(writer.take(line.as_bytes()).unwrap(), Taken::Yes, "{line}");
}

/// A year of candles as dccd 3 wrote it, one an hour.
fn write_foreign(root: &Path, hours: std::ops::Range<i64>) {
    let dir = root.join("binance/ohlc/BTC-USDT/1h");
    std::fs::create_dir_all(&dir).unwrap();
    let instants: ArrayRef = Arc::new(Int64Array::from_iter_values(hours.clone().map(|hour| ts(hour).nanos())));
    let ones = || -> ArrayRef { Arc::new(Float64Array::from_iter_values(hours.clone().map(|_| 1.0))) };
    let names = ["open", "high", "low", "close", "volume", "quote_volume"];
    let columns = std::iter::once(("TS", instants)).chain(names.map(|name| (name, ones())));
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut writer =
        ArrowWriter::try_new(File::create(dir.join("2024.parquet")).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

/// What it says is what a look at everything says.
fn check(root: &Path, context: &str) {
    let coverage = Coverage::open(root).unwrap();
    let views = Store::open(root).unwrap().survey().unwrap();
    let datasets: Vec<Dataset> = views.iter().map(|view| view.dataset().clone()).collect();
    assert_eq!(coverage.datasets().unwrap(), datasets, "{context}");
    for view in views {
        let ledger = coverage.ledger(view.dataset(), Range::all()).unwrap();
        assert_eq!(ledger.covered(), view.ledger().covered(), "{context}: {}", view.dataset());
        assert_eq!(ledger.gaps(), view.ledger().gaps(), "{context}: {}", view.dataset());
    }
}

/// What somebody keeps beside the data must not keep everything else from being seen.
#[test]
fn files_where_folders_belong_are_passed_over() {
    let dir = tempfile::tempdir().unwrap();
    write_foreign(dir.path(), 0..24);
    for stray in ["notes", "binance/ohlc/ETH-USDT"] {
        std::fs::write(dir.path().join(stray), "mine").unwrap();
    }
    std::os::unix::fs::symlink("loop", dir.path().join("loop")).unwrap();
    check(dir.path(), "stray files");
    assert_eq!(Coverage::open(dir.path()).unwrap().datasets().unwrap().len(), 1);
}

#[test]
fn random_stores_are_covered_as_views_say() {
    let seed = std::env::var("DCCD_TEST_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(20_260_101_u64);
    eprintln!("DCCD_TEST_SEED={seed}");
    let mut state = seed;
    let mut below = |bound: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % bound
    };
    let small = |number: u64| i64::try_from(number).unwrap();
    for round in 0..20 {
        let dir = tempfile::tempdir().unwrap();
        if below(2) == 0 {
            let first = small(below(20));
            write_foreign(dir.path(), first..first + 2 + small(below(20)));
        }
        for _ in 0..1 + below(3) {
            let mut writer = writer(dir.path());
            for _ in 0..below(12) {
                let id = IDS[usize::try_from(below(3)).unwrap()];
                let kind = ["covered", "covered", "gap", "range"][usize::try_from(below(4)).unwrap()];
                let from = small(below(40));
                take(&mut writer, &line(id, kind, range(from, from + 1 + small(below(8)))));
            }
            // One that ends in good order publishes, one that does not leaves a journal.
            if below(2) == 0 { writer.finish().unwrap() } else { writer.commit().unwrap() }
        }
        check(dir.path(), &format!("round {round} of seed {seed}"));
    }
}

#[test]
fn candles_of_an_earlier_dccd_count_but_for_the_last() {
    let dir = tempfile::tempdir().unwrap();
    write_foreign(dir.path(), 0..10);
    let coverage = Coverage::open(dir.path()).unwrap();
    let covered = coverage.ledger(&CANDLES.parse().unwrap(), range(0, 20)).unwrap().covered();
    assert_eq!(covered.iter().collect::<Vec<_>>(), [range(0, 9)]);
    check(dir.path(), "a file of dccd 3");
}

#[test]
fn files_are_left_alone_where_they_cannot_tell_more() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = writer(dir.path());
    take(&mut writer, &line(CANDLES, "covered", range(0, 10)));
    writer.finish().unwrap();
    let folder = dir.path().join("binance/ohlc/BTC-USDT/1h");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("2024.parquet"), "broken").unwrap();
    let covered = |wanted: Range| {
        let ledger = Coverage::open(dir.path()).unwrap().ledger(&CANDLES.parse().unwrap(), wanted).unwrap();
        ledger.covered().iter().collect::<Vec<_>>()
    };
    assert_eq!(covered(range(2, 10)), [range(0, 10)]);
    assert_eq!(covered(range(-90, -10)), [range(0, 10)]);
    assert_eq!(covered(range(2, 11)), [], "a file that cannot be read takes its coverage with it");
}
