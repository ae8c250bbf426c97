//! `status/deriv`: what is measured of perpetual contracts, about once a minute.
//!
//! There is no row per settlement. What a row says of the one to come: it is at `NEXT_FUNDING_EVT`, and what is paid
//! then is `CURRENT_FUNDING`, which stands for the whole period. `NEXT_FUNDING_ACCRUED` grows in the meantime into the
//! rate of the settlement after that one.

use crate::bitfinex::error::ApiError;
use crate::bitfinex::params::Page;
use crate::clock::{MILLI, MINUTE, SECOND};
use crate::decimal::trimmed_text;
use crate::hash::{mix, pick};
use crate::http::Query;
use crate::javascript::wire;
use crate::market::Series;
use crate::market::statistics::{FUNDING_STEP, OPEN_INTEREST_SCALE, RATE_SCALE, fundings, open_interest};

const LIMIT: usize = 100;
const LIMIT_MAX: usize = 5_000;
const STATUS: i64 = 21;
/// A row is stamped so many whole seconds into its minute, and this many more are drawn.
const FIRST_SECOND: i64 = 5;
const SECONDS: i64 = 50;
/// The insurance fund, in 1/10^8 of the quote asset.
const INSURANCE: i128 = 3_767_158_970_000_000;

/// One measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Status {
    /// When, in whole seconds though written in microseconds.
    pub(crate) micros: i64,
    /// When funding is settled next.
    pub(crate) next_funding: i64,
    /// What is paid then, in 1/10^8.
    pub(crate) rate: i64,
    /// What has accrued for the settlement after, in 1/10^8.
    pub(crate) accrued: i64,
    /// Minutes since the last settlement.
    pub(crate) funding_step: i64,
    /// In ticks.
    pub(crate) mark_price: i64,
    /// In 1/10^3 of the base asset.
    pub(crate) open_interest: i64,
}

/// One page of the history of a symbol: rows without its name.
pub(crate) fn page(series: &Series, query: &Query, now: i64) -> Result<Vec<u8>, ApiError> {
    let page = Page::read(query, LIMIT, LIMIT_MAX)?;
    let end = page.end.min(now.saturating_add(1));
    let rows: Vec<Status> = if page.is_ascending {
        ascending(series, page.start, end).take(page.limit).collect()
    } else {
        descending(series, page.start, end).take(page.limit).collect()
    };
    let rows: Vec<String> = rows.iter().map(|status| row(series, status)).collect();
    Ok(format!("[{}]", rows.join(",")).into_bytes())
}

/// The newest row with the symbol in front, as `status/deriv?keys=` has it.
pub(crate) fn keyed_row(series: &Series, symbol: &str, now: i64) -> Option<String> {
    let status = descending(series, 0, now.saturating_add(1)).next()?;
    Some(row(series, &status).replacen('[', &format!("[\"{symbol}\","), 1))
}

/// The measurements stamped within `[start, end)`, the oldest first.
pub(crate) fn ascending(series: &Series, start: i64, end: i64) -> impl Iterator<Item = Status> + '_ {
    let first = start.max(series.listing().since).div_euclid(MINUTE);
    let after = end.min(Series::horizon()).div_euclid(MINUTE) + 1;
    (first..after).filter_map(move |minute| status(series, minute)).filter(move |status| {
        // Minutes at both ends may hold a stamp outside.
        status.micros >= start && status.micros < end
    })
}

/// As [`ascending`], the newest first.
pub(crate) fn descending(series: &Series, start: i64, end: i64) -> impl Iterator<Item = Status> + '_ {
    let first = start.max(series.listing().since).div_euclid(MINUTE);
    let after = end.min(Series::horizon()).div_euclid(MINUTE) + 1;
    (first..after)
        .rev()
        .filter_map(move |minute| status(series, minute))
        .filter(move |status| status.micros >= start && status.micros < end)
}

/// The measurement of a minute; none while the exchange stands still.
fn status(series: &Series, minute: i64) -> Option<Status> {
    if !series.is_open_within(minute * MINUTE, (minute + 1) * MINUTE) {
        return None;
    }
    let second = FIRST_SECOND + pick(mix(mix(series.key(), STATUS), minute), SECONDS);
    let micros = minute * MINUTE + second * SECOND;
    let settled = micros.div_euclid(FUNDING_STEP);
    let funding_step = (micros - settled * FUNDING_STEP) / MINUTE;
    let minutes = FUNDING_STEP / MINUTE;
    // What has accrued in a period's last minute is the rate of the next period.
    let accrued = rate(series, settled + 2) * (funding_step + 1) / minutes;
    Some(Status {
        micros,
        next_funding: (settled + 1) * FUNDING_STEP,
        rate: rate(series, settled + 1),
        accrued,
        funding_step,
        mark_price: series.price_at(micros),
        open_interest: open_interest(series, micros).amount,
    })
}

/// The rate of a settlement; before the first one there is none.
fn rate(series: &Series, number: i64) -> i64 {
    let due = number * FUNDING_STEP;
    fundings(series, due, due + FUNDING_STEP).next().map_or(0, |funding| funding.rate)
}

/// A row as it stands in answers, without a symbol.
pub(crate) fn row(series: &Series, status: &Status) -> String {
    let rate = |mantissa: i64| wire(&trimmed_text(i128::from(mantissa), RATE_SCALE));
    let mark = wire(&trimmed_text(i128::from(status.mark_price), series.listing().price_scale));
    format!(
        "[{},null,{mark},{mark},null,{},null,{},{},{},null,{},null,null,{mark},null,null,{},null,null,null,0.0005,0.0025]",
        status.micros / MILLI,
        wire(&trimmed_text(INSURANCE, 8)),
        status.next_funding / MILLI,
        rate(status.accrued),
        status.funding_step,
        rate(status.rate),
        wire(&trimmed_text(i128::from(status.open_interest), OPEN_INTEREST_SCALE)),
    )
}
