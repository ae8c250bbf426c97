//! Open interest: the sum of both sides, which is what its whole history has.

use dccd_record::{OpenInterest, Pair};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::envelope::rows;
use crate::answer::{AnswerError, Reply};
use crate::sink::Sink;
use crate::wire::{millis, number};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row<'a> {
    #[serde(borrow)]
    open_interest: &'a RawValue,
    #[serde(borrow)]
    timestamp: &'a RawValue,
}

/// Hands over the records of a page. Windows are asked for that one page can hold, so its cursor leads nowhere.
pub(super) fn read(pair: &Pair, reply: &Reply<'_>, sink: &mut Sink<'_>) -> Result<(), AnswerError> {
    let (values, stamp) = rows::<Row<'_>>(pair, reply)?;
    for row in values {
        let (ts, open_interest) = (millis(row.timestamp)?, number(row.open_interest)?);
        sink.open_interest(&OpenInterest { ts, open_interest, open_interest_value: None })?;
    }
    if let Some(stamp) = stamp {
        sink.stamp(stamp);
    }
    Ok(())
}
