//! Numbers as JavaScript prints them, as the exchanges do whose answers hold JSON numbers.

/// Below it JavaScript writes an exponent.
const PLAIN_MIN: f64 = 1e-6;

/// The sum of two decimals as a binary computer finds it, noise included: `116.00180000000002`.
pub(crate) fn noisy_sum(one: &str, other: &str) -> String {
    match (one.parse::<f64>(), other.parse::<f64>()) {
        (Ok(one), Ok(other)) => (one + other).to_string(),
        _ => one.to_owned(),
    }
}

/// A number without needless zeros as it stands in an answer.
pub(crate) fn wire(plain: &str) -> String {
    match plain.parse::<f64>() {
        Ok(value) if value != 0.0 && value.abs() < PLAIN_MIN => format!("{value:e}"),
        _ => plain.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decimal::trimmed_text;

    #[test]
    fn small_numbers_have_exponents() {
        let check = |mantissa, scale, expected: &str| assert_eq!(wire(&trimmed_text(mantissa, scale)), expected);
        check(9_320, 2, "93.2");
        check(9_400, 2, "94");
        check(100, 0, "100");
        check(0, 5, "0");
        check(-119_078, 8, "-0.00119078");
        check(1, 6, "0.000001");
        check(15, 8, "1.5e-7");
        check(-1, 8, "-1e-8");
    }

    #[test]
    fn binary_sums_are_noisy_now_and_then() {
        assert_eq!(noisy_sum("0.1", "0.2"), "0.30000000000000004");
        assert_eq!(noisy_sum("0.5", "0.25"), "0.75");
        assert_eq!(noisy_sum("1.5", "0.5"), "2");
    }
}
