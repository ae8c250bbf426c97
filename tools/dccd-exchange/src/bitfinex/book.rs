//! Snapshots of order books: price, number of orders, amount. What is offered has a negative amount.

use dccd_record::{Book, Level, LineWriter, Number};

use super::error;
use crate::answer::{AnswerError, Mark, Page, Reply};
use crate::wire::{number, unexpected, unsigned};

/// Writes one snapshot. It has no time of its own, so our clock has to do.
pub(super) fn read(reply: &Reply<'_>, lines: &mut LineWriter, out: &mut Vec<u8>) -> Result<Page, AnswerError> {
    let rows = error::rows(reply)?;
    if rows.is_empty() {
        return Err(AnswerError::Unexpected("a book without any level".to_owned()));
    }
    let (mut bids, mut asks) = (Vec::new(), Vec::new());
    for row in &rows {
        let [price, count, amount, ..] = row[..] else {
            return Err(AnswerError::Unexpected(format!("a level has {} fields", row.len())));
        };
        let (count, signed) = (unsigned(count)?, number(amount)?);
        if count == 0 || signed.is_zero() {
            return Err(unexpected("is no amount of a whole book", amount.get()));
        }
        let amount = Number::new(signed.as_str().trim_start_matches('-'))
            .map_err(|cause| AnswerError::Unexpected(cause.to_string()))?;
        let side = if signed.is_negative() { &mut asks } else { &mut bids };
        side.push(Level { price: number(price)?, amount, count: Some(count) });
    }
    let ts = reply.recv_ts;
    lines.book(&Book { ts, is_snapshot: true, bids, asks, seq: None, recv_ts: Some(ts) }, out);
    let mark = Some(Mark { ts, id: 0 });
    Ok(Page { rows: 1, first: mark, last: mark, lines: 1, ..Page::default() })
}
