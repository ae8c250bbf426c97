//! Questions to Kraken Futures, as requests.

use dccd_record::{Kind, Span, Ts};

use super::symbol::symbol;
use super::{DERIVATIVES, PERP_ROW};
use crate::adapter::{Rows, Series};
use crate::request::{Api, Request};
use crate::wire::encode;

/// A page of rows. There is no limit to ask for.
pub(super) fn page(series: &Series<'_>, rows: Rows) -> Request {
    match (series.dataset.kind(), series.dataset.span()) {
        (Kind::Candle, Some(span)) => candles(series, span, rows),
        // Everything that there is comes, whatever is asked for.
        _ => of_symbol(series),
    }
}

/// Both bounds are inclusive and in seconds. Without any the newest candles come.
fn candles(series: &Series<'_>, span: Span, rows: Rows) -> Request {
    let bounds = match rows {
        Rows::Within(range) => {
            format!("?from={}&to={}", span.ceil(range.start()).secs(), range.end().saturating_add(-1).secs())
        }
        Rows::From(start) => format!("?from={}", span.ceil(start).secs()),
        Rows::Before(end) => format!("?to={}", end.saturating_add(-1).secs()),
        Rows::FromId(_) | Rows::Newest => String::new(),
    };
    chart(series, series.span_name(), &bounds)
}

/// The week with which the chart begins. Days would not do: a page of those may end before the first one.
pub(super) fn first(series: &Series<'_>) -> Request {
    let since: Ts = series.row.since.start();
    chart(series, "1w", &format!("?from={}", since.secs()))
}

/// A question that is about a contract and nothing else: the book, and all funding rates.
pub(super) fn of_symbol(series: &Series<'_>) -> Request {
    series.request(&format!("symbol={}", encode(&symbol(series.pair()))))
}

/// The last hundred trades: history of its own they are not, since they carry no number by which pages could be joined.
pub(super) fn last_trade(series: &Series<'_>) -> Request {
    let query = format!("symbol={}", encode(&symbol(series.pair())));
    series.request_to(&format!("/derivatives/api/v3/history?{query}"))
}

/// The question for the exchange's clock, which every answer of this interface shows: a short one.
pub(super) fn clock(api: &'static Api) -> Request {
    let path = "/derivatives/api/v3/tickers/PF_XBTUSD".to_owned();
    Request { api, path, weight: PERP_ROW.weight, group: &DERIVATIVES }
}

fn chart(series: &Series<'_>, span: &str, bounds: &str) -> Request {
    let path = series.row.path.replace("{symbol}", &encode(&symbol(series.pair()))).replace("{span}", span);
    series.request_to(&format!("{path}{bounds}"))
}
