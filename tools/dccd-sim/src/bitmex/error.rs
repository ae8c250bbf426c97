//! Refusals as BitMEX writes them.

use serde_json::json;

use crate::http::Response;

/// A refusal: HTTP status, name and message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ApiError {
    status: u16,
    name: &'static str,
    message: String,
}

impl ApiError {
    pub(crate) fn new(status: u16, name: &'static str, message: impl Into<String>) -> ApiError {
        ApiError { status, name, message: message.into() }
    }

    /// A parameter that is missing or cannot be.
    pub(crate) fn invalid(message: impl Into<String>) -> ApiError {
        ApiError::new(400, "ValidationError", message)
    }

    pub(crate) fn not_found() -> ApiError {
        ApiError::new(404, "HTTPError", "Not Found")
    }

    pub(crate) fn response(&self) -> Response {
        Response::json(self.status, json!({"error": {"message": self.message, "name": self.name}}).to_string())
    }
}
