//! What Coinbase says when it does not answer the question.

use serde::Deserialize;

use crate::answer::{AnswerError, Reply};
use crate::wire::{check_status, first_byte, json, message};

#[derive(Deserialize)]
struct ErrorBody {
    message: String,
}

/// Whether the reply is an answer at all: status, no web page, no error in disguise.
pub(super) fn check(reply: &Reply<'_>) -> Result<(), AnswerError> {
    // A firewall's own words say no more than its status.
    if matches!(reply.status, 429 | 403) {
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

/// No answer that is asked for has a message.
fn refusal(reply: &Reply<'_>) -> Option<AnswerError> {
    let body: ErrorBody = serde_json::from_slice(reply.body).ok()?;
    let words = message(&body.message);
    let lower = words.to_lowercase();
    if lower.contains("rate limit") || lower.contains("too many requests") {
        return Some(AnswerError::Limited { status: 429, retry_after_secs: reply.retry_after_secs });
    }
    if lower.replace(' ', "") == "notfound" {
        return Some(AnswerError::UnknownSymbol(words));
    }
    let is_retryable = reply.status >= 500 || lower.contains("internal server");
    Some(AnswerError::Refused { code: reply.status.to_string(), message: words, is_retryable })
}
