//! What Binance says when it does not answer the question.

use serde::Deserialize;

use crate::answer::{AnswerError, Reply};

/// The most characters of the exchange's words that are passed on.
const MESSAGE_CHARS_MAX: usize = 300;

#[derive(Deserialize)]
struct ErrorBody {
    code: i64,
    #[serde(default)]
    msg: String,
}

/// Whether the reply is an answer at all: status, no web page, no error in disguise.
pub(crate) fn check(reply: &Reply<'_>) -> Result<(), AnswerError> {
    let first = reply.body.iter().find(|byte| !byte.is_ascii_whitespace()).copied();
    if matches!(reply.status, 418 | 429) {
        return Err(AnswerError::Limited { status: reply.status, retry_after_secs: reply.retry_after_secs });
    }
    if let Some(refusal) = (first == Some(b'{')).then(|| refusal(reply)).flatten() {
        return Err(refusal);
    }
    match reply.status {
        200 if first == Some(b'<') => Err(AnswerError::Html { status: 200 }),
        200 => Ok(()),
        403 => Err(AnswerError::Limited { status: 403, retry_after_secs: reply.retry_after_secs }),
        451 => Err(AnswerError::Region),
        500..=599 => Err(AnswerError::Server { status: reply.status }),
        status if first == Some(b'<') && status != 404 => Err(AnswerError::Html { status }),
        status => Err(AnswerError::Status(status)),
    }
}

/// Reads a body that is one object.
pub(super) fn object<'a, T: Deserialize<'a>>(reply: &Reply<'a>) -> Result<T, AnswerError> {
    check(reply)?;
    serde_json::from_slice(reply.body).map_err(from_json)
}

/// What a JSON error says about the answer: cut off, or of another shape.
pub(super) fn from_json(error: serde_json::Error) -> AnswerError {
    if error.is_data() { AnswerError::Unexpected(error.to_string()) } else { AnswerError::Malformed(error.to_string()) }
}

fn refusal(reply: &Reply<'_>) -> Option<AnswerError> {
    let body: ErrorBody = serde_json::from_slice(reply.body).ok()?;
    // -1003 is the rate limit; it also comes with status 400 and in answers of status 200.
    if body.code == -1003 {
        return Some(AnswerError::Limited { status: 429, retry_after_secs: reply.retry_after_secs });
    }
    if reply.status == 451 {
        return Some(AnswerError::Region);
    }
    // Unknown failure, disconnected, timeout, overloaded, no response in time, busy.
    let heals = matches!(body.code, -1000 | -1001 | -1006 | -1007 | -1008 | -1016) || reply.status >= 500;
    Some(AnswerError::Refused {
        code: body.code,
        message: body.msg.chars().filter(|c| !c.is_control()).take(MESSAGE_CHARS_MAX).collect(),
        is_retryable: heals,
    })
}
