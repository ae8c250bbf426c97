//! Trades, newest first, whose side is the MAKER's.

use std::borrow::Cow;

use dccd_record::{Side, Trade, Ts};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::error::check;
use crate::adapter::Rows;
use crate::answer::{AnswerError, Reply};
use crate::sink::Sink;
use crate::wire::{instant, json, number, unexpected, unsigned};

#[derive(Deserialize)]
struct Row<'a> {
    #[serde(borrow)]
    trade_id: &'a RawValue,
    #[serde(borrow)]
    side: Cow<'a, str>,
    #[serde(borrow)]
    size: &'a RawValue,
    #[serde(borrow)]
    price: &'a RawValue,
    #[serde(borrow)]
    time: Cow<'a, str>,
}

/// Hands over the trades of a page. Those below the id that was asked for come for lack of a bound, and the
/// sink knows them.
pub(super) fn read(reply: &Reply<'_>, rows: Rows, page_rows: u32, sink: &mut Sink<'_>) -> Result<(), AnswerError> {
    check(reply)?;
    let end = match rows {
        Rows::FromId(id) => id.saturating_add(u64::from(page_rows)),
        _ => u64::MAX,
    };
    let listed: Vec<Row<'_>> = json(reply.body)?;
    for row in listed.iter().rev() {
        let id = unsigned(row.trade_id)?;
        if id >= end {
            return Err(AnswerError::Unexpected(format!("trade {id}, though those below {end} were asked for")));
        }
        let trade = Trade {
            ts: instant(&row.time)?,
            price: number(row.price)?,
            amount: number(row.size)?,
            side: Some(taker(&row.side)?),
            tid: Some(Cow::Owned(id.to_string())),
            recv_ts: None,
        };
        sink.trade(id, &trade)?;
    }
    Ok(())
}

/// The instant of the first trade of all.
pub(super) fn read_first(reply: &Reply<'_>) -> Result<Option<Ts>, AnswerError> {
    check(reply)?;
    let listed: Vec<Row<'_>> = json(reply.body)?;
    let Some(row) = listed.last() else { return Ok(None) };
    match unsigned(row.trade_id)? {
        0 | 1 => instant(&row.time).map(Some),
        id => Err(AnswerError::Unexpected(format!("trade {id}, though the first one was asked for"))),
    }
}

/// The taker is on the other side than the maker.
fn taker(maker: &str) -> Result<Side, AnswerError> {
    match maker {
        "buy" => Ok(Side::Sell),
        "sell" => Ok(Side::Buy),
        other => Err(unexpected("is no side", other)),
    }
}
