//! Which series a line belongs to.

use std::fmt;
use std::str::FromStr;

use crate::excerpt::excerpt;
use crate::pair::{Pair, PairError};
use crate::span::{Span, SpanError};

/// The kinds of market records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Open, high, low, close and volume over one span.
    Candle,
    /// One execution.
    Trade,
    /// A snapshot of an order book, or a change to it.
    Book,
    /// The funding rate of a perpetual contract at one instant.
    Funding,
    /// The open interest of a contract at one instant.
    OpenInterest,
}

impl Kind {
    /// Every kind, in the order of the manual.
    pub const ALL: [Kind; 5] = [Kind::Candle, Kind::Trade, Kind::Book, Kind::Funding, Kind::OpenInterest];

    /// The word used in lines and flags.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Candle => "candle",
            Kind::Trade => "trade",
            Kind::Book => "book",
            Kind::Funding => "funding",
            Kind::OpenInterest => "open_interest",
        }
    }

    /// Whether records of this kind have a span.
    pub fn has_span(self) -> bool {
        matches!(self, Kind::Candle | Kind::OpenInterest)
    }

    /// The kind whose exact name is `name`.
    pub fn from_name(name: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// What a person typed: our names, and the words that dccd 2 and 3 used.
    pub fn from_user(word: &str) -> Result<Kind, DatasetError> {
        let kind = match word {
            "ohlc" | "candles" => Some(Kind::Candle),
            "trades" => Some(Kind::Trade),
            "orderbook" | "books" => Some(Kind::Book),
            name => Kind::from_name(name),
        };
        kind.ok_or_else(|| DatasetError::Kind(excerpt(word)))
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The name of a venue: lower-case letters and digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Exchange(String);

impl Exchange {
    /// The exchange called `name`.
    pub fn new(name: &str) -> Result<Exchange, DatasetError> {
        let sound = (1..=32).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        if sound { Ok(Exchange(name.to_owned())) } else { Err(DatasetError::Exchange(excerpt(name))) }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One series: an exchange's records of one kind and pair and, for candles and open interest, one span.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Dataset {
    exchange: Exchange,
    kind: Kind,
    pair: Pair,
    span: Option<Span>,
}

impl Dataset {
    /// A dataset; `span` must be there exactly if the kind has one.
    pub fn new(exchange: Exchange, kind: Kind, pair: Pair, span: Option<Span>) -> Result<Dataset, DatasetError> {
        if kind.has_span() == span.is_some() {
            Ok(Dataset { exchange, kind, pair, span })
        } else {
            Err(DatasetError::Span(kind))
        }
    }

    /// The venue.
    pub fn exchange(&self) -> &Exchange {
        &self.exchange
    }

    /// The kind of records.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// What is traded.
    pub fn pair(&self) -> &Pair {
        &self.pair
    }

    /// The width of its records, where they have one.
    pub fn span(&self) -> Option<Span> {
        self.span
    }
}

impl fmt::Display for Dataset {
    /// The id: `binance:candle:BTC-USDT:1h`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.exchange, self.kind, self.pair.path_name())?;
        match self.span {
            Some(span) => write!(f, ":{span}"),
            None => Ok(()),
        }
    }
}

impl FromStr for Dataset {
    type Err = DatasetError;

    /// Reads an id; the words of dccd 2 and 3 for the kind are understood.
    fn from_str(id: &str) -> Result<Dataset, DatasetError> {
        let mut parts = id.split(':');
        let (Some(exchange), Some(kind), Some(pair)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(DatasetError::Id(excerpt(id)));
        };
        let span = parts.next().map(str::parse).transpose().map_err(DatasetError::BadSpan)?;
        if parts.next().is_some() {
            return Err(DatasetError::Id(excerpt(id)));
        }
        let pair = Pair::from_path_name(pair).map_err(DatasetError::Pair)?;
        Dataset::new(Exchange::new(exchange)?, Kind::from_user(kind)?, pair, span)
    }
}

/// Why a dataset was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DatasetError {
    /// Not `exchange:kind:BASE-QUOTE[:span]`.
    Id(String),
    /// Not a lower-case name.
    Exchange(String),
    /// No such kind.
    Kind(String),
    /// A bad pair.
    Pair(PairError),
    /// A bad span.
    BadSpan(SpanError),
    /// A span is missing, or given for a kind that has none.
    Span(Kind),
}

impl fmt::Display for DatasetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DatasetError::Id(id) => write!(f, "{id:?} is no id such as binance:candle:BTC-USDT:1h"),
            DatasetError::Exchange(name) => write!(f, "{name:?} is no exchange name: lower-case letters and digits"),
            DatasetError::Kind(word) => {
                write!(f, "{word:?} is no kind: candle, trade, book, funding or open_interest")
            }
            DatasetError::Pair(cause) => cause.fmt(f),
            DatasetError::BadSpan(cause) => cause.fmt(f),
            DatasetError::Span(kind) if kind.has_span() => write!(f, "{kind} needs a span"),
            DatasetError::Span(kind) => write!(f, "{kind} has no span"),
        }
    }
}

impl std::error::Error for DatasetError {}
