use crate::{Status, parse_instant};

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
