//! Which row groups and pages of a file hold a range of time.

use dccd_record::Range;
use parquet::arrow::arrow_reader::{RowSelection, RowSelector};
use parquet::file::page_index::column_index::ColumnIndexMetaData;

use super::input::{Origin, TableFile};

/// Those of `groups` that may hold rows in `range`, and which of their rows.
pub(super) fn select_pages(
    file: &TableFile,
    groups: &[usize],
    range: Option<Range>,
) -> (Vec<usize>, Option<RowSelection>) {
    let Some(range) = range else { return (groups.to_vec(), None) };
    let (start, end) = (range.start().nanos(), range.end().nanos());
    let touches = |at: &usize| file.group(*at).hull.is_none_or(|(first, last)| first < end && start <= last);
    let touched: Vec<usize> = groups.iter().copied().filter(touches).collect();
    if file.origin() != Origin::Ours {
        return (touched, None);
    }
    let selectors: Option<Vec<RowSelector>> = touched
        .iter()
        .map(|at| select_group(file, *at, start, end))
        .collect::<Option<Vec<_>>>()
        .map(|all| all.concat());
    (touched, selectors.map(RowSelection::from))
}

/// The rows of a group whose pages may hold instants from `start` to before `end`.
fn select_group(file: &TableFile, group: usize, start: i64, end: i64) -> Option<Vec<RowSelector>> {
    let index = file.metadata().page_index()?;
    let column = file.canon().ts_column();
    let ColumnIndexMetaData::INT64(bounds) = index.column_index(group, column)? else { return None };
    let pages = index.offset_index(group, column)?.page_locations();
    if pages.is_empty() || bounds.min_values().len() != pages.len() || bounds.max_values().len() != pages.len() {
        return None;
    }
    let rows = file.group(group).rows;
    let begins = pages.iter().map(|page| usize::try_from(page.first_row_index).ok()).collect::<Option<Vec<_>>>()?;
    let mut selectors = Vec::with_capacity(pages.len());
    for (at, begin) in begins.iter().enumerate() {
        let until = begins.get(at + 1).copied().unwrap_or(rows);
        let length = until.checked_sub(*begin)?;
        let is_wanted = *bounds.min_value(at)? < end && start <= *bounds.max_value(at)?;
        selectors.push(if is_wanted { RowSelector::select(length) } else { RowSelector::skip(length) });
    }
    Some(selectors)
}
