//! `historicalfundingrates`: every hour of the last year, in one answer.

use dccd_record::Market as MarketKind;

use crate::clock::{DAY, HOUR, iso_text};
use crate::decimal::trimmed_text;
use crate::hash::{mix, pick};
use crate::market::Series;
use crate::market::catalogue::Contract;
use crate::market::statistics::{Funding, FundingClock, RATE_SCALE, fundings_at};

const KEPT: i64 = 365 * DAY;
const CLOCK: FundingClock = FundingClock { step: HOUR, offset: 0, late_millis: 0 };
const FINE: i64 = 31;
/// Rates have so many digits after the point.
const RELATIVE_SCALE: u32 = 18;
/// Absolute rates of inverse contracts are tiny.
const INVERSE_SCALE: u32 = 20;

/// One payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rate {
    pub(super) micros: i64,
    /// Of the price; comparable with other exchanges.
    pub(super) relative: String,
    /// Per contract, as JSON writes numbers: tiny ones with an exponent.
    pub(super) absolute: String,
}

/// One answer.
pub(super) fn page(series: &Series, now: i64) -> String {
    let row = |(funding, rate): (i128, Rate)| {
        format!(
            "{{\"timestamp\":\"{}\",\"fundingRate\":{},\"relativeFundingRate\":{}}}",
            iso_text(rate.micros, 3),
            rate.absolute,
            json_text(funding, RELATIVE_SCALE)
        )
    };
    let rows: Vec<String> = exact_rates(series, now - KEPT, now + 1).map(row).collect();
    let server_time = iso_text(now, 3);
    format!("{{\"result\":\"success\",\"rates\":[{}],\"serverTime\":\"{server_time}\"}}", rows.join(","))
}

/// The payments of `[start, end)`.
pub(super) fn rates(series: &Series, start: i64, end: i64) -> impl Iterator<Item = Rate> + '_ {
    exact_rates(series, start, end).map(|(_, rate)| rate)
}

/// The latest payment.
pub(super) fn latest(series: &Series, now: i64) -> Option<Rate> {
    rates(series, now - HOUR, now + 1).last()
}

/// The payments still kept at `now` begin here.
pub(super) fn first_kept(now: i64) -> i64 {
    now - KEPT
}

fn exact_rates(series: &Series, start: i64, end: i64) -> impl Iterator<Item = (i128, Rate)> + '_ {
    let is_perpetual = !matches!(series.listing().pair.market(), MarketKind::Dated(_));
    let end = if is_perpetual { end } else { start };
    fundings_at(series, CLOCK, start, end).map(|funding| rate(series, &funding))
}

fn rate(series: &Series, funding: &Funding) -> (i128, Rate) {
    let listing = series.listing();
    // More digits than other exchanges have, so that none can be lost unseen.
    let fine = pick(mix(mix(series.key(), FINE), funding.micros), 1_000_000_000);
    let relative = i128::from(funding.rate) * 10_i128.pow(RELATIVE_SCALE - RATE_SCALE) + i128::from(fine);
    let price = i128::from(funding.mark_price);
    let absolute = match listing.contract {
        Contract::Base => json_text(relative * price, RELATIVE_SCALE + listing.price_scale),
        Contract::Inverse { .. } => {
            let scale = 10_i128.pow(listing.price_scale + INVERSE_SCALE - RELATIVE_SCALE);
            json_text(relative * scale / price.max(1), INVERSE_SCALE)
        }
    };
    (relative, Rate { micros: funding.micros, relative: trimmed_text(relative, RELATIVE_SCALE), absolute })
}

/// A number as JavaScript writes it: below a millionth with an exponent.
fn json_text(mantissa: i128, scale: u32) -> String {
    let plain = trimmed_text(mantissa, scale);
    let digits = mantissa.unsigned_abs().to_string();
    let width = i64::try_from(digits.len()).unwrap_or(0);
    let exponent = width - 1 - i64::from(scale);
    if mantissa == 0 || exponent >= -6 {
        return plain;
    }
    let (sign, digits) = (if mantissa < 0 { "-" } else { "" }, digits.trim_end_matches('0'));
    match digits.split_at(1) {
        (first, "") => format!("{sign}{first}e{exponent}"),
        (first, rest) => format!("{sign}{first}.{rest}e{exponent}"),
    }
}

#[cfg(test)]
mod tests {
    use super::json_text;

    #[test]
    fn tiny_numbers_have_an_exponent() {
        let check = |mantissa, scale, expected: &str| assert_eq!(json_text(mantissa, scale), expected);
        check(-540_935_416_667, 18, "-5.40935416667e-7");
        check(-8_521_190_625_000, 18, "-0.000008521190625");
        check(1_000_000_000_000, 18, "0.000001");
        check(100_000, 12, "1e-7");
        check(0, 18, "0");
        check(1_444_418, 6, "1.444418");
    }
}
