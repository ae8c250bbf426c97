//! Books, level by level.

use super::super::column::{ASK, BID, Column, TRUE};
use super::super::rows::Rows;
use super::super::schema::at;
use super::{Cell, Flaws, Place};
use crate::verify::Check;

/// The columns that all levels of one line share, beside the instant.
const SHARED: [usize; 3] = [at::BOOK_SEQ, at::BOOK_IS_SNAPSHOT, at::BOOK_RECV_TS];
const BOOK_AMOUNT: usize = at::BOOK_PRICE + 1;

/// The line that the last level was of.
#[derive(Debug, Default)]
pub(super) struct BookChecks {
    line: Option<Line>,
}

#[derive(Debug)]
struct Line {
    /// Its first level.
    first: Rows,
    best_bid: Option<Cell>,
    best_ask: Option<Cell>,
    is_crossed: bool,
}

impl BookChecks {
    /// Looks at one level, and at its book so far.
    pub(super) fn take(&mut self, rows: &Rows, row: usize, place: Place, flaws: &mut Flaws) {
        let is_snapshot = code(rows, at::BOOK_IS_SNAPSHOT, row) == TRUE;
        let side = code(rows, at::BOOK_SIDE, row);
        let cell = |column: usize| rows.columns.get(column).and_then(|column| Cell::of(column, row));
        let (price, amount) = (cell(at::BOOK_PRICE), cell(BOOK_AMOUNT));
        if side != BID && side != ASK {
            // An empty book is one row without a level.
            if price.is_some() || amount.is_some() {
                flaws.add_at(Check::Value, "a level that is neither bid nor ask", place);
            }
            self.line = None;
            return;
        }
        if !price.is_some_and(Cell::is_positive) {
            flaws.add_at(Check::Value, "no price, or one that is not above 0", place);
        }
        match amount {
            Some(amount) if amount.is_negative() => flaws.add_at(Check::Value, "an amount below 0", place),
            Some(amount) if is_snapshot && !amount.is_positive() => {
                flaws.add_at(Check::Value, "an amount of 0 in a whole book", place);
            }
            Some(_) => {}
            None => flaws.add_at(Check::Value, "a level without an amount", place),
        }
        let line = self.line_of(rows, row);
        let (best, is_better): (_, fn(Cell, Cell) -> bool) = match side {
            BID => (&mut line.best_bid, |new, held| new > held),
            _ => (&mut line.best_ask, |new, held| new < held),
        };
        if let Some(price) = price
            && best.is_none_or(|held| is_better(price, held))
        {
            *best = Some(price);
        }
        let is_crossed = line.best_bid.zip(line.best_ask).is_some_and(|(bid, ask)| bid >= ask);
        if is_snapshot && is_crossed && !line.is_crossed {
            line.is_crossed = true;
            flaws.add_at(Check::Crossed, "a book whose best bid is not below its best ask", place);
        }
    }

    /// The line of a level, which may have begun before.
    fn line_of(&mut self, rows: &Rows, row: usize) -> &mut Line {
        let is_same = |line: &Line| {
            line.first.ts.first() == Some(&rows.ts[row])
                && SHARED.iter().all(|at| rows.columns[*at].compare(row, &line.first.columns[*at], 0).is_eq())
        };
        if !self.line.as_ref().is_some_and(is_same) {
            self.line = None;
        }
        self.line.get_or_insert_with(|| Line {
            first: rows.slice(row..row + 1),
            best_bid: None,
            best_ask: None,
            is_crossed: false,
        })
    }
}

fn code(rows: &Rows, column: usize, row: usize) -> u8 {
    match rows.columns.get(column) {
        Some(Column::Word(codes) | Column::Flag(codes)) => codes[row],
        _ => 0,
    }
}
