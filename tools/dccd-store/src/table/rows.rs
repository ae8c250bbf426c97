//! Records of one kind, in columns.

use std::ops::Range;

use dccd_record::{Book, Candle, Kind, Line, Number, Range as TimeRange, Side, Trade, Ts};

use super::column::{ASK, BID, BUY, Column, FALSE, SELL, TRUE};
use super::error::RowError;
use super::number::decimal_from_number;
use super::order;
use super::schema::{self, Numbers};

/// The longest id that is taken.
pub(super) const TEXT_BYTES_MAX: usize = 256;

/// Records of one kind in columns, in the order they came until they are sorted.
///
/// ```
/// use dccd_record::{Kind, Parser};
/// use dccd_store::table::{Numbers, Rows};
///
/// let mut parser = Parser::new();
/// let line = parser.parse(br#"{"kind":"funding","exchange":"binance","pair":"BTC/USDT:perp","ts":"2024-01-01T00:00:00Z","rate":0.0001,"mark_price":null}"#)?;
/// let mut rows = Rows::new(Kind::Funding, Numbers::Float);
/// rows.push(&line)?;
/// assert_eq!(rows.len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Rows {
    kind: Kind,
    numbers: Numbers,
    pub(super) ts: Vec<i64>,
    pub(super) columns: Vec<Column>,
}

impl Rows {
    /// No rows.
    pub fn new(kind: Kind, numbers: Numbers) -> Rows {
        Rows { kind, numbers, ts: Vec::new(), columns: schema::empty_columns(kind, numbers) }
    }

    /// Appends a record: one row, or one per level of a book. A line that is refused leaves nothing behind.
    #[inline]
    pub fn push(&mut self, line: &Line<'_>) -> Result<(), RowError> {
        check(line, self.numbers)?;
        match (self.kind, line) {
            (Kind::Trade, Line::Trade(_, trade)) => self.push_trade(trade),
            _ => return self.push_rarer(line),
        }
        Ok(())
    }

    fn push_rarer(&mut self, line: &Line<'_>) -> Result<(), RowError> {
        match (self.kind, line) {
            (Kind::Candle, Line::Candle(_, candle)) => self.push_candle(candle),
            (Kind::Book, Line::Book(_, book)) => self.push_book(book),
            (Kind::Funding, Line::Funding(_, funding)) => {
                let [rate, mark_price] = self.next_row(funding.ts);
                rate.push_number(Some(funding.rate));
                mark_price.push_number(funding.mark_price);
            }
            (Kind::OpenInterest, Line::OpenInterest(_, record)) => {
                let [amount, value] = self.next_row(record.ts);
                amount.push_number(Some(record.open_interest));
                value.push_number(record.open_interest_value);
            }
            (kind, _) => return Err(RowError::Kind(kind)),
        }
        Ok(())
    }

    /// Sorts the rows and removes repeats; of equals the one pushed last stays. Returns how many were removed.
    pub fn finish(&mut self) -> usize {
        let before = self.len();
        if let Some(kept) = order::normal_order(self) {
            self.keep(&kept);
        }
        before - self.len()
    }

    /// The kind of the records.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// What its numbers are.
    pub fn numbers(&self) -> Numbers {
        self.numbers
    }

    /// How many rows.
    pub fn len(&self) -> usize {
        self.ts.len()
    }

    /// The instant of each row.
    pub fn instants(&self) -> impl Iterator<Item = Ts> + '_ {
        self.ts.iter().filter_map(|nanos| Ts::from_nanos(*nanos).ok())
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.ts.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.ts.clear();
        self.columns.iter_mut().for_each(Column::clear);
    }

    /// Appends rows of `other`, which is of the same kind and numbers.
    pub(super) fn append(&mut self, other: &Rows, rows: Range<usize>) {
        self.ts.extend_from_slice(&other.ts[rows.clone()]);
        for (ours, theirs) in self.columns.iter_mut().zip(&other.columns) {
            ours.append(theirs, rows.clone());
        }
    }

    pub(super) fn take(&self, rows: &[u32]) -> Rows {
        Rows {
            kind: self.kind,
            numbers: self.numbers,
            ts: rows.iter().map(|row| self.ts[super::column::index(*row)]).collect(),
            columns: self.columns.iter().map(|column| column.take(rows)).collect(),
        }
    }

    /// Keeps the rows named, in that order; column by column, so that memory holds one of them twice at most.
    fn keep(&mut self, rows: &[u32]) {
        self.ts = rows.iter().map(|row| self.ts[super::column::index(*row)]).collect();
        self.columns.iter_mut().for_each(|column| *column = column.take(rows));
    }

    /// The rows of `range` by themselves.
    pub(super) fn slice(&self, range: Range<usize>) -> Rows {
        let mut rows = Rows::new(self.kind, self.numbers);
        rows.append(self, range);
        rows
    }

    /// The rows of sorted ones that are in a range of time.
    pub(super) fn within(self, range: TimeRange) -> Rows {
        let start = self.ts.partition_point(|ts| *ts < range.start().nanos());
        let end = self.ts.partition_point(|ts| *ts < range.end().nanos());
        if end - start == self.len() { self } else { self.slice(start..end.max(start)) }
    }

    /// Cuts off and returns what is before `row`.
    pub(super) fn split_front(&mut self, row: usize) -> Rows {
        if row == self.len() {
            let empty = Rows::new(self.kind, self.numbers);
            return std::mem::replace(self, empty);
        }
        let front = self.slice(0..row);
        self.remove_front(row);
        front
    }

    /// Cuts off `row` and what is behind it.
    pub(super) fn truncate(&mut self, row: usize) {
        self.ts.truncate(row);
        self.columns.iter_mut().for_each(|column| column.truncate(row));
    }

    /// Cuts off what is before `row`.
    pub(super) fn remove_front(&mut self, row: usize) {
        self.ts.drain(..row);
        self.columns.iter_mut().for_each(|column| column.remove_front(row));
    }

    /// Whether two rows say the same.
    pub(super) fn is_same(&self, row: usize, other: &Rows, other_row: usize) -> bool {
        self.ts[row] == other.ts[other_row]
            && self
                .columns
                .iter()
                .zip(&other.columns)
                .all(|(ours, theirs)| ours.compare(row, theirs, other_row).is_eq())
    }

    #[inline(always)]
    fn push_trade(&mut self, trade: &Trade<'_>) {
        let [price, amount, side, tid, recv_ts] = self.next_row(trade.ts);
        price.push_number(Some(trade.price));
        amount.push_number(Some(trade.amount));
        side.push_code(match trade.side {
            Some(Side::Buy) => BUY,
            Some(Side::Sell) => SELL,
            None => 0,
        });
        tid.push_text(trade.tid.as_deref().unwrap_or(""));
        recv_ts.push_time(trade.recv_ts);
    }

    fn push_candle(&mut self, candle: &Candle<'_>) {
        let [open, high, low, close, volume, quote_volume, trades, derived] = self.next_row(candle.ts);
        open.push_number(Some(candle.open));
        high.push_number(Some(candle.high));
        low.push_number(Some(candle.low));
        close.push_number(Some(candle.close));
        volume.push_number(Some(candle.volume));
        quote_volume.push_number(candle.quote_volume);
        trades.push_count(candle.trades);
        // What exchanges say themselves stays null, as it was before the column existed.
        derived.push_code(if candle.is_derived { TRUE } else { 0 });
    }

    fn push_book(&mut self, book: &Book<'_>) {
        let bids = book.bids.iter().map(|level| (BID, Some(level)));
        let asks = book.asks.iter().map(|level| (ASK, Some(level)));
        let is_empty = book.bids.is_empty() && book.asks.is_empty();
        for (code, level) in bids.chain(asks).chain(is_empty.then_some((0, None))) {
            let [side, price, amount, count, is_snapshot, seq, recv_ts] = self.next_row(book.ts);
            side.push_code(code);
            price.push_number(level.map(|level| level.price));
            amount.push_number(level.map(|level| level.amount));
            count.push_count(level.and_then(|level| level.count));
            is_snapshot.push_code(if book.is_snapshot { TRUE } else { FALSE });
            seq.push_count(book.seq);
            recv_ts.push_time(book.recv_ts);
        }
    }

    /// Begins a row; each of its columns waits for a value.
    #[inline(always)]
    fn next_row<const N: usize>(&mut self, ts: Ts) -> &mut [Column; N] {
        self.ts.push(ts.nanos());
        self.columns.as_mut_slice().try_into().expect("a kind has a fixed number of columns")
    }
}

/// Whether [`Rows::push`] would take a line, without taking it.
#[inline]
pub fn check(line: &Line<'_>, numbers: Numbers) -> Result<(), RowError> {
    if let Line::Trade(_, trade) = line {
        check_tid(trade.tid.as_deref().unwrap_or(""))?;
    }
    match numbers {
        Numbers::Float => Ok(()),
        Numbers::Decimal => check_decimals(line),
    }
}

/// Whether a decimal column holds each number to the last digit.
fn check_decimals(line: &Line<'_>) -> Result<(), RowError> {
    let number = |field, number: Number<'_>| match decimal_from_number(number) {
        Some(_) => Ok(()),
        None => Err(RowError::Number { field, value: number.to_string() }),
    };
    let optional = |field, value: Option<Number<'_>>| value.map_or(Ok(()), |value| number(field, value));
    match line {
        Line::Trade(_, trade) => {
            number("price", trade.price)?;
            number("amount", trade.amount)
        }
        Line::Candle(_, candle) => {
            number("open", candle.open)?;
            number("high", candle.high)?;
            number("low", candle.low)?;
            number("close", candle.close)?;
            number("volume", candle.volume)?;
            optional("quote_volume", candle.quote_volume)
        }
        Line::Book(_, book) => book.bids.iter().chain(&book.asks).try_for_each(|level| {
            number("price", level.price)?;
            number("amount", level.amount)
        }),
        Line::Funding(_, funding) => {
            number("rate", funding.rate)?;
            optional("mark_price", funding.mark_price)
        }
        Line::OpenInterest(_, record) => {
            number("open_interest", record.open_interest)?;
            optional("open_interest_value", record.open_interest_value)
        }
        Line::Control(_) | Line::Unknown => Ok(()),
    }
}

fn check_tid(tid: &str) -> Result<(), RowError> {
    match tid.len() {
        0..=TEXT_BYTES_MAX => Ok(()),
        bytes => Err(RowError::TooLong { field: "tid", bytes }),
    }
}
