//! Chance that any caller can draw again: a number is a function of where it is needed.

const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// A number that depends on every bit of `key` and `salt` (the finalizer of splitmix64).
pub(crate) fn mix(key: u64, salt: i64) -> u64 {
    let mut word = key ^ salt.cast_unsigned().wrapping_add(1).wrapping_mul(GOLDEN);
    word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    word ^ (word >> 31)
}

/// As [`mix`], of a text.
pub(crate) fn mix_text(key: u64, text: &str) -> u64 {
    text.bytes().fold(mix(key, -1), |sum, byte| mix(sum, i64::from(byte)))
}

/// One of `0..n`; `n` must be positive.
pub(crate) fn pick(word: u64, n: i64) -> i64 {
    (word >> 1).cast_signed() % n
}
