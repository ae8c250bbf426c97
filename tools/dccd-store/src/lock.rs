//! Locks between processes, released by the kernel when a process dies.

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::error::StoreError;
use crate::fsys;

/// Waits between two tries grow to this.
const WAIT_MAX: Duration = Duration::from_millis(200);
/// A publish takes seconds; who waits this long waits for a process that hangs.
const PATIENCE: Duration = Duration::from_secs(600);

/// A dataset's lock, held until dropped. The file stays: removing it would let two hold "the" lock.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Waits for the lock at `path`.
    pub(crate) fn acquire(path: &Path) -> Result<Lock, StoreError> {
        Lock::acquire_within(path, PATIENCE)
    }

    /// Waits for the lock at `path`, but not longer.
    pub(crate) fn acquire_within(path: &Path, patience: Duration) -> Result<Lock, StoreError> {
        fsys::create_dir(fsys::parent(path))?;
        let file = File::options()
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(StoreError::io("open lock", path))?;
        let (mut wait, mut waited) = (Duration::from_millis(1), Duration::ZERO);
        while !try_lock(&file, path)? {
            if waited >= patience {
                return Err(StoreError::Locked { path: path.to_owned() });
            }
            std::thread::sleep(wait);
            waited += wait;
            wait = (wait * 2).min(WAIT_MAX);
        }
        Ok(Lock { _file: file })
    }
}

/// Takes the lock on an open file if nobody has it.
pub(crate) fn try_lock(file: &File, path: &Path) -> Result<bool, StoreError> {
    match flock(file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(true),
        Err(Errno::WOULDBLOCK | Errno::INTR) => Ok(false),
        Err(error) => Err(StoreError::io("lock", path)(error.into())),
    }
}

/// Whether somebody holds the lock on a file.
pub(crate) fn is_locked(file: &File, path: &Path) -> Result<bool, StoreError> {
    match flock(file, FlockOperation::NonBlockingLockShared) {
        Ok(()) => flock(file, FlockOperation::Unlock).map(|()| false),
        Err(Errno::WOULDBLOCK | Errno::INTR) => Ok(true),
        Err(error) => Err(error),
    }
    .map_err(|error| StoreError::io("ask for the lock of", path)(error.into()))
}
