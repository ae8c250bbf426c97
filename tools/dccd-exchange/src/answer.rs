//! What an exchange answers, and what is wrong with it.

use std::fmt;

use dccd_record::{Fixed, Ts};

/// One HTTP answer.
#[derive(Clone, Copy, Debug)]
pub struct Reply<'a> {
    /// The status code.
    pub status: u16,
    /// The whole body.
    pub body: &'a [u8],
    /// The exchange's clock, from the `Date` header.
    pub date: Option<Ts>,
    /// The seconds of `Retry-After`.
    pub retry_after_secs: Option<u64>,
    /// When we read it.
    pub recv_ts: Ts,
}

/// One record's place in its series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Its instant.
    pub ts: Ts,
    /// Its id, 0 where the kind has none.
    pub id: u64,
}

/// What one answer held.
#[derive(Clone, Copy, Debug, Default)]
pub struct Page {
    /// Rows in the body, wanted or not.
    pub rows: usize,
    /// The first row that follows from what was known.
    pub first: Option<Mark>,
    /// The last row that follows from those before it.
    pub last: Option<Mark>,
    /// The row after a hole in the ids; rows from here on were not taken.
    pub jump: Option<Mark>,
    /// Whether the page repeats the record that was known before it.
    pub is_known_there: bool,
    /// Whether a row at or after the end of the range was seen.
    pub is_past_end: bool,
    /// Lines that were written.
    pub lines: u64,
    /// What time it is for the exchange, as the answer says.
    pub stamp: Option<Ts>,
    /// The size of one contract, where that was asked for.
    pub contract: Option<Fixed>,
}

/// What is wrong with an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AnswerError {
    /// The exchange said no.
    Refused {
        /// Its code.
        code: String,
        /// Its words.
        message: String,
        /// Whether asking again may help.
        is_retryable: bool,
    },
    /// The exchange has no such instrument.
    UnknownSymbol(String),
    /// We asked too fast, or are banned.
    Limited {
        /// 418, 429 or 403; 429 also where the exchange says so in HTTP 200.
        status: u16,
        /// How long it wants to be left alone.
        retry_after_secs: Option<u64>,
    },
    /// The exchange does not serve this country.
    Region,
    /// It failed on its side.
    Server {
        /// 5xx.
        status: u16,
    },
    /// A web page instead of JSON.
    Html {
        /// The status it came with.
        status: u16,
    },
    /// JSON that stops in the middle, or no JSON at all.
    Malformed(String),
    /// Sound JSON that is not what this question is answered with.
    Unexpected(String),
    /// A status that means nothing here.
    Status(u16),
}

impl AnswerError {
    /// Whether it is worth asking again at once: garbage may come from something on the way.
    pub fn is_worth_a_retry(&self) -> bool {
        self.is_retryable() || matches!(self, AnswerError::Unexpected(_))
    }

    /// Whether a later run may have more luck.
    pub fn is_retryable(&self) -> bool {
        match self {
            AnswerError::Refused { is_retryable, .. } => *is_retryable,
            AnswerError::Limited { .. }
            | AnswerError::Server { .. }
            | AnswerError::Html { .. }
            | AnswerError::Malformed(_) => true,
            AnswerError::UnknownSymbol(_)
            | AnswerError::Region
            | AnswerError::Unexpected(_)
            | AnswerError::Status(_) => false,
        }
    }
}

impl fmt::Display for AnswerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AnswerError::Refused { code, message, .. } => write!(f, "the exchange refused (code {code}): {message}"),
            AnswerError::UnknownSymbol(message) => write!(f, "the exchange knows no such symbol: {message}"),
            AnswerError::Limited { status, retry_after_secs } => {
                match (status, retry_after_secs) {
                    (418, _) | (403, Some(_)) => write!(f, "the exchange banned this address (status {status})"),
                    (403, None) => f.write_str("the exchange's firewall said no (status 403)"),
                    _ => write!(f, "too many requests for the exchange (status {status})"),
                }?;
                match retry_after_secs {
                    Some(secs @ 1..) => write!(f, "; it wants to be left alone for {secs} s"),
                    _ => Ok(()),
                }
            }
            AnswerError::Region => {
                f.write_str("the exchange does not serve this region; another host may, see --rest-url")
            }
            AnswerError::Server { status } => write!(f, "the exchange failed on its side (status {status})"),
            AnswerError::Html { status } => write!(f, "a web page instead of JSON (status {status})"),
            AnswerError::Malformed(why) => write!(f, "the answer is cut off or no JSON: {why}"),
            AnswerError::Unexpected(why) => write!(f, "the answer is not what this question is answered with: {why}"),
            AnswerError::Status(status) => write!(f, "status {status}; does the URL point to this exchange?"),
        }
    }
}

impl std::error::Error for AnswerError {}
