//! Trades.
//!
//! A row's time is a decimal of seven places that once was a binary fraction, so it lies beside the true
//! instant by which is asked. `last` is that of the last row, but rows between pages must have one time each,
//! whatever page they stand in; so the next page is asked for with a margin, and known ids are dropped.

use std::borrow::Cow;

use dccd_record::{Pair, Side, Trade, Ts};
use serde_json::value::RawValue;

use super::error::result_of;
use crate::answer::{AnswerError, Reply};
use crate::sink::Sink;
use crate::wire::{number, seconds, unexpected, unquoted, unsigned};

/// How far a row's time may be from the true one: half of what a binary fraction can tell apart until 2038,
/// and half a unit of the last place, rounded up generously.
pub(super) const STAMP_ERROR_NANOS: i64 = 1_000;

/// Hands over the trades of a page.
pub(super) fn read(reply: &Reply<'_>, pair: &Pair, sink: &mut Sink<'_>) -> Result<(), AnswerError> {
    let (listed, _): (Vec<Vec<&RawValue>>, _) = result_of(reply, pair)?;
    for row in &listed {
        let [price, amount, time, side, _, _, id, ..] = row[..] else { return Err(odd_row(row)) };
        let id = unsigned(id)?;
        let trade = Trade {
            ts: seconds(unquoted(time))?,
            price: number(price)?,
            amount: number(amount)?,
            side: Some(taker(side)?),
            tid: Some(Cow::Owned(id.to_string())),
            recv_ts: None,
        };
        sink.trade(id, &trade)?;
    }
    Ok(())
}

/// The instant of the first trade of all.
pub(super) fn read_first(reply: &Reply<'_>, pair: &Pair) -> Result<Option<Ts>, AnswerError> {
    let (listed, _): (Vec<Vec<&RawValue>>, _) = result_of(reply, pair)?;
    let Some(row) = listed.first() else { return Ok(None) };
    let [_, _, time, ..] = row[..] else { return Err(odd_row(row)) };
    seconds(unquoted(time)).map(Some)
}

/// Rows had no id until 2022. Without it nothing tells a trade from its repetition, or proves a page whole.
fn odd_row(row: &[&RawValue]) -> AnswerError {
    let why = if row.len() == 6 { ", and so no id" } else { "" };
    AnswerError::Unexpected(format!("a trade has {} fields{why}", row.len()))
}

fn taker(side: &RawValue) -> Result<Side, AnswerError> {
    match unquoted(side) {
        "b" => Ok(Side::Buy),
        "s" => Ok(Side::Sell),
        other => Err(unexpected("is no side", other)),
    }
}
