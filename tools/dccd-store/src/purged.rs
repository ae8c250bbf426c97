//! Files that are only on remotes.
//!
//! A file that was purged leaves a marker that says what it was and where it is. Only a marker without the file
//! means that the file is gone: a purge that was killed between the two, or a restore, leaves both, and then the file
//! stands.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use dccd_record::{Dataset, Ts};
use serde::{Deserialize, Serialize};

use crate::error::StoreError;
use crate::fsys;
use crate::layout::{Layout, Period};
use crate::lock::Lock;

const SUFFIX: &str = ".json";

/// What a purged file was, and where it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Purged {
    /// Its path in the store, which is its path on each remote.
    pub path: String,
    /// Its rows.
    pub rows: u64,
    /// Its size.
    pub bytes: u64,
    /// What its bytes hash to.
    pub sha256: String,
    /// The instant of its first row.
    pub first: Option<String>,
    /// The instant of its last row.
    pub last: Option<String>,
    /// The remotes that had it when it went, with no secrets in their names.
    pub remotes: Vec<String>,
}

impl Purged {
    /// What became of a period's file; `None` if it is there, or never was.
    pub(crate) fn read(layout: &Layout, dataset: &Dataset, period: Period) -> Result<Option<Purged>, StoreError> {
        if layout.file(dataset, period).exists() {
            return Ok(None);
        }
        Purged::read_marker(layout, dataset, period)
    }

    /// What a period's marker says, wherever the file is.
    pub(crate) fn read_marker(
        layout: &Layout,
        dataset: &Dataset,
        period: Period,
    ) -> Result<Option<Purged>, StoreError> {
        let Some(content) = fsys::read_if_there(&marker(layout, dataset, period))? else { return Ok(None) };
        // That the file is gone is what matters; a marker that was damaged since still says this much.
        let mut purged: Purged = serde_json::from_slice(&content).unwrap_or_default();
        purged.path = layout.relative(dataset, period);
        Ok(Some(purged))
    }

    /// Makes the marker durable.
    pub(crate) fn write(&self, layout: &Layout, dataset: &Dataset, period: Period) -> Result<(), StoreError> {
        let path = marker(layout, dataset, period);
        fsys::create_dir(fsys::parent(&path))?;
        let mut content = serde_json::to_vec(self).expect("text and numbers can be written");
        content.push(b'\n');
        fsys::replace(&path, &content)
    }

    /// Removes the marker of a file that is there.
    pub(crate) fn forget(layout: &Layout, dataset: &Dataset, period: Period) -> Result<(), StoreError> {
        let path = marker(layout, dataset, period);
        if !path.exists() {
            return Ok(());
        }
        fsys::remove(&path)?;
        fsys::sync_dir(fsys::parent(&path))
    }

    /// The instants of its first and last row, if it had rows.
    pub fn bounds(&self) -> Option<(Ts, Ts)> {
        let instant = |text: &Option<String>| text.as_deref()?.parse().ok();
        instant(&self.first).zip(instant(&self.last))
    }

    /// A sentence for who wants its rows.
    pub fn whereabouts(&self, dataset: &Dataset) -> String {
        let remotes = if self.remotes.is_empty() { "a remote".to_owned() } else { self.remotes.join(" and ") };
        let stem = Path::new(&self.path).file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        let command = restore_command(dataset, Period::from_name(dataset.kind(), stem));
        format!("{} was purged and is on {remotes}; to bring it back: {command}", self.path)
    }
}

/// The command that brings a file back, or all of a dataset's.
pub fn restore_command(dataset: &Dataset, period: Option<Period>) -> String {
    let (exchange, pair, kind) = (dataset.exchange(), dataset.pair(), dataset.kind());
    let mut command = format!("dccd-sync restore --exchange {exchange} --pair {pair} --kind {kind}");
    if let Some(span) = dataset.span() {
        command += &format!(" --span {span}");
    }
    if let Some(period) = period {
        let date = |ts: Ts| ts.to_string().split('T').next().unwrap_or_default().to_owned();
        command += &format!(" --start {} --end {}", date(period.range().start()), date(period.range().end()));
    }
    command
}

/// Whether a period's file is only on remotes.
pub(crate) fn is_purged(layout: &Layout, dataset: &Dataset, period: Period) -> bool {
    marker(layout, dataset, period).exists() && !layout.file(dataset, period).exists()
}

/// The markers of a dataset, wherever the files are.
pub(crate) fn markers(layout: &Layout, dataset: &Dataset) -> Result<BTreeMap<Period, Purged>, StoreError> {
    let names = fsys::names(&dir(layout, dataset))?;
    let period = |name: &String| Period::from_name(dataset.kind(), name.strip_suffix(SUFFIX)?);
    let mut markers = BTreeMap::new();
    for period in names.iter().filter_map(period) {
        markers.extend(Purged::read_marker(layout, dataset, period)?.map(|marker| (period, marker)));
    }
    Ok(markers)
}

/// The periods of a dataset whose file is only on remotes, in order.
pub(crate) fn periods(layout: &Layout, dataset: &Dataset) -> Result<Vec<Period>, StoreError> {
    let marked = markers(layout, dataset)?.into_keys();
    Ok(marked.filter(|period| !layout.file(dataset, *period).exists()).collect())
}

/// Removes markers whose file is there, as a purge or a restore leaves them that was killed.
pub(crate) fn clean(layout: &Layout) -> Result<(), StoreError> {
    for dataset in fsys::names(&layout.purged_dir())?.iter().filter_map(|name| name.parse::<Dataset>().ok()) {
        for period in markers(layout, &dataset)?.into_keys().filter(|period| layout.file(&dataset, *period).exists()) {
            let _lock = Lock::acquire(&layout.lock(&dataset))?;
            if layout.file(&dataset, period).exists() {
                Purged::forget(layout, &dataset, period)?;
            }
        }
    }
    Ok(())
}

/// The datasets that have a marker.
pub(crate) fn datasets(layout: &Layout) -> Result<Vec<Dataset>, StoreError> {
    let mut found = Vec::new();
    for dataset in fsys::names(&layout.purged_dir())?.iter().filter_map(|name| name.parse::<Dataset>().ok()) {
        if !periods(layout, &dataset)?.is_empty() {
            found.push(dataset);
        }
    }
    Ok(found)
}

/// Removes a file whose marker is durable.
pub(crate) fn remove_file(path: &Path) -> Result<(), StoreError> {
    fs::remove_file(path).map_err(StoreError::io("remove", path))?;
    fsys::sync_dir(fsys::parent(path))
}

fn dir(layout: &Layout, dataset: &Dataset) -> PathBuf {
    layout.purged_dir().join(dataset.to_string())
}

fn marker(layout: &Layout, dataset: &Dataset, period: Period) -> PathBuf {
    dir(layout, dataset).join(format!("{period}{SUFFIX}"))
}
