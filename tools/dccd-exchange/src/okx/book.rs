//! Snapshots of order books.

use std::borrow::Cow;

use dccd_record::{Book, Level, LineWriter};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::contract::{amount, parse};
use super::envelope::only;
use crate::adapter::Series;
use crate::answer::{AnswerError, Mark, Page, Reply};
use crate::wire::{millis, number, unsigned};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire<'a> {
    #[serde(borrow)]
    asks: Vec<Vec<&'a RawValue>>,
    #[serde(borrow)]
    bids: Vec<Vec<&'a RawValue>>,
    #[serde(borrow)]
    ts: &'a RawValue,
    /// On the counter of the stream of books; older answers have none.
    #[serde(borrow)]
    seq_id: Option<&'a RawValue>,
}

/// A level whose amount is not yet a number.
type Sized<'a> = (&'a RawValue, Cow<'a, str>, Option<u64>);

/// Writes one snapshot.
pub(super) fn read(
    series: &Series<'_>,
    reply: &Reply<'_>,
    lines: &mut LineWriter,
    out: &mut Vec<u8>,
) -> Result<Page, AnswerError> {
    let wire: Wire<'_> = only(reply)?;
    let ts = millis(wire.ts)?;
    let seq = wire.seq_id.map(unsigned).transpose()?;
    let (bids, asks) = (sizes(series, &wire.bids)?, sizes(series, &wire.asks)?);
    let book =
        Book { ts, is_snapshot: true, bids: levels(&bids)?, asks: levels(&asks)?, seq, recv_ts: Some(reply.recv_ts) };
    lines.book(&book, out);
    let mark = Some(Mark { ts, id: seq.unwrap_or_default() });
    Ok(Page { rows: 1, first: mark, last: mark, lines: 1, stamp: Some(ts), ..Page::default() })
}

/// Price, size, a field of the past, number of orders.
fn sizes<'a>(series: &Series<'_>, rows: &[Vec<&'a RawValue>]) -> Result<Vec<Sized<'a>>, AnswerError> {
    rows.iter()
        .map(|row| match row[..] {
            [price, size, _, count, ..] => Ok((price, amount(series, size)?, Some(unsigned(count)?))),
            _ => Err(AnswerError::Unexpected(format!("a level has {} fields", row.len()))),
        })
        .collect()
}

fn levels<'a>(rows: &'a [Sized<'_>]) -> Result<Vec<Level<'a>>, AnswerError> {
    rows.iter()
        .map(|(price, amount, count)| Ok(Level { price: number(price)?, amount: parse(amount)?, count: *count }))
        .collect()
}
