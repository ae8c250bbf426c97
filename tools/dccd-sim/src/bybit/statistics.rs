//! `orderbook`, `funding/history` and `open-interest`.

use crate::bybit::error::ApiError;
use crate::bybit::instrument::{Category, Digits, short, symbol};
use crate::bybit::params::{Params, illegal};
use crate::clock::{DAY, HOUR, MILLI, MINUTE, SECOND};
use crate::decimal::decimal_text;
use crate::hash::mix_text;
use crate::market::Series;
use crate::market::catalogue::Listing;
use crate::market::statistics::{
    BOOK_STEP, Funding, FundingClock, OPEN_INTEREST_SCALE, RATE_SCALE, book, fundings_at, open_interest,
};

/// The book of 1000 levels changes every so many steps.
pub(crate) const DEEPEST_PACE: i64 = 2;
const FUNDING_ROWS: usize = 200;
const OPEN_INTEREST_ROWS: usize = 50;
const OPEN_INTEREST_ROWS_MAX: usize = 200;
/// Digits of `openInterest`.
const OPEN_INTEREST_DIGITS: u32 = 8;

/// The result of `orderbook`: one level of spot and 25 of contracts unless more are wanted.
///
/// It is the book of the deepest stream, as that was told last.
pub(crate) fn depth(series: &Series, params: &Params, now: i64) -> Result<String, ApiError> {
    let pair = &series.listing().pair;
    let default = if Category::of(pair) == Category::Spot { 1 } else { 25 };
    let step = now.div_euclid(BOOK_STEP).div_euclid(DEEPEST_PACE) * DEEPEST_PACE;
    let book = book(series, step, params.limit(default, 1_000)?);
    let digits = Digits::of(series.listing());
    let side = |levels: &[(i64, i64)]| {
        let level =
            |(price, amount): &(i64, i64)| format!("[\"{}\",\"{}\"]", digits.price(*price), digits.amount(*amount));
        levels.iter().map(level).collect::<Vec<_>>().join(",")
    };
    let stamp = book.step * BOOK_STEP / MILLI;
    Ok(format!(
        "\"s\":\"{}\",\"a\":[{}],\"b\":[{}],\"ts\":{stamp},\"u\":{},\"seq\":{},\"cts\":{stamp}",
        symbol(pair),
        side(&book.asks),
        side(&book.bids),
        book_u(book.step),
        seq(book.step),
    ))
}

/// The number of a change of the deepest book.
pub(crate) fn book_u(step: i64) -> i64 {
    step.div_euclid(DEEPEST_PACE)
}

/// What tells which of two books is older, whatever their depth.
pub(crate) fn seq(step: i64) -> i64 {
    step * 3
}

/// The rows of one page of `funding/history`: the newest up to the end.
pub(crate) fn funding_rows(series: &Series, params: &Params, now: i64) -> Result<String, ApiError> {
    let (start, end) = (params.time("startTime")?, params.time("endTime")?);
    if start.is_some() && end.is_none() {
        return Err(ApiError::params("params error: endTime is required with startTime"));
    }
    let limit = params.limit(FUNDING_ROWS, FUNDING_ROWS)?;
    let after = end.map_or(now, |end| end.min(now)) + 1;
    let name = symbol(&series.listing().pair);
    let row = |funding: Funding| {
        let (rate, due) = (rate(&funding), funding.micros / MILLI);
        format!("{{\"symbol\":\"{name}\",\"fundingRate\":\"{rate}\",\"fundingRateTimestamp\":\"{due}\"}}")
    };
    let newest = payments(series, start.unwrap_or(0), after).rev().take(limit);
    Ok(newest.map(row).collect::<Vec<_>>().join(","))
}

/// The payments that are due within `[start, after)`.
pub(crate) fn payments(series: &Series, start: i64, after: i64) -> impl DoubleEndedIterator<Item = Funding> + '_ {
    let clock = FundingClock { step: funding_step(series.listing()), offset: 0, late_millis: 1 };
    fundings_at(series, clock, start, after)
}

/// Funding is paid every eight hours for the largest, every four or one for some.
pub(crate) fn funding_step(listing: &Listing) -> i64 {
    let base = listing.pair.base();
    let hours = match mix_text(0, base) % 4 {
        _ if matches!(base, "BTC" | "ETH") => 8,
        0 => 4,
        1 => 1,
        _ => 8,
    };
    hours * HOUR
}

/// A funding rate.
pub(crate) fn rate(funding: &Funding) -> String {
    short(i128::from(funding.rate), RATE_SCALE)
}

/// The spans of `open-interest`.
pub(crate) fn interval(name: &str) -> Option<i64> {
    match name {
        "5min" => Some(5 * MINUTE),
        "15min" => Some(15 * MINUTE),
        "30min" => Some(30 * MINUTE),
        "1h" => Some(HOUR),
        "4h" => Some(4 * HOUR),
        "1d" => Some(DAY),
        _ => None,
    }
}

/// One page of `open-interest`: its rows, and the cursor of the page after, empty if this one is not full.
pub(crate) fn open_interest_rows(series: &Series, params: &Params, now: i64) -> Result<(String, String), ApiError> {
    let width = interval(params.mandatory("intervalTime")?).ok_or_else(|| illegal("intervalTime"))?;
    let limit = params.limit(OPEN_INTEREST_ROWS, OPEN_INTEREST_ROWS_MAX)?;
    let listing = series.listing();
    let start = params.time("startTime")?.unwrap_or(0).max(listing.since);
    let mut end = params.time("endTime")?.map_or(now, |end| end.min(now)).min(listing.until - 1);
    if let Some(cursor) = params.text("cursor") {
        end = end.min(last_time(cursor).ok_or_else(|| illegal("cursor"))? - 1);
    }
    let stamps = std::iter::successors(Some(end - end.rem_euclid(width)), |stamp| Some(stamp - width));
    let stamps: Vec<i64> = stamps.take_while(|stamp| *stamp >= start).take(limit).collect();
    let cursor = stamps.last().filter(|_| stamps.len() == limit).map(|last| {
        // Percent-encoded already, as the exchange hands it out.
        format!("lastid%3D{}%26lasttime%3D{}", last / width, last / SECOND)
    });
    let row = |stamp: &i64| {
        let (both, single) = open_interest_text(series, *stamp);
        let stamp = stamp / MILLI;
        format!("{{\"openInterest\":\"{both}\",\"singleOpenInterest\":\"{single}\",\"timestamp\":\"{stamp}\"}}")
    };
    Ok((stamps.iter().map(row).collect::<Vec<_>>().join(","), cursor.unwrap_or_default()))
}

/// Both sides together, and one of them: base asset, or US dollars of inverse contracts.
pub(crate) fn open_interest_text(series: &Series, stamp: i64) -> (String, String) {
    let amount = i128::from(open_interest(series, stamp).amount);
    let unit = 10_i128.pow(OPEN_INTEREST_SCALE);
    // Inverse contracts are whole ones.
    let is_whole = series.listing().amount_scale == 0;
    let (both, single) =
        if is_whole { (amount / unit * unit, (amount / unit + 1) / 2 * unit) } else { (amount, (amount + 1) / 2) };
    (decimal_text(both, OPEN_INTEREST_SCALE, OPEN_INTEREST_DIGITS), short(single, OPEN_INTEREST_SCALE))
}

/// The instant in a cursor that was decoded once.
fn last_time(cursor: &str) -> Option<i64> {
    let seconds = cursor.strip_prefix("lastid=")?.split_once("&lasttime=")?.1;
    seconds.parse::<i64>().ok()?.checked_mul(SECOND)
}
