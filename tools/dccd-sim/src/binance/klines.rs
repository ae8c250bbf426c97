//! `klines` and `continuousKlines`.

use crate::binance::error::ApiError;
use crate::binance::params::{Above, Params};
use crate::binance::venue::{Style, Venue};
use crate::clock::{DAY, HOUR, MINUTE, SECOND};
use crate::decimal::write_whole;
use crate::exchange::Moment;
use crate::market::Series;
use crate::market::bar::Grid;
use crate::market::candle::{Candle, CandleQuery, Fill, Pick, candles};

const MONDAY: i64 = 4 * DAY;
/// COIN-M answers about so much time at once.
const COINM_RANGE_MAX: i64 = 200 * DAY;

/// What `klines` takes.
pub(crate) const PARAMS: &[&str] = &["symbol", "interval", "startTime", "endTime", "limit", "timeZone"];
/// What `continuousKlines` takes.
pub(crate) const CONTINUOUS_PARAMS: &[&str] = &["pair", "contractType", "interval", "startTime", "endTime", "limit"];

/// The buckets of an interval.
pub(crate) fn grid(venue: Venue, interval: &str) -> Option<Grid> {
    let (width, origin) = match interval {
        "1s" if venue == Venue::Spot => (SECOND, 0),
        "1m" => (MINUTE, 0),
        "3m" => (3 * MINUTE, 0),
        "5m" => (5 * MINUTE, 0),
        "15m" => (15 * MINUTE, 0),
        "30m" => (30 * MINUTE, 0),
        "1h" => (HOUR, 0),
        "2h" => (2 * HOUR, 0),
        "4h" => (4 * HOUR, 0),
        "6h" => (6 * HOUR, 0),
        "8h" => (8 * HOUR, 0),
        "12h" => (12 * HOUR, 0),
        "1d" => (DAY, 0),
        "3d" => (3 * DAY, 0),
        "1w" => (7 * DAY, MONDAY),
        "1M" => return Some(Grid::Month),
        _ => return None,
    };
    Some(Grid::Fixed { width, origin })
}

/// How many rows a page may have.
pub(crate) fn limit(venue: Venue, params: &Params) -> Result<usize, ApiError> {
    match venue {
        Venue::Spot => params.limit(500, 1_000, Above::Clamp),
        Venue::Usdm | Venue::Coinm => params.limit(500, 1_500, Above::Refuse),
    }
}

/// One page.
pub(crate) fn page(series: &Series, style: Style, params: &Params, moment: Moment) -> Result<Vec<u8>, ApiError> {
    let grid =
        grid(style.venue, params.mandatory("interval")?).ok_or_else(|| ApiError::bad(-1120, "Invalid interval."))?;
    if params.text("timeZone").is_some_and(|zone| !matches!(zone, "0" | "0:00" | "00:00")) {
        return Err(ApiError::bad(-1130, "Data sent for parameter 'timeZone' is not valid."));
    }
    let (from, through, pick) = bounds(style.venue, params)?;
    let query = CandleQuery {
        from,
        through,
        now: moment.now,
        seen: moment.seen,
        limit: limit(style.venue, params)?,
        pick,
        fill: Fill::WhileOpen,
    };
    let rows = candles(series, grid, query);
    let mut out = Vec::with_capacity(rows.len() * 190 + 2);
    out.push(b'[');
    for (at, candle) in rows.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        row(&mut out, candle, style);
    }
    out.push(b']');
    Ok(out)
}

/// First and last open time, and which rows are left out if there are too many.
///
/// Spot and USD-M give the oldest rows from a start. COIN-M always gives the newest up to the end, and a
/// bound that is not given lies 200 days from the other.
fn bounds(venue: Venue, params: &Params) -> Result<(Option<i64>, i64, Pick), ApiError> {
    let start = params.time("startTime")?.map(|time| time.start);
    let end = params.time("endTime")?.map(|time| time.start);
    if venue != Venue::Coinm {
        let pick = if start.is_some() { Pick::Oldest } else { Pick::Newest };
        return Ok((start, end.unwrap_or(i64::MAX), pick));
    }
    match (start, end) {
        (None, None) => Ok((None, i64::MAX, Pick::Newest)),
        (Some(start), Some(end)) if end.saturating_sub(start) > COINM_RANGE_MAX => {
            Err(ApiError::bad(-4088, "Maximum time interval is 200 days."))
        }
        (start, Some(end)) => Ok((start.or(Some(end - COINM_RANGE_MAX)), end, Pick::Newest)),
        (Some(start), None) => Ok((Some(start), start + COINM_RANGE_MAX, Pick::Newest)),
    }
}

fn row(out: &mut Vec<u8>, candle: &Candle, style: Style) {
    out.push(b'[');
    fields(out, candle, style, "\"");
    out.push(b']');
}

/// The twelve values of a row. Those of COIN-M have contracts where others have base volume, and base volume where
/// others have quote volume; archive files have them without quotation marks.
pub(crate) fn fields(out: &mut Vec<u8>, candle: &Candle, style: Style, quote: &str) {
    let (bar, digits, quote) = (&candle.bar, style.digits, quote.as_bytes());
    write_whole(out, style.unit.of(candle.start));
    for price in [bar.open, bar.high, bar.low, bar.close] {
        quoted(out, quote, |out| digits.price(out, price));
    }
    quoted(out, quote, |out| digits.amount(out, bar.volume));
    out.push(b',');
    write_whole(out, style.unit.of(candle.end) - 1);
    quoted(out, quote, |out| digits.quote(out, bar.quote_volume));
    out.push(b',');
    write_whole(out, bar.count);
    quoted(out, quote, |out| digits.amount(out, bar.taker_volume));
    quoted(out, quote, |out| digits.quote(out, bar.taker_quote_volume));
    quoted(out, quote, |out| out.push(b'0'));
}

fn quoted(out: &mut Vec<u8>, quote: &[u8], write: impl FnOnce(&mut Vec<u8>)) {
    out.push(b',');
    out.extend_from_slice(quote);
    write(out);
    out.extend_from_slice(quote);
}
