//! Open interest: in base coins, and its value in US dollars.

use dccd_record::OpenInterest;
use serde_json::value::RawValue;

use super::envelope;
use crate::adapter::Rows;
use crate::answer::{AnswerError, Reply};
use crate::sink::Sink;
use crate::wire::{millis, number};

/// Hands over the records of a page. Whether the end that was asked for belongs to it is not said.
pub(super) fn read(rows: Rows, reply: &Reply<'_>, sink: &mut Sink<'_>) -> Result<(), AnswerError> {
    for row in envelope::rows::<Vec<&RawValue>>(reply)? {
        let [ts, _contracts, coins, value, ..] = row[..] else {
            return Err(AnswerError::Unexpected(format!("open interest has {} fields", row.len())));
        };
        let (ts, open_interest, value) = (millis(ts)?, number(coins)?, number(value)?);
        if matches!(rows, Rows::Within(range) if ts == range.end()) {
            sink.skip();
            continue;
        }
        sink.open_interest(&OpenInterest { ts, open_interest, open_interest_value: Some(value) })?;
    }
    Ok(())
}
