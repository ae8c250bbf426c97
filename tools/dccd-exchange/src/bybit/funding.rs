//! Funding rates.

use std::borrow::Cow;

use dccd_record::{Funding, Pair};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::envelope::{rows, same_symbol};
use crate::answer::{AnswerError, Reply};
use crate::sink::Sink;
use crate::wire::{millis, number};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row<'a> {
    #[serde(borrow)]
    symbol: Cow<'a, str>,
    #[serde(borrow)]
    funding_rate: &'a RawValue,
    #[serde(borrow)]
    funding_rate_timestamp: &'a RawValue,
}

/// Hands over the rates of a page.
pub(super) fn read(pair: &Pair, reply: &Reply<'_>, sink: &mut Sink<'_>) -> Result<(), AnswerError> {
    let (rates, stamp) = rows::<Row<'_>>(pair, reply)?;
    for row in rates {
        same_symbol(Some(&row.symbol), pair)?;
        let (ts, rate) = (millis(row.funding_rate_timestamp)?, number(row.funding_rate)?);
        sink.funding(&Funding { ts, rate, mark_price: None })?;
    }
    if let Some(stamp) = stamp {
        sink.stamp(stamp);
    }
    Ok(())
}
