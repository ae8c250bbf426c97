//! Open interest.

use std::borrow::Cow;

use dccd_record::{Market, OpenInterest, Pair};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::error::check;
use super::{query, same_symbol, stamp};
use crate::answer::{AnswerError, Reply};
use crate::sink::Sink;
use crate::wire::{json, number, optional_number};

#[derive(Deserialize)]
struct Row<'a> {
    #[serde(borrow)]
    symbol: Option<Cow<'a, str>>,
    /// COIN-M names pair and contract instead.
    #[serde(borrow)]
    pair: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "contractType")]
    contract: Option<Cow<'a, str>>,
    timestamp: i64,
    #[serde(borrow, rename = "sumOpenInterest")]
    open_interest: &'a RawValue,
    #[serde(borrow, rename = "sumOpenInterestValue")]
    open_interest_value: Option<&'a RawValue>,
}

/// Hands over the records of a page; `null` is an empty page.
pub(super) fn read(reply: &Reply<'_>, pair: &Pair, sink: &mut Sink<'_>) -> Result<(), AnswerError> {
    check(reply)?;
    let is_inverse = pair.market() == Market::Inverse;
    let (symbol, underlying) = (query::symbol(pair), query::underlying(pair));
    let rows: Option<Vec<Row<'_>>> = json(reply.body)?;
    for row in rows.unwrap_or_default() {
        let (amount, value) = (number(row.open_interest)?, optional_number(row.open_interest_value)?);
        let (open_interest, open_interest_value) = if is_inverse {
            same_symbol(row.pair.as_deref(), &underlying)?;
            same_symbol(row.contract.as_deref(), query::PERPETUAL)?;
            // The value is in the base asset, and the amount in contracts.
            let value = value.ok_or_else(|| AnswerError::Unexpected("open interest without value".to_owned()))?;
            (value, None)
        } else {
            same_symbol(row.symbol.as_deref(), &symbol)?;
            (amount, value)
        };
        let ts = stamp(row.timestamp)?;
        sink.open_interest(&OpenInterest { ts, open_interest, open_interest_value })?;
    }
    Ok(())
}
