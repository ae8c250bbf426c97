//! How many rows of a day were dropped because they were there already.
//!
//! Counted where it is known, when a file is published, in a small file a month beside the journals. It is a statistic:
//! nobody waits for it to be on disk, and where it was not kept from a file's first row on, nothing is said.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use dccd_record::{Dataset, Line};

use crate::error::StoreError;
use crate::fsys;
use crate::layout::{Layout, Period};
use crate::store::Store;

/// By day.
type Counts = BTreeMap<String, u64>;

/// Adds what a publish dropped. The caller holds the dataset's lock; `is_first` says that there was no file before.
pub(crate) fn add(layout: &Layout, dataset: &Dataset, period: Period, is_first: bool, repeats: u64) {
    let Some(path) = path(layout, dataset, period) else { return };
    let (mut counts, day) = (read(&path), period.to_string());
    match counts.get_mut(&day) {
        _ if is_first => drop(counts.insert(day, repeats)),
        Some(count) if repeats > 0 => *count = count.saturating_add(repeats),
        // Nothing new, or what was dropped before nobody counted.
        _ => return,
    }
    if write(&path, &counts).is_err() {
        // No number is better than one that is too low.
        let _ = fs::remove_file(&path);
    }
}

/// How many rows a record is.
pub(crate) fn rows_of(line: &Line<'_>) -> u64 {
    match line {
        Line::Book(_, book) => u64::try_from((book.bids.len() + book.asks.len()).max(1)).unwrap_or(u64::MAX),
        _ => 1,
    }
}

impl Store {
    /// How many rows were sent again and dropped from a day's file so far; `None` if nobody counted from its beginning.
    pub fn repeats(&self, dataset: &Dataset, period: Period) -> Option<u64> {
        read(&path(self.layout(), dataset, period)?).get(&period.to_string()).copied()
    }
}

/// The file of a day's month; what lies in files of years is not counted by day.
fn path(layout: &Layout, dataset: &Dataset, period: Period) -> Option<PathBuf> {
    let Period::Day(_) = period else { return None };
    let day = period.to_string();
    let (month, _) = day.rsplit_once('-')?;
    Some(layout.meta_dir().join("repeats").join(dataset.to_string()).join(format!("{month}.json")))
}

fn read(path: &Path) -> Counts {
    fs::read(path).ok().and_then(|content| serde_json::from_slice(&content).ok()).unwrap_or_default()
}

fn write(path: &Path, counts: &Counts) -> Result<(), StoreError> {
    let mut content = serde_json::to_vec(counts).expect("text and numbers can be written");
    content.push(b'\n');
    fsys::create_dir(fsys::parent(path))?;
    let part = path.with_extension("json.part");
    fs::write(&part, content).and_then(|()| fs::rename(&part, path)).map_err(StoreError::io("count repeats in", path))
}
