//! Candles made of trades.
//!
//! A [`CandleBuilder`] takes the trades of one pair and what is known to be covered, in any order, and
//! gives each candle once its bucket is wholly covered. It sums exactly, holds of a bucket only what
//! the candle needs and the ids that tell a re-sent trade from a new one (consecutive ids cost
//! nothing), and drops a bucket with its candle.

use std::collections::BTreeMap;
use std::fmt;

use crate::number::{Fixed, Number, NumberError};
use crate::range::{Range, RangeSet};
use crate::record::{Candle, Trade};
use crate::seen::{Sight, TradeIds};
use crate::span::Span;
use crate::time::Ts;

/// The most bytes one builder holds for buckets that are not yet covered.
pub const CANDLE_BYTES_MAX: usize = 256 << 20;
/// The most pieces that coverage may be in.
pub const COVERED_PIECES_MAX: usize = 100_000;
/// What one open bucket costs, roughly, without its ids.
const BUCKET_BYTES: usize = 512;

/// Whether price times amount is an amount of the quote asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuoteVolume {
    /// It is: amounts are in the base asset.
    Summed,
    /// It is not, or nobody knows: amounts may be contracts.
    Unknown,
}

/// Makes the candles of one pair and span.
#[derive(Clone, Debug)]
pub struct CandleBuilder {
    span: Span,
    quote_volume: QuoteVolume,
    open: BTreeMap<Ts, Bucket>,
    held_bytes: usize,
    covered: RangeSet,
    decided: RangeSet,
}

impl CandleBuilder {
    /// A builder that has seen nothing.
    pub fn new(span: Span, quote_volume: QuoteVolume) -> CandleBuilder {
        CandleBuilder {
            span,
            quote_volume,
            open: BTreeMap::new(),
            held_bytes: 0,
            covered: RangeSet::new(),
            decided: RangeSet::new(),
        }
    }

    /// Takes a trade. One with an id that its bucket holds already, or of a decided bucket, was sent again.
    pub fn trade(&mut self, trade: &Trade<'_>) -> Result<Sight, CandleError> {
        let start = self.span.floor(trade.ts);
        if self.decided.contains(trade.ts) {
            return Ok(Sight::Repeated);
        }
        let bucket = match self.open.get_mut(&start) {
            Some(bucket) => bucket,
            None => {
                self.held_bytes += BUCKET_BYTES;
                self.open.entry(start).or_default()
            }
        };
        let bytes_before = bucket.ids.held_bytes();
        let sight = bucket.take(trade, self.quote_volume);
        self.held_bytes = (self.held_bytes + bucket.ids.held_bytes()).saturating_sub(bytes_before);
        if self.held_bytes > CANDLE_BYTES_MAX {
            return Err(CandleError::TooManyTrades { open: self.undecided() });
        }
        sight
    }

    /// Takes the word that every trade of `range` was given, and decides the buckets that are whole now.
    pub fn covered(&mut self, range: Range) -> Result<Decided, CandleError> {
        self.covered.insert(range);
        if self.covered.iter().len() > COVERED_PIECES_MAX {
            return Err(CandleError::TooManyPieces);
        }
        let mut decided = Decided::default();
        if let Some(whole) = self.whole_buckets(range) {
            for range in self.decided.missing(whole).iter() {
                self.decide(range, &mut decided);
            }
            self.decided.insert(whole);
        }
        Ok(decided)
    }

    /// The width of the candles.
    pub fn span(&self) -> Span {
        self.span
    }

    /// How many buckets hold trades and wait for coverage.
    pub fn undecided(&self) -> usize {
        self.open.len()
    }

    /// The bytes held for them.
    pub fn held_bytes(&self) -> usize {
        self.held_bytes
    }

    /// The buckets that lie wholly in the covered piece that `range` now belongs to.
    fn whole_buckets(&self, range: Range) -> Option<Range> {
        let piece = self.covered.piece(range.start())?;
        aligned_inner(piece, self.span)
    }

    fn decide(&mut self, range: Range, decided: &mut Decided) {
        let mut start = range.start();
        while let Some((&ts, _)) = self.open.range(range.start()..range.end()).next() {
            let Some(bucket) = self.open.remove(&ts) else { break };
            let freed = BUCKET_BYTES + bucket.ids.held_bytes();
            self.held_bytes = self.held_bytes.saturating_sub(freed);
            match bucket.close(ts) {
                Some(candle) => decided.candles.push(candle),
                None => {
                    let end = ts.saturating_add(self.span.nanos());
                    decided.covered.extend(Range::new(start, ts));
                    decided.impossible.extend(Range::new(ts, end));
                    start = end;
                }
            }
        }
        decided.covered.extend(Range::new(start, range.end()));
    }
}

/// The whole buckets of `span` inside `range`.
pub fn aligned_inner(range: Range, span: Span) -> Option<Range> {
    let (start, end) = (span.ceil(range.start()), span.floor(range.end()));
    Range::new(start, end).filter(|_| span.is_aligned(start) && span.is_aligned(end))
}

/// What a range being covered decided.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decided {
    /// The candles, in order of time. A bucket without trades has none.
    pub candles: Vec<BuiltCandle>,
    /// The buckets that are answered in full: every candle of theirs is in `candles`.
    pub covered: Vec<Range>,
    /// The buckets whose numbers are too long to be summed exactly: no candle will come.
    pub impossible: Vec<Range>,
}

/// A candle that owns its numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuiltCandle {
    ts: Ts,
    open: String,
    high: String,
    low: String,
    close: String,
    volume: String,
    quote_volume: Option<String>,
    trades: u64,
}

impl BuiltCandle {
    /// When it opened.
    pub fn ts(&self) -> Ts {
        self.ts
    }

    /// The candle as a record, marked as derived.
    pub fn record(&self) -> Result<Candle<'_>, NumberError> {
        Ok(Candle {
            ts: self.ts,
            open: Number::new(&self.open)?,
            high: Number::new(&self.high)?,
            low: Number::new(&self.low)?,
            close: Number::new(&self.close)?,
            volume: Number::new(&self.volume)?,
            quote_volume: self.quote_volume.as_deref().map(Number::new).transpose()?,
            trades: Some(self.trades),
            is_derived: true,
        })
    }
}

/// What is held of a bucket until it is decided.
#[derive(Clone, Debug, Default)]
struct Bucket {
    edges: Option<Edges>,
    volume: Fixed,
    /// `None` once it did not fit.
    quote_volume: Option<Fixed>,
    trades: u64,
    ids: TradeIds,
    is_impossible: bool,
}

impl Bucket {
    fn take(&mut self, trade: &Trade<'_>, quote_volume: QuoteVolume) -> Result<Sight, CandleError> {
        if let Some(tid) = trade.tid.as_deref()
            && self.ids.insert(tid) == Sight::Repeated
        {
            return Ok(Sight::Repeated);
        }
        let summed = self.add(trade, quote_volume);
        self.is_impossible |= summed.is_err();
        summed.map(|()| Sight::New)
    }

    fn add(&mut self, trade: &Trade<'_>, quote_volume: QuoteVolume) -> Result<(), CandleError> {
        let exact = |number: Number<'_>| number.to_fixed().map_err(CandleError::Number);
        let (price, amount) = (exact(trade.price)?, exact(trade.amount)?);
        self.volume = self.volume.checked_add(amount).ok_or(CandleError::Volume(trade.ts))?;
        let is_first = self.edges.is_none();
        self.quote_volume = match quote_volume {
            QuoteVolume::Summed if is_first => price.checked_mul(amount),
            QuoteVolume::Summed => self.quote_volume.and_then(|sum| sum.checked_add(price.checked_mul(amount)?)),
            QuoteVolume::Unknown => None,
        };
        let order = trade.tid.as_deref().and_then(crate::seen::numeric);
        match &mut self.edges {
            Some(edges) => edges.take(trade, price, order),
            None => self.edges = Some(Edges::new(trade, price, order)),
        }
        self.trades = self.trades.saturating_add(1);
        Ok(())
    }

    /// The candle; `None` if its numbers cannot be written exactly.
    fn close(self, ts: Ts) -> Option<BuiltCandle> {
        let edges = self.edges.filter(|_| !self.is_impossible)?;
        let volume = self.volume.to_string();
        Number::new(&volume).ok()?;
        Some(BuiltCandle {
            ts,
            open: edges.first.price,
            high: edges.high.1,
            low: edges.low.1,
            close: edges.last.price,
            volume,
            quote_volume: self.quote_volume.map(|sum| sum.to_string()).filter(|text| Number::new(text).is_ok()),
            trades: self.trades,
        })
    }
}

/// The four trades that a candle names.
#[derive(Clone, Debug)]
struct Edges {
    first: Edge,
    high: (Fixed, String),
    low: (Fixed, String),
    last: Edge,
}

/// The first or last trade so far.
#[derive(Clone, Debug)]
struct Edge {
    ts: Ts,
    order: Option<u64>,
    price: String,
}

impl Edges {
    fn new(trade: &Trade<'_>, price: Fixed, order: Option<u64>) -> Edges {
        let text = trade.price.as_str();
        let edge = Edge { ts: trade.ts, order, price: text.to_owned() };
        Edges { first: edge.clone(), high: (price, text.to_owned()), low: (price, text.to_owned()), last: edge }
    }

    fn take(&mut self, trade: &Trade<'_>, price: Fixed, order: Option<u64>) {
        let text = trade.price.as_str();
        if self.first.is_after(trade.ts, order) {
            self.first.set(trade.ts, order, text);
        }
        if !self.last.is_after(trade.ts, order) {
            self.last.set(trade.ts, order, text);
        }
        if price > self.high.0 {
            self.high.0 = price;
            replace(&mut self.high.1, text);
        }
        if price < self.low.0 {
            self.low.0 = price;
            replace(&mut self.low.1, text);
        }
    }
}

impl Edge {
    /// Whether this trade happened after one at `ts`: by time, then by number, then by arrival.
    fn is_after(&self, ts: Ts, order: Option<u64>) -> bool {
        match (self.ts.cmp(&ts), self.order, order) {
            (std::cmp::Ordering::Equal, Some(ours), Some(theirs)) => ours > theirs,
            (time, ..) => time.is_gt(),
        }
    }

    fn set(&mut self, ts: Ts, order: Option<u64>, price: &str) {
        (self.ts, self.order) = (ts, order);
        replace(&mut self.price, price);
    }
}

/// Without a new allocation.
fn replace(held: &mut String, text: &str) {
    held.clear();
    held.push_str(text);
}

/// Why candles cannot be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CandleError {
    /// A price or amount has too many digits to be calculated with. The bucket gets no candle.
    Number(NumberError),
    /// The volume of the bucket that holds this instant has too many digits. It gets no candle.
    Volume(Ts),
    /// Too much waits for coverage.
    TooManyTrades {
        /// How many buckets wait.
        open: usize,
    },
    /// Coverage came in too many pieces with holes between them.
    TooManyPieces,
}

impl CandleError {
    /// Whether the builder can go on: only one bucket is lost.
    pub fn is_local(&self) -> bool {
        matches!(self, CandleError::Number(_) | CandleError::Volume(_))
    }
}

impl fmt::Display for CandleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CandleError::Number(cause) => write!(f, "no exact sum, and so no candle: {cause}"),
            CandleError::Volume(ts) => write!(f, "no candle for the time around {ts}: its volume has too many digits"),
            CandleError::TooManyTrades { open } => write!(
                f,
                "the trades of {open} candles wait for their covered line and fill {} MiB: \
                 let covered lines follow their trades more closely, or ask for a shorter range",
                CANDLE_BYTES_MAX >> 20
            ),
            CandleError::TooManyPieces => write!(
                f,
                "covered lines leave more than {COVERED_PIECES_MAX} holes between them: ask for one range at a time"
            ),
        }
    }
}

impl std::error::Error for CandleError {}
