//! How BitMEX spells what it trades.

use std::collections::BTreeMap;
use std::sync::Arc;

use dccd_record::{Market as MarketKind, Pair};

use crate::bitmex::EXCHANGE;
use crate::market::catalogue::{Catalogue, Contract, Listing, Sort};
use crate::market::{Market, Series};

/// The letters of the months in which contracts expire.
const MONTHS: [&str; 12] = ["F", "G", "H", "J", "K", "M", "N", "Q", "U", "V", "X", "Z"];
/// Contracts that are not inverse, and spot, are counted in 1/10^this of the base asset.
pub(crate) const SIZE_SCALE: u32 = 6;

/// Pairs by symbol.
#[derive(Debug)]
pub(crate) struct Symbols {
    pairs: BTreeMap<String, Pair>,
}

impl Symbols {
    pub(crate) fn new(catalogue: &Catalogue) -> Symbols {
        let sorts = [Sort::Inverse, Sort::Perp, Sort::Spot, Sort::Dated];
        let pairs = sorts.into_iter().flat_map(|sort| catalogue.pairs(EXCHANGE, sort));
        Symbols { pairs: pairs.map(|pair| (symbol(&pair), pair)).collect() }
    }

    /// The truth about a symbol; none if there is no such symbol yet.
    pub(crate) fn series(&self, market: &Market, symbol: &str, now: i64) -> Option<Arc<Series>> {
        market.series(EXCHANGE, self.pairs.get(symbol)?).filter(|series| series.listing().since <= now)
    }

    /// All that was ever listed before `now`, in the order of the symbols.
    pub(crate) fn listed(&self, market: &Market, now: i64) -> Vec<Arc<Series>> {
        self.pairs.keys().filter_map(|symbol| self.series(market, symbol, now)).collect()
    }
}

/// `XBTUSD`, `XBTUSDT`, `XBT_USDT` of spot, `XBTH24` of a contract that expires.
pub(crate) fn symbol(pair: &Pair) -> String {
    let (base, quote) = (currency(pair.base()), pair.quote());
    match pair.market() {
        MarketKind::Spot => format!("{base}_{quote}"),
        MarketKind::Dated(date) => {
            let month = usize::try_from(date / 100 % 100).unwrap_or(0);
            let letter = month.checked_sub(1).and_then(|at| MONTHS.get(at)).copied().unwrap_or_default();
            format!("{base}{letter}{:02}", date / 10_000)
        }
        _ => format!("{base}{quote}"),
    }
}

/// Their name of an asset.
pub(crate) fn currency(name: &str) -> &str {
    if name == "BTC" { "XBT" } else { name }
}

/// What `amount` is in both assets: digits and their scale, base first.
pub(crate) fn notional(listing: &Listing, amount: i128, value: i128) -> [(i128, u32); 2] {
    match listing.contract {
        // The value of inverse contracts is in the base asset, and each is worth one of the quote asset.
        Contract::Inverse { face } => [(value, listing.value_scale()), (amount * i128::from(face), 0)],
        Contract::Base => [(amount, listing.amount_scale), (value, listing.value_scale())],
    }
}

/// What `amount` is in contracts.
pub(crate) fn size(listing: &Listing, amount: i128) -> i128 {
    match listing.contract {
        Contract::Inverse { .. } => amount,
        Contract::Base => amount * 10_i128.pow(SIZE_SCALE.saturating_sub(listing.amount_scale)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_are_as_the_exchange_spells_them() {
        let check = |pair: &str, expected: &str| assert_eq!(symbol(&pair.parse().expect("a pair")), expected);
        check("BTC/USD:inverse", "XBTUSD");
        check("BTC/USDT:perp", "XBTUSDT");
        check("BTC/USDT", "XBT_USDT");
        check("ETH/USDT:perp", "ETHUSDT");
        check("BTC/USD:260626", "XBTM26");
        check("BTC/USD:240329", "XBTH24");
    }
}
