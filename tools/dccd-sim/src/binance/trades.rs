//! `aggTrades`, `historicalTrades` and `trades`.

use std::ops::Range;

use dccd_record::Side;

use crate::binance::error::ApiError;
use crate::binance::params::{Above, Params};
use crate::binance::venue::{Style, Venue};
use crate::clock::HOUR;
use crate::decimal::write_whole;
use crate::market::Series;
use crate::market::trade::{Part, Trade, first_part, trade_of_part};

/// What `aggTrades` takes.
pub(crate) const AGGREGATE_PARAMS: &[&str] = &["symbol", "fromId", "startTime", "endTime", "limit"];
/// What `historicalTrades` takes.
pub(crate) const HISTORICAL_PARAMS: &[&str] = &["symbol", "fromId", "limit"];
/// What `trades` takes.
pub(crate) const RECENT_PARAMS: &[&str] = &["symbol", "limit"];

/// One page of `aggTrades`.
pub(crate) fn aggregate_page(series: &Series, style: Style, params: &Params, now: i64) -> Result<Vec<u8>, ApiError> {
    let ids = aggregate_ids(series, style.venue, params, now)?;
    let mut out = Vec::with_capacity(usize::try_from(ids.end - ids.start).unwrap_or(0) * 130 + 2);
    out.push(b'[');
    for trade in series.trades(ids) {
        separate(&mut out);
        aggregate(&mut out, &trade, style);
    }
    out.push(b']');
    Ok(out)
}

/// One page of `historicalTrades` or `trades`.
pub(crate) fn part_page(series: &Series, style: Style, params: &Params, now: i64) -> Result<Vec<u8>, ApiError> {
    let limit = limit(style.venue, params)?;
    let known = first_part(series.first_id_at(now + 1));
    let start = params.whole("fromId")?.map_or((known - limit).max(0), |from| from.min(known));
    let wanted = start..start.saturating_add(limit).min(known);
    let mut out = Vec::with_capacity(usize::try_from(limit).unwrap_or(0) * 160 + 2);
    out.push(b'[');
    if !wanted.is_empty() {
        for trade in series.trades(trade_of_part(wanted.start)..trade_of_part(wanted.end - 1) + 1) {
            for part in trade.parts().filter(|part| wanted.contains(&part.id)) {
                separate(&mut out);
                let value = series.listing().value(trade.price, part.amount);
                whole_part(&mut out, &trade, part, value, style);
            }
        }
    }
    out.push(b']');
    Ok(out)
}

fn aggregate_ids(series: &Series, venue: Venue, params: &Params, now: i64) -> Result<Range<i64>, ApiError> {
    let limit = limit(venue, params)?;
    let (start, end) = (params.time("startTime")?, params.time("endTime")?);
    let known = series.first_id_at(now + 1);
    if let Some(from) = params.whole("fromId")? {
        if start.is_some() || end.is_some() {
            return Err(ApiError::bad(-1128, "Combination of optional parameters invalid."));
        }
        let from = from.min(known);
        return Ok(from..from.saturating_add(limit).min(known));
    }
    if let (Venue::Usdm | Venue::Coinm, Some(start), Some(end)) = (venue, start, end)
        && end.start.saturating_sub(start.start) > HOUR
    {
        return Err(ApiError::bad(-1127, "More than 1 hours between startTime and endTime."));
    }
    let after = end.map_or(known, |end| series.first_id_at(end.end).min(known));
    let Some(start) = start else { return Ok((after - limit).max(0)..after) };
    let from = series.first_id_at(start.start).min(after);
    Ok(from..from.saturating_add(limit).min(after))
}

fn limit(venue: Venue, params: &Params) -> Result<i64, ApiError> {
    let above = if venue == Venue::Spot { Above::Clamp } else { Above::Refuse };
    let limit = params.limit(500, 1_000, above)?;
    Ok(i64::try_from(limit).unwrap_or(1_000))
}

fn aggregate(out: &mut Vec<u8>, trade: &Trade, style: Style) {
    out.extend_from_slice(b"{\"a\":");
    write_whole(out, trade.id);
    out.extend_from_slice(b",\"p\":\"");
    style.digits.price(out, trade.price);
    out.extend_from_slice(b"\",\"q\":\"");
    style.digits.amount(out, trade.amount);
    out.extend_from_slice(b"\",\"f\":");
    write_whole(out, trade.first_part());
    out.extend_from_slice(b",\"l\":");
    write_whole(out, trade.last_part());
    out.extend_from_slice(b",\"T\":");
    write_whole(out, style.unit.of(trade.micros));
    out.extend_from_slice(b",\"m\":");
    write_bool(out, trade.taker == Side::Sell);
    if style.venue == Venue::Spot {
        out.extend_from_slice(b",\"M\":true");
    }
    out.push(b'}');
}

fn whole_part(out: &mut Vec<u8>, trade: &Trade, part: Part, value: i128, style: Style) {
    out.extend_from_slice(b"{\"id\":");
    write_whole(out, part.id);
    out.extend_from_slice(b",\"price\":\"");
    style.digits.price(out, trade.price);
    out.extend_from_slice(b"\",\"qty\":\"");
    style.digits.amount(out, part.amount);
    let name: &[u8] = if style.venue == Venue::Coinm { b"\",\"baseQty\":\"" } else { b"\",\"quoteQty\":\"" };
    out.extend_from_slice(name);
    style.digits.quote(out, value);
    out.extend_from_slice(b"\",\"time\":");
    write_whole(out, style.unit.of(trade.micros));
    out.extend_from_slice(b",\"isBuyerMaker\":");
    write_bool(out, trade.taker == Side::Sell);
    if style.venue == Venue::Spot {
        out.extend_from_slice(b",\"isBestMatch\":true");
    }
    out.push(b'}');
}

fn separate(out: &mut Vec<u8>) {
    if out.len() > 1 {
        out.push(b',');
    }
}

fn write_bool(out: &mut Vec<u8>, value: bool) {
    out.extend_from_slice(if value { b"true" } else { b"false" });
}
