//! What Binance says when it does not answer the question.

use serde::Deserialize;

use crate::answer::{AnswerError, Reply};
use crate::wire::{check_status, first_byte, json, message};

#[derive(Deserialize)]
struct ErrorBody {
    code: i64,
    #[serde(default)]
    msg: String,
}

/// Whether the reply is an answer at all: status, no web page, no error in disguise.
pub(super) fn check(reply: &Reply<'_>) -> Result<(), AnswerError> {
    if matches!(reply.status, 418 | 429) {
        return check_status(reply);
    }
    if let Some(refusal) = (first_byte(reply) == Some(b'{')).then(|| refusal(reply)).flatten() {
        return Err(refusal);
    }
    check_status(reply)
}

/// Reads a body that is one object.
pub(super) fn object<'a, T: Deserialize<'a>>(reply: &Reply<'a>) -> Result<T, AnswerError> {
    check(reply)?;
    json(reply.body)
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
    if body.code == -1121 {
        return Some(AnswerError::UnknownSymbol(message(&body.msg)));
    }
    // Unknown failure, disconnected, timeout, overloaded, no response in time, busy.
    let heals = matches!(body.code, -1000 | -1001 | -1006 | -1007 | -1008 | -1016) || reply.status >= 500;
    Some(AnswerError::Refused { code: body.code.to_string(), message: message(&body.msg), is_retryable: heals })
}
