//! Row groups on their way to a new file: as few as possible, copied where they can be.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use dccd_record::Kind;

use super::error::TableError;
use super::input::TableFile;
use super::merge::{Merger, Standing};
use super::output::{Output, Written};
use super::rows::Rows;
use super::schema::{GROUP_ROWS, Numbers, Provenance};
use super::source::{Place, Run};

/// What came of it.
pub(super) enum Outcome {
    /// A new file.
    New(Written),
    /// It would have been this file, row group by row group.
    AsIs(Arc<TableFile>),
}

/// Takes row groups and rows in the order of time.
pub(super) struct Sink<'a> {
    pub(super) kind: Kind,
    pub(super) numbers: Numbers,
    provenance: &'a Provenance,
    path: PathBuf,
    output: Option<Output>,
    /// A file of which so far everything was copied, from the first row group on, and nothing else.
    same: Option<(Arc<TableFile>, usize)>,
    pending: Rows,
    /// A small row group that may be joined with the next.
    held: Option<(Arc<TableFile>, usize)>,
}

impl<'a> Sink<'a> {
    pub(super) fn new(path: &Path, kind: Kind, numbers: Numbers, provenance: &'a Provenance) -> Sink<'a> {
        let pending = Rows::new(kind, numbers);
        Sink { kind, numbers, provenance, path: path.to_owned(), output: None, same: None, pending, held: None }
    }

    /// Takes a row group as it is.
    pub(super) fn copy(&mut self, file: &Arc<TableFile>, group: usize) -> Result<(), TableError> {
        let rows = file.group(group).rows;
        if self.pending.is_empty() {
            self.release(rows)?;
        }
        if !self.pending.is_empty() {
            if self.pending.len() + rows <= GROUP_ROWS {
                return self.decode(file, group);
            }
            self.flush()?;
        }
        self.held = Some((Arc::clone(file), group));
        Ok(())
    }

    /// Takes all rows of a merge.
    pub(super) fn merge(&mut self, merger: &mut Merger, rows_about: usize) -> Result<(), TableError> {
        self.release(rows_about)?;
        while merger.next(GROUP_ROWS, &mut self.pending)? {
            self.flush()?;
        }
        Ok(())
    }

    /// Takes rows.
    pub(super) fn rows(&mut self, rows: &Rows) -> Result<(), TableError> {
        self.release(rows.len())?;
        if !self.pending.is_empty() && self.pending.len() + rows.len() > GROUP_ROWS {
            self.flush()?;
        }
        self.pending.append(rows, 0..rows.len());
        if self.pending.len() >= GROUP_ROWS { self.flush() } else { Ok(()) }
    }

    /// Writes the rest.
    pub(super) fn finish(mut self) -> Result<Outcome, TableError> {
        self.release(GROUP_ROWS)?;
        self.flush()?;
        match (self.output.take(), self.same.take()) {
            (None, Some((file, groups))) if groups == file.groups().len() => Ok(Outcome::AsIs(file)),
            (None, same) => {
                self.same = same;
                self.open()?;
                let output = self.output.take().ok_or_else(|| TableError::unreadable(&self.path, "it is not open"))?;
                output.finish().map(Outcome::New)
            }
            (Some(output), _) => output.finish().map(Outcome::New),
        }
    }

    /// Lets go of the row group that is held: into the pending rows if that makes one row group with what comes.
    fn release(&mut self, rows_next: usize) -> Result<(), TableError> {
        let Some((file, group)) = self.held.take() else { return Ok(()) };
        if file.group(group).rows.saturating_add(rows_next) <= GROUP_ROWS {
            return self.decode(&file, group);
        }
        self.splice(&file, group)
    }

    fn decode(&mut self, file: &Arc<TableFile>, group: usize) -> Result<(), TableError> {
        let about = file.group(group);
        let Some(hull) = about.hull else { return Ok(()) };
        let place = Place::Groups(Arc::clone(file), vec![group]);
        let run = Run { place, rows: about.rows, hull, part: 0, order: 0, is_raw: false };
        let mut merger = Merger::new(self.kind, self.numbers, vec![run], &[Standing::default()], None);
        merger.next(usize::MAX, &mut self.pending)?;
        Ok(())
    }

    fn splice(&mut self, file: &Arc<TableFile>, group: usize) -> Result<(), TableError> {
        if self.output.is_none() {
            match &mut self.same {
                None if group == 0 => {
                    self.same = Some((Arc::clone(file), 1));
                    return Ok(());
                }
                Some((same, groups)) if Arc::ptr_eq(same, file) && group == *groups => {
                    *groups += 1;
                    return Ok(());
                }
                _ => {}
            }
        }
        self.open()?.splice(file, group)
    }

    fn flush(&mut self) -> Result<(), TableError> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let mut pending = std::mem::replace(&mut self.pending, Rows::new(self.kind, self.numbers));
        self.open()?.write(&pending, pending.len())?;
        pending.clear();
        self.pending = pending;
        Ok(())
    }

    /// The new file, which begins with what until now was the beginning of another.
    fn open(&mut self) -> Result<&mut Output, TableError> {
        if self.output.is_none() {
            let mut output = Output::create(&self.path, self.kind, self.numbers, self.provenance)?;
            if let Some((file, groups)) = self.same.take() {
                for group in 0..groups {
                    output.splice(&file, group)?;
                }
            }
            self.output = Some(output);
        }
        match &mut self.output {
            Some(output) => Ok(output),
            None => Err(TableError::unreadable(&self.path, "it is not open")),
        }
    }
}
