//! Parameters that all lists share, checked as Bitfinex checks them.

use crate::bitfinex::error::ApiError;
use crate::clock::MILLI;
use crate::http::Query;

/// Nobody asks for anything after the year 9999.
const MILLIS_MAX: i64 = 253_402_300_800_000;

/// Which rows of a list are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Page {
    /// The first microsecond.
    pub(crate) start: i64,
    /// The first microsecond after: bounds include their whole millisecond.
    pub(crate) end: i64,
    /// At most so many rows.
    pub(crate) limit: usize,
    /// Whether the oldest come first.
    pub(crate) is_ascending: bool,
}

impl Page {
    /// Reads `start`, `end`, `limit` and `sort`; other parameters mean nothing.
    pub(crate) fn read(query: &Query, limit: usize, limit_max: usize) -> Result<Page, ApiError> {
        let is_ascending = match query.value("sort") {
            None | Some("-1") => false,
            Some("1") => true,
            Some(_) => return Err(ApiError::invalid("sort")),
        };
        let limit = match query.value("limit") {
            None => limit,
            Some(text) => {
                let wanted = text.parse().ok().filter(|wanted| (1..=limit_max).contains(wanted));
                wanted.ok_or_else(|| ApiError::invalid("limit"))?
            }
        };
        let start = millis(query, "start")?.unwrap_or(0) * MILLI;
        let end = millis(query, "end")?.map_or(i64::MAX, |end| (end + 1) * MILLI);
        Ok(Page { start, end, limit, is_ascending })
    }
}

fn millis(query: &Query, name: &str) -> Result<Option<i64>, ApiError> {
    let Some(text) = query.value(name) else { return Ok(None) };
    let millis = text.parse().ok().filter(|millis| (0..MILLIS_MAX).contains(millis));
    millis.map(Some).ok_or_else(|| ApiError::invalid(name))
}
