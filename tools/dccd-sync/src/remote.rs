//! A remote, by way of rclone.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use dccd_store::Probes;
use dccd_store::table::Numbers;
use serde::Deserialize;

use crate::digest::{Digests, HashKind, Hasher};
use crate::error::Error;
use crate::listing::{self, Listing};
use crate::rclone::{Cut, Ran, Rclone, args};
use crate::secrets::Secrets;

/// The largest listing that is read: about a million files.
const LISTING_BYTES_MAX: usize = 512 << 20;
/// The largest answer to what a remote can do.
const FEATURES_BYTES_MAX: usize = 4 << 20;
/// Rclone's status for a folder that is not there.
const NO_FOLDER: i32 = 3;
/// Where replaced files go on remotes that can move them.
pub(crate) const REPLACED: &str = ".dccd/replaced";
/// So much of the disk stays free whatever comes.
pub(crate) const FREE_BYTES_MIN: u64 = 64 << 20;
/// Up to so many files are looked at one by one; for more, whole folders are listed.
const SINGLE_FILES_MAX: usize = 200;

/// What a remote can do.
#[derive(Clone, Debug, Default)]
pub(crate) struct Abilities {
    /// The hashes that it tells and we know.
    pub(crate) hashes: Vec<HashKind>,
    /// Whether it must read a file to tell its hash.
    is_hash_slow: bool,
    /// Whether a file can be moved there without being sent again.
    can_move: bool,
}

/// How a file comes to a remote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// There is none yet; should one have appeared since, that one stays.
    New,
    /// There is one that may be replaced.
    Replacing,
    /// There is a part of one that we did not send to its end: what it had replaced is worth more.
    Mending,
}

/// Which files a listing is to hold.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Which<'a> {
    All,
    Only(&'a [String]),
}

/// A place that rclone can reach.
#[derive(Clone, Debug)]
pub(crate) struct Remote {
    name: String,
    secrets: Secrets,
    rclone: Rclone,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Told {
    hashes: Option<Vec<String>>,
    features: Features,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Features {
    slow_hash: bool,
    #[serde(rename = "Move")]
    can_move: bool,
}

impl Remote {
    pub(crate) fn new(name: &str, rclone: Rclone) -> Remote {
        Remote { name: name.to_owned(), secrets: Secrets::of(name), rclone }
    }

    /// Its name with all its secrets, as rclone wants it.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Its name for people and files.
    pub(crate) fn shown(&self) -> &str {
        self.secrets.shown()
    }

    /// Asks what it can do.
    pub(crate) fn abilities(&self) -> Result<Abilities, Error> {
        const ACTION: &str = "learn what can be done with";
        let words = [OsString::from("backend"), "features".into(), self.path("")];
        let (ran, output) = self.collect(ACTION, &words, Vec::new(), FEATURES_BYTES_MAX)?;
        self.require(ACTION, &ran)?;
        let told: Told = serde_json::from_slice(&output)
            .map_err(|error| self.error(ACTION, format!("rclone's answer makes no sense: {error}")))?;
        let names = told.hashes.unwrap_or_default();
        let hashes = HashKind::ALL.into_iter().filter(|kind| names.iter().any(|name| name == kind.name())).collect();
        Ok(Abilities { hashes, is_hash_slow: told.features.slow_hash, can_move: told.features.can_move })
    }

    /// Lists it as cheaply as it can be told whether a file is still the one it was: with hashes, or else with times.
    pub(crate) fn list_quick(&self, abilities: &Abilities, which: Which<'_>) -> Result<Listing, Error> {
        if abilities.is_hash_slow || abilities.hashes.is_empty() {
            self.list(&["--no-mimetype"], which)
        } else {
            self.list_hashed(abilities, which)
        }
    }

    /// Lists it with every hash that it has and we know.
    pub(crate) fn list_hashed(&self, abilities: &Abilities, which: Which<'_>) -> Result<Listing, Error> {
        if abilities.hashes.is_empty() {
            return self.list(&["--no-mimetype"], which);
        }
        let mut flags = vec!["--no-mimetype", "--hash"];
        for kind in &abilities.hashes {
            flags.extend(["--hash-type", kind.name()]);
        }
        // What tells hashes cheaply often tells times dearly.
        if !abilities.is_hash_slow {
            flags.push("--no-modtime");
        }
        self.list(&flags, which)
    }

    fn list(&self, flags: &[&str], which: Which<'_>) -> Result<Listing, Error> {
        const ACTION: &str = "list";
        let mut words = args(&["lsjson", "--recursive", "--files-only"]);
        words.extend(args(flags));
        let mut input = Vec::new();
        if let Which::Only(names) = which {
            if names.is_empty() {
                return Ok(Listing::new());
            }
            input = lines(names);
            words.extend(args(&["--files-from-raw", "-"]));
            if names.len() <= SINGLE_FILES_MAX {
                words.push("--no-traverse".into());
            }
        }
        words.push(self.path(""));
        let (ran, output) = self.collect(ACTION, &words, input, LISTING_BYTES_MAX)?;
        if ran.status == Some(NO_FOLDER) && output.iter().all(|byte| b"[] \n".contains(byte)) {
            return Ok(Listing::new());
        }
        self.require(ACTION, &ran)?;
        listing::parse(&output).map_err(|why| self.error(ACTION, why))
    }

    /// Fails if a listing shows that a folder there is one of the store.
    pub(crate) fn require_apart(&self, listing: &Listing, probes: &Probes) -> Result<(), Error> {
        if probes.names().iter().any(|name| listing.contains_key(name)) {
            return Err(Error::IsStore(self.shown().to_owned()));
        }
        Ok(())
    }

    /// The error of a store there whose numbers are not ours.
    pub(crate) fn of_other_numbers(&self, ours: Numbers) -> Error {
        Error::OtherNumbers { remote: self.shown().to_owned(), ours }
    }

    /// Sends files of the folder `from` under their names. How rclone ends proves nothing.
    pub(crate) fn send(
        &self,
        abilities: &Abilities,
        from: &Path,
        names: &[String],
        manner: Manner,
    ) -> Result<Ran, Error> {
        let mut words = args(&["copy", "--files-from-raw", "-", "--no-traverse", "--ignore-checksum", "--copy-links"]);
        // A file that is replaced meanwhile must not be sent in pieces of both.
        words.extend(args(&["--multi-thread-streams", "0"]));
        match manner {
            Manner::New => words.push("--ignore-existing".into()),
            Manner::Replacing | Manner::Mending => {
                words.push("--ignore-times".into());
                if abilities.can_move && manner == Manner::Replacing {
                    words.extend(["--backup-dir".into(), self.path(REPLACED)]);
                }
            }
        }
        words.extend([local(from), self.path("")]);
        self.run("send files to", &words, lines(names), &mut |_| Ok(()))
    }

    /// Fetches small files into the folder `to` under their names; those that are not there are left out.
    pub(crate) fn fetch(&self, to: &Path, names: &[String]) -> Result<(), Error> {
        const ACTION: &str = "get files from";
        let mut words = args(&["copy", "--files-from-raw", "-", "--no-traverse"]);
        words.extend([self.path(""), local(to)]);
        let ran = self.run(ACTION, &words, lines(names), &mut |_| Ok(()))?;
        self.require(ACTION, &ran)
    }

    /// Reads one file into `to`, at most `bytes_max` of it, and says what came.
    pub(crate) fn read(&self, name: &str, to: Option<&Path>, bytes_max: u64) -> Result<Digests, Error> {
        const ACTION: &str = "read a file of";
        let error = |path: &Path| {
            let path = path.to_owned();
            move |cause: io::Error| Error::Read { path, cause }
        };
        let mut file = to.map(|path| File::create(path).map_err(error(path))).transpose()?;
        let mut hasher = Hasher::default();
        let mut count: u64 = 0;
        let mut failed = None;
        let ran = self.run(ACTION, &["cat".into(), self.path(name)], Vec::new(), &mut |piece| {
            count = count.saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
            if count > bytes_max {
                return Err(format!("{name} has more than the {bytes_max} bytes that were listed"));
            }
            hasher.update(piece);
            if let Some(file) = &mut file
                && let Err(error) = file.write_all(piece)
            {
                failed = Some(error);
                return Err("it cannot be written".to_owned());
            }
            Ok(())
        });
        if let (Some(cause), Some(path)) = (failed, to) {
            return Err(Error::Read { path: path.to_owned(), cause });
        }
        self.require(ACTION, &ran?)?;
        Ok(hasher.finish())
    }

    /// An error that concerns this remote.
    pub(crate) fn error(&self, action: &'static str, why: String) -> Error {
        Error::Remote { remote: self.shown().to_owned(), action, why }
    }

    fn require(&self, action: &'static str, ran: &Ran) -> Result<(), Error> {
        if ran.is_ok() { Ok(()) } else { Err(self.error(action, describe(ran))) }
    }

    fn collect(
        &self,
        action: &'static str,
        words: &[OsString],
        input: Vec<u8>,
        bytes_max: usize,
    ) -> Result<(Ran, Vec<u8>), Error> {
        let mut output = Vec::new();
        let ran = self.run(action, words, input, &mut |piece| {
            if output.len() + piece.len() > bytes_max {
                return Err(format!("rclone's answer has more than {bytes_max} bytes"));
            }
            output.extend_from_slice(piece);
            Ok(())
        })?;
        Ok((ran, output))
    }

    fn run(
        &self,
        action: &'static str,
        words: &[OsString],
        input: Vec<u8>,
        take: &mut dyn FnMut(&[u8]) -> Result<(), String>,
    ) -> Result<Ran, Error> {
        self.rclone.run(words, input, &self.secrets, take).map_err(|cut| match cut {
            Cut::Start(cause) => Error::NoRclone { program: self.rclone.program().to_owned(), cause: Some(cause) },
            Cut::Stopped(signal) => Error::Stopped(signal),
            Cut::Refused(why) => self.error(action, why),
            Cut::Stalled(limit) => {
                self.error(action, format!("rclone showed no progress for {} s and was stopped", limit.as_secs()))
            }
        })
    }

    fn path(&self, name: &str) -> OsString {
        let is_open = self.name.ends_with([':', '/']);
        let separator = if name.is_empty() || is_open { "" } else { "/" };
        format!("{}{separator}{name}", self.name).into()
    }
}

/// How a run that went wrong ended, for a person.
pub(crate) fn describe(ran: &Ran) -> String {
    let status = ran.status.map_or_else(|| "by a signal".to_owned(), |status| format!("with status {status}"));
    if ran.complaint.is_empty() {
        format!("rclone ended {status}")
    } else {
        format!("rclone ended {status}: {}", ran.complaint)
    }
}

/// A folder here, so that rclone takes it for no remote and no flag.
fn local(path: &Path) -> OsString {
    std::path::absolute(path).map_or_else(|_| path.as_os_str().to_owned(), PathBuf::into_os_string)
}

fn lines(names: &[String]) -> Vec<u8> {
    let mut text = names.join("\n").into_bytes();
    text.push(b'\n');
    text
}
