//! Reading files and many sources as one.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;

use dccd_record::{Kind, Range, Ts};

use super::error::TableError;
use super::input::{FileInfo, Origin, TableFile, believable};
use super::merge::{Merger, Standing};
use super::order::{bucket, bucket_end, reach_end, reach_start};
use super::pages::select_pages;
use super::rows::Rows;
use super::schema::Numbers;
use super::source::{BATCH_ROWS, Batches, Instants, Place, Run, Source, chain, open};

/// One file.
#[derive(Debug)]
pub struct FileScan {
    file: Arc<TableFile>,
    info: FileInfo,
}

impl FileScan {
    /// Opens a file that should hold records of `kind`. Only its footer is read, unless it says nothing of instants.
    pub fn open(path: &Path, kind: Kind) -> Result<FileScan, TableError> {
        let file = Arc::new(TableFile::open(path, kind)?);
        let hull = match file.hull() {
            Some(hull) => Some(hull),
            None => find_hull(&file)?,
        };
        let info = file.info(hull);
        Ok(FileScan { file, info })
    }

    /// What its footer says.
    pub fn info(&self) -> &FileInfo {
        &self.info
    }

    /// Its rows as they stand in the file, those outside `range` left out where that is cheap to know.
    pub fn batches(&self, range: Range, numbers: Numbers) -> Result<FileBatches, TableError> {
        let all: Vec<usize> = (0..self.file.groups().len()).collect();
        let (groups, selection) = select_pages(&self.file, &all, Some(range));
        Ok(FileBatches { batches: Batches::open(&self.file, groups, selection, numbers, BATCH_ROWS)? })
    }

    /// Reads all of it, and says what is wrong if that fails.
    pub fn verify(&self) -> Result<(), TableError> {
        let mut batches = self.batches(Range::all(), self.info.numbers)?;
        let mut rows = 0;
        while let Some(batch) = batches.next().transpose()? {
            rows += u64::try_from(batch.len()).unwrap_or(0);
        }
        if self.info.origin == Origin::Ours && rows != self.info.rows {
            let why = format!("its footer promises {} rows, it holds {rows}", self.info.rows);
            return Err(TableError::unreadable(self.file.path(), why));
        }
        Ok(())
    }
}

/// The rows of one file, batch by batch.
#[derive(Debug)]
pub struct FileBatches {
    batches: Batches,
}

impl Iterator for FileBatches {
    type Item = Result<Rows, TableError>;

    fn next(&mut self) -> Option<Result<Rows, TableError>> {
        self.batches.next().transpose()
    }
}

fn find_hull(file: &Arc<TableFile>) -> Result<Option<(i64, i64)>, TableError> {
    let mut hull: Option<(i64, i64)> = None;
    let mut instants = Instants::open(file)?;
    while let Some(batch) = instants.next()? {
        for ts in batch {
            hull = Some(hull.map_or((ts, ts), |(first, last)| (first.min(ts), last.max(ts))));
        }
    }
    Ok(hull)
}

/// Many sources as one: sorted, without repeats, in memory that does not grow with them.
///
/// Each batch holds whole instants, so a book line is never cut. After an error the scan is over.
#[derive(Debug)]
pub struct MergedScan {
    kind: Kind,
    numbers: Numbers,
    range: Range,
    merger: Option<Merger>,
}

impl MergedScan {
    /// Reads the rows of `sources` in `range`; a later source was committed later.
    pub fn new(kind: Kind, numbers: Numbers, sources: Vec<Source>, range: Range) -> Result<MergedScan, TableError> {
        let (runs, standings) = open_all(sources, kind, numbers)?;
        Ok(MergedScan::of(kind, numbers, runs, &standings, range))
    }

    /// Like [`MergedScan::new`], but begins as late as it can while at least `count` records are left, or all.
    pub fn last(
        kind: Kind,
        numbers: Numbers,
        sources: Vec<Source>,
        range: Range,
        count: usize,
    ) -> Result<MergedScan, TableError> {
        let (runs, standings) = open_all(sources, kind, numbers)?;
        let start = last_start(&runs, kind, numbers, range, count.max(1))?;
        // The first of them may give way to a row that is near, but earlier.
        let start = believable(reach_start(kind, start.nanos()));
        let range = Range::new(start.max(range.start()), range.end()).unwrap_or(range);
        Ok(MergedScan::of(kind, numbers, runs, &standings, range))
    }

    fn of(kind: Kind, numbers: Numbers, runs: Vec<Run>, standings: &[Standing], range: Range) -> MergedScan {
        // A row in the range may give way to one beyond it.
        let near = near_range(kind, range);
        let (start, end) = (near.start().nanos(), near.end().nanos());
        let runs = runs.into_iter().filter(|run| run.hull.0 < end && start <= run.hull.1).collect();
        let merger = Merger::new(kind, numbers, chain(runs, kind), standings, Some(near));
        MergedScan { kind, numbers, range, merger: Some(merger) }
    }
}

impl Iterator for MergedScan {
    type Item = Result<Rows, TableError>;

    fn next(&mut self) -> Option<Result<Rows, TableError>> {
        while let Some(mut merger) = self.merger.take() {
            let mut rows = Rows::new(self.kind, self.numbers);
            match merger.next(BATCH_ROWS, &mut rows) {
                Ok(true) => self.merger = Some(merger),
                Ok(false) => {}
                Err(error) => return Some(Err(error)),
            }
            let rows = rows.within(self.range);
            if !rows.is_empty() {
                return Some(Ok(rows));
            }
        }
        None
    }
}

/// A range, and before and behind it what may be near its rows.
fn near_range(kind: Kind, range: Range) -> Range {
    let first = bucket(kind, range.start().nanos());
    let last = bucket_end(kind, range.end().nanos().saturating_sub(1)).saturating_sub(1);
    let near = Range::new(believable(reach_start(kind, first)), believable(reach_end(kind, last)));
    near.unwrap_or(range)
}

fn open_all(sources: Vec<Source>, kind: Kind, numbers: Numbers) -> Result<(Vec<Run>, Vec<Standing>), TableError> {
    let (mut runs, mut standings) = (Vec::new(), Vec::new());
    for (source, part) in sources.into_iter().zip(0..) {
        let is_neighbour = source.is_neighbour();
        let opened = open(source, part, kind, numbers)?;
        runs.extend(opened.runs);
        standings.push(Standing { adopted: opened.adopted, is_neighbour, ..Standing::default() });
    }
    Ok((runs, standings))
}

/// An instant from which on one source alone holds `count` records: repeats are only removed between sources.
fn last_start(runs: &[Run], kind: Kind, numbers: Numbers, range: Range, count: usize) -> Result<Ts, TableError> {
    let mut start = range.start();
    let sorted = runs.iter().filter(|run| !run.is_raw).cloned().collect();
    for chained in chain(sorted, kind) {
        if let Some(found) = last_start_of(&chained, kind, numbers, range, count)? {
            start = start.max(found);
        }
    }
    Ok(start)
}

/// The instant of the last record but `count` of one run, or `None` if it has fewer in the range.
fn last_start_of(
    chained: &Run,
    kind: Kind,
    numbers: Numbers,
    range: Range,
    count: usize,
) -> Result<Option<Ts>, TableError> {
    let pieces: Vec<Run> = match &chained.place {
        Place::Groups(_, groups) => groups.iter().rev().map(|group| chained.group(*group)).collect(),
        Place::Rows(_) => vec![chained.clone()],
    };
    let mut wanted = count;
    for piece in pieces {
        let mut merger = Merger::new(kind, numbers, vec![piece], &[], Some(range));
        // The instants of the last records of the piece.
        let mut last = VecDeque::with_capacity(wanted.min(BATCH_ROWS));
        let mut rows = Rows::new(kind, numbers);
        let mut goes_on = true;
        while goes_on {
            rows.clear();
            goes_on = merger.next(BATCH_ROWS, &mut rows)?;
            let mut row = 0;
            while row < rows.len() {
                if last.len() == wanted {
                    last.pop_front();
                }
                last.push_back(rows.ts[row]);
                row = if kind == Kind::Book { rows.line_end(row) } else { row + 1 };
            }
        }
        wanted -= last.len();
        if wanted == 0 {
            return Ok(last.front().and_then(|ts| Ts::from_nanos(*ts).ok()));
        }
    }
    Ok(None)
}
