//! What is remembered of a remote: what we put there and proved.
//!
//! Only by this a file of ours that grew is told from a file of somebody else, so a file that is about to be sent is
//! noted before: if we are killed, what lies there then is ours too.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use dccd_record::Ts;
use dccd_store::SyncSite;
use dccd_store::table::FileInfo;
use serde::{Deserialize, Serialize};

use crate::digest::Digests;
use crate::error::Error;
use crate::listing::{Listed, Match};
use crate::remote::Remote;

/// Superfluous lines that are kept before all are written anew.
const STALE_LINES_MAX: usize = 10_000;

/// What we know of one remote.
#[derive(Debug)]
pub(crate) struct Known {
    name: String,
    files: BTreeMap<String, Entry>,
    /// What the file does not say yet.
    changed: BTreeSet<String>,
    /// Whether the file is to be written anew rather than added to.
    is_stale: bool,
}

/// One line: what is known of a file. A later one takes its place.
#[derive(Serialize, Deserialize)]
struct Line<'a> {
    path: Cow<'a, str>,
    #[serde(flatten)]
    entry: Cow<'a, Entry>,
}

/// What we know of one of its files.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// What was there when we last looked, and was ours.
    pub(crate) proven: Option<Proven>,
    /// What we began to send and did not prove.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sending: Option<Digests>,
    /// The file of the store once held less than what is there, so that it may be no successor however it grows.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(crate) is_doubted: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_false(is: &bool) -> bool {
    !is
}

/// A file of ours on a remote.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Proven {
    pub(crate) digests: Digests,
    /// When it was changed, as the remote tells it; empty if it was not asked.
    pub(crate) modified: String,
    /// The file of the store that it is a copy of.
    pub(crate) local: String,
    #[serde(default)]
    pub(crate) rows: u64,
    #[serde(default)]
    pub(crate) first: Option<i64>,
    #[serde(default)]
    pub(crate) last: Option<i64>,
}

impl Proven {
    pub(crate) fn new(digests: Digests, listed: &Listed, local: String, facts: &FileInfo) -> Proven {
        Proven {
            digests,
            modified: listed.modified.clone(),
            local,
            rows: facts.rows,
            first: facts.first.map(Ts::nanos),
            last: facts.last.map(Ts::nanos),
        }
    }

    /// Whether a file that is listed is still this one: by its hash, or else by size and time.
    pub(crate) fn is_listed_as(&self, listed: &Listed) -> bool {
        match listed.compare(&self.digests) {
            Match::Hash(_) => true,
            Match::Size => !listed.modified.is_empty() && listed.modified == self.modified,
            Match::No => false,
        }
    }

    /// Whether a file of the store holds less, so that it cannot be its successor.
    pub(crate) fn is_more_than(&self, facts: &FileInfo) -> bool {
        let is_before = |a: Option<i64>, b: Option<Ts>| a.is_some_and(|a| b.is_none_or(|b| a < b.nanos()));
        let is_after = |a: Option<i64>, b: Option<Ts>| a.is_some_and(|a| b.is_none_or(|b| a > b.nanos()));
        self.rows > facts.rows || is_before(self.first, facts.first) || is_after(self.last, facts.last)
    }
}

impl Known {
    /// What was remembered of a remote. What cannot be read is forgotten: then what is there is compared anew.
    pub(crate) fn load(site: &SyncSite, remote: &Remote) -> Result<Known, Error> {
        let id = Digests::of(remote.name().as_bytes()).sha256;
        let name = format!("known-{}.ndjson", id.get(..16).unwrap_or_default());
        let content = site.state(&name)?.unwrap_or_default();
        let (mut files, mut lines) = (BTreeMap::new(), 0);
        for line in content.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            lines += 1;
            if let Ok(Line { path, entry }) = serde_json::from_slice(line) {
                files.insert(path.into_owned(), entry.into_owned());
            }
        }
        let is_stale = lines > files.len() + STALE_LINES_MAX;
        Ok(Known { name, files, changed: BTreeSet::new(), is_stale })
    }

    /// Where it is remembered.
    pub(crate) fn path(&self, site: &SyncSite) -> PathBuf {
        site.state_path(&self.name)
    }

    /// Makes durable what changed.
    pub(crate) fn save(&mut self, site: &SyncSite) -> Result<(), Error> {
        let changed = std::mem::take(&mut self.changed);
        if self.is_stale {
            self.is_stale = false;
            return Ok(site.keep_state(&self.name, &lines(&self.files))?);
        }
        if changed.is_empty() {
            return Ok(());
        }
        let entries = changed.into_iter().filter_map(|path| Some((path.clone(), self.files.get(&path)?.clone())));
        // A line that was torn by a crash must not spoil the next one.
        let mut content = vec![b'\n'];
        content.extend(lines(&entries.collect()));
        Ok(site.add_state(&self.name, &content)?)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Entry> {
        self.files.get(name)
    }

    pub(crate) fn proven(&self, name: &str) -> Option<&Proven> {
        self.get(name)?.proven.as_ref()
    }

    pub(crate) fn sending(&mut self, name: &str, digests: Digests) {
        self.files.entry(name.to_owned()).or_default().sending = Some(digests);
        self.changed.insert(name.to_owned());
    }

    /// From now on a file that is there goes only if all its rows are in its successor.
    pub(crate) fn doubt(&mut self, name: &str) {
        self.files.entry(name.to_owned()).or_default().is_doubted = true;
        self.changed.insert(name.to_owned());
    }

    pub(crate) fn prove(&mut self, name: &str, proven: Proven) {
        self.files.insert(name.to_owned(), Entry { proven: Some(proven), ..Entry::default() });
        self.changed.insert(name.to_owned());
    }

    /// Whether anything there was ever known to be ours.
    pub(crate) fn has_proven(&self) -> bool {
        self.iter().next().is_some()
    }

    /// Every file of ours there, with what it was here.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Proven)> {
        self.files.iter().filter_map(|(name, entry)| Some((name.as_str(), entry.proven.as_ref()?)))
    }
}

fn lines(files: &BTreeMap<String, Entry>) -> Vec<u8> {
    let mut content = Vec::new();
    for (path, entry) in files {
        let line = Line { path: Cow::Borrowed(path), entry: Cow::Borrowed(entry) };
        serde_json::to_writer(&mut content, &line).expect("text and numbers can be written");
        content.push(b'\n');
    }
    content
}

#[cfg(test)]
mod tests;
