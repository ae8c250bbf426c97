//! From rows back to records.

use std::borrow::Cow;

use dccd_record::{Book, Candle, Funding, Kind, Level, Number, OpenInterest, Side, Trade, Ts};

use super::column::{ASK, BID, BUY, Column, SELL, TRUE};
use super::number::{write_decimal, write_float};
use super::rows::Rows;
use super::schema::at;

/// A record read from rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record<'a> {
    /// A candle.
    Candle(Candle<'a>),
    /// A trade.
    Trade(Trade<'a>),
    /// A book snapshot or delta.
    Book(Book<'a>),
    /// A funding rate.
    Funding(Funding<'a>),
    /// An open interest.
    OpenInterest(OpenInterest<'a>),
}

impl Record<'_> {
    /// When it happened.
    pub fn ts(&self) -> Ts {
        match self {
            Record::Candle(record) => record.ts,
            Record::Trade(record) => record.ts,
            Record::Book(record) => record.ts,
            Record::Funding(record) => record.ts,
            Record::OpenInterest(record) => record.ts,
        }
    }
}

/// How many rows could not be told as records: an instant beyond belief, or no value where one is needed.
/// Only files that were not written by this crate have such rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unusable(pub u64);

impl Rows {
    /// Hands each record to `take`, in order, until it fails.
    ///
    /// Consecutive rows of one book line are one record. A line never spans two batches of a scan.
    pub fn for_each<E>(&self, mut take: impl FnMut(Record<'_>) -> Result<(), E>) -> Result<Unusable, E> {
        let mut unusable = 0;
        let mut digits = Vec::with_capacity(128);
        let mut row = 0;
        while row < self.len() {
            let end = if self.kind() == Kind::Book { self.line_end(row) } else { row + 1 };
            digits.clear();
            match self.record(row..end, &mut digits) {
                Some(record) => take(record)?,
                None => unusable += 1,
            }
            row = end;
        }
        Ok(Unusable(unusable))
    }

    /// How many records the rows are.
    pub fn records(&self) -> usize {
        if self.kind() != Kind::Book {
            return self.len();
        }
        let (mut row, mut count) = (0, 0);
        while row < self.len() {
            row = self.line_end(row);
            count += 1;
        }
        count
    }

    /// Where the book line that begins at `row` ends.
    pub(super) fn line_end(&self, row: usize) -> usize {
        let is_same = |other: usize| {
            self.ts[other] == self.ts[row]
                && [at::BOOK_SEQ, at::BOOK_IS_SNAPSHOT, at::BOOK_RECV_TS]
                    .iter()
                    .all(|at| self.columns[*at].compare(other, &self.columns[*at], row).is_eq())
        };
        (row + 1..self.len()).find(|other| !is_same(*other)).unwrap_or(self.len())
    }

    /// The record in `rows`; its numbers are written to `digits`.
    fn record<'a>(&'a self, rows: std::ops::Range<usize>, digits: &'a mut Vec<u8>) -> Option<Record<'a>> {
        let row = rows.start;
        let ts = Ts::from_nanos(self.ts[row]).ok()?;
        if self.kind() == Kind::Book {
            return self.book(ts, rows, digits).map(Record::Book);
        }
        let mut ends = [None; 6];
        for (end, column) in ends.iter_mut().zip(&self.columns) {
            *end = write_number(column, row, digits).then_some(digits.len());
        }
        let numbers = NumberTexts { digits, ends };
        Some(match self.kind() {
            Kind::Candle => Record::Candle(Candle {
                ts,
                open: numbers.get(0)?,
                high: numbers.get(1)?,
                low: numbers.get(2)?,
                close: numbers.get(3)?,
                volume: numbers.get(4)?,
                quote_volume: numbers.get(5),
                trades: self.int(6, row).and_then(|count| u64::try_from(count).ok()),
                is_derived: self.code(at::CANDLE_DERIVED, row) == TRUE,
            }),
            Kind::Trade => Record::Trade(Trade {
                ts,
                price: numbers.get(at::TRADE_PRICE)?,
                amount: numbers.get(at::TRADE_AMOUNT)?,
                side: match self.code(at::TRADE_SIDE, row) {
                    BUY => Some(Side::Buy),
                    SELL => Some(Side::Sell),
                    _ => None,
                },
                tid: self.text(at::TRADE_TID, row).map(Cow::Borrowed),
                recv_ts: self.int(4, row).and_then(|nanos| Ts::from_nanos(nanos).ok()),
            }),
            Kind::Funding => Record::Funding(Funding { ts, rate: numbers.get(0)?, mark_price: numbers.get(1) }),
            Kind::OpenInterest | Kind::Book => Record::OpenInterest(OpenInterest {
                ts,
                open_interest: numbers.get(0)?,
                open_interest_value: numbers.get(1),
            }),
        })
    }

    fn book<'a>(&'a self, ts: Ts, rows: std::ops::Range<usize>, digits: &'a mut Vec<u8>) -> Option<Book<'a>> {
        let first = rows.start;
        let mut marks = Vec::with_capacity(rows.len());
        for row in rows.clone() {
            let side = self.code(at::BOOK_SIDE, row);
            let start = digits.len();
            if side != BID && side != ASK {
                continue;
            }
            let has_price = write_number(&self.columns[at::BOOK_PRICE], row, digits);
            let middle = digits.len();
            let has_amount = write_number(&self.columns[at::BOOK_PRICE + 1], row, digits);
            if !has_price || !has_amount {
                return None;
            }
            let count = self.int(3, row).and_then(|count| u64::try_from(count).ok());
            marks.push((side, start..middle, middle..digits.len(), count));
        }
        let text = std::str::from_utf8(digits).ok()?;
        let (mut bids, mut asks) = (Vec::new(), Vec::new());
        for (side, price, amount, count) in marks {
            let price = Number::new(text.get(price)?).ok()?;
            let amount = Number::new(text.get(amount)?).ok()?;
            if side == BID { &mut bids } else { &mut asks }.push(Level { price, amount, count });
        }
        Some(Book {
            ts,
            // Files of dccd 2 did not say; they held snapshots only.
            is_snapshot: self.code(at::BOOK_IS_SNAPSHOT, first) != super::column::FALSE,
            bids,
            asks,
            seq: self.int(at::BOOK_SEQ, first).and_then(|seq| u64::try_from(seq).ok()),
            recv_ts: self.int(at::BOOK_RECV_TS, first).and_then(|nanos| Ts::from_nanos(nanos).ok()),
        })
    }

    fn int(&self, at: usize, row: usize) -> Option<i64> {
        match &self.columns[at] {
            Column::Int(values) => values.get(row),
            _ => None,
        }
    }

    fn code(&self, at: usize, row: usize) -> u8 {
        match &self.columns[at] {
            Column::Word(codes) | Column::Flag(codes) => codes[row],
            _ => 0,
        }
    }

    fn text(&self, at: usize, row: usize) -> Option<&str> {
        match &self.columns[at] {
            Column::Text(texts) => std::str::from_utf8(texts.get(row)).ok().filter(|text| !text.is_empty()),
            _ => None,
        }
    }
}

/// The texts of the numbers in a record's first columns, one after the other.
struct NumberTexts<'a> {
    digits: &'a [u8],
    ends: [Option<usize>; 6],
}

impl<'a> NumberTexts<'a> {
    fn get(&self, at: usize) -> Option<Number<'a>> {
        let end = self.ends[at]?;
        let start = self.ends[..at].iter().rev().find_map(|end| *end).unwrap_or(0);
        Number::new(std::str::from_utf8(&self.digits[start..end]).ok()?).ok()
    }
}

/// Appends a number's text; `false` if it is null, or no number at all.
fn write_number(column: &Column, row: usize, digits: &mut Vec<u8>) -> bool {
    match column {
        Column::Float(values) => match values.get(row).filter(|value| value.is_finite()) {
            Some(value) => {
                write_float(value, digits);
                true
            }
            None => false,
        },
        Column::Decimal(values) => match values.get(row) {
            Some(value) => {
                write_decimal(value, digits);
                true
            }
            None => false,
        },
        _ => false,
    }
}
