//! The exchange's stamps: nanoseconds that it knows, and the floats it shows.

use crate::clock::SECOND;
use crate::hash::{mix, pick};

const STAMP: i64 = 21;
const NANOS: i64 = 1_000_000_000;

/// When a trade of `micros` happened, to the nanosecond. Trades of one microsecond share theirs: makers that one taker
/// met are stamped together.
pub(super) fn nanos(key: u64, micros: i64) -> i64 {
    // A float close to the next second would be written as that second.
    let is_last = micros.rem_euclid(SECOND) == SECOND - 1;
    let beyond = if is_last { 0 } else { pick(mix(mix(key, STAMP), micros), 1_000) };
    micros * 1_000 + beyond
}

/// The stamp as trades show it: a float in seconds, which has no room for nanoseconds.
pub(super) fn float_text(nanos: i64) -> String {
    let (second, nano) = (nanos.div_euclid(NANOS), nanos.rem_euclid(NANOS));
    let float = |number: i64| u32::try_from(number).map_or(0.0, f64::from);
    (float(second) + float(nano) / 1e9).to_string()
}

/// What the shown stamp stands for.
pub(super) fn shown_nanos(nanos: i64) -> i64 {
    parse_seconds(&float_text(nanos)).unwrap_or(nanos)
}

/// Seconds with up to nine digits after the point, in nanoseconds.
pub(super) fn parse_seconds(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !is_number(whole) || !is_number(fraction) || fraction.len() > 9 {
        return None;
    }
    let nanos: i64 = format!("{fraction:0<9}").parse().ok()?;
    whole.parse::<i64>().ok()?.checked_mul(NANOS)?.checked_add(nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_written_as_recorded() {
        assert_eq!(float_text(1_762_820_035_982_277_754), "1762820035.9822779");
        assert_eq!(float_text(1_762_820_035_000_000_000), "1762820035");
        assert_eq!(shown_nanos(1_762_820_035_982_277_754), 1_762_820_035_982_277_900);
    }

    #[test]
    fn stamps_stay_in_their_second_and_in_order() {
        let start = 1_704_067_200 * SECOND;
        for micros in (start - 2_000..start + 2_000).chain(start + 999_000..start + 1_001_000) {
            let (exact, shown) = (nanos(7, micros), shown_nanos(nanos(7, micros)));
            assert_eq!(exact / 1_000, micros);
            assert!((exact - shown).abs() <= 240, "{exact} and {shown}");
            assert_eq!(exact.div_euclid(NANOS), shown.div_euclid(NANOS), "{micros}");
            assert!(shown <= shown_nanos(nanos(7, micros + 1)));
        }
    }

    #[test]
    fn seconds_are_read_digit_by_digit() {
        assert_eq!(parse_seconds("1762820035.9822779"), Some(1_762_820_035_982_277_900));
        assert_eq!(parse_seconds("5"), Some(5_000_000_000));
        for text in ["", ".5", "-1", "1e9", "1.1234567891", "99999999999999999999"] {
            assert_eq!(parse_seconds(text), None, "{text}");
        }
    }
}
