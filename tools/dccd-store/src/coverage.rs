//! What is covered, without a look at what cannot change it.
//!
//! Ledgers and journals know almost everything. Only a file of an earlier dccd, and one that cannot be
//! read, say more; and only where a dataset is not covered anyway.

use std::collections::BTreeMap;
use std::path::Path;

use dccd_record::{Dataset, Kind, Range};

use crate::error::StoreError;
use crate::fsys;
use crate::layout::Period;
use crate::ledger::Ledger;
use crate::publish::adopted_ranges;
use crate::store::Store;
use crate::table::{FileScan, Origin, TableError};

/// The knowledge of a whole store at one moment.
#[derive(Debug)]
pub struct Coverage {
    store: Store,
    journaled: BTreeMap<Dataset, Ledger>,
}

/// Rows of published files that a footer counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Density {
    /// So many rows...
    pub rows: u64,
    /// ...in so many bytes.
    pub bytes: u64,
}

impl Coverage {
    /// Journals are read now, ledgers when they are asked for: knowledge on its way is seen twice rather than never.
    pub fn open(root: &Path) -> Result<Coverage, StoreError> {
        let store = Store::open(root)?;
        let journaled = store.journaled_ledgers()?;
        Ok(Coverage { store, journaled })
    }

    /// Every dataset of which something is known or stored, in order.
    pub fn datasets(&self) -> Result<Vec<Dataset>, StoreError> {
        let mut datasets = self.store.layout().datasets_with_files()?;
        datasets.extend(self.store.datasets_with_ledgers()?);
        datasets.extend(self.journaled.keys().cloned());
        datasets.sort_unstable();
        datasets.dedup();
        Ok(datasets)
    }

    /// What is known of a dataset, as far as `wanted` goes: outside it, files of earlier dccds may be left out.
    pub fn ledger(&self, dataset: &Dataset, wanted: Range) -> Result<Ledger, StoreError> {
        let mut ledger = self.store.ledger(dataset)?;
        // Trades and books of an earlier dccd cover nothing, so their many files have nothing to say.
        if !matches!(dataset.kind(), Kind::Trade | Kind::Book) {
            self.adopt(dataset, wanted, &mut ledger)?;
        }
        if let Some(journaled) = self.journaled.get(dataset) {
            ledger.merge(dataset, journaled);
        }
        Ok(ledger)
    }

    /// What the newest file of a dataset holds, if there is one that can be read.
    pub fn newest_file(&self, dataset: &Dataset) -> Result<Option<(Period, Density)>, StoreError> {
        let layout = self.store.layout();
        let Some(period) = layout.periods(dataset)?.pop() else { return Ok(None) };
        match FileScan::open(&layout.file(dataset, period), dataset.kind()) {
            Ok(scan) => Ok(Some((period, Density { rows: scan.info().rows, bytes: scan.info().bytes }))),
            Err(TableError::Unreadable { .. }) => Ok(None),
            Err(TableError::Io { cause, .. }) if cause.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn adopt(&self, dataset: &Dataset, wanted: Range, ledger: &mut Ledger) -> Result<(), StoreError> {
        let layout = self.store.layout();
        let covered = ledger.covered();
        for period in layout.periods(dataset)? {
            if period.range().intersect(wanted).is_none_or(|part| covered.covers(part)) {
                continue;
            }
            let path = layout.file(dataset, period);
            match FileScan::open(&path, dataset.kind()) {
                Ok(scan) if scan.info().origin == Origin::Ours => {}
                Ok(scan) => {
                    let ranges = adopted_ranges(layout, dataset, &path, scan.info())?;
                    ranges.iter().for_each(|range| ledger.adopt(dataset.kind(), range));
                }
                Err(TableError::Unreadable { .. }) => ledger.uncover(period.range()),
                Err(TableError::Io { cause, .. }) if cause.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

impl Store {
    /// The datasets that have a ledger.
    pub(crate) fn datasets_with_ledgers(&self) -> Result<Vec<Dataset>, StoreError> {
        let names = fsys::names(&self.layout().ledger_dir())?;
        let dataset = |name: &String| name.strip_suffix(".ndjson")?.parse().ok();
        Ok(names.iter().filter_map(dataset).collect())
    }
}

#[cfg(test)]
mod tests;
