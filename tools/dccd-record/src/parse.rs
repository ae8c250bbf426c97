//! From the bytes of a line to its meaning.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::control::{Control, Covered, Failed, Gap, Job, Order, Proof, Stored};
use crate::dataset::{Dataset, DatasetError, Exchange, Kind};
use crate::excerpt::excerpt;
use crate::number::Number;
use crate::pair::Pair;
use crate::range::Range;
use crate::record::{Book, Candle, Funding, Level, OpenInterest, Side, Trade};
use crate::scan::Scan;
use crate::span::Span;
use crate::time::{TimeCache, Ts};
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
    by_prefix: HashMap<Box<str>, DatasetId>,
    last_prefix: String,
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
        let line = std::str::from_utf8(line).map_err(|error| LineError::Malformed(error.to_string()))?;
        let parsed = match self.scan(line) {
            Some(parsed) => parsed,
            None => self.parse_any(line)?,
        };
        self.check(&parsed)?;
        Ok(parsed)
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
        let prefix = String::from_utf8_lossy(LineWriter::new(dataset).prefix()).into();
        self.by_prefix.insert(prefix, id);
        Ok(id)
    }

    /// Reads a record that is in our own hand; anything else is `None`.
    pub(crate) fn scan<'a>(&mut self, line: &'a str) -> Option<Line<'a>> {
        let (id, kind, body) = match (self.last, line.strip_prefix(self.last_prefix.as_str())) {
            (Some((id, kind)), Some(body)) => (id, kind, body),
            _ => self.scan_prefix(line)?,
        };
        let mut scan = Scan::new(body);
        Some(match kind {
            Kind::Candle => Line::Candle(id, scan.candle(&mut self.times)?),
            Kind::Trade => Line::Trade(id, scan.trade(&mut self.times, &mut self.recv_times)?),
            Kind::Book => Line::Book(id, scan.book(&mut self.times, &mut self.recv_times)?),
            Kind::Funding => Line::Funding(id, scan.funding(&mut self.times)?),
            Kind::OpenInterest => Line::OpenInterest(id, scan.open_interest(&mut self.times)?),
        })
    }

    fn scan_prefix<'a>(&mut self, line: &'a str) -> Option<(DatasetId, Kind, &'a str)> {
        let mut scan = Scan::new(line);
        scan.literal(r#"{"kind":""#)?;
        let kind = Kind::from_name(scan.text()?)?;
        scan.literal(r#","exchange":""#)?;
        let exchange = scan.text()?;
        scan.literal(r#","pair":""#)?;
        let pair = scan.text()?;
        scan.literal(",")?;
        let mut span = None;
        if kind.has_span() {
            scan.literal(r#""span":"#)?;
            span = Some(scan.unsigned()?);
            scan.literal(",")?;
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
        self.last_prefix.push_str(prefix);
        self.last = Some((id, kind));
        Some((id, kind, body))
    }

    /// Reads any JSON object.
    pub(crate) fn parse_any<'a>(&mut self, line: &'a str) -> Result<Line<'a>, LineError> {
        // Serde would also take the fields from an array, by position.
        if !line.trim_ascii_start().starts_with('{') {
            return Err(LineError::Malformed("it does not begin with {".to_owned()));
        }
        let wire: Wire<'a> = serde_json::from_str(line).map_err(|error| LineError::Malformed(error.to_string()))?;
        let word = text(wire.kind, "kind").map_err(|error| match error {
            LineError::Missing(_) => LineError::NoKind,
            other => other,
        })?;
        if let Some(kind) = Kind::from_name(&word) {
            let id = self.id(&wire.dataset(kind)?)?;
            return wire.record(id, kind);
        }
        let control = match &*word {
            "covered" => Control::Covered(wire.covered()?),
            "gap" => Control::Gap(wire.gap()?),
            "failed" => Control::Failed(wire.failed()?),
            "stored" => Control::Stored(wire.stored()?),
            "job" => Control::Job(wire.job()?),
            "range" => Control::Range(wire.order()?),
            _ => return Ok(Line::Unknown),
        };
        Ok(Line::Control(Box::new(control)))
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
                check_not_negative("open_interest", record.open_interest)
            }
            Line::Funding(..) | Line::Control(_) | Line::Unknown => Ok(()),
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

/// Every field that any kind has, as raw JSON: digits stay digits.
#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(borrow)]
    kind: Field<'a>,
    exchange: Field<'a>,
    pair: Field<'a>,
    of: Field<'a>,
    span: Field<'a>,
    ts: Field<'a>,
    recv_ts: Field<'a>,
    open: Field<'a>,
    high: Field<'a>,
    low: Field<'a>,
    close: Field<'a>,
    volume: Field<'a>,
    quote_volume: Field<'a>,
    trades: Field<'a>,
    derived: Field<'a>,
    price: Field<'a>,
    amount: Field<'a>,
    side: Field<'a>,
    tid: Field<'a>,
    snapshot: Field<'a>,
    bids: Field<'a>,
    asks: Field<'a>,
    seq: Field<'a>,
    rate: Field<'a>,
    mark_price: Field<'a>,
    open_interest: Field<'a>,
    open_interest_value: Field<'a>,
    start: Field<'a>,
    end: Field<'a>,
    proof: Field<'a>,
    reason: Field<'a>,
    r#final: Field<'a>,
    error: Field<'a>,
    retry: Field<'a>,
    path: Field<'a>,
    rows: Field<'a>,
    id: Field<'a>,
    job: Field<'a>,
    why: Field<'a>,
}

/// A field that is missing or null is `None`.
type Field<'a> = Option<&'a RawValue>;

impl<'a> Wire<'a> {
    fn dataset(&self, kind: Kind) -> Result<Dataset, LineError> {
        let exchange = Exchange::new(&text(self.exchange, "exchange")?).map_err(LineError::Dataset)?;
        let pair: Pair =
            text(self.pair, "pair")?.parse().map_err(|cause| LineError::Dataset(DatasetError::Pair(cause)))?;
        let span = match self.span {
            Some(_) if kind.has_span() => {
                let seconds = u32::try_from(unsigned(self.span, "span")?).unwrap_or(u32::MAX);
                Some(Span::from_secs(seconds).map_err(|cause| LineError::Dataset(DatasetError::BadSpan(cause)))?)
            }
            _ => None,
        };
        Dataset::new(exchange, kind, pair, span).map_err(LineError::Dataset)
    }

    /// The dataset that a control line speaks of.
    fn subject(&self) -> Result<Dataset, LineError> {
        let word = text(self.of, "of")?;
        let kind = Kind::from_name(&word).ok_or_else(|| LineError::Dataset(DatasetError::Kind(excerpt(&word))))?;
        self.dataset(kind)
    }

    fn range(&self) -> Result<Range, LineError> {
        let (start, end) = (time(self.start, "start")?, time(self.end, "end")?);
        Range::new(start, end).ok_or_else(|| bad("end", format!("{end} is not after the start {start}")))
    }

    fn record(self, id: DatasetId, kind: Kind) -> Result<Line<'a>, LineError> {
        let ts = time(self.ts, "ts")?;
        let recv_ts = optional(self.recv_ts, |field| time(field, "recv_ts"))?;
        Ok(match kind {
            Kind::Candle => Line::Candle(
                id,
                Candle {
                    ts,
                    open: number(self.open, "open")?,
                    high: number(self.high, "high")?,
                    low: number(self.low, "low")?,
                    close: number(self.close, "close")?,
                    volume: number(self.volume, "volume")?,
                    quote_volume: optional(self.quote_volume, |field| number(field, "quote_volume"))?,
                    trades: optional(self.trades, |field| unsigned(field, "trades"))?,
                    is_derived: optional(self.derived, |field| boolean(field, "derived"))?.unwrap_or(false),
                },
            ),
            Kind::Trade => Line::Trade(
                id,
                Trade {
                    ts,
                    price: number(self.price, "price")?,
                    amount: number(self.amount, "amount")?,
                    side: optional(self.side, side)?,
                    tid: optional(self.tid, |field| text(field, "tid"))?.filter(|tid| !tid.is_empty()),
                    recv_ts,
                },
            ),
            Kind::Book => Line::Book(
                id,
                Book {
                    ts,
                    is_snapshot: boolean(self.snapshot, "snapshot")?,
                    bids: levels(self.bids, "bids")?,
                    asks: levels(self.asks, "asks")?,
                    seq: optional(self.seq, |field| unsigned(field, "seq"))?,
                    recv_ts,
                },
            ),
            Kind::Funding => Line::Funding(
                id,
                Funding {
                    ts,
                    rate: number(self.rate, "rate")?,
                    mark_price: optional(self.mark_price, |field| number(field, "mark_price"))?,
                },
            ),
            Kind::OpenInterest => Line::OpenInterest(
                id,
                OpenInterest {
                    ts,
                    open_interest: number(self.open_interest, "open_interest")?,
                    open_interest_value: optional(self.open_interest_value, |field| {
                        number(field, "open_interest_value")
                    })?,
                },
            ),
        })
    }

    fn covered(&self) -> Result<Covered, LineError> {
        let word = text(self.proof, "proof")?;
        let proof =
            Proof::from_name(&word).ok_or_else(|| bad("proof", format!("{:?} is none we know", excerpt(&word))))?;
        Ok(Covered { dataset: self.subject()?, range: self.range()?, proof })
    }

    fn gap(&self) -> Result<Gap, LineError> {
        Ok(Gap {
            dataset: self.subject()?,
            range: self.range()?,
            reason: text(self.reason, "reason")?.into_owned(),
            is_final: optional(self.r#final, |field| boolean(field, "final"))?.unwrap_or(false),
        })
    }

    fn failed(&self) -> Result<Failed, LineError> {
        Ok(Failed {
            dataset: self.subject()?,
            range: self.range()?,
            error: text(self.error, "error")?.into_owned(),
            is_retryable: boolean(self.retry, "retry")?,
        })
    }

    fn stored(&self) -> Result<Stored, LineError> {
        Ok(Stored {
            dataset: self.subject()?,
            path: text(self.path, "path")?.into_owned(),
            rows: unsigned(self.rows, "rows")?,
            range: self.range()?,
        })
    }

    fn job(&self) -> Result<Job, LineError> {
        Ok(Job {
            id: text(self.id, "id")?.into_owned(),
            dataset: self.subject()?,
            start: optional(self.start, |field| time(field, "start"))?,
            end: optional(self.end, |field| time(field, "end"))?,
        })
    }

    fn order(&self) -> Result<Order, LineError> {
        Ok(Order {
            job: text(self.job, "job")?.into_owned(),
            dataset: self.subject()?,
            range: self.range()?,
            why: text(self.why, "why")?.into_owned(),
        })
    }
}

fn optional<'a, T>(
    field: Field<'a>,
    read: impl FnOnce(Field<'a>) -> Result<T, LineError>,
) -> Result<Option<T>, LineError> {
    if field.is_some() { read(field).map(Some) } else { Ok(None) }
}

fn present<'a>(field: Field<'a>, name: &'static str) -> Result<&'a str, LineError> {
    field.map(RawValue::get).ok_or(LineError::Missing(name))
}

fn text<'a>(field: Field<'a>, name: &'static str) -> Result<Cow<'a, str>, LineError> {
    let raw = present(field, name)?;
    if let Some(plain) = raw.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'))
        && !plain.contains('\\')
    {
        return Ok(Cow::Borrowed(plain));
    }
    serde_json::from_str::<String>(raw).map(Cow::Owned).map_err(|_| bad(name, format!("{} is no string", excerpt(raw))))
}

fn number<'a>(field: Field<'a>, name: &'static str) -> Result<Number<'a>, LineError> {
    Number::new(present(field, name)?).map_err(|cause| bad(name, cause.to_string()))
}

fn unsigned(field: Field<'_>, name: &'static str) -> Result<u64, LineError> {
    let raw = present(field, name)?;
    raw.parse()
        .ok()
        .filter(|count| i64::try_from(*count).is_ok())
        .ok_or_else(|| bad(name, format!("{} is no whole number from 0 to {}", excerpt(raw), i64::MAX)))
}

fn boolean(field: Field<'_>, name: &'static str) -> Result<bool, LineError> {
    match present(field, name)? {
        "true" => Ok(true),
        "false" => Ok(false),
        raw => Err(bad(name, format!("{} is neither true nor false", excerpt(raw)))),
    }
}

fn side(field: Field<'_>) -> Result<Side, LineError> {
    let word = text(field, "side")?;
    Side::from_name(&word).ok_or_else(|| bad("side", format!("{} is neither buy nor sell", excerpt(&word))))
}

/// RFC 3339 text, or an integer in nanoseconds.
fn time(field: Field<'_>, name: &'static str) -> Result<Ts, LineError> {
    let raw = present(field, name)?;
    let ts = match raw.parse::<i64>() {
        Ok(nanos) => Ts::from_nanos(nanos),
        Err(_) => text(field, name)?.parse(),
    };
    ts.map_err(|cause| bad(name, cause.to_string()))
}

fn levels<'a>(field: Field<'a>, name: &'static str) -> Result<Vec<Level<'a>>, LineError> {
    let malformed =
        |cause: serde_json::Error| bad(name, format!("not a list of [price, amount]: {}", excerpt(&cause.to_string())));
    let rows: Vec<Vec<&RawValue>> = serde_json::from_str(present(field, name)?).map_err(malformed)?;
    let level = |row: &Vec<&'a RawValue>| match row[..] {
        [price, amount] => {
            Ok(Level { price: number(Some(price), name)?, amount: number(Some(amount), name)?, count: None })
        }
        [price, amount, count] => Ok(Level {
            price: number(Some(price), name)?,
            amount: number(Some(amount), name)?,
            count: optional(Some(count).filter(|raw| raw.get() != "null"), |field| unsigned(field, name))?,
        }),
        _ => Err(bad(name, "a level is [price, amount] or [price, amount, count]".to_owned())),
    };
    rows.iter().map(level).collect()
}

fn check_not_negative(field: &'static str, number: Number<'_>) -> Result<(), LineError> {
    if number.is_negative() && !number.is_zero() {
        return Err(bad(field, format!("{number} is negative")));
    }
    Ok(())
}

fn bad(field: &'static str, why: String) -> LineError {
    LineError::Bad { field, why }
}
