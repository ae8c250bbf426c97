//! The width of a candle.

use std::fmt;
use std::str::FromStr;

use crate::excerpt::excerpt;
use crate::time::{NANOS_PER_SECOND, Ts};

const DAY: u32 = 86_400;
const WEEK: u32 = 7 * DAY;
/// Day 4 after 1970-01-01 was a Monday; weeks begin there.
const FIRST_MONDAY: i64 = 4 * 86_400;

/// A width in whole seconds: it divides a day, or is a number of whole days up to a week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(u32);

impl Span {
    /// One second.
    pub const SECOND: Span = Span(1);
    /// One minute.
    pub const MINUTE: Span = Span(60);
    /// One hour.
    pub const HOUR: Span = Span(3600);
    /// One day.
    pub const DAY: Span = Span(DAY);

    /// The span of `seconds`.
    pub fn from_secs(seconds: u32) -> Result<Span, SpanError> {
        let divides_day = seconds != 0 && DAY.is_multiple_of(seconds);
        let whole_days = seconds != 0 && seconds.is_multiple_of(DAY) && seconds <= WEEK;
        if divides_day || whole_days { Ok(Span(seconds)) } else { Err(SpanError::Unaligned(seconds)) }
    }

    /// Seconds.
    pub fn secs(self) -> u32 {
        self.0
    }

    /// Nanoseconds.
    pub fn nanos(self) -> i64 {
        i64::from(self.0) * NANOS_PER_SECOND
    }

    /// The start of the bucket that holds `ts`: multiples of the span since 1970, weeks since a Monday;
    /// held inside the bounds of [`Ts`].
    pub fn floor(self, ts: Ts) -> Ts {
        ts.saturating_add(-self.nanos_into(ts))
    }

    /// The first bucket start at or after `ts`, held inside the bounds of [`Ts`].
    pub fn ceil(self, ts: Ts) -> Ts {
        match self.nanos_into(ts) {
            0 => ts,
            into => ts.saturating_add(self.nanos() - into),
        }
    }

    /// Whether `ts` is the start of a bucket.
    pub fn is_aligned(self, ts: Ts) -> bool {
        self.nanos_into(ts) == 0
    }

    /// How far `ts` lies behind the start of its bucket.
    fn nanos_into(self, ts: Ts) -> i64 {
        (ts.nanos() - self.origin()).rem_euclid(self.nanos())
    }

    fn origin(self) -> i64 {
        if self.0 == WEEK { FIRST_MONDAY * NANOS_PER_SECOND } else { 0 }
    }
}

impl fmt::Display for Span {
    /// `1m`, `4h`, `1d`, `1w`; other widths in seconds, as `7200s` never is: it is `2h`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (unit, name) in [(WEEK, 'w'), (DAY, 'd'), (3600, 'h'), (60, 'm')] {
            if self.0.is_multiple_of(unit) {
                return write!(f, "{}{name}", self.0 / unit);
            }
        }
        write!(f, "{}s", self.0)
    }
}

impl FromStr for Span {
    type Err = SpanError;

    /// `3600`, `60s`, `1m`, `1h`, `1d` or `1w`.
    fn from_str(text: &str) -> Result<Span, SpanError> {
        let malformed = || SpanError::Malformed(excerpt(text));
        let (digits, unit) = match text.char_indices().last() {
            Some((at, 's')) => (&text[..at], 1),
            Some((at, 'm')) => (&text[..at], 60),
            Some((at, 'h')) => (&text[..at], 3600),
            Some((at, 'd')) => (&text[..at], DAY),
            Some((at, 'w')) => (&text[..at], WEEK),
            Some((_, 'M' | 'y')) => return Err(SpanError::Calendar(excerpt(text))),
            _ => (text, 1),
        };
        if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(malformed());
        }
        let count: u32 = digits.parse().map_err(|_| malformed())?;
        Span::from_secs(count.checked_mul(unit).ok_or_else(malformed)?)
    }
}

/// Why a span was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SpanError {
    /// Not a number with an optional unit.
    Malformed(String),
    /// Seconds that neither divide a day nor make whole days up to a week.
    Unaligned(u32),
    /// Months and years.
    Calendar(String),
}

impl fmt::Display for SpanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SpanError::Malformed(text) => write!(f, "{text:?} is no span such as 60, 1m, 1h, 1d or 1w"),
            SpanError::Unaligned(seconds) => {
                write!(f, "a span of {seconds} s neither divides a day nor is 1 to 7 whole days")
            }
            SpanError::Calendar(text) => {
                write!(f, "a span of {text} has no fixed width: ask for 1d and combine the days yourself")
            }
        }
    }
}

impl std::error::Error for SpanError {}
