//! Funding rates.

use std::borrow::Cow;

use dccd_record::Funding;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::error::check;
use super::{same_symbol, stamp};
use crate::answer::{AnswerError, Reply};
use crate::sink::Sink;
use crate::wire::{json, number, optional_number};

#[derive(Deserialize)]
struct Row<'a> {
    #[serde(borrow)]
    symbol: Option<Cow<'a, str>>,
    #[serde(rename = "fundingTime")]
    time: i64,
    #[serde(borrow, rename = "fundingRate")]
    rate: &'a RawValue,
    #[serde(borrow, rename = "markPrice")]
    mark_price: Option<&'a RawValue>,
}

/// Hands over the rates of a page; `null` is an empty page.
pub(super) fn read(reply: &Reply<'_>, symbol: &str, sink: &mut Sink<'_>) -> Result<(), AnswerError> {
    check(reply)?;
    let rows: Option<Vec<Row<'_>>> = json(reply.body)?;
    for row in rows.unwrap_or_default() {
        same_symbol(row.symbol.as_deref(), symbol)?;
        let (ts, rate) = (stamp(row.time)?, number(row.rate)?);
        sink.funding(&Funding { ts, rate, mark_price: optional_number(row.mark_price)? })?;
    }
    Ok(())
}
