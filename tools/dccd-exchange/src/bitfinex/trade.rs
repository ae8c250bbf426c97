//! Trades: id, time, amount, price. A sold amount is negative.

use std::borrow::Cow;

use dccd_record::{Number, Side, Trade};
use serde_json::value::RawValue;

use super::{error, is_newest_first, stamp};
use crate::adapter::Rows;
use crate::answer::{AnswerError, Reply};
use crate::sink::Sink;
use crate::wire::{number, unsigned};

/// Hands over the trades of a page.
pub(super) fn read(rows: Rows, reply: &Reply<'_>, sink: &mut Sink<'_>) -> Result<(), AnswerError> {
    let mut page = error::rows(reply)?;
    if is_newest_first(rows) {
        page.reverse();
    }
    for row in &page {
        let [id, time, amount, price, ..] = row[..] else {
            return Err(AnswerError::Unexpected(format!("a trade has {} fields", row.len())));
        };
        let tid = Some(Cow::Borrowed(id.get()));
        let (side, amount) = signed(amount)?;
        let trade = Trade { ts: stamp(time)?, price: number(price)?, amount, side, tid, recv_ts: None };
        sink.trade(unsigned(id)?, &trade)?;
    }
    Ok(())
}

/// The taker's side, and the amount without its sign.
fn signed(raw: &RawValue) -> Result<(Option<Side>, Number<'_>), AnswerError> {
    let signed = number(raw)?;
    let amount = signed.as_str().trim_start_matches('-');
    let amount = Number::new(amount).map_err(|cause| AnswerError::Unexpected(cause.to_string()))?;
    let side = if signed.is_negative() { Side::Sell } else { Side::Buy };
    Ok(((!amount.is_zero()).then_some(side), amount))
}
