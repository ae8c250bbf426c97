//! Column chunks written by hand, read by somebody else's reader.

use std::fs::File;
use std::sync::Arc;

use arrow_array::StringArray;
use arrow_array::cast::AsArray;
use arrow_schema::{DataType, Field, Schema};
use parquet::arrow::ArrowSchemaConverter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::writer::SerializedFileWriter;

use super::random::{Random, for_seeds};
use crate::table::chunk::{write_texts, write_words};
use crate::table::column::{Texts, WORDS};

/// Writes both columns as one row group and reads them back.
fn read_back(codes: &[u8], texts: &Texts, rows: usize) -> [Vec<Option<String>>; 2] {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("a.parquet");
    let field = |name: &str| Field::new(name, DataType::Utf8, true);
    let schema = Schema::new(vec![field("word"), field("text")]);
    let columns = ArrowSchemaConverter::new().convert(&schema).expect("a schema Parquet has");
    let file = File::create(&path).expect("a file in a test's folder");
    let mut writer =
        SerializedFileWriter::new(file, columns.root_schema_ptr(), Arc::default()).expect("a file that can be written");
    let mut group = writer.next_row_group().expect("a row group");
    write_words(codes, columns.column(0), &mut group).expect("words");
    write_texts(texts, rows, columns.column(1), &mut group).expect("texts");
    group.close().expect("a row group");
    writer.close().expect("a footer");

    let file = File::open(&path).expect("the file just written");
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).expect("a footer").build().expect("a reader");
    let mut read = [Vec::new(), Vec::new()];
    for batch in reader {
        let batch = batch.expect("a batch");
        for (column, read) in batch.columns().iter().zip(&mut read) {
            let column: &StringArray = column.as_string();
            read.extend(column.iter().map(|text| text.map(str::to_owned)));
        }
    }
    read
}

fn check(codes: &[u8], ids: &[String]) {
    let mut texts = Texts::default();
    ids.iter().for_each(|id| texts.push(id.as_bytes()));
    let [words, read] = read_back(codes, &texts, ids.len());
    let word = |code: &u8| usize::from(*code).checked_sub(1).map(|at| WORDS[at].to_owned());
    assert_eq!(words, codes.iter().map(word).collect::<Vec<_>>());
    assert_eq!(read, ids.iter().map(|id| Some(id.clone()).filter(|id| !id.is_empty())).collect::<Vec<_>>());
}

/// One of few values, so that pages and whole columns of one value, or of none, come up.
fn pick<T: Clone>(random: &mut Random, choices: &[T]) -> T {
    choices[usize::try_from(random.next() % 1_000).expect("small") % choices.len()].clone()
}

#[test]
fn any_words_and_texts_come_back() {
    let ids = ["", "2807759891", "7", "9c4b5bd2-38e5-4f1c-8f0e-6f2d3a1b7c55", "é"].map(str::to_owned);
    let long = "x".repeat(256);
    for_seeds(300, |_, random| {
        let count = usize::try_from(random.below(70)).expect("small") + 1;
        let codes = pick(random, &[vec![0], vec![1], vec![1, 2], vec![0, 2], vec![0, 3, 4], vec![0, 1, 2, 3, 4]]);
        let texts = pick(random, &[ids[..1].to_vec(), ids[1..2].to_vec(), ids.to_vec(), vec![long.clone()]]);
        let codes: Vec<u8> = (0..count).map(|_| pick(random, &codes)).collect();
        let texts: Vec<String> = (0..count).map(|_| pick(random, &texts)).collect();
        check(&codes, &texts);
    });
}
