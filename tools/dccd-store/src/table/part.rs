//! Lines in any order to a file of sorted runs, in bounded memory.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use dccd_record::{Kind, Line, Ts};

use super::error::{RowError, TableError};
use super::input::{Origin, TableFile, believable};
use super::order::{bunch_start, follows, is_repeat, last_bunch_start, reach_end};
use super::output::{Output, Written};
use super::rows::Rows;
use super::schema::{GROUP_ROWS, Numbers, Provenance};
use super::source::{BATCH_ROWS, Batches, Source};

/// Rows of one row group; decimals are wide, and what is held must fit into the memory promised.
fn group_rows(numbers: Numbers) -> usize {
    match numbers {
        Numbers::Float => GROUP_ROWS,
        Numbers::Decimal => GROUP_ROWS / 2,
    }
}

/// Rows that are sorted together.
fn window_rows(group_rows: usize) -> usize {
    group_rows + group_rows / 4
}

/// Writes lines to a file whose row groups are sorted runs without repeats.
///
/// Lines may come in any order. What comes within 30,000 rows of its place is put there; what
/// comes later than that is collected in runs of its own, which [`assemble`](super::assemble) merges in.
#[derive(Debug)]
pub struct PartWriter {
    output: Output,
    /// Rows in order and without repeats.
    window: Rows,
    /// Rows whose place is within the window.
    strays: Rows,
    /// The end of what is near a stray, or was near the window's last row when one came: what is before it is a stray
    /// too, and so came later than what is in the window.
    closed: i64,
    /// Rows that came after their place had been written.
    late: Rows,
    /// The end of what is near a row that was written or came late: what is before it comes late too.
    frontier: i64,
    /// Rows in the window, strays included, at which it is looked at next.
    settle_at: usize,
    /// Rows of one row group. A quarter more are sorted together; when they are there, the oldest are written.
    group_rows: usize,
    lines: u64,
    repeats: u64,
}

/// A finished part. Its file is complete, but not yet synced.
#[derive(Debug)]
pub struct Part {
    /// Where it is.
    pub path: PathBuf,
    /// Rows that came too late for the file.
    late: Rows,
    /// The open file.
    pub file: File,
    /// Rows in the file.
    pub rows: u64,
    /// The first instant, if there are rows.
    pub first: Option<Ts>,
    /// The last instant.
    pub last: Option<Ts>,
    /// Rows that were left out because another one had the same key.
    pub repeats: u64,
    /// Its size.
    pub bytes: u64,
}

impl Part {
    /// What to assemble.
    pub fn into_source(self) -> Source {
        Source::part(self.path, self.late)
    }
}

/// Why a line did not get into a part.
#[derive(Debug)]
pub enum PushError {
    /// The line's fault; the part goes on.
    Row(RowError),
    /// The disk's fault; the part is lost.
    Table(TableError),
}

impl std::fmt::Display for PushError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            PushError::Row(cause) => cause.fmt(f),
            PushError::Table(cause) => cause.fmt(f),
        }
    }
}

impl std::error::Error for PushError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            PushError::Row(cause) => Some(cause),
            PushError::Table(cause) => Some(cause),
        }
    }
}

impl PartWriter {
    /// A new part; a file that is already there is replaced.
    pub fn create(
        path: &Path,
        kind: Kind,
        numbers: Numbers,
        provenance: &Provenance,
    ) -> Result<PartWriter, TableError> {
        Ok(PartWriter::new(Output::create(path, kind, numbers, provenance)?, kind, numbers))
    }

    /// A part that begins with all of a published file, so that what is newer need not be written twice; `None` if
    /// the file is not of these columns.
    pub fn continuing(
        published: &Path,
        path: &Path,
        kind: Kind,
        numbers: Numbers,
        provenance: &Provenance,
    ) -> Result<Option<PartWriter>, TableError> {
        let file = TableFile::open(published, kind)?;
        if file.origin() != Origin::Ours || file.numbers() != numbers {
            return Ok(None);
        }
        let mut part = PartWriter::create(path, kind, numbers, provenance)?;
        // The last row group is mostly small, and the first new row may share its last instant: it is taken apart.
        let Some(last) = file.groups().len().checked_sub(1) else { return Ok(Some(part)) };
        for group in 0..last {
            part.output.splice(&file, group)?;
            part.frontier = file.group(group).hull.map_or(part.frontier, |(_, last)| reach_end(kind, last));
        }
        let mut batches = Batches::open(&Arc::new(file), vec![last], None, numbers, BATCH_ROWS)?;
        while let Some(rows) = batches.next()? {
            part.push_rows(rows)?;
        }
        Ok(Some(part))
    }

    /// A part in an open, empty file.
    pub(super) fn new(output: Output, kind: Kind, numbers: Numbers) -> PartWriter {
        let empty = || Rows::new(kind, numbers);
        PartWriter {
            output,
            window: empty(),
            strays: empty(),
            closed: i64::MIN,
            late: empty(),
            frontier: i64::MIN,
            settle_at: window_rows(group_rows(numbers)),
            group_rows: group_rows(numbers),
            lines: 0,
            repeats: 0,
        }
    }

    /// Takes a line. After an error of the line itself the part goes on without it.
    #[inline]
    pub fn push(&mut self, line: &Line<'_>) -> Result<(), PushError> {
        let ts = line.record().map_or(i64::MAX, |(_, ts)| ts.nanos());
        let held = self.window.len();
        self.rows_for(ts).push(line).map_err(PushError::Row)?;
        self.straighten(held);
        self.lines += 1;
        self.settle().map_err(PushError::Table)
    }

    /// Lines taken so far.
    pub fn lines(&self) -> u64 {
        self.lines
    }

    /// Takes rows in any order; they are of the same kind and numbers.
    pub fn push_rows(&mut self, rows: Rows) -> Result<(), TableError> {
        for row in 0..rows.len() {
            let held = self.window.len();
            self.rows_for(rows.ts[row]).append(&rows, row..row + 1);
            self.straighten(held);
        }
        self.settle()
    }

    /// Writes what is held and the footer. The last late rows stay in memory: if they are mere repeats, as late rows
    /// mostly are, the file is already what is to be published.
    pub fn finish(mut self) -> Result<Part, TableError> {
        let path = self.output.path().to_owned();
        let late = std::mem::replace(&mut self.late, Rows::new(self.window.kind(), self.window.numbers()));
        let (written, repeats) = self.close()?;
        let (first, last) = (written.hull.map(|hull| hull.0), written.hull.map(|hull| hull.1));
        Ok(Part {
            path,
            late,
            file: written.file,
            rows: written.rows,
            first: first.map(believable),
            last: last.map(believable),
            repeats,
            bytes: written.bytes,
        })
    }

    pub(super) fn close(mut self) -> Result<(Written, u64), TableError> {
        self.rest()?;
        self.write_late()?;
        Ok((self.output.finish()?, self.repeats))
    }

    /// Writes the rows that are held for sorting and gives their memory back, as few will come from now on.
    pub fn rest(&mut self) -> Result<(), TableError> {
        self.gather();
        while self.window.len() > self.group_rows {
            match self.cut() {
                0 => break,
                cut => self.write_front(cut)?,
            }
        }
        self.write_front(self.window.len())?;
        for held in [&mut self.window, &mut self.strays] {
            *held = Rows::new(held.kind(), held.numbers());
        }
        Ok(())
    }

    #[inline]
    fn rows_for(&mut self, ts: i64) -> &mut Rows {
        if ts < self.frontier {
            self.frontier = self.frontier.max(reach_end(self.window.kind(), ts));
            &mut self.late
        } else if ts < self.closed {
            self.closed = self.closed.max(reach_end(self.window.kind(), ts));
            &mut self.strays
        } else {
            &mut self.window
        }
    }

    /// Takes rows that were put behind the first `held` of the window out again, if their place is before those.
    #[inline(always)]
    fn straighten(&mut self, held: usize) {
        for row in held..self.window.len() {
            if !follows(&self.window, row) {
                return self.put_aside(held);
            }
        }
    }

    #[cold]
    fn put_aside(&mut self, held: usize) {
        let rows = held..self.window.len();
        if rows.clone().all(|row| is_repeat(&self.window, held, row)) {
            self.repeats += count(rows.len());
        } else {
            let last = self.window.ts[held.saturating_sub(1)..].iter().max();
            self.closed = self.closed.max(last.map_or(i64::MIN, |last| reach_end(self.window.kind(), *last)));
            self.strays.append(&self.window, rows);
        }
        self.window.truncate(held);
    }

    /// Brings strays to their places.
    fn gather(&mut self) {
        self.closed = i64::MIN;
        if !self.strays.is_empty() {
            self.window.append(&self.strays, 0..self.strays.len());
            self.strays.clear();
            self.repeats += count(self.window.finish());
            // Where keys do not rise, a row that follows the last one may still repeat one before it.
            let mut bunch = last_bunch_start(&self.window) + 1..self.window.len();
            if !bunch.all(|row| follows(&self.window, row)) {
                let last = self.window.ts.last();
                self.closed = last.map_or(i64::MIN, |last| reach_end(self.window.kind(), *last));
            }
        }
    }

    /// Writes what is full.
    #[inline]
    fn settle(&mut self) -> Result<(), TableError> {
        let is_full = self.window.len() + self.strays.len() >= self.settle_at;
        if is_full || self.late.len() >= self.group_rows { self.write_full() } else { Ok(()) }
    }

    #[cold]
    fn write_full(&mut self) -> Result<(), TableError> {
        if self.late.len() >= self.group_rows {
            self.write_late()?;
        }
        if self.window.len() + self.strays.len() < self.settle_at {
            return Ok(());
        }
        self.gather();
        if self.window.len() > self.group_rows {
            let cut = self.cut();
            self.write_front(cut)?;
        }
        // An instant that fills the window by itself has to grow before it is looked at again.
        self.settle_at = window_rows(self.group_rows).max(self.window.len() + self.group_rows);
        Ok(())
    }

    /// Where a row group ends that begins with the window: never within a bunch, unless that is too large.
    fn cut(&self) -> usize {
        let rows = &self.window;
        if rows.len() <= self.group_rows {
            return rows.len();
        }
        match bunch_start(rows, self.group_rows) {
            0 => match last_bunch_start(rows) {
                // One instant with so many rows is cut after all.
                0 if rows.len() > 4 * self.group_rows => rows.len(),
                last => last,
            },
            cut => cut,
        }
    }

    fn write_front(&mut self, cut: usize) -> Result<(), TableError> {
        let Some(last) = cut.checked_sub(1).and_then(|at| self.window.ts.get(at)) else { return Ok(()) };
        self.frontier = self.frontier.max(reach_end(self.window.kind(), *last));
        debug_assert!(self.window.ts.is_sorted(), "only rows in order are written");
        self.output.write(&self.window, cut)?;
        self.window.remove_front(cut);
        Ok(())
    }

    fn write_late(&mut self) -> Result<(), TableError> {
        // Of two row groups the first came first, and so did rows in the window that a late one may repeat.
        self.gather();
        self.write_front(self.window.ts.partition_point(|ts| *ts < self.frontier))?;
        self.repeats += count(self.late.finish());
        self.output.write(&self.late, self.late.len())?;
        self.late.clear();
        Ok(())
    }
}

fn count(rows: usize) -> u64 {
    u64::try_from(rows).unwrap_or(u64::MAX)
}
