use jiff::ToSpan;

use super::{Random, ts};
use crate::{Day, TimeError, Ts};

#[test]
fn times_are_written_with_nine_digits() {
    let check = |typed: &str, expected: &str| {
        assert_eq!(typed.parse::<Ts>().map(|ts| ts.to_string()).as_deref(), Ok(expected), "{typed:?}");
    };
    check("2024-01-01T00:00:00Z", "2024-01-01T00:00:00.000000000Z");
    check("2024-02-29T23:59:59.123456789Z", "2024-02-29T23:59:59.123456789Z");
    check("2024-01-01T00:00:00.000000001Z", "2024-01-01T00:00:00.000000001Z");
    check("2024-01-01T02:00:00+02:00", "2024-01-01T00:00:00.000000000Z");
    check("2024-01-01T02:00:00.5-05:30", "2024-01-01T07:30:00.500000000Z");
    check("2016-12-31T23:59:60Z", "2016-12-31T23:59:59.000000000Z");
    check("2000-01-01T00:00:00Z", "2000-01-01T00:00:00.000000000Z");
    check("2200-01-01T00:00:00Z", "2200-01-01T00:00:00.000000000Z");
}

#[test]
fn fractions_have_one_to_nine_digits() {
    for digits in 1..=9 {
        let typed = format!("2024-01-01T00:00:00.{}Z", &"123456789"[..digits]);
        let expected = format!("2024-01-01T00:00:00.{:0<9}Z", &"123456789"[..digits]);
        assert_eq!(ts(&typed).to_string(), expected);
    }
}

#[test]
fn what_is_no_time_is_refused() {
    for typed in [
        "",
        "Z",
        "2024-01-01",
        "2024-01-01T00:00:00",
        "2024-01-01T00:00:00.Z",
        "2024-01-01T00:00:00.1234567890Z",
        "2024-01-01T00:00:00,5",
        "2024-13-01T00:00:00Z",
        "2024-00-01T00:00:00Z",
        "2023-02-29T00:00:00Z",
        "2024-04-31T00:00:00Z",
        "2024-01-00T00:00:00Z",
        "2024-01-01T24:00:00Z",
        "2024-01-01T00:60:00Z",
        "2024-01-01T00:00:61Z",
        "+024-01-01T00:00:00Z",
        "1704067200",
        "NaN",
        "２０２４-01-01T00:00:00Z",
    ] {
        assert_eq!(typed.parse::<Ts>(), Err(TimeError::Malformed(typed.to_owned())), "{typed:?}");
    }
}

#[test]
fn times_outside_of_the_bounds_are_refused() {
    for typed in ["1970-01-01T00:00:00Z", "1999-12-31T23:59:59.999999999Z", "2200-01-01T00:00:00.000000001Z"] {
        assert!(matches!(typed.parse::<Ts>(), Err(TimeError::OutOfRange(_))), "{typed:?}");
    }
    for typed in ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"] {
        assert!(typed.parse::<Ts>().is_err(), "{typed:?}");
    }
    assert_eq!(Ts::from_nanos(Ts::MIN.nanos()), Ok(Ts::MIN));
    assert_eq!(Ts::from_nanos(Ts::MAX.nanos()), Ok(Ts::MAX));
    for nanos in [Ts::MIN.nanos() - 1, Ts::MAX.nanos() + 1, 0, -1, i64::MIN, i64::MAX] {
        assert_eq!(Ts::from_nanos(nanos), Err(TimeError::OutOfRange(nanos)));
    }
    // A stamp in the wrong unit is never believed.
    assert!(Ts::from_millis(1_704_067_200).is_err());
    assert!(Ts::from_secs(1_704_067_200_000).is_err());
    assert!(Ts::from_micros(i64::MAX).is_err());
    assert_eq!(Ts::from_millis(1_704_067_200_123).unwrap().to_string(), "2024-01-01T00:00:00.123000000Z");
    assert_eq!(Ts::from_micros(1_704_067_200_000_001).unwrap().to_string(), "2024-01-01T00:00:00.000001000Z");
}

#[test]
fn adding_stops_at_the_bounds() {
    assert_eq!(Ts::MAX.saturating_add(1), Ts::MAX);
    assert_eq!(Ts::MIN.saturating_add(-1), Ts::MIN);
    assert_eq!(Ts::MIN.saturating_add(i64::MAX), Ts::MAX);
    assert_eq!(Ts::MAX.saturating_add(i64::MIN), Ts::MIN);
    assert_eq!(ts("2024-01-01T00:00:00Z").saturating_add(1).to_string(), "2024-01-01T00:00:00.000000001Z");
}

#[test]
fn every_day_agrees_with_jiff() {
    let mut date = jiff::civil::date(2000, 1, 1);
    let mut number = 10_957;
    while date.year() <= 2200 {
        let day = Day { year: date.year().into(), month: date.month().into(), day: date.day().into() };
        assert_eq!(Day::from_number(number), day);
        assert_eq!(day.number(), Some(number), "{date}");
        assert_eq!(day.to_string(), date.to_string());
        if day.start() < Ts::MAX {
            assert_eq!(day.start().day(), day);
            assert_eq!(day.start().saturating_add(86_400_000_000_000 - 1).day(), day);
            assert_eq!(day.start().to_string(), format!("{date}T00:00:00.000000000Z"));
        }
        date = date.checked_add(1.day()).unwrap();
        number += 1;
    }
    assert_eq!(number, 84_371);
}

#[test]
fn days_that_do_not_exist_have_no_number() {
    for (year, month, day) in [(2023, 2, 29), (2100, 2, 29), (2024, 4, 31), (2024, 0, 1), (2024, 13, 1), (2024, 1, 0)] {
        assert_eq!(Day { year, month, day }.number(), None);
    }
    assert!(Day { year: 2000, month: 2, day: 29 }.number().is_some());
}

#[test]
fn random_times_agree_with_jiff_and_read_back() {
    let mut random = Random::new("random_times_agree_with_jiff_and_read_back");
    let width = u64::try_from(Ts::MAX.nanos() - Ts::MIN.nanos()).unwrap();
    for _ in 0..100_000 {
        let nanos = Ts::MIN.nanos() + i64::try_from(random.next() % width).unwrap();
        let ts = Ts::from_nanos(nanos).unwrap();
        let text = ts.to_string();
        let theirs = jiff::Timestamp::from_nanosecond(nanos.into()).unwrap();
        assert_eq!(text, format!("{theirs:.9}"));
        assert_eq!(text.parse(), Ok(ts));
        assert_eq!(theirs.to_string().parse(), Ok(ts));
    }
}

#[test]
fn text_order_is_time_order() {
    let mut random = Random::new("text_order_is_time_order");
    for _ in 0..10_000 {
        let mut draw = || Ts::MIN.saturating_add(i64::try_from(random.next() >> 2).unwrap());
        let (left, right) = (draw(), draw());
        assert_eq!(left.cmp(&right), left.to_string().cmp(&right.to_string()));
    }
}
