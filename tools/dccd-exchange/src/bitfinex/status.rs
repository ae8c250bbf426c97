//! Funding rates and open interest, both of which stand in the history of a derivative's status: one row about
//! every minute, wherever it falls.
//!
//! A status says when funding is paid next, what has accrued for that so far, and which rate was paid last. So
//! a rate was paid at the instant that one status names as the next one and that a later status no longer
//! names: the record's instant is the payment's, not that of either status, and its rate is the last one that
//! the later status says. Its mark price is that status's, if it came soon after the payment.
//!
//! Open interest at a multiple of a span is what the last status of the five minutes before says. Where there
//! is no such status, there is no open interest.

use dccd_record::{Funding, OpenInterest, Span, Ts};
use serde_json::value::RawValue;

use super::query::Bounds;
use super::symbol::symbol;
use super::{error, is_newest_first, stamp};
use crate::adapter::{Rows, Series};
use crate::answer::{AnswerError, Reply};
use crate::sink::Sink;
use crate::wire::{number, optional_number, unexpected, unquoted};

/// The most rows of one answer.
pub(super) const PAGE_ROWS: u32 = 5000;
/// So many minutes of open interest leave room in a page for a status more often than every minute.
const PAGE_MINUTES: u32 = 2500;
const SECOND_NANOS: i64 = 1_000_000_000;
/// Funding is paid so often.
const PERIOD_NANOS: i64 = 8 * 3600 * SECOND_NANOS;
/// The next payment may be named so much before the last one.
const EARLY_NANOS_MAX: i64 = 60 * SECOND_NANOS;
/// The status must name the next payment so soon after the last one.
const LATE_NANOS_MAX: i64 = 600 * SECOND_NANOS;
/// So far from an instant may a status be that speaks for it.
const AGE_NANOS_MAX: i64 = 300 * SECOND_NANOS;

/// The most records of open interest that one answer surely holds.
pub(super) fn page_rows(span: Span) -> u32 {
    (PAGE_MINUTES * 60 / span.secs()).max(1)
}

/// The statuses that must be seen, and how many.
pub(super) fn bounds(series: &Series<'_>, rows: Rows) -> (Bounds, u32) {
    let span = series.dataset.span();
    match (rows, span) {
        (Rows::Within(range), Some(span)) => {
            let start = span.ceil(range.start()).saturating_add(1 - AGE_NANOS_MAX);
            let last = span.floor(range.end().saturating_add(-1));
            (Bounds { start: Some(start), last: Some(last), is_newest: false }, PAGE_ROWS)
        }
        (Rows::Within(range), None) => {
            let start = range.start().saturating_add(-PERIOD_NANOS);
            (Bounds { start: Some(start), last: Some(range.end().saturating_add(-1)), is_newest: false }, PAGE_ROWS)
        }
        (Rows::From(start), _) => {
            let start = start.saturating_add(-PERIOD_NANOS);
            (Bounds { start: Some(start), last: None, is_newest: false }, PAGE_ROWS)
        }
        (_, span) => {
            // Two payments must be in sight so that the one between them is.
            let limit = if span.is_some() { 1 } else { PAGE_ROWS };
            (Bounds { start: None, last: None, is_newest: true }, limit)
        }
    }
}

/// Hands over the funding rates that were paid.
pub(super) fn read_funding(
    series: &Series<'_>,
    rows: Rows,
    reply: &Reply<'_>,
    sink: &mut Sink<'_>,
) -> Result<(), AnswerError> {
    let (start, end) = match rows {
        Rows::Within(range) => (range.start(), range.end()),
        Rows::From(start) => (start, Ts::MAX),
        _ => (Ts::MIN, Ts::MAX),
    };
    let page = statuses(series, rows, reply)?;
    let mut seen = 0;
    let mut last = None;
    let mut waiting: Option<Ts> = None;
    for status in &page {
        let Some((next, rate)) = status.payments()? else { continue };
        if let Some(paid) = waiting.filter(|paid| status.settles(*paid, next)) {
            if next.nanos() - paid.nanos() > PERIOD_NANOS {
                let why = format!("the status skips from the funding of {paid} to that of {next}");
                return Err(AnswerError::Unexpected(why));
            }
            if paid >= start && paid < end {
                let mark_price = optional_number(status.mark_price.filter(|_| !status.is_old(paid)))?;
                sink.funding(&Funding { ts: paid, rate: number(rate)?, mark_price })?;
                seen += 1;
                last = Some(paid);
            }
        }
        waiting = Some(next);
    }
    (seen..page.len()).for_each(|_| sink.skip());
    let is_full = usize::try_from(PAGE_ROWS).is_ok_and(|full| page.len() >= full);
    let is_stuck = is_full && matches!(rows, Rows::From(_)) && last.is_none_or(|last| last <= start);
    let is_late = !is_full
        && waiting.zip(reply.date).is_some_and(|(next, now)| next.saturating_add(LATE_NANOS_MAX) < now && next < end);
    match waiting {
        Some(next) if is_stuck => {
            Err(AnswerError::Unexpected(format!("{} statuses end before the funding of {next}", page.len())))
        }
        Some(next) if is_late => {
            Err(AnswerError::Unexpected(format!("no status says yet what became of the funding of {next}")))
        }
        _ => Ok(()),
    }
}

/// Hands over the open interest at each multiple of the span.
pub(super) fn read_open_interest(
    series: &Series<'_>,
    span: Span,
    rows: Rows,
    reply: &Reply<'_>,
    sink: &mut Sink<'_>,
) -> Result<(), AnswerError> {
    let page = statuses(series, rows, reply)?;
    let is_cut = usize::try_from(PAGE_ROWS).is_ok_and(|full| page.len() >= full);
    if let (Rows::Within(_), true) = (rows, is_cut) {
        return Err(AnswerError::Unexpected(format!("{} statuses fill a page, and some may be missing", page.len())));
    }
    let mut chosen: Vec<(Ts, &RawValue)> = Vec::new();
    for status in &page {
        let Some(amount) = status.open_interest else { continue };
        let ts = match rows {
            Rows::Within(_) => span.ceil(status.ts),
            // The last instant for which there may be one.
            _ => span.floor(status.ts),
        };
        if matches!(rows, Rows::Within(range) if !range.contains(ts) || status.is_old(ts)) {
            continue;
        }
        // A later status says more.
        if chosen.last().is_some_and(|(before, _)| *before == ts) {
            chosen.pop();
        }
        chosen.push((ts, amount));
    }
    for (ts, amount) in &chosen {
        sink.open_interest(&OpenInterest { ts: *ts, open_interest: number(amount)?, open_interest_value: None })?;
    }
    (chosen.len()..page.len()).for_each(|_| sink.skip());
    Ok(())
}

/// The instant of the first record.
pub(super) fn read_first(series: &Series<'_>, reply: &Reply<'_>) -> Result<Option<Ts>, AnswerError> {
    let page = statuses(series, Rows::Newest, reply)?;
    let Some(first) = page.first() else { return Ok(None) };
    match series.dataset.span() {
        Some(span) => Ok(Some(span.ceil(first.ts))),
        None => Ok(first.payments()?.map(|(next, _)| next)),
    }
}

/// One row.
#[derive(Clone, Copy, Debug)]
struct Status<'a> {
    ts: Ts,
    next_payment: Option<&'a RawValue>,
    last_rate: Option<&'a RawValue>,
    mark_price: Option<&'a RawValue>,
    open_interest: Option<&'a RawValue>,
}

impl<'a> Status<'a> {
    /// A row; some answers put the symbol in front.
    fn new(row: &[&'a RawValue], symbol: &str) -> Result<Status<'a>, AnswerError> {
        let row = match row {
            [key, rest @ ..] if key.get().starts_with('"') => {
                if unquoted(key) != symbol {
                    return Err(unexpected(&format!("is not the key of {symbol}"), key.get()));
                }
                rest
            }
            all => all,
        };
        let &[time, _, _, _, _, _, _, next, _, _, _, rate, _, _, mark, _, _, open_interest, ..] = row else {
            return Err(AnswerError::Unexpected(format!("a status has {} fields", row.len())));
        };
        let known = |raw: &'a RawValue| (raw.get() != "null").then_some(raw);
        Ok(Status {
            ts: stamp(time)?,
            next_payment: known(next),
            last_rate: known(rate),
            mark_price: known(mark),
            open_interest: known(open_interest),
        })
    }

    /// When the next payment is, and the rate of the last one, where both are known.
    fn payments(&self) -> Result<Option<(Ts, &'a RawValue)>, AnswerError> {
        let (Some(next), Some(rate)) = (self.next_payment, self.last_rate) else { return Ok(None) };
        Ok(Some((stamp(next)?, rate)))
    }

    /// Whether `payment` is over, since this status names `next` instead, and was not only put off.
    fn settles(&self, payment: Ts, next: Ts) -> bool {
        next > payment && self.ts.saturating_add(EARLY_NANOS_MAX) >= payment
    }

    /// Whether it says nothing about `instant` because it is too far from it.
    fn is_old(&self, instant: Ts) -> bool {
        (instant.nanos() - self.ts.nanos()).abs() >= AGE_NANOS_MAX
    }
}

/// The rows of an answer, oldest first.
fn statuses<'a>(series: &Series<'_>, rows: Rows, reply: &Reply<'a>) -> Result<Vec<Status<'a>>, AnswerError> {
    let symbol = symbol(series.pair());
    let page = error::rows(reply)?;
    let mut page: Vec<Status<'_>> = page.iter().map(|row| Status::new(row, &symbol)).collect::<Result<_, _>>()?;
    if is_newest_first(rows) {
        page.reverse();
    }
    match page.windows(2).find(|pair| matches!(pair, [one, next] if next.ts < one.ts)) {
        Some([one, next]) => Err(AnswerError::Unexpected(format!("a status of {} behind one of {}", next.ts, one.ts))),
        _ => Ok(page),
    }
}
