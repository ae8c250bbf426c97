//! What every answer of OKX is wrapped in, and what it says when it does not answer the question.

use std::borrow::Cow;

use dccd_record::Pair;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::symbol::symbol;
use crate::answer::{AnswerError, Reply};
use crate::wire::{check_status, first_byte, from_json, json, message};

/// Limits are counted in windows of so many seconds.
const WINDOW_SECS: u64 = 2;

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    code: Cow<'a, str>,
    #[serde(borrow, default)]
    msg: Cow<'a, str>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

/// The rows of an answer, as they come: newest first.
pub(super) fn open<'a, T: Deserialize<'a>>(reply: &Reply<'a>) -> Result<Vec<T>, AnswerError> {
    check(reply)?;
    let envelope: Envelope<'a> = json(reply.body)?;
    let data = envelope.data.ok_or_else(|| AnswerError::Unexpected("an answer without data".to_owned()))?;
    serde_json::from_str(data.get()).map_err(from_json)
}

/// The rows of an answer, oldest first.
pub(super) fn rows<'a, T: Deserialize<'a>>(reply: &Reply<'a>) -> Result<Vec<T>, AnswerError> {
    let mut rows = open(reply)?;
    rows.reverse();
    Ok(rows)
}

/// The only row of an answer.
pub(super) fn only<'a, T: Deserialize<'a>>(reply: &Reply<'a>) -> Result<T, AnswerError> {
    let mut rows = open(reply)?;
    match (rows.pop(), rows.len()) {
        (Some(row), 0) => Ok(row),
        (row, more) => {
            let count = more + usize::from(row.is_some());
            Err(AnswerError::Unexpected(format!("{count} rows where there is one")))
        }
    }
}

/// Whether a row that names an instrument names that of `pair`.
pub(super) fn same_symbol(said: &str, pair: &Pair) -> Result<(), AnswerError> {
    let asked = symbol(pair);
    if said == asked {
        return Ok(());
    }
    let said: String = said.chars().take(40).collect();
    Err(AnswerError::Unexpected(format!("a row of {said:?}, not of {asked}")))
}

/// Whether the reply is an answer at all: status, no web page, no error in disguise.
fn check(reply: &Reply<'_>) -> Result<(), AnswerError> {
    if reply.status == 429 {
        return Err(limited(reply));
    }
    if first_byte(reply) == Some(b'{')
        && let Ok(envelope) = serde_json::from_slice::<Envelope<'_>>(reply.body)
        && envelope.code != "0"
    {
        return Err(refusal(&envelope.code, &envelope.msg, reply));
    }
    check_status(reply)
}

fn limited(reply: &Reply<'_>) -> AnswerError {
    AnswerError::Limited { status: 429, retry_after_secs: Some(reply.retry_after_secs.unwrap_or(WINDOW_SECS)) }
}

fn refusal(code: &str, words: &str, reply: &Reply<'_>) -> AnswerError {
    match code {
        "50011" => limited(reply),
        "51001" => AnswerError::UnknownSymbol(message(words)),
        _ => {
            // Unavailable, timeout, busy, an error inside of it.
            let is_retryable = matches!(code, "50001" | "50004" | "50013" | "50026") || reply.status >= 500;
            AnswerError::Refused { code: message(code), message: message(words), is_retryable }
        }
    }
}
