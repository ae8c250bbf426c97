//! Files on their way, a bounded number at a time, and what came of them.

use dccd_store::table::FileInfo;
use dccd_store::{Opened, StoreFile};

use super::{Lacking, Push};
use crate::digest::Digests;
use crate::error::Error;
use crate::known::Proven;
use crate::listing::{Listed, Listing, Match};
use crate::rclone::Ran;
use crate::remote::{Manner, Which, describe};
use crate::report::{Said, Verdict};

/// So many files are sent before they are proven...
const FILES_MAX: usize = 100;
/// ...or so many bytes.
const BYTES_MAX: u64 = 1 << 30;

/// A file that is being sent. As long as it is open, no other one can be taken for it.
struct Parcel {
    file: StoreFile,
    name: String,
    opened: Opened,
    digests: Digests,
    facts: FileInfo,
}

impl Push<'_, '_> {
    /// Sends files, and proves each before the next ones go.
    pub(super) fn send(&mut self, lacking: Vec<Lacking>) -> Result<(), Error> {
        let (mut done, all) = (0, lacking.len());
        for (manner, batch) in batches(lacking) {
            self.report.go_on()?;
            self.report.progress(self.remote.shown(), "sent", done, all);
            done += batch.len();
            let parcels = self.pack(batch)?;
            self.send_parcels(manner, parcels)?;
        }
        Ok(())
    }

    fn pack(&mut self, batch: Vec<Lacking>) -> Result<Vec<Parcel>, Error> {
        let mut parcels = Vec::with_capacity(batch.len());
        for Lacking { file, .. } in batch {
            self.report.go_on()?;
            let Some(mut opened) = self.site.open_file(&file)? else { continue };
            let digests = self.locals.digests(self.site, &file, &mut opened)?;
            let Some(facts) = self.readable(&file)? else { continue };
            let name = file.name();
            // Durable before anything is sent: if we are killed, what lies there is known to be ours.
            self.known.sending(&name, digests.clone());
            parcels.push(Parcel { file, name, opened, digests, facts });
        }
        self.known.save(self.site)?;
        Ok(parcels)
    }

    fn send_parcels(&mut self, manner: Manner, parcels: Vec<Parcel>) -> Result<(), Error> {
        let names: Vec<String> = parcels.iter().map(|parcel| parcel.name.clone()).collect();
        if names.is_empty() {
            return Ok(());
        }
        let root = self.site.store().layout().root().to_owned();
        let ran = self.remote.send(&self.abilities, &root, &names, manner)?;
        let listing = self.remote.list_hashed(&self.abilities, Which::Only(&names))?;
        let proven_before = self.counts.sent;
        for parcel in parcels {
            self.settle(parcel, &listing, &ran)?;
        }
        self.known.save(self.site)?;
        if !ran.is_ok() {
            if self.counts.sent == proven_before {
                return Err(self.remote.error("send files to", describe(&ran)));
            }
            self.report.log().warn(format_args!("{}: {}", self.remote.shown(), describe(&ran)));
        }
        Ok(())
    }

    /// Says of one file whether it came.
    fn settle(&mut self, parcel: Parcel, listing: &Listing, ran: &Ran) -> Result<(), Error> {
        let Parcel { file, name, opened, mut digests, mut facts } = parcel;
        let Some(listed) = listing.get(&name) else {
            return self.unproven(&file, format!("it is not there although {}", describe(ran)));
        };
        let mut id = opened.id;
        let mut matching = listed.compare(&digests);
        if matching == Match::No
            && let Some(mut now) = self.site.open_file(&file)?
            && now.id != id
            && let Some(newer) = self.readable(&file)?
        {
            // It was replaced while it was sent, so it may be the successor that came.
            digests = self.locals.digests(self.site, &file, &mut now)?;
            (id, facts, matching) = (now.id, newer, listed.compare(&digests));
        }
        let Some(by) = proof(matching) else {
            return self.unproven(&file, listed.difference(&digests));
        };
        self.record(&name, listed, &digests, id.text(), &facts);
        let (bytes, rows) = (Some(digests.bytes), Some(facts.rows));
        self.say(Said { path: &name, state: "sent", bytes, rows, by: Some(by), ..Said::default() }, Verdict::Well)
    }

    fn record(&mut self, name: &str, listed: &Listed, digests: &Digests, local: String, facts: &FileInfo) {
        self.counts.sent += 1;
        self.proven.insert(name.to_owned());
        self.known.prove(name, Proven::new(digests.clone(), listed, local, facts));
    }

    /// Says that it is not known whether a file is there.
    pub(super) fn unproven(&mut self, file: &StoreFile, why: String) -> Result<(), Error> {
        self.counts.unproven += 1;
        let name = file.name();
        self.say(Said { path: &name, state: "unproven", why: Some(why), ..Said::default() }, Verdict::Later)
    }
}

/// The word for what proves a file.
pub(crate) fn proof(matching: Match) -> Option<&'static str> {
    match matching {
        Match::Hash(kind) => Some(kind.name()),
        Match::Size => Some("size"),
        Match::No => None,
    }
}

/// What goes together: new files, then those that replace others.
fn batches(mut lacking: Vec<Lacking>) -> Vec<(Manner, Vec<Lacking>)> {
    let mut batches: Vec<(Manner, Vec<Lacking>)> = Vec::new();
    for manner in [Manner::New, Manner::Replacing, Manner::Mending] {
        let (mut batch, mut bytes) = (Vec::new(), 0_u64);
        for one in lacking.extract_if(.., |one| one.manner == manner) {
            if batch.len() == FILES_MAX || (bytes.saturating_add(one.bytes) > BYTES_MAX && !batch.is_empty()) {
                batches.push((manner, std::mem::take(&mut batch)));
                bytes = 0;
            }
            bytes = bytes.saturating_add(one.bytes);
            batch.push(one);
        }
        if !batch.is_empty() {
            batches.push((manner, batch));
        }
    }
    batches
}
