//! One order book, with every price and amount in the exchange's own digits.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use dccd_record::{Fixed, Level, Number, NumberError};

/// What rests at one price. Books are large, so both texts share their memory.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Rest {
    /// The price, and behind it the amount.
    text: Box<str>,
    price_bytes: usize,
    count: Option<u64>,
}

/// An order book. Prices are compared by value and kept as text.
#[derive(Clone, Debug, Default)]
pub struct OrderBook {
    bids: BTreeMap<Reverse<Price>, Rest>,
    asks: BTreeMap<Price, Rest>,
}

/// A price as a whole number of 1/10^18, which no exchange goes below.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Price(i128);

impl Price {
    const SCALE: u32 = 18;

    fn new(number: Number<'_>) -> Result<Price, NumberError> {
        let fixed: Fixed = number.to_fixed()?;
        fixed.mantissa_at(Price::SCALE).map(Price).ok_or_else(|| NumberError::TooLong(number.as_str().to_owned()))
    }
}

/// One side of a book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BookSide {
    /// What is wanted.
    Bids,
    /// What is offered.
    Asks,
}

impl OrderBook {
    /// An empty book.
    pub fn new() -> OrderBook {
        OrderBook::default()
    }

    /// Forgets all levels.
    pub fn clear(&mut self) {
        self.bids.clear();
        self.asks.clear();
    }

    /// Sets a level, or removes it if its amount is 0.
    pub fn set(&mut self, side: BookSide, level: &Level<'_>) -> Result<(), NumberError> {
        let price = Price::new(level.price)?;
        let rest = || Rest::new(level);
        match (side, level.amount.is_zero()) {
            (BookSide::Bids, true) => drop(self.bids.remove(&Reverse(price))),
            (BookSide::Asks, true) => drop(self.asks.remove(&price)),
            (BookSide::Bids, false) => drop(self.bids.insert(Reverse(price), rest())),
            (BookSide::Asks, false) => drop(self.asks.insert(price, rest())),
        }
        Ok(())
    }

    /// Keeps the best `depth` levels of each side.
    pub fn truncate(&mut self, depth: usize) {
        while self.bids.len() > depth {
            self.bids.pop_last();
        }
        while self.asks.len() > depth {
            self.asks.pop_last();
        }
    }

    /// The levels that are wanted, best first, as price, amount and count.
    pub fn bids(&self) -> impl Iterator<Item = (&str, &str, Option<u64>)> {
        self.bids.values().map(Rest::parts)
    }

    /// The levels that are offered, best first, as price, amount and count.
    pub fn asks(&self) -> impl Iterator<Item = (&str, &str, Option<u64>)> {
        self.asks.values().map(Rest::parts)
    }

    /// How many levels there are on both sides.
    pub fn levels(&self) -> usize {
        self.bids.len() + self.asks.len()
    }

    /// Whether somebody wants to pay at least what somebody else asks.
    pub fn is_crossed(&self) -> bool {
        match (self.bids.first_key_value(), self.asks.first_key_value()) {
            (Some((Reverse(bid), _)), Some((ask, _))) => bid >= ask,
            _ => false,
        }
    }
}

impl Rest {
    fn new(level: &Level<'_>) -> Rest {
        let (price, amount) = (level.price.as_str(), level.amount.as_str());
        let mut text = String::with_capacity(price.len() + amount.len());
        text.push_str(price);
        text.push_str(amount);
        Rest { text: text.into_boxed_str(), price_bytes: price.len(), count: level.count }
    }

    fn parts(&self) -> (&str, &str, Option<u64>) {
        let (price, amount) = self.text.split_at_checked(self.price_bytes).unwrap_or_default();
        (price, amount, self.count)
    }
}
