//! What each exchange can give and prove: one table.

use std::fmt;

use dccd_record::{Dataset, Day, Kind, Market, Proof, Ts};

use crate::binance;
use crate::request::{Api, LimitGroup};

/// What one exchange has of one kind in one market.
#[derive(Debug)]
pub struct Capability {
    /// The exchange.
    pub exchange: &'static str,
    /// The market.
    pub market: Market,
    /// The kind of records.
    pub kind: Kind,
    /// The spans it has; empty where the kind has none.
    pub spans: &'static [SpanName],
    /// The host.
    pub api: &'static Api,
    /// The path that is asked.
    pub path: &'static str,
    /// The most rows of one page.
    pub page_rows: u32,
    /// What a page costs.
    pub weight: u32,
    /// Who counts it.
    pub group: &'static LimitGroup,
    /// The day before which nothing of it can exist: when the market opened.
    pub since: Day,
    /// How many days back REST reaches; since listing if not said.
    pub days_back: Option<u32>,
    /// How completeness is proven over REST; a single answer proves its instant.
    pub proof: Proof,
    /// What completes a range: the exchange may still fill the last seconds.
    pub settle_secs: u32,
    /// Which bulk files hold it too.
    pub archive: Option<&'static str>,
}

impl Capability {
    /// The first instant of which REST still has everything. What is about to leave is left alone.
    pub fn rest_start(&self, now: Ts) -> Ts {
        const HOUR_SECS: i64 = 3600;
        match self.days_back {
            Some(days) => now.saturating_add(-(i64::from(days) * 24 - 1) * HOUR_SECS * 1_000_000_000),
            None => Ts::MIN,
        }
    }

    /// The end of what is complete at `now`: closed candles, and no second that may still be filled.
    pub fn horizon(&self, dataset: &Dataset, now: Ts) -> Ts {
        let settled = now.saturating_add(-i64::from(self.settle_secs) * 1_000_000_000);
        match (dataset.kind(), dataset.span()) {
            (Kind::Candle, Some(span)) => span.floor(settled),
            _ => settled,
        }
    }
}

/// One span in seconds, and the exchange's word for it.
pub type SpanName = (u32, &'static str);

/// Every capability, in the order of the manual.
pub static TABLE: &[Capability] = binance::CAPABILITIES;

/// What can be had of a dataset.
pub fn capability(dataset: &Dataset) -> Result<&'static Capability, Impossible> {
    let exchange = dataset.exchange().as_str();
    let known: Vec<&Capability> = TABLE.iter().filter(|row| row.exchange == exchange).collect();
    if known.is_empty() {
        return Err(Impossible::Exchange(exchange.to_owned()));
    }
    let market = dataset.pair().market();
    let kinds: Vec<&Capability> = known.into_iter().filter(|row| row.market == market).collect();
    if kinds.is_empty() {
        return Err(Impossible::Market { exchange: exchange.to_owned(), pair: dataset.pair().to_string() });
    }
    let Some(row) = kinds.iter().find(|row| row.kind == dataset.kind()) else {
        return Err(Impossible::Kind {
            exchange: exchange.to_owned(),
            pair: dataset.pair().to_string(),
            kind: dataset.kind(),
            has: kinds.iter().map(|row| row.kind).collect(),
        });
    };
    match dataset.span() {
        Some(span) if !row.spans.iter().any(|(secs, _)| *secs == span.secs()) => Err(Impossible::Span {
            exchange: exchange.to_owned(),
            span: span.to_string(),
            has: row.spans.iter().map(|(_, name)| *name).collect(),
        }),
        _ => Ok(row),
    }
}

/// Why a job can never be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Impossible {
    /// We do not speak to this exchange.
    Exchange(String),
    /// The exchange has no such contracts, or we do not read them.
    Market {
        /// The exchange.
        exchange: String,
        /// The pair.
        pair: String,
    },
    /// The exchange has no such records of this pair.
    Kind {
        /// The exchange.
        exchange: String,
        /// The pair.
        pair: String,
        /// What was asked for.
        kind: Kind,
        /// What it has.
        has: Vec<Kind>,
    },
    /// The exchange has no such span.
    Span {
        /// The exchange.
        exchange: String,
        /// What was asked for.
        span: String,
        /// What it has.
        has: Vec<&'static str>,
    },
}

impl fmt::Display for Impossible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Impossible::Exchange(exchange) => {
                let mut names: Vec<&str> = TABLE.iter().map(|row| row.exchange).collect();
                names.dedup();
                write!(f, "no exchange {exchange:?} here; there is {}", names.join(", "))
            }
            Impossible::Market { exchange, pair } => {
                write!(f, "{exchange} has no market of {pair} that is read here; there is BASE/QUOTE")?;
                if TABLE.iter().any(|row| row.exchange == exchange && row.market == Market::Perp) {
                    f.write_str(" and BASE/QUOTE:perp")?;
                }
                Ok(())
            }
            Impossible::Kind { exchange, pair, kind, has } => {
                let has: Vec<&str> = has.iter().map(|kind| kind.name()).collect();
                write!(f, "{exchange} has no {kind} of {pair}; it has {}", has.join(", "))
            }
            Impossible::Span { exchange, span, has } => {
                write!(f, "{exchange} has no span of {span}; it has {}", has.join(" "))
            }
        }
    }
}

impl std::error::Error for Impossible {}
