//! Snapshots of order books.

use std::borrow::Cow;

use dccd_record::{Book, LineWriter};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::error::{check_success, object};
use crate::answer::{AnswerError, Mark, Page, Reply};
use crate::wire::{instant, levels};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire<'a> {
    #[serde(borrow)]
    result: Cow<'a, str>,
    #[serde(borrow)]
    order_book: Sides<'a>,
    #[serde(borrow)]
    server_time: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Sides<'a> {
    #[serde(borrow)]
    bids: Vec<Vec<&'a RawValue>>,
    #[serde(borrow)]
    asks: Vec<Vec<&'a RawValue>>,
}

/// Writes one snapshot.
pub(super) fn read(reply: &Reply<'_>, lines: &mut LineWriter, out: &mut Vec<u8>) -> Result<Page, AnswerError> {
    let wire: Wire<'_> = object(reply)?;
    check_success(&wire.result)?;
    let stamp = wire.server_time.as_deref().map(instant).transpose()?;
    let ts = stamp.unwrap_or(reply.recv_ts);
    let (bids, asks) = (levels(&wire.order_book.bids)?, levels(&wire.order_book.asks)?);
    lines.book(&Book { ts, is_snapshot: true, bids, asks, seq: None, recv_ts: Some(reply.recv_ts) }, out);
    let mark = Some(Mark { ts, id: 0 });
    Ok(Page { rows: 1, first: mark, last: mark, lines: 1, stamp, ..Page::default() })
}
