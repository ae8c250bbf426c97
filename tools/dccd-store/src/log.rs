//! A log of bounded size, for hosts that keep none.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::StoreError;
use crate::fsys;
use crate::lock::Lock;

const NAME: &str = "dccd.log";
/// A log that would become longer makes room for a new one.
const BYTES_MAX: u64 = 10 << 20;
/// Logs that are kept besides the one that is written: `dccd.log.1` is the newest of them.
const KEPT_MAX: u32 = 5;
/// Whoever says something must not wait for long because another process hangs.
const PATIENCE: Duration = Duration::from_secs(5);

/// `dccd.log` in a folder; any number of processes may append to it at once.
#[derive(Debug)]
pub struct RotatingLog {
    dir: PathBuf,
    file: Option<File>,
}

impl RotatingLog {
    /// The log in `dir`.
    pub fn new(dir: &Path) -> RotatingLog {
        RotatingLog { dir: dir.to_owned(), file: None }
    }

    /// Appends whole lines: all of them or none.
    pub fn append(&mut self, lines: &[u8]) -> Result<(), StoreError> {
        let _lock = Lock::acquire_within(&self.dir.join(format!(".{NAME}.lock")), PATIENCE)?;
        let path = self.dir.join(NAME);
        let (mut file, mut len) = self.open(&path)?;
        let added = u64::try_from(lines.len()).unwrap_or(u64::MAX);
        if len > 0 && len.saturating_add(added) > BYTES_MAX {
            self.rotate()?;
            (file, len) = self.open(&path)?;
        }
        if let Err(cause) = file.write_all(lines) {
            let _ = file.set_len(len);
            return Err(StoreError::io("append to", &path)(cause));
        }
        self.file = Some(file);
        Ok(())
    }

    /// The file that bears the name now, and its length: another process may have begun a new one.
    fn open(&mut self, path: &Path) -> Result<(File, u64), StoreError> {
        let named = match fs::metadata(path) {
            Ok(metadata) => Some((metadata.dev(), metadata.ino())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(StoreError::io("read", path)(error)),
        };
        let identity = |file: &File| file.metadata().map(|metadata| (metadata.dev(), metadata.ino())).ok();
        let file = match self.file.take().filter(|file| named.is_some() && identity(file) == named) {
            Some(file) => file,
            None => File::options().append(true).create(true).open(path).map_err(StoreError::io("open", path))?,
        };
        let len = file.metadata().map_err(StoreError::io("read", path))?.len();
        Ok((file, len))
    }

    /// Renames each log to the next number; the oldest falls off.
    fn rotate(&self) -> Result<(), StoreError> {
        let path = |number: u32| match number {
            0 => self.dir.join(NAME),
            number => self.dir.join(format!("{NAME}.{number}")),
        };
        for number in (0..KEPT_MAX).rev() {
            let to = path(number + 1);
            match fs::rename(path(number), &to) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(StoreError::io("rename a log to", &to)(error));
                }
                _ => {}
            }
        }
        fsys::sync_dir(&self.dir)
    }
}
