//! Brings files back that were purged, or all of them to a new place.
//!
//! A file that is here already loses no row: where the one of the remote has others, both are joined. What a remote's
//! ledger claims is learnt only of the periods whose file came from there or is the same.

use std::collections::HashMap;
use std::path::Path;

use dccd_cli::Status;
use dccd_record::Dataset;
use dccd_store::table::Numbers;
use dccd_store::{Period, Picture, Purged, Restored, StoreError, StoreFile, StoreOptions, SyncSite};

use crate::args::{Filter, Way};
use crate::cover::read;
use crate::digest::Digests;
use crate::error::Error;
use crate::known::{Known, Proven};
use crate::listing::{Listed, Listing, Match};
use crate::proof::{Facts, Locals};
use crate::push::proof;
use crate::remote::{Abilities, FREE_BYTES_MIN, REPLACED, Remote, Which};
use crate::report::{Report, Said, Verdict, count};

const PROGRAM: &str = concat!("dccd-sync ", env!("CARGO_PKG_VERSION"));
/// Files that are looked at together.
const FILES_MAX: usize = 100;
/// Ledgers that are fetched together.
const LEDGERS_MAX: usize = 200;

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    restored: usize,
    joined: usize,
    same: usize,
    failed: usize,
}

/// Restores from each remote in turn; one that fails does not stop the others.
pub(crate) fn run(
    data_path: &Path,
    remotes: Vec<Remote>,
    wanted: &Filter,
    report: &mut Report<'_>,
) -> Result<Status, Error> {
    let mut counts = Counts::default();
    let mut locals = Locals::new(report.stop());
    let Some(site) = open(data_path, &remotes, wanted.way)? else {
        return tell_all(&remotes, wanted, report);
    };
    for remote in &remotes {
        let restored = Restore::begin(&site, remote, &mut locals, report, wanted, &mut counts);
        match restored.and_then(|mut restore| restore.all()) {
            Err(error) if error.is_of_remote() => report.fail(&error),
            ended => ended?,
        }
    }
    let Counts { restored, joined, same, failed } = counts;
    let did = if wanted.way == Way::DryRun { "would come" } else { "restored" };
    Ok(report.end(&format!("{} {did}, {joined} joined, {same} were here, {failed} failed", count(restored, "file"))))
}

/// The store; a new one has numbers as the remote's, and none is made only to say what would come.
fn open(data_path: &Path, remotes: &[Remote], way: Way) -> Result<Option<SyncSite>, Error> {
    if data_path.is_dir() {
        let site = SyncSite::open(data_path)?;
        // An empty folder, such as the place of a mount, is no store yet.
        if way == Way::DryRun || site.marker()?.is_some() || !site.files()?.is_empty() {
            return Ok(Some(site));
        }
    } else if way == Way::DryRun {
        return Ok(None);
    }
    let mut options = StoreOptions::AsItIs;
    let marker = [SyncSite::marker_name()];
    for remote in remotes {
        if !remote.list_quick(&Abilities::default(), Which::Only(&marker))?.is_empty() {
            options = StoreOptions::Decimal;
        }
    }
    Ok(Some(SyncSite::create(data_path, options)?))
}

/// Says what would come to a place where nothing is.
fn tell_all(remotes: &[Remote], wanted: &Filter, report: &mut Report<'_>) -> Result<Status, Error> {
    let mut lacking = 0;
    for remote in remotes {
        let listing = remote.list_quick(&Abilities::default(), Which::All)?;
        for (file, listed) in wanted_files(&listing, wanted) {
            lacking += 1;
            let (name, bytes) = (file.name(), listed.bytes);
            let said = Said { remote: remote.shown(), path: &name, state: "lacking", bytes, ..Said::default() };
            report.say(said, Verdict::Well)?;
        }
    }
    Ok(report.end(&format!("{} would come", count(lacking, "file"))))
}

/// The data files of a listing that are meant, in order.
fn wanted_files<'a>(listing: &'a Listing, wanted: &Filter) -> Vec<(StoreFile, &'a Listed)> {
    let parsed = listing.iter().filter_map(|(name, listed)| Some((StoreFile::parse(name)?, listed)));
    let mut files: Vec<(StoreFile, &Listed)> = parsed.filter(|(file, _)| wanted.accepts(file)).collect();
    files.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
    files
}

struct Restore<'r, 't> {
    site: &'r SyncSite,
    remote: &'r Remote,
    abilities: Abilities,
    known: Known,
    locals: &'r mut Locals,
    report: &'r mut Report<'t>,
    wanted: &'r Filter,
    counts: &'r mut Counts,
    markers: HashMap<String, Purged>,
    /// What pushes replaced, by its name there.
    replaced: Listing,
    /// The periods of which all that the remote has is here.
    here: HashMap<Dataset, Vec<Period>>,
}

impl<'r, 't> Restore<'r, 't> {
    fn begin(
        site: &'r SyncSite,
        remote: &'r Remote,
        locals: &'r mut Locals,
        report: &'r mut Report<'t>,
        wanted: &'r Filter,
        counts: &'r mut Counts,
    ) -> Result<Restore<'r, 't>, Error> {
        let abilities = remote.abilities()?;
        let known = Known::load(site, remote)?;
        locals.learn(&known);
        let markers = site.purged()?.into_iter().map(|(file, marker)| (file.name(), marker)).collect();
        let (here, replaced) = (HashMap::new(), Listing::new());
        Ok(Restore { site, remote, abilities, known, locals, report, wanted, counts, markers, replaced, here })
    }

    fn all(&mut self) -> Result<(), Error> {
        let probes = self.site.probes()?;
        let listing = self.remote.list_quick(&self.abilities, Which::All)?;
        self.remote.require_apart(&listing, &probes)?;
        drop(probes);
        let is_of_decimals = listing.contains_key(&SyncSite::marker_name());
        if self.wanted.way == Way::Earnest && is_of_decimals && self.site.marker()?.is_none() {
            return Err(self.remote.of_other_numbers(Numbers::Float));
        }
        let replaced = listing.iter().filter(|(name, _)| name.starts_with(REPLACED));
        self.replaced = replaced.map(|(name, listed)| (name.clone(), listed.clone())).collect();
        let files = wanted_files(&listing, self.wanted);
        for (done, batch) in files.chunks(FILES_MAX).enumerate() {
            self.report.progress(self.remote.shown(), "looked at", done * FILES_MAX, files.len());
            self.batch(batch)?;
        }
        if self.wanted.way == Way::Earnest { self.learn(&listing) } else { Ok(()) }
    }

    /// Asks for hashes only of what may have to come.
    fn batch(&mut self, files: &[(StoreFile, &Listed)]) -> Result<(), Error> {
        let mut wanted = Vec::new();
        for (file, listed) in files {
            self.report.go_on()?;
            if self.is_here(file, listed)? {
                self.here(file);
            } else {
                wanted.push((file, *listed));
            }
        }
        let names: Vec<String> =
            wanted.iter().filter(|(_, listed)| !listed.has_hash()).map(|(file, _)| file.name()).collect();
        let hashed = if self.abilities.hashes.is_empty() {
            Listing::new()
        } else {
            self.remote.list_hashed(&self.abilities, Which::Only(&names))?
        };
        for (file, quick) in wanted {
            self.report.go_on()?;
            let listed = hashed.get(&file.name()).unwrap_or(quick);
            if self.is_here(file, listed)? {
                self.here(file);
            } else if self.bring(file, listed)? {
                self.here.entry(file.dataset.clone()).or_default().push(file.period);
            }
        }
        if self.wanted.way == Way::Earnest { self.known.save(self.site) } else { Ok(()) }
    }

    fn here(&mut self, file: &StoreFile) {
        self.counts.same += 1;
        self.here.entry(file.dataset.clone()).or_default().push(file.period);
    }

    /// Whether all that the remote has of a file is here afterwards.
    fn bring(&mut self, file: &StoreFile, listed: &Listed) -> Result<bool, Error> {
        let name = file.name();
        if self.wanted.way == Way::DryRun {
            self.counts.restored += 1;
            let said = Said { path: &name, state: "lacking", bytes: listed.bytes, ..Said::default() };
            return self.say(said, Verdict::Well).map(|()| false);
        }
        let why = match self.come(file, &name, listed)? {
            Ok((restored, by, came)) => {
                if matches!(restored, Restored::New { .. }) {
                    self.remember(file, listed, came)?;
                }
                return self.came(&name, listed, restored, by, None).map(|()| true);
            }
            Err(why) => why,
        };
        // A push that died with its host may have left half a file, and beside it the one that it replaced.
        let older = format!("{REPLACED}/{name}");
        if let Some(listed) = self.replaced.get(&older).cloned()
            && let Ok((restored, by, _)) = self.come(file, &older, &listed)?
        {
            let why = format!("{why}; this is what it had replaced");
            return self.came(&name, &listed, restored, by, Some(why)).map(|()| false);
        }
        self.counts.failed += 1;
        let said = Said { path: &name, state: "failed", why: Some(why), ..Said::default() };
        self.say(said, Verdict::No).map(|()| false)
    }

    /// Says what came of a file; with a reason, somebody has to look.
    fn came(
        &mut self,
        name: &str,
        listed: &Listed,
        restored: Restored,
        by: &'static str,
        why: Option<String>,
    ) -> Result<(), Error> {
        let (state, rows, counted) = match restored {
            Restored::New { rows } => ("restored", rows, &mut self.counts.restored),
            Restored::Merged { rows, .. } => ("joined", rows, &mut self.counts.joined),
            Restored::Same { rows } => ("here", rows, &mut self.counts.same),
        };
        *counted += 1;
        let verdict = if why.is_some() { Verdict::No } else { Verdict::Well };
        let (bytes, rows) = (listed.bytes, Some(rows));
        self.say(Said { path: name, state, bytes, rows, by: Some(by), why, ..Said::default() }, verdict)
    }

    /// Reads a file that the remote has at `place` and puts it where it belongs, or says why not.
    fn come(
        &self,
        file: &StoreFile,
        place: &str,
        listed: &Listed,
    ) -> Result<Result<(Restored, &'static str, Digests), String>, Error> {
        let Some(bytes) = listed.bytes else { return Ok(Err("the remote does not tell its size".to_owned())) };
        let free = self.site.free_bytes()?;
        if bytes.saturating_add(FREE_BYTES_MIN) > free {
            return Err(Error::NoRoom { path: place.to_owned(), bytes, free });
        }
        let part = self.site.part(file)?;
        let came = self.remote.read(place, Some(&part), bytes);
        let joined = came.and_then(|came| Ok((self.join(file, listed, &came, &part)?, came)));
        let _ = std::fs::remove_file(&part);
        let (joined, came) = joined?;
        Ok(joined.map(|(restored, by)| (restored, by, came)))
    }

    /// What came is what is there: neither is read again.
    fn remember(&mut self, file: &StoreFile, listed: &Listed, came: Digests) -> Result<(), Error> {
        if let (Some(opened), Facts::Readable(facts)) = (self.site.open_file(file)?, Facts::of(self.site, file)?)
            && opened.id.bytes() == came.bytes
        {
            self.known.prove(&file.name(), Proven::new(came, listed, opened.id.text(), &facts));
        }
        Ok(())
    }

    /// Puts what came in its place, if it is what it should be; otherwise says why not.
    fn join(
        &self,
        file: &StoreFile,
        listed: &Listed,
        came: &Digests,
        part: &Path,
    ) -> Result<Result<(Restored, &'static str), String>, Error> {
        let Some(by) = proof(listed.compare(came)) else {
            return Ok(Err("what came is not what is listed there".to_owned()));
        };
        let marker = self.markers.get(&file.name());
        let is_marked = marker.is_some_and(|marker| marker.sha256 == came.sha256);
        let rows = marker.filter(|_| !is_marked).map(|marker| marker.rows);
        match self.site.bring_back(file, part, rows.unwrap_or(0), PROGRAM) {
            Ok(restored) => Ok(Ok((restored, if is_marked { "sha256" } else { by }))),
            Err(StoreError::Table(dccd_store::table::TableError::Unreadable { why, .. })) => Ok(Err(why)),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether the file here holds all of the one there, as far as that is known without reading the one there.
    fn is_here(&mut self, file: &StoreFile, listed: &Listed) -> Result<bool, Error> {
        let Some(mut opened) = self.site.open_file(file)? else { return Ok(false) };
        let name = file.name();
        let proven = self.known.proven(&name).filter(|proven| proven.local == opened.id.text());
        if proven.is_some_and(|proven| proven.is_listed_as(listed)) {
            return Ok(true);
        }
        let digests = self.locals.digests(self.site, file, &mut opened)?;
        Ok(matches!(listed.compare(&digests), Match::Hash(_)))
    }

    /// Learns what the remote knows of the periods whose files are here.
    fn learn(&mut self, listing: &Listing) -> Result<(), Error> {
        let mut datasets: Vec<(&Dataset, &Vec<Period>)> =
            self.here.iter().filter(|(dataset, _)| listing.contains_key(&Picture::name(dataset))).collect();
        datasets.sort_unstable();
        for batch in datasets.chunks(LEDGERS_MAX) {
            self.report.go_on()?;
            let stage = self.site.stage()?;
            let names: Vec<String> = batch.iter().map(|(dataset, _)| Picture::name(dataset)).collect();
            self.remote.fetch(&stage, &names)?;
            let hashed = self.remote.list_hashed(&self.abilities, Which::Only(&names))?;
            for ((dataset, periods), name) in batch.iter().zip(&names) {
                let Some(content) = read(&stage.join(name))? else { continue };
                let is_whole =
                    hashed.get(name).is_some_and(|listed| proof(listed.compare(&Digests::of(&content))).is_some());
                if is_whole {
                    self.site.learn(dataset, &content, periods)?;
                } else {
                    let shown = self.remote.shown();
                    let log = self.report.log();
                    log.warn(format_args!("{shown}: {name} did not come whole; what it knows will be asked for again"));
                }
            }
        }
        Ok(())
    }

    fn say(&mut self, said: Said<'_>, verdict: Verdict) -> Result<(), Error> {
        self.report.say(Said { remote: self.remote.shown(), ..said }, verdict)
    }
}
