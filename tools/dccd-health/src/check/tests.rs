#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod disks;
mod judged;

use std::path::Path;
use std::time::Duration;

use dccd_cli::Zone;
use dccd_cli::config::{Config, Cron, Schedule};
use dccd_record::Ts;

use super::due::last_due;
use super::text::{age, parse_time, size};

fn at(text: &str) -> Ts {
    text.parse().unwrap()
}

fn config(text: &str) -> Config {
    Config::parse(Path::new("config.yml"), text).unwrap()
}

#[test]
fn times_are_typed_with_units() {
    let check = |text, expected: Option<u64>| {
        assert_eq!(parse_time(text).ok(), expected.map(Duration::from_secs), "{text:?}");
    };
    check("90", Some(90));
    check("90s", Some(90));
    check("15m", Some(900));
    check("2h", Some(7_200));
    check("1d", Some(86_400));
    check("0", Some(0));
    check("1w", Some(604_800));
    for wrong in ["", "m", "-1", "+1", "1.5h", "1y", "1 h", "h1", "99999999999999999999", "9999999w", "1µ"] {
        check(wrong, None);
    }
}

#[test]
fn ages_and_sizes_are_told_roughly() {
    let check = |secs: i64, expected: &str| assert_eq!(age(secs * 1_000_000_000), expected);
    check(-5, "0 s");
    check(59, "59 s");
    check(61, "1 min");
    check(3_600, "1 h");
    check(5_400, "1 h 30 min");
    check(86_400, "1 d");
    check(90_000, "1 d 1 h");
    let check = |bytes, expected: &str| assert_eq!(size(bytes), expected);
    check(0, "0 B");
    check(1_023, "1023 B");
    check(1_536, "1.5 KiB");
    check(10 << 30, "10.0 GiB");
    check(u64::MAX, "16777215.9 TiB");
}

#[test]
fn a_run_is_due_after_its_time_and_some_grace() {
    let now = at("2024-03-13T12:00:00Z");
    let every = |secs| last_due(&Schedule::Every(secs), None, now);
    // Ten minutes at least, a quarter of the time between two runs, six hours at most.
    assert_eq!(every(60), Some(at("2024-03-13T11:49:00Z")));
    assert_eq!(every(3_600), Some(at("2024-03-13T10:45:00Z")));
    assert_eq!(every(7 * 86_400), Some(at("2024-03-06T06:00:00Z")));
    assert_eq!(every(u64::MAX), Some(Ts::MIN));
    assert_eq!(last_due(&Schedule::Manual, None, now), None);
}

#[test]
fn times_of_cron_are_those_of_the_zone() {
    let now = at("2024-03-13T12:00:00Z");
    let check = |text: &str, zone: &str, expected: Option<&str>| {
        let schedule = Schedule::Cron(Cron::parse(text).unwrap());
        let zone = Zone::named(zone).unwrap();
        assert_eq!(last_due(&schedule, Some(&zone), now), expected.map(at), "{text}");
    };
    check("* * * * *", "UTC", Some("2024-03-13T11:50:00Z"));
    check("0 * * * *", "UTC", Some("2024-03-13T11:00:00Z"));
    // Within the grace of six hours, it is the day before that counts.
    check("0 3 * * *", "UTC", Some("2024-03-13T03:00:00Z"));
    check("0 7 * * *", "UTC", Some("2024-03-12T07:00:00Z"));
    check("0 3 * * *", "Asia/Tokyo", Some("2024-03-12T18:00:00Z"));
    // Wednesday; weekends are long.
    check("30 8 * * mon", "UTC", Some("2024-03-11T08:30:00Z"));
    check("0 0 29 2 *", "UTC", Some("2024-02-29T00:00:00Z"));
    check("15 10 1 1 *", "UTC", Some("2024-01-01T10:15:00Z"));
}

#[test]
fn the_time_before_is_found_wherever_one_begins() {
    let now = at("2024-03-13T12:00:00Z");
    for text in ["* * * * *", "*/7 3-5 * * *", "0 12 * * *", "1 1 1 * *", "5 4 * * sun", "0 0 31 12 *"] {
        let cron = Cron::parse(text).unwrap();
        let zone = Zone::utc();
        let schedule = Schedule::Cron(cron.clone());
        for minutes in (0..60 * 24 * 40).step_by(1_111) {
            let now = now.saturating_add(minutes * 60_000_000_000);
            let due = last_due(&schedule, Some(&zone), now).unwrap();
            assert!(due <= now, "{text} at {now}: {due}");
            // It is a time of the expression: the next one after the minute before.
            let next = cron.next_after(zone.civil(due.saturating_add(-1))).unwrap();
            assert_eq!(next, zone.civil(due), "{text} at {now}");
        }
    }
}
