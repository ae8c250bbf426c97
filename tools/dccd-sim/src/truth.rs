//! What a store should hold of an exchange, as record lines.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range as Bounds;
use std::sync::Arc;

use dccd_cli::{Output, OutputError};
use dccd_record::{
    Book, Candle, Dataset, Funding, Kind, Level, LineWriter, Number, OpenInterest, Pair, Range, Side, Trade, Ts,
};

use crate::clock::{DAY, MILLI, SECOND};
use crate::market::bar::Grid;
use crate::market::candle::{self, CandleQuery, Fill, Pick, candles};
use crate::market::statistics::{BOOK_STEP, book};
use crate::market::trade;
use crate::market::{Market, Series};

/// Candles are made in portions of so many.
const PORTION: usize = 10_000;

/// Which of an exchange's two doors the truth is seen through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    /// REST.
    Rest,
    /// The bulk archive, whose stamps and digits may differ.
    Archive,
}

/// What is wanted.
#[derive(Clone, Debug)]
pub(crate) struct TruthQuery {
    pub(crate) dataset: Dataset,
    pub(crate) range: Range,
    pub(crate) now: i64,
    pub(crate) door: Door,
    pub(crate) depth: usize,
}

/// Why there is no truth.
#[derive(Debug)]
pub(crate) enum TruthError {
    /// Not traded there.
    Pair(&'static str, Pair),
    /// The exchange has no history of this kind.
    Kind(&'static str, Kind, Pair),
    /// Standard output is gone.
    Output(OutputError),
}

impl fmt::Display for TruthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TruthError::Pair(exchange, pair) => {
                write!(f, "{exchange} does not trade {pair}: add it with --pair {pair}")
            }
            TruthError::Kind(exchange, kind, pair) => write!(f, "{exchange} has no {kind} of {pair}"),
            TruthError::Output(cause) => cause.fmt(f),
        }
    }
}

impl std::error::Error for TruthError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            TruthError::Output(cause) => Some(cause),
            TruthError::Pair(..) | TruthError::Kind(..) => None,
        }
    }
}

impl From<OutputError> for TruthError {
    fn from(cause: OutputError) -> TruthError {
        TruthError::Output(cause)
    }
}

/// One candle, its numbers as the exchange writes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CandleRow {
    /// When it opened.
    pub(crate) micros: i64,
    /// Open, high, low, close.
    pub(crate) prices: [String; 4],
    pub(crate) volume: String,
    pub(crate) quote_volume: Option<String>,
    pub(crate) trades: Option<i64>,
    /// Not the exchange's own candle, but made of its trades.
    pub(crate) is_derived: bool,
}

/// One trade, its numbers as the exchange writes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TradeRow {
    /// Since 1970.
    pub(crate) nanos: i64,
    pub(crate) price: String,
    pub(crate) amount: String,
    pub(crate) taker: Option<Side>,
    pub(crate) id: Option<String>,
}

/// One payment, its numbers as the exchange writes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FundingRow {
    pub(crate) micros: i64,
    pub(crate) rate: String,
    pub(crate) mark_price: Option<String>,
}

/// One measurement, its numbers as the exchange writes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OpenInterestRow {
    pub(crate) micros: i64,
    pub(crate) amount: String,
    pub(crate) value: Option<String>,
}

/// Prints the records of one dataset within bounds.
pub(crate) struct Teller<'a> {
    exchange: &'static str,
    series: Arc<Series>,
    query: &'a TruthQuery,
    lines: LineWriter,
    bounds: Bounds<i64>,
    out: &'a mut Output,
}

impl<'a> Teller<'a> {
    /// A teller of what `exchange` shows; an error if it does not trade the pair.
    pub(crate) fn new(
        market: &Market,
        exchange: &'static str,
        query: &'a TruthQuery,
        out: &'a mut Output,
    ) -> Result<Teller<'a>, TruthError> {
        let pair = query.dataset.pair();
        let series = market.series(exchange, pair).ok_or_else(|| TruthError::Pair(exchange, pair.clone()))?;
        // Bounds round up: a record belongs to the range if its stamp is not before the start.
        let micros = |ts: Ts| -(-ts.nanos()).div_euclid(1_000);
        let bounds = micros(query.range.start())..micros(query.range.end());
        Ok(Teller { exchange, series, query, lines: LineWriter::new(&query.dataset), bounds, out })
    }

    /// The truth about the pair.
    pub(crate) fn series(&self) -> Arc<Series> {
        Arc::clone(&self.series)
    }

    /// The error for a kind that the exchange does not have.
    pub(crate) fn no_such_kind(&self) -> TruthError {
        let dataset = &self.query.dataset;
        TruthError::Kind(self.exchange, dataset.kind(), dataset.pair().clone())
    }

    /// The range, in microseconds; it may reach beyond now.
    pub(crate) fn bounds(&self) -> Bounds<i64> {
        self.bounds.clone()
    }

    /// The range, up to and including now.
    pub(crate) fn past(&self) -> Bounds<i64> {
        self.bounds.start..self.bounds.end.min(self.query.now.saturating_add(1))
    }

    /// The buckets of the dataset's span: weeks begin on Monday.
    pub(crate) fn grid(&self) -> Option<Grid> {
        let width = i64::from(self.query.dataset.span()?.secs()) * SECOND;
        let origin = if width == 7 * DAY { 4 * DAY } else { 0 };
        Some(Grid::Fixed { width, origin })
    }

    /// Every closed candle.
    pub(crate) fn candles(&mut self, fill: Fill, row: impl Fn(&candle::Candle) -> CandleRow) -> Result<(), TruthError> {
        let Some(grid) = self.grid() else { return Ok(()) };
        let (series, now) = (self.series(), self.query.now);
        let mut from = self.bounds.start;
        loop {
            let through = self.bounds.end - 1;
            let query =
                CandleQuery { from: Some(from), through, now, seen: now, limit: PORTION, fill, pick: Pick::Oldest };
            let portion = candles(&series, grid, query);
            let Some(last) = portion.last() else { return Ok(()) };
            from = last.end;
            for candle in portion.iter().filter(|candle| candle.end <= now) {
                self.candle(&row(candle))?;
            }
        }
    }

    /// Every trade; its stamp may differ from its true instant by at most `width` microseconds.
    pub(crate) fn trades(&mut self, width: i64, row: impl Fn(&trade::Trade) -> TradeRow) -> Result<(), TruthError> {
        let series = self.series();
        let Bounds { start, end } = self.bounds();
        let first = series.first_id_at(start.saturating_sub(width));
        let ids = first..series.first_id_at(end.saturating_add(width).min(self.query.now + 1));
        let (start, end) = (self.query.range.start().nanos(), self.query.range.end().nanos());
        for trade in series.trades(ids) {
            let row = row(&trade);
            if (start..end).contains(&row.nanos) {
                self.trade(&row)?;
            }
        }
        Ok(())
    }

    /// Every book of the range, with its sequence; `price` and `amount` write one number each.
    pub(crate) fn books(
        &mut self,
        price: impl Fn(i64) -> String,
        amount: impl Fn(i64) -> String,
    ) -> Result<(), TruthError> {
        self.books_with(price, amount, |step| u64::try_from(step).ok())
    }

    /// Every book of the range, of an exchange that numbers them in its own way.
    pub(crate) fn books_with(
        &mut self,
        price: impl Fn(i64) -> String,
        amount: impl Fn(i64) -> String,
        sequence: impl Fn(i64) -> Option<u64>,
    ) -> Result<(), TruthError> {
        let (series, past) = (self.series(), self.past());
        let steps = -(-past.start).div_euclid(BOOK_STEP)..-(-past.end).div_euclid(BOOK_STEP);
        for step in steps {
            let book = book(&series, step, self.query.depth);
            let texts = |levels: &[(i64, i64)]| -> Vec<(String, String)> {
                levels.iter().map(|(ticks, lots)| (price(*ticks), amount(*lots))).collect()
            };
            let (bids, asks) = (texts(&book.bids), texts(&book.asks));
            let record = Book {
                ts: ts(step * BOOK_STEP),
                is_snapshot: true,
                bids: levels(&bids),
                asks: levels(&asks),
                seq: sequence(step),
                recv_ts: None,
            };
            self.lines.book(&record, self.out.buffer());
            self.out.flush_full()?;
        }
        Ok(())
    }

    /// One candle.
    pub(crate) fn candle(&mut self, row: &CandleRow) -> Result<(), TruthError> {
        let [open, high, low, close] = &row.prices;
        let record = Candle {
            ts: ts(row.micros),
            open: number(open),
            high: number(high),
            low: number(low),
            close: number(close),
            volume: number(&row.volume),
            quote_volume: row.quote_volume.as_deref().map(number),
            trades: row.trades.and_then(|count| u64::try_from(count).ok()),
            is_derived: row.is_derived,
        };
        self.lines.candle(&record, self.out.buffer());
        Ok(self.out.flush_full()?)
    }

    /// One trade.
    pub(crate) fn trade(&mut self, row: &TradeRow) -> Result<(), TruthError> {
        let record = Trade {
            ts: Ts::from_nanos(row.nanos).expect("markets live between 2000 and 2200"),
            price: number(&row.price),
            amount: number(&row.amount),
            side: row.taker,
            tid: row.id.as_deref().map(Cow::Borrowed),
            recv_ts: None,
        };
        self.lines.trade(&record, self.out.buffer());
        Ok(self.out.flush_full()?)
    }

    /// One payment.
    pub(crate) fn funding(&mut self, row: &FundingRow) -> Result<(), TruthError> {
        let mark_price = row.mark_price.as_deref().map(number);
        let record = Funding { ts: ts(row.micros), rate: number(&row.rate), mark_price };
        self.lines.funding(&record, self.out.buffer());
        Ok(self.out.flush_full()?)
    }

    /// One measurement.
    pub(crate) fn open_interest(&mut self, row: &OpenInterestRow) -> Result<(), TruthError> {
        let record = OpenInterest {
            ts: ts(row.micros),
            open_interest: number(&row.amount),
            open_interest_value: row.value.as_deref().map(number),
        };
        self.lines.open_interest(&record, self.out.buffer());
        Ok(self.out.flush_full()?)
    }
}

/// What `write` writes, as text.
pub(crate) fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = Vec::with_capacity(24);
    write(&mut out);
    String::from_utf8_lossy(&out).into_owned()
}

/// `micros` cut off to whole milliseconds, in nanoseconds.
pub(crate) fn whole_millis(micros: i64) -> i64 {
    (micros - micros.rem_euclid(MILLI)) * 1_000
}

fn number(text: &str) -> Number<'_> {
    Number::new(text).expect("a decimal of ours is a number")
}

fn ts(micros: i64) -> Ts {
    Ts::from_micros(micros).expect("markets live between 2000 and 2200")
}

fn levels(texts: &[(String, String)]) -> Vec<Level<'_>> {
    texts.iter().map(|(price, amount)| Level { price: number(price), amount: number(amount), count: None }).collect()
}
