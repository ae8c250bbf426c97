use super::{Random, ts};
use crate::{Span, SpanError, Ts};

#[test]
fn spans_as_people_type_them() {
    let check = |typed: &str, seconds: u32, shown: &str| {
        let span: Span = typed.parse().unwrap();
        assert_eq!((span.secs(), span.to_string().as_str()), (seconds, shown), "{typed:?}");
        assert_eq!(shown.parse(), Ok(span));
    };
    check("1", 1, "1s");
    check("60", 60, "1m");
    check("60s", 60, "1m");
    check("90s", 90, "90s");
    check("5m", 300, "5m");
    check("1h", 3600, "1h");
    check("7200", 7200, "2h");
    check("24h", 86_400, "1d");
    check("3d", 259_200, "3d");
    check("7d", 604_800, "1w");
    check("1w", 604_800, "1w");
}

#[test]
fn what_is_no_span_is_refused() {
    for typed in ["", "h", "-1", "+60", "1.5h", "1 h", "1H", "4294967296", "99999999w", "１h", "1x", "0x10"] {
        assert_eq!(typed.parse::<Span>(), Err(SpanError::Malformed(typed.to_owned())), "{typed:?}");
    }
    for (typed, seconds) in
        [("0", 0), ("7", 7), ("7h", 25_200), ("8d", 691_200), ("2w", 1_209_600), ("129600", 129_600)]
    {
        assert_eq!(typed.parse::<Span>(), Err(SpanError::Unaligned(seconds)), "{typed:?}");
    }
    for typed in ["1M", "3M", "1y"] {
        assert_eq!(typed.parse::<Span>(), Err(SpanError::Calendar(typed.to_owned())));
    }
}

#[test]
fn every_span_reads_back() {
    let spans: Vec<Span> = (0..=700_000).filter_map(|seconds| Span::from_secs(seconds).ok()).collect();
    assert_eq!(spans.len(), 96 + 6);
    for span in spans {
        assert_eq!(span.to_string().parse(), Ok(span));
        assert_eq!(span.secs().to_string().parse(), Ok(span));
    }
}

#[test]
fn buckets_begin_at_multiples_and_weeks_on_monday() {
    let check = |span: Span, at: &str, floor: &str, ceil: &str| {
        assert_eq!((span.floor(ts(at)), span.ceil(ts(at))), (ts(floor), ts(ceil)), "{span} {at}");
    };
    let week = "1w".parse().unwrap();
    check(Span::HOUR, "2024-01-01T10:30:00.5Z", "2024-01-01T10:00:00Z", "2024-01-01T11:00:00Z");
    check(Span::HOUR, "2024-01-01T10:00:00Z", "2024-01-01T10:00:00Z", "2024-01-01T10:00:00Z");
    check(Span::DAY, "2024-02-29T23:59:59.999999999Z", "2024-02-29T00:00:00Z", "2024-03-01T00:00:00Z");
    check(week, "2024-01-03T00:00:00Z", "2024-01-01T00:00:00Z", "2024-01-08T00:00:00Z");
    check(week, "2024-01-01T00:00:00Z", "2024-01-01T00:00:00Z", "2024-01-01T00:00:00Z");
}

#[test]
fn the_first_and_last_buckets_stay_on_the_grid() {
    // 2000 began on a Saturday: its first Monday is the 3rd.
    let week: Span = "1w".parse().unwrap();
    assert_eq!(week.ceil(Ts::MIN), ts("2000-01-03T00:00:00Z"));
    assert_eq!(week.ceil(ts("2000-01-01T12:00:00Z")), ts("2000-01-03T00:00:00Z"));
    assert_eq!(week.floor(ts("2000-01-02T00:00:00Z")), Ts::MIN);
    assert!(!week.is_aligned(Ts::MIN));
    assert_eq!(week.floor(Ts::MAX), ts("2199-12-30T00:00:00Z"));
    assert_eq!(week.ceil(Ts::MAX), Ts::MAX);
}

#[test]
fn floor_and_ceil_enclose() {
    let mut random = Random::new("floor_and_ceil_enclose");
    let spans: Vec<Span> = (1..=604_800).filter_map(|seconds| Span::from_secs(seconds).ok()).collect();
    for _ in 0..100_000 {
        let span = random.pick(&spans);
        let at = ts("2010-01-01T00:00:00Z").saturating_add(i64::try_from(random.next() >> 4).unwrap());
        let (floor, ceil) = (span.floor(at), span.ceil(at));
        assert!(floor <= at && at <= ceil);
        assert!(span.is_aligned(floor) && span.is_aligned(ceil));
        assert_eq!(ceil.nanos() - floor.nanos(), if span.is_aligned(at) { 0 } else { span.nanos() });
    }
}
