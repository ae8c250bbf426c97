use dccd_record::Ts;

use crate::{Status, TypedTime, Zone, parse_instant};

#[test]
fn instants_as_people_type_them() {
    let check = |typed: &str, expected: Option<&str>| {
        assert_eq!(parse_instant(typed).ok().map(|ts| ts.to_string()).as_deref(), expected, "{typed:?}");
    };
    check("2024-01-01", Some("2024-01-01T00:00:00.000000000Z"));
    check("2024-01-01 12:30", Some("2024-01-01T12:30:00.000000000Z"));
    check("2024-01-01T12:30:15", Some("2024-01-01T12:30:15.000000000Z"));
    check("2024-01-01T12:30:15.5Z", Some("2024-01-01T12:30:15.500000000Z"));
    check("2024-01-01T12:30:15+02:00", Some("2024-01-01T10:30:15.000000000Z"));
    check("2024-13-01", None);
    check("yesterday", None);
    check("1970-01-01", None);
}

#[test]
fn statuses_have_the_numbers_of_the_manual() {
    let codes =
        [Status::Ok, Status::No, Status::Usage, Status::DataErr, Status::IoErr, Status::TempFail].map(Status::code);
    assert_eq!(codes, [0, 1, 2, 65, 74, 75]);
    assert_eq!(Status::Signal(15).code(), 143);
}

#[test]
fn a_time_without_an_offset_is_in_the_zone() {
    let check = |zone: &str, typed: &str, expected: &str| {
        let zone = Zone::named(zone).unwrap_or_else(|error| panic!("{error}"));
        let typed: TypedTime = typed.parse().unwrap_or_else(|error| panic!("{error}"));
        let ts = zone.instant(&typed).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(ts.to_string().trim_end_matches(".000000000Z"), expected, "{typed:?} in {zone:?}");
    };
    check("Europe/Paris", "2024-01-01", "2023-12-31T23:00:00");
    check("Europe/Paris", "2024-07-01 12:00", "2024-07-01T10:00:00");
    check("Europe/Paris", "2024-07-01T12:00:00Z", "2024-07-01T12:00:00");
    check("Europe/Paris", "2024-07-01 12:00-05:00", "2024-07-01T17:00:00");
    check("utc", "2024-01-01", "2024-01-01T00:00:00");
    // Clocks went from 2 to 3, and from 3 back to 2.
    check("Europe/Paris", "2024-03-31T02:30", "2024-03-31T01:30:00");
    check("Europe/Paris", "2024-10-27T02:30", "2024-10-27T00:30:00");
    assert!(Zone::named("local").is_ok());
    for name in ["", "Mars/Olympus", "../UTC", "/etc/passwd", "Europe"] {
        assert!(Zone::named(name).is_err(), "{name:?}");
    }
}

#[test]
fn tables_name_the_offset() {
    let check = |zone: &str, ts: &str, expected: &str| {
        let zone = Zone::named(zone).unwrap_or_else(|error| panic!("{error}"));
        let ts: Ts = ts.parse().unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(zone.text(ts), expected);
    };
    check("UTC", "2024-01-01T00:00:00Z", "2024-01-01T00:00:00Z");
    check("UTC", "2024-01-01T00:00:00.5Z", "2024-01-01T00:00:00.500000000Z");
    check("Europe/Paris", "2024-01-01T00:00:00Z", "2024-01-01T01:00:00+01:00");
    check("Asia/Kolkata", "2024-01-01T00:00:00.25Z", "2024-01-01T05:30:00.25+05:30");
}
