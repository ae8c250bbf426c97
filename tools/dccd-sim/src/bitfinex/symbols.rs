//! How Bitfinex spells what it trades.

use std::collections::BTreeMap;
use std::sync::Arc;

use dccd_record::{Market as MarketKind, Pair};

use crate::bitfinex::EXCHANGE;
use crate::market::catalogue::{Sort, Standing};
use crate::market::{Market, Series};

/// Our name, theirs, and how `pub:map:currency:sym` spells ours.
const NAMES: [(&str, &str, &str); 8] = [
    ("ALGO", "ALG", "ALGO"),
    ("ATOM", "ATO", "ATOM"),
    ("DASH", "DSH", "DASH"),
    ("EURT", "EUT", "EURt"),
    ("IOTA", "IOT", "IOTA"),
    ("QTUM", "QTM", "QTUM"),
    ("USDC", "UDC", "USDc"),
    ("USDT", "UST", "USDt"),
];

/// Pairs by the symbol that paths have, without its leading `t`.
#[derive(Debug)]
pub(crate) struct Symbols {
    pairs: BTreeMap<String, Pair>,
}

impl Symbols {
    pub(crate) fn new(pairs: impl IntoIterator<Item = Pair>) -> Symbols {
        Symbols { pairs: pairs.into_iter().map(|pair| (name(&pair), pair)).collect() }
    }

    /// The truth about a symbol with its prefix; none if there is no such symbol yet.
    pub(crate) fn series(&self, market: &Market, symbol: &str, now: i64) -> Option<Arc<Series>> {
        let pair = self.pairs.get(symbol.strip_prefix('t')?)?;
        market.series(EXCHANGE, pair).filter(|series| series.listing().since <= now)
    }

    /// What can be traded at `now`, in the order of the names: spot, or perpetual contracts.
    pub(crate) fn traded(&self, market: &Market, sort: Sort, now: i64) -> Vec<(&str, Arc<Series>)> {
        let pairs = self.pairs.iter().filter(|(_, pair)| (pair.market() == MarketKind::Spot) == (sort == Sort::Spot));
        let listed = pairs.filter_map(|(name, pair)| Some((name.as_str(), market.series(EXCHANGE, pair)?)));
        listed.filter(|(_, series)| series.listing().standing(now) == Standing::Trading).collect()
    }
}

/// `BTCUSD`, `DOGE:USD` where a part is longer than three letters, `BTCF0:USTF0` of a perpetual contract.
pub(crate) fn name(pair: &Pair) -> String {
    let (base, quote) = (currency(pair.base()), currency(pair.quote()));
    match pair.market() {
        MarketKind::Spot if base.len() <= 3 && quote.len() <= 3 => format!("{base}{quote}"),
        MarketKind::Spot => format!("{base}:{quote}"),
        _ => format!("{base}F0:{quote}F0"),
    }
}

/// Whether a symbol is that of a perpetual contract.
pub(crate) fn is_contract(symbol: &str) -> bool {
    symbol.contains("F0:")
}

/// Their name of an asset.
pub(crate) fn currency(name: &str) -> &str {
    NAMES.iter().find(|(ours, _, _)| *ours == name).map_or(name, |(_, theirs, _)| theirs)
}

/// Their names with what they mean, contracts included.
pub(crate) fn currency_map() -> Vec<[String; 2]> {
    let spot = NAMES.iter().map(|(_, theirs, spelled)| [(*theirs).to_owned(), (*spelled).to_owned()]);
    let contracts = [["BTCF0", "BTC"], ["ETHF0", "ETH"], ["USTF0", "USDt"]];
    spot.chain(contracts.map(|[theirs, ours]| [theirs.to_owned(), ours.to_owned()])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_as_the_exchange_spells_them() {
        let check = |pair: &str, expected: &str| {
            assert_eq!(name(&pair.parse().expect("a pair")), expected);
        };
        check("BTC/USD", "BTCUSD");
        check("BTC/USDT", "BTCUST");
        check("DOGE/USD", "DOGE:USD");
        check("AVAX/USDT", "AVAX:UST");
        check("ATOM/USD", "ATOUSD");
        check("BTC/USDT:perp", "BTCF0:USTF0");
    }
}
