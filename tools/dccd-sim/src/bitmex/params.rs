//! Parameters that all lists share, checked as BitMEX checks them.

use crate::bitmex::error::ApiError;
use crate::clock::{MILLI, parse_iso};
use crate::http::Query;

/// Offsets beyond this are refused, as the exchange did with large ones.
const OFFSET_MAX: i64 = 10_000_000;

/// Which rows of a list are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Page {
    /// The first stamp, in whole milliseconds though written in microseconds.
    pub(crate) start: i64,
    /// The last stamp, likewise.
    pub(crate) end: i64,
    /// At most so many rows.
    pub(crate) count: i64,
    /// Of those between the bounds, so many are left out first.
    pub(crate) offset: i64,
    /// Whether the newest come first.
    pub(crate) is_reverse: bool,
}

impl Page {
    /// Reads `startTime`, `endTime`, `count`, `start` and `reverse`; other parameters mean nothing.
    pub(crate) fn read(query: &Query, count_max: i64) -> Result<Page, ApiError> {
        let start = instant(query, "startTime")?.map_or(i64::MIN / 2, |start| -(-start).div_euclid(MILLI) * MILLI);
        let end = instant(query, "endTime")?.map_or(i64::MAX / 2, |end| end.div_euclid(MILLI) * MILLI);
        let count = whole(query, "count", 100, count_max)?;
        let offset = whole(query, "start", 0, OFFSET_MAX)?;
        Ok(Page { start, end, count, offset, is_reverse: flag(query, "reverse")? })
    }
}

/// A parameter that is `true` or `false`; without it `false`.
pub(crate) fn flag(query: &Query, name: &str) -> Result<bool, ApiError> {
    match query.value(name) {
        None | Some("false" | "0") => Ok(false),
        Some("true" | "1") => Ok(true),
        Some(_) => Err(ApiError::invalid(format!("'{name}' must be a boolean."))),
    }
}

/// A whole number from 0 to `max`.
pub(crate) fn whole(query: &Query, name: &str, default: i64, max: i64) -> Result<i64, ApiError> {
    let Some(text) = query.value(name) else { return Ok(default) };
    match text.parse() {
        Ok(value) if (0..=max).contains(&value) => Ok(value),
        Ok(value) if value > max => Err(ApiError::invalid(format!("Maximum '{name}' is {max}."))),
        _ => Err(ApiError::invalid(format!("'{name}' must be a positive integer."))),
    }
}

fn instant(query: &Query, name: &str) -> Result<Option<i64>, ApiError> {
    let Some(text) = query.value(name) else { return Ok(None) };
    parse_iso(text).map(Some).ok_or_else(|| ApiError::invalid(format!("'{name}' must be a valid date.")))
}
