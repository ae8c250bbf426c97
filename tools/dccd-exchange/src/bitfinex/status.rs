//! Funding rates and open interest, both of which stand in the history of a derivative's status: one row about
//! every minute, wherever it falls.
//!
//! A status says when funding is paid next, and which rate is paid then: it was settled in the period before,
//! and stays the same up to the payment. So a rate was paid at the instant that one status names as the next
//! one and that a later status no longer names; the instant is the payment's, not that of either status. The
//! mark price of the payment itself is not known.
//!
//! Open interest at a multiple of a span is what the last status of the span that ends there says. Where there
//! is no such status, there is no open interest.

use dccd_record::{Funding, OpenInterest, Span, Ts};
use serde_json::value::RawValue;

use super::query::Bounds;
use super::symbol::symbol;
use super::{error, is_newest_first, stamp};
use crate::adapter::{Rows, Series};
use crate::answer::{AnswerError, Reply};
use crate::sink::Sink;
use crate::wire::{number, unexpected, unquoted};

/// The most rows of one answer.
pub(super) const PAGE_ROWS: u32 = 5000;
/// So many minutes of open interest leave room in a page for a status more often than every minute.
const PAGE_MINUTES: u32 = 2500;
const SECOND_NANOS: i64 = 1_000_000_000;
/// Funding is paid so often.
pub(super) const PERIOD_NANOS: i64 = 8 * 3600 * SECOND_NANOS;
/// The next payment may be named so much before the last one.
pub(super) const EARLY_NANOS_MAX: i64 = 60 * SECOND_NANOS;
/// The status must name the next payment so soon after the last one.
const LATE_NANOS_MAX: i64 = 600 * SECOND_NANOS;

/// The most records of open interest that one answer surely holds.
pub(super) fn page_rows(span: Span) -> u32 {
    (PAGE_MINUTES * 60 / span.secs()).max(1)
}

/// The statuses that must be seen, and how many.
pub(super) fn bounds(series: &Series<'_>, rows: Rows) -> (Bounds, u32) {
    let span = series.dataset.span();
    match (rows, span) {
        (Rows::Within(range), Some(span)) => {
            let start = span.ceil(range.start()).saturating_add(1 - span.nanos());
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
    let mut waiting: Option<Payment<'_>> = None;
    for status in &page {
        let Some(next) = status.payment()? else { continue };
        if let Some(paid) = waiting.filter(|payment| payment.is_settled_by(status.ts, next.ts)) {
            if next.ts.nanos() - paid.ts.nanos() > PERIOD_NANOS {
                let why = format!("the status skips from the funding of {} to that of {}", paid.ts, next.ts);
                return Err(AnswerError::Unexpected(why));
            }
            if paid.ts >= start && paid.ts < end {
                sink.funding(&Funding { ts: paid.ts, rate: number(paid.rate)?, mark_price: None })?;
                seen += 1;
                last = Some(paid.ts);
            }
        }
        waiting = Some(next);
    }
    (seen..page.len()).for_each(|_| sink.skip());
    let is_full = usize::try_from(PAGE_ROWS).is_ok_and(|full| page.len() >= full);
    let is_stuck = is_full && matches!(rows, Rows::From(_)) && last.is_none_or(|last| last <= start);
    let is_late = !is_full
        && waiting
            .zip(reply.date)
            .is_some_and(|(next, now)| next.ts.saturating_add(LATE_NANOS_MAX) < now && next.ts < end);
    match waiting {
        Some(next) if is_stuck => {
            Err(AnswerError::Unexpected(format!("{} statuses end before the funding of {}", page.len(), next.ts)))
        }
        Some(next) if is_late => {
            Err(AnswerError::Unexpected(format!("no status says yet what became of the funding of {}", next.ts)))
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
        if matches!(rows, Rows::Within(range) if !range.contains(ts)) {
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
        None => Ok(first.payment()?.map(|payment| payment.ts)),
    }
}

/// One row.
#[derive(Clone, Copy, Debug)]
struct Status<'a> {
    ts: Ts,
    next_payment: Option<&'a RawValue>,
    rate: Option<&'a RawValue>,
    open_interest: Option<&'a RawValue>,
}

/// What will be paid, and when.
#[derive(Clone, Copy, Debug)]
struct Payment<'a> {
    ts: Ts,
    rate: &'a RawValue,
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
        let &[time, _, _, _, _, _, _, next, _, _, _, rate, _, _, _, _, _, open_interest, ..] = row else {
            return Err(AnswerError::Unexpected(format!("a status has {} fields", row.len())));
        };
        let known = |raw: &'a RawValue| (raw.get() != "null").then_some(raw);
        let (next_payment, rate, open_interest) = (known(next), known(rate), known(open_interest));
        Ok(Status { ts: stamp(time)?, next_payment, rate, open_interest })
    }

    /// The next payment, where it is known.
    fn payment(&self) -> Result<Option<Payment<'a>>, AnswerError> {
        let (Some(next), Some(rate)) = (self.next_payment, self.rate) else { return Ok(None) };
        Ok(Some(Payment { ts: stamp(next)?, rate }))
    }
}

impl Payment<'_> {
    /// Whether it is over when a status of `now` names `next`, and was not only put off.
    fn is_settled_by(&self, now: Ts, next: Ts) -> bool {
        next > self.ts && now.saturating_add(EARLY_NANOS_MAX) >= self.ts
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
