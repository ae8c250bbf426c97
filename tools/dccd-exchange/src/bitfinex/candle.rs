//! Candles: time, open, close, high, low, volume, in this order. Buckets without trades do not exist.

use dccd_record::Candle;

use super::{error, is_newest_first, stamp};
use crate::adapter::Rows;
use crate::answer::{AnswerError, Reply};
use crate::sink::Sink;
use crate::wire::number;

/// Hands over the candles of a page.
pub(super) fn read(rows: Rows, reply: &Reply<'_>, sink: &mut Sink<'_>) -> Result<(), AnswerError> {
    let mut page = error::rows(reply)?;
    if is_newest_first(rows) {
        page.reverse();
    }
    for row in &page {
        let [time, open, close, high, low, volume, ..] = row[..] else {
            return Err(AnswerError::Unexpected(format!("a candle has {} fields", row.len())));
        };
        sink.candle(&Candle {
            ts: stamp(time)?,
            open: number(open)?,
            high: number(high)?,
            low: number(low)?,
            close: number(close)?,
            volume: number(volume)?,
            quote_volume: None,
            trades: None,
            is_derived: false,
        })?;
    }
    Ok(())
}
