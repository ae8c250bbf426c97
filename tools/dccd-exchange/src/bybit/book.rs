//! Snapshots of order books.

use std::borrow::Cow;

use dccd_record::{Book, LineWriter, Pair, Ts};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::envelope::{open, same_symbol};
use crate::answer::{AnswerError, Mark, Page, Reply};
use crate::wire::levels;

#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(borrow)]
    s: Cow<'a, str>,
    #[serde(borrow)]
    b: Vec<Vec<&'a RawValue>>,
    #[serde(borrow)]
    a: Vec<Vec<&'a RawValue>>,
    /// When the answer was made, in milliseconds.
    ts: i64,
    /// When the matching engine made the book; older answers have none.
    cts: Option<i64>,
    /// The counter of the stream of 1000 levels, not of those of fewer.
    u: u64,
}

/// Writes one snapshot.
pub(super) fn read(
    pair: &Pair,
    reply: &Reply<'_>,
    lines: &mut LineWriter,
    out: &mut Vec<u8>,
) -> Result<Page, AnswerError> {
    let (wire, _) = open::<Wire<'_>>(reply)?;
    same_symbol(Some(&wire.s), pair)?;
    let ts =
        Ts::from_millis(wire.cts.unwrap_or(wire.ts)).map_err(|cause| AnswerError::Unexpected(cause.to_string()))?;
    let book = Book {
        ts,
        is_snapshot: true,
        bids: levels(&wire.b)?,
        asks: levels(&wire.a)?,
        seq: Some(wire.u),
        recv_ts: Some(reply.recv_ts),
    };
    lines.book(&book, out);
    let mark = Some(Mark { ts, id: wire.u });
    Ok(Page { rows: 1, first: mark, last: mark, lines: 1, stamp: Some(ts), ..Page::default() })
}
