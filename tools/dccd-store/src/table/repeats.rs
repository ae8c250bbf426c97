//! Telling cheaply that late trades are mere repeats.

use std::sync::Arc;

use arrow_array::StringArray;
use arrow_array::cast::AsArray;
use dccd_record::Kind;
use parquet::arrow::arrow_reader::RowSelection;

use super::column::{Column, compare_ids};
use super::error::TableError;
use super::input::TableFile;
use super::order::bucket;
use super::rows::Rows;
use super::schema::{Numbers, at};
use super::source::{BATCH_ROWS, Batches, open_reader};

/// A row that came late, and its key.
struct Late<'a> {
    bucket: i64,
    tid: &'a [u8],
    rows: &'a Rows,
    row: usize,
    /// The row of the group that has the same key.
    place: Option<usize>,
}

/// Whether each of the rows is in the row group, word for word. Only ids and instants are read for that, and then
/// the rows that have the same ones. "No" may also mean that it is not so easy to tell.
pub(super) fn are_repeats(
    file: &Arc<TableFile>,
    group: usize,
    rows: &[&Rows],
    numbers: Numbers,
) -> Result<bool, TableError> {
    let mut late = Vec::new();
    for rows in rows {
        let (Kind::Trade, Some(Column::Text(tids))) = (rows.kind(), rows.columns.get(at::TRADE_TID)) else {
            return Ok(false);
        };
        for row in 0..rows.len() {
            let tid = tids.get(row);
            if tid.is_empty() {
                return Ok(false);
            }
            late.push(Late { bucket: bucket(Kind::Trade, rows.ts[row]), tid, rows, row, place: None });
        }
    }
    late.sort_by(|left, right| left.bucket.cmp(&right.bucket).then_with(|| compare_ids(left.tid, right.tid)));
    if !find_places(file, group, &mut late)? {
        return Ok(false);
    }
    late.sort_by_key(|late| late.place);
    say_the_same(file, group, &late, numbers)
}

/// Finds the row with the same key for each; `false` as soon as one has none.
fn find_places(file: &Arc<TableFile>, group: usize, late: &mut [Late<'_>]) -> Result<bool, TableError> {
    let Some(tid_column) = file.canon().place(at::TRADE_TID) else { return Ok(false) };
    let columns = [file.canon().ts_column(), tid_column];
    let mut reader = open_reader(file, vec![group], None, &columns, 4 * BATCH_ROWS)?;
    let (mut next, mut row) = (0, 0);
    while let Some(batch) = super::source::next_batch(file, &mut reader)? {
        let schema = file.arrow_metadata().schema();
        let instants = file.canon().instants(&batch, schema).map_err(|why| TableError::unreadable(file.path(), why))?;
        let tids = batch.column_by_name(schema.field(tid_column).name()).and_then(|column| column.as_string_opt());
        let Some(tids) = tids else { return Ok(false) };
        for (at, ts) in instants.iter().enumerate() {
            let here = bucket(Kind::Trade, *ts);
            // What lies in buckets before this one was not found.
            let Some(first) = late.get(next) else { return Ok(true) };
            if first.bucket < here {
                let passed = late[next..].iter().take_while(|late| late.bucket < here).count();
                if late[next..next + passed].iter().any(|late| late.place.is_none()) {
                    return Ok(false);
                }
                next += passed;
            }
            mark_place(&mut late[next..], here, tids, at, row + at);
        }
        row += instants.len();
    }
    Ok(late[next..].iter().all(|late| late.place.is_some()))
}

fn mark_place(late: &mut [Late<'_>], here: i64, tids: &StringArray, at: usize, row: usize) {
    for held in late.iter_mut().take_while(|held| held.bucket == here) {
        if held.tid == tids.value(at).as_bytes() {
            held.place = Some(row);
        }
    }
}

/// Reads the rows at the places found and compares them in full.
fn say_the_same(file: &Arc<TableFile>, group: usize, late: &[Late<'_>], numbers: Numbers) -> Result<bool, TableError> {
    let mut places: Vec<usize> = late.iter().filter_map(|late| late.place).collect();
    places.dedup();
    let ranges = places.iter().map(|place| *place..place + 1);
    let selection = RowSelection::from_consecutive_ranges(ranges, file.group(group).rows);
    let mut batches = Batches::open(file, vec![group], Some(selection), numbers, BATCH_ROWS)?;
    let (mut next, mut first) = (0, 0);
    while let Some(held) = batches.next()? {
        for row in 0..held.len() {
            let Some(place) = places.get(first + row) else { return Ok(false) };
            while let Some(late) = late.get(next).filter(|late| late.place == Some(*place)) {
                if !held.is_same(row, late.rows, late.row) {
                    return Ok(false);
                }
                next += 1;
            }
        }
        first += held.len();
    }
    Ok(next == late.len())
}
