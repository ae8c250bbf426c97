//! The path of a quantity through time: value noise in five widths, in whole numbers so that every host agrees.

use crate::clock::MINUTE;
use crate::hash::{mix, pick};

/// Width in minutes, and how far it moves the value at most, in millionths.
const WAVES: [(i64, i64); 5] = [(86_400, 350_000), (4_320, 60_000), (240, 12_000), (15, 2_500), (1, 500)];
const MILLION: i64 = 1_000_000;

/// Where a quantity that lies around `level` is at the start of `minute`.
pub(crate) fn at_minute(key: u64, level: i64, minute: i64) -> i64 {
    let mut millionths = MILLION;
    for (salt, (width, height)) in (0_i64..).zip(WAVES) {
        let wave = mix(key, salt);
        let (cell, into) = (minute.div_euclid(width), minute.rem_euclid(width));
        let lattice = |cell: i64| pick(mix(wave, cell), 2 * height + 1) - height;
        let (from, to) = (lattice(cell), lattice(cell + 1));
        millionths += from + (to - from) * into / width;
    }
    let value = i128::from(level) * i128::from(millionths) / i128::from(MILLION);
    i64::try_from(value).unwrap_or(i64::MAX).max(1)
}

/// Where it is at `instant`.
pub(crate) fn at(key: u64, level: i64, instant: i64) -> i64 {
    let (minute, into) = (instant.div_euclid(MINUTE), instant.rem_euclid(MINUTE));
    let (from, to) = (at_minute(key, level, minute), at_minute(key, level, minute + 1));
    let moved = i128::from(to - from) * i128::from(into) / i128::from(MINUTE);
    from + i64::try_from(moved).unwrap_or(0)
}
