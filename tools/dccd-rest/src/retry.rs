//! How often and how patiently to try again.

use std::fmt;
use std::hash::{BuildHasher, Hasher};
use std::time::{Duration, SystemTime};

/// No single wait before a retry is longer.
const DELAY_MAX: Duration = Duration::from_secs(60);
/// Nobody connects again without any wait.
const BACKOFF_MIN: Duration = Duration::from_millis(1);

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

/// How long to wait before connecting again, which is tried for ever: longer and longer, up to a limit.
#[derive(Clone, Debug)]
pub struct Backoff {
    first: Duration,
    max: Duration,
    upcoming: Duration,
    /// What the next random number is made of.
    seed: u64,
}

impl Backoff {
    /// Waits `first`, then twice as long each time up to `max`, all of it give or take a quarter, so that those who
    /// were cut off together do not return together.
    pub fn new(first: Duration, max: Duration) -> Backoff {
        let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let nanos = since_1970.as_secs().wrapping_mul(1_000_000_000).wrapping_add(since_1970.subsec_nanos().into());
        Backoff::seeded(first, max, nanos ^ u64::from(std::process::id()).rotate_left(32))
    }

    pub(crate) fn seeded(first: Duration, max: Duration, seed: u64) -> Backoff {
        let first = first.min(max).max(BACKOFF_MIN);
        Backoff { first, max: max.max(first), upcoming: first, seed }
    }

    /// The next wait.
    #[expect(clippy::should_implement_trait, reason = "an iterator could end, and this never does")]
    pub fn next(&mut self) -> Duration {
        let wait = self.upcoming;
        self.upcoming = wait.saturating_mul(2).min(self.max);
        // From three to five quarters, in steps of a 1024th.
        let parts = 768 + u32::try_from(self.random() % 513).unwrap_or(256);
        wait.saturating_mul(parts) / 1024
    }

    /// Begins with the first wait again: the connection was good.
    pub fn reset(&mut self) {
        self.upcoming = self.first;
    }

    /// SplitMix64, which makes do with any seed.
    fn random(&mut self) -> u64 {
        self.seed = self.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.seed ^ (self.seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
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
