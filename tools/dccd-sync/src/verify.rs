//! Compares remotes with the store as both are now.

use std::collections::HashSet;
use std::path::Path;

use dccd_cli::Status;
use dccd_store::{Purged, StoreFile, SyncSite};

use crate::digest::Digests;
use crate::error::Error;
use crate::known::Known;
use crate::listing::{Listed, Listing};
use crate::proof::Locals;
use crate::push::proof;
use crate::remote::{Remote, Which};
use crate::report::{Report, Said, Verdict, count};

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    proven: usize,
    different: usize,
    extra: usize,
}

/// Verifies each remote in turn; one that fails does not stop the others.
pub(crate) fn run(data_path: &Path, remotes: Vec<Remote>, report: &mut Report<'_>) -> Result<Status, Error> {
    let site = SyncSite::open(data_path)?;
    let mut locals = Locals::new(report.stop());
    let mut counts = Counts::default();
    for remote in &remotes {
        let mut verify = Verify { site: &site, remote, locals: &mut locals, report, counts: &mut counts };
        match verify.all() {
            Err(error) if error.is_of_remote() => report.fail(&error),
            ended => ended?,
        }
    }
    let Counts { proven, different, extra } = counts;
    let different = if different == 0 { "no difference".to_owned() } else { count(different, "difference") };
    Ok(report.end(&format!("{proven} proven, {different}, {extra} only there, {}", count(remotes.len(), "remote"))))
}

struct Verify<'v, 't> {
    site: &'v SyncSite,
    remote: &'v Remote,
    locals: &'v mut Locals,
    report: &'v mut Report<'t>,
    counts: &'v mut Counts,
}

impl Verify<'_, '_> {
    fn all(&mut self) -> Result<(), Error> {
        let abilities = self.remote.abilities()?;
        let probes = self.site.probes()?;
        let listing = self.remote.list_hashed(&abilities, Which::All)?;
        self.remote.require_apart(&listing, &probes)?;
        drop(probes);
        let known = Known::load(self.site, self.remote)?;
        let files = self.site.files()?;
        let purged = self.site.purged()?;
        let mut ours = HashSet::new();
        for (done, file) in files.iter().enumerate() {
            self.report.go_on()?;
            self.report.progress(self.remote.shown(), "compared", done, files.len());
            ours.insert(file.name());
            self.file(file, listing.get(&file.name()))?;
        }
        for (file, marker) in &purged {
            ours.insert(file.name());
            self.purged(marker, listing.get(&file.name()), &known)?;
        }
        self.extras(&listing, &ours)
    }

    fn file(&mut self, file: &StoreFile, listed: Option<&Listed>) -> Result<(), Error> {
        let Some(mut opened) = self.site.open_file(file)? else { return Ok(()) };
        // What is on the disk now counts, not what was there when it was last read.
        let digests = self.locals.read(self.site, file, &mut opened)?;
        self.judge(&file.name(), listed, &digests)
    }

    fn purged(&mut self, marker: &Purged, listed: Option<&Listed>, known: &Known) -> Result<(), Error> {
        let proven = known.proven(&marker.path).map(|proven| &proven.digests);
        let digests = match proven.filter(|digests| digests.sha256 == marker.sha256) {
            Some(digests) => digests.clone(),
            // Then a file that offers another hash is compared by what comes of reading it.
            None => match listed {
                Some(listed) if listed.bytes == Some(marker.bytes) => {
                    self.remote.read(&marker.path, None, marker.bytes)?
                }
                _ => Digests { bytes: marker.bytes, ..Digests::of(b"") },
            },
        };
        if digests.sha256 != marker.sha256 {
            return match listed {
                Some(_) => {
                    self.different(&marker.path, "differs", Some("it is not the file that was purged".to_owned()))
                }
                None => self.different(&marker.path, "missing", None),
            };
        }
        self.judge(&marker.path, listed, &digests)
    }

    fn judge(&mut self, name: &str, listed: Option<&Listed>, digests: &Digests) -> Result<(), Error> {
        let Some(listed) = listed else { return self.different(name, "missing", None) };
        let Some(by) = proof(listed.compare(digests)) else {
            return self.different(name, "differs", Some(listed.difference(digests)));
        };
        self.counts.proven += 1;
        let said = Said { path: name, state: "proven", bytes: Some(digests.bytes), by: Some(by), ..Said::default() };
        self.say(said, Verdict::Well)
    }

    fn different(&mut self, name: &str, state: &'static str, why: Option<String>) -> Result<(), Error> {
        self.counts.different += 1;
        self.say(Said { path: name, state, why, ..Said::default() }, Verdict::No)
    }

    /// Files of a store that are only there.
    fn extras(&mut self, listing: &Listing, ours: &HashSet<String>) -> Result<(), Error> {
        let is_extra = |name: &&String| StoreFile::parse(name).is_some() && !ours.contains(*name);
        let mut extras: Vec<&String> = listing.keys().filter(is_extra).collect();
        extras.sort_unstable();
        for name in extras {
            self.counts.extra += 1;
            let bytes = listing.get(name).and_then(|listed| listed.bytes);
            self.say(Said { path: name, state: "extra", bytes, ..Said::default() }, Verdict::Well)?;
        }
        Ok(())
    }

    fn say(&mut self, said: Said<'_>, verdict: Verdict) -> Result<(), Error> {
        self.report.say(Said { remote: self.remote.shown(), ..said }, verdict)
    }
}
