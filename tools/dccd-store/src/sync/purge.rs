//! Making room: a file goes when it is proven to be elsewhere, and leaves a marker.

use dccd_record::{Dataset, Range, Ts};

use super::{StoreFile, SyncSite};
use crate::error::StoreError;
use crate::file_id::FileId;
use crate::fsys;
use crate::layout::{Layout, Period};
use crate::ledger::Ledger;
use crate::lock::Lock;
use crate::publish::adopted_ranges;
use crate::purged::{self, Purged};
use crate::store::Store;
use crate::table::{FileScan, Origin, TableError};

/// A period is not over before its end lies this far in the past by our clock.
const OVER_NANOS: i64 = 24 * 3_600 * 1_000_000_000;

/// What came of a purge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PurgeOutcome {
    /// The file is gone, the marker is there.
    Purged(Purged),
    /// The file is still there.
    Kept(Kept),
}

/// Why a file was not purged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kept {
    /// It is no longer the file that was proven.
    Changed,
    /// A writer fills its successor.
    BeingWritten,
    /// Its footer makes no sense.
    Unreadable(String),
}

impl std::fmt::Display for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Kept::Changed => f.write_str("it changed since it was proven; push again"),
            Kept::BeingWritten => f.write_str("it is being written"),
            Kept::Unreadable(why) => write!(f, "it cannot be read: {why}"),
        }
    }
}

impl SyncSite {
    /// Removes a published file that is `proven` to be on `remotes`, if it still is that very file. Its ledger keeps
    /// what is covered.
    pub fn purge(
        &self,
        file: &StoreFile,
        proven: FileId,
        sha256: &str,
        remotes: &[String],
    ) -> Result<PurgeOutcome, StoreError> {
        let StoreFile { dataset, period } = file;
        let layout = self.layout();
        let path = self.path(file);
        let _lock = Lock::acquire(&layout.lock(dataset))?;
        if FileId::of(&path) != Some(proven) {
            return Ok(PurgeOutcome::Kept(Kept::Changed));
        }
        if is_being_written(layout, dataset, *period)? {
            return Ok(PurgeOutcome::Kept(Kept::BeingWritten));
        }
        let info = match FileScan::open(&path, dataset.kind()) {
            Ok(scan) => scan.info().clone(),
            Err(TableError::Unreadable { why, .. }) => return Ok(PurgeOutcome::Kept(Kept::Unreadable(why))),
            Err(error) => return Err(error.into()),
        };
        if info.origin != Origin::Ours {
            // Only the file itself told what it covers.
            let mut ledger = Ledger::load(layout, dataset)?.ledger;
            let ranges = adopted_ranges(layout, dataset, &path, &info)?;
            ranges.iter().for_each(|range| ledger.adopt(dataset.kind(), range));
            ledger.save(layout, dataset)?;
        }
        let marker = Purged {
            path: file.name(),
            rows: info.rows,
            bytes: info.bytes,
            sha256: sha256.to_owned(),
            first: info.first.map(|ts| ts.to_string()),
            last: info.last.map(|ts| ts.to_string()),
            remotes: remotes.to_vec(),
        };
        marker.write(layout, dataset, *period)?;
        purged::remove_file(&path)?;
        Ok(PurgeOutcome::Purged(marker))
    }
}

/// The published files of periods that are over, oldest first.
pub(super) fn closed_files(store: &Store, now: Ts) -> Result<Vec<StoreFile>, StoreError> {
    let layout = store.layout();
    let mut closed = Vec::new();
    for dataset in layout.datasets_with_files()? {
        let periods = layout.periods(&dataset)?;
        let last = periods.iter().copied().chain(purged::periods(layout, &dataset)?).max();
        let covered_to = store.ledger(&dataset)?.covered().hull().map(Range::end);
        for period in periods {
            let end = period.range().end();
            // That something later is known says that the exchange is past it.
            let is_passed = last > Some(period) || covered_to >= Some(end);
            if is_passed && end.saturating_add(OVER_NANOS) <= now {
                closed.push(StoreFile { dataset: dataset.clone(), period });
            }
        }
    }
    closed.sort_by_key(|file| (file.period.range().end(), file.period.range().start(), file.dataset.to_string()));
    Ok(closed)
}

/// Whether an unfinished successor lies beside a file.
fn is_being_written(layout: &Layout, dataset: &Dataset, period: Period) -> Result<bool, StoreError> {
    let begun = format!(".{period}.");
    let names = fsys::names(&layout.dataset_dir(dataset))?;
    Ok(names.iter().any(|name| name.starts_with(&begun) && name.ends_with(".part")))
}
