//! From lines to lines.

use std::fmt;
use std::time::{Duration, Instant};

use dccd_cli::{Input, Log, Status, Tool, Wait};
use dccd_record::{
    BufferedLine, CANDLE_BYTES_MAX, CandleError, Control, DatasetId, Kind, LINE_BYTES_MAX, Line, LineBuffer, Parser,
    Sight, Span, Trade,
};

use crate::args::Args;
use crate::error::{BAD_LINES_MAX, CandlesError};
use crate::series::{Series, Wanted};

/// How long the input may go on after a signal: its source is stopping too.
const DRAIN_MAX: Duration = Duration::from_secs(5);
/// How often a wait for input looks at the stop flag.
const WAIT: Duration = Duration::from_millis(250);

/// How the input ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// At its end, with so many bytes after the last LF.
    Input { bytes_cut: usize },
    /// By a signal, before its end.
    Signal(u8),
}

/// All series of one input.
#[derive(Debug)]
pub(crate) struct Filter {
    span: Span,
    wanted: Wanted,
    parser: Parser,
    series: Vec<Option<Box<Series>>>,
    held_bytes: usize,
    bad_lines: u64,
    /// Bad lines that may have been anybody's trades.
    unread_lines: u64,
    repeated: u64,
}

impl Filter {
    pub(crate) fn new(args: &Args) -> Filter {
        Filter {
            span: args.span,
            wanted: if args.records { Wanted::Records } else { Wanted::Lines },
            parser: Parser::new(),
            series: Vec::new(),
            held_bytes: 0,
            bad_lines: 0,
            unread_lines: 0,
            repeated: 0,
        }
    }

    /// Reads to the end of input; after a signal no longer than [`DRAIN_MAX`].
    pub(crate) fn run(&mut self, input: &mut Input, tool: &mut Tool) -> Result<End, CandlesError> {
        let mut lines = LineBuffer::new();
        let mut stop_by = None;
        loop {
            self.take_lines(&mut lines, tool)?;
            if let Some(signal) = wait(input, tool, &mut stop_by)? {
                return Ok(End::Signal(signal));
            }
            if lines.fill(input).map_err(CandlesError::Read)? == 0 {
                return Ok(End::Input { bytes_cut: lines.bytes_left() });
            }
        }
    }

    /// Tells what was not done, and how it ended.
    pub(crate) fn report(&self, end: End, log: &Log) -> Status {
        let waiting = || self.series.iter().flatten().filter(|series| series.builder().undecided() > 0);
        let undecided: usize = waiting().map(|series| series.builder().undecided()).sum();
        if let Some(first) = waiting().next() {
            let name = first.candles();
            log.warn(format_args!(
                "candles not made because their time is not wholly covered: {undecided}, of {name} first"
            ));
        }
        if self.repeated > 0 {
            log.note(format_args!("trades that came again and counted once: {}", self.repeated));
        }
        if self.bad_lines > 0 {
            log.error(format_args!("bad lines: {}", self.bad_lines));
        }
        match end {
            End::Signal(signal) => Status::Signal(signal),
            End::Input { bytes_cut } => {
                if bytes_cut > 0 {
                    log.warn(format_args!("the last line was cut off after {bytes_cut} bytes and is left out"));
                }
                if self.bad_lines > 0 { Status::DataErr } else { Status::Ok }
            }
        }
    }

    fn take_lines(&mut self, lines: &mut LineBuffer, tool: &mut Tool) -> Result<(), CandlesError> {
        loop {
            match lines.next_line() {
                BufferedLine::Starved => return Ok(()),
                BufferedLine::Line(line) => {
                    if let Err(refusal) = self.line(line, tool.out.buffer())? {
                        self.refuse(&refusal, lines.line_number(), &tool.log)?;
                    }
                    tool.out.flush_full()?;
                }
                BufferedLine::TooLong => {
                    self.unread_lines += 1;
                    let refusal = format!("longer than {} MiB", LINE_BYTES_MAX >> 20);
                    self.refuse(&refusal, lines.line_number(), &tool.log)?;
                }
            }
        }
    }

    /// Answers one line; `Ok(Err)` is a line that was bad.
    fn line(&mut self, line: &[u8], out: &mut Vec<u8>) -> Result<Result<(), String>, CandlesError> {
        let parsed = match self.parser.parse(line) {
            Ok(parsed) => parsed,
            Err(cause) => {
                self.unread_lines += 1;
                return Ok(Err(cause.to_string()));
            }
        };
        match parsed {
            Line::Trade(id, trade) => return self.trade(id, &trade),
            Line::Control(control) if control.dataset().kind() == Kind::Trade => return self.control(*control, out),
            Line::Control(_) | Line::Unknown if self.wanted == Wanted::Records => {}
            _ => {
                out.extend_from_slice(line);
                out.push(b'\n');
            }
        }
        Ok(Ok(()))
    }

    fn trade(&mut self, id: DatasetId, trade: &Trade<'_>) -> Result<Result<(), String>, CandlesError> {
        let series = series(&mut self.series, &self.parser, id, self.span);
        let bytes_before = series.builder().held_bytes();
        let taken = series.trade(trade);
        self.held_bytes = (self.held_bytes + series.builder().held_bytes()).saturating_sub(bytes_before);
        match taken {
            Ok(Sight::New) => {}
            Ok(Sight::Repeated) => self.repeated += 1,
            Err(cause) => return local(cause, &self.parser, id),
        }
        if self.held_bytes > CANDLE_BYTES_MAX {
            let waiting = self.series.iter().flatten().filter(|series| series.builder().undecided() > 0);
            return Err(CandlesError::Held { series: waiting.count() });
        }
        Ok(Ok(()))
    }

    /// What is said of trades.
    fn control(&mut self, control: Control, out: &mut Vec<u8>) -> Result<Result<(), String>, CandlesError> {
        let id = match self.parser.id(control.dataset()) {
            Ok(id) => id,
            Err(cause) => return Ok(Err(cause.to_string())),
        };
        let series = series(&mut self.series, &self.parser, id, self.span);
        match control {
            Control::Covered(covered) => {
                let bytes_before = series.builder().held_bytes();
                let written = series.covered(&covered, self.unread_lines, self.wanted, out);
                self.held_bytes = (self.held_bytes + series.builder().held_bytes()).saturating_sub(bytes_before);
                if let Err(cause) = written {
                    return local(cause, &self.parser, id);
                }
            }
            control if self.wanted == Wanted::Lines => series.translate(control, out),
            _ => {}
        }
        Ok(Ok(()))
    }

    fn refuse(&mut self, refusal: &dyn fmt::Display, number: u64, log: &Log) -> Result<(), CandlesError> {
        self.bad_lines += 1;
        log.error(format_args!("line {number}: {refusal}"));
        if self.bad_lines > BAD_LINES_MAX { Err(CandlesError::BadLines) } else { Ok(()) }
    }
}

/// The series of a dataset, new if need be.
fn series<'a>(all: &'a mut Vec<Option<Box<Series>>>, parser: &Parser, id: DatasetId, span: Span) -> &'a mut Series {
    if all.len() <= id.index() {
        all.resize_with(id.index() + 1, || None);
    }
    all[id.index()].get_or_insert_with(|| Box::new(Series::new(parser.dataset(id), span)))
}

/// An error of one candle is a bad line; any other ends the tool.
fn local(cause: CandleError, parser: &Parser, id: DatasetId) -> Result<Result<(), String>, CandlesError> {
    if cause.is_local() {
        return Ok(Err(cause.to_string()));
    }
    Err(CandlesError::Series { dataset: Box::new(parser.dataset(id).clone()), cause })
}

/// Waits for input, flushing first; after a signal only until `stop_by`. Returns the signal then.
fn wait(input: &Input, tool: &mut Tool, stop_by: &mut Option<Instant>) -> Result<Option<u8>, CandlesError> {
    let mut timeout = Duration::ZERO;
    loop {
        if let Some(signal) = tool.stop.signal()
            && Instant::now() >= *stop_by.get_or_insert_with(|| Instant::now() + DRAIN_MAX)
        {
            return Ok(Some(signal));
        }
        if input.wait(timeout).map_err(CandlesError::Read)? == Wait::Ready {
            return Ok(None);
        }
        tool.out.flush()?;
        timeout = WAIT;
    }
}
