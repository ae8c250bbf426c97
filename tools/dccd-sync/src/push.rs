//! Sends what remotes lack, and proves what they have.
//!
//! A file of a remote is replaced only if it is known to be ours, or if all its rows are in the one that takes its
//! place; anything else is a conflict, and stays.

mod compare;
mod send;

pub(crate) use send::proof;

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use dccd_cli::Status;
use dccd_record::Dataset;
use dccd_store::table::Numbers;
use dccd_store::{Period, StoreFile, SyncSite};
use serde::Serialize;

use crate::args::Way;
use crate::error::Error;
use crate::known::Known;
use crate::listing::Listing;
use crate::proof::Locals;
use crate::remote::{Abilities, Manner, Remote, Which};
use crate::report::{Report, Said, Verdict, count};

/// What was done, for the last word.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) proven: usize,
    pub(crate) sent: usize,
    pub(crate) lacking: usize,
    pub(crate) unproven: usize,
    pub(crate) conflicts: usize,
    /// Purged files that a remote has no longer.
    pub(crate) missing: usize,
}

/// A file that a remote lacks.
pub(crate) struct Lacking {
    pub(crate) file: StoreFile,
    pub(crate) manner: Manner,
    pub(crate) bytes: u64,
}

/// One remote that is brought up to date.
pub(crate) struct Push<'p, 't> {
    pub(crate) site: &'p SyncSite,
    pub(crate) remote: &'p Remote,
    pub(crate) abilities: Abilities,
    pub(crate) known: Known,
    pub(crate) locals: &'p mut Locals,
    pub(crate) report: &'p mut Report<'t>,
    pub(crate) way: Way,
    pub(crate) counts: Counts,
    /// The names of files that are there as they are here.
    pub(crate) proven: HashSet<String>,
}

/// What users of dccd know.
#[derive(Serialize)]
struct LastSync<'a> {
    last_sync_at: f64,
    remotes: Vec<&'a str>,
}

/// Pushes to each remote in turn; one that fails does not stop the others.
pub(crate) fn run(data_path: &Path, remotes: Vec<Remote>, way: Way, report: &mut Report<'_>) -> Result<Status, Error> {
    let site = SyncSite::open(data_path)?;
    let mut counts = Counts::default();
    let mut locals = Locals::new(report.stop());
    for remote in &remotes {
        match Push::begin(&site, remote, &mut locals, report, way).and_then(|push| push.all()) {
            Ok(done) => counts.add(done),
            Err(error) if error.is_of_remote() => report.fail(&error),
            Err(error) => return Err(error),
        }
    }
    if way == Way::Earnest && report.is_well() {
        let last_sync_at = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64());
        let remotes = remotes.iter().map(Remote::shown).collect();
        let content =
            serde_json::to_vec(&LastSync { last_sync_at, remotes }).expect("a number and names can be written");
        site.keep_last_sync(&content)?;
    }
    Ok(report.end(&counts.sentence(way, remotes.len())))
}

impl<'p, 't> Push<'p, 't> {
    fn begin(
        site: &'p SyncSite,
        remote: &'p Remote,
        locals: &'p mut Locals,
        report: &'p mut Report<'t>,
        way: Way,
    ) -> Result<Push<'p, 't>, Error> {
        let known = Known::load(site, remote)?;
        locals.learn(&known);
        let abilities = remote.abilities()?;
        let (counts, proven) = (Counts::default(), HashSet::new());
        Ok(Push { site, remote, abilities, known, locals, report, way, counts, proven })
    }

    fn all(mut self) -> Result<Counts, Error> {
        // What is claimed is looked at before what proves it.
        let picture = self.site.picture()?;
        let files = self.site.files()?;
        let probes = self.site.probes()?;
        let listing = self.remote.list_quick(&self.abilities, Which::All)?;
        self.remote.require_apart(&listing, &probes)?;
        drop(probes);
        if self.site.marker()?.is_none() && listing.contains_key(&SyncSite::marker_name()) {
            return Err(self.remote.of_other_numbers(Numbers::Float));
        }
        self.mark(&listing)?;
        let lacking = self.compare(&files, &listing)?;
        match self.way {
            Way::DryRun => self.tell(&lacking)?,
            Way::Earnest => {
                self.known.save(self.site)?;
                self.send(lacking)?;
            }
        }
        let purged = self.lost(&listing)?;
        let unproven = self.unproven_periods(files.into_iter().chain(purged));
        self.cover(&picture, &unproven, &listing)?;
        Ok(self.counts)
    }

    /// Says what would be sent.
    fn tell(&mut self, lacking: &[Lacking]) -> Result<(), Error> {
        for Lacking { file, bytes, .. } in lacking {
            self.counts.lacking += 1;
            let name = file.name();
            self.say(Said { path: &name, state: "lacking", bytes: Some(*bytes), ..Said::default() }, Verdict::Well)?;
        }
        Ok(())
    }

    /// The periods of which the remote has not all that is here.
    fn unproven_periods(&self, files: impl Iterator<Item = StoreFile>) -> HashMap<Dataset, Vec<Period>> {
        let mut unproven: HashMap<Dataset, Vec<Period>> = HashMap::new();
        for file in files.filter(|file| !self.proven.contains(&file.name())) {
            unproven.entry(file.dataset).or_default().push(file.period);
        }
        unproven
    }

    /// The purged files that the remote lacks. One that it had when it was purged is missed.
    fn lost(&mut self, listing: &Listing) -> Result<Vec<StoreFile>, Error> {
        let mut lost = Vec::new();
        for (file, marker) in self.site.purged()?.into_iter().filter(|(file, _)| !listing.contains_key(&file.name())) {
            if marker.remotes.iter().any(|remote| remote == self.remote.shown()) {
                self.counts.missing += 1;
                let why = "it was purged here as it was there; look for it on other remotes".to_owned();
                let said = Said { path: &marker.path, state: "missing", why: Some(why), ..Said::default() };
                self.say(said, Verdict::No)?;
            }
            lost.push(file);
        }
        Ok(lost)
    }

    pub(crate) fn say(&mut self, said: Said<'_>, verdict: Verdict) -> Result<(), Error> {
        self.report.say(Said { remote: self.remote.shown(), ..said }, verdict)
    }
}

impl Counts {
    fn add(&mut self, other: Counts) {
        self.proven += other.proven;
        self.sent += other.sent;
        self.lacking += other.lacking;
        self.unproven += other.unproven;
        self.conflicts += other.conflicts;
        self.missing += other.missing;
    }

    fn sentence(self, way: Way, remotes: usize) -> String {
        let did = match way {
            Way::Earnest => format!("{} sent", count(self.sent, "file")),
            Way::DryRun => format!("{} would be sent", count(self.lacking, "file")),
        };
        let missing = if self.missing == 0 { String::new() } else { format!(", {} missing", self.missing) };
        format!(
            "{did}, {} already there, {} not proven, {}{missing}, {}",
            self.proven,
            self.unproven,
            count(self.conflicts, "conflict"),
            count(remotes, "remote")
        )
    }
}
