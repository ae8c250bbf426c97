//! What OKX lists: names, contracts, and how their numbers are written.

use std::collections::BTreeMap;

use dccd_record::{Market as MarketKind, Pair};

use crate::clock::DAY;
use crate::decimal::decimal_text;
use crate::market::catalogue::{BASES, Catalogue, Contract, Fate, Group, Listing, Sort, Special, Standing};
use crate::okx::EXCHANGE;

/// What is traded.
pub(crate) const GROUPS: &[Group] = &[
    Group {
        sorts: &[Sort::Spot],
        bases: BASES,
        quotes: &["USDT", "USDC", "EUR", "BTC", "ETH"],
        opened: FIRST_SPOT_DAY * DAY,
        amount_digits: 8,
        digits: 12,
        contract: Contract::Base,
        specials: &[GONE, HALTED],
    },
    Group {
        sorts: &[Sort::Perp],
        bases: BASES,
        quotes: &["USDT", "USDC"],
        opened: FIRST_SWAP_DAY * DAY,
        amount_digits: 4,
        digits: 8,
        contract: Contract::Base,
        specials: &[GONE, HALTED],
    },
    Group {
        sorts: &[Sort::Inverse, Sort::Dated],
        bases: &["BTC"],
        quotes: &["USD"],
        opened: FIRST_INVERSE_DAY * DAY,
        amount_digits: 1,
        digits: 8,
        contract: Contract::Inverse { face: 100 },
        specials: &[],
    },
    Group {
        sorts: &[Sort::Inverse, Sort::Dated],
        bases: &["ETH"],
        quotes: &["USD"],
        opened: FIRST_INVERSE_DAY * DAY,
        amount_digits: 0,
        digits: 8,
        contract: Contract::Inverse { face: 10 },
        specials: &[],
    },
    Group {
        sorts: &[Sort::Dated],
        bases: &["BTC", "ETH"],
        quotes: &["USDT"],
        opened: FIRST_SWAP_DAY * DAY,
        amount_digits: 4,
        digits: 8,
        contract: Contract::Base,
        specials: &[],
    },
];
/// 2018-01-11.
const FIRST_SPOT_DAY: i64 = 17_542;
/// 2019-12-16.
const FIRST_SWAP_DAY: i64 = 18_246;
/// 2018-12-15.
const FIRST_INVERSE_DAY: i64 = 17_880;
/// Taken off on 2022-05-13.
const GONE: Special =
    Special { base: "LUNA", quote: "USDT", first_day: 18_900, last_day: 19_125, fate: Fate::Delisted };
/// Halted on 2022-11-14.
const HALTED: Special = Special { base: "FTT", quote: "USDT", first_day: 18_900, last_day: 19_310, fate: Fate::Halted };
/// An instrument is announced so long before it is traded.
const ANNOUNCED: i64 = 7 * DAY;
/// A contract is worth at most so many of the quote asset.
const CONTRACT_WORTH: i128 = 500;

/// The kinds of instruments that a request chooses from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum InstrumentType {
    Spot,
    Swap,
    Futures,
}

impl InstrumentType {
    /// Its name in requests and answers.
    pub(crate) fn name(self) -> &'static str {
        match self {
            InstrumentType::Spot => "SPOT",
            InstrumentType::Swap => "SWAP",
            InstrumentType::Futures => "FUTURES",
        }
    }

    /// The type of a pair.
    pub(crate) fn of(pair: &Pair) -> InstrumentType {
        match pair.market() {
            MarketKind::Spot => InstrumentType::Spot,
            MarketKind::Perp | MarketKind::Inverse => InstrumentType::Swap,
            MarketKind::Dated(_) | MarketKind::Quarter | MarketKind::NextQuarter => InstrumentType::Futures,
        }
    }
}

/// Where an instrument is in its life; those that have ended are unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Preopen,
    Live,
    Suspend,
}

impl State {
    /// The exchange's word.
    pub(crate) fn name(self) -> &'static str {
        match self {
            State::Preopen => "preopen",
            State::Live => "live",
            State::Suspend => "suspend",
        }
    }

    /// Where an instrument is at `now`.
    pub(crate) fn of(listing: &Listing, now: i64) -> Option<State> {
        match listing.standing(now) {
            Standing::Unlisted if now >= listing.since - ANNOUNCED => Some(State::Preopen),
            Standing::Unlisted | Standing::Delisted => None,
            Standing::Trading => Some(State::Live),
            Standing::Halted => Some(State::Suspend),
        }
    }
}

/// Every name there was, is or will be.
#[derive(Debug)]
pub(crate) struct Names(BTreeMap<String, Pair>);

impl Names {
    pub(crate) fn new(catalogue: &Catalogue) -> Names {
        let sorts = [Sort::Spot, Sort::Perp, Sort::Inverse, Sort::Dated];
        let pairs = sorts.into_iter().flat_map(|sort| catalogue.pairs(EXCHANGE, sort));
        Names(pairs.map(|pair| (name(&pair), pair)).collect())
    }

    /// The pair that a name stands for.
    pub(crate) fn pair(&self, name: &str) -> Option<&Pair> {
        self.0.get(name)
    }

    /// All names, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Pair)> {
        self.0.iter().map(|(name, pair)| (name.as_str(), pair))
    }
}

/// How the exchange spells a pair.
pub(crate) fn name(pair: &Pair) -> String {
    let family = family(pair);
    match pair.market() {
        MarketKind::Perp | MarketKind::Inverse => format!("{family}-SWAP"),
        MarketKind::Dated(date) => format!("{family}-{date:06}"),
        _ => family,
    }
}

/// What contracts of all dates share.
pub(crate) fn family(pair: &Pair) -> String {
    format!("{}-{}", pair.base(), pair.quote())
}

/// How the numbers of one instrument are written: without zeros at the end.
///
/// Sizes of derivatives are contracts. One is worth a power of ten of the base asset, or so many US dollars.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Digits {
    is_spot: bool,
    price_scale: u32,
    amount_scale: u32,
    value_scale: u32,
    contract: Contract,
    /// A contract is 10^this of the base asset.
    exponent: i32,
}

impl Digits {
    pub(crate) fn of(listing: &Listing) -> Digits {
        let is_spot = listing.pair.market() == MarketKind::Spot;
        Digits {
            is_spot,
            price_scale: listing.price_scale,
            amount_scale: listing.amount_scale,
            value_scale: listing.value_scale(),
            contract: listing.contract,
            exponent: if is_spot || listing.contract != Contract::Base { 0 } else { exponent(listing) },
        }
    }

    /// Whether sizes are the asset itself, not contracts.
    pub(crate) fn is_spot(self) -> bool {
        self.is_spot
    }

    pub(crate) fn price(self, ticks: i64) -> String {
        short(i128::from(ticks), self.price_scale)
    }

    /// A size as the exchange gives it: base asset of spot, contracts of all else.
    pub(crate) fn size(self, amount: impl Into<i128>) -> String {
        self.contracts(amount.into(), self.amount_scale)
    }

    /// `mantissa` / 10^`scale` of the base asset, or contracts if they are inverse, as contracts.
    pub(crate) fn contracts(self, mantissa: i128, scale: u32) -> String {
        let scale = i64::from(scale) + i64::from(self.exponent);
        match u32::try_from(scale) {
            Ok(scale) => short(mantissa, scale),
            Err(_) => (mantissa * 10_i128.pow(self.exponent.unsigned_abs())).to_string(),
        }
    }

    /// A size as a store should hold it: base asset, or US dollars of inverse contracts.
    pub(crate) fn amount(self, amount: impl Into<i128>) -> String {
        short(amount.into() * self.face(), self.amount_scale)
    }

    /// Volumes of a candle: as it counts sizes, base, quote.
    pub(crate) fn volumes(self, volume: i128, value: i128) -> [String; 3] {
        let own = self.size(volume);
        match self.contract {
            Contract::Base => [own, self.amount(volume), short(value, self.value_scale)],
            Contract::Inverse { .. } => [own, short(value, self.value_scale), self.amount(volume)],
        }
    }

    /// What one contract is worth, and in what it is said: nothing of spot.
    pub(crate) fn contract_value(self) -> String {
        match self.contract {
            Contract::Inverse { face } => face.to_string(),
            Contract::Base if self.is_spot => String::new(),
            Contract::Base => match u32::try_from(self.exponent) {
                Ok(exponent) => 10_i128.pow(exponent).to_string(),
                Err(_) => short(1, self.exponent.unsigned_abs()),
            },
        }
    }

    /// US dollars of one contract; 1 unless it is inverse.
    pub(crate) fn face(self) -> i128 {
        match self.contract {
            Contract::Inverse { face } => i128::from(face),
            Contract::Base => 1,
        }
    }

    /// The smallest steps of price and size.
    pub(crate) fn steps(self) -> (String, String) {
        (decimal_text(1, self.price_scale, self.price_scale), self.size(1))
    }
}

/// `mantissa` / 10^`scale` without zeros at the end.
pub(crate) fn short(mantissa: i128, scale: u32) -> String {
    cut_short(mantissa, scale, scale)
}

/// The same with at most so many digits, the others cut off.
pub(crate) fn cut_short(mantissa: i128, scale: u32, digits: u32) -> String {
    let text = decimal_text(mantissa, scale, digits);
    if digits == 0 { text } else { text.trim_end_matches('0').trim_end_matches('.').to_owned() }
}

/// The largest contract that is not worth too much.
fn exponent(listing: &Listing) -> i32 {
    let (ticks, worth) = (i128::from(listing.ticks), CONTRACT_WORTH * 10_i128.pow(listing.price_scale));
    let is_small = |exponent: &i32| match u32::try_from(*exponent) {
        Ok(up) => ticks * 10_i128.pow(up) <= worth,
        Err(_) => ticks <= worth * 10_i128.pow(exponent.unsigned_abs()),
    };
    (-6..=9).rev().find(is_small).unwrap_or(-6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_spelled_as_the_exchange_does() {
        let check = |pair: &str, expected: &str| assert_eq!(name(&Pair::from_user(pair).expect("a pair")), expected);
        check("BTC/USDT", "BTC-USDT");
        check("BTC/USDT:perp", "BTC-USDT-SWAP");
        check("BTC/USD:inverse", "BTC-USD-SWAP");
        check("BTC/USD:250328", "BTC-USD-250328");
    }
}
