//! What is traded: names, price levels, digits and listing dates.

use std::collections::BTreeSet;

use dccd_record::{Market as MarketKind, Pair};

use crate::clock::{DAY, HOUR};
use crate::hash::{mix_text, pick};

/// Assets and a price in 1/10^6 US dollars around which theirs moves.
const ASSETS: [(&str, i64); 24] = [
    ("BTC", 42_000_000_000),
    ("ETH", 2_300_000_000),
    ("BNB", 310_000_000),
    ("SOL", 100_000_000),
    ("XRP", 600_000),
    ("ADA", 500_000),
    ("DOGE", 90_000),
    ("LTC", 75_000_000),
    ("DOT", 7_500_000),
    ("LINK", 15_000_000),
    ("AVAX", 36_000_000),
    ("TRX", 105_000),
    ("BCH", 240_000_000),
    ("ATOM", 10_500_000),
    ("NEAR", 3_400_000),
    ("UNI", 7_200_000),
    ("RUNE", 5_100_000),
    ("NKN", 120_000),
    ("SUSHI", 1_200_000),
    ("SHIB", 10),
    ("USDC", 1_000_000),
    ("EUR", 1_080_000),
    ("XLM", 120_000),
    ("ETC", 21_000_000),
];
const QUOTES: [(&str, i64); 6] = [
    ("USDT", 1_000_000),
    ("USDC", 1_000_000),
    ("EUR", 1_080_000),
    ("BTC", 42_000_000_000),
    ("ETH", 2_300_000_000),
    ("BNB", 310_000_000),
];
const DOLLAR: i64 = 1_000_000;
/// A price level has at least this many ticks.
const TICKS_MIN: i128 = 10_000;
/// And at most so many, so that sums of a minute's trades fit.
const TICKS_MAX: i64 = 1_000_000_000;
/// Price and amount digits together, so that price times amount is written without rounding.
const DIGITS_MAX: u32 = 8;
/// 2017-08-17, when Binance opened.
const FIRST_SPOT_DAY: i64 = 17_395;
/// 2019-09-08, when its first perpetual did.
const FIRST_PERP_DAY: i64 = 18_147;

/// How one pair is written and since when it is traded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listing {
    /// What is traded.
    pub(crate) pair: Pair,
    /// The instant of the first possible trade, at a whole hour.
    pub(crate) since: i64,
    /// The middle of the price's path, in ticks.
    pub(crate) ticks: i64,
    /// A tick is 1/10^this.
    pub(crate) price_scale: u32,
    /// The smallest amount is 1/10^this.
    pub(crate) amount_scale: u32,
    /// A small order, in smallest amounts.
    pub(crate) lot: i64,
}

/// Every pair of every exchange.
#[derive(Debug)]
pub(crate) struct Catalogue {
    added: BTreeSet<Pair>,
}

impl Catalogue {
    /// The built-in pairs and some more.
    pub(crate) fn new(added: impl IntoIterator<Item = Pair>) -> Catalogue {
        Catalogue { added: added.into_iter().collect() }
    }

    /// Every pair of one kind of market, in a fixed order.
    pub(crate) fn pairs(&self, kind: MarketKind) -> Vec<Pair> {
        let built_in = QUOTES.into_iter().flat_map(|(quote, _)| ASSETS.into_iter().map(move |(base, _)| (base, quote)));
        let mut pairs: Vec<Pair> = built_in
            .filter(|(base, quote)| is_built_in(base, quote, kind))
            .filter_map(|(base, quote)| Pair::new(base, quote, kind).ok())
            .collect();
        pairs.extend(self.added.iter().filter(|pair| pair.market() == kind).cloned());
        pairs
    }

    /// How `pair` is traded, if it is.
    pub(crate) fn listing(&self, pair: &Pair) -> Option<Listing> {
        if !self.added.contains(pair) && !is_built_in(pair.base(), pair.quote(), pair.market()) {
            return None;
        }
        let level = i128::from(dollars(pair.base())) * i128::from(DOLLAR) / i128::from(dollars(pair.quote()));
        let ticks_at = |scale: u32| level * 10_i128.pow(scale) / i128::from(DOLLAR);
        let price_scale = (2..DIGITS_MAX).find(|scale| ticks_at(*scale) >= TICKS_MIN).unwrap_or(DIGITS_MAX);
        let ticks = i64::try_from(ticks_at(price_scale)).unwrap_or(TICKS_MAX).clamp(100, TICKS_MAX);
        let widest = if pair.market() == MarketKind::Spot { 5 } else { 3 };
        let amount_scale = widest.min(DIGITS_MAX - price_scale);
        let five_dollars = 5 * DOLLAR * 10_i64.pow(amount_scale) / dollars(pair.base());
        Some(Listing {
            pair: pair.clone(),
            since: since(pair),
            ticks,
            price_scale,
            amount_scale,
            lot: five_dollars.max(3),
        })
    }
}

fn is_built_in(base: &str, quote: &str, kind: MarketKind) -> bool {
    let is_quote = match kind {
        MarketKind::Spot => QUOTES.iter().any(|(name, _)| *name == quote),
        MarketKind::Perp | MarketKind::Quarter | MarketKind::NextQuarter => matches!(quote, "USDT" | "USDC"),
        MarketKind::Inverse | MarketKind::Dated(_) => false,
    };
    // A pair exists in one direction only: `BTC/USDT` and `ETH/BTC`, not the other way round.
    let rank = |asset: &str| QUOTES.iter().position(|(name, _)| *name == asset);
    let is_way_round = rank(base).is_none_or(|base_rank| rank(quote).is_some_and(|rank| rank < base_rank));
    is_quote && base != quote && is_way_round && ASSETS.iter().any(|(name, _)| *name == base)
}

fn dollars(asset: &str) -> i64 {
    let known = ASSETS.iter().chain(&QUOTES).find(|(name, _)| *name == asset);
    known.map_or(DOLLAR, |(_, dollars)| *dollars)
}

fn since(pair: &Pair) -> i64 {
    let is_spot = pair.market() == MarketKind::Spot;
    let first = if is_spot { FIRST_SPOT_DAY * DAY + 4 * HOUR } else { FIRST_PERP_DAY * DAY + 18 * HOUR };
    let is_oldest = pair.quote() == "USDT" && (pair.base() == "BTC" || (is_spot && pair.base() == "ETH"));
    if is_oldest { first } else { first + DAY * (30 + pick(mix_text(0, &pair.path_name()), 700)) }
}
