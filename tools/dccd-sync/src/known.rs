//! What is remembered of a remote: what we put there and proved.
//!
//! Only by this a file of ours that grew is told from a file of somebody else, so a file that is about to be sent is
//! noted before: if we are killed, what lies there then is ours too.

use std::collections::BTreeMap;
use std::path::PathBuf;

use dccd_record::Ts;
use dccd_store::SyncSite;
use dccd_store::table::FileInfo;
use serde::{Deserialize, Serialize};

use crate::digest::Digests;
use crate::error::Error;
use crate::listing::{Listed, Match};
use crate::remote::Remote;

/// What we know of one remote.
#[derive(Debug)]
pub(crate) struct Known {
    name: String,
    book: Book,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Book {
    /// For people; which remote it is, the name of the file says.
    remote: String,
    files: BTreeMap<String, Entry>,
}

/// What we know of one of its files.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// What was there when we last looked, and was ours.
    pub(crate) proven: Option<Proven>,
    /// What we began to send and did not prove.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sending: Option<Digests>,
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
    /// What was remembered of a remote. What cannot be read is forgotten: then all there is compared anew.
    pub(crate) fn load(site: &SyncSite, remote: &Remote) -> Result<Known, Error> {
        let name = format!("known-{}.json", Digests::of(remote.name().as_bytes()).sha256.get(..16).unwrap_or_default());
        let content = site.state(&name)?.unwrap_or_default();
        let mut book: Book = serde_json::from_slice(&content).unwrap_or_default();
        book.remote = remote.shown().to_owned();
        Ok(Known { name, book })
    }

    /// Where it is remembered.
    pub(crate) fn path(&self, site: &SyncSite) -> PathBuf {
        site.state_path(&self.name)
    }

    pub(crate) fn save(&self, site: &SyncSite) -> Result<(), Error> {
        let content = serde_json::to_vec(&self.book).expect("text and numbers can be written");
        Ok(site.keep_state(&self.name, &content)?)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Entry> {
        self.book.files.get(name)
    }

    pub(crate) fn proven(&self, name: &str) -> Option<&Proven> {
        self.get(name)?.proven.as_ref()
    }

    pub(crate) fn sending(&mut self, name: &str, digests: Digests) {
        self.book.files.entry(name.to_owned()).or_default().sending = Some(digests);
    }

    pub(crate) fn prove(&mut self, name: &str, proven: Proven) {
        self.book.files.insert(name.to_owned(), Entry { proven: Some(proven), sending: None });
    }

    /// Every file of ours there, with what it was here.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Proven)> {
        self.book.files.iter().filter_map(|(name, entry)| Some((name.as_str(), entry.proven.as_ref()?)))
    }
}
