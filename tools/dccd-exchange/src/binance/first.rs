//! Where the first record of a series lies.

use dccd_record::{Kind, LineWriter, Market, Ts};

use super::kline::{self, Columns};
use super::{Binance, COINM, USDM, instruments, query};
use crate::adapter::{Rows, Series, first_of_page};
use crate::answer::{AnswerError, Reply};
use crate::capability::Reach;
use crate::request::Request;
use crate::sink::Sink;

/// No dated contract runs for longer.
const CONTRACT_NANOS_MAX: i64 = 366 * 86_400 * 1_000_000_000;

/// The question whose answer shows it, where there is one.
pub(super) fn request(series: &Series<'_>) -> Option<Request> {
    let row = series.row;
    let is_history = row.reach == Reach::Listing || row.kind == Kind::Trade;
    if !is_history || row.path.ends_with("continuousKlines") {
        return None;
    }
    if *row.api == COINM {
        return instruments::requests().into_iter().find(|request| *request.api == COINM);
    }
    let rows = Rows::From(query::launch());
    Some(match row.kind {
        Kind::Trade if *row.api == USDM => {
            // Trades do not reach back so far, but candles do.
            let symbol = query::symbol(series.pair());
            let query = format!("symbol={symbol}&interval=1d&startTime={}&limit=1", query::launch().millis());
            Request { weight: 1, ..series.request_to(&format!("/fapi/v1/klines?{query}")) }
        }
        Kind::Trade => query::page(series, Rows::FromId(0), 1),
        _ => query::page(series, rows, 1),
    })
}

/// Reads the answer.
pub(super) fn read(series: &Series<'_>, reply: &Reply<'_>) -> Result<Option<Ts>, AnswerError> {
    if *series.row.api == COINM {
        return onboarding(series, reply);
    }
    if !(series.row.kind == Kind::Trade && *series.row.api == USDM) {
        return first_of_page(&Binance, series, reply);
    }
    let (mut lines, mut unused) = (LineWriter::new(series.dataset), Vec::new());
    let mut sink = Sink::probe(Rows::Newest, series.dataset.span(), &mut lines, &mut unused);
    kline::read(reply, Columns::of(series), &mut sink)?;
    Ok(sink.page().first.map(|first| first.ts))
}

/// When a contract was listed. Those that have expired are listed no more.
fn onboarding(series: &Series<'_>, reply: &Reply<'_>) -> Result<Option<Ts>, AnswerError> {
    let (Some(request), mut found) = (request(series), Vec::new()) else { return Ok(None) };
    instruments::read(&request, reply, &mut found)?;
    let symbol = query::symbol(series.pair());
    let since = series.row.since.start();
    match (found.iter().find(|instrument| instrument.symbol == symbol), series.pair().market()) {
        (Some(instrument), _) => Ok(Some(instrument.since.unwrap_or(since))),
        (None, Market::Dated(date)) => {
            Ok(instruments::expiry(date).map(|expiry| expiry.saturating_add(-CONTRACT_NANOS_MAX).max(since)))
        }
        (None, _) => Err(AnswerError::UnknownSymbol(format!("{symbol} is not listed"))),
    }
}
