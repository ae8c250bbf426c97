//! Refusals as OKX writes them: a code in a string and no rows, some of them in HTTP 200.

use serde_json::json;

use crate::http::Response;

/// The service is broken.
pub(crate) const UNAVAILABLE: i64 = 50_001;
/// Asked too fast.
const TOO_FAST: i64 = 50_011;
/// A parameter is missing.
const MISSING: i64 = 50_014;
/// A parameter cannot be what it is.
const PARAMETER: i64 = 51_000;
/// No such instrument.
const INSTRUMENT: i64 = 51_001;

/// A refusal: HTTP status, code and message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ApiError {
    status: u16,
    code: i64,
    message: String,
}

impl ApiError {
    /// A refusal with the message that goes with its code.
    pub(crate) fn of_code(status: u16, code: i64) -> ApiError {
        let message = match code {
            UNAVAILABLE => "Service temporarily unavailable. Try again later.",
            50_004 => "Endpoint request timeout (does not mean that the request was successful or failed).",
            TOO_FAST => "Too Many Requests",
            50_026 => "System error. Try again later",
            INSTRUMENT => "Instrument ID, Instrument ID code, or Spread ID doesn't exist.",
            _ => "Operation failed.",
        };
        ApiError { status, code, message: message.to_owned() }
    }

    /// A parameter that has to be there.
    pub(crate) fn missing(name: &str) -> ApiError {
        ApiError { status: 400, code: MISSING, message: format!("Parameter {name} can not be empty.") }
    }

    /// A parameter with a value that it cannot have.
    pub(crate) fn illegal(name: &str) -> ApiError {
        ApiError { status: 400, code: PARAMETER, message: format!("Parameter {name} error") }
    }

    /// An instrument that is not there, or not there any more.
    pub(crate) fn instrument() -> ApiError {
        ApiError::of_code(200, INSTRUMENT)
    }

    pub(crate) fn response(&self) -> Response {
        let message = json!(self.message);
        Response::json(self.status, format!("{{\"code\":\"{}\",\"data\":[],\"msg\":{message}}}", self.code))
    }
}

/// The refusal of those who ask too fast, which has no rows at all.
pub(crate) fn too_fast() -> Response {
    Response::json(429, format!("{{\"msg\":\"Too Many Requests\",\"code\":\"{TOO_FAST}\"}}")).refused()
}
