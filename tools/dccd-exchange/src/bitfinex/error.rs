//! What Bitfinex says when it does not answer the question.

use serde_json::value::RawValue;

use crate::answer::{AnswerError, Reply};
use crate::wire::{check_status, json, message, unquoted};

/// Too many requests of one endpoint close all of them for so long.
const BLOCK_SECS: u64 = 60;

/// Whether the reply is an answer at all: status, no web page, no error in disguise.
pub(super) fn check(reply: &Reply<'_>) -> Result<(), AnswerError> {
    if let Some(refusal) = refusal(reply) {
        return Err(refusal);
    }
    if reply.status == 429 {
        return Err(limited(reply));
    }
    check_status(reply)
}

/// Reads a body that is a list of rows; a row may have more columns than we know.
pub(super) fn rows<'a>(reply: &Reply<'a>) -> Result<Vec<Vec<&'a RawValue>>, AnswerError> {
    check(reply)?;
    json(reply.body)
}

/// An error is a list whose first element is the word.
fn refusal(reply: &Reply<'_>) -> Option<AnswerError> {
    let mut start = reply.body.iter().filter(|byte| !byte.is_ascii_whitespace());
    if (start.next(), start.next()) != (Some(&b'['), Some(&b'"')) {
        return None;
    }
    let body: Vec<&RawValue> = match json(reply.body) {
        Ok(body) => body,
        Err(error) => return Some(error),
    };
    let [word, code, words @ ..] = body.as_slice() else { return None };
    if unquoted(word) != "error" {
        return None;
    }
    let (code, words) = (unquoted(code), message(words.first().map_or("", |words| unquoted(words))));
    Some(match code {
        "11010" => limited(reply),
        "10020" if words.contains("symbol") => AnswerError::UnknownSymbol(words),
        "10020" => AnswerError::Refused { code: code.to_owned(), message: words, is_retryable: false },
        // An unknown failure, and maintenance.
        _ => {
            let is_retryable = matches!(code, "10001" | "20060") || reply.status >= 500;
            AnswerError::Refused { code: message(code), message: words, is_retryable }
        }
    })
}

fn limited(reply: &Reply<'_>) -> AnswerError {
    let retry_after_secs = Some(reply.retry_after_secs.unwrap_or(BLOCK_SECS));
    AnswerError::Limited { status: 429, retry_after_secs }
}
