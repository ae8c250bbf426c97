//! Trades.

use std::borrow::Cow;

use dccd_record::{Side, Trade};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::contract::{amount, parse};
use super::envelope::{rows as rows_of, same_symbol};
use crate::adapter::{Rows, Series};
use crate::answer::{AnswerError, Reply};
use crate::sink::Sink;
use crate::wire::{millis, number, unexpected, unquoted, unsigned};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row<'a> {
    #[serde(borrow)]
    inst_id: Cow<'a, str>,
    /// The taker's.
    #[serde(borrow)]
    side: Cow<'a, str>,
    #[serde(borrow)]
    sz: &'a RawValue,
    #[serde(borrow)]
    px: &'a RawValue,
    #[serde(borrow)]
    trade_id: &'a RawValue,
    #[serde(borrow)]
    ts: &'a RawValue,
}

/// Hands over the trades of a page. A page by id has no bound below, so older trades may come with it.
pub(super) fn read(series: &Series<'_>, rows: Rows, reply: &Reply<'_>, sink: &mut Sink<'_>) -> Result<(), AnswerError> {
    for row in rows_of::<Row<'_>>(reply)? {
        same_symbol(&row.inst_id, series.pair())?;
        let id = unsigned(row.trade_id)?;
        // Where one row is looked for, the one below it is as good.
        if matches!(rows, Rows::FromId(first) if id < first) && !sink.is_probe() {
            sink.skip();
            continue;
        }
        let side = Side::from_name(&row.side).ok_or_else(|| unexpected("is no side", &row.side))?;
        let amount = amount(series, row.sz)?;
        let trade = Trade {
            ts: millis(row.ts)?,
            price: number(row.px)?,
            amount: parse(&amount)?,
            side: Some(side),
            tid: Some(Cow::Borrowed(unquoted(row.trade_id))),
            recv_ts: None,
        };
        sink.trade(id, &trade)?;
    }
    Ok(())
}
