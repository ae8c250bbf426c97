//! `funding` and `orderBook/L2`.

use dccd_record::Market as MarketKind;

use crate::bitmex::error::ApiError;
use crate::bitmex::params::{Page, whole};
use crate::bitmex::symbols::{size, symbol};
use crate::clock::{HOUR, iso_text};
use crate::decimal::trimmed_text;
use crate::http::Query;
use crate::javascript::wire;
use crate::market::Series;
use crate::market::statistics::{BOOK_STEP, Funding, FundingClock, RATE_SCALE, book, fundings_at};

/// Funding is paid at 04:00, 12:00 and 20:00.
pub(crate) const CLOCK: FundingClock = FundingClock { step: 8 * HOUR, offset: 4 * HOUR, late_millis: 0 };
const FUNDING_COUNT_MAX: i64 = 500;
/// Levels of each side that a book has at most.
const LEVELS_MAX: i64 = 5_000;
/// Ids of levels count down from here.
const LEVEL_IDS: i64 = 8_800_000_000;

/// Whether funding is paid for a pair.
pub(crate) fn has_funding(kind: MarketKind) -> bool {
    matches!(kind, MarketKind::Perp | MarketKind::Inverse)
}

/// One page of `funding`.
pub(crate) fn funding_page(series: &Series, query: &Query, now: i64) -> Result<Vec<u8>, ApiError> {
    let page = Page::read(query, FUNDING_COUNT_MAX)?;
    if !has_funding(series.listing().pair.market()) {
        return Ok(b"[]".to_vec());
    }
    let payments = fundings_at(series, CLOCK, page.start, page.end.min(now).saturating_add(1));
    let count = |number: i64| usize::try_from(number).unwrap_or(usize::MAX);
    let rows: Vec<String> = if page.is_reverse {
        payments.rev().skip(count(page.offset)).take(count(page.count)).map(|paid| funding_row(series, &paid)).collect()
    } else {
        payments.skip(count(page.offset)).take(count(page.count)).map(|paid| funding_row(series, &paid)).collect()
    };
    Ok(format!("[{}]", rows.join(",")).into_bytes())
}

/// A duration is written as a date.
pub(crate) fn funding_row(series: &Series, paid: &Funding) -> String {
    let rate = |mantissa: i64| wire(&trimmed_text(i128::from(mantissa), RATE_SCALE));
    format!(
        "{{\"timestamp\":\"{}\",\"symbol\":\"{}\",\"fundingInterval\":\"2000-01-01T08:00:00.000Z\",\"fundingRate\":{},\"fundingRateDaily\":{}}}",
        iso_text(paid.micros, 3),
        symbol(&series.listing().pair),
        rate(paid.rate),
        rate(paid.rate * 3),
    )
}

/// What a level is known by.
pub(crate) fn level_id(price: i64) -> i64 {
    LEVEL_IDS - price
}

/// The book of now: one list, the highest price first.
pub(crate) fn book_page(series: &Series, query: &Query, now: i64) -> Result<Vec<u8>, ApiError> {
    let listing = series.listing();
    let depth = match whole(query, "depth", 25, i64::MAX)? {
        0 => LEVELS_MAX,
        depth => depth.min(LEVELS_MAX),
    };
    if now >= listing.until {
        return Ok(b"[]".to_vec());
    }
    let book = book(series, now.div_euclid(BOOK_STEP), usize::try_from(depth).unwrap_or(1));
    let name = symbol(&listing.pair);
    let stamp = iso_text(book.step * BOOK_STEP, 3);
    let row = |side: &str, (price, amount): &(i64, i64)| {
        format!(
            "{{\"symbol\":\"{name}\",\"id\":{},\"side\":\"{side}\",\"size\":{},\"price\":{},\"timestamp\":\"{stamp}\",\"transactTime\":\"{stamp}\"}}",
            level_id(*price),
            size(listing, i128::from(*amount)),
            wire(&trimmed_text(i128::from(*price), listing.price_scale)),
        )
    };
    let asks = book.asks.iter().rev().map(|level| row("Sell", level));
    let bids = book.bids.iter().map(|level| row("Buy", level));
    Ok(format!("[{}]", asks.chain(bids).collect::<Vec<_>>().join(",")).into_bytes())
}
