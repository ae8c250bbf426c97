//! What BitMEX says when it does not answer the question.

use serde::Deserialize;

use crate::answer::{AnswerError, Reply};
use crate::wire::{check_status, first_byte, json, message};

#[derive(Deserialize)]
struct ErrorBody {
    error: Words,
}

#[derive(Deserialize)]
struct Words {
    #[serde(default)]
    message: String,
    #[serde(default)]
    name: String,
}

/// Whether the reply is an answer at all: status, no web page, no error in disguise.
pub(super) fn check(reply: &Reply<'_>) -> Result<(), AnswerError> {
    if reply.status == 429 {
        return check_status(reply);
    }
    if let Some(refusal) = (first_byte(reply) == Some(b'{')).then(|| refusal(reply)).flatten() {
        return Err(refusal);
    }
    check_status(reply)
}

/// Reads a body that is a list of rows.
pub(super) fn rows<'a, T: Deserialize<'a>>(reply: &Reply<'a>) -> Result<Vec<T>, AnswerError> {
    check(reply)?;
    json(reply.body)
}

fn refusal(reply: &Reply<'_>) -> Option<AnswerError> {
    let ErrorBody { error } = serde_json::from_slice(reply.body).ok()?;
    if error.name == "RateLimitError" {
        return Some(AnswerError::Limited { status: 429, retry_after_secs: reply.retry_after_secs });
    }
    let is_retryable = reply.status >= 500;
    Some(AnswerError::Refused { code: message(&error.name), message: message(&error.message), is_retryable })
}
