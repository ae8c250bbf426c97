//! Funding rates.

use std::borrow::Cow;

use dccd_record::Funding;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{error, is_newest_first, same_symbol};
use crate::adapter::Rows;
use crate::answer::{AnswerError, Reply};
use crate::sink::Sink;
use crate::wire::{instant, number};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Row<'a> {
    #[serde(borrow)]
    timestamp: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) symbol: Cow<'a, str>,
    #[serde(borrow)]
    funding_rate: &'a RawValue,
}

/// Hands over the rates of a page.
pub(super) fn read(reply: &Reply<'_>, symbol: &str, rows: Rows, sink: &mut Sink<'_>) -> Result<(), AnswerError> {
    let mut page: Vec<Row<'_>> = error::rows(reply)?;
    if is_newest_first(rows) {
        page.reverse();
    }
    for row in &page {
        same_symbol(&row.symbol, symbol)?;
        sink.funding(&row.funding()?)?;
    }
    Ok(())
}

impl<'a> Row<'a> {
    /// What it says.
    pub(super) fn funding(&self) -> Result<Funding<'a>, AnswerError> {
        let (ts, rate) = (instant(&self.timestamp)?, number(self.funding_rate)?);
        Ok(Funding { ts, rate, mark_price: None })
    }
}
