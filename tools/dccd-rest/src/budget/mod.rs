//! The request budget that all processes of a host share: one small file per host of an exchange.
//!
//! The file is locked, read, changed and rewritten in place for every request; that takes
//! microseconds. Windows are measured by the clock since boot, which nobody steps. A ban is kept by
//! both clocks, so that it outlives a restart of the machine as well.

mod state;

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use dccd_exchange::LimitGroup;
use rustix::fs::{FlockOperation, MemfdFlags, OFlags, flock};
use rustix::time::{ClockId, clock_gettime};

use crate::retry::{Stopped, Waiter};
use state::{FILE_BYTES, Now, State};

pub use state::{Grant, Priority};

/// Nobody holds the lock for longer than a few microseconds, unless it was stopped.
const LOCK_TRIES_MAX: u32 = 5_000;
const LOCK_PAUSE: Duration = Duration::from_millis(1);
/// A wait that people are told of, the first time.
const LONG_WAIT: Duration = Duration::from_secs(10);
/// A longer wait than this is for another run.
const WAIT_MAX: Duration = Duration::from_secs(15 * 60);

/// The budget of one host of an exchange.
///
/// It counts requests; of a WebSocket host, the connections that are opened and the messages that are sent. Such a
/// host has a budget file of its own, even where REST has the same name: a group's `slot` is a place in one file, and
/// a ban holds for all groups of a file.
#[derive(Debug)]
pub struct Budget {
    path: PathBuf,
    file: Mutex<File>,
    boot_id: u64,
    told: Told,
}

/// Which long waits people were told of: more of the same is no news.
#[derive(Debug, Default)]
struct Told {
    used_up: AtomicBool,
    ban: AtomicBool,
}

impl Budget {
    /// The budget of `host` in `dir`, which is made if need be.
    pub fn open(dir: &Path, host: &str) -> Result<Budget, BudgetError> {
        let path = dir.join(format!("{}.budget", file_name(host)));
        let opened = std::fs::create_dir_all(dir).and_then(|()| {
            OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o666)
                .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
                .open(&path)
        });
        match opened {
            Ok(file) => Ok(Budget::new(path, file)),
            Err(cause) => Err(BudgetError::Io { path, cause: Arc::new(cause) }),
        }
    }

    /// That files can be made in `dir` and hold something, without leaving one there.
    pub(crate) fn check(dir: &Path) -> Result<(), BudgetError> {
        let made = std::fs::create_dir_all(dir).and_then(|()| tempfile::tempfile_in(dir));
        let checked = made.and_then(|file| file.write_all_at(&[0; FILE_BYTES], 0));
        checked.map_err(|cause| BudgetError::Folder { path: dir.to_owned(), cause: Arc::new(cause) })
    }

    /// A budget of this process alone, for where no folder can be written.
    pub fn private() -> Result<Budget, BudgetError> {
        let path = PathBuf::from("(unnamed)");
        // In memory, since there may be no folder for temporary files either.
        match rustix::fs::memfd_create("dccd-budget", MemfdFlags::CLOEXEC) {
            Ok(file) => Ok(Budget::new(path, file.into())),
            Err(cause) => Err(BudgetError::Io { path, cause: Arc::new(cause.into()) }),
        }
    }

    fn new(path: PathBuf, file: File) -> Budget {
        Budget { path, file: Mutex::new(file), boot_id: boot_id(), told: Told::default() }
    }

    /// Takes `weight` out of the budget, or says how long to wait.
    pub fn take(&self, group: &LimitGroup, weight: u32, priority: Priority) -> Result<Grant, BudgetError> {
        self.change(|state, now| {
            let grant = state.take(group, weight, priority, now);
            (grant, grant == Grant::Go)
        })
    }

    /// Waits until `weight` could be taken out of the budget.
    pub fn wait(
        &self,
        group: &LimitGroup,
        weight: u32,
        priority: Priority,
        waiter: &dyn Waiter,
    ) -> Result<(), BudgetError> {
        let mut waited = Duration::ZERO;
        loop {
            let (wait_ms, why, told) = match self.take(group, weight, priority)? {
                Grant::Go => return Ok(()),
                Grant::Wait(wait_ms) => (wait_ms, "the budget is used up", &self.told.used_up),
                Grant::Banned(wait_ms) => (wait_ms, "the exchange wants to be left alone", &self.told.ban),
            };
            let wait = Duration::from_millis(wait_ms);
            if wait + waited > WAIT_MAX {
                return Err(BudgetError::TooLong { secs: wait.as_secs() });
            }
            let message = format!("{}: {why} ({}): waiting {:.1} s", self.host(), group.name, wait.as_secs_f64());
            if wait >= LONG_WAIT && !told.swap(true, Ordering::Relaxed) {
                waiter.warn(&format_args!("{message}; further waits are told with -v"));
            } else {
                waiter.note(&message);
            }
            waiter.wait(wait).map_err(BudgetError::Stopped)?;
            waited += wait;
        }
    }

    /// Takes in what the exchange says we have used.
    pub fn observe(&self, group: &LimitGroup, used: u32) -> Result<(), BudgetError> {
        self.change(|state, now| ((), state.observe(group, used, now)))
    }

    /// Remembers that the exchange wants to be left alone for so long.
    pub fn ban(&self, length: Duration) -> Result<(), BudgetError> {
        let length_ms = u64::try_from(length.as_millis()).unwrap_or(u64::MAX);
        self.change(|state, now| {
            state.ban(length_ms, now);
            ((), true)
        })
    }

    /// Whose it is, in messages.
    fn host(&self) -> String {
        self.path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn change<T>(&self, edit: impl FnOnce(&mut State, Now) -> (T, bool)) -> Result<T, BudgetError> {
        let file = self.file.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        self.lock(&file)?;
        let changed = self.change_locked(&file, edit);
        let unlocked = flock(&*file, FlockOperation::Unlock);
        let result = changed.map_err(|cause| self.error(cause))?;
        unlocked.map_err(|cause| self.error(cause.into()))?;
        Ok(result)
    }

    fn change_locked<T>(&self, file: &File, edit: impl FnOnce(&mut State, Now) -> (T, bool)) -> io::Result<T> {
        let now = self.now();
        let mut bytes = [0; FILE_BYTES + 1];
        let count = read_at_most(file, &mut bytes)?;
        let mut state = match bytes.get(..count).unwrap_or_default() {
            [] => State::new(now),
            held => State::decode(held).unwrap_or_else(|| State::exhausted(now)),
        };
        let (result, is_changed) = edit(&mut state, now);
        if is_changed || count != FILE_BYTES {
            file.write_all_at(&state.encode(), 0)?;
            if count > FILE_BYTES {
                file.set_len(u64::try_from(FILE_BYTES).unwrap_or(0))?;
            }
        }
        Ok(result)
    }

    fn lock(&self, file: &File) -> Result<(), BudgetError> {
        for _ in 0..LOCK_TRIES_MAX {
            match flock(file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(()),
                Err(rustix::io::Errno::WOULDBLOCK | rustix::io::Errno::INTR) => std::thread::sleep(LOCK_PAUSE),
                Err(cause) => return Err(self.error(cause.into())),
            }
        }
        Err(BudgetError::Locked { path: self.path.clone() })
    }

    fn error(&self, cause: io::Error) -> BudgetError {
        BudgetError::Io { path: self.path.clone(), cause: Arc::new(cause) }
    }

    fn now(&self) -> Now {
        let since_boot = clock_gettime(ClockId::Boottime);
        let millis = since_boot.tv_sec.saturating_mul(1000).saturating_add(since_boot.tv_nsec / 1_000_000);
        let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Now {
            boot_ms: u64::try_from(millis).unwrap_or(0),
            boot_id: self.boot_id,
            wall_ms: u64::try_from(wall.as_millis()).unwrap_or(0),
        }
    }
}

/// Why the budget could not be asked.
#[derive(Clone, Debug)]
pub enum BudgetError {
    /// The file cannot be opened, read or written.
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: Arc<io::Error>,
    },
    /// No files can be kept in the folder.
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        cause: Arc<io::Error>,
    },
    /// Some process holds the lock and does not go on.
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// The wait would be too long for one run.
    TooLong {
        /// The wait.
        secs: u64,
    },
    /// Somebody asked us to stop.
    Stopped(Stopped),
}

impl fmt::Display for BudgetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BudgetError::Io { path, cause } => write!(f, "cannot use the budget file {}: {cause}", path.display()),
            BudgetError::Folder { path, cause } => {
                write!(f, "cannot keep budgets in {} (see --budget-dir): {cause}", path.display())
            }
            BudgetError::Locked { path } => {
                write!(f, "the budget file {} stays locked: is a process stopped?", path.display())
            }
            BudgetError::TooLong { secs } => {
                write!(f, "the exchange wants no requests for another {secs} s; try again then")
            }
            BudgetError::Stopped(cause) => cause.fmt(f),
        }
    }
}

impl BudgetError {
    /// Whether it lasts until somebody changes a permission or names another folder; a full disk may heal by itself.
    pub fn is_lasting(&self) -> bool {
        let heals =
            |cause: &io::Error| matches!(cause.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
        matches!(self, BudgetError::Folder { cause, .. } if !heals(cause))
    }
}

impl std::error::Error for BudgetError {}

/// A host's name and port as a file name.
fn file_name(host: &str) -> String {
    host.chars().map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-') { c } else { '_' }).take(200).collect()
}

/// Tells one boot of the machine from another.
fn boot_id() -> u64 {
    let text = std::fs::read("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    text.iter()
        .fold(0xcbf2_9ce4_8422_2325, |sum: u64, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

/// Reads the file, and a byte more if there is more: then it is not what was written here.
fn read_at_most(file: &File, bytes: &mut [u8; FILE_BYTES + 1]) -> io::Result<usize> {
    let mut count = 0;
    while count < FILE_BYTES {
        match file.read_at(bytes.get_mut(count..).unwrap_or_default(), u64::try_from(count).unwrap_or(0)) {
            Ok(0) => break,
            Ok(read) => count += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(count)
}

#[cfg(test)]
mod tests;
