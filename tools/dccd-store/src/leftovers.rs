//! What a person should look at.

use std::fs::File;
use std::path::PathBuf;

use crate::error::StoreError;
use crate::fsys;
use crate::journal;
use crate::layout::Layout;
use crate::lock::is_locked;

/// What lies around in a store, and nobody is at work on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Leftovers {
    /// Files that could not be read and were set aside.
    pub set_aside: Vec<PathBuf>,
    /// Journals whose writer is gone: the next writer takes them over.
    pub ownerless: Vec<PathBuf>,
}

impl Layout {
    /// What lies around.
    pub fn leftovers(&self) -> Result<Leftovers, StoreError> {
        let aside = self.aside_dir();
        let set_aside = fsys::names(&aside)?.iter().map(|name| aside.join(name)).collect();
        let mut ownerless = Vec::new();
        // Parked rows wait for their file, not for a writer.
        for path in journal::paths(&self.journal_dir())?.into_iter().filter(|path| !journal::is_parked(path)) {
            match File::open(&path) {
                Ok(file) if !is_locked(&file, &path)? => ownerless.push(path),
                Ok(_) => {}
                // It was published since the folder was listed.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(StoreError::io("open journal", &path)(error)),
            }
        }
        Ok(Leftovers { set_aside, ownerless })
    }
}
