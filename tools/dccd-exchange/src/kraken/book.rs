//! Snapshots of order books.

use dccd_record::{Book, LineWriter, Pair};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::error::result_of;
use crate::answer::{AnswerError, Mark, Page, Reply};
use crate::wire::levels;

#[derive(Deserialize)]
struct Wire<'a> {
    /// Price, amount, and the second of the last change.
    #[serde(borrow)]
    bids: Vec<Vec<&'a RawValue>>,
    #[serde(borrow)]
    asks: Vec<Vec<&'a RawValue>>,
}

/// Writes one snapshot. It has neither time nor sequence, so our clock has to do.
pub(super) fn read(
    reply: &Reply<'_>,
    pair: &Pair,
    lines: &mut LineWriter,
    out: &mut Vec<u8>,
) -> Result<Page, AnswerError> {
    let (wire, _): (Wire<'_>, _) = result_of(reply, pair)?;
    let ts = reply.recv_ts;
    let (bids, asks) = (levels(&wire.bids)?, levels(&wire.asks)?);
    lines.book(&Book { ts, is_snapshot: true, bids, asks, seq: None, recv_ts: Some(ts) }, out);
    let mark = Some(Mark { ts, id: 0 });
    Ok(Page { rows: 1, first: mark, last: mark, lines: 1, ..Page::default() })
}
