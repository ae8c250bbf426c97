//! From the bytes of a line to its meaning.

use std::collections::HashMap;
use std::fmt;

use crate::control::Control;
use crate::dataset::{Dataset, DatasetError, Exchange, Kind};
use crate::number::Number;
use crate::record::{Book, Candle, Funding, OpenInterest, Trade};
use crate::scan::Scan;
use crate::span::Span;
use crate::time::{TimeCache, Ts};
use crate::wire::Wire;
use crate::write::LineWriter;

/// The most datasets one input may name.
const DATASETS_MAX: usize = 100_000;

/// A dataset's number within one [`Parser`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DatasetId(u32);

impl DatasetId {
    /// The number as an index: ids count up from 0 in the order of first sight.
    pub fn index(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

/// What a line means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line<'a> {
    /// A candle.
    Candle(DatasetId, Candle<'a>),
    /// A trade.
    Trade(DatasetId, Trade<'a>),
    /// A book snapshot or delta.
    Book(DatasetId, Book<'a>),
    /// A funding rate.
    Funding(DatasetId, Funding<'a>),
    /// An open interest.
    OpenInterest(DatasetId, OpenInterest<'a>),
    /// A line about completeness, or a work order.
    Control(Box<Control>),
    /// A kind this version does not know: to be passed on as it is.
    Unknown,
}

impl Line<'_> {
    /// Dataset and instant of a market record.
    pub fn record(&self) -> Option<(DatasetId, Ts)> {
        match self {
            Line::Candle(id, record) => Some((*id, record.ts)),
            Line::Trade(id, record) => Some((*id, record.ts)),
            Line::Book(id, record) => Some((*id, record.ts)),
            Line::Funding(id, record) => Some((*id, record.ts)),
            Line::OpenInterest(id, record) => Some((*id, record.ts)),
            Line::Control(_) | Line::Unknown => None,
        }
    }
}

/// Reads lines, remembering the datasets it has seen.
#[derive(Debug, Default)]
pub struct Parser {
    datasets: Vec<Dataset>,
    by_dataset: HashMap<Dataset, DatasetId>,
    by_prefix: HashMap<Box<[u8]>, DatasetId>,
    last_prefix: Vec<u8>,
    last: Option<(DatasetId, Kind)>,
    times: TimeCache,
    recv_times: TimeCache,
}

impl Parser {
    /// A parser that has seen nothing.
    pub fn new() -> Parser {
        Parser::default()
    }

    /// The meaning of `line`, which has no LF.
    pub fn parse<'a>(&mut self, line: &'a [u8]) -> Result<Line<'a>, LineError> {
        // Trades are most of all lines, and a line's meaning is large: theirs is made where it is to be.
        let parsed = match self.start(line) {
            Some((id, Kind::Trade, body)) => match Scan::new(body).trade(&mut self.times, &mut self.recv_times) {
                Some(trade) if !trade.price.is_negative() && !trade.amount.is_negative() => {
                    return Ok(Line::Trade(id, trade));
                }
                _ => None,
            },
            Some((id, kind, body)) => self.scan_body(id, kind, body),
            None => None,
        };
        self.parse_checked(parsed, line)
    }

    /// The dataset an id stands for.
    pub fn dataset(&self, id: DatasetId) -> &Dataset {
        &self.datasets[id.index()]
    }

    /// Every dataset seen so far, in the order of their ids.
    pub fn datasets(&self) -> impl Iterator<Item = (DatasetId, &Dataset)> {
        (0..).map(DatasetId).zip(&self.datasets)
    }

    /// The id of a dataset, new if it was not seen before.
    pub fn id(&mut self, dataset: &Dataset) -> Result<DatasetId, LineError> {
        if let Some(id) = self.by_dataset.get(dataset) {
            return Ok(*id);
        }
        if self.datasets.len() >= DATASETS_MAX {
            return Err(LineError::TooManyDatasets);
        }
        let id = DatasetId(u32::try_from(self.datasets.len()).unwrap_or(u32::MAX));
        self.datasets.push(dataset.clone());
        self.by_dataset.insert(dataset.clone(), id);
        self.by_prefix.insert(LineWriter::new(dataset).prefix().into(), id);
        Ok(id)
    }

    /// Reads a record that is in our own hand; anything else is `None`.
    #[cfg(test)]
    pub(crate) fn scan<'a>(&mut self, line: &'a [u8]) -> Option<Line<'a>> {
        let (id, kind, body) = self.start(line)?;
        self.scan_body(id, kind, body)
    }

    /// The dataset and kind of a record in our own hand, and the line behind what names them.
    #[inline(always)]
    fn start<'a>(&mut self, line: &'a [u8]) -> Option<(DatasetId, Kind, &'a [u8])> {
        match (self.last, line.strip_prefix(self.last_prefix.as_slice())) {
            (Some((id, kind)), Some(body)) => Some((id, kind, body)),
            _ => self.scan_prefix(line),
        }
    }

    fn scan_body<'a>(&mut self, id: DatasetId, kind: Kind, body: &'a [u8]) -> Option<Line<'a>> {
        let mut scan = Scan::new(body);
        Some(match kind {
            Kind::Candle => Line::Candle(id, scan.candle(&mut self.times)?),
            Kind::Trade => Line::Trade(id, scan.trade(&mut self.times, &mut self.recv_times)?),
            Kind::Book => Line::Book(id, scan.book(&mut self.times, &mut self.recv_times)?),
            Kind::Funding => Line::Funding(id, scan.funding(&mut self.times)?),
            Kind::OpenInterest => Line::OpenInterest(id, scan.open_interest(&mut self.times)?),
        })
    }

    /// What is known of a line so far, or else what the general parser says, if it holds what must hold.
    fn parse_checked<'a>(&mut self, scanned: Option<Line<'a>>, line: &'a [u8]) -> Result<Line<'a>, LineError> {
        let parsed = match scanned {
            Some(parsed) => parsed,
            None => {
                let line = std::str::from_utf8(line).map_err(|error| LineError::Malformed(error.to_string()))?;
                self.parse_any(line)?
            }
        };
        self.check(&parsed)?;
        Ok(parsed)
    }

    fn scan_prefix<'a>(&mut self, line: &'a [u8]) -> Option<(DatasetId, Kind, &'a [u8])> {
        let mut scan = Scan::new(line);
        scan.literal(br#"{"kind":""#)?;
        let kind = Kind::from_name(scan.text()?)?;
        scan.literal(br#","exchange":""#)?;
        let exchange = scan.text()?;
        scan.literal(br#","pair":""#)?;
        let pair = scan.text()?;
        scan.literal(b",")?;
        let mut span = None;
        if kind.has_span() {
            scan.literal(br#""span":"#)?;
            span = Some(scan.unsigned()?);
            scan.literal(b",")?;
        }
        let (prefix, body) = line.split_at(line.len() - scan.left());
        let id = match self.by_prefix.get(prefix) {
            Some(id) => *id,
            None => {
                let span = span.map(|seconds| Span::from_secs(u32::try_from(seconds).ok()?).ok());
                let span = match span {
                    Some(None) => return None,
                    Some(span) => span,
                    None => None,
                };
                let dataset = Dataset::new(Exchange::new(exchange).ok()?, kind, pair.parse().ok()?, span).ok()?;
                self.id(&dataset).ok()?
            }
        };
        self.last_prefix.clear();
        self.last_prefix.extend_from_slice(prefix);
        self.last = Some((id, kind));
        Some((id, kind, body))
    }

    /// Reads any JSON object.
    pub(crate) fn parse_any<'a>(&mut self, line: &'a str) -> Result<Line<'a>, LineError> {
        let wire = Wire::from_json(line)?;
        let word = wire.word()?;
        if let Some(kind) = Kind::from_name(&word) {
            let id = self.id(&wire.dataset(kind)?)?;
            return wire.record(id, kind);
        }
        Ok(wire.control(&word)?.map_or(Line::Unknown, |control| Line::Control(Box::new(control))))
    }

    /// What must hold however the line was read.
    fn check(&self, line: &Line<'_>) -> Result<(), LineError> {
        match line {
            Line::Candle(id, candle) => {
                self.check_aligned(*id, candle.ts)?;
                for (field, number) in [
                    ("open", candle.open),
                    ("high", candle.high),
                    ("low", candle.low),
                    ("close", candle.close),
                    ("volume", candle.volume),
                ] {
                    check_not_negative(field, number)?;
                }
                candle.quote_volume.map_or(Ok(()), |number| check_not_negative("quote_volume", number))
            }
            Line::Trade(_, trade) => {
                check_not_negative("price", trade.price)?;
                check_not_negative("amount", trade.amount)
            }
            Line::Book(_, book) => book.bids.iter().chain(&book.asks).try_for_each(|level| {
                check_not_negative("price", level.price)?;
                check_not_negative("amount", level.amount)
            }),
            Line::OpenInterest(id, record) => {
                self.check_aligned(*id, record.ts)?;
                check_not_negative("open_interest", record.open_interest)?;
                record.open_interest_value.map_or(Ok(()), |number| check_not_negative("open_interest_value", number))
            }
            Line::Funding(_, funding) => {
                funding.mark_price.map_or(Ok(()), |number| check_not_negative("mark_price", number))
            }
            Line::Control(_) | Line::Unknown => Ok(()),
        }
    }

    fn check_aligned(&self, id: DatasetId, ts: Ts) -> Result<(), LineError> {
        match self.dataset(id).span() {
            Some(span) if !span.is_aligned(ts) => Err(bad("ts", format!("{ts} is no multiple of the span {span}"))),
            _ => Ok(()),
        }
    }
}

/// Why a line was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LineError {
    /// Not a JSON object.
    Malformed(String),
    /// No `kind`.
    NoKind,
    /// A field that the kind needs is not there, or is null.
    Missing(&'static str),
    /// A field's value makes no sense.
    Bad {
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// The line names no series that can exist.
    Dataset(DatasetError),
    /// More different series than one input may have.
    TooManyDatasets,
}

impl fmt::Display for LineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LineError::Malformed(cause) => write!(f, "not a JSON object on one line: {cause}"),
            LineError::NoKind => f.write_str("no \"kind\""),
            LineError::Missing(field) => write!(f, "no \"{field}\""),
            LineError::Bad { field, why } => write!(f, "bad \"{field}\": {why}"),
            LineError::Dataset(cause) => cause.fmt(f),
            LineError::TooManyDatasets => write!(f, "more than {DATASETS_MAX} different series"),
        }
    }
}

impl std::error::Error for LineError {}

fn check_not_negative(field: &'static str, number: Number<'_>) -> Result<(), LineError> {
    if number.is_negative() && !number.is_zero() {
        return Err(bad(field, format!("{number} is negative")));
    }
    Ok(())
}

pub(crate) fn bad(field: &'static str, why: String) -> LineError {
    LineError::Bad { field, why }
}
