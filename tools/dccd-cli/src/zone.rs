//! Time zones: how dates that name none are read.

use std::fmt;
use std::str::FromStr;

use dccd_record::{TimeError, Ts};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// A time zone by its name.
#[derive(Clone, Debug, PartialEq)]
pub struct Zone {
    name: String,
    zone: TimeZone,
}

impl Zone {
    /// UTC.
    pub fn utc() -> Zone {
        Zone { name: "UTC".to_owned(), zone: TimeZone::UTC }
    }

    /// `UTC`, `local`, or a name such as `Europe/Paris`.
    pub fn named(name: &str) -> Result<Zone, UnknownZone> {
        let zone = match name.to_ascii_lowercase().as_str() {
            "utc" => return Ok(Zone::utc()),
            "local" => TimeZone::try_system(),
            _ => TimeZone::get(name),
        };
        zone.map(|zone| Zone { name: name.to_owned(), zone }).map_err(|_| UnknownZone(name.chars().take(60).collect()))
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The instant that was typed. A time that a change of clocks skipped is read an hour later, one that came
    /// twice as the first.
    pub fn instant(&self, typed: &TypedTime) -> Result<Ts, TimeError> {
        match typed {
            TypedTime::Instant(ts) => Ok(*ts),
            TypedTime::Civil(time) => {
                let malformed = |_| TimeError::Malformed(time.to_string());
                let stamp = time.to_zoned(self.zone.clone()).map_err(malformed)?.timestamp();
                Ts::from_nanos(i64::try_from(stamp.as_nanosecond()).unwrap_or(i64::MAX))
            }
        }
    }

    /// The date and time here by this host's clock.
    pub fn now(&self) -> DateTime {
        self.zone.to_datetime(jiff::Timestamp::now())
    }

    /// The text of `ts` in tables: the time here and its offset from UTC, in whole seconds where nothing is lost.
    pub fn text(&self, ts: Ts) -> String {
        if self.zone == TimeZone::UTC {
            let text = ts.to_string();
            return text.strip_suffix(".000000000Z").map_or(text.clone(), |seconds| format!("{seconds}Z"));
        }
        let stamp = jiff::Timestamp::from_nanosecond(ts.nanos().into()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        stamp.to_zoned(self.zone.clone()).strftime("%Y-%m-%dT%H:%M:%S%.f%:z").to_string()
    }

    /// The date and time of `ts` here.
    pub fn civil(&self, ts: Ts) -> DateTime {
        let stamp = jiff::Timestamp::from_nanosecond(ts.nanos().into()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        self.zone.to_datetime(stamp)
    }
}

/// A time zone that is not known here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownZone(String);

impl fmt::Display for UnknownZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no time zone {:?}: UTC, local, or a name such as Europe/Paris (is tzdata installed?)", self.0)
    }
}

impl std::error::Error for UnknownZone {}

/// A time as people type it: `2024-01-01`, `2024-01-01 12:00`, `2024-01-01T12:00:00Z`, or with an offset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TypedTime {
    /// It said its offset.
    Instant(Ts),
    /// It did not: which instant is meant depends on the zone.
    Civil(DateTime),
}

impl FromStr for TypedTime {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<TypedTime, TimeError> {
        let malformed = || TimeError::Malformed(text.chars().take(60).collect());
        let text = text.trim();
        let has_offset = text.get(10..).is_some_and(|time| time.contains(['Z', 'z', '+', '-']));
        if has_offset {
            return text.replacen(' ', "T", 1).parse().map(TypedTime::Instant);
        }
        // The year must have four digits: `20240101` is a slip more often than a date.
        if text.get(4..5) != Some("-") {
            return Err(malformed());
        }
        let civil: DateTime = text.parse().map_err(|_| malformed())?;
        Zone::utc().instant(&TypedTime::Civil(civil)).map(|_| TypedTime::Civil(civil))
    }
}
