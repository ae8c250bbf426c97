//! `books`, `funding-rate-history` and open interest.

use crate::clock::{DAY, HOUR, MILLI, MINUTE};
use crate::decimal::decimal_text;
use crate::hash::{mix, mix_text, pick};
use crate::market::Series;
use crate::market::bar::Grid;
use crate::market::catalogue::Contract;
use crate::market::statistics::{
    BOOK_STEP, Book, Funding, FundingClock, OPEN_INTEREST_SCALE, RATE_SCALE, book, fundings_at, open_interest,
};
use crate::okx::candles::long_bar;
use crate::okx::error::ApiError;
use crate::okx::instrument::{Digits, InstrumentType, cut_short, name, short};
use crate::okx::params::Params;

/// Payments are kept for three months.
const FUNDING_KEPT: i64 = 90 * DAY;
const FUNDING_ROWS: usize = 400;
const OPEN_INTEREST_ROWS: usize = 100;
/// Digits of a settled rate.
const RATE_DIGITS: u32 = 16;
/// Digits of open interest in base asset, and in US dollars.
const BASE_DIGITS: u32 = 4;
const DOLLAR_DIGITS: u32 = 2;
/// What further digits of rates are drawn from.
const RATES: i64 = 41;

/// The only row of `books`: one level unless more are wanted; what is no longer traded has none.
pub(crate) fn book_row(series: &Series, params: &Params, now: i64) -> Result<String, ApiError> {
    let (step, depth) = (now.div_euclid(BOOK_STEP), params.limit("sz", 1, 400)?);
    let is_traded = now < series.listing().until;
    let book = if is_traded { book(series, step, depth) } else { Book { step, ..Book::default() } };
    let digits = Digits::of(series.listing());
    let (asks, bids) = (levels_text(digits, &book.asks), levels_text(digits, &book.bids));
    let stamp = step * BOOK_STEP / MILLI;
    Ok(format!("{{\"asks\":[{asks}],\"bids\":[{bids}],\"ts\":\"{stamp}\",\"seqId\":{step}}}"))
}

/// Levels with the number of their orders; those that are gone have none.
pub(crate) fn levels_text(digits: Digits, levels: &[(i64, i64)]) -> String {
    let level = |(price, amount): &(i64, i64)| {
        let orders = if *amount == 0 { 0 } else { 1 + price.rem_euclid(9) };
        format!("[\"{}\",\"{}\",\"0\",\"{orders}\"]", digits.price(*price), digits.size(*amount))
    };
    levels.iter().map(level).collect::<Vec<_>>().join(",")
}

/// The rows of `funding-rate-history`: the newest of those before `after` and behind `before`.
pub(crate) fn funding_rows(series: &Series, params: &Params, now: i64) -> Result<String, ApiError> {
    let limit = params.limit("limit", FUNDING_ROWS, FUNDING_ROWS)?;
    let start = params.time("before")?.map_or(0, |before| before + 1).max(now - FUNDING_KEPT);
    let end = params.time("after")?.map_or(now + 1, |after| after.min(now + 1));
    let name = name(&series.listing().pair);
    let row = |funding: Funding| {
        let (predicted, time) = (short(i128::from(funding.rate), RATE_SCALE), funding.micros / MILLI);
        let realized = realized_rate(series, &funding);
        format!(
            "{{\"formulaType\":\"noRate\",\"fundingRate\":\"{predicted}\",\"fundingTime\":\"{time}\",\"instId\":\"{name}\",\"instType\":\"SWAP\",\"method\":\"current_period\",\"realizedRate\":\"{realized}\"}}"
        )
    };
    Ok(payments(series, start, end).rev().take(limit).map(row).collect::<Vec<_>>().join(","))
}

/// The payments due within `[start, end)`: every eight hours for the largest, every four for some.
pub(crate) fn payments(series: &Series, start: i64, end: i64) -> impl DoubleEndedIterator<Item = Funding> + '_ {
    let is_large = matches!(series.listing().pair.base(), "BTC" | "ETH");
    let is_slow = is_large || mix_text(0, series.listing().pair.base()).is_multiple_of(2);
    let step = if is_slow { 8 * HOUR } else { 4 * HOUR };
    fundings_at(series, FundingClock { step, offset: 0, late_millis: 1 }, start, end)
}

/// What was settled in the end, which is not quite what was predicted.
pub(crate) fn realized_rate(series: &Series, funding: &Funding) -> String {
    let more = 10_i64.pow(RATE_DIGITS - RATE_SCALE);
    let drawn = pick(mix(mix(series.key(), RATES), funding.micros), more);
    short(i128::from(funding.rate) * i128::from(more) + i128::from(drawn), RATE_DIGITS)
}

/// The buckets of a period of open interest, and how long it is kept.
fn period(name: &str) -> Option<(Grid, i64)> {
    let (width, origin, kept) = match name {
        "5m" => (5 * MINUTE, 0, 2 * DAY),
        "15m" => (15 * MINUTE, 0, 2 * DAY),
        "30m" => (30 * MINUTE, 0, 2 * DAY),
        "1H" => (HOUR, 0, 30 * DAY),
        "2H" => (2 * HOUR, 0, 30 * DAY),
        "4H" => (4 * HOUR, 0, 30 * DAY),
        "1W" | "1Wutc" => return None,
        long => long_bar(long).map(|(width, origin)| (width, origin, 180 * DAY))?,
    };
    Some((Grid::Fixed { width, origin }, kept))
}

/// The rows of `open-interest-history`: the newest from `begin` to `end`.
pub(crate) fn open_interest_rows(series: &Series, params: &Params, now: i64) -> Result<String, ApiError> {
    let period = period(params.text("period").unwrap_or("5m"));
    let (grid, kept) = period.ok_or_else(|| ApiError::illegal("period"))?;
    let limit = params.limit("limit", OPEN_INTEREST_ROWS, OPEN_INTEREST_ROWS)?;
    let listing = series.listing();
    let start = params.time("begin")?.unwrap_or(0).max(now - kept).max(listing.since);
    let end = params.time("end")?.map_or(now, |end| end.min(now)).min(listing.until - 1);
    let stamps = std::iter::successors(Some(grid.floor(end)), |stamp| Some(grid.floor(*stamp - 1)));
    let row = |stamp: i64| {
        let OpenInterest { contracts, base, dollars } = open_interest_text(series, stamp);
        format!("[\"{}\",\"{contracts}\",\"{base}\",\"{dollars}\"]", stamp / MILLI)
    };
    Ok(stamps.take_while(|stamp| *stamp >= start).take(limit).map(row).collect::<Vec<_>>().join(","))
}

/// The row of `public/open-interest`.
pub(crate) fn open_interest_now(series: &Series, now: i64) -> String {
    let pair = &series.listing().pair;
    let OpenInterest { contracts, base, dollars } = open_interest_text(series, now);
    format!(
        "{{\"instId\":\"{}\",\"instType\":\"{}\",\"oi\":\"{contracts}\",\"oiCcy\":\"{base}\",\"oiUsd\":\"{dollars}\",\"ts\":\"{}\"}}",
        name(pair),
        InstrumentType::of(pair).name(),
        now / MILLI,
    )
}

/// Open interest in the three ways in which the exchange says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OpenInterest {
    pub(crate) contracts: String,
    pub(crate) base: String,
    pub(crate) dollars: String,
}

/// The measurement of `stamp`.
pub(crate) fn open_interest_text(series: &Series, stamp: i64) -> OpenInterest {
    let (listing, row) = (series.listing(), open_interest(series, stamp));
    let (digits, amount) = (Digits::of(listing), i128::from(row.amount));
    let contracts = digits.contracts(amount, OPEN_INTEREST_SCALE);
    if listing.contract == Contract::Base {
        return OpenInterest {
            contracts,
            base: short(amount, OPEN_INTEREST_SCALE),
            dollars: decimal_text(row.value, OPEN_INTEREST_SCALE + listing.price_scale, DOLLAR_DIGITS),
        };
    }
    let (worth, scale) = (amount * digits.face(), OPEN_INTEREST_SCALE + BASE_DIGITS);
    let ticks = i128::from(series.price_at(stamp)).max(1);
    let base = worth * 10_i128.pow(BASE_DIGITS + listing.price_scale) / ticks;
    OpenInterest {
        contracts,
        base: cut_short(base, scale, BASE_DIGITS),
        dollars: decimal_text(worth, OPEN_INTEREST_SCALE, DOLLAR_DIGITS),
    }
}
