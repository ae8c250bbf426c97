//! The newest trades, which are all that REST has of them.

use dccd_record::{Pair, Ts};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::envelope::rows;
use crate::answer::{AnswerError, Reply};
use crate::wire::millis;

#[derive(Deserialize)]
struct Row<'a> {
    #[serde(borrow)]
    time: &'a RawValue,
}

/// When the last one was, and the exchange's time.
pub(super) fn read_last(pair: &Pair, reply: &Reply<'_>) -> Result<(Option<Ts>, Option<Ts>), AnswerError> {
    let (rows, stamp) = rows::<Row<'_>>(pair, reply)?;
    let times = rows.iter().map(|row| millis(row.time)).collect::<Result<Vec<Ts>, AnswerError>>()?;
    Ok((times.into_iter().max(), stamp))
}
