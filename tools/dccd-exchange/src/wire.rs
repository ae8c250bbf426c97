//! What the answers of several exchanges have in common.

use dccd_record::{Level, Number, Ts};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::answer::{AnswerError, Reply};

/// The most characters of an exchange's words that are passed on.
const MESSAGE_CHARS_MAX: usize = 300;
/// The digits of a second, down to nanoseconds.
const FRACTION_DIGITS: usize = 9;
const EXCERPT_CHARS_MAX: usize = 40;

/// The first character that means something.
pub(crate) fn first_byte(reply: &Reply<'_>) -> Option<u8> {
    reply.body.iter().find(|byte| !byte.is_ascii_whitespace()).copied()
}

/// What the status says where the body has no error in the exchange's own words.
pub(crate) fn check_status(reply: &Reply<'_>) -> Result<(), AnswerError> {
    let is_page = first_byte(reply) == Some(b'<');
    match reply.status {
        200 if is_page => Err(AnswerError::Html { status: 200 }),
        200 => Ok(()),
        418 | 429 | 403 => Err(AnswerError::Limited { status: reply.status, retry_after_secs: reply.retry_after_secs }),
        451 => Err(AnswerError::Region),
        // It waited too long for us, or does not want to be asked so early in a connection.
        408 | 425 | 500..=599 => Err(AnswerError::Server { status: reply.status }),
        status if is_page && status != 404 => Err(AnswerError::Html { status }),
        status => Err(AnswerError::Status(status)),
    }
}

/// Reads JSON.
pub(crate) fn json<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, AnswerError> {
    serde_json::from_slice(body).map_err(from_json)
}

/// What a JSON error says about the answer: cut off, or of another shape.
pub(crate) fn from_json(error: serde_json::Error) -> AnswerError {
    if error.is_data() { AnswerError::Unexpected(error.to_string()) } else { AnswerError::Malformed(error.to_string()) }
}

/// An exchange's words, without what would spoil a terminal.
pub(crate) fn message(words: &str) -> String {
    words.chars().filter(|c| !c.is_control()).take(MESSAGE_CHARS_MAX).collect()
}

/// The digits of a number, in quotes or not.
pub(crate) fn number(raw: &RawValue) -> Result<Number<'_>, AnswerError> {
    Number::new(unquoted(raw)).map_err(|cause| AnswerError::Unexpected(cause.to_string()))
}

/// A number that may be empty or null.
pub(crate) fn optional_number(raw: Option<&RawValue>) -> Result<Option<Number<'_>>, AnswerError> {
    match raw {
        Some(raw) if !matches!(raw.get(), "\"\"" | "null") => number(raw).map(Some),
        _ => Ok(None),
    }
}

/// A whole number, in quotes or not.
pub(crate) fn integer(raw: &RawValue) -> Result<i64, AnswerError> {
    unquoted(raw).parse().map_err(|_| unexpected("is no whole number", raw.get()))
}

/// A count or an id, in quotes or not.
pub(crate) fn unsigned(raw: &RawValue) -> Result<u64, AnswerError> {
    unquoted(raw).parse().map_err(|_| unexpected("is no count", raw.get()))
}

/// What stands between the quotes, or all of it.
pub(crate) fn unquoted(raw: &RawValue) -> &str {
    let text = raw.get();
    text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(text)
}

/// An instant in milliseconds, in quotes or not.
pub(crate) fn millis(raw: &RawValue) -> Result<Ts, AnswerError> {
    Ts::from_millis(integer(raw)?).map_err(|cause| AnswerError::Unexpected(cause.to_string()))
}

/// An instant in seconds with a fraction, by its digits.
pub(crate) fn seconds(text: &str) -> Result<Ts, AnswerError> {
    let odd = || unexpected("is no time in seconds", text);
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_plain = [whole, fraction].iter().all(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
    if !is_plain || whole.is_empty() || fraction.len() > FRACTION_DIGITS {
        return Err(odd());
    }
    let nanos: i64 = format!("{whole}{fraction:0<FRACTION_DIGITS$}").parse().map_err(|_| odd())?;
    Ts::from_nanos(nanos).map_err(|cause| AnswerError::Unexpected(cause.to_string()))
}

/// The first whole millisecond at or after `ts`.
pub(crate) fn millis_up(ts: Ts) -> i64 {
    ts.saturating_add(999_999).millis()
}

/// The day of an instant as the name of a contract has it: `YYMMDD`, in this century.
pub(crate) fn date_of(ts: Ts) -> Option<u32> {
    let day = ts.day();
    u32::try_from((day.year - 2000) * 10_000 + day.month * 100 + day.day).ok()
}

/// That `what` is not as it should be.
pub(crate) fn unexpected(why: &str, what: &str) -> AnswerError {
    AnswerError::Unexpected(format!("{:?} {why}", excerpt(what)))
}

/// How a text begins.
pub(crate) fn excerpt(text: &str) -> String {
    text.chars().take(EXCERPT_CHARS_MAX).collect()
}

/// `text` as it stands in a query or a path; a few symbols are outside of ASCII.
pub(crate) fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// An instant in words: RFC 3339.
pub(crate) fn instant(text: &str) -> Result<Ts, AnswerError> {
    text.parse().map_err(|_| unexpected("is no instant", text))
}

/// One side of a book: levels that begin with a price and an amount.
pub(crate) fn levels<'a>(rows: &[Vec<&'a RawValue>]) -> Result<Vec<Level<'a>>, AnswerError> {
    rows.iter()
        .map(|row| match row[..] {
            [price, amount, ..] => Ok(Level { price: number(price)?, amount: number(amount)?, count: None }),
            _ => Err(AnswerError::Unexpected(format!("a level has {} fields", row.len()))),
        })
        .collect()
}

/// The smallest step of a number with so many digits behind the point; before it, if negative.
pub(crate) fn step(decimals: i64) -> String {
    /// More digits than any exchange has.
    const DECIMALS_MAX: u64 = 30;
    let zeros = usize::try_from(decimals.unsigned_abs().min(DECIMALS_MAX)).unwrap_or(0);
    match decimals {
        ..=0 => format!("1{}", "0".repeat(zeros)),
        1.. => format!("0.{}1", "0".repeat(zeros - 1)),
    }
}
