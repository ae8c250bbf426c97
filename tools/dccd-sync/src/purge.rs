//! Makes room: the oldest files go, if every remote is proven to have them now.

use std::collections::HashSet;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use dccd_cli::Status;
use dccd_record::Ts;
use dccd_store::{Opened, PurgeOutcome, StoreFile, SyncSite};

use crate::args::{Room, Way};
use crate::digest::Digests;
use crate::error::Error;
use crate::listing::{Listing, Match};
use crate::proof::Locals;
use crate::push::proof;
use crate::remote::{Abilities, Remote, Which};
use crate::report::{Report, Said, Verdict, count};

/// Files that are proven together, right before they go.
const FILES_MAX: usize = 25;
const GIB: f64 = 1_073_741_824.0;

/// Purges until there is room; anything wrong with a remote, and nothing goes.
pub(crate) fn run(
    data_path: &Path,
    remotes: Vec<Remote>,
    wanted: Room,
    report: &mut Report<'_>,
) -> Result<Status, Error> {
    let site = SyncSite::open(data_path)?;
    let free = site.free_bytes()?;
    if free >= wanted.free_bytes {
        return Ok(report.end(&format!(
            "{} GiB are free, {} are wanted: nothing to purge",
            gib(free),
            gib(wanted.free_bytes)
        )));
    }
    let mut places = Vec::new();
    for remote in remotes {
        let abilities = remote.abilities()?;
        places.push(Place { remote, abilities });
    }
    let closed = site.closed_files(now())?;
    let waiting = site.waiting()?;
    let locals = Locals::new(report.stop());
    let mut purge = Purge { site: &site, places, wanted, locals, report, waiting, free, purged: 0, kept: 0, bytes: 0 };
    // Who cannot be asked is known before anything is read.
    purge.listings(&[])?;
    for batch in closed.chunks(FILES_MAX) {
        if !purge.is_done()? {
            purge.batch(batch)?;
        }
    }
    purge.end()
}

struct Place {
    remote: Remote,
    abilities: Abilities,
}

/// A file that is about to go.
struct Candidate {
    file: StoreFile,
    opened: Opened,
    digests: Digests,
}

struct Purge<'p, 't> {
    site: &'p SyncSite,
    places: Vec<Place>,
    wanted: Room,
    locals: Locals,
    report: &'p mut Report<'t>,
    /// Files for which rows wait in a journal.
    waiting: HashSet<StoreFile>,
    /// Bytes that were free at the start.
    free: u64,
    purged: usize,
    kept: usize,
    bytes: u64,
}

impl Purge<'_, '_> {
    /// Whether there is room. Where snapshots keep what was removed, no more goes than should have been enough.
    fn is_done(&self) -> Result<bool, Error> {
        let is_enough = |free: u64| free >= self.wanted.free_bytes;
        let made = self.free.saturating_add(self.bytes);
        Ok(is_enough(made) || (self.wanted.way == Way::Earnest && is_enough(self.site.free_bytes()?)))
    }

    fn batch(&mut self, files: &[StoreFile]) -> Result<(), Error> {
        let mut candidates = Vec::new();
        let mut bytes = 0_u64;
        for file in files {
            self.report.go_on()?;
            // No more is read than has to go.
            if self.free.saturating_add(self.bytes).saturating_add(bytes) >= self.wanted.free_bytes {
                break;
            }
            if self.waiting.contains(file) {
                self.keep(&file.name(), &self.remotes(), "rows for it wait in a journal".to_owned())?;
                continue;
            }
            let Some(mut opened) = self.site.open_file(file)? else { continue };
            let digests = self.locals.read(self.site, file, &mut opened)?;
            bytes = bytes.saturating_add(digests.bytes);
            candidates.push(Candidate { file: file.clone(), opened, digests });
        }
        let listings = self.listings(&candidates)?;
        let all = candidates.len();
        for (done, candidate) in candidates.into_iter().enumerate() {
            self.report.go_on()?;
            self.report.progress("files", "looked at", done, all);
            self.one(candidate, &listings)?;
        }
        Ok(())
    }

    /// What each remote has of these files now. A folder that is also a remote's has a copy of everything, and must
    /// not lose it.
    fn listings(&self, candidates: &[Candidate]) -> Result<Vec<Listing>, Error> {
        let probes = self.site.probes_of(candidates.iter().map(|candidate| &candidate.file.dataset))?;
        let mut names: Vec<String> = candidates.iter().map(|candidate| candidate.file.name()).collect();
        names.extend_from_slice(probes.names());
        let mut listings = Vec::new();
        for place in &self.places {
            let listing = place.remote.list_hashed(&place.abilities, Which::Only(&names))?;
            place.remote.require_apart(&listing, &probes)?;
            listings.push(listing);
        }
        Ok(listings)
    }

    fn one(&mut self, candidate: Candidate, listings: &[Listing]) -> Result<(), Error> {
        let Candidate { file, opened, digests } = candidate;
        let name = file.name();
        let mut by = "bytes";
        for (place, listing) in self.places.iter().zip(listings) {
            match prove(place, &name, &digests, listing, self.wanted.reads_back)? {
                Ok(word) => by = word,
                Err(why) => {
                    let remote = place.remote.shown().to_owned();
                    return self.keep(&name, &remote, why);
                }
            }
        }
        let remotes = self.remotes();
        let mut said =
            Said { remote: &remotes, path: &name, bytes: Some(digests.bytes), by: Some(by), ..Said::default() };
        match self.wanted.way {
            Way::DryRun => said.state = "purgeable",
            Way::Earnest => match self.site.purge(&file, opened.id, &digests.sha256, &self.names())? {
                PurgeOutcome::Purged(marker) => {
                    said.state = "purged";
                    said.rows = Some(marker.rows);
                }
                PurgeOutcome::Kept(why) => return self.keep(&name, &remotes, why.to_string()),
            },
        }
        self.purged += 1;
        self.bytes = self.bytes.saturating_add(digests.bytes);
        self.report.say(said, Verdict::Well)
    }

    fn names(&self) -> Vec<String> {
        self.places.iter().map(|place| place.remote.shown().to_owned()).collect()
    }

    fn remotes(&self) -> String {
        self.names().join(", ")
    }

    fn keep(&mut self, name: &str, remote: &str, why: String) -> Result<(), Error> {
        self.kept += 1;
        self.report.say(Said { remote, path: name, state: "kept", why: Some(why), ..Said::default() }, Verdict::Well)
    }

    fn end(self) -> Result<Status, Error> {
        let is_done = self.is_done()?;
        let what = if self.wanted.way == Way::DryRun { "would be purged" } else { "purged" };
        let Purge { report, purged, kept, bytes, wanted, .. } = self;
        let mut sentence = format!("{} {what}, {} GiB, {kept} kept", count(purged, "file"), gib(bytes));
        if !is_done {
            sentence += &format!(
                "; still less than {} GiB are free, and nothing else may go: only closed days and years that every \
                 remote has do (dccd-sync push sends them)",
                gib(wanted.free_bytes)
            );
            report.judge(Verdict::No);
        }
        Ok(report.end(&sentence))
    }
}

/// What proves that a remote has these very bytes now, or why that is not so.
fn prove(
    place: &Place,
    name: &str,
    digests: &Digests,
    listing: &Listing,
    reads_back: bool,
) -> Result<Result<&'static str, String>, Error> {
    let Some(listed) = listing.get(name) else { return Ok(Err("it is not there; push it first".to_owned())) };
    let matching = listed.compare(digests);
    match (matching, reads_back) {
        (Match::No, _) => Ok(Err(listed.difference(digests))),
        (Match::Hash(_), false) => Ok(proof(matching).ok_or_else(String::new)),
        (Match::Hash(_) | Match::Size, _) => {
            let came = place.remote.read(name, None, digests.bytes)?;
            Ok(if came == *digests { Ok("bytes") } else { Err("its bytes differ there".to_owned()) })
        }
    }
}

fn now() -> Ts {
    let nanos = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
    i64::try_from(nanos).ok().and_then(|nanos| Ts::from_nanos(nanos).ok()).unwrap_or(Ts::MIN)
}

#[expect(clippy::cast_precision_loss, reason = "two digits are shown")]
fn gib(bytes: u64) -> String {
    format!("{:.2}", bytes as f64 / GIB)
}
