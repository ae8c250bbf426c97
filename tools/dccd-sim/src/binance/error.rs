//! Refusals as Binance writes them.

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
    pub(crate) fn new(status: u16, code: i64, message: impl Into<String>) -> ApiError {
        ApiError { status, code, message: message.into() }
    }

    pub(crate) fn bad(code: i64, message: impl Into<String>) -> ApiError {
        ApiError::new(400, code, message)
    }

    pub(crate) fn invalid(name: &str) -> ApiError {
        ApiError::bad(-1130, format!("Data sent for parameter '{name}' is not valid."))
    }

    pub(crate) fn invalid_symbol() -> ApiError {
        ApiError::bad(-1121, "Invalid symbol.")
    }

    /// A contract that exists no longer, or not yet, for this purpose.
    pub(crate) fn not_trading() -> ApiError {
        ApiError::bad(-4108, "Symbol is on delivering or delivered or settling or closed or pre-trading.")
    }

    pub(crate) fn response(&self) -> Response {
        Response::json(self.status, json!({"code": self.code, "msg": self.message}).to_string())
    }
}
