//! `/products/{id}/candles`: the newest first, and never more than 300.

use super::{ApiError, amount_number, price_number};
use crate::clock::{SECOND, parse_iso};
use crate::exchange::Moment;
use crate::http::{Query, Response};
use crate::market::Series;
use crate::market::bar::Grid;
use crate::market::candle::{Candle, CandleQuery, Fill, Pick, candles};

const ROWS_MAX: usize = 300;
/// No instant lies further from 1970, in seconds.
const SECONDS_MAX: i64 = 253_402_300_800;

/// One page.
pub(super) fn page(series: &Series, query: &Query, moment: Moment) -> Result<Response, ApiError> {
    let secs = match query.value("granularity") {
        None => 60,
        Some(text) => width(text).ok_or(ApiError(400, "Unsupported granularity"))?,
    };
    let grid = Grid::Fixed { width: secs * SECOND, origin: 0 };
    let mut wanted = CandleQuery {
        from: None,
        through: i64::MAX,
        now: moment.now,
        seen: moment.seen,
        limit: ROWS_MAX,
        pick: Pick::Newest,
        fill: Fill::Never,
    };
    // One bound alone is ignored.
    if let (Some(start), Some(end)) = (query.value("start"), query.value("end")) {
        let start = instant(start).ok_or(ApiError(400, "Invalid start"))?;
        let end = instant(end).ok_or(ApiError(400, "Invalid end"))?;
        if end - start > 300 * secs * SECOND {
            let message =
                "granularity too small for the requested time range. Count of aggregations requested exceeds 300";
            return Err(ApiError(400, message));
        }
        // The bucket that holds the start comes along; one that opens with the end does not.
        wanted.from = Some(grid.floor(start));
        wanted.through = end - 1;
    } else {
        wanted.from = Some(grid.floor(moment.now) - 299 * secs * SECOND);
    }
    let rows: Vec<String> = candles(series, grid, wanted).iter().rev().map(|candle| row(series, candle)).collect();
    Ok(Response::json(200, format!("[{}]", rows.join(","))))
}

fn row(series: &Series, candle: &Candle) -> String {
    let (listing, bar) = (series.listing(), &candle.bar);
    let [low, high, open, close] = [bar.low, bar.high, bar.open, bar.close].map(|ticks| price_number(listing, ticks));
    format!("[{},{low},{high},{open},{close},{}]", candle.start / SECOND, amount_number(listing, bar.volume))
}

fn width(text: &str) -> Option<i64> {
    text.parse().ok().filter(|secs| matches!(secs, 60 | 300 | 900 | 3_600 | 21_600 | 86_400))
}

/// Unix seconds or ISO 8601.
fn instant(text: &str) -> Option<i64> {
    let seconds = text.parse::<i64>().ok().filter(|seconds| (0..SECONDS_MAX).contains(seconds));
    seconds.map(|seconds| seconds * SECOND).or_else(|| parse_iso(text))
}
