//! Decimal text, always with the same number of digits after the point, as exchanges write it.

/// Appends `mantissa` / 10^`scale` with exactly `digits` fraction digits, cutting what is beyond.
pub(crate) fn write_decimal(out: &mut Vec<u8>, mantissa: i128, scale: u32, digits: u32) {
    let mantissa =
        if digits >= scale { mantissa * 10_i128.pow(digits - scale) } else { mantissa / 10_i128.pow(scale - digits) };
    if mantissa < 0 {
        out.push(b'-');
    }
    let width = usize::try_from(digits).unwrap_or(usize::MAX);
    let mut text = [b'0'; 40];
    let mut at = text.len();
    let mut count = 0;
    let mut rest = Rest::new(mantissa.unsigned_abs());
    while count <= width || !rest.is_zero() {
        if count == width && width > 0 {
            at -= 1;
            text[at] = b'.';
        }
        at -= 1;
        text[at] = b'0' + rest.take_digit();
        count += 1;
    }
    out.extend_from_slice(&text[at..]);
}

/// Appends a whole number.
pub(crate) fn write_whole(out: &mut Vec<u8>, value: i64) {
    write_decimal(out, i128::from(value), 0, 0);
}

/// The decimal as text.
pub(crate) fn decimal_text(mantissa: i128, scale: u32, digits: u32) -> String {
    let mut out = Vec::with_capacity(24);
    write_decimal(&mut out, mantissa, scale, digits);
    String::from_utf8_lossy(&out).into_owned()
}

/// The decimal as text, without zeros at its end.
pub(crate) fn trimmed_text(mantissa: i128, scale: u32) -> String {
    let text = decimal_text(mantissa, scale, scale);
    if scale == 0 {
        return text;
    }
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Digits from the right; most numbers fit 64 bits, where division is fast.
enum Rest {
    Narrow(u64),
    Wide(u128),
}

impl Rest {
    fn new(value: u128) -> Rest {
        u64::try_from(value).map_or(Rest::Wide(value), Rest::Narrow)
    }

    fn is_zero(&self) -> bool {
        matches!(self, Rest::Narrow(0) | Rest::Wide(0))
    }

    fn take_digit(&mut self) -> u8 {
        match self {
            Rest::Narrow(value) => {
                let digit = *value % 10;
                *value /= 10;
                digit.to_le_bytes()[0]
            }
            Rest::Wide(value) => {
                let digit = *value % 10;
                *self = Rest::new(*value / 10);
                digit.to_le_bytes()[0]
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{decimal_text, trimmed_text};

    #[test]
    fn digits_after_the_point_are_fixed() {
        let check = |mantissa, scale, digits, expected: &str| {
            assert_eq!(decimal_text(mantissa, scale, digits), expected, "{mantissa} / 10^{scale}");
        };
        check(4_228_358, 2, 8, "42283.58000000");
        check(69, 5, 8, "0.00069000");
        check(-2227, 7, 8, "-0.00022270");
        check(0, 2, 2, "0.00");
        check(0, 0, 0, "0");
        check(1005, 1, 0, "100");
        check(123_456_789, 8, 2, "1.23");
        check(i128::from(u64::MAX) * 10 + 7, 1, 1, "18446744073709551615.7");
    }
    #[test]
    fn zeros_at_the_end_can_be_left_out() {
        assert_eq!(trimmed_text(4_220_000, 2), "42200");
        assert_eq!(trimmed_text(37_919_725_340, 8), "379.1972534");
        assert_eq!(trimmed_text(0, 8), "0");
        assert_eq!(trimmed_text(100, 0), "100");
        assert_eq!(trimmed_text(-1_500, 3), "-1.5");
    }
}
