//! Snapshots of order books: one list from the highest price down, asks before bids. Amounts are contracts.

use std::borrow::Cow;

use dccd_record::{Book, Level, LineWriter};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{error, same_symbol};
use crate::answer::{AnswerError, Mark, Page, Reply};
use crate::wire::{number, unexpected};

#[derive(Deserialize)]
struct Row<'a> {
    #[serde(borrow)]
    symbol: Cow<'a, str>,
    #[serde(borrow)]
    side: Cow<'a, str>,
    #[serde(borrow)]
    size: &'a RawValue,
    #[serde(borrow)]
    price: &'a RawValue,
}

/// Writes one snapshot. Levels say when they changed, but nothing says when the book was so: our clock does.
pub(super) fn read(
    reply: &Reply<'_>,
    symbol: &str,
    lines: &mut LineWriter,
    out: &mut Vec<u8>,
) -> Result<Page, AnswerError> {
    let rows: Vec<Row<'_>> = error::rows(reply)?;
    if rows.is_empty() {
        return Err(AnswerError::UnknownSymbol(format!("there is no book of {symbol}")));
    }
    let (mut bids, mut asks) = (Vec::new(), Vec::new());
    for row in &rows {
        same_symbol(&row.symbol, symbol)?;
        let level = Level { price: number(row.price)?, amount: number(row.size)?, count: None };
        match row.side.as_ref() {
            "Buy" => bids.push(level),
            "Sell" => asks.push(level),
            other => return Err(unexpected("is neither Buy nor Sell", other)),
        }
    }
    asks.reverse();
    let ts = reply.recv_ts;
    lines.book(&Book { ts, is_snapshot: true, bids, asks, seq: None, recv_ts: Some(ts) }, out);
    let mark = Some(Mark { ts, id: 0 });
    Ok(Page { rows: 1, first: mark, last: mark, lines: 1, ..Page::default() })
}
