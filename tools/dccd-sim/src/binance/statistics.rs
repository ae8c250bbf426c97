//! Books, funding and open interest.

use dccd_record::Market as MarketKind;

use crate::binance::error::ApiError;
use crate::binance::params::{Above, Params};
use crate::binance::venue::{Style, Venue, symbol, underlying};
use crate::clock::{DAY, HOUR, MILLI, MINUTE};
use crate::decimal::{decimal_text, write_decimal, write_whole};
use crate::market::Series;
use crate::market::catalogue::{Contract, Listing};
use crate::market::statistics::{
    BOOK_STEP, Book, FUNDING_STEP, Funding, OPEN_INTEREST_SCALE, OpenInterest, RATE_SCALE, book, fundings,
    open_interest,
};

/// What `depth` takes.
pub(crate) const DEPTH_PARAMS: &[&str] = &["symbol", "limit"];
/// What `fundingRate` takes.
pub(crate) const FUNDING_PARAMS: &[&str] = &["symbol", "startTime", "endTime", "limit"];
/// What `openInterestHist` takes.
pub(crate) const OPEN_INTEREST_PARAMS: &[&str] =
    &["symbol", "pair", "contractType", "period", "startTime", "endTime", "limit"];
/// Open interest is kept this long.
const OPEN_INTEREST_KEPT: i64 = 30 * DAY;
/// 2021-01-01: rows before have no mark price at all.
const FIRST_MARK_PRICE: i64 = 18_628 * DAY;
/// 2023-11-01: rows before have an empty one.
const FIRST_FILLED_MARK_PRICE: i64 = 19_662 * DAY;
const STATISTICS_DIGITS: u32 = 8;
/// Ids that one step of a book takes.
pub(crate) const UPDATES_PER_STEP: i64 = 10;

/// The id of the last update of a book at a step; several updates fall into one.
pub(crate) fn update_id(step: i64) -> i64 {
    step * UPDATES_PER_STEP
}

/// How many levels are wanted.
pub(crate) fn depth_limit(venue: Venue, params: &Params) -> Result<usize, ApiError> {
    match venue {
        Venue::Spot => params.limit(100, 5_000, Above::Clamp),
        Venue::Usdm | Venue::Coinm => {
            let limit = params.limit(500, 1_000, Above::Refuse)?;
            let is_known = matches!(limit, 5 | 10 | 20 | 50 | 100 | 500 | 1_000);
            if is_known { Ok(limit) } else { Err(ApiError::invalid("limit")) }
        }
    }
}

/// The book of now.
pub(crate) fn depth(series: &Series, style: Style, params: &Params, now: i64) -> Result<Vec<u8>, ApiError> {
    let step = now.div_euclid(BOOK_STEP);
    let limit = depth_limit(style.venue, params)?;
    let book = match (now < series.listing().until, style.venue) {
        (true, _) => book(series, step, limit),
        // Nobody can trade a halted pair, so nobody has orders.
        (false, Venue::Spot) => Book { step, ..Book::default() },
        (false, Venue::Usdm | Venue::Coinm) => return Err(ApiError::not_trading()),
    };
    let mut out = Vec::new();
    out.extend_from_slice(b"{\"lastUpdateId\":");
    write_whole(&mut out, update_id(book.step));
    if style.venue == Venue::Coinm {
        let pair = &series.listing().pair;
        out.extend_from_slice(format!(",\"symbol\":\"{}\",\"pair\":\"{}\"", symbol(pair), underlying(pair)).as_bytes());
    }
    if style.venue != Venue::Spot {
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

/// One page of `fundingRate`: the oldest rows from a start, else the newest; none of contracts that expire.
pub(crate) fn funding_page(series: &Series, style: Style, params: &Params, now: i64) -> Result<Vec<u8>, ApiError> {
    let limit = params.limit(100, 1_000, Above::Refuse)?;
    let (start, end) = (params.time("startTime")?, params.time("endTime")?);
    let end = end.map_or(i64::MAX, |end| end.end).min(now + 1);
    if matches!(series.listing().pair.market(), MarketKind::Dated(_)) {
        return Ok(b"[]".to_vec());
    }
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
        if style.venue == Venue::Usdm && funding.micros >= FIRST_MARK_PRICE {
            out.extend_from_slice(b",\"markPrice\":\"");
            if has_mark_price(style.venue, funding) {
                style.digits.long_price(&mut out, funding.mark_price);
            }
            out.push(b'"');
        }
        out.push(b'}');
        out
    };
    Ok(list(rows.iter().map(row)))
}

/// Whether the exchange still knows the mark price of a payment; COIN-M never tells.
pub(crate) fn has_mark_price(venue: Venue, funding: &Funding) -> bool {
    venue == Venue::Usdm && funding.micros >= FIRST_FILLED_MARK_PRICE
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
    let end = params.time("endTime")?.map_or(now, |time| time.start).min(now).min(series.listing().until - 1);
    let last = end - end.rem_euclid(width);
    let stamps = std::iter::successors(Some(last), |stamp| Some(stamp - width)).take_while(|stamp| *stamp >= start);
    let mut rows: Vec<OpenInterest> = stamps.take(limit).map(|stamp| open_interest(series, stamp)).collect();
    rows.reverse();
    let name = open_interest_name(series, params);
    let row = |row: &OpenInterest| {
        let (amount, value) = open_interest_text(series.listing(), row);
        let stamp = row.micros / MILLI;
        format!(
            "{{{name},\"sumOpenInterest\":\"{amount}\",\"sumOpenInterestValue\":\"{value}\",\"timestamp\":{stamp}}}"
        )
        .into_bytes()
    };
    Ok(list(rows.iter().map(row)))
}

/// What a row says of its contract: on USD-M its symbol, and lately something else as well.
fn open_interest_name(series: &Series, params: &Params) -> String {
    match params.text("contractType") {
        Some(contract) => {
            format!("\"pair\":\"{}\",\"contractType\":\"{contract}\"", underlying(&series.listing().pair))
        }
        None => {
            format!("\"symbol\":\"{}\",\"CMCCirculatingSupply\":\"19600000.00000000\"", symbol(&series.listing().pair))
        }
    }
}

/// Amount and value as statistics write them: base and quote asset, or contracts and base asset.
pub(crate) fn open_interest_text(listing: &Listing, row: &OpenInterest) -> (String, String) {
    if let Contract::Inverse { .. } = listing.contract {
        let contracts = contracts(row);
        let price = i64::try_from(row.value / i128::from(row.amount.max(1))).unwrap_or(i64::MAX);
        let value = listing.value(price, contracts);
        return (
            decimal_text(i128::from(contracts), 0, STATISTICS_DIGITS),
            decimal_text(value, listing.value_scale(), STATISTICS_DIGITS),
        );
    }
    let amount = decimal_text(i128::from(row.amount), OPEN_INTEREST_SCALE, STATISTICS_DIGITS);
    let value = decimal_text(row.value, OPEN_INTEREST_SCALE + listing.price_scale, STATISTICS_DIGITS);
    (amount, value)
}

/// `openInterest`; `contract_type` is said on COIN-M only.
pub(crate) fn open_interest_now(
    series: &Series,
    style: Style,
    contract_type: &str,
    now: i64,
) -> Result<Vec<u8>, ApiError> {
    let listing = series.listing();
    if now >= listing.until {
        return Err(ApiError::not_trading());
    }
    let row = open_interest(series, now);
    let (symbol, time) = (symbol(&listing.pair), now / MILLI);
    let text = if style.venue == Venue::Coinm {
        let (pair, amount) = (underlying(&listing.pair), contracts(&row));
        format!(
            "{{\"symbol\":\"{symbol}\",\"pair\":\"{pair}\",\"openInterest\":\"{amount}\",\"contractType\":\"{contract_type}\",\"time\":{time}}}"
        )
    } else {
        let amount = decimal_text(i128::from(row.amount), OPEN_INTEREST_SCALE, OPEN_INTEREST_SCALE);
        format!("{{\"symbol\":\"{symbol}\",\"openInterest\":\"{amount}\",\"time\":{time}}}")
    };
    Ok(text.into_bytes())
}

/// Whole inverse contracts.
fn contracts(row: &OpenInterest) -> i64 {
    row.amount / 10_i64.pow(OPEN_INTEREST_SCALE)
}

/// `premiumIndex`: on COIN-M a list, and contracts that expire have no rate.
pub(crate) fn premium_index(series: &Series, style: Style, now: i64) -> Vec<u8> {
    let mut price = Vec::new();
    style.digits.long_price(&mut price, series.price_at(now));
    let price = String::from_utf8_lossy(&price);
    let pair = &series.listing().pair;
    let latest = fundings(series, now - 2 * FUNDING_STEP, now + 1).next_back().map_or(0, |funding| funding.rate);
    let is_dated = matches!(pair.market(), MarketKind::Dated(_));
    let (rate, interest, next) = if is_dated {
        (String::new(), "", 0)
    } else {
        let next = (now.div_euclid(FUNDING_STEP) + 1) * FUNDING_STEP / MILLI;
        (decimal_text(i128::from(latest), RATE_SCALE, RATE_SCALE), "0.00010000", next)
    };
    let (symbol, time) = (symbol(pair), now / MILLI);
    let name = match style.venue {
        Venue::Coinm => format!("\"symbol\":\"{symbol}\",\"pair\":\"{}\"", underlying(pair)),
        Venue::Spot | Venue::Usdm => format!("\"symbol\":\"{symbol}\""),
    };
    let row = format!(
        "{{{name},\"markPrice\":\"{price}\",\"indexPrice\":\"{price}\",\"estimatedSettlePrice\":\"{price}\",\"lastFundingRate\":\"{rate}\",\"interestRate\":\"{interest}\",\"nextFundingTime\":{next},\"time\":{time}}}"
    );
    if style.venue == Venue::Coinm { format!("[{row}]").into_bytes() } else { row.into_bytes() }
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
