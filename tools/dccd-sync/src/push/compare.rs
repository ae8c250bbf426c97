//! What a remote lacks, and what there may be replaced.

use dccd_store::table::TableError;
use dccd_store::{Opened, StoreError, StoreFile, restore_command};

use super::{Lacking, Push};
use crate::digest::Digests;
use crate::error::Error;
use crate::known::{Entry, Proven};
use crate::listing::{Listed, Listing, Match};
use crate::proof::Facts;
use crate::remote::{FREE_BYTES_MIN, Manner, Which};
use crate::report::{Said, Verdict};

/// What is known of one file after a look at a listing.
enum Finding {
    /// It is there as it is here.
    Proven,
    /// It is to be sent.
    Lacking(Manner),
    /// Only a hash could tell.
    Unsure,
    /// It was said what is the matter, or it went away.
    Left,
}

impl Push<'_, '_> {
    /// Compares files with a listing; only where that does not tell, hashes are asked for, or the file is read.
    pub(super) fn compare(&mut self, files: &[StoreFile], listing: &Listing) -> Result<Vec<Lacking>, Error> {
        let mut lacking = Vec::new();
        let mut unsure = Vec::new();
        for (done, file) in files.iter().enumerate() {
            self.report.progress(self.remote.shown(), "compared", done, files.len());
            self.compare_one(file, listing, true, &mut lacking, &mut unsure)?;
        }
        let names: Vec<String> = unsure.iter().map(StoreFile::name).collect();
        let hashed = self.remote.list_hashed(&self.abilities, Which::Only(&names))?;
        for file in std::mem::take(&mut unsure) {
            self.compare_one(&file, &hashed, false, &mut lacking, &mut unsure)?;
        }
        Ok(lacking)
    }

    fn compare_one(
        &mut self,
        file: &StoreFile,
        listing: &Listing,
        is_quick: bool,
        lacking: &mut Vec<Lacking>,
        unsure: &mut Vec<StoreFile>,
    ) -> Result<(), Error> {
        self.report.go_on()?;
        let Some(mut opened) = self.site.open_file(file)? else { return Ok(()) };
        match self.look(file, &mut opened, listing.get(&file.name()), is_quick)? {
            Finding::Proven => {
                self.proven.insert(file.name());
                self.counts.proven += 1;
            }
            Finding::Lacking(manner) => lacking.push(Lacking { file: file.clone(), manner, bytes: opened.id.bytes() }),
            Finding::Unsure => unsure.push(file.clone()),
            Finding::Left => {}
        }
        Ok(())
    }

    fn look(
        &mut self,
        file: &StoreFile,
        opened: &mut Opened,
        listed: Option<&Listed>,
        is_quick: bool,
    ) -> Result<Finding, Error> {
        let name = file.name();
        let Entry { proven, sending, is_doubted } = self.known.get(&name).cloned().unwrap_or_default();
        let Some(listed) = listed else { return self.look_at_absent(file, proven.as_ref()) };
        if listed.is_twice {
            let why = "the remote has several of this name; remove all but one of them there".to_owned();
            return self.conflict(file, why);
        }
        if let Some(proven) = proven.filter(|proven| proven.is_listed_as(listed)) {
            if proven.local == opened.id.text() {
                return Ok(Finding::Proven);
            }
            let digests = self.locals.digests(self.site, file, opened)?;
            let Some(facts) = self.readable(file)? else { return Ok(Finding::Left) };
            if digests == proven.digests {
                self.known.prove(&name, Proven { local: opened.id.text(), ..proven });
                return Ok(Finding::Proven);
            }
            if !is_doubted && !proven.is_more_than(&facts) {
                return Ok(Finding::Lacking(Manner::Replacing));
            }
            self.known.doubt(&name);
            return self.examine(file, listed, sending.as_ref());
        }
        let digests = self.locals.digests(self.site, file, opened)?;
        let by = match listed.compare(&digests) {
            Match::Hash(kind) => kind.name(),
            Match::No => return self.examine(file, listed, sending.as_ref()),
            Match::Size if is_quick && !self.abilities.hashes.is_empty() && !listed.has_hash() => {
                return Ok(Finding::Unsure);
            }
            // Nothing but its bytes can tell whether this is ours.
            Match::Size if self.remote.read(&name, None, digests.bytes)? == digests => "bytes",
            Match::Size => return self.examine(file, listed, sending.as_ref()),
        };
        let Some(facts) = self.readable(file)? else { return Ok(Finding::Left) };
        self.known.prove(&name, Proven::new(digests.clone(), listed, opened.id.text(), &facts));
        let rows = Some(facts.rows);
        let said =
            Said { path: &name, state: "proven", bytes: Some(digests.bytes), rows, by: Some(by), ..Said::default() };
        self.say(said, Verdict::Well)?;
        Ok(Finding::Proven)
    }

    /// What is not there can be sent, unless more of it was there once.
    fn look_at_absent(&mut self, file: &StoreFile, proven: Option<&Proven>) -> Result<Finding, Error> {
        let Some(facts) = self.readable(file)? else { return Ok(Finding::Left) };
        match proven.filter(|proven| proven.is_more_than(&facts)) {
            None => Ok(Finding::Lacking(Manner::New)),
            Some(proven) => {
                let why = format!(
                    "it has {} rows here, {} were sent before and are no longer there; bring them back from another \
                     remote with dccd-sync restore, or, if none has them, remove {} to send what is here",
                    facts.rows,
                    proven.rows,
                    self.known.path(self.site).display()
                );
                self.conflict(file, why)
            }
        }
    }

    /// Reads a file of the remote that may not be ours: it may go if all its rows are here, or if it is what an
    /// interrupted push of ours left.
    fn examine(&mut self, file: &StoreFile, listed: &Listed, sending: Option<&Digests>) -> Result<Finding, Error> {
        if self.readable(file)?.is_none() {
            return Ok(Finding::Left);
        }
        let free = self.site.free_bytes()?;
        let Some(bytes) = listed.bytes.filter(|bytes| bytes.saturating_add(FREE_BYTES_MIN) <= free) else {
            let size = listed.bytes.map_or_else(|| "unknown".to_owned(), |bytes| bytes.to_string());
            self.unproven(
                file,
                format!("it is not ours, and to look at it here is no room: {size} bytes, {free} free"),
            )?;
            return Ok(Finding::Left);
        };
        let part = self.site.part(file)?;
        let came = self.remote.read(&file.name(), Some(&part), bytes);
        let lacking = came.map(|came| (came, self.site.lacking(file, &part)));
        let _ = std::fs::remove_file(&part);
        match lacking? {
            (came, _) if listed.bytes != Some(came.bytes) => {
                let why = format!("it gave {} bytes where it lists another number", came.bytes);
                self.unproven(file, why)?;
                Ok(Finding::Left)
            }
            (_, Ok(0)) => Ok(Finding::Lacking(Manner::Replacing)),
            (_, Ok(rows)) => {
                let command = restore_command(&file.dataset, Some(file.period));
                let remote = self.remote.shown();
                let why =
                    format!("it has {rows} rows there that are not here; to join both: {command} --remote '{remote}'");
                self.conflict(file, why)
            }
            (_, Err(StoreError::Table(TableError::Unreadable { path, why }))) if path == part => match sending {
                Some(_) => Ok(Finding::Lacking(Manner::Mending)),
                None => {
                    let why = format!("what is there is no file of this kind ({why}); look at it, and move it away");
                    self.conflict(file, why)
                }
            },
            (_, Err(error)) => Err(error.into()),
        }
    }

    /// The facts of a file that can be read; one that cannot is never sent.
    pub(super) fn readable(&mut self, file: &StoreFile) -> Result<Option<dccd_store::table::FileInfo>, Error> {
        match Facts::of(self.site, file)? {
            Facts::Readable(facts) => Ok(Some(facts)),
            Facts::Gone => Ok(None),
            Facts::Unreadable(why) => {
                self.unproven(
                    file,
                    format!("it cannot be read here ({why}); the next dccd-write there sets it aside"),
                )?;
                Ok(None)
            }
        }
    }

    fn conflict(&mut self, file: &StoreFile, why: String) -> Result<Finding, Error> {
        self.counts.conflicts += 1;
        let name = file.name();
        self.say(Said { path: &name, state: "conflict", why: Some(why), ..Said::default() }, Verdict::No)?;
        Ok(Finding::Left)
    }
}
