//! What a remote is told of completeness: the ledgers, after the files that they speak of.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use dccd_record::Dataset;
use dccd_store::table::Numbers;
use dccd_store::{Period, Picture, StoreFile};

use crate::args::Way;
use crate::digest::Digests;
use crate::error::Error;
use crate::known::Proven;
use crate::listing::Listing;
use crate::push::{Push, proof};
use crate::remote::{Manner, Which};
use crate::report::{Said, Verdict};

/// So many are sent before they are proven.
const LEDGERS_MAX: usize = 200;

/// One small file that is made for a remote.
struct Sheet<'a> {
    name: String,
    dataset: Option<&'a Dataset>,
    /// What it says without what the remote adds.
    ours: Vec<u8>,
    is_there: bool,
}

impl Push<'_, '_> {
    /// Sends what is known of the files that are proven, joined with what the remote knew.
    pub(crate) fn cover(
        &mut self,
        picture: &Picture,
        unproven: &HashMap<Dataset, Vec<Period>>,
        listing: &Listing,
    ) -> Result<(), Error> {
        let unproven = |dataset: &Dataset| unproven.get(dataset).map(Vec::as_slice).unwrap_or_default();
        let sheets = picture
            .datasets()
            .map(|dataset| Sheet {
                name: Picture::name(dataset),
                dataset: Some(dataset),
                ours: picture.lines(dataset, unproven(dataset), b""),
                is_there: false,
            })
            .collect();
        let sheets = self.unknown(sheets, listing);
        for batch in sheets.chunks(LEDGERS_MAX) {
            self.report.go_on()?;
            match self.way {
                Way::DryRun => self.tell_sheets(batch)?,
                Way::Earnest => {
                    self.send_sheets(batch, |dataset, theirs| picture.lines(dataset, unproven(dataset), theirs))?
                }
            }
        }
        Ok(())
    }

    /// Tells a remote what the numbers of its files are to be, before it has any: a restore that finds nothing of it
    /// makes a store of floats.
    pub(crate) fn mark(&mut self, listing: &Listing) -> Result<(), Error> {
        let Some((name, ours)) = self.site.marker()? else { return Ok(()) };
        let is_of_floats = || listing.keys().any(|name| StoreFile::parse(name).is_some()) && !self.known.has_proven();
        if !listing.contains_key(&name) && is_of_floats() {
            return Err(self.remote.of_other_numbers(Numbers::Decimal));
        }
        let sheets = self.unknown(vec![Sheet { name, dataset: None, ours, is_there: false }], listing);
        if self.way == Way::DryRun || sheets.is_empty() {
            return self.tell_sheets(&sheets);
        }
        self.send_sheets(&sheets, |_, _| Vec::new())?;
        if self.counts.unproven + self.counts.conflicts > 0 {
            return Err(self.remote.error("send files to", "what numbers they have is not known there".to_owned()));
        }
        Ok(())
    }

    /// Those of which it is not known that they are there.
    fn unknown<'a>(&self, mut sheets: Vec<Sheet<'a>>, listing: &Listing) -> Vec<Sheet<'a>> {
        sheets.retain_mut(|sheet| {
            let listed = listing.get(&sheet.name);
            sheet.is_there = listed.is_some();
            let is_known = self.known.proven(&sheet.name).is_some_and(|proven| {
                proven.local == mark(&sheet.ours) && listed.is_some_and(|listed| proven.is_listed_as(listed))
            });
            !sheet.ours.is_empty() && !is_known
        });
        sheets
    }

    fn tell_sheets(&mut self, sheets: &[Sheet<'_>]) -> Result<(), Error> {
        for sheet in sheets {
            self.counts.lacking += 1;
            self.say(Said { path: &sheet.name, state: "lacking", ..Said::default() }, Verdict::Well)?;
        }
        Ok(())
    }

    fn send_sheets(&mut self, sheets: &[Sheet<'_>], join: impl Fn(&Dataset, &[u8]) -> Vec<u8>) -> Result<(), Error> {
        let stage = self.site.stage()?;
        let (theirs, ours) = (stage.join("theirs"), stage.join("ours"));
        let there: Vec<String> = sheets.iter().filter(|sheet| sheet.is_there).map(|sheet| sheet.name.clone()).collect();
        if !there.is_empty() {
            self.remote.fetch(&theirs, &there)?;
        }
        let mut made = Vec::new();
        for sheet in sheets {
            let told = read(&theirs.join(&sheet.name))?;
            if sheet.is_there && told.is_none() {
                self.sheet_unproven(sheet, "it is listed, and could not be read".to_owned())?;
                continue;
            }
            let told = told.unwrap_or_default();
            let content = sheet.dataset.map_or_else(|| sheet.ours.clone(), |dataset| join(dataset, &told));
            if sheet.dataset.is_none() && sheet.is_there && told != content {
                self.counts.conflicts += 1;
                let why = "a store of other numbers is there; push to another place".to_owned();
                self.say(
                    Said { path: &sheet.name, state: "conflict", why: Some(why), ..Said::default() },
                    Verdict::No,
                )?;
                continue;
            }
            write(&ours.join(&sheet.name), &content)?;
            made.push((sheet, Digests::of(&content), told == content));
        }
        for manner in [Manner::New, Manner::Replacing] {
            let is_meant = |sheet: &Sheet<'_>| sheet.is_there == (manner == Manner::Replacing);
            let changed = made.iter().filter(|(sheet, _, is_same)| is_meant(sheet) && !is_same);
            let names: Vec<String> = changed.map(|(sheet, ..)| sheet.name.clone()).collect();
            if !names.is_empty() {
                self.remote.send(&self.abilities, &ours, &names, manner)?;
            }
        }
        let names: Vec<String> = made.iter().map(|(sheet, ..)| sheet.name.clone()).collect();
        let listing = self.remote.list_hashed(&self.abilities, Which::Only(&names))?;
        for (sheet, digests, _) in made {
            self.settle_sheet(sheet, digests, &listing)?;
        }
        self.known.save(self.site)
    }

    fn settle_sheet(&mut self, sheet: &Sheet<'_>, digests: Digests, listing: &Listing) -> Result<(), Error> {
        let Some(listed) = listing.get(&sheet.name) else {
            return self.sheet_unproven(sheet, "it is not there".to_owned());
        };
        let Some(by) = proof(listed.compare(&digests)) else {
            return self.sheet_unproven(sheet, listed.difference(&digests));
        };
        let bytes = digests.bytes;
        let (modified, local) = (listed.modified.clone(), mark(&sheet.ours));
        self.known.prove(&sheet.name, Proven { digests, modified, local, rows: 0, first: None, last: None });
        self.counts.sent += 1;
        let said = Said { path: &sheet.name, state: "sent", bytes: Some(bytes), by: Some(by), ..Said::default() };
        self.say(said, Verdict::Well)
    }

    fn sheet_unproven(&mut self, sheet: &Sheet<'_>, why: String) -> Result<(), Error> {
        self.counts.unproven += 1;
        self.say(Said { path: &sheet.name, state: "unproven", why: Some(why), ..Said::default() }, Verdict::Later)
    }
}

/// By what it is remembered which ledger was sent.
fn mark(content: &[u8]) -> String {
    Digests::of(content).sha256
}

/// A file's content, if there is one.
pub(crate) fn read(path: &Path) -> Result<Option<Vec<u8>>, Error> {
    match fs::read(path) {
        Ok(content) => Ok(Some(content)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(Error::Read { path: path.to_owned(), cause }),
    }
}

fn write(path: &Path, content: &[u8]) -> Result<(), Error> {
    let made = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(path, content));
    made.map_err(|cause| Error::Read { path: path.to_owned(), cause })
}
