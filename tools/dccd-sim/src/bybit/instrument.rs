//! What Bybit lists: categories, symbols, and where each is in its life.

use std::collections::BTreeMap;

use dccd_record::{Market as MarketKind, Pair};

use crate::bybit::EXCHANGE;
use crate::clock::{DAY, HOUR};
use crate::decimal::decimal_text;
use crate::market::catalogue::{BASES, Catalogue, Contract, Fate, Group, Listing, Sort, Special};

/// What is traded.
pub(crate) const GROUPS: &[Group] = &[
    Group {
        sorts: &[Sort::Spot],
        bases: BASES,
        quotes: &["USDT", "USDC", "EUR", "BTC", "ETH"],
        opened: FIRST_SPOT_DAY * DAY,
        amount_digits: 6,
        digits: 8,
        contract: Contract::Base,
        specials: &[GONE],
    },
    Group {
        sorts: &[Sort::Perp],
        bases: BASES,
        quotes: &["USDT", "USDC"],
        opened: FIRST_PERP_DAY * DAY,
        amount_digits: 3,
        digits: 8,
        contract: Contract::Base,
        specials: &[GONE],
    },
    Group {
        sorts: &[Sort::Inverse],
        bases: &["BTC", "ETH", "XRP"],
        quotes: &["USD"],
        opened: FIRST_INVERSE_DAY * DAY,
        amount_digits: 0,
        digits: 8,
        contract: Contract::Inverse { face: 1 },
        specials: &[],
    },
    Group {
        sorts: &[Sort::Dated],
        bases: &["BTC", "ETH"],
        quotes: &["USD"],
        opened: FIRST_DATED_DAY * DAY,
        amount_digits: 0,
        digits: 8,
        contract: Contract::Inverse { face: 1 },
        specials: &[],
    },
    Group {
        sorts: &[Sort::Dated],
        bases: &["BTC", "ETH"],
        quotes: &["USDC", "USDT"],
        opened: FIRST_DATED_DAY * DAY,
        amount_digits: 3,
        digits: 8,
        contract: Contract::Base,
        specials: &[],
    },
];
/// 2021-07-05.
const FIRST_SPOT_DAY: i64 = 18_813;
/// 2020-03-25.
const FIRST_PERP_DAY: i64 = 18_346;
/// 2018-12-15.
const FIRST_INVERSE_DAY: i64 = 17_880;
/// 2021-01-01.
const FIRST_DATED_DAY: i64 = 18_628;
/// Taken off on 2022-05-13.
const GONE: Special =
    Special { base: "LUNA", quote: "USDT", first_day: 18_900, last_day: 19_125, fate: Fate::Delisted };
/// A contract is announced so long before it is traded.
const ANNOUNCED: i64 = 7 * DAY;
/// A contract that has ended is settled within this time.
const DELIVERY: i64 = HOUR;

/// The three groups of markets that a request chooses from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Category {
    /// The assets themselves.
    Spot,
    /// Contracts in their base, paid in USDT or USDC.
    Linear,
    /// Contracts of one US dollar each, paid in their base.
    Inverse,
}

impl Category {
    /// Its name in requests and answers.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Category::Spot => "spot",
            Category::Linear => "linear",
            Category::Inverse => "inverse",
        }
    }

    /// The category of a name.
    pub(crate) fn from_name(name: &str) -> Option<Category> {
        [Category::Spot, Category::Linear, Category::Inverse].into_iter().find(|category| category.name() == name)
    }

    /// Where a pair is found.
    pub(crate) fn of(pair: &Pair) -> Category {
        match pair.market() {
            MarketKind::Spot => Category::Spot,
            MarketKind::Inverse => Category::Inverse,
            MarketKind::Dated(_) if pair.quote() == "USD" => Category::Inverse,
            _ => Category::Linear,
        }
    }
}

/// Where an instrument is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Announced, not traded yet.
    PreLaunch,
    /// Traded.
    Trading,
    /// Ended, not yet settled.
    Delivering,
    /// Gone.
    Closed,
}

impl Phase {
    /// The exchange's word.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Phase::PreLaunch => "PreLaunch",
            Phase::Trading => "Trading",
            Phase::Delivering => "Delivering",
            Phase::Closed => "Closed",
        }
    }

    /// Where an instrument is; none: nobody has heard of it, or it was taken off without a trace, as on spot.
    pub(crate) fn of(listing: &Listing, now: i64) -> Option<Phase> {
        let is_contract = listing.pair.market() != MarketKind::Spot;
        if (listing.since..listing.until).contains(&now) {
            return Some(Phase::Trading);
        }
        let phase = match now {
            now if now < listing.since - ANNOUNCED => return None,
            now if now < listing.since => Phase::PreLaunch,
            now if now - listing.until < DELIVERY => Phase::Delivering,
            _ => Phase::Closed,
        };
        is_contract.then_some(phase)
    }
}

/// Every symbol there was, is or will be.
#[derive(Debug)]
pub(crate) struct Symbols(BTreeMap<(Category, String), Pair>);

impl Symbols {
    pub(crate) fn new(catalogue: &Catalogue) -> Symbols {
        let sorts = [Sort::Spot, Sort::Perp, Sort::Inverse, Sort::Dated];
        let pairs = sorts.into_iter().flat_map(|sort| catalogue.pairs(EXCHANGE, sort));
        Symbols(pairs.map(|pair| ((Category::of(&pair), symbol(&pair)), pair)).collect())
    }

    /// The pair that a symbol stands for.
    pub(crate) fn pair(&self, category: Category, symbol: &str) -> Option<&Pair> {
        self.0.get(&(category, symbol.to_owned()))
    }

    /// The symbols of a category, in order.
    pub(crate) fn of(&self, category: Category) -> impl Iterator<Item = (&str, &Pair)> {
        let of_category = self.0.iter().filter(move |((own, _), _)| *own == category);
        of_category.map(|((_, symbol), pair)| (symbol.as_str(), pair))
    }
}

/// How the exchange spells a pair.
pub(crate) fn symbol(pair: &Pair) -> String {
    let (base, quote) = (pair.base(), pair.quote());
    match pair.market() {
        MarketKind::Perp if quote == "USDC" => format!("{base}PERP"),
        MarketKind::Dated(date) => {
            let (year, month, day) = (date / 10_000, date / 100 % 100, date % 100);
            match quote {
                "USD" => format!("{base}USD{}{year:02}", quarter_letter(month)),
                "USDC" => format!("{base}-{day:02}{}{year:02}", month_name(month)),
                _ => format!("{base}{quote}-{day:02}{}{year:02}", month_name(month)),
            }
        }
        _ => format!("{base}{quote}"),
    }
}

/// How the numbers of one instrument are written: without zeros at the end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Digits {
    price_scale: u32,
    amount_scale: u32,
    value_scale: u32,
}

impl Digits {
    pub(crate) fn of(listing: &Listing) -> Digits {
        let (price_scale, amount_scale) = (listing.price_scale, listing.amount_scale);
        Digits { price_scale, amount_scale, value_scale: listing.value_scale() }
    }

    pub(crate) fn price(self, ticks: i64) -> String {
        short(i128::from(ticks), self.price_scale)
    }

    /// The price with all digits that it may have, as files have it.
    pub(crate) fn long_price(self, ticks: i64) -> String {
        decimal_text(i128::from(ticks), self.price_scale, self.price_scale)
    }

    /// A size or volume: base asset, or US dollars of inverse contracts.
    pub(crate) fn amount(self, amount: impl Into<i128>) -> String {
        short(amount.into(), self.amount_scale)
    }

    /// What is given for it: quote asset, or base asset of inverse contracts.
    pub(crate) fn value(self, value: i128) -> String {
        short(value, self.value_scale)
    }

    /// A value as a sum of 1/10^this.
    pub(crate) fn value_scale(self) -> u32 {
        self.value_scale
    }
}

/// `mantissa` / 10^`scale` without zeros at the end.
pub(crate) fn short(mantissa: i128, scale: u32) -> String {
    let text = decimal_text(mantissa, scale, scale);
    if scale == 0 { text } else { text.trim_end_matches('0').trim_end_matches('.').to_owned() }
}

fn quarter_letter(month: u32) -> char {
    match month {
        1..=3 => 'H',
        4..=6 => 'M',
        7..=9 => 'U',
        _ => 'Z',
    }
}

fn month_name(month: u32) -> &'static str {
    const NAMES: [&str; 12] = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
    usize::try_from(month).ok().and_then(|month| NAMES.get(month.checked_sub(1)?)).copied().unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_are_spelled_as_the_exchange_does() {
        let check = |pair: &str, category: Category, expected: &str| {
            let pair = Pair::from_user(pair).expect("a pair");
            assert_eq!((Category::of(&pair), symbol(&pair).as_str()), (category, expected));
        };
        check("BTC/USDT", Category::Spot, "BTCUSDT");
        check("BTC/USDT:perp", Category::Linear, "BTCUSDT");
        check("BTC/USDC:perp", Category::Linear, "BTCPERP");
        check("BTC/USD:inverse", Category::Inverse, "BTCUSD");
        check("BTC/USD:250926", Category::Inverse, "BTCUSDU25");
        check("BTC/USDC:250926", Category::Linear, "BTC-26SEP25");
        check("BTC/USDT:250926", Category::Linear, "BTCUSDT-26SEP25");
    }
}
