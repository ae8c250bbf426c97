//! Open interest.

use std::borrow::Cow;

use dccd_record::{LineWriter, OpenInterest, Range, Span, Ts};
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
    /// The distance between two of them.
    pub(crate) span: Span,
    /// A record before them that is known to exist: it is only noted as the first row.
    pub(crate) known: Option<Ts>,
}

#[derive(Deserialize)]
struct Row<'a> {
    #[serde(borrow)]
    symbol: Option<Cow<'a, str>>,
    timestamp: i64,
    #[serde(borrow, rename = "sumOpenInterest")]
    open_interest: &'a RawValue,
    #[serde(borrow, rename = "sumOpenInterestValue")]
    open_interest_value: Option<&'a RawValue>,
}

/// Writes the wanted records of a page; `null` is an empty page.
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
    let ts = stamp(row.timestamp)?;
    if !wanted.span.is_aligned(ts) {
        return Err(AnswerError::Unexpected(format!("open interest of {ts} is no multiple of {}", wanted.span)));
    }
    if page.last.or(page.first).is_some_and(|last| ts <= last.ts) {
        return Err(AnswerError::Unexpected(format!("the open interest of {ts} is not after the one above it")));
    }
    let mark = Mark { ts, id: 0 };
    if wanted.known == Some(ts) {
        page.rows += 1;
        page.first = Some(mark);
        return Ok(());
    }
    // Rows of another range say nothing about this one.
    if !wanted.range.contains(ts) {
        return Err(AnswerError::Unexpected(format!("the open interest of {ts} was not asked for")));
    }
    page.rows += 1;
    page.first.get_or_insert(mark);
    page.last = Some(mark);
    page.lines += 1;
    let open_interest_value = match row.open_interest_value {
        None => None,
        Some(raw) if matches!(raw.get(), "\"\"" | "null") => None,
        Some(raw) => Some(number(raw)?),
    };
    lines.open_interest(&OpenInterest { ts, open_interest: number(row.open_interest)?, open_interest_value }, out);
    Ok(())
}
