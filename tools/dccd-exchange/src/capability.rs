//! What each exchange can give and prove: one table.

use std::fmt;

use dccd_record::{Dataset, Day, Kind, Market, Pair, Proof, Span, Ts};

use crate::adapter::{ADAPTERS, Adapter};
use crate::request::{Api, LimitGroup};

/// What one exchange has of one kind in one market.
#[derive(Debug)]
pub struct Capability {
    /// The exchange.
    pub exchange: &'static str,
    /// The market; one with any date stands for all dates.
    pub market: Market,
    /// The quote assets, if it is for pairs of those alone.
    pub quotes: Option<&'static [&'static str]>,
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
    /// How far back REST reaches.
    pub reach: Reach,
    /// How pages follow each other.
    pub paging: Paging,
    /// What amounts are counted in.
    pub unit: Unit,
    /// How completeness is proven over REST; a single answer proves its instant.
    pub proof: Proof,
    /// What completes a range: the exchange may still fill the last seconds.
    pub settle_secs: u32,
    /// Which bulk files hold it too.
    pub archive: Option<&'static str>,
}

/// How far back REST reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// To the first record.
    Listing,
    /// So many days.
    Days(u32),
    /// So many of the newest rows.
    Rows(u32),
    /// So many of the newest rows; further back, candles are built from the trades that are there.
    RowsThenTrades(u32),
    /// There is only what is now.
    Now,
    /// Nowhere: only the archive has history.
    Archive,
}

impl fmt::Display for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reach::Listing => f.write_str("all"),
            Reach::Days(days) => write!(f, "{days} days"),
            Reach::Rows(rows) => write!(f, "{rows} rows"),
            Reach::RowsThenTrades(0) => f.write_str("from trades"),
            Reach::RowsThenTrades(rows) => write!(f, "{rows} rows, then from trades"),
            Reach::Now => f.write_str("now only"),
            Reach::Archive => f.write_str("archive only"),
        }
    }
}

/// How pages follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paging {
    /// Rows stand at multiples of a span, so that a page has a known width.
    Grid {
        /// Whether the first row from an instant on can be asked for, however far away it is.
        finds_next: bool,
    },
    /// Rows stand where they will; a window that holds too many gives some of them.
    Windows {
        /// The least distance of two rows in seconds.
        step_secs: u32,
        /// Which rows a window that holds too many gives.
        full: Full,
    },
    /// Rows have consecutive ids, by which they are asked for.
    Ids(Seek),
    /// Rows are asked for from an instant on, oldest first; each page repeats the end of the one before.
    Times {
        /// Whether their ids are consecutive.
        has_consecutive_ids: bool,
    },
    /// There are no pages.
    Snapshot,
}

/// Which rows of too many are given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// The oldest.
    Oldest,
    /// The newest.
    Newest,
}

/// How the id is found with which a range begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seek {
    /// A page can be asked for by time.
    From,
    /// The last row before an instant can be asked for.
    Before,
    /// By halving.
    Bisect,
}

/// What amounts are counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// The base asset.
    Base,
    /// The quote asset.
    Quote,
    /// Contracts.
    Contracts,
}

impl Unit {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Unit::Base => "base",
            Unit::Quote => "quote",
            Unit::Contracts => "contracts",
        }
    }
}

impl Capability {
    /// Who speaks to the exchange.
    pub(crate) fn adapter(&self) -> &'static dyn Adapter {
        ADAPTERS.iter().copied().find(|adapter| adapter.name() == self.exchange).unwrap_or(ADAPTERS[0])
    }

    /// Whether the row is about this pair.
    pub fn has_pair(&self, pair: &Pair) -> bool {
        let is_market = match (self.market, pair.market()) {
            (Market::Dated(_), Market::Dated(_)) => true,
            (ours, asked) => ours == asked,
        };
        is_market && self.quotes.is_none_or(|quotes| quotes.contains(&pair.quote()))
    }

    /// How its pairs are written.
    pub fn pair_form(&self) -> String {
        let form = |quote: &&str| format!("BASE/{quote}{}", market_suffix(self.market));
        self.quotes.unwrap_or(&["QUOTE"]).iter().map(form).collect::<Vec<_>>().join(", ")
    }

    /// Its spans as they are written here.
    pub fn span_texts(&self) -> Vec<String> {
        self.spans.iter().map(|known| span_text(*known)).collect()
    }

    /// The first instant of which REST still has everything. What is about to leave is left alone.
    pub fn rest_start(&self, dataset: &Dataset, now: Ts) -> Ts {
        match self.reach {
            Reach::RowsThenTrades(_) => Ts::MIN,
            _ => self.pages_start(dataset, now),
        }
    }

    /// The first instant of which the exchange's own pages still have everything.
    pub fn pages_start(&self, dataset: &Dataset, now: Ts) -> Ts {
        const HOUR_SECS: i64 = 3600;
        let back_secs = match (self.reach, dataset.span()) {
            (Reach::Listing, _) | (Reach::Rows(_) | Reach::RowsThenTrades(_), None) => return Ts::MIN,
            (Reach::Days(days), _) => i64::from(days) * 24 * HOUR_SECS - HOUR_SECS,
            // The oldest row leaves when the next one closes.
            (Reach::Rows(rows) | Reach::RowsThenTrades(rows), Some(span)) => {
                i64::from(rows.saturating_sub(2)) * i64::from(span.secs())
            }
            (Reach::Now | Reach::Archive, _) => 0,
        };
        now.saturating_add(-back_secs * 1_000_000_000)
    }

    /// The exchange's own word for the span of `dataset`.
    pub(crate) fn span_name(&self, span: Option<Span>) -> Option<&'static str> {
        let secs = span?.secs();
        self.spans.iter().find(|(known, _)| *known == secs).map(|(_, name)| *name)
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

/// A span as it is written here.
pub(crate) fn span_text((secs, name): SpanName) -> String {
    Span::from_secs(secs).map_or(name.to_owned(), |span| span.to_string())
}

/// Every capability, in the order of the manual.
pub fn table() -> impl Iterator<Item = &'static Capability> {
    ADAPTERS.iter().flat_map(|adapter| adapter.capabilities())
}

/// The names of the exchanges we speak to.
pub fn exchanges() -> impl Iterator<Item = &'static str> {
    ADAPTERS.iter().map(|adapter| adapter.name())
}

/// The day on which an exchange closed for good.
pub fn closed(exchange: &str) -> Option<&'static str> {
    ADAPTERS.iter().find(|adapter| adapter.name() == exchange)?.closed()
}

/// What can be had of a dataset.
pub fn capability(dataset: &Dataset) -> Result<&'static Capability, Impossible> {
    let (exchange, pair) = (dataset.exchange().as_str(), dataset.pair());
    let known: Vec<&Capability> = table().filter(|row| row.exchange == exchange).collect();
    if known.is_empty() {
        return Err(Impossible::Exchange(exchange.to_owned()));
    }
    let kinds: Vec<&Capability> = known.into_iter().filter(|row| row.has_pair(pair)).collect();
    if kinds.is_empty() {
        return Err(Impossible::Market { exchange: exchange.to_owned(), pair: pair.to_string() });
    }
    let of_kind: Vec<&Capability> = kinds.iter().copied().filter(|row| row.kind == dataset.kind()).collect();
    let Some(row) = of_kind.first() else {
        let mut has: Vec<Kind> = kinds.iter().map(|row| row.kind).collect();
        has.dedup();
        return Err(Impossible::Kind {
            exchange: exchange.to_owned(),
            pair: pair.to_string(),
            kind: dataset.kind(),
            has,
        });
    };
    let Some(span) = dataset.span() else { return Ok(row) };
    // How far a kind reaches back may differ from span to span.
    let with_span = of_kind.iter().find(|row| row.span_name(Some(span)).is_some());
    with_span.copied().ok_or_else(|| Impossible::Span {
        exchange: exchange.to_owned(),
        span: span.to_string(),
        has: of_kind.iter().flat_map(|row| row.span_texts()).collect(),
    })
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
        has: Vec<String>,
    },
    /// The exchange closed for good.
    Closed {
        /// The exchange.
        exchange: String,
        /// Since when.
        day: &'static str,
    },
}

impl Impossible {
    /// That an exchange closed for good, if it did.
    pub fn closed(exchange: &str) -> Option<Impossible> {
        closed(exchange).map(|day| Impossible::Closed { exchange: exchange.to_owned(), day })
    }
}

impl fmt::Display for Impossible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Impossible::Exchange(exchange) => {
                let names: Vec<&str> = exchanges().collect();
                write!(f, "no exchange {exchange:?} here; there is {}", names.join(", "))
            }
            Impossible::Market { exchange, pair } => {
                let mut forms: Vec<String> = Vec::new();
                for form in table().filter(|row| row.exchange == exchange).map(Capability::pair_form) {
                    if !forms.contains(&form) {
                        forms.push(form);
                    }
                }
                write!(f, "{exchange} has no market of {pair} that is read here; there is {}", forms.join(", "))
            }
            Impossible::Kind { exchange, pair, kind, has } => {
                let has: Vec<&str> = has.iter().map(|kind| kind.name()).collect();
                write!(f, "{exchange} has no {kind} of {pair}; it has {}", has.join(", "))
            }
            Impossible::Span { exchange, span, has } => {
                write!(f, "{exchange} has no span of {span}; it has {}", has.join(" "))
            }
            Impossible::Closed { exchange, day } => {
                write!(f, "{exchange} closed on {day}: what is stored stays readable, but nothing more can be had")
            }
        }
    }
}

impl std::error::Error for Impossible {}

/// How a market is written behind a pair.
pub(crate) fn market_suffix(market: Market) -> &'static str {
    match market {
        Market::Spot => "",
        Market::Perp => ":perp",
        Market::Inverse => ":inverse",
        Market::Dated(_) => ":YYMMDD",
        Market::Quarter => ":quarter",
        Market::NextQuarter => ":next_quarter",
    }
}
