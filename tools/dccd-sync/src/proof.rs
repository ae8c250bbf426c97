//! The files here, as what they hash to.

use std::collections::HashMap;
use std::io;

use dccd_cli::Stop;
use dccd_store::table::{FileInfo, TableError};
use dccd_store::{Opened, StoreError, StoreFile, SyncSite};

use crate::digest::Digests;
use crate::error::Error;
use crate::known::Known;

/// Reads files of the store, each as rarely as can be.
pub(crate) struct Locals {
    stop: Stop,
    /// What a file with this id hashed to.
    digests: HashMap<String, (String, Digests)>,
}

/// What a footer says, if it can be read.
pub(crate) enum Facts {
    Readable(FileInfo),
    Unreadable(String),
    /// The file went away.
    Gone,
}

impl Locals {
    pub(crate) fn new(stop: Stop) -> Locals {
        Locals { stop, digests: HashMap::new() }
    }

    /// Learns what files hashed to when they were proven before.
    pub(crate) fn learn(&mut self, known: &Known) {
        for (name, proven) in known.iter() {
            self.digests.insert(name.to_owned(), (proven.local.clone(), proven.digests.clone()));
        }
    }

    /// What an open file hashes to: as was learnt, if it is still the same file, or by reading it.
    pub(crate) fn digests(&mut self, site: &SyncSite, file: &StoreFile, opened: &mut Opened) -> Result<Digests, Error> {
        let (name, id) = (file.name(), opened.id.text());
        if let Some((of, digests)) = self.digests.get(&name)
            && *of == id
        {
            return Ok(digests.clone());
        }
        self.read(site, file, opened)
    }

    /// What an open file hashes to, by reading it now.
    pub(crate) fn read(&mut self, site: &SyncSite, file: &StoreFile, opened: &mut Opened) -> Result<Digests, Error> {
        let read = io::Seek::rewind(&mut opened.file).and_then(|()| Digests::read(&mut opened.file, &self.stop));
        let digests = read.map_err(|cause| match self.stop.signal() {
            Some(signal) => Error::Stopped(signal),
            None => Error::Read { path: site.path(file), cause },
        })?;
        self.digests.insert(file.name(), (opened.id.text(), digests.clone()));
        Ok(digests)
    }
}

impl Facts {
    /// What a published file's footer says.
    pub(crate) fn of(site: &SyncSite, file: &StoreFile) -> Result<Facts, Error> {
        match site.facts(file) {
            Ok(info) => Ok(Facts::Readable(info)),
            Err(StoreError::Table(TableError::Unreadable { why, .. })) => Ok(Facts::Unreadable(why)),
            Err(StoreError::Table(TableError::Io { cause, .. })) if cause.kind() == io::ErrorKind::NotFound => {
                Ok(Facts::Gone)
            }
            Err(error) => Err(error.into()),
        }
    }
}
