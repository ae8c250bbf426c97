//! Snapshots of order books.

use std::borrow::Cow;

use dccd_record::{Book, Level, LineWriter};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::error::object;
use crate::answer::{AnswerError, Mark, Page, Reply};
use crate::wire::{instant, number, unsigned};

#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(borrow)]
    sequence: &'a RawValue,
    #[serde(borrow)]
    time: Option<Cow<'a, str>>,
    /// Price, amount, number of orders.
    #[serde(borrow)]
    bids: Vec<[&'a RawValue; 3]>,
    #[serde(borrow)]
    asks: Vec<[&'a RawValue; 3]>,
}

/// Writes one snapshot.
pub(super) fn read(reply: &Reply<'_>, lines: &mut LineWriter, out: &mut Vec<u8>) -> Result<Page, AnswerError> {
    let wire: Wire<'_> = object(reply)?;
    let stamp = wire.time.as_deref().map(instant).transpose()?;
    let ts = stamp.unwrap_or(reply.recv_ts);
    let id = unsigned(wire.sequence)?;
    let (bids, asks) = (levels(&wire.bids)?, levels(&wire.asks)?);
    lines.book(&Book { ts, is_snapshot: true, bids, asks, seq: Some(id), recv_ts: Some(reply.recv_ts) }, out);
    let mark = Some(Mark { ts, id });
    Ok(Page { rows: 1, first: mark, last: mark, lines: 1, stamp, ..Page::default() })
}

fn levels<'a>(rows: &[[&'a RawValue; 3]]) -> Result<Vec<Level<'a>>, AnswerError> {
    rows.iter()
        .map(|[price, amount, count]| {
            Ok(Level { price: number(price)?, amount: number(amount)?, count: Some(unsigned(count)?) })
        })
        .collect()
}
