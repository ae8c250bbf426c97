//! What time it is at the exchange.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use dccd_record::{Day, Ts};

pub(crate) const MILLI: i64 = 1_000;
pub(crate) const SECOND: i64 = 1_000_000;
pub(crate) const MINUTE: i64 = 60 * SECOND;
pub(crate) const HOUR: i64 = 60 * MINUTE;
pub(crate) const DAY: i64 = 24 * HOUR;

/// The simulated clock; instants are microseconds since 1970.
#[derive(Debug)]
pub(crate) struct Clock {
    started: Instant,
    start: i64,
    speed: f64,
}

impl Clock {
    /// A clock that shows `start` (the host's time if none) and from there runs `speed` times as fast as real time.
    pub(crate) fn new(start: Option<Ts>, speed: f64) -> Clock {
        let start = start.map_or_else(host_micros, |ts| ts.nanos() / 1_000);
        Clock { started: Instant::now(), start, speed }
    }

    /// Now, at the exchange.
    pub(crate) fn now(&self) -> i64 {
        self.start.saturating_add(micros(self.started.elapsed().mul_f64(self.speed)))
    }

    /// The clock of rate limits: it begins with the other one but always runs in real time, since clients wait in real time.
    pub(crate) fn limits_now(&self) -> i64 {
        self.start.saturating_add(micros(self.started.elapsed()))
    }
}

/// An instant as HTTP headers have it: `Mon, 01 Jan 2024 00:00:00 GMT`.
pub(crate) fn http_date(instant: i64) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let number = instant.div_euclid(DAY);
    let second = instant.rem_euclid(DAY) / SECOND;
    let day = Day::from_number(number);
    let weekday = usize::try_from(number.rem_euclid(7)).map_or("", |at| DAYS[at]);
    let month = usize::try_from(day.month - 1).map_or("", |at| MONTHS[at]);
    format!(
        "{weekday}, {:02} {month} {:04} {:02}:{:02}:{:02} GMT",
        day.day,
        day.year,
        second / 3600,
        second / 60 % 60,
        second % 60
    )
}

/// `2024-01-01T00:00:00.123456Z`, with so many fraction digits, at most six.
pub(crate) fn iso_text(instant: i64, digits: u32) -> String {
    let day = Day::from_number(instant.div_euclid(DAY));
    let (second, micros) = (instant.rem_euclid(DAY) / SECOND, instant.rem_euclid(SECOND));
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    let whole = format!("{day}T{hour:02}:{minute:02}:{second:02}");
    if digits == 0 {
        return whole + "Z";
    }
    let width = usize::try_from(digits.min(6)).unwrap_or(6);
    let fraction = micros / 10_i64.pow(6 - digits.min(6));
    format!("{whole}.{fraction:0width$}Z")
}

/// An instant of a query: RFC 3339, with or without an offset, or a date; cut off below a microsecond.
pub(crate) fn parse_iso(text: &str) -> Option<i64> {
    let has_time = text.contains(['T', ' ']);
    let text = text.replacen(' ', "T", 1);
    let spellings = if has_time { [text.clone(), text + "Z"] } else { [text.clone() + "T00:00:00Z", text] };
    let ts: Ts = spellings.iter().find_map(|spelling| spelling.parse().ok())?;
    Some(ts.nanos().div_euclid(1_000))
}

fn host_micros() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, micros)
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_headers() {
        let at = |text: &str| text.parse::<Ts>().map(|ts| http_date(ts.nanos() / 1_000)).unwrap_or_default();
        assert_eq!(at("2024-01-01T00:00:00Z"), "Mon, 01 Jan 2024 00:00:00 GMT");
        assert_eq!(at("2026-12-31T23:59:59.999Z"), "Thu, 31 Dec 2026 23:59:59 GMT");
    }

    #[test]
    fn instants_of_queries_and_answers() {
        let instant = 1_704_067_200 * SECOND + 123_456;
        assert_eq!(iso_text(instant, 6), "2024-01-01T00:00:00.123456Z");
        assert_eq!(iso_text(instant, 3), "2024-01-01T00:00:00.123Z");
        assert_eq!(iso_text(instant, 0), "2024-01-01T00:00:00Z");
        for text in ["2024-01-01T00:00:00.123456Z", "2024-01-01T00:00:00.123456", "2024-01-01 01:00:00.123456+01:00"] {
            assert_eq!(parse_iso(text), Some(instant), "{text}");
        }
        assert_eq!(parse_iso("2024-01-01"), Some(1_704_067_200 * SECOND));
        assert_eq!(parse_iso("yesterday"), None);
        assert_eq!(parse_iso(""), None);
    }

    #[test]
    fn a_frozen_clock_stands_still_and_limits_go_on() {
        let start = Ts::from_secs(1_704_067_200).ok();
        let clock = Clock::new(start, 0.0);
        assert_eq!(clock.now(), 1_704_067_200 * SECOND);
        assert!(clock.limits_now() >= clock.now());
    }
}
