//! How often and how patiently to try again.

use std::fmt;
use std::hash::{BuildHasher, Hasher};
use std::time::Duration;

/// No single wait before a retry is longer.
const DELAY_MAX: Duration = Duration::from_secs(60);

/// When to try again.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// Tries after the first one.
    pub retries_max: u32,
    /// The wait before the first of them; each further one is twice as long.
    pub delay: Duration,
}

impl Policy {
    /// The wait after try number `attempt`, counted from 1; `None` after the last.
    pub(crate) fn wait_after(&self, attempt: u32) -> Option<Duration> {
        if attempt > self.retries_max {
            return None;
        }
        let doubled = self.delay.saturating_mul(1_u32.checked_shl(attempt - 1).unwrap_or(u32::MAX));
        Some(jittered(doubled.min(DELAY_MAX)))
    }
}

/// Somebody asked us to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stopped;

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("stopped")
    }
}

impl std::error::Error for Stopped {}

/// Who waits, and can be told to stop waiting.
pub trait Waiter {
    /// Waits, unless somebody asks us to stop.
    fn wait(&self, time: Duration) -> Result<(), Stopped>;

    /// Whether somebody asked us to stop.
    fn check(&self) -> Result<(), Stopped>;

    /// Tells a person what happens, if one wants to know.
    fn note(&self, message: &dyn fmt::Display);

    /// Tells a person what happens, since it takes long.
    fn warn(&self, message: &dyn fmt::Display) {
        self.note(message);
    }
}

/// Up to a quarter longer, so that those who failed together do not return together.
fn jittered(wait: Duration) -> Duration {
    let random = std::collections::hash_map::RandomState::new().build_hasher().finish();
    let parts = u32::try_from(random % 256).unwrap_or(0);
    wait + wait.saturating_mul(parts) / 1024
}
