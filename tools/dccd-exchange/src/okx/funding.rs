//! Funding rates: those that were paid, not those that were foreseen.

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
    inst_id: Cow<'a, str>,
    #[serde(borrow)]
    realized_rate: &'a RawValue,
    #[serde(borrow)]
    funding_time: &'a RawValue,
}

/// Hands over the rates of a page.
pub(super) fn read(pair: &Pair, reply: &Reply<'_>, sink: &mut Sink<'_>) -> Result<(), AnswerError> {
    for row in rows::<Row<'_>>(reply)? {
        same_symbol(&row.inst_id, pair)?;
        let (ts, rate) = (millis(row.funding_time)?, number(row.realized_rate)?);
        sink.funding(&Funding { ts, rate, mark_price: None })?;
    }
    Ok(())
}
