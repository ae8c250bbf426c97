//! Files of others, and files that are no longer what they were.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::types::Int64Type;
use arrow_array::{
    ArrayRef, Float64Array, Int32Array, Int64Array, PrimitiveArray, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use dccd_record::{Kind, Parser, Range, RangeSet};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;

use super::model::{EXCHANGE, told};
use super::random::{Random, for_seeds};
use crate::table::{
    Assembled, Assembly, FileScan, MergedScan, Numbers, Origin, PartWriter, Provenance, Source, TableError, assemble,
};

const SECOND: i64 = 1_000_000_000;
const START: i64 = 1_704_067_200;

fn write_other(path: &Path, columns: Vec<(&str, ArrayRef)>) {
    let batch = RecordBatch::try_from_iter(columns).expect("columns of one length");
    let properties =
        WriterProperties::builder().set_compression(Compression::SNAPPY).set_max_row_group_row_count(Some(50)).build();
    let file = File::create(path).expect("a file in a test's folder");
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).expect("a schema Parquet has");
    writer.write(&batch).expect("room");
    writer.close().expect("room");
}

fn floats(values: impl IntoIterator<Item = f64>) -> ArrayRef {
    Arc::new(Float64Array::from_iter_values(values))
}

fn ints(values: impl IntoIterator<Item = i64>) -> ArrayRef {
    Arc::new(Int64Array::from_iter_values(values))
}

/// Candles of dccd 2: seconds in any order, one twice, its own column names.
fn write_dccd2(path: &Path, instants: ArrayRef, rows: usize) {
    let column = |value: f64| floats((0..rows).map(|_| value));
    write_other(
        path,
        vec![
            ("TS", instants),
            ("open", column(1.0)),
            ("high", column(3.0)),
            ("low", column(0.5)),
            ("close", column(2.25)),
            ("volume", column(10.0)),
            ("quoteVolume", column(22.5)),
            ("weightedAverage", column(2.25)),
        ],
    );
}

fn closes(path: &Path, numbers: Numbers) -> Vec<(i64, String)> {
    let sources = vec![Source::published(path, RangeSet::new())];
    let mut all = Vec::new();
    for rows in MergedScan::new(Kind::Candle, numbers, sources, Range::all()).expect("a file that opens") {
        told(&rows.expect("a file that reads"), &mut all);
    }
    all.into_iter().map(|record| (record.ts, record.text)).collect()
}

fn upgrade(published: &Path, kind: Kind, numbers: Numbers, added: Vec<Source>) -> PathBuf {
    let assembly = Assembly {
        kind,
        numbers,
        provenance: &Provenance::new("test").with_source("binance"),
        existing: Some(Source::published(published, RangeSet::new())),
        added,
        replaced: &RangeSet::new(),
    };
    match assemble(assembly, &published.with_extension("new")).expect("an upgrade") {
        Assembled::New { path, .. } => path,
        Assembled::Unchanged => panic!("a file of others is never left as it is"),
    }
}

#[test]
fn candles_of_dccd_2_are_read_and_upgraded() {
    let shuffled: Vec<i64> = (0..150).map(|at| START + 60 * ((at * 37) % 149)).collect();
    let micros: Vec<i64> = shuffled.iter().map(|second| second * 1_000_000).collect();
    #[expect(clippy::cast_precision_loss, reason = "exact up to 2^53")]
    let as_floats = floats(shuffled.iter().map(|second| *second as f64));
    let small: Vec<i32> = shuffled.iter().map(|second| i32::try_from(*second).expect("before 2038")).collect();
    let forms: [ArrayRef; 4] = [
        ints(shuffled.iter().copied()),
        as_floats,
        Arc::new(Int32Array::from(small)),
        Arc::new(TimestampMicrosecondArray::from(micros)),
    ];
    for (at, instants) in forms.into_iter().enumerate() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("2024.parquet");
        write_dccd2(&path, instants, 150);
        let info = FileScan::open(&path, Kind::Candle).expect("a file of dccd 2").info().clone();
        assert_eq!((info.origin, info.rows), (Origin::Other, 150), "form {at}");
        assert_eq!(info.first.map(|ts| ts.nanos()), Some(START * SECOND));
        assert_eq!(info.last.map(|ts| ts.nanos()), Some((START + 60 * 148) * SECOND));
        let before = closes(&path, Numbers::Float);
        assert_eq!(before.len(), 149);
        assert!(before.is_sorted());
        assert!(before[0].1.contains("quote_volume: Some(Number(\"22.5\""), "{}", before[0].1);
        for numbers in [Numbers::Float, Numbers::Decimal] {
            let new = upgrade(&path, Kind::Candle, numbers, Vec::new());
            assert_eq!(closes(&new, numbers), before);
            let info = FileScan::open(&new, Kind::Candle).expect("a new file").info().clone();
            assert_eq!((info.origin, info.rows, info.numbers), (Origin::Ours, 149, numbers));
            assert_eq!(info.sources, ["binance"]);
        }
    }
}

#[test]
fn a_row_of_ours_beats_an_adopted_one() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join("2024.parquet");
    write_dccd2(&path, ints((0..100).map(|at| START + 60 * at)), 100);
    let part_path = dir.path().join("x.part");
    let mut parser = Parser::new();
    let mut part =
        PartWriter::create(&part_path, Kind::Candle, Numbers::Float, &Provenance::default()).expect("a part");
    let line = format!(
        r#"{{"kind":"candle",{EXCHANGE},"span":60,"ts":"2024-01-01T00:05:00Z","open":7,"high":7,"low":7,"close":7,"volume":0,"quote_volume":null,"trades":null}}"#
    );
    part.push(&parser.parse(line.as_bytes()).expect("a line")).expect("a good line");
    let sources = vec![part.finish().expect("room").into_source()];
    let new = upgrade(&path, Kind::Candle, Numbers::Float, sources);
    let after = closes(&new, Numbers::Float);
    assert_eq!(after.len(), 100);
    assert!(after[5].1.contains("close: Number(\"7\""), "{}", after[5].1);
    assert!(after[4].1.contains("close: Number(\"2.25\""), "{}", after[4].1);
}

#[test]
fn trades_of_dccd_3_are_read_as_they_are() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join("2024-01-01.parquet");
    let sides = (0..60).map(|at| ["buy", "sell"].get(at % 3).copied());
    let tids = (0..60).map(|at| (at % 5 != 0).then(|| at.to_string()));
    write_other(
        &path,
        vec![
            ("TS", ints((0..60).map(|at| START * SECOND + at * 1_000_000))),
            ("price", floats((0..60).map(f64::from))),
            ("amount", Arc::new(PrimitiveArray::<Int64Type>::from_iter_values(1..61))),
            ("side", Arc::new(sides.collect::<StringArray>())),
            ("tid", Arc::new(tids.collect::<StringArray>())),
        ],
    );
    assert_eq!(FileScan::open(&path, Kind::Trade).expect("a file of dccd 3").info().origin, Origin::Dccd3);
    let mut all = Vec::new();
    for rows in FileScan::open(&path, Kind::Trade)
        .and_then(|scan| scan.batches(Range::all(), Numbers::Float))
        .expect("a file of dccd 3")
    {
        told(&rows.expect("a file that reads"), &mut all);
    }
    assert_eq!(all.len(), 60);
    assert_eq!(all[5].id, None);
    assert_eq!(all[6].id.as_deref(), Some("6"));
}

#[test]
fn foreign_files_are_unreadable() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join("x.parquet");
    let refused = |kind| match FileScan::open(&path, kind) {
        Err(TableError::Unreadable { path: named, why }) => {
            assert_eq!(named, path);
            why
        }
        other => panic!("{other:?}"),
    };
    for bytes in [&b""[..], b"PAR1", b"PAR1PAR1", b"<html></html>", b"PAR1\xff\xff\xff\x7fPAR1", &[0; 4096]] {
        std::fs::write(&path, bytes).expect("room");
        refused(Kind::Trade);
    }
    write_other(&path, vec![("TS", ints([START])), ("temperature", floats([1.0]))]);
    assert!(refused(Kind::Trade).contains("trade"));
    write_other(&path, vec![("price", floats([1.0]))]);
    assert!(refused(Kind::Trade).contains("TS"));
    write_other(&path, vec![("TS", Arc::new(StringArray::from(vec!["x"]))), ("price", floats([1.0]))]);
    let read =
        MergedScan::new(Kind::Trade, Numbers::Float, vec![Source::published(&path, RangeSet::new())], Range::all())
            .and_then(|scan| scan.collect::<Result<Vec<_>, _>>());
    assert!(matches!(read, Err(TableError::Unreadable { .. })), "{read:?}");
    assert!(matches!(FileScan::open(dir.path(), Kind::Trade), Err(TableError::Unreadable { .. })));
    assert!(matches!(FileScan::open(&dir.path().join("none"), Kind::Trade), Err(TableError::Io { .. })));
}

fn good_file(path: &Path, random: &mut Random) -> Vec<u8> {
    let mut parser = Parser::new();
    let mut part = PartWriter::create(path, Kind::Trade, Numbers::Float, &Provenance::default()).expect("a part");
    for at in 0..200 {
        let line = format!(
            r#"{{"kind":"trade",{EXCHANGE},"ts":"2024-01-01T00:00:{:02}.000000000Z","price":{},"amount":1.5,"side":"buy","tid":"{at}"}}"#,
            at / 5,
            1 + random.below(50)
        );
        part.push(&parser.parse(line.as_bytes()).expect("a line")).expect("a good line");
    }
    part.finish().expect("room");
    std::fs::read(path).expect("what was written")
}

/// Reads all there is; whatever the bytes, it ends, and without a panic.
fn read_through(path: &Path) -> Result<usize, TableError> {
    FileScan::open(path, Kind::Trade)?.verify()?;
    let sources = vec![Source::published(path, RangeSet::new())];
    let mut rows = 0;
    for batch in MergedScan::new(Kind::Trade, Numbers::Float, sources, Range::all())? {
        rows += batch?.len();
    }
    Ok(rows)
}

#[test]
fn cut_off_files_are_unreadable_wherever_they_are_cut() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join("x.parquet");
    let good = good_file(&path, &mut Random::new(1));
    assert_eq!(read_through(&path).expect("a good file"), 200);
    for length in (0..good.len()).step_by(7) {
        std::fs::write(&path, &good[..length]).expect("room");
        let read = read_through(&path);
        assert!(matches!(read, Err(TableError::Unreadable { .. })), "cut at {length}: {read:?}");
    }
}

#[test]
fn damaged_files_neither_panic_nor_hang() {
    // The libraries' own panics are caught; their messages would only drown the test's.
    for_seeds(15, |_, random| {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("x.parquet");
        let good = good_file(&path, random);
        for _ in 0..25 {
            let mut bad = good.clone();
            for _ in 0..1 + random.below(3) {
                let end = u64::try_from(bad.len()).expect("small");
                // Half of the damage goes where the footer is.
                let from_end = if random.is_one_in(2) { random.below(end) } else { random.below(end.min(1500)) };
                let at = bad.len() - 1 - usize::try_from(from_end).expect("small");
                bad[at] = random.next().to_le_bytes()[0];
            }
            std::fs::write(&path, &bad).expect("room");
            if let Err(error) = read_through(&path) {
                assert!(matches!(error, TableError::Unreadable { .. } | TableError::Row { .. }), "{error:?}");
            }
        }
    });
}
