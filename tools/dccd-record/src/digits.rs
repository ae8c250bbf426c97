//! Runs of decimal digits, read eight at a time.

/// Powers of ten by which a run is raised when up to eight digits follow it.
const POWERS: [u64; 9] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000];

/// Decimal digits read so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Digits {
    /// How many they are.
    pub count: usize,
    /// The number they are; without meaning if they are more than [`Digits::EXACT_MAX`].
    pub value: u64,
}

impl Digits {
    /// So many digits always fit.
    pub const EXACT_MAX: usize = 19;

    /// The digits that `bytes` starts with.
    #[inline(always)]
    pub fn of(bytes: &[u8]) -> Digits {
        Digits::default().followed_by::<true>(bytes)
    }

    /// How many digits `bytes` starts with.
    #[inline(always)]
    pub fn count(bytes: &[u8]) -> usize {
        Digits::default().followed_by::<false>(bytes).count
    }

    /// These digits and those that `bytes` starts with; without `VALUE` they are only counted.
    #[inline(always)]
    pub(crate) fn followed_by<const VALUE: bool>(mut self, bytes: &[u8]) -> Digits {
        let mut rest = bytes;
        while let Some((eight, behind)) = rest.split_first_chunk::<8>() {
            let word = u64::from_le_bytes(*eight) ^ ZEROS;
            // A digit leaves 0 to 9, which six more keep below 16; a carry only spoils bytes behind the first
            // that is no digit.
            let others = (word | word.wrapping_add(SIXES)) & HIGH_HALVES;
            if others == 0 {
                self.push::<VALUE>(8, || value_of_eight(word));
                rest = behind;
                continue;
            }
            let bits = others.trailing_zeros() & !7;
            if bits > 0 {
                // Shifted to the end of the word, with zeros in front.
                let count = usize::try_from(bits / 8).unwrap_or(0);
                self.push::<VALUE>(count, || value_of_eight(word << (64 - bits)));
            }
            return self;
        }
        for byte in rest.iter().take_while(|byte| byte.is_ascii_digit()) {
            self.push::<VALUE>(1, || u64::from(byte - b'0'));
        }
        self
    }

    #[inline(always)]
    fn push<const VALUE: bool>(&mut self, count: usize, value: impl FnOnce() -> u64) {
        self.count += count;
        if VALUE {
            self.value = self.value.wrapping_mul(POWERS[count]).wrapping_add(value());
        }
    }
}

const ZEROS: u64 = 0x3030_3030_3030_3030;
const SIXES: u64 = 0x0606_0606_0606_0606;
const HIGH_HALVES: u64 = 0xf0f0_f0f0_f0f0_f0f0;

/// The number made of eight digits, each the value of a byte, the first one the lowest: joined to pairs, then to fours.
#[inline(always)]
fn value_of_eight(word: u64) -> u64 {
    let pairs = (word.wrapping_mul(10).wrapping_add(word >> 8)) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs.wrapping_mul(100).wrapping_add(pairs >> 16)) & 0x0000_ffff_0000_ffff;
    fours.wrapping_mul(10_000).wrapping_add(fours >> 32) & 0xffff_ffff
}
