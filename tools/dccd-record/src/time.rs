//! Instants: nanoseconds since 1970 in UTC, and their text.

use std::fmt;
use std::str::FromStr;

use crate::digits::Digits;
use crate::excerpt::excerpt;

pub(crate) const NANOS_PER_SECOND: i64 = 1_000_000_000;
const SECONDS_PER_DAY: i64 = 86_400;
const NANOS_PER_DAY: i64 = SECONDS_PER_DAY * NANOS_PER_SECOND;

/// An instant in UTC, to the nanosecond, between [`Ts::MIN`] and [`Ts::MAX`].
///
/// The bounds are narrow on purpose: no exchange traded before 2000, and an instant in 1970 or in
/// the year 56000 is a stamp read in the wrong unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ts(i64);

impl Ts {
    /// 2000-01-01T00:00:00Z, the first instant that is believed.
    pub const MIN: Ts = Ts(946_684_800 * NANOS_PER_SECOND);
    /// 2200-01-01T00:00:00Z, the last instant that is believed.
    pub const MAX: Ts = Ts(7_258_118_400 * NANOS_PER_SECOND);

    /// The instant `nanos` nanoseconds after 1970, if it is believable.
    pub fn from_nanos(nanos: i64) -> Result<Ts, TimeError> {
        if (Ts::MIN.0..=Ts::MAX.0).contains(&nanos) { Ok(Ts(nanos)) } else { Err(TimeError::OutOfRange(nanos)) }
    }

    /// The instant `micros` microseconds after 1970.
    pub fn from_micros(micros: i64) -> Result<Ts, TimeError> {
        Ts::from_nanos(micros.saturating_mul(1_000))
    }

    /// The instant `millis` milliseconds after 1970.
    pub fn from_millis(millis: i64) -> Result<Ts, TimeError> {
        Ts::from_nanos(millis.saturating_mul(1_000_000))
    }

    /// The instant `seconds` seconds after 1970.
    pub fn from_secs(seconds: i64) -> Result<Ts, TimeError> {
        Ts::from_nanos(seconds.saturating_mul(NANOS_PER_SECOND))
    }

    /// The instant `nanos` later (earlier, if negative), held inside the bounds.
    pub fn saturating_add(self, nanos: i64) -> Ts {
        Ts(self.0.saturating_add(nanos).clamp(Ts::MIN.0, Ts::MAX.0))
    }

    /// Nanoseconds since 1970.
    pub fn nanos(self) -> i64 {
        self.0
    }

    /// Whole milliseconds since 1970, rounded down.
    pub fn millis(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// Whole seconds since 1970, rounded down.
    pub fn secs(self) -> i64 {
        self.0.div_euclid(NANOS_PER_SECOND)
    }

    /// The UTC day that holds this instant.
    pub fn day(self) -> Day {
        Day::from_number(self.0.div_euclid(NANOS_PER_DAY))
    }

    /// Appends the text with nine fraction digits, so that text order is time order.
    pub fn write(self, out: &mut Vec<u8>) {
        self.write_second(out);
        out.push(b'.');
        write_digits(out, self.0.rem_euclid(NANOS_PER_SECOND), 9);
        out.push(b'Z');
    }

    /// Appends the text in whole seconds.
    pub fn write_secs(self, out: &mut Vec<u8>) {
        self.write_second(out);
        out.push(b'Z');
    }

    /// Appends `YYYY-MM-DDTHH:MM:SS`.
    pub(crate) fn write_second(self, out: &mut Vec<u8>) {
        let day = self.day();
        day.write(out);
        out.push(b'T');
        self.write_second_of_day(out);
    }

    /// Appends `HH:MM:SS`.
    pub(crate) fn write_second_of_day(self, out: &mut Vec<u8>) {
        let second = self.secs().rem_euclid(SECONDS_PER_DAY);
        write_digits(out, second / 3600, 2);
        out.push(b':');
        write_digits(out, second / 60 % 60, 2);
        out.push(b':');
        write_digits(out, second % 60, 2);
    }
}

impl fmt::Display for Ts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Vec::with_capacity(30);
        self.write(&mut text);
        f.write_str(&String::from_utf8_lossy(&text))
    }
}

impl FromStr for Ts {
    type Err = TimeError;

    /// Any RFC 3339 instant with an offset.
    fn from_str(text: &str) -> Result<Ts, TimeError> {
        if let Some(ts) = scan_canonical(text.as_bytes()) {
            return ts;
        }
        let stamp: jiff::Timestamp = text.parse().map_err(|_| TimeError::Malformed(excerpt(text)))?;
        let nanos = i64::try_from(stamp.as_nanosecond()).unwrap_or(i64::MAX);
        Ts::from_nanos(nanos)
    }
}

/// A day of the proleptic Gregorian calendar in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day {
    /// Year, as in 2024.
    pub year: i64,
    /// Month, 1 to 12.
    pub month: i64,
    /// Day of the month, 1 to 31.
    pub day: i64,
}

impl Day {
    /// The day `number` days after 1970-01-01 (Hinnant's `civil_from_days`).
    pub fn from_number(number: i64) -> Day {
        let shifted = number + 719_468;
        let era = shifted.div_euclid(146_097);
        let day_of_era = shifted.rem_euclid(146_097);
        let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
        let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        Day { year, month, day }
    }

    /// Days after 1970-01-01, or `None` if there is no such day.
    pub fn number(self) -> Option<i64> {
        if !(1..=12).contains(&self.month) || self.day < 1 || self.day > days_in_month(self.year, self.month) {
            return None;
        }
        let year = if self.month <= 2 { self.year - 1 } else { self.year };
        let era = year.div_euclid(400);
        let year_of_era = year.rem_euclid(400);
        let shifted_month = (self.month + 9) % 12;
        let day_of_year = (153 * shifted_month + 2) / 5 + self.day - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        Some(era * 146_097 + day_of_era - 719_468)
    }

    /// The first instant of the day, held inside the bounds of [`Ts`].
    pub fn start(self) -> Ts {
        let number = self.number().unwrap_or(0);
        Ts(number.saturating_mul(NANOS_PER_DAY).clamp(Ts::MIN.0, Ts::MAX.0))
    }

    /// Appends `YYYY-MM-DD`.
    pub fn write(self, out: &mut Vec<u8>) {
        write_digits(out, self.year, 4);
        out.push(b'-');
        write_digits(out, self.month, 2);
        out.push(b'-');
        write_digits(out, self.day, 2);
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

/// Why a time was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TimeError {
    /// Not RFC 3339.
    Malformed(String),
    /// Before 2000 or after 2200, in nanoseconds since 1970.
    OutOfRange(i64),
}

impl fmt::Display for TimeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TimeError::Malformed(text) => write!(f, "{text:?} is no RFC 3339 time such as 2024-01-01T00:00:00Z"),
            TimeError::OutOfRange(nanos) => {
                write!(f, "{nanos} ns since 1970 is not between 2000 and 2200 (is its unit nanoseconds?)")
            }
        }
    }
}

impl std::error::Error for TimeError {}

/// Reads canonical times fast: the text of a second seldom changes from one line to the next.
#[derive(Clone, Debug, Default)]
pub(crate) struct TimeCache {
    text: [u8; 19],
    nanos: i64,
}

impl TimeCache {
    /// The time in `text`, which is `YYYY-MM-DDTHH:MM:SS[.fraction]Z`; `None` if it is anything else.
    #[inline(always)]
    pub(crate) fn scan(&mut self, text: &[u8]) -> Option<Ts> {
        let (second, rest) = text.split_first_chunk()?;
        if *second != self.text {
            self.nanos = scan_second(second)?;
            self.text = *second;
        }
        let nanos = self.nanos.checked_add(scan_fraction(rest)?)?;
        Ts::from_nanos(nanos).ok()
    }
}

fn scan_canonical(text: &[u8]) -> Option<Result<Ts, TimeError>> {
    let (second, rest) = text.split_at_checked(19)?;
    let nanos = scan_second(second)?.checked_add(scan_fraction(rest)?)?;
    Some(Ts::from_nanos(nanos))
}

/// Nanoseconds of `YYYY-MM-DDTHH:MM:SS`; a leap second is left to the general parser.
fn scan_second(text: &[u8]) -> Option<i64> {
    let &[y0, y1, y2, y3, b'-', m0, m1, b'-', d0, d1, b'T', h0, h1, b':', n0, n1, b':', s0, s1] = text else {
        return None;
    };
    let year = two_digits(y0, y1)? * 100 + two_digits(y2, y3)?;
    let day = Day { year, month: two_digits(m0, m1)?, day: two_digits(d0, d1)? }.number()?;
    let (hour, minute, second) = (two_digits(h0, h1)?, two_digits(n0, n1)?, two_digits(s0, s1)?);
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    (day * SECONDS_PER_DAY + hour * 3600 + minute * 60 + second).checked_mul(NANOS_PER_SECOND)
}

/// Nanoseconds of `Z` or `.123Z` with one to nine digits.
#[inline(always)]
fn scan_fraction(text: &[u8]) -> Option<i64> {
    if text == b"Z" {
        return Some(0);
    }
    let digits = text.strip_prefix(b".")?.strip_suffix(b"Z")?;
    let scanned = Digits::of(digits);
    if scanned.count != digits.len() || !(1..=9).contains(&scanned.count) {
        return None;
    }
    let nanos = i64::try_from(scanned.value).ok()?;
    Some((scanned.count..9).fold(nanos, |nanos, _| nanos * 10))
}

fn two_digits(tens: u8, ones: u8) -> Option<i64> {
    (tens.is_ascii_digit() && ones.is_ascii_digit()).then(|| i64::from(tens - b'0') * 10 + i64::from(ones - b'0'))
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Appends the last `width` decimal digits of a number that is not negative.
pub(crate) fn write_digits(out: &mut Vec<u8>, value: i64, width: usize) {
    let mut digits = [b'0'; 20];
    let mut rest = value.unsigned_abs();
    for slot in digits.iter_mut().rev().take(width) {
        *slot = b'0' + (rest % 10).to_le_bytes()[0];
        rest /= 10;
    }
    out.extend_from_slice(&digits[digits.len() - width..]);
}
