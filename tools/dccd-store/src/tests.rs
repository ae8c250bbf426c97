#![expect(clippy::print_stdout, reason = "seeds are printed")]
#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod journals;
mod ledgers;
mod logs;
mod paths;
mod policies;
mod promises;
mod purges;
mod repeats;
mod runs;
mod seams;
mod streams;
mod writers;

use dccd_record::{Dataset, Range, Ts};

/// A dataset by its id.
fn dataset(id: &str) -> Dataset {
    id.parse().unwrap()
}

/// An instant, in seconds after 2024-01-01.
fn ts(seconds: i64) -> Ts {
    Ts::from_secs(1_704_067_200 + seconds).unwrap()
}

/// A range, in seconds after 2024-01-01.
fn range(start: i64, end: i64) -> Range {
    Range::new(ts(start), ts(end)).unwrap()
}

/// A seeded source of numbers: tests print the seed they began with.
struct Random(u64);

impl Random {
    /// A number below `bound` (splitmix64).
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % bound
    }
}
