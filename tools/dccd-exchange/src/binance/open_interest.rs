//! Open interest.

use std::borrow::Cow;

use dccd_record::OpenInterest;
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
    timestamp: i64,
    #[serde(borrow, rename = "sumOpenInterest")]
    open_interest: &'a RawValue,
    #[serde(borrow, rename = "sumOpenInterestValue")]
    open_interest_value: Option<&'a RawValue>,
}

/// Hands over the records of a page; `null` is an empty page.
pub(super) fn read(reply: &Reply<'_>, symbol: &str, sink: &mut Sink<'_>) -> Result<(), AnswerError> {
    check(reply)?;
    let rows: Option<Vec<Row<'_>>> = json(reply.body)?;
    for row in rows.unwrap_or_default() {
        same_symbol(row.symbol.as_deref(), symbol)?;
        let open_interest_value = optional_number(row.open_interest_value)?;
        let (ts, open_interest) = (stamp(row.timestamp)?, number(row.open_interest)?);
        sink.open_interest(&OpenInterest { ts, open_interest, open_interest_value })?;
    }
    Ok(())
}
