#![expect(clippy::unwrap_used, reason = "a test may fail")]

use dccd_record::Ts;

use super::exposition::{Exposition, Form, Value, labels};

#[test]
fn labels_are_escaped() {
    let check = |value, expected: &str| assert_eq!(labels(&[("a", value)]), expected);
    check("BTC/USDT", r#"{a="BTC/USDT"}"#);
    check("a\"b\\c\nd", r#"{a="a\"b\\c\nd"}"#);
    check("ü{}=", r#"{a="ü{}="}"#);
    assert_eq!(labels(&[("a", "1"), ("b", "2")]), r#"{a="1",b="2"}"#);
}

#[test]
fn values_are_in_base_units() {
    let check = |value, expected: &str| {
        let mut out = Exposition::default();
        out.family("x", Form::Gauge, "An x.");
        out.sample("", value);
        let text = String::from_utf8(out.into_bytes()).unwrap();
        assert_eq!(text, format!("# HELP x An x.\n# TYPE x gauge\nx {expected}\n"));
    };
    check(Value::Count(u64::MAX), "18446744073709551615");
    check(Value::Nanos(1_500_000_000), "1.500");
    check(Value::Nanos(-1), "-0.000");
    check(Value::Time(Ts::from_nanos(1_704_067_200_999_999_999).unwrap()), "1704067200.999");
    check(Value::Rate { count: 86_400 * 3 + 43_200, secs: 86_400 }, "3.500");
    check(Value::Rate { count: u64::MAX, secs: 0 }, "18446744073709551615.000");
}

#[test]
fn a_family_without_samples_is_left_out() {
    let mut out = Exposition::default();
    out.family("x", Form::Gauge, "An x.");
    out.maybe("", None);
    out.family("y_total", Form::Counter, "Ys.");
    out.maybe("", Some(Value::Count(1)));
    out.sample("{a=\"b\"}", Value::Count(2));
    let text = String::from_utf8(out.into_bytes()).unwrap();
    assert_eq!(text, "# HELP y_total Ys.\n# TYPE y_total counter\ny_total 1\ny_total{a=\"b\"} 2\n");
}
