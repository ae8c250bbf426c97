//! Telling cheaply that late trades are mere repeats.

use std::ops::Range as Places;
use std::sync::Arc;

use dccd_record::{Kind, Range};
use parquet::arrow::arrow_reader::RowSelection;

use super::column::Column;
use super::error::TableError;
use super::input::{TableFile, believable};
use super::order::{bucket, bucket_end, compare_rows};
use super::pages::select_pages;
use super::rows::Rows;
use super::schema::{Numbers, at};
use super::source::{BATCH_ROWS, Batches, next_batch, open_reader};

/// A row that came late.
#[derive(Clone, Copy)]
struct Late<'a> {
    rows: &'a Rows,
    row: usize,
}

impl Late<'_> {
    fn bucket(self) -> i64 {
        bucket(Kind::Trade, self.rows.ts[self.row])
    }
}

/// Whether each of the rows is in the row group, word for word. Only instants are read for that, and then the rows
/// that share a bucket with one that came late. "No" may also mean that it is not so easy to tell.
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
        if (0..rows.len()).any(|row| tids.get(row).is_empty()) {
            return Ok(false);
        }
        late.extend((0..rows.len()).map(|row| Late { rows, row }));
    }
    late.sort_by(|left, right| compare_rows(Kind::Trade, left.rows, left.row, right.rows, right.row));
    match find_places(file, group, &late)? {
        Some(places) => are_held(file, group, &places, &late, numbers),
        None => Ok(false),
    }
}

/// The rows of the group that share a bucket with one that came late; `None` if there is none for one of those.
fn find_places(
    file: &Arc<TableFile>,
    group: usize,
    late: &[Late<'_>],
) -> Result<Option<Vec<Places<usize>>>, TableError> {
    let mut buckets: Vec<i64> = late.iter().map(|late| late.bucket()).collect();
    buckets.dedup();
    let hull = buckets.first().zip(buckets.last());
    let range =
        hull.and_then(|(first, last)| Range::new(believable(*first), believable(bucket_end(Kind::Trade, *last))));
    let (groups, selection) = select_pages(file, &[group], range);
    let mut row = match selection.iter().flat_map(RowSelection::iter).next() {
        Some(selector) if selector.skip => selector.row_count,
        _ => 0,
    };
    let mut places: Vec<Places<usize>> = vec![0..0; buckets.len()];
    let mut at = 0;
    let mut reader = open_reader(file, groups, selection, &[file.canon().ts_column()], BATCH_ROWS)?;
    while let Some(batch) = next_batch(file, &mut reader)? {
        let schema = file.arrow_metadata().schema();
        let instants = file.canon().instants(&batch, schema).map_err(|why| TableError::unreadable(file.path(), why))?;
        for ts in instants.iter() {
            let here = bucket(Kind::Trade, *ts);
            while buckets.get(at).is_some_and(|bucket| *bucket < here) {
                at += 1;
            }
            if buckets.get(at) == Some(&here) {
                let start = if places[at].is_empty() { row } else { places[at].start };
                places[at] = start..row + 1;
            }
            row += 1;
        }
    }
    Ok(places.iter().all(|place| !place.is_empty()).then_some(places))
}

/// Reads the rows at some places and looks there for each that came late; both are in order.
fn are_held(
    file: &Arc<TableFile>,
    group: usize,
    places: &[Places<usize>],
    late: &[Late<'_>],
    numbers: Numbers,
) -> Result<bool, TableError> {
    let selection = RowSelection::from_consecutive_ranges(places.iter().cloned(), file.group(group).rows);
    let mut batches = Batches::open(file, vec![group], Some(selection), numbers, BATCH_ROWS)?;
    let mut late = late.iter().peekable();
    while let Some(held) = batches.next()? {
        for row in 0..held.len() {
            let order = |late: &Late<'_>| compare_rows(Kind::Trade, &held, row, late.rows, late.row);
            while let Some(same) = late.next_if(|late| order(late).is_eq()) {
                if !held.is_same(row, same.rows, same.row) {
                    return Ok(false);
                }
            }
            if late.peek().is_some_and(|late| order(late).is_gt()) {
                return Ok(false);
            }
        }
    }
    Ok(late.peek().is_none())
}
