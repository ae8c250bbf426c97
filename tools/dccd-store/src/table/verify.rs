//! What is wrong with a file, from its footer down to every row.

mod book;
mod ids;
mod record;
mod rows;

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

use dccd_record::{Kind, Range, RangeSet, Span, Ts};

use super::column::Column;
use super::error::TableError;
use super::input::{Origin, TableFile, believable, footer_value, type_difference};
use super::rows::Rows;
use super::schema::{Numbers, SCHEMA_KEY, SCHEMA_VERSION, arrow_schema};
use super::source::{BATCH_ROWS, Batches};
use crate::verify::Check;

use rows::RowChecks;

/// What a file should be.
pub(crate) struct Expected<'a> {
    pub(crate) kind: Kind,
    pub(crate) span: Option<Span>,
    /// The stretch of time it holds.
    pub(crate) period: Range,
    /// What the numbers of its store are.
    pub(crate) numbers: Numbers,
    /// Up to here things can have happened.
    pub(crate) end: Ts,
    /// Where the ids of trades follow each other.
    pub(crate) by_id: &'a RangeSet,
}

/// What is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Flaw {
    pub(crate) check: Check,
    pub(crate) what: String,
    /// Where it begins, and how often it is there.
    pub(crate) place: Option<(Place, u64)>,
}

/// A row of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    row: u64,
    ts: Ts,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "row {} of {}", self.row, self.ts)
    }
}

/// An open file that is looked at.
pub(crate) struct FileChecks<'a> {
    file: Arc<TableFile>,
    expected: Expected<'a>,
    flaws: Flaws,
}

impl<'a> FileChecks<'a> {
    /// Reads the footer.
    pub(crate) fn open(path: &Path, expected: Expected<'a>) -> Result<FileChecks<'a>, TableError> {
        let file = Arc::new(TableFile::open(path, expected.kind)?);
        let mut checks = FileChecks { file, expected, flaws: Flaws::default() };
        checks.look_at_footer();
        Ok(checks)
    }

    /// Whether this version of dccd wrote it; others promise less.
    pub(crate) fn is_ours(&self) -> bool {
        self.file.origin() == Origin::Ours
    }

    /// First and last instant, as far as the footer tells.
    pub(crate) fn hull(&self) -> Option<(Ts, Ts)> {
        self.file.hull().map(|(first, last)| (believable(first), believable(last)))
    }

    /// What was found.
    pub(crate) fn into_flaws(self) -> Vec<Flaw> {
        self.flaws.into_vec()
    }

    fn look_at_footer(&mut self) {
        self.look_at_schema();
        self.look_at_counts();
        let Expected { period, end, .. } = self.expected;
        let mut last_hull: Option<(i64, i64)> = None;
        let is_ours = self.is_ours();
        for (at, group) in self.file.groups().iter().enumerate().filter(|(_, group)| group.rows > 0) {
            let Some((first, last)) = group.hull else {
                if is_ours {
                    self.flaws.add(Check::Statistics, format!("row group {at} does not say what instants it holds"));
                }
                continue;
            };
            if first < period.start().nanos() || last >= period.end().nanos() {
                let (first, last) = (believable(first), believable(last));
                self.flaws.add(Check::Period, format!("row group {at} holds {first} to {last}, beyond its period"));
            } else if last >= end.nanos() {
                let last = believable(last);
                self.flaws.add(Check::Period, format!("row group {at} holds {last}, which is still to come"));
            }
            // Of trades and books an instant may be cut.
            let is_behind = last_hull.is_none_or(|(_, before)| before <= first);
            if is_ours && !is_behind {
                self.flaws.add(Check::Order, format!("row group {at} begins before the one in front of it ends"));
            }
            last_hull = Some((first, last));
        }
    }

    fn look_at_schema(&mut self) {
        let version = footer_value(self.file.metadata(), SCHEMA_KEY);
        let kind = self.expected.kind;
        match version {
            Some(SCHEMA_VERSION) if !self.is_ours() => {
                let wanted = arrow_schema(kind, self.file.numbers());
                let difference = type_difference(self.file.arrow_metadata().schema(), &wanted);
                let what = format!("its columns are not those of schema {SCHEMA_VERSION}: {difference}");
                self.flaws.add(Check::Schema, what);
            }
            Some(SCHEMA_VERSION) | None => {}
            Some(other) => {
                let other: String = other.chars().take(20).collect();
                self.flaws
                    .add(Check::Schema, format!("it is of schema {other:?}, and this dccd knows {SCHEMA_VERSION}"));
            }
        }
        if self.is_ours() && self.file.numbers() != self.expected.numbers {
            let what = match self.expected.numbers {
                Numbers::Float => "its numbers are decimals, those of the store floats",
                Numbers::Decimal => "its numbers are floats, those of the store decimals",
            };
            self.flaws.add(Check::Schema, what.to_owned());
        }
    }

    fn look_at_counts(&mut self) {
        let metadata = self.file.metadata();
        let promised = metadata.file_metadata().num_rows();
        let held: i64 = metadata.row_groups().iter().map(|group| group.num_rows()).fold(0, i64::saturating_add);
        if promised != held {
            let what = format!("its footer promises {promised} rows, and {held} in row groups");
            self.flaws.add(Check::Count, what);
        }
        for (at, group) in metadata.row_groups().iter().enumerate() {
            let other = group.columns().iter().find(|column| column.num_values() != group.num_rows());
            if let Some(column) = other {
                let (name, values) = (column.column_path().string(), column.num_values());
                let what = format!("row group {at} has {} rows and {values} values of {name}", group.num_rows());
                self.flaws.add(Check::Count, what);
            }
        }
    }

    /// Reads every page, and looks at every row.
    pub(crate) fn look_at_pages(&mut self) -> Result<(), TableError> {
        let mut checks = RowChecks::new(&self.expected, self.is_ours());
        for (at, group) in self.file.groups().to_vec().into_iter().enumerate() {
            checks.begin_group(group.hull.filter(|_| self.file.origin() == Origin::Ours));
            let mut held: usize = 0;
            let flaws = &mut self.flaws;
            match read_group(&self.file, at, |rows| {
                held += rows.len();
                checks.take(rows, flaws);
            }) {
                Ok(()) if held == group.rows => {}
                Ok(()) => {
                    let what = format!("row group {at} promises {} rows, and holds {held}", group.rows);
                    self.flaws.add(Check::Count, what);
                }
                Err(TableError::Unreadable { why, .. }) => {
                    self.flaws.add(Check::Unreadable, format!("row group {at} cannot be read: {why}"));
                    checks.interrupt(group.rows.saturating_sub(held));
                }
                Err(TableError::Row { cause, .. }) => {
                    self.flaws.add(Check::Value, format!("row group {at}: {cause}"));
                    checks.interrupt(group.rows.saturating_sub(held));
                }
                // What is broken here may be the disk; the other row groups may still be fine.
                Err(TableError::Io { cause, .. }) if cause.kind() != io::ErrorKind::NotFound => {
                    self.flaws.add(Check::Unreadable, format!("row group {at} cannot be read: {cause}"));
                    checks.interrupt(group.rows.saturating_sub(held));
                }
                Err(error) => return Err(error),
            }
        }
        checks.finish(&mut self.flaws);
        Ok(())
    }
}

fn read_group(file: &Arc<TableFile>, at: usize, mut take: impl FnMut(&Rows)) -> Result<(), TableError> {
    let mut batches = Batches::open(file, vec![at], None, file.numbers(), BATCH_ROWS)?;
    while let Some(rows) = batches.next()? {
        take(&rows);
    }
    Ok(())
}

/// Flaws by what they are, so that a file of millions of bad rows is one line.
#[derive(Debug, Default)]
struct Flaws {
    whole: Vec<Flaw>,
    by_row: BTreeMap<(Check, &'static str), (Place, u64)>,
}

/// Flaws of row groups that are told one by one.
const WHOLE_MAX: usize = 20;

impl Flaws {
    /// Something that is wrong with the file.
    fn add(&mut self, check: Check, what: String) {
        if self.whole.len() < WHOLE_MAX {
            self.whole.push(Flaw { check, what, place: None });
        }
    }

    /// Something that is wrong with a row.
    fn add_at(&mut self, check: Check, what: &'static str, place: Place) {
        let (_, count) = self.by_row.entry((check, what)).or_insert((place, 0));
        *count += 1;
    }

    /// What the rows tell takes the place of what the footer tells of the same.
    fn into_vec(mut self) -> Vec<Flaw> {
        self.whole.retain(|flaw| !self.by_row.keys().any(|(check, _)| *check == flaw.check));
        let by_row = self.by_row.into_iter().map(|((check, what), (place, count))| Flaw {
            check,
            what: what.to_owned(),
            place: Some((place, count)),
        });
        self.whole.into_iter().chain(by_row).collect()
    }
}

/// A number in a column; any two of one file can be compared.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
enum Cell {
    Float(f64),
    Decimal(i128),
}

impl Cell {
    fn of(column: &Column, row: usize) -> Option<Cell> {
        match column {
            Column::Float(values) => values.get(row).map(Cell::Float),
            Column::Decimal(values) => values.get(row).map(Cell::Decimal),
            _ => None,
        }
    }

    fn is_positive(self) -> bool {
        match self {
            Cell::Float(value) => value > 0.0,
            Cell::Decimal(value) => value > 0,
        }
    }

    fn is_negative(self) -> bool {
        match self {
            Cell::Float(value) => value < 0.0,
            Cell::Decimal(value) => value < 0,
        }
    }
}

#[cfg(test)]
mod tests;
