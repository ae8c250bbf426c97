//! What is merged: files and rows in memory, as sorted runs.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::RecordBatch;
use dccd_record::{Kind, Range, RangeSet};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder, RowSelection};

use super::canon::CanonError;
use super::error::TableError;
use super::input::{Origin, TableFile, guarded};
use super::order::{normal_order, reach_end};
use super::output::Output;
use super::part::PartWriter;
use super::rows::Rows;
use super::schema::{Numbers, Provenance};

/// Rows decoded at a time.
pub(super) const BATCH_ROWS: usize = if cfg!(test) { 7 } else { 8 << 10 };

/// Records to merge. A later source was committed later.
#[derive(Clone, Debug)]
pub struct Source {
    what: What,
    adopted: RangeSet,
    is_neighbour: bool,
}

#[derive(Clone, Debug)]
enum What {
    File(PathBuf),
    Rows(Arc<Rows>),
    /// A part's file, and the rows that came too late for it.
    Part(PathBuf, Arc<Rows>),
}

impl Source {
    /// A published file; rows in `adopted` came from dccd 2 or 3 and give way to any others. Files that were not
    /// written by this crate are adopted as a whole.
    pub fn published(path: impl Into<PathBuf>, adopted: RangeSet) -> Source {
        Source { what: What::File(path.into()), adopted, is_neighbour: false }
    }

    /// A part: its file and, behind it, the rows that came too late for the file.
    pub(super) fn part(path: PathBuf, late: Rows) -> Source {
        Source { what: What::Part(path, Arc::new(late)), adopted: RangeSet::new(), is_neighbour: false }
    }

    /// Rows in memory, in the order they came.
    pub fn rows(rows: Rows) -> Source {
        Source { what: What::Rows(Arc::new(rows)), adopted: RangeSet::new(), is_neighbour: false }
    }

    /// Rows of another file: what repeats them gives way to them, whatever came when, and they are not given.
    pub(crate) fn neighbour(rows: Rows) -> Source {
        Source { is_neighbour: true, ..Source::rows(rows) }
    }

    pub(super) fn is_neighbour(&self) -> bool {
        self.is_neighbour
    }
}

/// Where the rows of a run are.
#[derive(Clone, Debug)]
pub(super) enum Place {
    /// Row groups of a file, each after the other.
    Groups(Arc<TableFile>, Vec<usize>),
    Rows(Arc<Rows>),
}

/// Sorted rows.
#[derive(Clone, Debug)]
pub(super) struct Run {
    pub(super) place: Place,
    pub(super) rows: usize,
    /// First and last instant.
    pub(super) hull: (i64, i64),
    pub(super) part: u32,
    /// Its place among the runs of its part in the order they came.
    pub(super) order: usize,
    /// Whether each bunch has yet to be brought in order, as in files of others.
    pub(super) is_raw: bool,
}

impl Run {
    /// Its rows, if they are in memory.
    pub(super) fn in_memory(&self) -> Option<&Rows> {
        match &self.place {
            Place::Rows(rows) => Some(rows),
            Place::Groups(..) => None,
        }
    }

    /// One row group of the run's file.
    pub(super) fn group(&self, group: usize) -> Run {
        let mut run = self.clone();
        if let Place::Groups(file, groups) = &mut run.place {
            *groups = vec![group];
            run.rows = file.group(group).rows;
            run.hull = file.group(group).hull.unwrap_or(run.hull);
        }
        run
    }

    pub(super) fn kind(&self) -> Kind {
        match &self.place {
            Place::Groups(file, _) => file.canon().kind(),
            Place::Rows(rows) => rows.kind(),
        }
    }
}

/// A source that was opened.
pub(super) struct Opened {
    /// Runs, each of one row group.
    pub(super) runs: Vec<Run>,
    pub(super) adopted: Arc<RangeSet>,
    pub(super) rows: u64,
    /// The file, as it is on disk.
    pub(super) file: Option<Arc<TableFile>>,
}

/// Opens a source and makes sorted runs of it.
pub(super) fn open(source: Source, part: u32, kind: Kind, numbers: Numbers) -> Result<Opened, TableError> {
    match source.what {
        What::Rows(rows) => Ok(open_rows(rows, source.adopted, part)),
        What::File(path) => open_file(&path, source.adopted, part, kind, numbers),
        What::Part(path, late) => {
            let mut opened = open_file(&path, source.adopted, part, kind, numbers)?;
            let late = open_rows(late, RangeSet::new(), part);
            let groups = opened.runs.len();
            opened.runs.extend(late.runs.into_iter().map(|run| Run { order: groups, ..run }));
            opened.rows += late.rows;
            Ok(opened)
        }
    }
}

fn open_rows(rows: Arc<Rows>, adopted: RangeSet, part: u32) -> Opened {
    let count = rows.len();
    let rows = match normal_order(&rows) {
        Some(kept) => Arc::new(rows.take(&kept)),
        None => rows,
    };
    let hull = rows.ts.first().copied().zip(rows.ts.last().copied());
    let run =
        |hull| Run { rows: rows.len(), hull, part, order: 0, is_raw: false, place: Place::Rows(Arc::clone(&rows)) };
    Opened {
        runs: hull.map(run).into_iter().collect(),
        adopted: Arc::new(adopted),
        rows: u64::try_from(count).unwrap_or(u64::MAX),
        file: None,
    }
}

fn open_file(path: &Path, adopted: RangeSet, part: u32, kind: Kind, numbers: Numbers) -> Result<Opened, TableError> {
    let file = Arc::new(TableFile::open(path, kind)?);
    let rows = file.info(None).rows;
    let (sorted, adopted) = match file.origin() {
        Origin::Ours => (Arc::clone(&file), adopted),
        _ if is_sorted(&file)? => (Arc::clone(&file), RangeSet::from_iter([Range::all()])),
        _ => (Arc::new(sort_aside(&file, kind, numbers)?), RangeSet::from_iter([Range::all()])),
    };
    let mut runs = Vec::new();
    if sorted.origin() != Origin::Ours {
        let groups = sorted.groups().iter().enumerate().filter(|(_, group)| group.rows > 0).map(|(at, _)| at).collect();
        let (count, hull) = (usize::try_from(rows).unwrap_or(usize::MAX), sorted.hull());
        let place = Place::Groups(Arc::clone(&sorted), groups);
        runs.extend(hull.map(|hull| Run { place, rows: count, hull, part, order: 0, is_raw: true }));
        return Ok(Opened { runs, adopted: Arc::new(adopted), rows, file: Some(file) });
    }
    for (at, group) in sorted.groups().iter().enumerate().filter(|(_, group)| group.rows > 0) {
        let Some(hull) = group.hull else {
            return Err(TableError::unreadable(path, "a row group without statistics of its instants"));
        };
        let place = Place::Groups(Arc::clone(&sorted), vec![at]);
        runs.push(Run { place, rows: group.rows, hull, part, order: at, is_raw: false });
    }
    Ok(Opened { runs, adopted: Arc::new(adopted), rows, file: Some(file) })
}

/// Whether a file of others can be read as one run: its row groups and the rows in them are in order.
fn is_sorted(file: &Arc<TableFile>) -> Result<bool, TableError> {
    let groups = || file.groups().iter().filter(|group| group.rows > 0);
    if groups().any(|group| group.hull.is_none()) {
        return Ok(false);
    }
    let mut last = i64::MIN;
    let mut instants = Instants::open(file)?;
    while let Some(batch) = instants.next()? {
        for ts in batch {
            if ts < last {
                return Ok(false);
            }
            last = ts;
        }
    }
    Ok(true)
}

/// Sorts a file of others into an unnamed file in memory.
fn sort_aside(file: &Arc<TableFile>, kind: Kind, numbers: Numbers) -> Result<TableFile, TableError> {
    let path = file.path();
    let memory = rustix::fs::memfd_create("dccd-sorted", rustix::fs::MemfdFlags::CLOEXEC);
    let memory = File::from(memory.map_err(|errno| TableError::io(path, errno.into()))?);
    let output = Output::new(path, memory, kind, numbers, &Provenance::default())?;
    let mut part = PartWriter::new(output, kind, numbers);
    let all = (0..file.groups().len()).collect();
    let mut batches = Batches::open(file, all, None, numbers, BATCH_ROWS)?;
    while let Some(rows) = batches.next()? {
        part.push_rows(rows)?;
    }
    let (written, _) = part.close()?;
    TableFile::new(path, written.file, kind)
}

/// Rows of row groups, decoded batch by batch.
pub(super) struct Batches {
    file: Arc<TableFile>,
    reader: ParquetRecordBatchReader,
    numbers: Numbers,
}

impl std::fmt::Debug for Batches {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Batches").field("file", &self.file).finish_non_exhaustive()
    }
}

impl Batches {
    pub(super) fn open(
        file: &Arc<TableFile>,
        groups: Vec<usize>,
        selection: Option<RowSelection>,
        numbers: Numbers,
        batch_rows: usize,
    ) -> Result<Batches, TableError> {
        let columns: Vec<usize> = file.canon().read_columns().collect();
        let reader = open_reader(file, groups, selection, &columns, batch_rows)?;
        Ok(Batches { file: Arc::clone(file), reader, numbers })
    }

    pub(super) fn file(&self) -> &TableFile {
        &self.file
    }

    pub(super) fn next(&mut self) -> Result<Option<Rows>, TableError> {
        let path = self.file.path();
        let Some(batch) = next_batch(&self.file, &mut self.reader)? else { return Ok(None) };
        let mut rows = Rows::new(self.file.canon().kind(), self.numbers);
        match self.file.canon().append(&batch, self.file.arrow_metadata().schema(), &mut rows) {
            Ok(()) => Ok(Some(rows)),
            Err(CanonError::Unreadable(why)) => Err(TableError::unreadable(path, why)),
            Err(CanonError::Row(cause)) => Err(TableError::Row { path: path.to_owned(), cause }),
        }
    }
}

/// The instants of a file, in the order of its rows.
pub(super) struct Instants {
    file: Arc<TableFile>,
    reader: ParquetRecordBatchReader,
}

impl Instants {
    pub(super) fn open(file: &Arc<TableFile>) -> Result<Instants, TableError> {
        let all = (0..file.groups().len()).collect();
        let reader = open_reader(file, all, None, &[file.canon().ts_column()], 8 * BATCH_ROWS)?;
        Ok(Instants { file: Arc::clone(file), reader })
    }

    pub(super) fn next(&mut self) -> Result<Option<Vec<i64>>, TableError> {
        let path = self.file.path();
        let Some(batch) = next_batch(&self.file, &mut self.reader)? else { return Ok(None) };
        let instants = self.file.canon().instants(&batch, self.file.arrow_metadata().schema());
        instants.map(Some).map_err(|why| TableError::unreadable(path, why))
    }
}

pub(super) fn open_reader(
    file: &TableFile,
    groups: Vec<usize>,
    selection: Option<RowSelection>,
    columns: &[usize],
    batch_rows: usize,
) -> Result<ParquetRecordBatchReader, TableError> {
    guarded(file.path(), || {
        let builder =
            ParquetRecordBatchReaderBuilder::new_with_metadata(file.bytes().clone(), file.arrow_metadata().clone());
        let mask = ProjectionMask::leaves(builder.parquet_schema(), columns.iter().copied());
        let mut builder = builder.with_row_groups(groups).with_projection(mask).with_batch_size(batch_rows);
        if let Some(selection) = selection {
            builder = builder.with_row_selection(selection);
        }
        builder.build()
    })
}

pub(super) fn next_batch(
    file: &TableFile,
    reader: &mut ParquetRecordBatchReader,
) -> Result<Option<RecordBatch>, TableError> {
    guarded(file.path(), || reader.next().transpose().map_err(Into::into))
}

/// Joins runs of one part that follow each other without overlap into as few as possible, so that few are read at
/// a time. The order of what came when is kept: what comes later in the result came later.
pub(super) fn chain(mut runs: Vec<Run>, kind: Kind) -> Vec<Run> {
    runs.sort_by_key(|run| (run.part, run.order));
    let mut chains: Vec<Run> = Vec::new();
    for run in runs {
        let fits = |held: &Run| {
            held.part == run.part
                && held.is_raw == run.is_raw
                && reach_end(kind, held.hull.1) <= run.hull.0
                && matches!((&held.place, &run.place), (Place::Groups(ours, _), Place::Groups(theirs, _)) if Arc::ptr_eq(ours, theirs))
        };
        let first_of_part = chains.iter().position(|held| held.part == run.part);
        let last = chains.len().checked_sub(1);
        let home = [first_of_part, last].into_iter().flatten().find(|at| fits(&chains[*at]));
        match home.map(|at| &mut chains[at]) {
            Some(held) => {
                if let (Place::Groups(_, ours), Place::Groups(_, theirs)) = (&mut held.place, &run.place) {
                    ours.extend_from_slice(theirs);
                }
                held.rows += run.rows;
                held.hull.1 = run.hull.1;
            }
            None => chains.push(run),
        }
    }
    chains
}
