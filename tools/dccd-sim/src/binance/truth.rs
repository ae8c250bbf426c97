//! What a store should hold of Binance, as record lines.

use dccd_cli::{Output, OutputError};
use dccd_record::{
    Book, Candle, Dataset, Funding, Kind, Level, LineWriter, Market as MarketKind, Number, OpenInterest, Pair, Range,
    Trade, Ts,
};
use std::borrow::Cow;
use std::fmt;

use crate::binance::archive::FIRST_MICROS;
use crate::binance::params::Unit;
use crate::binance::statistics::{has_mark_price, open_interest_text};
use crate::binance::venue::{Digits, EXCHANGE};
use crate::clock::{DAY, MILLI, SECOND};
use crate::decimal::decimal_text;
use crate::market::bar::Grid;
use crate::market::candle::{CandleQuery, candles};
use crate::market::statistics::{BOOK_STEP, RATE_SCALE, book, fundings, open_interest};
use crate::market::{Market, Series};

/// Candles are made in portions of so many.
const PORTION: usize = 10_000;

/// Which of the exchange's two doors the truth is seen through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    /// REST: trades in milliseconds, funding with mark price.
    Rest,
    /// Archive: spot trades in microseconds from 2025 on, funding without mark price.
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
    /// Not traded here.
    Pair(Pair),
    /// Spot has no funding and no open interest.
    Kind(Kind, Pair),
    /// Standard output is gone.
    Output(OutputError),
}

impl fmt::Display for TruthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TruthError::Pair(pair) => write!(f, "{EXCHANGE} does not trade {pair}: add it with --pair {pair}"),
            TruthError::Kind(kind, pair) => write!(f, "{EXCHANGE} has no {kind} of {pair}"),
            TruthError::Output(cause) => cause.fmt(f),
        }
    }
}

impl std::error::Error for TruthError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            TruthError::Output(cause) => Some(cause),
            TruthError::Pair(_) | TruthError::Kind(..) => None,
        }
    }
}

impl From<OutputError> for TruthError {
    fn from(cause: OutputError) -> TruthError {
        TruthError::Output(cause)
    }
}

/// Prints every record of the range that has happened.
pub(crate) fn print(market: &Market, query: &TruthQuery, out: &mut Output) -> Result<(), TruthError> {
    let pair = query.dataset.pair();
    let kind = query.dataset.kind();
    if matches!(pair.market(), MarketKind::Quarter | MarketKind::NextQuarter) && kind != Kind::Candle {
        return Err(TruthError::Kind(kind, pair.clone()));
    }
    let series = market.series(EXCHANGE, pair).ok_or_else(|| TruthError::Pair(pair.clone()))?;
    // Bounds round up: a record belongs to the range if its stamp is not before the start.
    let micros = |ts: Ts| -(-ts.nanos()).div_euclid(1_000);
    let bounds = (micros(query.range.start()), micros(query.range.end()));
    let mut teller = Teller {
        series: &series,
        digits: Digits::of(series.listing()),
        lines: LineWriter::new(&query.dataset),
        query,
        start: bounds.0,
        end: bounds.1,
        out,
    };
    match kind {
        Kind::Candle => teller.candles()?,
        Kind::Trade => teller.trades()?,
        Kind::Book => teller.books()?,
        Kind::Funding if pair.market() == MarketKind::Perp => teller.fundings()?,
        Kind::OpenInterest if pair.market() == MarketKind::Perp => teller.open_interests()?,
        Kind::Funding | Kind::OpenInterest => return Err(TruthError::Kind(kind, pair.clone())),
    }
    Ok(())
}

struct Teller<'a> {
    series: &'a Series,
    digits: Digits,
    lines: LineWriter,
    query: &'a TruthQuery,
    start: i64,
    end: i64,
    out: &'a mut Output,
}

impl Teller<'_> {
    fn candles(&mut self) -> Result<(), OutputError> {
        let Some(grid) = self.grid() else { return Ok(()) };
        let mut from = self.start;
        loop {
            let now = self.query.now;
            let query = CandleQuery { from: Some(from), through: self.end - 1, now, seen: now, limit: PORTION };
            let portion = candles(self.series, grid, query);
            let Some(last) = portion.last() else { return Ok(()) };
            from = last.end;
            for candle in portion.iter().filter(|candle| candle.end <= self.query.now) {
                let bar = &candle.bar;
                let price = |ticks| text(|out| self.digits.price(out, ticks));
                let [open, high, low, close] = [bar.open, bar.high, bar.low, bar.close].map(price);
                let volume = text(|out| self.digits.amount(out, bar.volume));
                let quote_volume = text(|out| self.digits.quote(out, bar.quote_volume));
                let record = Candle {
                    ts: ts(candle.start),
                    open: number(&open),
                    high: number(&high),
                    low: number(&low),
                    close: number(&close),
                    volume: number(&volume),
                    quote_volume: Some(number(&quote_volume)),
                    trades: u64::try_from(bar.count).ok(),
                    is_derived: false,
                };
                self.lines.candle(&record, self.out.buffer());
                self.out.flush_full()?;
            }
        }
    }

    fn trades(&mut self) -> Result<(), OutputError> {
        let is_micros = self.query.door == Door::Archive && self.query.dataset.pair().market() == MarketKind::Spot;
        // Stamps in milliseconds are cut off, so a trade's stamp may lie before its true instant.
        let first = self.series.first_id_at(self.start - self.start.rem_euclid(MILLI));
        let ids = first..self.series.first_id_at((self.end + MILLI - 1).min(self.query.now + 1));
        for trade in self.series.trades(ids) {
            let unit = if is_micros && trade.micros >= FIRST_MICROS { Unit::Micros } else { Unit::Millis };
            let stamp = unit.of(trade.micros) * unit.micros();
            if !(self.start..self.end).contains(&stamp) {
                continue;
            }
            let price = text(|out| self.digits.price(out, trade.price));
            let amount = text(|out| self.digits.amount(out, trade.amount));
            let record = Trade {
                ts: ts(stamp),
                price: number(&price),
                amount: number(&amount),
                side: Some(trade.taker),
                tid: Some(Cow::Owned(trade.id.to_string())),
                recv_ts: None,
            };
            self.lines.trade(&record, self.out.buffer());
            self.out.flush_full()?;
        }
        Ok(())
    }

    fn books(&mut self) -> Result<(), OutputError> {
        let first = -(-self.start).div_euclid(BOOK_STEP);
        let after = -(-self.end.min(self.query.now + 1)).div_euclid(BOOK_STEP);
        for step in first..after {
            let book = book(self.series, step, self.query.depth);
            let texts = |levels: &[(i64, i64)]| -> Vec<(String, String)> {
                let one = |(price, amount): &(i64, i64)| {
                    (text(|out| self.digits.price(out, *price)), text(|out| self.digits.amount(out, *amount)))
                };
                levels.iter().map(one).collect()
            };
            let (bids, asks) = (texts(&book.bids), texts(&book.asks));
            let record = Book {
                ts: ts(step * BOOK_STEP),
                is_snapshot: true,
                bids: levels(&bids),
                asks: levels(&asks),
                seq: u64::try_from(step).ok(),
                recv_ts: None,
            };
            self.lines.book(&record, self.out.buffer());
            self.out.flush_full()?;
        }
        Ok(())
    }

    fn fundings(&mut self) -> Result<(), OutputError> {
        for funding in fundings(self.series, self.start, self.end.min(self.query.now + 1)) {
            let rate = decimal_text(i128::from(funding.rate), RATE_SCALE, RATE_SCALE);
            let mark_price = text(|out| self.digits.long_price(out, funding.mark_price));
            let is_known = self.query.door == Door::Rest && has_mark_price(&funding);
            let record = Funding {
                ts: ts(funding.micros),
                rate: number(&rate),
                mark_price: is_known.then(|| number(&mark_price)),
            };
            self.lines.funding(&record, self.out.buffer());
            self.out.flush_full()?;
        }
        Ok(())
    }

    fn open_interests(&mut self) -> Result<(), OutputError> {
        let Some(grid) = self.grid() else { return Ok(()) };
        let first = grid.ceil(self.start.max(self.series.listing().since));
        let stamps = std::iter::successors(Some(first), |stamp| Some(grid.next(*stamp)));
        for stamp in stamps.take_while(|stamp| *stamp < self.end && *stamp <= self.query.now) {
            let (amount, value) = open_interest_text(self.series.listing(), &open_interest(self.series, stamp));
            let record = OpenInterest {
                ts: ts(stamp),
                open_interest: number(&amount),
                open_interest_value: Some(number(&value)),
            };
            self.lines.open_interest(&record, self.out.buffer());
            self.out.flush_full()?;
        }
        Ok(())
    }

    fn grid(&self) -> Option<Grid> {
        let width = i64::from(self.query.dataset.span()?.secs()) * SECOND;
        let origin = if width == 7 * DAY { 4 * DAY } else { 0 };
        Some(Grid::Fixed { width, origin })
    }
}

fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = Vec::with_capacity(24);
    write(&mut out);
    String::from_utf8_lossy(&out).into_owned()
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
