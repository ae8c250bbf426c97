//! Spot, USD-M and COIN-M: what differs between them.

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

/// One of the three hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Venue {
    Spot,
    Usdm,
    Coinm,
}

impl Venue {
    /// Where a pair is traded: contracts that are quoted in plain dollars are paid in coins.
    pub(crate) fn of(pair: &Pair) -> Venue {
        match pair.market() {
            MarketKind::Spot => Venue::Spot,
            MarketKind::Inverse => Venue::Coinm,
            _ if pair.quote() == "USD" => Venue::Coinm,
            _ => Venue::Usdm,
        }
    }

    /// The kind of its perpetual contracts.
    pub(crate) fn perpetual(self) -> MarketKind {
        if self == Venue::Coinm { MarketKind::Inverse } else { MarketKind::Perp }
    }

    /// The pairs that have a symbol of their own, in a fixed order.
    pub(crate) fn pairs(self, catalogue: &Catalogue) -> Vec<Pair> {
        let sorts: &[Sort] = match self {
            Venue::Spot => &[Sort::Spot],
            Venue::Usdm => &[Sort::Perp, Sort::Dated],
            Venue::Coinm => &[Sort::Inverse, Sort::Dated],
        };
        let pairs = sorts.iter().flat_map(|sort| catalogue.pairs(EXCHANGE, *sort));
        pairs.filter(|pair| Venue::of(pair) == self).collect()
    }
}

/// Symbols of all hosts.
#[derive(Debug)]
pub(crate) struct Symbols {
    spot: HashMap<String, Pair>,
    usdm: HashMap<String, Pair>,
    coinm: HashMap<String, Pair>,
}

impl Symbols {
    pub(crate) fn new(catalogue: &Catalogue) -> Symbols {
        let of = |venue: Venue| venue.pairs(catalogue).into_iter().map(|pair| (symbol(&pair), pair)).collect();
        Symbols { spot: of(Venue::Spot), usdm: of(Venue::Usdm), coinm: of(Venue::Coinm) }
    }

    /// The pair that a symbol stands for.
    pub(crate) fn pair(&self, venue: Venue, symbol: &str) -> Result<&Pair, ApiError> {
        let symbols = match venue {
            Venue::Spot => &self.spot,
            Venue::Usdm => &self.usdm,
            Venue::Coinm => &self.coinm,
        };
        symbols.get(symbol).ok_or_else(ApiError::invalid_symbol)
    }

    /// The contract of a kind that a `pair` parameter such as `BTCUSD` means.
    pub(crate) fn contract(&self, venue: Venue, underlying: &str, kind: MarketKind) -> Result<Pair, ApiError> {
        let perpetual = match venue {
            Venue::Coinm => self.pair(venue, &format!("{underlying}_PERP"))?,
            Venue::Spot | Venue::Usdm => self.pair(venue, underlying)?,
        };
        Pair::new(perpetual.base(), perpetual.quote(), kind).map_err(|_| ApiError::invalid_symbol())
    }

    /// The truth about a symbol.
    pub(crate) fn series(&self, market: &Market, venue: Venue, symbol: &str) -> Result<Arc<Series>, ApiError> {
        market.series(EXCHANGE, self.pair(venue, symbol)?).ok_or_else(ApiError::invalid_symbol)
    }
}

/// How the exchange spells a pair.
pub(crate) fn symbol(pair: &Pair) -> String {
    match pair.market() {
        MarketKind::Inverse => format!("{}_PERP", underlying(pair)),
        MarketKind::Dated(date) => format!("{}_{date:06}", underlying(pair)),
        _ => underlying(pair),
    }
}

/// What the exchange calls the pair of a contract.
pub(crate) fn underlying(pair: &Pair) -> String {
    format!("{}{}", pair.base(), pair.quote())
}

/// How the numbers of one pair are written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Digits {
    price_scale: u32,
    amount_scale: u32,
    price: u32,
    amount: u32,
    value_scale: u32,
    quote: u32,
}

impl Digits {
    /// Spot writes eight digits, futures as many as there can be.
    pub(crate) fn of(listing: &Listing) -> Digits {
        let (price_scale, amount_scale, value_scale) =
            (listing.price_scale, listing.amount_scale, listing.value_scale());
        let (price, amount, quote) = match listing.pair.market() {
            MarketKind::Spot => (SPOT_DIGITS, SPOT_DIGITS, SPOT_DIGITS),
            _ => (price_scale, amount_scale, value_scale),
        };
        Digits { price_scale, amount_scale, price, amount, value_scale, quote }
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

    /// What was given for an amount: quote asset, or base asset where amounts are inverse contracts.
    pub(crate) fn quote(self, out: &mut Vec<u8>, value: i128) {
        write_decimal(out, value, self.value_scale, self.quote);
    }
}

/// How a page is written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Style {
    pub(crate) venue: Venue,
    pub(crate) unit: Unit,
    pub(crate) digits: Digits,
}
