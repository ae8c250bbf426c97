//! The five kinds of market records, borrowing their numbers from the text they were read from.

use std::borrow::Cow;

use crate::number::Number;
use crate::time::Ts;

/// Which side took the liquidity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// The taker bought.
    Buy,
    /// The taker sold.
    Sell,
}

impl Side {
    /// The word used in lines and files.
    pub fn name(self) -> &'static str {
        match self {
            Side::Buy => "buy",
            Side::Sell => "sell",
        }
    }

    /// The side whose word is `name`.
    pub fn from_name(name: &str) -> Option<Side> {
        match name {
            "buy" => Some(Side::Buy),
            "sell" => Some(Side::Sell),
            _ => None,
        }
    }
}

/// A closed candle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candle<'a> {
    /// When it opened.
    pub ts: Ts,
    /// The first price.
    pub open: Number<'a>,
    /// The highest price.
    pub high: Number<'a>,
    /// The lowest price.
    pub low: Number<'a>,
    /// The last price.
    pub close: Number<'a>,
    /// How much was traded, in the base asset (contracts where the exchange counts those).
    pub volume: Number<'a>,
    /// How much was traded, in the quote asset.
    pub quote_volume: Option<Number<'a>>,
    /// How many trades it holds.
    pub trades: Option<u64>,
    /// Whether we built it from trades; the exchange's own candle takes its place when it comes.
    pub is_derived: bool,
}

/// One execution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trade<'a> {
    /// When the exchange says it happened.
    pub ts: Ts,
    /// The price.
    pub price: Number<'a>,
    /// The amount in the base asset (contracts where the exchange counts those).
    pub amount: Number<'a>,
    /// The taker's side.
    pub side: Option<Side>,
    /// The exchange's id.
    pub tid: Option<Cow<'a, str>>,
    /// When we read it, for live records.
    pub recv_ts: Option<Ts>,
}

/// One price of a book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level<'a> {
    /// The price.
    pub price: Number<'a>,
    /// The amount that rests there; 0 in a delta removes the price.
    pub amount: Number<'a>,
    /// How many orders rest there, where the exchange says so (a third element of the level).
    pub count: Option<u64>,
}

/// A whole book, or a change to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Book<'a> {
    /// When the exchange says it was so; our clock where the exchange says nothing.
    pub ts: Ts,
    /// Whether it is a whole book.
    pub is_snapshot: bool,
    /// What is wanted, best first.
    pub bids: Vec<Level<'a>>,
    /// What is offered, best first.
    pub asks: Vec<Level<'a>>,
    /// The exchange's counter.
    pub seq: Option<u64>,
    /// When we read it, for live records.
    pub recv_ts: Option<Ts>,
}

/// A funding rate that was paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Funding<'a> {
    /// When it was paid.
    pub ts: Ts,
    /// The rate, 0.0001 for one basis point.
    pub rate: Number<'a>,
    /// The mark price it was paid on.
    pub mark_price: Option<Number<'a>>,
}

/// How many contracts were open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenInterest<'a> {
    /// When it was so.
    pub ts: Ts,
    /// In the base asset (contracts where the exchange counts those).
    pub open_interest: Number<'a>,
    /// In the quote asset.
    pub open_interest_value: Option<Number<'a>>,
}
