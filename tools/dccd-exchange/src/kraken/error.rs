//! Kraken's envelope, which says in HTTP 200 what went wrong.

use std::borrow::Cow;
use std::collections::BTreeMap;

use dccd_record::Pair;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::symbol::is_key_of;
use crate::answer::{AnswerError, Reply};
use crate::wire::{check_status, first_byte, from_json, json, message, unexpected};

/// How long it wants to be left alone after too many requests; it does not say so itself.
const REST_SECS: u64 = 5;
/// The same, after it has locked somebody out.
const LOCKOUT_SECS: u64 = 900;

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, default)]
    error: Vec<Cow<'a, str>>,
    #[serde(borrow)]
    result: Option<&'a RawValue>,
}

/// The result of an answer.
pub(super) fn result<'a, T: Deserialize<'a>>(reply: &Reply<'a>) -> Result<T, AnswerError> {
    let result = raw_result(reply)?;
    serde_json::from_str(result.get()).map_err(from_json)
}

/// The result of an answer about one pair: what stands beside `last`, and what `last` says.
pub(super) fn result_of<'a, T: Deserialize<'a>>(
    reply: &Reply<'a>,
    pair: &Pair,
) -> Result<(T, Option<&'a RawValue>), AnswerError> {
    let mut keys: BTreeMap<Cow<'a, str>, &'a RawValue> = result(reply)?;
    let last = keys.remove("last");
    let (Some((key, rows)), None) = (keys.pop_first(), keys.pop_first()) else {
        return Err(AnswerError::Unexpected("the result is not about one pair".to_owned()));
    };
    if !is_key_of(&key, pair) {
        return Err(unexpected(&format!("is not {pair}"), &key));
    }
    Ok((serde_json::from_str(rows.get()).map_err(from_json)?, last))
}

fn raw_result<'a>(reply: &Reply<'a>) -> Result<&'a RawValue, AnswerError> {
    if reply.status == 429 || first_byte(reply) != Some(b'{') {
        check_status(reply)?;
    }
    let envelope: Envelope<'a> = match json(reply.body) {
        Ok(envelope) => envelope,
        Err(cause) => return Err(check_status(reply).err().unwrap_or(cause)),
    };
    // Besides errors there are warnings, which come with a result.
    if let Some(error) = envelope.error.iter().find(|word| word.starts_with('E')) {
        return Err(refusal(error, reply));
    }
    check_status(reply)?;
    envelope.result.ok_or_else(|| AnswerError::Unexpected("there is no result".to_owned()))
}

fn refusal(error: &str, reply: &Reply<'_>) -> AnswerError {
    let limited = |secs: u64| AnswerError::Limited {
        status: 429,
        retry_after_secs: Some(reply.retry_after_secs.unwrap_or_default().max(secs)),
    };
    let (code, words) = error.split_once(':').unwrap_or((error, error));
    match words {
        "Too many requests" | "Rate limit exceeded" => limited(REST_SECS),
        "Temporary lockout" => limited(LOCKOUT_SECS),
        "Unknown asset pair" | "Unknown asset" => AnswerError::UnknownSymbol(message(error)),
        _ => AnswerError::Refused {
            code: message(code),
            message: message(words),
            is_retryable: code == "EService" || words == "Internal error" || reply.status >= 500,
        },
    }
}
