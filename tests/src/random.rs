//! Randomness that can be repeated.

use std::io::Write;
use std::time::{SystemTime, UNIX_EPOCH};

/// A small generator (splitmix64) whose seed is printed.
#[derive(Debug)]
pub struct Random {
    state: u64,
}

impl Random {
    /// Seeded by `DCCD_SEED`, else by the clock; prints the seed for `what`.
    pub fn new(what: &str) -> Random {
        let given = std::env::var("DCCD_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = given.unwrap_or_else(|| {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            u64::try_from(now.as_nanos() & u128::from(u64::MAX)).unwrap_or(0)
        });
        let _ = writeln!(std::io::stderr(), "{what}: DCCD_SEED={seed}");
        Random { state: seed }
    }

    /// Seeded by `seed`.
    pub fn seeded(seed: u64) -> Random {
        Random { state: seed }
    }

    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.state;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// A number from 0 up to, not including, `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.next_u64() % bound.max(1)
    }
}
