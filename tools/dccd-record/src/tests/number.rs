use proptest::prelude::*;

use super::Random;
use crate::{Fixed, Number, NumberError};

fn fixed(text: &str) -> Fixed {
    Number::new(text).unwrap().to_fixed().unwrap()
}

#[test]
fn json_numbers_are_numbers() {
    for text in [
        "0",
        "-0",
        "1",
        "10",
        "0.1",
        "-0.00000001",
        "42283.58000000",
        "1e5",
        "1E5",
        "1e+5",
        "1.5e-7",
        "0e0",
        "1e00005",
        "123456789012345678901234567890",
    ] {
        assert_eq!(Number::new(text).map(Number::as_str), Ok(text));
    }
}

#[test]
fn anything_else_is_malformed() {
    for text in [
        "",
        "-",
        "+1",
        "01",
        "-01",
        "00",
        "1.",
        ".5",
        "1.e5",
        "1e",
        "1e+",
        "1e5.0",
        "1,5",
        "1 ",
        " 1",
        "0x10",
        "NaN",
        "nan",
        "Infinity",
        "-Infinity",
        "inf",
        "null",
        "\"1\"",
        "1_000",
        "１",
        "1\0",
        "1e5e5",
        "--1",
        "1-",
    ] {
        assert_eq!(Number::new(text), Err(NumberError::Malformed(text.to_owned())), "{text:?}");
    }
}

#[test]
fn numbers_have_at_most_64_digits_written_out() {
    let ones = |count: usize| "1".repeat(count);
    let cases = [
        (ones(64), true),
        (ones(65), false),
        (format!("-{}", ones(64)), true),
        (format!("-{}", ones(65)), false),
        (format!("{}.{}", ones(32), ones(32)), true),
        (format!("{}.{}", ones(32), ones(33)), false),
        ("1e63".to_owned(), true),
        ("1e64".to_owned(), false),
        ("1e-63".to_owned(), true),
        ("1e-64".to_owned(), false),
        ("1e400".to_owned(), false),
        ("1e-400".to_owned(), false),
        ("1e99999999999999999999".to_owned(), false),
        ("1e-99999999999999999999".to_owned(), false),
        ("0e99999999999999999999".to_owned(), false),
        (format!("1e{}1", "0".repeat(100)), true),
        (format!("1e{}1", "0".repeat(1000)), false),
    ];
    for (text, is_taken) in cases {
        match Number::new(&text) {
            Ok(_) => assert!(is_taken, "{text}"),
            Err(error) => {
                assert!(!is_taken && matches!(error, NumberError::TooLong(_)), "{text}");
                assert!(error.to_string().len() < 120);
            }
        }
    }
}

#[test]
fn digits_stay_and_exponents_are_written_out() {
    let check = |text: &str, expected: &str| assert_eq!(Number::new(text).unwrap().to_string(), expected, "{text}");
    check("42283.58000000", "42283.58000000");
    check("-0", "-0");
    check("-0.0", "-0.0");
    check("1e5", "100000");
    check("1.5e3", "1500");
    check("1.50e1", "15.0");
    check("-1.5E+3", "-1500");
    check("1e-7", "0.0000001");
    check("-12.5e-3", "-0.0125");
    check("0.5e1", "5");
    check("0.05e1", "0.5");
    check("0.5e3", "500");
    check("0e5", "0");
    check("-0e5", "-0");
    check("0.00e5", "0");
    check("0.000e1", "0.00");
    check("0e-3", "0.000");
    check("5e0", "5");
    check("12.34e-2", "0.1234");
    check("12.34e2", "1234");
}

/// Lexemes of the shapes exchanges use, and of those they do not.
fn lexeme(random: &mut Random) -> String {
    let sign = random.pick(&["", "", "", "-"]);
    let whole = match random.below(4) {
        0 => "0".to_owned(),
        _ => {
            let length = random.below(12);
            format!("{}{}", random.pick(&['1', '5', '9']), random.digits(length))
        }
    };
    let fraction = match random.below(4) {
        0 => String::new(),
        1 => format!(".{}", random.digits(18)),
        _ => {
            let length = 1 + random.below(10);
            format!(".{}", random.digits(length))
        }
    };
    let exponent = match random.below(8) {
        0 => format!("e{}{}", random.pick(&["", "+", "-"]), random.below(24)),
        _ => String::new(),
    };
    format!("{sign}{whole}{fraction}{exponent}")
}

#[test]
fn floats_are_the_nearest() {
    let mut random = Random::new("floats_are_the_nearest");
    for _ in 0..2_000_000 {
        let text = lexeme(&mut random);
        let theirs: f64 = text.parse().unwrap();
        assert_eq!(Number::new(&text).unwrap().to_f64().to_bits(), theirs.to_bits(), "{text}");
    }
}

#[test]
fn written_numbers_read_back_as_the_same_value() {
    let mut random = Random::new("written_numbers_read_back_as_the_same_value");
    for _ in 0..200_000 {
        let text = lexeme(&mut random);
        let Ok(number) = Number::new(&text) else { continue };
        let written = number.to_string();
        let again = Number::new(&written).unwrap_or_else(|error| panic!("{text} is written {written}: {error}"));
        assert!(!written.contains(['e', 'E']));
        assert_eq!(again.to_string(), written);
        assert_eq!(again.to_f64().to_bits(), number.to_f64().to_bits(), "{text}");
        assert_eq!(again.is_negative(), number.is_negative());
        assert_eq!(again.is_zero(), number.to_f64() == 0.0, "{text}");
        if let (Ok(left), Ok(right)) = (number.to_fixed(), again.to_fixed()) {
            assert_eq!(left, right, "{text}");
        }
    }
}

#[test]
fn exact_values_are_written_short() {
    let check = |text: &str, expected: &str| assert_eq!(fixed(text).to_string(), expected, "{text}");
    check("42283.58000000", "42283.58");
    check("100", "100");
    check("100.00", "100");
    check("-0.50", "-0.5");
    check("-0", "0");
    check("0.000", "0");
    check("1.5e3", "1500");
    check("1e-30", "0.000000000000000000000000000001");
    check("0e50", "0");
    check("170141183460469231731687303715884105727", "170141183460469231731687303715884105727");
    assert!(Number::new("170141183460469231731687303715884105728").unwrap().to_fixed().is_err());
    assert!(Number::new("1e39").unwrap().to_fixed().is_err());
}

#[test]
fn sums_and_products_are_exact() {
    let sum = |left: &str, right: &str| fixed(left).checked_add(fixed(right)).map(|sum| sum.to_string());
    let product = |left: &str, right: &str| fixed(left).checked_mul(fixed(right)).map(|sum| sum.to_string());
    assert_eq!(sum("0.1", "0.2").as_deref(), Some("0.3"));
    assert_eq!(sum("1e-30", "1").as_deref(), Some("1.000000000000000000000000000001"));
    assert_eq!(sum("0", "1e-60").unwrap(), format!("0.{}1", "0".repeat(59)));
    assert_eq!(sum("1", "1e-60"), None);
    assert_eq!(product("42283.58", "0.00069").as_deref(), Some("29.1756702"));
    assert_eq!(product("-1.5", "1.5").as_deref(), Some("-2.25"));
    // Zeros at the end of 18-digit numbers do not make a product too long.
    assert_eq!(product("123456.500000000000000000", "1000000.250000000000000000").as_deref(), Some("123456530864.125"));
    assert_eq!(product("99999999999999999999", "99999999999999999999"), None);
    assert_eq!(sum("170141183460469231731687303715884105727", "1"), None);
}

#[test]
fn order_is_by_value_at_any_scale() {
    let ascending = ["-1e37", "-2", "-1.5", "-1e-60", "0", "1e-60", "1e-40", "0.1", "1.0", "1.5", "9e37"];
    for (at, left) in ascending.iter().enumerate() {
        for (other, right) in ascending.iter().enumerate() {
            assert_eq!(fixed(left).cmp(&fixed(right)), at.cmp(&other), "{left} {right}");
        }
    }
    assert_eq!(fixed("1.50"), fixed("1.5"));
    assert_eq!(fixed("-0.0"), Fixed::ZERO);
}

#[test]
fn a_mantissa_is_given_only_if_nothing_is_lost() {
    assert_eq!(fixed("1.50").mantissa_at(1), Some(15));
    assert_eq!(fixed("1.55").mantissa_at(1), None);
    assert_eq!(fixed("1.5").mantissa_at(18), Some(1_500_000_000_000_000_000));
    assert_eq!(fixed("0").mantissa_at(u32::MAX), Some(0));
    assert_eq!(fixed("1e30").mantissa_at(18), None);
    assert_eq!(fixed("1e-60").mantissa_at(18), None);
}

#[test]
fn parts_make_a_value_if_it_fits() {
    assert_eq!(Fixed::from_parts(15, 1), Some(fixed("1.5")));
    assert_eq!(Fixed::from_parts(15, -2), Some(fixed("1500")));
    assert_eq!(Fixed::from_parts(0, i32::MIN), Some(Fixed::ZERO));
    assert_eq!(Fixed::from_parts(1, -39), None);
}

proptest! {
    /// Small exact decimals calculate as integers do.
    #[test]
    fn arithmetic_agrees_with_integers(
        left in -1_000_000_000_000_i64..1_000_000_000_000, left_scale in 0..7_i32,
        right in -1_000_000_000_000_i64..1_000_000_000_000, right_scale in 0..7_i32,
    ) {
        let [a, b] = [(left, left_scale), (right, right_scale)].map(|(mantissa, scale)| Fixed::from_parts(mantissa.into(), scale).unwrap());
        let at_scale = |mantissa: i64, scale: i32| i128::from(mantissa) * 10_i128.pow((6 - scale).unsigned_abs());
        let (x, y) = (at_scale(left, left_scale), at_scale(right, right_scale));
        prop_assert_eq!(a.cmp(&b), x.cmp(&y));
        prop_assert_eq!(a.checked_add(b).unwrap().mantissa_at(6), Some(x + y));
        prop_assert_eq!(a.checked_mul(b).unwrap().mantissa_at(12), Some(x * y));
        prop_assert_eq!(fixed(&a.to_string()), a);
    }

    /// What is taken is exactly JSON's grammar, whatever comes.
    #[test]
    fn the_grammar_is_that_of_json(text in "[-+0-9.eE]{0,12}") {
        let is_json = serde_json::from_str::<&serde_json::value::RawValue>(&text).is_ok();
        match Number::new(&text) {
            Ok(_) => prop_assert!(is_json),
            Err(NumberError::TooLong(_)) => prop_assert!(is_json),
            Err(NumberError::Malformed(_)) => prop_assert!(!is_json),
        }
    }
}
