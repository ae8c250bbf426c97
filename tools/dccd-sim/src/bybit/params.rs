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

#[cfg(test)]
mod tests {
    use crate::clock::DAY;
    use crate::hash::mix;
    use crate::tests::desk::Desk;

    #[test]
    fn no_question_is_too_odd_for_an_answer() {
        const SEED: u64 = 11;
        let desk = Desk::new("bybit", 300, 20, 19_727 * DAY);
        let paths = ["kline", "recent-trade", "orderbook", "funding/history", "open-interest", "instruments-info"];
        let names = ["category", "symbol", "interval", "start", "end", "limit", "startTime", "endTime", "intervalTime"];
        let values = [
            "spot",
            "linear",
            "inverse",
            "BTCUSDT",
            "BTCUSD",
            "1",
            "M",
            "W",
            "D",
            "1h",
            "5min",
            "0",
            "-1",
            "1000",
            "9223372036854775807",
            "253402300799999",
            "1704067200000",
            "1704450896789",
            "",
            "x",
            "%00",
            "lastid=1",
            "lastid%3D1%26lasttime%3D9223372036854775807",
            "first%3DA%26last%3DB",
        ];
        for case in 0..500 {
            let draw = |at: i64, n: usize| usize::try_from(mix(mix(SEED, case), at) % 1_000_003).unwrap_or(0) % n;
            let path = paths[draw(0, paths.len())];
            let mut target = format!("/v5/market/{path}?category={}&symbol=BTCUSDT", values[draw(1, 3)]);
            for at in 0..4 {
                let (name, value) = (draw(10 + at, names.len() + 1), values[draw(20 + at, values.len())]);
                target += &format!("&{}={value}", names.get(name).unwrap_or(&"cursor"));
            }
            let body = desk.json(&target);
            assert!(matches!(body["retCode"].as_i64(), Some(0 | 10_001)), "seed {SEED}: {target}: {body}");
        }
    }
}
