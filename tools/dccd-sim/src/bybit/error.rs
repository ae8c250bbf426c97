//! Refusals as Bybit writes them: HTTP 200 with a `retCode` that is not 0.

/// Wrong parameters, unknown symbols among them.
const PARAMS: i64 = 10_001;
/// Too many requests of one user.
pub(crate) const TOO_MANY_VISITS: i64 = 10_006;
/// The service is broken.
pub(crate) const SERVER: i64 = 10_016;
/// Too many requests of one address.
const ADDRESS_LIMIT: i64 = 10_018;

/// A refusal: code and message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ApiError {
    /// `retCode`.
    pub(crate) code: i64,
    /// `retMsg`.
    pub(crate) message: String,
}

impl ApiError {
    /// A refusal with the message that goes with its code.
    pub(crate) fn of_code(code: i64) -> ApiError {
        let message = match code {
            PARAMS => "Request parameter error.",
            TOO_MANY_VISITS => "Too many visits. Exceeded the API Rate Limit.",
            ADDRESS_LIMIT => "Exceeded the IP Rate Limit.",
            SERVER => "Server error.",
            _ => "Unknown error.",
        };
        ApiError { code, message: message.to_owned() }
    }

    /// A parameter that is missing or cannot be what it is.
    pub(crate) fn params(message: impl Into<String>) -> ApiError {
        ApiError { code: PARAMS, message: message.into() }
    }

    /// A symbol that the category does not have, as `kline` says it.
    pub(crate) fn kline_symbol() -> ApiError {
        ApiError::params("symbol params err")
    }

    /// The same as all other endpoints say it.
    pub(crate) fn symbol() -> ApiError {
        ApiError::params("Not supported symbols")
    }
}
