//! Whether a remote is the store itself, or has a folder in common with it.
//!
//! Folders of a store may be links to other disks, so each is asked about for itself.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::PathBuf;

use dccd_record::Dataset;

use super::{SyncSite, WRITER};
use crate::error::StoreError;
use crate::fsys;
use crate::journal::unique_writer;

pub(super) const PREFIX: &str = "probe-";

/// Files whose names nobody else could know: a remote that has one of them has a folder of this very store.
#[derive(Debug, Default)]
pub struct Probes {
    paths: Vec<PathBuf>,
    names: Vec<String>,
}

impl Probes {
    /// Their paths, as seen from the store's folder.
    pub fn names(&self) -> &[String] {
        &self.names
    }
}

impl Drop for Probes {
    fn drop(&mut self) {
        for path in &self.paths {
            let _ = fs::remove_file(path);
        }
    }
}

impl SyncSite {
    /// Probes of every folder.
    pub fn probes(&self) -> Result<Probes, StoreError> {
        self.probes_of(self.layout().datasets_with_files()?.iter())
    }

    /// Probes of some datasets' folders, and of the store's own.
    pub fn probes_of<'a>(&self, datasets: impl Iterator<Item = &'a Dataset>) -> Result<Probes, StoreError> {
        let layout = self.layout();
        let id = unique_writer();
        let mut probes = Probes::default();
        let own = layout.sync_dir().join(format!("{PREFIX}{id}"));
        let folders: BTreeSet<PathBuf> = datasets.map(|dataset| layout.dataset_dir(dataset)).collect();
        let beside = folders.into_iter().map(|dir| dir.join(format!(".{PREFIX}{id}.{WRITER}.0.part")));
        for path in [own].into_iter().chain(beside) {
            match File::create_new(&path) {
                Ok(_) => {}
                // Where nothing can be made, nothing can be removed; and a folder may be gone by now.
                Err(error)
                    if matches!(
                        error.kind(),
                        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem | ErrorKind::NotFound
                    ) && !probes.paths.is_empty() =>
                {
                    continue;
                }
                Err(error) => return Err(StoreError::io("create", &path)(error)),
            }
            let name = path.strip_prefix(layout.root()).unwrap_or(&path).to_string_lossy().into_owned();
            probes.names.push(name);
            probes.paths.push(path);
        }
        Ok(probes)
    }

    /// Removes what a killed sync left of them in the folder of what is known of remotes.
    pub(super) fn clean_probes(&self) -> Result<(), StoreError> {
        let dir = self.layout().sync_dir();
        for name in fsys::names(&dir)?.iter().filter(|name| name.starts_with(PREFIX)) {
            fsys::remove(&dir.join(name))?;
        }
        Ok(())
    }
}
