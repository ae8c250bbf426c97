//! What every answer of Bybit is wrapped in, and what it says when it does not answer the question.

use std::borrow::Cow;

use dccd_record::{Pair, Ts};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::symbol::{category, symbol};
use crate::answer::{AnswerError, Reply};
use crate::wire::{check_status, first_byte, from_json, json, message};

/// How long an address is banned that asked too fast.
const BAN_SECS: u64 = 600;
/// Where the reason of a refusal is looked for.
const REASON_BYTES_MAX: usize = 4096;

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(rename = "retCode")]
    code: i64,
    #[serde(borrow, default, rename = "retMsg")]
    words: Cow<'a, str>,
    #[serde(borrow)]
    result: Option<&'a RawValue>,
    /// Milliseconds.
    time: Option<i64>,
}

/// A list of rows.
#[derive(Debug, Deserialize)]
pub(super) struct List<'a, T> {
    #[serde(borrow)]
    symbol: Option<Cow<'a, str>>,
    #[serde(borrow)]
    category: Option<Cow<'a, str>>,
    pub(super) list: Vec<T>,
}

/// What the envelope holds, and the exchange's time.
pub(super) fn open<'a, T: Deserialize<'a>>(reply: &Reply<'a>) -> Result<(T, Option<Ts>), AnswerError> {
    check(reply)?;
    let envelope: Envelope<'a> = json(reply.body)?;
    let result = envelope.result.ok_or_else(|| AnswerError::Unexpected("an answer without result".to_owned()))?;
    let held = serde_json::from_str(result.get()).map_err(from_json)?;
    Ok((held, envelope.time.and_then(|millis| Ts::from_millis(millis).ok())))
}

/// The rows of a list of `pair`, oldest first, and the exchange's time.
pub(super) fn rows<'a, T: Deserialize<'a>>(
    pair: &Pair,
    reply: &Reply<'a>,
) -> Result<(Vec<T>, Option<Ts>), AnswerError> {
    let (mut held, stamp) = open::<List<'a, T>>(reply)?;
    same("category", held.category.as_deref(), category(pair))?;
    same_symbol(held.symbol.as_deref(), pair)?;
    held.list.reverse();
    Ok((held.list, stamp))
}

/// Whether what names a symbol names that of `pair`.
pub(super) fn same_symbol(said: Option<&str>, pair: &Pair) -> Result<(), AnswerError> {
    same("symbol", said, &symbol(pair))
}

fn same(what: &str, said: Option<&str>, asked: &str) -> Result<(), AnswerError> {
    match said {
        Some(said) if said != asked => {
            let said: String = said.chars().take(40).collect();
            Err(AnswerError::Unexpected(format!("rows of {what} {said:?}, not of {asked}")))
        }
        _ => Ok(()),
    }
}

/// Whether the reply is an answer at all: status, no web page, no error in disguise.
fn check(reply: &Reply<'_>) -> Result<(), AnswerError> {
    if reply.status == 403 {
        return Err(forbidden(reply));
    }
    if reply.status == 429 {
        return check_status(reply);
    }
    if first_byte(reply) == Some(b'{')
        && let Ok(envelope) = serde_json::from_slice::<Envelope<'_>>(reply.body)
        && envelope.code != 0
    {
        return Err(refusal(envelope.code, &envelope.words, reply));
    }
    check_status(reply)
}

/// The ban for too many requests and the block of a country have the same status. Only the words of the latter
/// are proof of it: to go on asking during a ban makes that one permanent.
fn forbidden(reply: &Reply<'_>) -> AnswerError {
    let start = reply.body.get(..REASON_BYTES_MAX).unwrap_or(reply.body);
    let words = String::from_utf8_lossy(start).to_lowercase();
    if ["country", "region", "jurisdiction"].iter().any(|word| words.contains(word)) {
        return AnswerError::Region;
    }
    AnswerError::Limited { status: 403, retry_after_secs: Some(reply.retry_after_secs.unwrap_or(BAN_SECS)) }
}

fn refusal(code: i64, words: &str, reply: &Reply<'_>) -> AnswerError {
    match code {
        // Too many visits of a user, of an address, of everybody.
        10006 | 10018 | 10429 => {
            return AnswerError::Limited { status: 429, retry_after_secs: reply.retry_after_secs };
        }
        10009 => return AnswerError::Limited { status: 403, retry_after_secs: Some(BAN_SECS) },
        10001 if words.to_lowercase().contains("symbol") => return AnswerError::UnknownSymbol(message(words)),
        _ => {}
    }
    // Timeout of the server, an error inside it.
    let is_retryable = matches!(code, 10000 | 10016) || reply.status >= 500;
    AnswerError::Refused { code: code.to_string(), message: message(words), is_retryable }
}
