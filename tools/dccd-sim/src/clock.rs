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
    fn a_frozen_clock_stands_still_and_limits_go_on() {
        let start = Ts::from_secs(1_704_067_200).ok();
        let clock = Clock::new(start, 0.0);
        assert_eq!(clock.now(), 1_704_067_200 * SECOND);
        assert!(clock.limits_now() >= clock.now());
    }
}
