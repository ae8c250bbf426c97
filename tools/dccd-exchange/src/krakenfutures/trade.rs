//! The last trades.

use std::borrow::Cow;

use dccd_record::Ts;
use serde::Deserialize;

use super::error::object;
use crate::answer::{AnswerError, Reply};
use crate::wire::instant;

#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(borrow)]
    history: Vec<Row<'a>>,
}

#[derive(Deserialize)]
struct Row<'a> {
    #[serde(borrow)]
    time: Cow<'a, str>,
}

/// When the last one was.
pub(super) fn read_last(reply: &Reply<'_>) -> Result<Option<Ts>, AnswerError> {
    let wire: Wire<'_> = object(reply)?;
    let times = wire.history.iter().map(|row| instant(&row.time)).collect::<Result<Vec<Ts>, AnswerError>>()?;
    Ok(times.into_iter().max())
}
