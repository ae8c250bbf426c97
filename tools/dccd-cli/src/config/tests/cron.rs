use jiff::civil::DateTime;

use super::super::Cron;

#[test]
fn the_next_time_is_the_next_minute_that_every_field_allows() {
    let check = |cron: &str, after: &str, expected: &[&str]| {
        let cron = Cron::parse(cron).unwrap_or_else(|error| panic!("{cron}: {error}"));
        let mut at: DateTime = after.parse().unwrap_or_default();
        for expected in expected {
            let next = cron.next_after(at).map(|next| next.to_string());
            assert_eq!(next.as_deref(), Some(*expected), "{cron} after {at}");
            at = expected.parse().unwrap_or_default();
        }
    };
    check("* * * * *", "2024-01-01T00:00:30", &["2024-01-01T00:01:00", "2024-01-01T00:02:00"]);
    check("*/15 * * * *", "2024-01-01T23:40", &["2024-01-01T23:45:00", "2024-01-02T00:00:00"]);
    check("5 0,12 * * *", "2024-01-01T00:05", &["2024-01-01T12:05:00", "2024-01-02T00:05:00"]);
    check("10/20 9-17 * * mon-fri", "2024-01-05T17:50", &["2024-01-08T09:10:00", "2024-01-08T09:30:00"]);
    check("0 0 29 feb *", "2024-03-01", &["2028-02-29T00:00:00"]);
    check("0 0 29 2 *", "2096-03-01", &["2104-02-29T00:00:00"]);
    check("0 3 * * 7", "2024-01-01", &["2024-01-07T03:00:00"]);
    check("0 3 * * SUN", "2024-01-01", &["2024-01-07T03:00:00"]);
    check("0 3 * * fri-sun", "2024-01-01", &["2024-01-05T03:00:00", "2024-01-06T03:00:00", "2024-01-07T03:00:00"]);
    // Both days named: either will do.
    check("0 0 13 * 5", "2024-01-01", &["2024-01-05T00:00:00", "2024-01-12T00:00:00", "2024-01-13T00:00:00"]);
    // A starred day is no day: both must hold.
    check("0 0 */2 * 1", "2024-01-02", &["2024-01-15T00:00:00"]);
    check("@hourly", "2024-12-31T23:59", &["2025-01-01T00:00:00"]);
    check("@weekly", "2024-01-01", &["2024-01-07T00:00:00"]);
    check("@yearly", "2024-01-01", &["2025-01-01T00:00:00"]);
}

#[test]
fn what_never_comes_is_refused() {
    for text in
        ["0 0 31 2 *", "0 0 31 4,6,9,11 *", "0 0 30-31 2 *", "@reboot", "", "a b c d e", "0 0 1 1", "0 0 1 * 1-"]
    {
        assert!(Cron::parse(text).is_err(), "{text:?}");
    }
    assert!(Cron::parse("0 0 31 2 1").is_ok(), "on Mondays of February");
}
