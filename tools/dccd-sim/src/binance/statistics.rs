//! Books, funding, open interest, and what the exchange says about itself.

use dccd_record::Market as MarketKind;
use serde_json::{Value, json};

use crate::binance::error::ApiError;
use crate::binance::params::{Above, Params};
use crate::binance::venue::{EXCHANGE, Style, Venue, symbol};
use crate::clock::{DAY, HOUR, MILLI, MINUTE};
use crate::decimal::{decimal_text, write_decimal, write_whole};
use crate::market::catalogue::Listing;
use crate::market::statistics::{
    BOOK_STEP, FUNDING_STEP, Funding, OPEN_INTEREST_SCALE, OpenInterest, RATE_SCALE, book, fundings, open_interest,
};
use crate::market::{Market, Series};

/// What `depth` takes.
pub(crate) const DEPTH_PARAMS: &[&str] = &["symbol", "limit"];
/// What `fundingRate` takes.
pub(crate) const FUNDING_PARAMS: &[&str] = &["symbol", "startTime", "endTime", "limit"];
/// What `openInterestHist` takes.
pub(crate) const OPEN_INTEREST_PARAMS: &[&str] = &["symbol", "period", "startTime", "endTime", "limit"];
/// Open interest is kept this long.
const OPEN_INTEREST_KEPT: i64 = 30 * DAY;
/// 2021-01-01: rows before have no mark price at all.
const FIRST_MARK_PRICE: i64 = 18_628 * DAY;
/// 2023-11-01: rows before have an empty one.
const FIRST_FILLED_MARK_PRICE: i64 = 19_662 * DAY;
const STATISTICS_DIGITS: u32 = 8;

/// How many levels are wanted.
pub(crate) fn depth_limit(venue: Venue, params: &Params) -> Result<usize, ApiError> {
    match venue {
        Venue::Spot => params.limit(100, 5_000, Above::Clamp),
        Venue::Usdm => {
            let limit = params.limit(500, 1_000, Above::Refuse)?;
            let is_known = matches!(limit, 5 | 10 | 20 | 50 | 100 | 500 | 1_000);
            if is_known { Ok(limit) } else { Err(ApiError::invalid("limit")) }
        }
    }
}

/// The book of now.
pub(crate) fn depth(series: &Series, style: Style, params: &Params, now: i64) -> Result<Vec<u8>, ApiError> {
    let book = book(series, now.div_euclid(BOOK_STEP), depth_limit(style.venue, params)?);
    let mut out = Vec::new();
    out.extend_from_slice(b"{\"lastUpdateId\":");
    write_whole(&mut out, book.step);
    if style.venue == Venue::Usdm {
        out.extend_from_slice(b",\"E\":");
        write_whole(&mut out, now / MILLI);
        out.extend_from_slice(b",\"T\":");
        write_whole(&mut out, book.step * BOOK_STEP / MILLI);
    }
    for (name, levels) in [("bids", &book.bids), ("asks", &book.asks)] {
        out.extend_from_slice(format!(",\"{name}\":[").as_bytes());
        for (at, (price, amount)) in levels.iter().enumerate() {
            out.extend_from_slice(if at > 0 { b",[\"" } else { b"[\"" });
            style.digits.price(&mut out, *price);
            out.extend_from_slice(b"\",\"");
            style.digits.amount(&mut out, *amount);
            out.extend_from_slice(b"\"]");
        }
        out.push(b']');
    }
    out.push(b'}');
    Ok(out)
}

/// One page of `fundingRate`: the oldest rows from a start, else the newest.
pub(crate) fn funding_page(series: &Series, style: Style, params: &Params, now: i64) -> Result<Vec<u8>, ApiError> {
    let limit = params.limit(100, 1_000, Above::Refuse)?;
    let (start, end) = (params.time("startTime")?, params.time("endTime")?);
    let end = end.map_or(i64::MAX, |end| end.end).min(now + 1);
    let mut rows: Vec<Funding> = match start {
        Some(start) => fundings(series, start.start, end).take(limit).collect(),
        None => fundings(series, 0, end).rev().take(limit).collect(),
    };
    if start.is_none() {
        rows.reverse();
    }
    let name = symbol(&series.listing().pair);
    let row = |funding: &Funding| {
        let mut out = format!("{{\"symbol\":\"{name}\",\"fundingTime\":{}", funding.micros / MILLI).into_bytes();
        out.extend_from_slice(b",\"fundingRate\":\"");
        write_decimal(&mut out, i128::from(funding.rate), RATE_SCALE, RATE_SCALE);
        out.push(b'"');
        if funding.micros >= FIRST_MARK_PRICE {
            out.extend_from_slice(b",\"markPrice\":\"");
            if has_mark_price(funding) {
                style.digits.long_price(&mut out, funding.mark_price);
            }
            out.push(b'"');
        }
        out.push(b'}');
        out
    };
    Ok(list(rows.iter().map(row)))
}

/// Whether the exchange still knows the mark price of a payment.
pub(crate) fn has_mark_price(funding: &Funding) -> bool {
    funding.micros >= FIRST_FILLED_MARK_PRICE
}

/// The spans of `openInterestHist`.
pub(crate) fn period(name: &str) -> Option<i64> {
    match name {
        "5m" => Some(5 * MINUTE),
        "15m" => Some(15 * MINUTE),
        "30m" => Some(30 * MINUTE),
        "1h" => Some(HOUR),
        "2h" => Some(2 * HOUR),
        "4h" => Some(4 * HOUR),
        "6h" => Some(6 * HOUR),
        "12h" => Some(12 * HOUR),
        "1d" => Some(DAY),
        _ => None,
    }
}

/// One page of `openInterestHist`: the newest rows of the window.
pub(crate) fn open_interest_page(series: &Series, params: &Params, now: i64) -> Result<Vec<u8>, ApiError> {
    let width = period(params.mandatory("period")?).ok_or_else(|| ApiError::invalid("period"))?;
    let limit = params.limit(30, 500, Above::Refuse)?;
    let oldest = now - OPEN_INTEREST_KEPT;
    let start = params.time("startTime")?.map(|time| time.start);
    if start.is_some_and(|start| start < oldest) {
        return Err(ApiError::bad(-1130, "parameter 'startTime' is invalid."));
    }
    let start = start.unwrap_or(oldest).max(series.listing().since);
    let end = params.time("endTime")?.map_or(now, |time| time.start).min(now);
    let last = end - end.rem_euclid(width);
    let stamps = std::iter::successors(Some(last), |stamp| Some(stamp - width)).take_while(|stamp| *stamp >= start);
    let mut rows: Vec<OpenInterest> = stamps.take(limit).map(|stamp| open_interest(series, stamp)).collect();
    rows.reverse();
    let name = symbol(&series.listing().pair);
    let row = |row: &OpenInterest| {
        let (amount, value) = open_interest_text(series.listing(), row);
        let stamp = row.micros / MILLI;
        format!("{{\"symbol\":\"{name}\",\"sumOpenInterest\":\"{amount}\",\"sumOpenInterestValue\":\"{value}\",\"CMCCirculatingSupply\":\"19600000.00000000\",\"timestamp\":{stamp}}}").into_bytes()
    };
    Ok(list(rows.iter().map(row)))
}

/// Amount and value as statistics write them.
pub(crate) fn open_interest_text(listing: &Listing, row: &OpenInterest) -> (String, String) {
    let amount = decimal_text(i128::from(row.amount), OPEN_INTEREST_SCALE, STATISTICS_DIGITS);
    let value = decimal_text(row.value, OPEN_INTEREST_SCALE + listing.price_scale, STATISTICS_DIGITS);
    (amount, value)
}

/// `/fapi/v1/openInterest`.
pub(crate) fn open_interest_now(series: &Series, now: i64) -> Vec<u8> {
    let row = open_interest(series, now);
    let amount = decimal_text(i128::from(row.amount), OPEN_INTEREST_SCALE, OPEN_INTEREST_SCALE);
    let symbol = symbol(&series.listing().pair);
    format!("{{\"symbol\":\"{symbol}\",\"openInterest\":\"{amount}\",\"time\":{}}}", now / MILLI).into_bytes()
}

/// `/fapi/v1/premiumIndex`.
pub(crate) fn premium_index(series: &Series, style: Style, now: i64) -> Vec<u8> {
    let mut price = Vec::new();
    style.digits.long_price(&mut price, series.price_at(now));
    let price = String::from_utf8_lossy(&price);
    let latest = fundings(series, now - 2 * FUNDING_STEP, now + 1).next_back().map_or(0, |funding| funding.rate);
    let rate = decimal_text(i128::from(latest), RATE_SCALE, RATE_SCALE);
    let next = (now.div_euclid(FUNDING_STEP) + 1) * FUNDING_STEP / MILLI;
    let symbol = symbol(&series.listing().pair);
    let time = now / MILLI;
    format!("{{\"symbol\":\"{symbol}\",\"markPrice\":\"{price}\",\"indexPrice\":\"{price}\",\"estimatedSettlePrice\":\"{price}\",\"lastFundingRate\":\"{rate}\",\"interestRate\":\"0.00010000\",\"nextFundingTime\":{next},\"time\":{time}}}").into_bytes()
}

/// `exchangeInfo`, of all symbols or of one.
pub(crate) fn exchange_info(market: &Market, venue: Venue, only: Option<&str>, now: i64) -> Vec<u8> {
    let pairs = market.catalogue().pairs(EXCHANGE, venue.sort());
    let listings = pairs.iter().filter(|pair| only.is_none_or(|only| symbol(pair) == only));
    let listings = listings.filter_map(|pair| market.catalogue().listing(EXCHANGE, pair));
    let symbols: Vec<Value> =
        listings.filter(|listing| listing.since <= now).map(|listing| symbol_info(&listing)).collect();
    let weight = if venue == Venue::Spot { 6_000 } else { 2_400 };
    let limits = json!([{"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": weight}]);
    let info = json!({
        "timezone": "UTC",
        "serverTime": now / MILLI,
        "rateLimits": limits,
        "exchangeFilters": [],
        "symbols": symbols,
    });
    info.to_string().into_bytes()
}

fn symbol_info(listing: &Listing) -> Value {
    let pair = &listing.pair;
    let symbol = symbol(pair);
    let tick = decimal_text(1, listing.price_scale, STATISTICS_DIGITS);
    let step = decimal_text(1, listing.amount_scale, STATISTICS_DIGITS);
    let filters = json!([
        {"filterType": "PRICE_FILTER", "minPrice": tick, "maxPrice": "1000000.00000000", "tickSize": tick},
        {"filterType": "LOT_SIZE", "minQty": step, "maxQty": "9000000.00000000", "stepSize": step},
    ]);
    let mut info = json!({
        "symbol": symbol, "status": "TRADING", "baseAsset": pair.base(), "quoteAsset": pair.quote(),
        "filters": filters,
    });
    if let Value::Object(fields) = &mut info {
        if pair.market() == MarketKind::Spot {
            fields.extend([
                ("baseAssetPrecision".to_owned(), json!(8)),
                ("quoteAssetPrecision".to_owned(), json!(8)),
                ("isSpotTradingAllowed".to_owned(), json!(true)),
                ("permissions".to_owned(), json!(["SPOT"])),
            ]);
        } else {
            fields.extend([
                ("pair".to_owned(), json!(symbol)),
                ("contractType".to_owned(), json!("PERPETUAL")),
                ("onboardDate".to_owned(), json!(listing.since / MILLI)),
                ("pricePrecision".to_owned(), json!(listing.price_scale)),
                ("quantityPrecision".to_owned(), json!(listing.amount_scale)),
            ]);
        }
    }
    info
}

fn list(rows: impl Iterator<Item = Vec<u8>>) -> Vec<u8> {
    let mut out = vec![b'['];
    for row in rows {
        if out.len() > 1 {
            out.push(b',');
        }
        out.extend_from_slice(&row);
    }
    out.push(b']');
    out
}
