//! Work orders among the lines of standard input.

use std::collections::VecDeque;
use std::time::Duration;

use dccd_cli::{Input, Wait};
use dccd_record::{BufferedLine, Control, Line, LineBuffer, Order, Parser};

use crate::error::FetchError;
use crate::progress::{Ahead, rows};

/// Orders that are read before their time, to know how much there is to do.
const AHEAD_MAX: usize = 10_000;

/// What the input holds next.
#[derive(Debug)]
pub(crate) enum Next {
    /// Something to fetch.
    Order(Box<Order>),
    /// Nothing yet.
    NotYet,
    /// Nothing any more.
    End,
}

/// Standard input, line by line.
#[derive(Debug)]
pub(crate) struct OrderLines {
    input: Input,
    buffer: LineBuffer,
    parser: Parser,
    is_at_end: bool,
    ahead: VecDeque<Box<Order>>,
    ahead_rows: i128,
    /// Lines that made no sense, each with its number; taken away by whoever reports them.
    pub(crate) bad: Vec<String>,
    /// How many there were.
    pub(crate) bad_count: u64,
    /// Whether the input ended in the middle of a line.
    pub(crate) is_cut: bool,
}

impl OrderLines {
    pub(crate) fn new(input: Input) -> OrderLines {
        let (buffer, parser) = (LineBuffer::new(), Parser::new());
        OrderLines {
            input,
            buffer,
            parser,
            is_at_end: false,
            ahead: VecDeque::new(),
            ahead_rows: 0,
            bad: Vec::new(),
            bad_count: 0,
            is_cut: false,
        }
    }

    /// The next order; other lines go to `out` on the way. Reads at most once, waiting at most `timeout`.
    pub(crate) fn next(
        &mut self,
        timeout: Duration,
        records_only: bool,
        out: &mut Vec<u8>,
    ) -> Result<Next, FetchError> {
        if let Some(order) = self.ahead.pop_front() {
            self.ahead_rows -= rows(&order.dataset, order.range);
            return Ok(Next::Order(order));
        }
        if let Some(order) = self.next_buffered(records_only, out) {
            return Ok(Next::Order(order));
        }
        if self.is_at_end {
            return Ok(Next::End);
        }
        match self.input.wait(timeout).map_err(FetchError::Input)? {
            Wait::TimedOut => return Ok(Next::NotYet),
            Wait::Ready => {}
        }
        self.fill()?;
        Ok(self.next_buffered(records_only, out).map_or(Next::NotYet, Next::Order))
    }

    /// Reads what is there without waiting, and says how much it is.
    pub(crate) fn look_ahead(&mut self, records_only: bool, out: &mut Vec<u8>) -> Result<Ahead, FetchError> {
        while self.ahead.len() < AHEAD_MAX {
            if let Some(order) = self.next_buffered(records_only, out) {
                self.ahead_rows += rows(&order.dataset, order.range);
                self.ahead.push_back(order);
                continue;
            }
            if self.is_at_end || self.input.wait(Duration::ZERO).map_err(FetchError::Input)? == Wait::TimedOut {
                break;
            }
            self.fill()?;
        }
        Ok(Ahead { orders: self.ahead.len(), rows: Some(self.ahead_rows) })
    }

    fn fill(&mut self) -> Result<(), FetchError> {
        if self.buffer.fill(&mut self.input).map_err(FetchError::Input)? == 0 {
            self.is_at_end = true;
            self.is_cut = self.buffer.bytes_left() > 0;
        }
        Ok(())
    }

    fn next_buffered(&mut self, records_only: bool, out: &mut Vec<u8>) -> Option<Box<Order>> {
        loop {
            let line = match self.buffer.next_line() {
                BufferedLine::Line(line) => line,
                BufferedLine::TooLong => {
                    self.bad_count += 1;
                    self.bad.push(format!("line {} of standard input is too long", self.buffer.line_number()));
                    continue;
                }
                BufferedLine::Starved => return None,
            };
            match self.parser.parse(line) {
                Ok(Line::Control(control)) => match *control {
                    Control::Range(order) => return Some(Box::new(order)),
                    _ if records_only => {}
                    _ => pass_on(line, out),
                },
                Ok(Line::Unknown) if records_only => {}
                Ok(_) => pass_on(line, out),
                Err(error) => {
                    self.bad_count += 1;
                    self.bad.push(format!("line {} of standard input: {error}", self.buffer.line_number()));
                }
            }
        }
    }
}

fn pass_on(line: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(line);
    out.push(b'\n');
}
