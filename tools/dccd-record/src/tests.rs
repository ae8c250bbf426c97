#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod buffer;
mod candles;
mod dataset;
mod number;
mod pair;
mod parse;
mod range;
mod scan;
mod seen;
mod span;
mod time;
mod write;

/// Numbers from a seed that a failing test prints; `DCCD_SEED` repeats a run.
struct Random(u64);

impl Random {
    fn new(test: &str) -> Random {
        let given = std::env::var("DCCD_SEED").ok().and_then(|text| text.parse().ok());
        let seed = given.unwrap_or_else(|| {
            let since_1970 = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
            since_1970.as_secs() ^ u64::from(since_1970.subsec_nanos()) << 20
        });
        eprintln!("{test}: DCCD_SEED={seed}");
        Random(seed)
    }

    /// Steele's splitmix64.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(bound).unwrap()).unwrap()
    }

    fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    fn digits(&mut self, count: usize) -> String {
        (0..count).map(|_| self.pick(&['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'])).collect()
    }
}

/// An instant typed short: `2024-01-01T00:00:00Z`.
fn ts(text: &str) -> crate::Ts {
    text.parse().unwrap()
}

/// A range in whole seconds after 2024-01-01.
fn seconds(start: i64, end: i64) -> crate::Range {
    crate::Range::new(second(start), second(end)).unwrap()
}

fn second(second: i64) -> crate::Ts {
    crate::Ts::from_secs(1_704_067_200 + second).unwrap()
}
