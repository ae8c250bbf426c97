//! Spot and USD-M: what differs between them.

use std::collections::HashMap;
use std::sync::Arc;

use dccd_record::{Market as MarketKind, Pair};

use crate::binance::error::ApiError;
use crate::binance::params::Unit;
use crate::decimal::write_decimal;
use crate::market::catalogue::{Catalogue, Listing, Sort};
use crate::market::{Market, Series};

/// The name that pairs of this exchange have in records.
pub(crate) const EXCHANGE: &str = "binance";
/// Digits after the point of every spot number.
const SPOT_DIGITS: u32 = 8;

/// One of the two hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Venue {
    Spot,
    Usdm,
}

impl Venue {
    /// The sort of its symbols.
    pub(crate) fn sort(self) -> Sort {
        match self {
            Venue::Spot => Sort::Spot,
            Venue::Usdm => Sort::Perp,
        }
    }
}

/// Symbols of both hosts.
#[derive(Debug)]
pub(crate) struct Symbols {
    spot: HashMap<String, Pair>,
    usdm: HashMap<String, Pair>,
}

impl Symbols {
    pub(crate) fn new(catalogue: &Catalogue) -> Symbols {
        let of = |venue: Venue| {
            catalogue.pairs(EXCHANGE, venue.sort()).into_iter().map(|pair| (symbol(&pair), pair)).collect()
        };
        Symbols { spot: of(Venue::Spot), usdm: of(Venue::Usdm) }
    }

    /// The pair that a symbol stands for.
    pub(crate) fn pair(&self, venue: Venue, symbol: &str) -> Result<&Pair, ApiError> {
        let symbols = match venue {
            Venue::Spot => &self.spot,
            Venue::Usdm => &self.usdm,
        };
        symbols.get(symbol).ok_or_else(ApiError::invalid_symbol)
    }

    /// The truth about a symbol.
    pub(crate) fn series(&self, market: &Market, venue: Venue, symbol: &str) -> Result<Arc<Series>, ApiError> {
        market.series(EXCHANGE, self.pair(venue, symbol)?).ok_or_else(ApiError::invalid_symbol)
    }
}

/// How the exchange spells a pair.
pub(crate) fn symbol(pair: &Pair) -> String {
    format!("{}{}", pair.base(), pair.quote())
}

/// How the numbers of one pair are written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Digits {
    price_scale: u32,
    amount_scale: u32,
    price: u32,
    amount: u32,
    quote: u32,
}

impl Digits {
    /// Spot writes eight digits, futures as many as there can be.
    pub(crate) fn of(listing: &Listing) -> Digits {
        let (price_scale, amount_scale) = (listing.price_scale, listing.amount_scale);
        let (price, amount, quote) = match listing.pair.market() {
            MarketKind::Spot => (SPOT_DIGITS, SPOT_DIGITS, SPOT_DIGITS),
            _ => (price_scale, amount_scale, price_scale + amount_scale),
        };
        Digits { price_scale, amount_scale, price, amount, quote }
    }

    pub(crate) fn price(self, out: &mut Vec<u8>, ticks: i64) {
        write_decimal(out, i128::from(ticks), self.price_scale, self.price);
    }

    /// The price as futures statistics write it.
    pub(crate) fn long_price(self, out: &mut Vec<u8>, ticks: i64) {
        write_decimal(out, i128::from(ticks), self.price_scale, SPOT_DIGITS);
    }

    pub(crate) fn amount(self, out: &mut Vec<u8>, amount: impl Into<i128>) {
        write_decimal(out, amount.into(), self.amount_scale, self.amount);
    }

    pub(crate) fn quote(self, out: &mut Vec<u8>, quote: i128) {
        write_decimal(out, quote, self.price_scale + self.amount_scale, self.quote);
    }
}

/// How a page is written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Style {
    pub(crate) venue: Venue,
    pub(crate) unit: Unit,
    pub(crate) digits: Digits,
}
