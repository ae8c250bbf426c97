//! What exchanges push over WebSocket: which connections carry what is wanted, and what a frame means.
//!
//! As with REST, nothing here opens a socket or reads a clock. An exchange's module turns subscriptions into
//! [`Link`]s and frames into [`Event`]s; a [`Keeper`] applies the events of one book and tells when it can no
//! longer be believed.

mod book;
mod keeper;

use dccd_record::{Book, Candle, Dataset, Funding, Trade, Ts};

use crate::adapter::ADAPTERS;
use crate::capability::Impossible;

pub use book::OrderBook;
pub use keeper::{Break, Checksum, Keeper, Order, Rule};

/// One series that is wanted live.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// What its records are.
    pub dataset: Dataset,
    /// How deep a book must be at least.
    pub depth: Option<u32>,
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
    /// A text is to be sent after so many seconds without a frame, or at least so often.
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
    Book(SubscriptionId, Book<'a>, Joint, Option<Checksum>),
    /// A funding rate that was paid.
    Funding(SubscriptionId, Funding<'a>),
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

/// What an exchange's module says of its streams.
pub trait Streams: std::fmt::Debug + Sync {
    /// The connections that carry all of `subscriptions`, within the exchange's limits.
    fn links(&self, subscriptions: &[Subscription]) -> Result<Vec<Link>, Impossible>;

    /// Reads the frames of one connection from its beginning on.
    fn reader(&self, link: &Link, subscriptions: &[Subscription]) -> Box<dyn FrameReader>;

    /// How a book of this series is verified.
    fn rule(&self, subscription: &Subscription) -> Rule;
}

/// Reads the frames of one connection.
pub trait FrameReader: std::fmt::Debug + Send {
    /// Hands what a frame says to `take`, in its order. An error means that what the frame held is lost;
    /// what was handed over before it stands.
    fn read(&mut self, frame: &str, recv_ts: Ts, take: &mut dyn FnMut(Event<'_>)) -> Result<(), FrameError>;
}
