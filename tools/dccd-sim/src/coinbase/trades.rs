//! `/products/{id}/trades`: the newest first, with cursors in headers.

use std::ops::Range;

use dccd_record::Side;
use serde_json::json;

use super::{ApiError, amount_text, long_price_text};
use crate::clock::iso_text;
use crate::exchange::Moment;
use crate::http::{Query, Response};
use crate::market::Series;
use crate::market::statistics::BOOK_STEP;
use crate::market::trade::Trade;

const ROWS_MAX: i64 = 1_000;

/// Ids are consecutive and begin with 1.
pub(super) fn id(trade: &Trade) -> i64 {
    trade.id + 1
}

/// The number of a trade among all that happens in its book.
pub(super) fn sequence(trade: &Trade) -> i64 {
    trade.micros.div_euclid(BOOK_STEP) + id(trade)
}

/// One page.
pub(super) fn page(series: &Series, query: &Query, moment: Moment) -> Result<Response, ApiError> {
    let ids = ids(series, query, moment)?;
    let listing = series.listing();
    let mut rows: Vec<String> = Vec::new();
    for trade in series.trades(ids.clone()) {
        // The side is the maker's.
        let side = if trade.taker == Side::Buy { "sell" } else { "buy" };
        let row = json!({
            "trade_id": id(&trade), "side": side, "size": amount_text(listing, i128::from(trade.amount)),
            "price": long_price_text(listing, trade.price), "time": iso_text(trade.micros, 6),
        });
        rows.push(row.to_string());
    }
    rows.reverse();
    let mut response = Response::json(200, format!("[{}]", rows.join(",")));
    if !ids.is_empty() {
        response = response.with("CB-BEFORE", ids.end.to_string());
        // What begins with the first trade of all has no older page.
        if ids.start > 0 {
            response = response.with("CB-AFTER", (ids.start + 1).to_string());
        }
    }
    Ok(response)
}

/// The running numbers of a page; the id of each is one more.
fn ids(series: &Series, query: &Query, moment: Moment) -> Result<Range<i64>, ApiError> {
    let limit = whole(query, "limit", ApiError(400, "Invalid limit"))?.unwrap_or(ROWS_MAX);
    if limit < 1 {
        return Err(ApiError(400, "Invalid limit"));
    }
    let limit = limit.min(ROWS_MAX);
    let known = series.first_id_at(moment.seen.saturating_add(1));
    let after = whole(query, "after", ApiError(400, "Invalid after cursor"))?;
    let before = whole(query, "before", ApiError(400, "Invalid before cursor"))?;
    let end = after.map_or(known, |after| known.min(after.saturating_sub(1))).max(0);
    // Of what is newer than `before` the newest come, not those next to it.
    let oldest = before.unwrap_or(0).clamp(0, end);
    Ok((end - limit).max(oldest)..end)
}

fn whole(query: &Query, name: &str, error: ApiError) -> Result<Option<i64>, ApiError> {
    query.value(name).map(|text| text.parse().ok().filter(|number: &i64| *number >= 0).ok_or(error)).transpose()
}
