//! Open interest: in base coins, and its value in US dollars.

use dccd_record::{OpenInterest, Range, Ts};
use serde_json::value::RawValue;

use super::envelope;
use crate::adapter::Rows;
use crate::answer::{AnswerError, Reply};
use crate::sink::Sink;
use crate::wire::{millis, millis_up, number};

/// Hands over the records of a page. Whether the bounds that were asked for belong to it is not said.
pub(super) fn read(rows: Rows, reply: &Reply<'_>, sink: &mut Sink<'_>) -> Result<(), AnswerError> {
    for row in envelope::rows::<Vec<&RawValue>>(reply)? {
        let [ts, _contracts, coins, value, ..] = row[..] else {
            return Err(AnswerError::Unexpected(format!("open interest has {} fields", row.len())));
        };
        let (ts, open_interest, value) = (millis(ts)?, number(coins)?, number(value)?);
        if matches!(rows, Rows::Within(range) if is_bound(range, ts)) {
            sink.skip();
            continue;
        }
        sink.open_interest(&OpenInterest { ts, open_interest, open_interest_value: Some(value) })?;
    }
    Ok(())
}

/// Whether an instant outside of `range` is the millisecond before it or the first one behind it.
fn is_bound(range: Range, ts: Ts) -> bool {
    !range.contains(ts) && (ts.millis() + 1 == millis_up(range.start()) || ts.millis() == millis_up(range.end()))
}
