//! Parameters, checked as Bybit checks them: what it does not know is ignored.

use crate::bybit::error::ApiError;
use crate::bybit::instrument::Category;
use crate::clock::MILLI;
use crate::http::Query;

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
        self.text(name).ok_or_else(|| ApiError::params(format!("params error: {name} is required")))
    }

    /// The category that has to be named.
    pub(crate) fn category(&self) -> Result<Category, ApiError> {
        Category::from_name(self.mandatory("category")?).ok_or_else(illegal_category)
    }

    /// The category, which is `linear` where none is named.
    pub(crate) fn category_or_linear(&self) -> Result<Category, ApiError> {
        let named = self.text("category").map(|name| Category::from_name(name).ok_or_else(illegal_category));
        named.unwrap_or(Ok(Category::Linear))
    }

    /// An instant in milliseconds, as microseconds.
    pub(crate) fn time(&self, name: &str) -> Result<Option<i64>, ApiError> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let millis = whole(text).filter(|millis| *millis < INSTANT_MAX);
        millis.map(|millis| Some(millis * MILLI)).ok_or_else(|| illegal(name))
    }

    /// The number of rows of a page; more than there can be are as many as there can be.
    pub(crate) fn limit(&self, default: usize, max: usize) -> Result<usize, ApiError> {
        let Some(text) = self.text("limit") else { return Ok(default) };
        let limit = whole(text).and_then(|limit| usize::try_from(limit).ok()).filter(|limit| *limit > 0);
        limit.map(|limit| limit.min(max)).ok_or_else(|| illegal("limit"))
    }
}

/// A refusal of a parameter's value.
pub(crate) fn illegal(name: &str) -> ApiError {
    ApiError::params(format!("params error: {name} invalid"))
}

fn illegal_category() -> ApiError {
    illegal("category")
}

fn whole(text: &str) -> Option<i64> {
    text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
}
