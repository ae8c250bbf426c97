//! `book/SYMBOL/PRECISION`.

use crate::bitfinex::error::ApiError;
use crate::decimal::{trimmed_text, write_whole};
use crate::hash::{mix, pick};
use crate::http::Query;
use crate::javascript::wire;
use crate::market::Series;
use crate::market::statistics::{BOOK_STEP, Book, book};

/// Levels that are looked at to fill rounded ones; coarse books may end earlier.
const RAW_LEVELS_MAX: usize = 200_000;
/// Ids of orders are drawn below it.
const ORDER_IDS: i64 = 200_000_000_000;

/// One rounded level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Level {
    /// In ticks.
    pub(crate) price: i64,
    /// Orders.
    pub(crate) count: i64,
    /// In smallest amounts.
    pub(crate) amount: i64,
}

/// The answer to a precision and a `len`.
pub(crate) fn page(series: &Series, precision: &str, query: &Query, now: i64) -> Result<Vec<u8>, ApiError> {
    let len = match query.value("len") {
        None => 25,
        Some("1") => 1,
        Some("25") => 25,
        Some("100") => 100,
        Some("250") => 250,
        Some(_) => return Err(ApiError::invalid("len")),
    };
    let step = now.div_euclid(BOOK_STEP);
    if precision == "R0" {
        return Ok(raw(series, &book(series, step, len)));
    }
    let digits = match precision {
        "P0" => 5,
        "P1" => 4,
        "P2" => 3,
        "P3" => 2,
        "P4" => 1,
        _ => return Err(ApiError::invalid("prec")),
    };
    let [bids, asks] = levels(series, step, digits, len);
    let listing = series.listing();
    let mut out = vec![b'['];
    for (sign, level) in bids.iter().map(|level| (1, level)).chain(asks.iter().map(|level| (-1, level))) {
        separate(&mut out);
        let price = wire(&trimmed_text(i128::from(level.price), listing.price_scale));
        let amount = wire(&trimmed_text(i128::from(sign * level.amount), listing.amount_scale));
        out.extend_from_slice(format!("[{price},{},{amount}]", level.count).as_bytes());
    }
    out.push(b']');
    Ok(out)
}

/// Both sides, prices rounded away from the middle to so many significant digits.
pub(crate) fn levels(series: &Series, step: i64, digits: u32, len: usize) -> [Vec<Level>; 2] {
    let unit = |price: i64| 10_i64.pow((price.max(1).ilog10() + 1).saturating_sub(digits));
    let best = series.price_at(step * BOOK_STEP);
    let ticks = usize::try_from(unit(best)).unwrap_or(RAW_LEVELS_MAX);
    let raw = book(series, step, len.saturating_mul(ticks).min(RAW_LEVELS_MAX));
    let bids = raw.bids.iter().map(|(price, amount)| (price - price % unit(*price), *amount));
    let asks = raw.asks.iter().map(|(price, amount)| (round_up(*price, unit(*price)), *amount));
    [group(bids, len), group(asks, len)]
}

fn round_up(price: i64, unit: i64) -> i64 {
    (price + unit - 1) / unit * unit
}

fn group(levels: impl Iterator<Item = (i64, i64)>, len: usize) -> Vec<Level> {
    let mut groups: Vec<Level> = Vec::new();
    for (price, amount) in levels {
        if let Some(last) = groups.last_mut().filter(|last| last.price == price) {
            last.count += 1;
            last.amount += amount;
        } else if groups.len() == len {
            break;
        } else {
            groups.push(Level { price, count: 1, amount });
        }
    }
    groups
}

/// Single orders: id, price, amount.
fn raw(series: &Series, book: &Book) -> Vec<u8> {
    let listing = series.listing();
    let mut out = vec![b'['];
    for (sign, (price, amount)) in
        book.bids.iter().map(|level| (1, level)).chain(book.asks.iter().map(|level| (-1, level)))
    {
        separate(&mut out);
        out.push(b'[');
        write_whole(&mut out, pick(mix(series.key(), *price), ORDER_IDS));
        let price = wire(&trimmed_text(i128::from(*price), listing.price_scale));
        let amount = wire(&trimmed_text(i128::from(sign * *amount), listing.amount_scale));
        out.extend_from_slice(format!(",{price},{amount}]").as_bytes());
    }
    out.push(b']');
    out
}

fn separate(out: &mut Vec<u8>) {
    if out.len() > 1 {
        out.push(b',');
    }
}
