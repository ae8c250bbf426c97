//! What a row of anything but a book may say.

use dccd_record::Kind;

use super::super::column::Column;
use super::super::rows::Rows;
use super::super::schema::at;
use super::{Cell, Flaws, Place};
use crate::verify::Check;

const NO_PRICE: &str = "no price, or one that is not above 0";
const NO_AMOUNT: &str = "no amount, or one below 0";
const NO_VOLUME: &str = "no volume, or one below 0";

/// Places of the columns of a candle.
const OPEN: usize = 0;
const HIGH: usize = 1;
const LOW: usize = 2;
const CLOSE: usize = 3;
const VOLUME: usize = 4;
const QUOTE_VOLUME: usize = 5;
const TRADES: usize = 6;

/// Looks at one row.
pub(super) fn look_at_record(rows: &Rows, row: usize, place: Place, flaws: &mut Flaws) {
    let cell = |column: usize| rows.columns.get(column).and_then(|column| Cell::of(column, row));
    let mut value = |is_sound: bool, what: &'static str| {
        if !is_sound {
            flaws.add_at(Check::Value, what, place);
        }
    };
    match rows.kind() {
        Kind::Trade => {
            value(cell(at::TRADE_PRICE).is_some_and(Cell::is_positive), NO_PRICE);
            value(cell(at::TRADE_AMOUNT).is_some_and(|amount| !amount.is_negative()), NO_AMOUNT);
        }
        Kind::Candle => {
            let prices = [cell(OPEN), cell(HIGH), cell(LOW), cell(CLOSE)];
            value(prices.iter().all(|price| price.is_some_and(Cell::is_positive)), NO_PRICE);
            value(cell(VOLUME).is_some_and(|volume| !volume.is_negative()), NO_VOLUME);
            value(!cell(QUOTE_VOLUME).is_some_and(Cell::is_negative), "a quote volume below 0");
            value(int(rows, TRADES, row).is_none_or(|trades| trades >= 0), "a number of trades below 0");
            if let [Some(open), Some(high), Some(low), Some(close)] = prices
                && ![open, close].iter().all(|price| low <= *price && *price <= high)
            {
                flaws.add_at(Check::Bounds, "an open or close that is not between low and high", place);
            }
        }
        Kind::Funding => {
            value(cell(0).is_some(), "no rate");
            value(cell(1).is_none_or(Cell::is_positive), "a mark price that is not above 0");
        }
        Kind::OpenInterest => {
            value(cell(0).is_some_and(|interest| !interest.is_negative()), "no open interest, or one below 0");
            value(!cell(1).is_some_and(Cell::is_negative), "a value below 0");
        }
        Kind::Book => {}
    }
}

fn int(rows: &Rows, column: usize, row: usize) -> Option<i64> {
    match rows.columns.get(column) {
        Some(Column::Int(values)) => values.get(row),
        _ => None,
    }
}
