//! Times of day as cron writes them.

use std::fmt;

use jiff::ToSpan;
use jiff::civil::{Date, DateTime};

/// How far ahead a next time is looked for: 29 February can be eight years away, on a given weekday forty.
const DAYS_AHEAD_MAX: u32 = 366 * 41;

/// Five fields: minute, hour, day of the month, month, day of the week.
///
/// As in cron, a day counts when either of the two day fields names it, unless one begins with `*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cron {
    text: String,
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    is_either_day: bool,
}

impl Cron {
    /// Reads `m h dom mon dow` with lists, ranges, steps and names, or `@hourly`, `@daily`, `@weekly`, `@monthly`
    /// or `@yearly`.
    pub fn parse(text: &str) -> Result<Cron, CronError> {
        let spelled = match text.trim() {
            "@hourly" => "0 * * * *",
            "@daily" | "@midnight" => "0 0 * * *",
            "@weekly" => "0 0 * * 0",
            "@monthly" => "0 0 1 * *",
            "@yearly" | "@annually" => "0 0 1 1 *",
            other => other,
        };
        let fields: Vec<&str> = spelled.split_whitespace().collect();
        let &[minute, hour, day, month, weekday] = fields.as_slice() else {
            return Err(CronError::Fields(fields.len()));
        };
        let weekdays = parse_field(weekday, &WEEKDAY)?;
        let cron = Cron {
            text: text.trim().to_owned(),
            minutes: parse_field(minute, &MINUTE)?,
            hours: parse_field(hour, &HOUR)?,
            days: parse_field(day, &DAY)?,
            months: parse_field(month, &MONTH)?,
            // Sunday is 0 and 7.
            weekdays: (weekdays | weekdays >> 7) & 0x7f,
            is_either_day: !day.starts_with('*') && !weekday.starts_with('*'),
        };
        if cron.has_day() { Ok(cron) } else { Err(CronError::Never) }
    }

    /// The minutes of an hour; as with the other fields, bit n stands for n.
    pub fn minutes(&self) -> u64 {
        self.minutes
    }

    /// The hours of a day.
    pub fn hours(&self) -> u64 {
        self.hours
    }

    /// The days of a month.
    pub fn days(&self) -> u64 {
        self.days
    }

    /// The months of a year.
    pub fn months(&self) -> u64 {
        self.months
    }

    /// The days of a week, from Sunday, which is 0, to Saturday.
    pub fn weekdays(&self) -> u64 {
        self.weekdays
    }

    /// Whether a day counts when either of the two day fields names it, not only when both do.
    pub fn is_either_day(&self) -> bool {
        self.is_either_day
    }

    /// The first time after `after`, in the same time zone's civil time.
    pub fn next_after(&self, after: DateTime) -> Option<DateTime> {
        let mut date = after.date();
        let minute_of_day = u32::try_from(i32::from(after.hour()) * 60 + i32::from(after.minute())).ok()?;
        let mut first = minute_of_day + 1;
        for _ in 0..DAYS_AHEAD_MAX {
            if self.holds(date)
                && let Some(minute) = (first..24 * 60).find(|minute| self.is_minute(*minute))
            {
                let (hour, minute) = (i8::try_from(minute / 60).ok()?, i8::try_from(minute % 60).ok()?);
                return Some(date.at(hour, minute, 0, 0));
            }
            date = date.checked_add(1.day()).ok()?;
            first = 0;
        }
        None
    }

    fn is_minute(&self, minute_of_day: u32) -> bool {
        self.hours >> (minute_of_day / 60) & 1 == 1 && self.minutes >> (minute_of_day % 60) & 1 == 1
    }

    fn holds(&self, date: Date) -> bool {
        let has = |set: u64, value: i8| set.checked_shr(u32::from(value.unsigned_abs())).unwrap_or(0) & 1 == 1;
        let by_month = has(self.days, date.day());
        let by_week = has(self.weekdays, date.weekday().to_sunday_zero_offset());
        let is_day = if self.is_either_day { by_month || by_week } else { by_month && by_week };
        has(self.months, date.month()) && is_day
    }

    /// Whether any month has any of the days; `30 2` is never.
    fn has_day(&self) -> bool {
        const DAYS: [u32; 13] = [0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        self.is_either_day
            || (1..=12_u32)
                .zip(&DAYS[1..])
                .any(|(month, days)| self.months >> month & 1 == 1 && (1..=*days).any(|day| self.days >> day & 1 == 1))
    }
}

impl fmt::Display for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Why a cron expression was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CronError {
    /// Not five fields.
    Fields(usize),
    /// A field that cannot be read.
    Field {
        /// Which.
        name: &'static str,
        /// What stands there.
        text: String,
        /// The values it may have.
        bounds: (u32, u32),
    },
    /// A day that no month has.
    Never,
}

impl fmt::Display for CronError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CronError::Fields(count) => {
                write!(f, "cron has five fields (minute hour day month weekday), not {count}")
            }
            CronError::Field { name, text, bounds: (first, last) } => {
                write!(f, "{text:?} is no {name} of cron: {first} to {last}, as in 5, 1-5, */15 or 1,2")
            }
            CronError::Never => f.write_str("no month has this day: it would never run"),
        }
    }
}

impl std::error::Error for CronError {}

struct Field {
    name: &'static str,
    first: u32,
    last: u32,
    names: &'static [&'static str],
}

static MINUTE: Field = Field { name: "minute", first: 0, last: 59, names: &[] };
static HOUR: Field = Field { name: "hour", first: 0, last: 23, names: &[] };
static DAY: Field = Field { name: "day", first: 1, last: 31, names: &[] };
static MONTH: Field = Field {
    name: "month",
    first: 1,
    last: 12,
    names: &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
};
static WEEKDAY: Field =
    Field { name: "weekday", first: 0, last: 7, names: &["sun", "mon", "tue", "wed", "thu", "fri", "sat"] };

/// The values of a field as a set of bits.
fn parse_field(text: &str, field: &'static Field) -> Result<u64, CronError> {
    let refused =
        || CronError::Field { name: field.name, text: super::tree::excerpt(text), bounds: (field.first, field.last) };
    let mut set = 0;
    for part in text.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, Some(number(step).filter(|step| *step > 0).ok_or_else(refused)?)),
            None => (part, None),
        };
        let value = |text: &str| field.value(text).ok_or_else(refused);
        let (first, last) = match range.split_once('-') {
            // Sunday ends a week as well as it begins one: `fri-sun`.
            Some((first, last)) => match (value(first)?, value(last)?) {
                (first, 0) if field.last == 7 && first > 0 => (first, 7),
                bounds => bounds,
            },
            None if range == "*" => (field.first, field.last),
            // `5/10` is every tenth from 5 on.
            None if step.is_some() => (value(range)?, field.last),
            None => (value(range)?, value(range)?),
        };
        if first > last {
            return Err(refused());
        }
        for value in (first..=last).step_by(usize::try_from(step.unwrap_or(1)).unwrap_or(1)) {
            set |= 1 << value;
        }
    }
    Ok(set)
}

impl Field {
    fn value(&self, text: &str) -> Option<u32> {
        let lower = text.to_ascii_lowercase();
        let named = self.names.iter().zip(self.first..).find(|(name, _)| **name == lower);
        let value = named.map(|(_, value)| value).or_else(|| number(text))?;
        (self.first..=self.last).contains(&value).then_some(value)
    }
}

fn number(text: &str) -> Option<u32> {
    let is_number = (1..=4).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}
