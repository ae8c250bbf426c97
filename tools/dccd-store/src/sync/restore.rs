//! Bringing files back, or bringing them to a new store.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use dccd_record::{Kind, Range, RangeSet};

use super::{StoreFile, SyncSite, WRITER};
use crate::aside::set_aside;
use crate::error::StoreError;
use crate::fsys;
use crate::ledger::Ledger;
use crate::lock::Lock;
use crate::purged::Purged;
use crate::table::{
    Assembled, Assembly, FileInfo, FileScan, MergedScan, Origin, Provenance, Source, TableError, assemble,
};

/// What a file that came back did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restored {
    /// There was none.
    New {
        /// Its rows.
        rows: u64,
    },
    /// It had rows that the one here lacked, and the one here may have had more.
    Merged {
        /// Rows of both.
        rows: u64,
        /// Those that were lacking here.
        added: u64,
    },
    /// All its rows were here.
    Same {
        /// Rows of the one here.
        rows: u64,
    },
}

impl SyncSite {
    /// Where to put a file that comes, beside its target.
    pub fn part(&self, file: &StoreFile) -> Result<PathBuf, StoreError> {
        let path = self.layout().part(&file.dataset, file.period, WRITER, 0);
        fsys::create_dir(fsys::parent(&path))?;
        fsys::remove(&path)?;
        Ok(path)
    }

    /// How many rows of the file at `part` the published one lacks.
    pub fn lacking(&self, file: &StoreFile, part: &Path) -> Result<u64, StoreError> {
        let here = FileScan::open(&self.path(file), file.dataset.kind())?.info().rows;
        let ledger = self.store.ledger(&file.dataset)?;
        let theirs = source(file, part, &ledger)?;
        let ours = source(file, &self.path(file), &ledger)?;
        let scan = MergedScan::new(file.dataset.kind(), self.store.numbers(), vec![theirs, ours], Range::all())?;
        let mut rows: u64 = 0;
        for batch in scan {
            rows += u64::try_from(batch?.len()).unwrap_or(u64::MAX);
        }
        Ok(rows.saturating_sub(here))
    }

    /// Puts the file at `part` in its place, where it joins what is there: no row of either is lost. It is read to its
    /// end before anything happens, must have at least `rows_min` rows, and is gone afterwards.
    pub fn bring_back(
        &self,
        file: &StoreFile,
        part: &Path,
        rows_min: u64,
        program: &str,
    ) -> Result<Restored, StoreError> {
        let brought = self.join(file, part, rows_min, program);
        let _ = fs::remove_file(part);
        brought
    }

    fn join(&self, file: &StoreFile, part: &Path, rows_min: u64, program: &str) -> Result<Restored, StoreError> {
        let StoreFile { dataset, period } = file;
        let layout = self.layout();
        let theirs = FileScan::open(part, dataset.kind())?;
        theirs.verify()?;
        let is_inside = |info: &FileInfo| {
            let range = period.range();
            info.first.zip(info.last).is_none_or(|(first, last)| range.contains(first) && range.contains(last))
        };
        if !is_inside(theirs.info()) {
            let why = format!("its rows are not of {period}");
            return Err(TableError::Unreadable { path: part.to_owned(), why }.into());
        }
        if theirs.info().rows < rows_min {
            let why = format!("it has {} rows, and {rows_min} were purged", theirs.info().rows);
            return Err(TableError::Unreadable { path: part.to_owned(), why }.into());
        }
        let path = self.path(file);
        let _lock = Lock::acquire(&layout.lock(dataset))?;
        let here = self.readable_here(file)?;
        let Some(here) = here else {
            sync_file(part)?;
            fsys::publish(part, &path)?;
            Purged::forget(layout, dataset, *period)?;
            return Ok(Restored::New { rows: theirs.info().rows });
        };
        let ledger = self.store.ledger(dataset)?;
        let joined_path = part.with_extension("joined.part");
        let sources: BTreeSet<&String> = here.sources.iter().chain(&theirs.info().sources).collect();
        let provenance =
            sources.into_iter().fold(Provenance::new(program), |provenance, source| provenance.with_source(source));
        let assembled = assemble(
            Assembly {
                kind: dataset.kind(),
                numbers: self.store.numbers(),
                provenance: &provenance,
                existing: Some(source(file, part, &ledger)?),
                added: vec![source(file, &path, &ledger)?],
                replaced: &RangeSet::new(),
            },
            &joined_path,
        )
        .inspect_err(|_| {
            let _ = fs::remove_file(&joined_path);
        })?;
        Purged::forget(layout, dataset, *period)?;
        let (joined, rows) = match assembled {
            Assembled::New { path, rows, .. } => (path, rows),
            // The one that came holds all of the one here.
            Assembled::Unchanged => (part.to_owned(), theirs.info().rows),
        };
        if rows > here.rows && joined != path {
            sync_file(&joined)?;
            fsys::publish(&joined, &path)?;
            return Ok(Restored::Merged { rows, added: rows - here.rows });
        }
        let _ = fs::remove_file(&joined_path);
        Ok(Restored::Same { rows: here.rows })
    }

    /// The published file's facts; one that cannot be read is set aside, and its coverage taken back before.
    fn readable_here(&self, file: &StoreFile) -> Result<Option<FileInfo>, StoreError> {
        let path = self.path(file);
        match FileScan::open(&path, file.dataset.kind()) {
            Ok(scan) => Ok(Some(scan.info().clone())),
            Err(TableError::Io { cause, .. }) if cause.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(TableError::Unreadable { .. }) => {
                let mut ledger = self.store.ledger(&file.dataset)?;
                ledger.uncover(file.period.range());
                ledger.save(self.layout(), &file.dataset)?;
                set_aside(self.layout(), &path)?;
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// A file as a source: what an earlier dccd stored gives way.
fn source(file: &StoreFile, path: &Path, ledger: &Ledger) -> Result<Source, StoreError> {
    let adopted = match (FileScan::open(path, file.dataset.kind())?.info().origin, file.dataset.kind()) {
        (Origin::Ours, Kind::Trade | Kind::Book) => ledger.adopted().clone(),
        (Origin::Ours, _) => ledger.covered_by_file(),
        _ => RangeSet::from_iter([file.period.range()]),
    };
    Ok(Source::published(path, adopted))
}

fn sync_file(path: &Path) -> Result<(), StoreError> {
    File::open(path).and_then(|file| file.sync_all()).map_err(StoreError::io("sync", path))
}
