//! Funding rates.

use std::borrow::Cow;

use dccd_record::{Funding, LineWriter, Range, Ts};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::error::{check, from_json};
use super::kline::number;
use super::{same_symbol, stamp};
use crate::answer::{AnswerError, Mark, Page, Reply};

/// What of a page is wanted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    /// The instants.
    pub(crate) range: Range,
    /// The last record that is known; pages overlap by it.
    pub(crate) after: Option<Ts>,
}

#[derive(Deserialize)]
struct Row<'a> {
    #[serde(borrow)]
    symbol: Option<Cow<'a, str>>,
    #[serde(rename = "fundingTime")]
    time: i64,
    #[serde(borrow, rename = "fundingRate")]
    rate: &'a RawValue,
    #[serde(borrow, rename = "markPrice")]
    mark_price: Option<&'a RawValue>,
}

/// Writes the wanted rates of a page; `null` is an empty page.
pub(crate) fn read(
    reply: &Reply<'_>,
    symbol: &str,
    wanted: Wanted,
    lines: &mut LineWriter,
    out: &mut Vec<u8>,
) -> Result<Page, AnswerError> {
    check(reply)?;
    let rows: Option<Vec<Row<'_>>> = serde_json::from_slice(reply.body).map_err(from_json)?;
    let start = out.len();
    let mut page = Page::default();
    for row in rows.unwrap_or_default() {
        if let Err(error) =
            same_symbol(row.symbol.as_deref(), symbol).and_then(|()| take(&row, wanted, &mut page, lines, out))
        {
            out.truncate(start);
            return Err(error);
        }
    }
    Ok(page)
}

fn take(
    row: &Row<'_>,
    wanted: Wanted,
    page: &mut Page,
    lines: &mut LineWriter,
    out: &mut Vec<u8>,
) -> Result<(), AnswerError> {
    let ts = stamp(row.time)?;
    page.rows += 1;
    if wanted.after.is_some_and(|after| ts <= after) {
        return Ok(());
    }
    if page.last.is_some_and(|last| ts < last.ts) {
        return Err(AnswerError::Unexpected(format!("the rate of {ts} is before the one above it")));
    }
    let mark = Mark { ts, id: 0 };
    page.first.get_or_insert(mark);
    page.last = Some(mark);
    page.is_past_end |= ts >= wanted.range.end();
    if wanted.range.contains(ts) {
        let mark_price = match row.mark_price {
            None => None,
            Some(raw) if matches!(raw.get(), "\"\"" | "null") => None,
            Some(raw) => Some(number(raw)?),
        };
        page.lines += 1;
        lines.funding(&Funding { ts, rate: number(row.rate)?, mark_price }, out);
    }
    Ok(())
}
