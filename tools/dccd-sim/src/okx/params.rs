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

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use crate::clock::DAY;
    use crate::hash::mix;
    use crate::tests::desk::Desk;

    #[test]
    fn no_question_is_too_odd_for_an_answer() {
        const SEED: u64 = 12;
        let desk = Desk::new("okx", 300, 20, 19_727 * DAY);
        let instruments = ["BTC-USDT", "BTC-USDT-SWAP", "BTC-USD-SWAP", "BTC-USD-240329"];
        let paths = [
            "market/candles",
            "market/history-candles",
            "market/trades",
            "market/history-trades",
            "market/books",
            "public/funding-rate-history",
            "rubik/stat/contracts/open-interest-history",
            "public/instruments",
            "public/open-interest",
        ];
        let names =
            ["bar", "after", "before", "limit", "type", "sz", "period", "begin", "end", "instType", "instFamily"];
        let values = [
            "1m",
            "1s",
            "1Mutc",
            "3D",
            "1Dutc",
            "5m",
            "SWAP",
            "SPOT",
            "0",
            "1",
            "2",
            "-1",
            "100",
            "9223372036854775807",
            "253402300799999",
            "1704067200000",
            "1704450896789",
            "",
            "x",
            "%00",
        ];
        for case in 0..500 {
            let draw = |at: i64, n: usize| usize::try_from(mix(mix(SEED, case), at) % 1_000_003).unwrap_or(0) % n;
            let (path, instrument) = (paths[draw(0, paths.len())], instruments[draw(1, instruments.len())]);
            let mut target = format!("/api/v5/{path}?instId={instrument}");
            for at in 0..4 {
                target += &format!("&{}={}", names[draw(10 + at, names.len())], values[draw(20 + at, values.len())]);
            }
            let response = desk.ask(&target);
            let body: Value =
                serde_json::from_slice(&response.body).unwrap_or_else(|_| panic!("seed {SEED}: {target}"));
            let is_known = matches!(body["code"].as_str(), Some("0" | "50014" | "51000" | "51001"));
            assert!(is_known && body["data"].is_array(), "seed {SEED}: {target}: {body}");
        }
    }
}
