//! What is traded: names, price levels, digits, and from when to when.

use std::collections::BTreeSet;

use dccd_record::{Day, Market as MarketKind, Pair};

use crate::clock::{DAY, HOUR};
use crate::exchange::EXCHANGES;
use crate::hash::{mix_text, pick};

/// Assets and a price in 1/10^6 US dollars around which theirs moves.
const ASSETS: [(&str, i64); 30] = [
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
    ("USD", 1_000_000),
    ("USDT", 1_000_000),
    ("GBP", 1_270_000),
    ("MATIC", 800_000),
    ("POL", 800_000),
    ("XMR", 160_000_000),
];
/// What most exchanges trade.
pub(crate) const BASES: &[&str] = &[
    "BTC", "ETH", "BNB", "SOL", "XRP", "ADA", "DOGE", "LTC", "DOT", "LINK", "AVAX", "TRX", "BCH", "ATOM", "NEAR",
    "UNI", "RUNE", "NKN", "SUSHI", "SHIB", "USDC", "EUR", "XLM", "ETC",
];
const DOLLAR: i64 = 1_000_000;
/// A price level has at least this many ticks.
const TICKS_MIN: i128 = 10_000;
/// And at most so many, so that sums of a minute's trades fit.
const TICKS_MAX: i64 = 1_000_000_000;
/// Digits of a price at most.
const PRICE_DIGITS_MAX: u32 = 8;
/// What inverse contracts are worth is counted in 1/10^this of the base asset.
const INVERSE_SCALE: u32 = 8;
/// Dated contracts are listed up to here.
const LAST_EXPIRY_YEAR: i64 = 2030;

/// One kind of market of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Group {
    /// Which kinds of contract these are.
    pub(crate) sorts: &'static [Sort],
    /// What is traded.
    pub(crate) bases: &'static [&'static str],
    /// What for; a pair of two of these has the one that comes later as its base.
    pub(crate) quotes: &'static [&'static str],
    /// The instant of the first trade of the oldest pairs, at a whole hour.
    pub(crate) opened: i64,
    /// Amounts have at most so many digits after the point.
    pub(crate) amount_digits: u32,
    /// Price and amount digits together, so that price times amount is written without rounding.
    pub(crate) digits: u32,
    /// What an amount counts.
    pub(crate) contract: Contract,
    /// Pairs that came late or are gone.
    pub(crate) specials: &'static [Special],
}

/// A kind of contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sort {
    Spot,
    Perp,
    Inverse,
    /// Contracts that expire on the last Friday of a quarter at 08:00, listed two quarters before.
    Dated,
    Quarter,
    NextQuarter,
}

/// What an amount counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Contract {
    /// The base asset.
    Base,
    /// Contracts of so many of the quote asset.
    Inverse {
        /// So many.
        face: i64,
    },
}

/// A pair with a story of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Special {
    pub(crate) base: &'static str,
    pub(crate) quote: &'static str,
    /// The day of its first trade, counted since 1970; 0: as any other.
    pub(crate) first_day: i64,
    /// The day on which it was no longer traded; 0: it still is.
    pub(crate) last_day: i64,
    /// What became of it.
    pub(crate) fate: Fate,
}

/// What became of a pair whose trading has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It expired or was taken off.
    Delisted,
    /// Trading is halted, but it is still listed.
    Halted,
}

/// How a pair stands at some instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Nobody knows it yet.
    Unlisted,
    Trading,
    Halted,
    Delisted,
}

/// How one pair is written, and from when to when it is traded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listing {
    /// What is traded.
    pub(crate) pair: Pair,
    /// The instant of the first possible trade, at a whole hour.
    pub(crate) since: i64,
    /// The first instant without trades, at a whole hour; the end of time if there is none.
    pub(crate) until: i64,
    /// What comes then.
    pub(crate) fate: Fate,
    /// The middle of the price's path, in ticks.
    pub(crate) ticks: i64,
    /// A tick is 1/10^this.
    pub(crate) price_scale: u32,
    /// The smallest amount is 1/10^this.
    pub(crate) amount_scale: u32,
    /// A small order, in smallest amounts.
    pub(crate) lot: i64,
    /// What an amount counts.
    pub(crate) contract: Contract,
}

impl Listing {
    /// How the pair stands at `instant`.
    pub(crate) fn standing(&self, instant: i64) -> Standing {
        match self.fate {
            _ if instant < self.since => Standing::Unlisted,
            _ if instant < self.until => Standing::Trading,
            Fate::Delisted => Standing::Delisted,
            Fate::Halted => Standing::Halted,
        }
    }

    /// What changes hands against `amount` at a price of `ticks`: quote asset, or base asset against inverse contracts.
    pub(crate) fn value(&self, ticks: i64, amount: i64) -> i128 {
        let (ticks, amount) = (i128::from(ticks), i128::from(amount));
        match self.contract {
            Contract::Base => ticks * amount,
            Contract::Inverse { face } => {
                let scale = 10_i128.pow(self.price_scale + INVERSE_SCALE - self.amount_scale.min(INVERSE_SCALE));
                amount * i128::from(face) * scale / ticks.max(1)
            }
        }
    }

    /// A value is 1/10^this.
    pub(crate) fn value_scale(&self) -> u32 {
        match self.contract {
            Contract::Base => self.price_scale + self.amount_scale,
            Contract::Inverse { .. } => INVERSE_SCALE,
        }
    }
}

/// Every pair of every exchange.
#[derive(Debug)]
pub(crate) struct Catalogue {
    added: BTreeSet<Pair>,
}

impl Catalogue {
    /// The built-in pairs, and some more on every exchange that has their kind of market.
    pub(crate) fn new(added: impl IntoIterator<Item = Pair>) -> Catalogue {
        Catalogue { added: added.into_iter().collect() }
    }

    /// Every pair of one sort that an exchange ever traded or will trade, in a fixed order.
    pub(crate) fn pairs(&self, exchange: &str, sort: Sort) -> Vec<Pair> {
        let mut pairs: Vec<Pair> = Vec::new();
        for group in groups(exchange).iter().filter(|group| group.sorts.contains(&sort)) {
            for kind in kinds(group, sort) {
                let names = group.names().filter(|(base, quote)| group.trades(base, quote));
                pairs.extend(names.filter_map(|(base, quote)| Pair::new(base, quote, kind).ok()));
            }
        }
        let is_added = |pair: &&Pair| sort_of(pair.market()) == sort && !pairs.contains(pair);
        let added: Vec<Pair> =
            self.added.iter().filter(is_added).filter(|pair| self.group(exchange, pair).is_some()).cloned().collect();
        pairs.extend(added);
        pairs
    }

    /// How `pair` is traded on an exchange, if it ever was or will be.
    pub(crate) fn listing(&self, exchange: &str, pair: &Pair) -> Option<Listing> {
        let group = self.group(exchange, pair)?;
        let special = group.special(pair.base(), pair.quote());
        let level = i128::from(dollars(pair.base())) * i128::from(DOLLAR) / i128::from(dollars(pair.quote()));
        let ticks_at = |scale: u32| level * 10_i128.pow(scale) / i128::from(DOLLAR);
        let price_scale = (2..PRICE_DIGITS_MAX).find(|scale| ticks_at(*scale) >= TICKS_MIN).unwrap_or(PRICE_DIGITS_MAX);
        let ticks = i64::try_from(ticks_at(price_scale)).unwrap_or(TICKS_MAX).clamp(100, TICKS_MAX);
        let amount_scale = group.amount_digits.min(group.digits.saturating_sub(price_scale));
        let dollars_each = match group.contract {
            Contract::Base => dollars(pair.base()),
            Contract::Inverse { face } => face * DOLLAR,
        };
        let five_dollars = 5 * DOLLAR * 10_i64.pow(amount_scale) / dollars_each;
        let (since, until) = group.times(exchange, pair, special)?;
        Some(Listing {
            pair: pair.clone(),
            since,
            until,
            fate: special.map_or(Fate::Delisted, |special| special.fate),
            ticks,
            price_scale,
            amount_scale,
            lot: five_dollars.max(3),
            contract: group.contract,
        })
    }

    fn group(&self, exchange: &str, pair: &Pair) -> Option<&'static Group> {
        let sort = sort_of(pair.market());
        let mut of_sort = groups(exchange).iter().filter(|group| group.sorts.contains(&sort));
        let built_in = of_sort.clone().find(|group| group.trades(pair.base(), pair.quote()));
        let of_quote = of_sort.clone().find(|group| group.quotes.contains(&pair.quote()));
        let added = || if self.added.contains(pair) { of_quote.or_else(|| of_sort.next()) } else { None };
        built_in.or_else(added)
    }
}

impl Group {
    /// Every base with every quote, and the specials.
    fn names(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let (bases, quotes) = (self.bases, self.quotes);
        let regular = quotes.iter().flat_map(move |quote| bases.iter().map(move |base| (*base, *quote)));
        let specials = self.specials.iter().map(|special| (special.base, special.quote));
        regular.chain(specials.filter(move |(base, quote)| !(bases.contains(base) && quotes.contains(quote))))
    }

    fn trades(&self, base: &str, quote: &str) -> bool {
        // A pair exists in one direction only: `BTC/USDT` and `ETH/BTC`, not the other way round.
        let rank = |asset: &str| self.quotes.iter().position(|name| *name == asset);
        let is_way_round = rank(base).is_none_or(|base_rank| rank(quote).is_some_and(|rank| rank < base_rank));
        let is_regular = rank(quote).is_some() && base != quote && is_way_round && self.bases.contains(&base);
        is_regular || self.special(base, quote).is_some()
    }

    fn special(&self, base: &str, quote: &str) -> Option<&'static Special> {
        self.specials.iter().find(|special| special.base == base && special.quote == quote)
    }

    /// From when to when a pair is traded; none if there is no such contract.
    fn times(&self, exchange: &str, pair: &Pair, special: Option<&Special>) -> Option<(i64, i64)> {
        if let MarketKind::Dated(date) = pair.market() {
            return expiry_times(date, self.opened);
        }
        let is_spot = pair.market() == MarketKind::Spot;
        let is_oldest =
            self.quotes.first() == Some(&pair.quote()) && (pair.base() == "BTC" || (is_spot && pair.base() == "ETH"));
        // The name of the exchange is left out for the one that was here first, so that its listings stay.
        let name = if exchange == EXCHANGES.first().map_or("", |entry| entry.name) {
            String::new()
        } else {
            exchange.to_owned()
        };
        let later = DAY * (30 + pick(mix_text(0, &(name + &pair.path_name())), 700));
        let usual = if is_oldest { self.opened } else { self.opened + later };
        let since = special.map(|special| special.first_day * DAY).filter(|since| *since > 0).unwrap_or(usual);
        let until = special.map(|special| special.last_day * DAY).filter(|until| *until > 0).unwrap_or(i64::MAX);
        Some((since, until))
    }
}

fn groups(exchange: &str) -> &'static [Group] {
    EXCHANGES.iter().find(|entry| entry.name == exchange).map_or(&[], |entry| entry.groups)
}

fn sort_of(kind: MarketKind) -> Sort {
    match kind {
        MarketKind::Spot => Sort::Spot,
        MarketKind::Perp => Sort::Perp,
        MarketKind::Inverse => Sort::Inverse,
        MarketKind::Dated(_) => Sort::Dated,
        MarketKind::Quarter => Sort::Quarter,
        MarketKind::NextQuarter => Sort::NextQuarter,
    }
}

fn kinds(group: &Group, sort: Sort) -> Vec<MarketKind> {
    match sort {
        Sort::Spot => vec![MarketKind::Spot],
        Sort::Perp => vec![MarketKind::Perp],
        Sort::Inverse => vec![MarketKind::Inverse],
        Sort::Quarter => vec![MarketKind::Quarter],
        Sort::NextQuarter => vec![MarketKind::NextQuarter],
        Sort::Dated => {
            let first_year = Day::from_number(group.opened.div_euclid(DAY)).year;
            let quarters = (first_year..=LAST_EXPIRY_YEAR).flat_map(|year| [3, 6, 9, 12].map(|month| (year, month)));
            let days = quarters.filter_map(|(year, month)| last_friday(year, month));
            days.filter(|day| expiry(*day) > group.opened).map(date_of).map(MarketKind::Dated).collect()
        }
    }
}

/// From when to when the contract that expires on a date is traded; none if nothing expires on it.
fn expiry_times(date: u32, opened: i64) -> Option<(i64, i64)> {
    let day =
        Day { year: 2000 + i64::from(date / 10_000), month: i64::from(date / 100 % 100), day: i64::from(date % 100) };
    let number = day.number()?;
    if day.month % 3 != 0 || last_friday(day.year, day.month) != Some(number) {
        return None;
    }
    let (year, month) = if day.month > 6 { (day.year, day.month - 6) } else { (day.year - 1, day.month + 6) };
    let (since, until) = (expiry(last_friday(year, month)?), expiry(number));
    (until > opened).then_some((since.max(opened), until))
}

/// When the contracts of a day expire.
fn expiry(day: i64) -> i64 {
    day * DAY + 8 * HOUR
}

/// The number of the last Friday of a month.
fn last_friday(year: i64, month: i64) -> Option<i64> {
    let (next_year, next_month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    let last = Day { year: next_year, month: next_month, day: 1 }.number()? - 1;
    // Day 0, 1970-01-01, was a Thursday.
    Some(last - (last - 1).rem_euclid(7))
}

/// `YYMMDD`.
fn date_of(number: i64) -> u32 {
    let day = Day::from_number(number);
    u32::try_from(day.year.rem_euclid(100) * 10_000 + day.month * 100 + day.day).unwrap_or(0)
}

fn dollars(asset: &str) -> i64 {
    ASSETS.iter().find(|(name, _)| *name == asset).map_or(DOLLAR, |(_, dollars)| *dollars)
}
