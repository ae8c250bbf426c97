use super::{bytes, duration};

#[test]
fn durations_have_the_two_units_that_matter() {
    let cases = [
        (0, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (61, "1 min 1 s"),
        (3600, "1 h"),
        (34 * 3600 + 29 * 60 + 59, "34 h 29 min"),
        (100 * 3600 - 1, "99 h 59 min"),
        (100 * 3600, "4 d 4 h"),
        (2373 * 86_400, "2373 d"),
    ];
    for (secs, expected) in cases {
        assert_eq!(duration(secs), expected);
    }
}

#[test]
fn bytes_have_the_unit_that_fits() {
    let cases = [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (10_239, "9.9 KiB"),
        (10_240, "10 KiB"),
        (1_038_090_240, "990 MiB"),
        ((1 << 30) - 1, "1023 MiB"),
        (1 << 30, "1.0 GiB"),
        (u64::MAX, "15 EiB"),
    ];
    for (count, expected) in cases {
        assert_eq!(bytes(count), expected);
    }
}
