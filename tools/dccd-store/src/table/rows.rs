//! Records of one kind, in columns.

use std::ops::Range;
use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array};
use dccd_record::{Book, Kind, Level, Line, Number, Side, Ts};

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
    pub fn push(&mut self, line: &Line<'_>) -> Result<(), RowError> {
        match (self.kind, line) {
            (Kind::Trade, Line::Trade(_, trade)) => {
                let tid = trade.tid.as_deref().unwrap_or("");
                check_tid(tid)?;
                let side = match trade.side {
                    Some(Side::Buy) => BUY,
                    Some(Side::Sell) => SELL,
                    None => 0,
                };
                let price = Cell::number("price", trade.price, self.numbers)?;
                let amount = Cell::number("amount", trade.amount, self.numbers)?;
                let cells = [price, amount, Cell::Word(side), Cell::Text(tid), Cell::time(trade.recv_ts)];
                self.push_row(trade.ts, cells);
            }
            (Kind::Candle, Line::Candle(_, candle)) => {
                let number = |field, number| Cell::number(field, number, self.numbers);
                let cells = [
                    number("open", candle.open)?,
                    number("high", candle.high)?,
                    number("low", candle.low)?,
                    number("close", candle.close)?,
                    number("volume", candle.volume)?,
                    Cell::optional("quote_volume", candle.quote_volume, self.numbers)?,
                    Cell::count(candle.trades),
                    // What exchanges say themselves stays null, as it was before the column existed.
                    Cell::Word(if candle.is_derived { TRUE } else { 0 }),
                ];
                self.push_row(candle.ts, cells);
            }
            (Kind::Book, Line::Book(_, book)) => self.push_book(book)?,
            (Kind::Funding, Line::Funding(_, funding)) => {
                let rate = Cell::number("rate", funding.rate, self.numbers)?;
                let mark_price = Cell::optional("mark_price", funding.mark_price, self.numbers)?;
                self.push_row(funding.ts, [rate, mark_price]);
            }
            (Kind::OpenInterest, Line::OpenInterest(_, record)) => {
                let amount = Cell::number("open_interest", record.open_interest, self.numbers)?;
                let value = Cell::optional("open_interest_value", record.open_interest_value, self.numbers)?;
                self.push_row(record.ts, [amount, value]);
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

    /// Some rows of a column as Arrow has them; column 0 is the instant.
    pub(super) fn array(&self, column: usize, rows: Range<usize>) -> ArrayRef {
        match column.checked_sub(1) {
            None => Arc::new(Int64Array::from(self.ts[rows].to_vec())),
            Some(at) => self.columns[at].array(rows),
        }
    }

    fn push_book(&mut self, book: &Book<'_>) -> Result<(), RowError> {
        let mut levels = Vec::with_capacity(book.bids.len() + book.asks.len());
        for (side, level) in
            book.bids.iter().map(|level| (BID, level)).chain(book.asks.iter().map(|level| (ASK, level)))
        {
            levels.push(self.level_cells(side, level)?);
        }
        if levels.is_empty() {
            levels.push([Cell::Word(0), Cell::Null, Cell::Null, Cell::Null]);
        }
        let is_snapshot = Cell::Word(if book.is_snapshot { TRUE } else { FALSE });
        for [side, price, amount, count] in levels {
            let (seq, recv_ts) = (Cell::count(book.seq), Cell::time(book.recv_ts));
            self.push_row(book.ts, [side, price, amount, count, is_snapshot, seq, recv_ts]);
        }
        Ok(())
    }

    fn level_cells<'a>(&self, side: u8, level: &Level<'a>) -> Result<[Cell<'a>; 4], RowError> {
        let price = Cell::number("price", level.price, self.numbers)?;
        let amount = Cell::number("amount", level.amount, self.numbers)?;
        Ok([Cell::Word(side), price, amount, Cell::count(level.count)])
    }

    /// Inlined, so that the types of the cells are known.
    #[inline(always)]
    fn push_row<const N: usize>(&mut self, ts: Ts, cells: [Cell<'_>; N]) {
        self.ts.push(ts.nanos());
        for (column, cell) in self.columns.iter_mut().zip(cells) {
            match (column, cell) {
                (Column::Float(values), Cell::Float(value)) => values.push_value(value),
                (Column::Decimal(values), Cell::Decimal(value)) => values.push_value(value),
                (Column::Int(values), Cell::Int(value)) => values.push(value),
                (Column::Word(codes) | Column::Flag(codes), Cell::Word(code)) => codes.push(code),
                (Column::Text(texts), Cell::Text(text)) => texts.push(text.as_bytes()),
                (column, _) => column.push_null(),
            }
        }
    }
}

/// Whether [`Rows::push`] would take a line, without taking it.
pub fn check(line: &Line<'_>, numbers: Numbers) -> Result<(), RowError> {
    let number = |field, number| Cell::number(field, number, numbers).map(|_| ());
    let optional = |field, number| Cell::optional(field, number, numbers).map(|_| ());
    match line {
        Line::Trade(_, trade) => {
            check_tid(trade.tid.as_deref().unwrap_or(""))?;
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

/// One value on its way into a column.
#[derive(Clone, Copy)]
enum Cell<'a> {
    Float(f64),
    Decimal(i128),
    Int(Option<i64>),
    Word(u8),
    Text(&'a str),
    Null,
}

impl<'a> Cell<'a> {
    #[inline]
    fn number(field: &'static str, number: Number<'_>, numbers: Numbers) -> Result<Cell<'a>, RowError> {
        match numbers {
            Numbers::Float => Ok(Cell::Float(number.to_f64())),
            Numbers::Decimal => Cell::decimal(field, number),
        }
    }

    fn decimal(field: &'static str, number: Number<'_>) -> Result<Cell<'a>, RowError> {
        decimal_from_number(number)
            .map(Cell::Decimal)
            .ok_or_else(|| RowError::Number { field, value: number.to_string() })
    }

    fn optional(field: &'static str, number: Option<Number<'_>>, numbers: Numbers) -> Result<Cell<'a>, RowError> {
        number.map_or(Ok(Cell::Null), |number| Cell::number(field, number, numbers))
    }

    /// The parser lets no count through that is above the largest `i64`.
    fn count(count: Option<u64>) -> Cell<'a> {
        Cell::Int(count.and_then(|count| i64::try_from(count).ok()))
    }

    fn time(ts: Option<Ts>) -> Cell<'a> {
        Cell::Int(ts.map(Ts::nanos))
    }
}
