//! `trade/bucketed`: candles that are stamped with their end, each opening where the one before closed.

use serde_json::Value;

use crate::bitmex::error::ApiError;
use crate::bitmex::params::{Page, flag};
use crate::bitmex::symbols::{notional, size, symbol};
use crate::clock::{DAY, HOUR, MINUTE, iso_text};
use crate::decimal::trimmed_text;
use crate::exchange::Moment;
use crate::http::Query;
use crate::javascript::wire;
use crate::market::Series;
use crate::market::bar::{Bar, Grid};
use crate::market::catalogue::{Contract, Listing};

const COUNT_MAX: i64 = 1_000;
/// Digits of an average price.
const VWAP_SCALE: u32 = 4;

/// The width of a `binSize`; there are four.
pub(crate) fn width(bin_size: &str) -> Result<i64, ApiError> {
    match bin_size {
        "1m" => Ok(MINUTE),
        "5m" => Ok(5 * MINUTE),
        "1h" => Ok(HOUR),
        "1d" => Ok(DAY),
        _ => Err(ApiError::invalid("'binSize' must be one of 1m, 5m, 1h, 1d.")),
    }
}

/// One page.
pub(crate) fn page(series: &Series, query: &Query, moment: Moment) -> Result<Vec<u8>, ApiError> {
    let page = Page::read(query, COUNT_MAX)?;
    let width = width(query.value("binSize").unwrap_or("1m"))?;
    let has_open = flag(query, "partial")?;
    let starts = starts(series, width, page, moment, has_open);
    let rows: Vec<String> = starts.map(|start| row(series, start, width, moment.seen)).collect();
    Ok(format!("[{}]", rows.join(",")).into_bytes())
}

/// When the wanted buckets open, in the wanted order.
fn starts(
    series: &Series,
    width: i64,
    page: Page,
    moment: Moment,
    has_open: bool,
) -> impl Iterator<Item = i64> + use<> {
    let grid = Grid::Fixed { width, origin: 0 };
    let until = series.listing().until.min(Series::horizon());
    let newest = if has_open { grid.floor(moment.now) } else { grid.floor(moment.now) - width };
    let last = newest.min(grid.floor(until - 1)).min(grid.floor(page.end) - width);
    let first =
        first_start(series, grid, moment.seen).map_or(i64::MAX, |first| first.max(grid.ceil(page.start) - width));
    let skipped = page.offset.saturating_mul(width);
    let (at, step) = if page.is_reverse { (last - skipped, -width) } else { (first.saturating_add(skipped), width) };
    (0..page.count)
        .map(move |number| at.saturating_add(number * step))
        .take_while(move |start| (first..=last).contains(start))
}

/// The bucket of the first trade.
fn first_start(series: &Series, grid: Grid, seen: i64) -> Option<i64> {
    let first = series.trades(0..1).next().filter(|trade| trade.micros <= seen)?;
    Some(grid.floor(first.micros))
}

/// The bar of a bucket, as this exchange opens it; where nobody traded it stays where it was.
pub(crate) fn bar(series: &Series, start: i64, end: i64) -> Bar {
    let bar = series.bar(start, end);
    match series.last_price_before(start) {
        Some(before) if bar.count == 0 => Bar::flat(before),
        Some(before) => Bar { open: before, ..bar },
        None => bar,
    }
}

/// The row of a bucket; trades after `seen` do not count.
pub(crate) fn row(series: &Series, start: i64, width: i64, seen: i64) -> String {
    let end = start + width;
    let bar = bar(series, start, end.min(seen.saturating_add(1)));
    let listing = series.listing();
    let price = |ticks: i64| wire(&trimmed_text(i128::from(ticks), listing.price_scale));
    let [home, foreign] = notional(listing, bar.volume, bar.quote_volume);
    let number = |(digits, scale): (i128, u32)| wire(&trimmed_text(digits, scale));
    let (vwap, last_size) = if bar.count == 0 {
        (Value::Null.to_string(), Value::Null.to_string())
    } else {
        let last = series.first_id_at(end.min(seen.saturating_add(1))) - 1;
        let last_size = series.trades(last..last + 1).next().map_or(0, |trade| size(listing, i128::from(trade.amount)));
        (number((vwap(home, foreign), VWAP_SCALE)), last_size.to_string())
    };
    format!(
        "{{\"timestamp\":\"{}\",\"symbol\":\"{}\",\"open\":{},\"high\":{},\"low\":{},\"close\":{},\"trades\":{},\"volume\":{},\"vwap\":{vwap},\"lastSize\":{last_size},\"turnover\":{},\"homeNotional\":{},\"foreignNotional\":{}}}",
        iso_text(end, 3),
        symbol(&listing.pair),
        price(bar.open),
        price(bar.high),
        price(bar.low),
        price(bar.close),
        bar.count,
        size(listing, bar.volume),
        turnover(listing, bar.quote_volume),
        number(home),
        number(foreign),
    )
}

/// Foreign for each home, with four digits after the point.
fn vwap((home, home_scale): (i128, u32), (foreign, foreign_scale): (i128, u32)) -> i128 {
    let scaled = foreign * 10_i128.pow(VWAP_SCALE + home_scale) / home.max(1);
    scaled / 10_i128.pow(foreign_scale)
}

/// What changed hands in units of the settlement asset: 1/10^8 of the base asset, or 1/10^6 of the quote asset.
pub(crate) fn turnover(listing: &Listing, value: i128) -> i128 {
    let scale = listing.value_scale();
    match listing.contract {
        Contract::Inverse { .. } => value,
        Contract::Base if scale >= 6 => value / 10_i128.pow(scale - 6),
        Contract::Base => value * 10_i128.pow(6 - scale),
    }
}
