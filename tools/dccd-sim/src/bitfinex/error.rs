//! Refusals as Bitfinex writes them: arrays.

use serde_json::json;

use crate::http::Response;

/// A refusal: HTTP status, code and message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ApiError {
    status: u16,
    code: i64,
    message: String,
}

impl ApiError {
    /// A parameter that cannot be, such as `symbol: invalid`; the status is 500 as it really is.
    pub(crate) fn invalid(name: &str) -> ApiError {
        ApiError { status: 500, code: 10020, message: format!("{name}: invalid") }
    }

    /// Too many requests.
    pub(crate) fn too_fast() -> ApiError {
        ApiError { status: 429, code: 11010, message: "ratelimit: error".to_owned() }
    }

    /// What is said of a path that does not exist.
    pub(crate) fn unknown() -> ApiError {
        ApiError { status: 404, code: 10001, message: "unknown_error".to_owned() }
    }

    /// The exchange is out of order: maintenance unless another code is wanted.
    pub(crate) fn failure(status: u16, code: Option<i64>) -> ApiError {
        let code = code.unwrap_or(20060);
        let message = if code == 20060 { "maintenance" } else { "unknown_error" };
        ApiError { status, code, message: message.to_owned() }
    }

    pub(crate) fn response(&self) -> Response {
        Response::json(self.status, json!(["error", self.code, self.message]).to_string())
    }
}
