//! Finding, reading and replacing the file.

use std::fmt;
use std::fs::{self, File, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use super::{Absences, Config, ConfigError, Problem};
use crate::env;

/// The most bytes a configuration may have; two thousand jobs take a quarter of a megabyte.
const FILE_BYTES_MAX: u64 = 4 << 20;
/// How long another edit is waited for: it takes milliseconds, unless its process was stopped.
const LOCK_TRIES_MAX: usize = 2_000;
const LOCK_WAIT: Duration = Duration::from_millis(5);

/// The file's name that is looked for.
const FILE_NAME: &str = "config.yml";
/// The last place that is looked at.
const SYSTEM_FILE: &str = "/etc/dccd/config.yml";

/// The file that `--config` names, else the first there is: `./config.yml`, `$XDG_CONFIG_HOME/dccd/config.yml`,
/// `/etc/dccd/config.yml`.
pub fn find(named: Option<&Path>) -> Option<PathBuf> {
    match named {
        Some(path) => Some(path.to_owned()),
        // One that we may not see is there all the same, and reading it says why it cannot be read.
        None => candidates().into_iter().find(|path| path.try_exists().unwrap_or(true) && !path.is_dir()),
    }
}

/// Where a configuration is looked for.
pub(crate) fn candidates() -> Vec<PathBuf> {
    let own = env::config_dir().map(|dir| dir.join(FILE_NAME));
    [Some(PathBuf::from(FILE_NAME)), own, Some(PathBuf::from(SYSTEM_FILE))].into_iter().flatten().collect()
}

/// A configuration as it was read.
#[derive(Clone, Debug)]
pub struct ConfigFile {
    path: PathBuf,
    text: String,
}

impl ConfigFile {
    /// Reads a file; a configuration that is not there, or not text, is an error.
    pub fn read(path: &Path) -> Result<ConfigFile, FileError> {
        let fail = |cause| FileError::Read { path: path.to_owned(), cause };
        ConfigFile::read_from(File::open(path).map_err(fail)?, path)
    }

    /// The file that `--config` names, or the first that is found.
    pub fn require(named: Option<&Path>) -> Result<ConfigFile, FileError> {
        let path = find(named).ok_or_else(|| FileError::NotFound(candidates()))?;
        ConfigFile::read(&path)
    }

    /// Where it was read from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Checks it.
    pub fn check(&self) -> Result<Config, ConfigError> {
        Config::parse(&self.path, &self.text)
    }

    /// Checks it, and gives what is right of it as well as everything that is wrong.
    pub fn inspect(&self, absences: Absences) -> (Option<Config>, Vec<Problem>) {
        Config::inspect(&self.path, &self.text, absences)
    }

    fn read_from(file: File, path: &Path) -> Result<ConfigFile, FileError> {
        let fail = |cause| FileError::Read { path: path.to_owned(), cause };
        let mut bytes = Vec::new();
        file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(fail)?;
        if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > FILE_BYTES_MAX {
            return Err(FileError::TooLong(path.to_owned()));
        }
        let text = String::from_utf8(bytes).map_err(|error| {
            let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            let line = 1 + valid.iter().filter(|byte| **byte == b'\n').count();
            FileError::NotText { path: path.to_owned(), line }
        })?;
        Ok(ConfigFile { path: path.to_owned(), text })
    }
}

/// A configuration that nobody else may edit meanwhile.
#[derive(Debug)]
pub struct LockedFile {
    lock: File,
    file: ConfigFile,
}

impl LockedFile {
    /// Locks the file that `--config` names, or the first that is found, and reads it. Waits a while for its turn.
    pub fn open(named: Option<&Path>) -> Result<LockedFile, FileError> {
        let named = find(named).ok_or_else(|| FileError::NotFound(candidates()))?;
        let fail = |cause| FileError::Read { path: named.clone(), cause };
        // A link stays a link: what it points to is edited.
        let path = fs::canonicalize(&named).map_err(fail)?;
        for _ in 0..LOCK_TRIES_MAX {
            // Writable, although it is replaced: a file that is read-only is meant to stay as it is.
            let lock = File::options().read(true).write(true).open(&path).map_err(fail)?;
            if !lock.metadata().map_err(fail)?.is_file() {
                return Err(FileError::NotFile(named));
            }
            match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => {}
                Err(Errno::WOULDBLOCK | Errno::INTR) => {
                    std::thread::sleep(LOCK_WAIT);
                    continue;
                }
                Err(cause) => return Err(fail(cause.into())),
            }
            // Whoever held the lock has put a new file in place of the one we locked.
            let (ours, theirs) = (lock.metadata().map_err(fail)?, fs::metadata(&path).map_err(fail)?);
            if (ours.dev(), ours.ino()) == (theirs.dev(), theirs.ino()) {
                let read = ConfigFile::read_from(lock.try_clone().map_err(fail)?, &path)?;
                return Ok(LockedFile { lock, file: ConfigFile { path: named, text: read.text } });
            }
        }
        Err(FileError::Locked(named))
    }

    /// The file as it was read.
    pub fn file(&self) -> &ConfigFile {
        &self.file
    }

    /// Puts `text` in the file's place, all of it or nothing, with the same owner and mode.
    pub fn replace(self, text: &str) -> Result<(), FileError> {
        let fail = |cause| FileError::Write { path: self.file.path.clone(), cause };
        let path = fs::canonicalize(&self.file.path).map_err(fail)?;
        let dir = path.parent().unwrap_or(Path::new("/"));
        let old = self.lock.metadata().map_err(fail)?;
        let mut new = tempfile::Builder::new().prefix(".config.yml.").tempfile_in(dir).map_err(fail)?;
        new.write_all(text.as_bytes()).map_err(fail)?;
        let made = new.as_file().metadata().map_err(fail)?;
        if (made.uid(), made.gid()) != (old.uid(), old.gid()) {
            std::os::unix::fs::fchown(new.as_file(), Some(old.uid()), Some(old.gid())).map_err(fail)?;
        }
        // After the owner: changing that drops some bits.
        new.as_file().set_permissions(Permissions::from_mode(old.mode() & 0o7777)).map_err(fail)?;
        new.as_file().sync_all().map_err(fail)?;
        new.persist(&path).map_err(|error| fail(error.error))?;
        File::open(dir).and_then(|dir| dir.sync_all()).map_err(fail)
    }
}

/// Why a configuration could not be read or replaced.
#[derive(Debug)]
pub enum FileError {
    /// None was named and none is at any of these places.
    NotFound(Vec<PathBuf>),
    /// Reading failed.
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// More bytes than any configuration has.
    TooLong(PathBuf),
    /// Not UTF-8.
    NotText {
        /// The file.
        path: PathBuf,
        /// The first line that is not.
        line: usize,
    },
    /// A pipe or a device, which cannot be edited.
    NotFile(PathBuf),
    /// Somebody else is editing it, and does not end.
    Locked(PathBuf),
    /// Replacing failed.
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FileError::NotFound(places) => {
                let places: Vec<String> = places.iter().map(|path| path.display().to_string()).collect();
                write!(f, "no configuration: none at {} (name one with --config)", places.join(", "))
            }
            FileError::Read { path, cause } => write!(f, "cannot read configuration {}: {cause}", path.display()),
            FileError::TooLong(path) => {
                write!(f, "{} has more than {FILE_BYTES_MAX} bytes: is it a configuration?", path.display())
            }
            FileError::NotText { path, line } => {
                write!(f, "{}:{line}:1: not UTF-8: is it a configuration?", path.display())
            }
            FileError::NotFile(path) => write!(f, "{} is no file that could be edited", path.display()),
            FileError::Locked(path) => write!(f, "somebody else is editing {}: try again", path.display()),
            FileError::Write { path, cause } => {
                write!(f, "cannot replace configuration {}: {cause}", path.display())
            }
        }
    }
}

impl std::error::Error for FileError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            FileError::Read { cause, .. } | FileError::Write { cause, .. } => Some(cause),
            _ => None,
        }
    }
}
