//! What exchanges push over WebSocket: which connections carry what is wanted, and what a frame means.
//!
//! As with REST, nothing here opens a socket or reads a clock. An exchange's module turns subscriptions into
//! [`Link`]s and frames into [`Event`]s; a [`Keeper`] applies the events of one book and tells when it can no
//! longer be believed.

mod book;
mod keeper;
#[cfg(test)]
mod tests;

use dccd_record::{Book, Candle, Dataset, Fixed, Funding, Kind, Range, Trade, Ts};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::adapter::ADAPTERS;
use crate::answer::AnswerError;
use crate::capability::{Impossible, SpanName, span_text, table};
use crate::wire::{excerpt, message};

pub use book::OrderBook;
pub use keeper::{Break, Checksum, Keeper, Order, Rule};

/// One series that is wanted live.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// What its records are.
    pub dataset: Dataset,
    /// How deep a book must be at least; where nobody is as deep, it is as deep as it can be.
    pub depth: Option<u32>,
    /// What one contract is, where the exchange counts contracts: see [`crate::Ask::contract`].
    pub contract: Option<Fixed>,
}

impl Subscription {
    /// A series as it is, with whatever depth.
    pub fn new(dataset: Dataset) -> Subscription {
        Subscription { dataset, depth: None, contract: None }
    }
}

/// A subscription's place in the list that links were made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubscriptionId(pub usize);

/// One connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The host, in messages and in the budget.
    pub host: &'static LiveHost,
    /// Path and query behind the host's URL.
    pub path: String,
    /// What to send when it is open, in order.
    pub opening: Vec<String>,
    /// What it carries.
    pub subscriptions: Vec<SubscriptionId>,
}

/// One WebSocket host of an exchange.
#[derive(Debug, PartialEq, Eq)]
pub struct LiveHost {
    /// Its name in messages.
    pub name: &'static str,
    /// Where it is reached.
    pub ws_url: &'static str,
    /// How the connection is kept alive.
    pub keep_alive: KeepAlive,
    /// So many seconds without any frame mean that it is dead.
    pub silence_secs: u32,
    /// After so many seconds the exchange ends every connection.
    pub age_secs_max: Option<u32>,
    /// The most messages that may be sent, and in how many milliseconds.
    pub sends: (u32, u32),
    /// The most connections that may be opened, and in how many seconds.
    pub connects: (u32, u32),
}

/// How a connection is kept alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeepAlive {
    /// Answering the pings of the protocol is enough.
    Pongs,
    /// A ping of the protocol is to be sent at least so often.
    Pings {
        /// How often.
        secs: u32,
    },
    /// A text is to be sent at least so often.
    Text {
        /// The text.
        text: &'static str,
        /// How often.
        secs: u32,
    },
}

/// What a frame says.
#[derive(Clone, Debug, PartialEq)]
pub enum Event<'a> {
    /// The exchange took up a subscription.
    Accepted(SubscriptionId),
    /// It refused one, or something that it does not name.
    Refused(Option<SubscriptionId>, String),
    /// Trades that happened before the subscription, oldest first: known ones come again here.
    PastTrade(SubscriptionId, Option<u64>, Trade<'a>),
    /// A trade, with its id where ids are consecutive.
    Trade(SubscriptionId, Option<u64>, Trade<'a>),
    /// A candle that is closed.
    Candle(SubscriptionId, Candle<'a>),
    /// A candle that is still open: the series is alive, and what opened before it is closed.
    OpenCandle(SubscriptionId, Ts),
    /// A book or a change of it, how it is joined to the one before, and what the whole must add up to.
    /// What it must add up to may come alone, with a change of no level.
    Book(SubscriptionId, Book<'a>, Joint, Option<Checksum>),
    /// A funding rate that was paid.
    Funding(SubscriptionId, Funding<'a>),
    /// Records of a series that did not come, or not in their last state, and why.
    Lost(SubscriptionId, Range, String),
    /// A sign of life; with the exchange's clock where it says one.
    Heartbeat(Option<Ts>),
    /// What the exchange says is its last trade of a series.
    LastTrade(SubscriptionId, u64),
    /// A number that counts the frames of the whole connection.
    Sequence(u64),
    /// The exchange will end the connection, or has stopped serving it.
    Restart(String),
    /// Something that is sound and of no use here.
    Ignored,
}

/// How a frame of a book is joined to the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Joint {
    /// It replaces the book.
    Snapshot {
        /// Its number, where there are numbers.
        seq: Option<u64>,
    },
    /// It holds the changes numbered from `first` to `last`, and says which number came before, if it does.
    Update {
        /// The first number.
        first: u64,
        /// The last number.
        last: u64,
        /// The number that it says came before.
        previous: Option<u64>,
    },
    /// It has no number: order is all there is.
    Bare,
}

/// Why a frame could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrameError(pub String);

impl FrameError {
    /// What is wrong with a frame, and how it begins.
    pub(crate) fn new(why: &str, frame: &str) -> FrameError {
        FrameError(format!("{why}: {:?}", excerpt(frame)))
    }
}

impl From<AnswerError> for FrameError {
    fn from(error: AnswerError) -> FrameError {
        match error {
            AnswerError::Unexpected(why) | AnswerError::Malformed(why) => FrameError(message(&why)),
            other => FrameError(other.to_string()),
        }
    }
}

impl From<serde_json::Error> for FrameError {
    /// What the parser says may quote as much as came.
    fn from(error: serde_json::Error) -> FrameError {
        FrameError(message(&error.to_string()))
    }
}

impl std::fmt::Display for FrameError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "a frame that cannot be read: {}", self.0)
    }
}

impl std::error::Error for FrameError {}

/// The streams of an exchange; `None` if it has none that we speak to.
pub fn streams(exchange: &str) -> Option<&'static dyn Streams> {
    ADAPTERS.iter().find(|adapter| adapter.name() == exchange)?.streams()
}

/// That an exchange has the market of a series and pushes such records, those with a span in one of `spans`.
pub(crate) fn check(dataset: &Dataset, kinds: &[Kind], spans: &[SpanName]) -> Result<(), Impossible> {
    let (exchange, pair) = (dataset.exchange().as_str(), dataset.pair());
    if !table().any(|row| row.exchange == exchange && row.has_pair(pair)) {
        return Err(Impossible::Market { exchange: exchange.to_owned(), pair: pair.to_string() });
    }
    if !kinds.contains(&dataset.kind()) {
        return Err(Impossible::Kind {
            exchange: exchange.to_owned(),
            pair: pair.to_string(),
            kind: dataset.kind(),
            has: kinds.to_vec(),
        });
    }
    match dataset.span() {
        Some(span) if !spans.iter().any(|(secs, _)| *secs == span.secs()) => Err(Impossible::Span {
            exchange: exchange.to_owned(),
            span: span.to_string(),
            has: spans.iter().map(|known| span_text(*known)).collect(),
        }),
        _ => Ok(()),
    }
}

/// The rows of a frame; without any it says nothing.
pub(crate) fn rows_of<'a, T: Deserialize<'a>>(
    data: &'a RawValue,
    take: &mut dyn FnMut(Event<'_>),
) -> Result<Vec<T>, FrameError> {
    let rows: Vec<T> = serde_json::from_str(data.get())?;
    if rows.is_empty() {
        take(Event::Ignored);
    }
    Ok(rows)
}

/// What an exchange's module says of its streams.
pub trait Streams: std::fmt::Debug + Sync {
    /// The connections that carry all of `subscriptions`, within the exchange's limits. Each series stands among
    /// them once.
    fn links(&self, subscriptions: &[Subscription]) -> Result<Vec<Link>, Impossible>;

    /// Reads the frames of one connection from its beginning on.
    fn reader(&self, link: &Link, subscriptions: &[Subscription]) -> Box<dyn FrameReader>;

    /// How a book of this series is verified.
    fn rule(&self, subscription: &Subscription) -> Rule;

    /// Whether a book begins with a snapshot that is asked for over REST once its changes come.
    fn has_rest_snapshot(&self, _subscription: &Subscription) -> bool {
        false
    }

    /// Whether a span in which nothing was traded has no candle, so that the next one may leave some out.
    fn skips_quiet_candles(&self) -> bool {
        false
    }

    /// What to send on an open connection so that a series begins anew; nothing where only its reader knows, or a new
    /// connection or a snapshot over REST is the only way.
    fn renewal(&self, _subscription: &Subscription) -> Vec<String> {
        Vec::new()
    }
}

/// Reads the frames of one connection.
pub trait FrameReader: std::fmt::Debug + Send {
    /// Hands what a frame says to `take`, in its order. An error means that what the frame held is lost;
    /// what was handed over before it stands.
    fn read(&mut self, frame: &str, recv_ts: Ts, take: &mut dyn FnMut(Event<'_>)) -> Result<(), FrameError>;

    /// What to send so that a book begins anew, where that takes what the exchange said of it before; see
    /// [`Streams::renewal`].
    fn renewal(&self, _id: SubscriptionId) -> Vec<String> {
        Vec::new()
    }
}
