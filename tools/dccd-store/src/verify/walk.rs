//! The folders of a store and what lies in them.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use dccd_record::{Dataset, Exchange, Kind, Pair, Span};
use rustix::fs::{Access, access};

use super::names::{Named, Scope};
use super::{Check, Finding, Level, StoredFile};
use crate::journal;
use crate::layout::{Period, kind_dir};
use crate::store::Store;

/// How far down a folder that no dataset has is searched, and how many names are looked at in it.
const STRAY_DEPTH_MAX: usize = 8;
const STRAY_NAMES_MAX: usize = 100_000;
/// A file that changed less long ago may still be in the works.
pub(super) const LEFTOVER_AGE: Duration = Duration::from_secs(3600);
const SUFFIX: &str = ".parquet";
const PART_SUFFIX: &str = ".part";
/// What file systems put at their root.
const LOST_AND_FOUND: &str = "lost+found";

const OWNER_READS: u32 = 0o400;
const OWNER_USES_FOLDER: u32 = 0o700;
const ANYBODY_WRITES: u32 = 0o002;

/// One way through the folders.
pub(super) struct Walk<'a> {
    store: &'a Store,
    scope: Scope<'a>,
    /// Whom the store belongs to.
    owner: Option<u32>,
    named: Named,
}

/// A name in a folder.
struct Entry {
    name: String,
    path: PathBuf,
    about: Metadata,
}

impl Entry {
    fn is_dir(&self) -> bool {
        self.about.is_dir()
    }

    fn is_data(&self) -> bool {
        self.name.ends_with(SUFFIX)
    }

    fn age(&self) -> Duration {
        age(&self.about)
    }
}

impl<'a> Walk<'a> {
    pub(super) fn new(store: &'a Store, scope: Scope<'a>) -> Walk<'a> {
        let owner = std::fs::metadata(store.layout().root()).ok().map(|about| about.uid());
        Walk { store, scope, owner, named: Named::default() }
    }

    /// Looks at every folder, and lists the data files.
    pub(super) fn run(mut self) -> Named {
        let root = self.store.layout().root().to_owned();
        for entry in self.entries(&root) {
            match Exchange::new(&entry.name) {
                // Ours, the system's and other hidden folders, such as snapshots of the file system.
                _ if entry.is_dir() && (entry.name.starts_with('.') || entry.name == LOST_AND_FOUND) => {}
                Ok(exchange) if entry.is_dir() => self.exchange(&exchange, &entry.path),
                _ => self.stray(&entry),
            }
        }
        self.named
    }

    fn exchange(&mut self, exchange: &Exchange, dir: &Path) {
        self.permissions_of_dir(dir);
        for entry in self.entries(dir) {
            match Kind::ALL.into_iter().find(|kind| kind_dir(*kind) == entry.name) {
                Some(kind) if entry.is_dir() => self.kind(exchange, kind, &entry.path),
                _ => self.stray(&entry),
            }
        }
    }

    fn kind(&mut self, exchange: &Exchange, kind: Kind, dir: &Path) {
        self.permissions_of_dir(dir);
        for entry in self.entries(dir) {
            match Pair::from_path_name(&entry.name) {
                Ok(pair) if entry.is_dir() && pair.path_name() == entry.name => {
                    self.pair(exchange, kind, &pair, &entry)
                }
                _ => self.stray(&entry),
            }
        }
    }

    fn pair(&mut self, exchange: &Exchange, kind: Kind, pair: &Pair, dir: &Entry) {
        let dataset = |span| Dataset::new(exchange.clone(), kind, pair.clone(), span).ok();
        if let Some(dataset) = dataset(None) {
            return self.dataset(&dataset, &dir.path);
        }
        self.permissions_of_dir(&dir.path);
        for entry in self.entries(&dir.path) {
            let span = entry.name.parse::<Span>().ok().filter(|span| span.to_string() == entry.name);
            match span.and_then(|span| dataset(Some(span))) {
                Some(dataset) if entry.is_dir() => self.dataset(&dataset, &entry.path),
                _ => self.stray(&entry),
            }
        }
    }

    fn dataset(&mut self, dataset: &Dataset, dir: &Path) {
        if !(self.scope.accepts)(dataset) {
            return;
        }
        self.permissions_of_dir(dir);
        for entry in self.entries(dir) {
            let period = entry.name.strip_suffix(SUFFIX).and_then(|stem| Period::from_name(dataset.kind(), stem));
            match period {
                Some(period) => {
                    self.permissions_of_file(&entry);
                    self.named.files.push(StoredFile { dataset: dataset.clone(), period, path: entry.path });
                }
                None if entry.is_data() => {
                    let expected = if matches!(dataset.kind(), Kind::Trade | Kind::Book) { "day" } else { "year" };
                    let what = format!("its name is no {expected}, so nothing here reads it");
                    self.found(Level::Error, Check::Name, &entry.path, what, Some(dataset));
                }
                None if entry.name.starts_with('.') && entry.name.ends_with(PART_SUFFIX) => self.part(dataset, &entry),
                None => {
                    let what = "nothing that dccd puts beside data files";
                    self.found(Level::Note, Check::Place, &entry.path, what, Some(dataset));
                }
            }
        }
    }

    /// An unfinished file, which is somebody's unless its writer is gone.
    fn part(&mut self, dataset: &Dataset, entry: &Entry) {
        let writer = entry.name.split('.').nth(2).unwrap_or("");
        let journals = self.store.layout().journal_dir();
        if entry.age() >= LEFTOVER_AGE && !journal::is_writer_alive(&journals, writer) {
            let what = "an unfinished file whose writer is gone; nothing in it was ever called stored";
            self.found(Level::Note, Check::Leftover, &entry.path, what, Some(dataset));
        }
    }

    /// Something that lies where no dataset has it.
    fn stray(&mut self, entry: &Entry) {
        if !self.scope.is_whole {
            return;
        }
        if !entry.is_dir() {
            return self.stray_file(entry);
        }
        let before = self.named.findings.len();
        let mut left = STRAY_NAMES_MAX;
        self.stray_dir(&entry.path, STRAY_DEPTH_MAX, &mut left);
        if self.named.findings.len() == before {
            self.found(Level::Note, Check::Place, &entry.path, "a folder that no dataset has", None);
        }
    }

    /// Finds the data files in a folder that no dataset has.
    fn stray_dir(&mut self, dir: &Path, depth: usize, left: &mut usize) {
        for entry in self.entries(dir) {
            let Some(fewer) = left.checked_sub(1) else { return };
            *left = fewer;
            if entry.is_dir() && depth > 0 && !entry.path.is_symlink() {
                self.stray_dir(&entry.path, depth - 1, left);
            } else if entry.is_data() && !entry.is_dir() {
                self.stray_file(&entry);
            }
        }
    }

    fn stray_file(&mut self, entry: &Entry) {
        if entry.is_data() {
            let what = "data where no dataset has a file: nothing here reads it, a query over the folder does";
            self.found(Level::Error, Check::Place, &entry.path, what, None);
        } else {
            self.found(Level::Note, Check::Place, &entry.path, "no file of a store", None);
        }
    }

    fn permissions_of_dir(&mut self, dir: &Path) {
        let Ok(about) = std::fs::metadata(dir) else { return };
        if about.mode() & OWNER_USES_FOLDER != OWNER_USES_FOLDER {
            let what = format!("mode {:03o}: its owner may not read, write and enter it", about.mode() & 0o777);
            self.found(Level::Error, Check::Permission, dir, what, None);
        }
        if about.mode() & ANYBODY_WRITES != 0 {
            let what = format!("mode {:03o}: anybody may put files here", about.mode() & 0o777);
            self.found(Level::Note, Check::Permission, dir, what, None);
        }
        self.ownership(dir, &about);
    }

    fn permissions_of_file(&mut self, entry: &Entry) {
        let mode = entry.about.mode();
        if mode & OWNER_READS == 0 || access(&entry.path, Access::READ_OK) == Err(rustix::io::Errno::ACCESS) {
            let what = format!("mode {:03o}: it may not be read", mode & 0o777);
            self.found(Level::Error, Check::Permission, &entry.path, what, None);
        }
        self.ownership(&entry.path, &entry.about);
    }

    fn ownership(&mut self, path: &Path, about: &Metadata) {
        if let Some(owner) = self.owner.filter(|owner| *owner != about.uid()) {
            let what = format!("it belongs to user {}, the store to user {owner}", about.uid());
            self.found(Level::Note, Check::Permission, path, what, None);
        }
    }

    /// What is in a folder, in order of names. One that cannot be listed is a finding; one that is gone is empty.
    fn entries(&mut self, dir: &Path) -> Vec<Entry> {
        match list(dir) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => {
                self.found(Level::Error, Check::Permission, dir, format!("it cannot be listed: {error}"), None);
                Vec::new()
            }
        }
    }

    fn found(&mut self, level: Level, check: Check, path: &Path, what: impl Into<String>, dataset: Option<&Dataset>) {
        let finding = Finding::new(level, check, self.store.relative(path), what);
        self.named.findings.push(Finding { dataset: dataset.cloned(), ..finding });
    }
}

/// How long ago something changed; what is said to come is new.
pub(super) fn age(about: &Metadata) -> Duration {
    about.modified().ok().and_then(|at| SystemTime::now().duration_since(at).ok()).unwrap_or_default()
}

fn list(dir: &Path) -> io::Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let path = entry.path();
        // What is gone meanwhile was never here; a link that leads nowhere still is.
        let Ok(about) = std::fs::metadata(&path).or_else(|_| std::fs::symlink_metadata(&path)) else { continue };
        entries.push(Entry { name: entry.file_name().to_string_lossy().into_owned(), path, about });
    }
    entries.sort_unstable_by(|left, right| left.path.cmp(&right.path));
    Ok(entries)
}
