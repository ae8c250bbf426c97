//! Our names for what is traded.

use std::fmt;
use std::str::FromStr;

use crate::excerpt::excerpt;

/// Longest base or quote name in bytes.
const NAME_BYTES_MAX: usize = 32;

/// What kind of contract a pair is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Market {
    /// The assets themselves.
    Spot,
    /// A perpetual contract; where an exchange has both kinds, the linear one.
    Perp,
    /// An inverse perpetual contract.
    Inverse,
    /// A contract that expires on the day written `YYMMDD`.
    Dated(u32),
    /// Whatever contract expires at the end of the current quarter (candles only).
    Quarter,
    /// Whatever contract expires at the end of the next quarter (candles only).
    NextQuarter,
}

/// `BASE/QUOTE` in upper case, with `:perp` or another suffix for derivatives.
///
/// Every value is safe as a part of a path: letters, digits and inner dots only.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pair {
    base: String,
    quote: String,
    market: Market,
}

impl Pair {
    /// A pair of two names.
    pub fn new(base: &str, quote: &str, market: Market) -> Result<Pair, PairError> {
        for name in [base, quote] {
            check_name(name)?;
        }
        if let Market::Dated(date) = market
            && !is_date(date)
        {
            return Err(PairError::Market(format!("{date:06}")));
        }
        Ok(Pair { base: base.to_owned(), quote: quote.to_owned(), market })
    }

    /// What a person typed: any case, `/` or `-` between the names, `XBT` for `BTC`.
    pub fn from_user(text: &str) -> Result<Pair, PairError> {
        let (names, suffix) = text.split_once(':').unwrap_or((text, ""));
        let (base, quote) = names.split_once(['/', '-']).ok_or_else(|| PairError::Malformed(excerpt(text)))?;
        Pair::new(&our_name(base), &our_name(quote), market_from_suffix(&suffix.to_lowercase())?)
    }

    /// The folder name of the pair, as [`Pair::path_name`] gives it.
    pub fn from_path_name(text: &str) -> Result<Pair, PairError> {
        let malformed = || PairError::Malformed(excerpt(text));
        let (names, suffix) = match text.split_once('_') {
            Some((_, "")) => return Err(malformed()),
            Some(parts) => parts,
            None => (text, ""),
        };
        let (base, quote) = names.split_once('-').ok_or_else(malformed)?;
        if suffix.bytes().any(|byte| byte.is_ascii_lowercase()) {
            return Err(malformed());
        }
        Pair::new(base, quote, market_from_suffix(&suffix.to_lowercase())?)
    }

    /// The asset that is bought and sold.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// The asset that prices are in.
    pub fn quote(&self) -> &str {
        &self.quote
    }

    /// The kind of contract.
    pub fn market(&self) -> Market {
        self.market
    }

    /// The name in paths and ids: `BTC-USDT`, `BTC-USDT_PERP`, `BTC-USD_250328`.
    pub fn path_name(&self) -> String {
        let suffix = market_suffix(self.market);
        let separator = if suffix.is_empty() { "" } else { "_" };
        format!("{}-{}{separator}{}", self.base, self.quote, suffix.to_uppercase())
    }
}

impl fmt::Display for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let suffix = market_suffix(self.market);
        let separator = if suffix.is_empty() { "" } else { ":" };
        write!(f, "{}/{}{separator}{suffix}", self.base, self.quote)
    }
}

impl FromStr for Pair {
    type Err = PairError;

    /// Our exact spelling; see [`Pair::from_user`] for a tolerant reading.
    fn from_str(text: &str) -> Result<Pair, PairError> {
        let (names, suffix) = match text.split_once(':') {
            Some((_, "")) => return Err(PairError::Malformed(excerpt(text))),
            Some(parts) => parts,
            None => (text, ""),
        };
        let (base, quote) = names.split_once('/').ok_or_else(|| PairError::Malformed(excerpt(text)))?;
        Pair::new(base, quote, market_from_suffix(suffix)?)
    }
}

/// Why a pair was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PairError {
    /// No BASE/QUOTE.
    Malformed(String),
    /// A name with a character that is not a letter, digit or inner dot, or too long.
    Name(String),
    /// A suffix that is no market.
    Market(String),
}

impl fmt::Display for PairError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PairError::Malformed(text) => write!(f, "{text:?} is no pair such as BTC/USDT or BTC/USDT:perp"),
            PairError::Name(name) => {
                write!(
                    f,
                    "{name:?} is no asset name: upper-case letters, digits and inner dots, at most {NAME_BYTES_MAX} bytes"
                )
            }
            PairError::Market(suffix) => {
                write!(f, "{suffix:?} is no market: perp, inverse, YYMMDD, quarter or next_quarter")
            }
        }
    }
}

impl std::error::Error for PairError {}

fn check_name(name: &str) -> Result<(), PairError> {
    let inner = |c: char| c == '.' || (c.is_alphanumeric() && !c.is_lowercase());
    let sound = !name.is_empty()
        && name.len() <= NAME_BYTES_MAX
        && name.chars().all(inner)
        && !name.starts_with('.')
        && !name.ends_with('.')
        && !name.contains("..");
    if sound { Ok(()) } else { Err(PairError::Name(excerpt(name))) }
}

fn our_name(typed: &str) -> String {
    match typed.trim().to_uppercase() {
        name if name == "XBT" => "BTC".to_owned(),
        name => name,
    }
}

fn market_suffix(market: Market) -> String {
    match market {
        Market::Spot => String::new(),
        Market::Perp => "perp".to_owned(),
        Market::Inverse => "inverse".to_owned(),
        Market::Dated(date) => format!("{date:06}"),
        Market::Quarter => "quarter".to_owned(),
        Market::NextQuarter => "next_quarter".to_owned(),
    }
}

fn market_from_suffix(suffix: &str) -> Result<Market, PairError> {
    match suffix {
        "" => Ok(Market::Spot),
        "perp" => Ok(Market::Perp),
        "inverse" => Ok(Market::Inverse),
        "quarter" => Ok(Market::Quarter),
        "next_quarter" => Ok(Market::NextQuarter),
        date if date.len() == 6 && date.bytes().all(|byte| byte.is_ascii_digit()) => {
            date.parse().map(Market::Dated).map_err(|_| PairError::Market(excerpt(suffix)))
        }
        _ => Err(PairError::Market(excerpt(suffix))),
    }
}

fn is_date(date: u32) -> bool {
    let day = crate::time::Day {
        year: 2000 + i64::from(date / 10_000),
        month: i64::from(date / 100 % 100),
        day: i64::from(date % 100),
    };
    date < 1_000_000 && day.number().is_some()
}
