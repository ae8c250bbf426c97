//! One book as its frames make it, and whether it can still be believed.

use std::fmt;

use dccd_record::{Book, NumberError};

use super::Joint;
use super::book::{BookSide, OrderBook};

/// How the frames of a book are verified.
#[derive(Clone, Copy)]
pub struct Rule {
    /// How numbers follow each other.
    pub order: Order,
    /// What the checksum of a frame is made of, where frames have one.
    pub checksum: Option<fn(&OrderBook) -> u32>,
    /// To how many levels the exchange itself cuts the book after each change.
    pub depth: Option<usize>,
}

/// How the numbers of a book's frames follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Frames have no numbers.
    None,
    /// Each frame begins one after the end of the one before.
    Consecutive,
    /// Each frame names the number of the one before; numbers may skip.
    Linked,
    /// The first frame after a snapshot holds the snapshot's number or the next one; later ones name the
    /// number of the one before.
    Bridged,
}

/// What a whole book adds up to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checksum(pub u32);

/// Why a book can no longer be believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Break {
    /// Frames are missing.
    Sequence {
        /// The number that was reached.
        reached: u64,
        /// The number that came.
        came: u64,
    },
    /// It does not add up.
    Checksum {
        /// What the exchange says.
        said: u32,
        /// What it is.
        is: u32,
    },
    /// A change came where there is no book to change.
    NoSnapshot,
    /// A price or an amount is none.
    Number(NumberError),
    /// Less than nothing rests at a price.
    NegativeAmount(String),
    /// It grew beyond anything that is traded.
    TooManyLevels,
}

/// The most levels of a book, both sides together; the deepest ones have a tenth of that.
const LEVELS_MAX: usize = 1_000_000;

/// Keeps one book.
#[derive(Debug)]
pub struct Keeper {
    rule: Rule,
    book: OrderBook,
    state: State,
    checksums: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// There is no book, or none that can be believed.
    Broken,
    /// The book is a snapshot with this number, which changes may still overlap.
    Fresh(Option<u64>),
    /// Changes up to this number are applied.
    Running(Option<u64>),
}

impl Keeper {
    /// A keeper without a book.
    pub fn new(rule: Rule) -> Keeper {
        Keeper { rule, book: OrderBook::new(), state: State::Broken, checksums: 0 }
    }

    /// The book; `None` while there is none that can be believed.
    pub fn book(&self) -> Option<&OrderBook> {
        (self.state != State::Broken).then_some(&self.book)
    }

    /// The number that was reached.
    pub fn seq(&self) -> Option<u64> {
        match self.state {
            State::Broken => None,
            State::Fresh(seq) | State::Running(seq) => seq,
        }
    }

    /// How many checksums agreed.
    pub fn checksums(&self) -> u64 {
        self.checksums
    }

    /// Takes a frame; false if it is older than the book. After a break only a snapshot helps.
    pub fn take(&mut self, book: &Book<'_>, joint: Joint, checksum: Option<Checksum>) -> Result<bool, Break> {
        let applied = self.apply(book, joint).and_then(|is_news| {
            // The sum of an older frame is that of an older book.
            if is_news {
                self.check(checksum)?;
            }
            Ok(is_news)
        });
        if applied.is_err() {
            self.state = State::Broken;
            self.book.clear();
        }
        applied
    }

    fn apply(&mut self, book: &Book<'_>, joint: Joint) -> Result<bool, Break> {
        self.state = match joint {
            Joint::Snapshot { seq } => {
                self.book.clear();
                State::Fresh(seq)
            }
            Joint::Bare if self.state == State::Broken => return Err(Break::NoSnapshot),
            Joint::Bare => State::Running(None),
            Joint::Update { first, last, previous } => match self.follow(first, last, previous)? {
                Some(state) => state,
                None => return Ok(false),
            },
        };
        for (side, levels) in [(BookSide::Bids, &book.bids), (BookSide::Asks, &book.asks)] {
            for level in levels {
                if level.amount.is_negative() && !level.amount.is_zero() {
                    return Err(Break::NegativeAmount(level.amount.as_str().to_owned()));
                }
                self.book.set(side, level).map_err(Break::Number)?;
            }
        }
        if let Some(depth) = self.rule.depth {
            self.book.truncate(depth);
        }
        if self.book.levels() > LEVELS_MAX {
            return Err(Break::TooManyLevels);
        }
        Ok(true)
    }

    /// What an update leads to; `None` if it is older than the book.
    fn follow(&self, first: u64, last: u64, previous: Option<u64>) -> Result<Option<State>, Break> {
        let (reached, is_fresh) = match self.state {
            State::Broken => return Err(Break::NoSnapshot),
            State::Fresh(reached) => (reached, true),
            State::Running(reached) => (reached, false),
        };
        let Some(reached) = reached else { return Ok(Some(State::Running(Some(last)))) };
        let names_it = previous == Some(reached);
        let follows = match self.rule.order {
            Order::None => true,
            Order::Consecutive if is_fresh && last <= reached => return Ok(None),
            Order::Consecutive if is_fresh => first <= reached.saturating_add(1),
            Order::Consecutive => first == reached.saturating_add(1),
            Order::Linked => names_it,
            Order::Bridged if is_fresh && last < reached => return Ok(None),
            Order::Bridged if is_fresh => names_it || first <= reached,
            Order::Bridged => names_it,
        };
        if follows { Ok(Some(State::Running(Some(last)))) } else { Err(Break::Sequence { reached, came: first }) }
    }

    fn check(&mut self, checksum: Option<Checksum>) -> Result<(), Break> {
        let (Some(Checksum(said)), Some(sum)) = (checksum, self.rule.checksum) else { return Ok(()) };
        let is = sum(&self.book);
        if is != said {
            return Err(Break::Checksum { said, is });
        }
        self.checksums += 1;
        Ok(())
    }
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Rule { order, checksum, depth } = self;
        f.debug_struct("Rule")
            .field("order", order)
            .field("has_checksum", &checksum.is_some())
            .field("depth", depth)
            .finish()
    }
}

impl fmt::Display for Break {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Break::Sequence { reached, came } => write!(f, "frames are missing: {came} came after {reached}"),
            Break::Checksum { said, is } => write!(f, "the checksum is {is}, not {said}"),
            Break::NoSnapshot => f.write_str("a change came before any snapshot"),
            Break::Number(cause) => cause.fmt(f),
            Break::NegativeAmount(amount) => write!(f, "a level of {amount}"),
            Break::TooManyLevels => write!(f, "the book has more than {LEVELS_MAX} levels"),
        }
    }
}

impl std::error::Error for Break {}
