//! Funding rates: all of a year in one answer, whatever is asked for.

use std::borrow::Cow;

use dccd_record::{Funding, Ts};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::error::{check_success, object};
use crate::adapter::Rows;
use crate::answer::{AnswerError, Reply};
use crate::sink::Sink;
use crate::wire::{instant, number};

#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(borrow)]
    result: Cow<'a, str>,
    #[serde(borrow)]
    rates: Vec<Row<'a>>,
}

#[derive(Deserialize)]
struct Row<'a> {
    #[serde(borrow)]
    timestamp: Cow<'a, str>,
    /// The other rate is an amount of money for one contract.
    #[serde(borrow, rename = "relativeFundingRate")]
    rate: &'a RawValue,
}

/// Hands over the rates of a page.
pub(super) fn read(reply: &Reply<'_>, rows: Rows, sink: &mut Sink<'_>) -> Result<(), AnswerError> {
    let wire: Wire<'_> = object(reply)?;
    check_success(&wire.result)?;
    for row in &wire.rates {
        let ts = instant(&row.timestamp)?;
        if !is_asked(ts, rows) {
            sink.skip();
            continue;
        }
        sink.funding(&Funding { ts, rate: number(row.rate)?, mark_price: None })?;
    }
    Ok(())
}

fn is_asked(ts: Ts, rows: Rows) -> bool {
    match rows {
        Rows::Within(range) => range.contains(ts),
        Rows::From(start) => ts >= start,
        Rows::Before(end) => ts < end,
        Rows::FromId(_) | Rows::Newest => true,
    }
}
