//! Parameters, checked as OKX checks them: what it does not know is ignored.

use crate::clock::MILLI;
use crate::http::Query;
use crate::okx::error::ApiError;

/// Nobody asks for anything after the year 9999, in milliseconds.
const INSTANT_MAX: i64 = 253_402_300_800_000;

/// The parameters of one request.
#[derive(Clone, Debug)]
pub(crate) struct Params(Query);

impl Params {
    pub(crate) fn new(query: Query) -> Params {
        Params(query)
    }

    /// A parameter that may be absent; an empty one is.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.value(name).filter(|value| !value.is_empty())
    }

    /// A parameter that has to be there.
    pub(crate) fn mandatory(&self, name: &str) -> Result<&str, ApiError> {
        self.text(name).ok_or_else(|| ApiError::missing(name))
    }

    /// A whole number that is not negative.
    pub(crate) fn whole(&self, name: &str) -> Result<Option<i64>, ApiError> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let number = text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()));
        number.map(Some).ok_or_else(|| ApiError::illegal(name))
    }

    /// An instant in milliseconds, as microseconds.
    pub(crate) fn time(&self, name: &str) -> Result<Option<i64>, ApiError> {
        let millis = self.whole(name)?;
        if millis.is_some_and(|millis| millis >= INSTANT_MAX) {
            return Err(ApiError::illegal(name));
        }
        Ok(millis.map(|millis| millis * MILLI))
    }

    /// The number of rows of a page; more than there can be are as many as there can be.
    pub(crate) fn limit(&self, name: &str, default: usize, max: usize) -> Result<usize, ApiError> {
        let Some(limit) = self.whole(name)? else { return Ok(default) };
        let limit = usize::try_from(limit).ok().filter(|limit| *limit > 0);
        limit.map(|limit| limit.min(max)).ok_or_else(|| ApiError::illegal(name))
    }
}
