//! What Kraken Futures says when it does not answer the question: a result that is an error, or plain text.

use std::borrow::Cow;

use dccd_record::Ts;
use serde::Deserialize;

use crate::answer::{AnswerError, Reply};
use crate::wire::{check_status, first_byte, from_json, instant, json, message, unexpected};

/// The window in which requests are counted; it does not say how long it wants to be left alone.
const REST_SECS: u64 = 10;

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    result: Option<Cow<'a, str>>,
    #[serde(borrow)]
    error: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    errors: Vec<ErrorItem<'a>>,
}

#[derive(Deserialize)]
struct ErrorItem<'a> {
    #[serde(borrow, alias = "msg")]
    message: Option<Cow<'a, str>>,
}

/// Whether the reply is an answer at all: status, no web page, no error in disguise.
pub(super) fn check(reply: &Reply<'_>) -> Result<(), AnswerError> {
    if matches!(reply.status, 418 | 429 | 403) {
        return check_status(reply);
    }
    match first_byte(reply) {
        Some(b'{') => refusal(reply).map_or(Ok(()), Err)?,
        // Charts refuse in plain words.
        Some(byte) if byte != b'<' && (400..500).contains(&reply.status) => {
            return Err(refused(&String::from_utf8_lossy(reply.body), reply));
        }
        _ => {}
    }
    check_status(reply)
}

/// Reads a body that is one object.
pub(super) fn object<'a, T: Deserialize<'a>>(reply: &Reply<'a>) -> Result<T, AnswerError> {
    check(reply)?;
    json(reply.body)
}

/// That the exchange calls its answer a success.
pub(super) fn check_success(result: &str) -> Result<(), AnswerError> {
    if result == "success" { Ok(()) } else { Err(unexpected("is no success", result)) }
}

/// The exchange's clock; an answer that says no has one too, or at least a `Date`.
pub(super) fn read_clock(reply: &Reply<'_>) -> Result<Option<Ts>, AnswerError> {
    #[derive(Deserialize)]
    struct Wire<'a> {
        #[serde(borrow, rename = "serverTime")]
        server_time: Option<Cow<'a, str>>,
    }
    match check(reply) {
        Ok(()) | Err(AnswerError::Refused { .. } | AnswerError::UnknownSymbol(_)) => {}
        Err(other) => return Err(other),
    }
    match (serde_json::from_slice(reply.body), reply.status) {
        (Ok(Wire { server_time }), _) => server_time.as_deref().map(instant).transpose(),
        (Err(_), 400..500) => Ok(None),
        (Err(cause), _) => Err(from_json(cause)),
    }
}

fn refusal(reply: &Reply<'_>) -> Option<AnswerError> {
    let envelope: Envelope<'_> = serde_json::from_slice(reply.body).ok()?;
    let said = envelope.error.or_else(|| envelope.errors.into_iter().find_map(|item| item.message));
    match (said, envelope.result.as_deref()) {
        (Some(words), _) => Some(refused(&words, reply)),
        (None, Some("error")) => Some(refused("error", reply)),
        (None, _) => None,
    }
}

fn refused(words: &str, reply: &Reply<'_>) -> AnswerError {
    let lower = words.to_lowercase();
    let says = |part: &str| lower.contains(part);
    if says("limitexceeded") || says("too many requests") {
        return AnswerError::Limited {
            status: 429,
            retry_after_secs: Some(reply.retry_after_secs.unwrap_or(REST_SECS)),
        };
    }
    if says("not_found") || says("notfound") || says("not found") || says("symbol") {
        return AnswerError::UnknownSymbol(message(words));
    }
    let is_retryable = says("unavailable") || says("server error") || says("unknownerror") || reply.status >= 500;
    AnswerError::Refused { code: reply.status.to_string(), message: message(words), is_retryable }
}
