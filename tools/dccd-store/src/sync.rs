//! The store as who copies it to remotes sees it.
//!
//! Whoever syncs holds one lock, so there is one at a time. What is known of remotes lies in `.dccd/sync`; this crate
//! keeps it without reading it, and does the four things that change a store: purge a file, bring one back, learn what
//! a remote's ledger proves, and remember when all was copied.

mod ledgers;
mod probe;
mod purge;
mod restore;

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use dccd_record::{Dataset, Ts};
use rustix::io::{FdFlags, fcntl_setfd};

use crate::error::StoreError;
use crate::file_id::FileId;
use crate::fsys;
use crate::layout::{Layout, Period};
use crate::lock::try_lock;
use crate::purged::{self, Purged};
use crate::store::{Store, StoreOptions};
use crate::table::{FileInfo, FileScan};

pub use ledgers::Picture;
pub use probe::Probes;
pub use purge::{Kept, PurgeOutcome};
pub use restore::Restored;

/// Unfinished files of a restore carry this name in the place of a writer's.
const WRITER: &str = "sync";
const STAGE: &str = "stage";

/// A published file, wherever its bytes are.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StoreFile {
    /// The series.
    pub dataset: Dataset,
    /// The stretch of time.
    pub period: Period,
}

impl StoreFile {
    /// The file at a path, as seen from the store's folder; `None` if it is none of a store.
    pub fn parse(name: &str) -> Option<StoreFile> {
        Layout::new(Path::new("")).parse(name).map(|(dataset, period)| StoreFile { dataset, period })
    }

    /// Its path, as seen from the store's folder and on every remote.
    pub fn name(&self) -> String {
        Layout::new(Path::new("")).relative(&self.dataset, self.period)
    }
}

/// An open file of the store, which stays what it is whatever takes its place.
#[derive(Debug)]
pub struct Opened {
    /// To be read.
    pub file: File,
    /// Which file it is.
    pub id: FileId,
}

/// A store, and the right to sync it.
#[derive(Debug)]
pub struct SyncSite {
    store: Store,
    _lock: File,
}

impl SyncSite {
    /// The store at `root`, which must be there.
    pub fn open(root: &Path) -> Result<SyncSite, StoreError> {
        SyncSite::of(Store::open(root)?)
    }

    /// The store at `root`, created if need be.
    pub fn create(root: &Path, options: StoreOptions) -> Result<SyncSite, StoreError> {
        SyncSite::of(Store::create(root, options)?)
    }

    fn of(store: Store) -> Result<SyncSite, StoreError> {
        let layout = store.layout();
        fsys::create_dir(&layout.sync_dir())?;
        let lock = lock(&layout.lock_dir().join("sync.lock"))?;
        let site = SyncSite { store, _lock: lock };
        site.clean()?;
        Ok(site)
    }

    /// The store.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Every published file, by dataset and period.
    pub fn files(&self) -> Result<Vec<StoreFile>, StoreError> {
        let layout = self.layout();
        let mut files = Vec::new();
        for dataset in layout.datasets_with_files()? {
            let periods = layout.periods(&dataset)?;
            files.extend(periods.into_iter().map(|period| StoreFile { dataset: dataset.clone(), period }));
        }
        files.sort_unstable();
        Ok(files)
    }

    /// Every file that is only on remotes.
    pub fn purged(&self) -> Result<Vec<(StoreFile, Purged)>, StoreError> {
        let layout = self.layout();
        let mut files = Vec::new();
        for dataset in purged::datasets(layout)? {
            for period in purged::periods(layout, &dataset)? {
                if let Some(marker) = Purged::read(layout, &dataset, period)? {
                    files.push((StoreFile { dataset: dataset.clone(), period }, marker));
                }
            }
        }
        Ok(files)
    }

    /// The published files of periods that are over, oldest first. `now` is by our clock, which may only delay.
    pub fn closed_files(&self, now: Ts) -> Result<Vec<StoreFile>, StoreError> {
        purge::closed_files(&self.store, now)
    }

    /// The files that have rows waiting in a journal. More may come at any time, and then wait until the file is there.
    pub fn waiting(&self) -> Result<HashSet<StoreFile>, StoreError> {
        let mut files = HashSet::new();
        for (dataset, waiting) in self.store.read_journals(None)? {
            files.extend(waiting.waiting().map(|(period, ..)| StoreFile { dataset: dataset.clone(), period }));
        }
        Ok(files)
    }

    /// Opens a published file; `None` if there is none.
    pub fn open_file(&self, file: &StoreFile) -> Result<Option<Opened>, StoreError> {
        let path = self.path(file);
        let opened = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(StoreError::io("open", &path))?,
        };
        let about = opened.metadata().map_err(StoreError::io("examine", &path))?;
        Ok(Some(Opened { file: opened, id: FileId::from(&about) }))
    }

    /// What a published file's footer says.
    pub fn facts(&self, file: &StoreFile) -> Result<FileInfo, StoreError> {
        Ok(FileScan::open(&self.path(file), file.dataset.kind())?.info().clone())
    }

    /// Where a published file lies.
    pub fn path(&self, file: &StoreFile) -> PathBuf {
        self.layout().file(&file.dataset, file.period)
    }

    /// Bytes that are free on the store's disk.
    pub fn free_bytes(&self) -> Result<u64, StoreError> {
        let root = self.layout().root();
        let about =
            rustix::fs::statvfs(root).map_err(|errno| StoreError::io("examine the disk of", root)(errno.into()))?;
        Ok(about.f_bavail.saturating_mul(about.f_frsize))
    }

    /// The marker of a store that has one, and its path as seen from the store's folder.
    pub fn marker(&self) -> Result<Option<(String, Vec<u8>)>, StoreError> {
        let content = fsys::read_if_there(&self.layout().marker())?;
        Ok(content.map(|content| (SyncSite::marker_name(), content)))
    }

    /// Where a store's marker is, as seen from its folder.
    pub fn marker_name() -> String {
        Layout::new(Path::new("")).marker().to_string_lossy().into_owned()
    }

    /// Where something is kept under a name.
    pub fn state_path(&self, name: &str) -> PathBuf {
        self.layout().sync_dir().join(name)
    }

    /// What was kept under a name.
    pub fn state(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        fsys::read_if_there(&self.state_path(name))
    }

    /// Keeps something durably.
    pub fn keep_state(&self, name: &str, content: &[u8]) -> Result<(), StoreError> {
        fsys::replace(&self.state_path(name), content)
    }

    /// Adds durably to what is kept.
    pub fn add_state(&self, name: &str, content: &[u8]) -> Result<(), StoreError> {
        let path = self.state_path(name);
        let added = File::options().create(true).append(true).open(&path).and_then(|mut file| {
            file.write_all(content)?;
            file.sync_data()
        });
        added.map_err(StoreError::io("write", &path))
    }

    /// Replaces the file that says when the store was last copied.
    pub fn keep_last_sync(&self, content: &[u8]) -> Result<(), StoreError> {
        fsys::replace(&self.layout().last_sync(), content)
    }

    /// An empty folder for what is on its way to or from a remote and is no data file.
    pub fn stage(&self) -> Result<PathBuf, StoreError> {
        let path = self.layout().sync_dir().join(STAGE);
        remove_dir(&path)?;
        fsys::create_dir(&path)?;
        Ok(path)
    }

    fn layout(&self) -> &Layout {
        self.store.layout()
    }

    /// Removes what a killed sync left.
    fn clean(&self) -> Result<(), StoreError> {
        let dir = self.layout().sync_dir();
        remove_dir(&dir.join(STAGE))?;
        self.clean_probes()?;
        self.layout().remove_parts(&[WRITER.to_owned()]);
        purged::clean(self.layout())
    }
}

impl Drop for SyncSite {
    fn drop(&mut self) {
        let _ = remove_dir(&self.layout().sync_dir().join(STAGE));
    }
}

/// Takes the lock of syncs, or fails at once.
fn lock(path: &Path) -> Result<File, StoreError> {
    fsys::create_dir(fsys::parent(path))?;
    let file = File::options()
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .map_err(StoreError::io("open lock", path))?;
    if !try_lock(&file, path)? {
        return Err(StoreError::Locked { path: path.to_owned() });
    }
    // Unlike other locks this one is handed to what is started: a program that copies keeps the next sync out,
    // even if the one that started it was killed.
    fcntl_setfd(&file, FdFlags::empty()).map_err(|errno| StoreError::io("share lock", path)(errno.into()))?;
    Ok(file)
}

fn remove_dir(path: &Path) -> Result<(), StoreError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(StoreError::io("remove", path)(error)),
        _ => Ok(()),
    }
}
