//! What a dataset lacks: pure arithmetic on ranges.

use std::fmt;

use dccd_exchange::archive::files_end;
use dccd_exchange::{Capability, Reach};
use dccd_record::{Dataset, Day, Kind, Range, RangeSet, Span, Ts};
use dccd_store::{Ledger, NamedGap};

use crate::args::{From, Order};

/// Why a range is wanted that nobody asked for before.
const ASKED: &str = "asked";
/// Why a range is wanted that was asked for, and nobody lived to say what became of it.
const GAP: &str = "gap";
/// History is left alone that may be gone before somebody comes to fetch it.
const MARGIN_NANOS: i64 = 3_600_000_000_000;
/// How far back the newest page of trades is taken to go.
const TRADES_NANOS: i64 = 3_600_000_000_000;
/// The newest file of an archive is taken to go back so far.
const ARCHIVE_NANOS: i64 = 24 * 3_600_000_000_000;
/// Between two funding rates, mostly.
pub(crate) const FUNDING_NANOS: i64 = 8 * 3_600_000_000_000;

/// What the exchange has of a dataset at one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct History {
    /// Nothing was before.
    opened: Ts,
    /// From here on it can still be had.
    pub(crate) start: Ts,
    /// Where it begins if nobody says otherwise, as long as it ends later.
    default_start: Ts,
    /// Up to here it has happened.
    pub(crate) end: Ts,
    /// Candles are asked for whole.
    span: Option<Span>,
    newest_page_nanos: i64,
}

impl History {
    /// `now` is this host's: it decides what to ask, never what is covered.
    pub(crate) fn new(row: &Capability, dataset: &Dataset, now: Ts) -> History {
        let span = dataset.span().filter(|_| dataset.kind() == Kind::Candle);
        let opened = row.since.start();
        let over_rest = match row.reach {
            // Files are there from the first day on, and stay.
            Reach::Archive => opened,
            Reach::Listing | Reach::RowsThenTrades(_) => row.rest_start(dataset, now),
            _ => row.rest_start(dataset, now).saturating_add(MARGIN_NANOS),
        };
        let start = if row.archive.is_some() { opened } else { opened.max(over_rest) };
        let newest_page_nanos = match row.reach {
            Reach::Archive => ARCHIVE_NANOS,
            // Each of these is a walk through its trades.
            Reach::RowsThenTrades(0) => span.map_or(TRADES_NANOS, Span::nanos),
            _ => newest_page_nanos(row, dataset),
        };
        let end = match row.reach {
            // The file of a day comes when that day is over.
            Reach::Archive => files_end(dataset, now).unwrap_or(opened),
            _ => row.horizon(dataset, now),
        };
        History { opened, start, default_start: opened.max(over_rest), end, span, newest_page_nanos }
    }

    /// What a job asks for, as whole candles.
    pub(crate) fn asked(&self, bounds: Bounds, from: From, covered: &RangeSet) -> Result<Range, Nothing> {
        let end = bounds.end.map_or(self.end, |end| self.round_up(end)).min(self.end);
        let start = match (bounds.flag_start, from) {
            (Some(start), _) => start,
            (None, From::Start) => bounds.job_start.unwrap_or(self.start_before(end)),
            (None, From::Covered) => {
                let held = Range::new(Ts::MIN, end).and_then(|past| covered.within(past).hull());
                let newest_page = || end.saturating_add(-self.newest_page_nanos).max(self.start_before(end));
                let first = held.map_or_else(newest_page, |held| held.start());
                bounds.job_start.map_or(first, |start| start.max(first))
            }
        };
        let start = self.round_up(start.max(self.opened));
        Range::new(start, end).ok_or(match bounds.end {
            Some(end) if end <= self.opened => Nothing::BeforeOpening,
            _ if start >= self.end => Nothing::Yet(start),
            _ => Nothing::Between(start, end),
        })
    }

    /// Where what ends at `end` begins if nobody says otherwise: only an archive has what REST no longer has.
    fn start_before(&self, end: Ts) -> Ts {
        if self.default_start < end { self.default_start } else { self.opened }
    }

    /// Candles are stamped when they open, so rounding both ends up keeps exactly those asked for.
    fn round_up(&self, ts: Ts) -> Ts {
        self.span.map_or(ts, |span| span.ceil(ts))
    }
}

/// How far back the newest page goes.
fn newest_page_nanos(row: &Capability, dataset: &Dataset) -> i64 {
    match (dataset.kind(), dataset.span()) {
        (Kind::Candle | Kind::OpenInterest, Some(span)) => span.nanos().saturating_mul(i64::from(row.page_rows)),
        (Kind::Funding, _) => FUNDING_NANOS.saturating_mul(i64::from(row.page_rows)),
        _ => TRADES_NANOS,
    }
}

/// What flags and job say of the asked range.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Bounds {
    pub(crate) flag_start: Option<Ts>,
    pub(crate) job_start: Option<Ts>,
    pub(crate) end: Option<Ts>,
}

/// Why a job asks for nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nothing {
    /// It begins here, and nothing of it has happened.
    Yet(Ts),
    /// It ends before the market opened.
    BeforeOpening,
    /// From the one to the other there is nothing.
    Between(Ts, Ts),
}

impl fmt::Display for Nothing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Nothing::Yet(start) => write!(f, "nothing of it has happened yet, for it begins at {start}"),
            Nothing::BeforeOpening => f.write_str("it ends before the market opened"),
            Nothing::Between(start, end) => write!(f, "from {start} to {end} there is nothing"),
        }
    }
}

/// What is to be fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) range: Range,
    pub(crate) why: String,
}

/// What a dataset lacks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lack {
    /// What can be fetched, oldest first.
    pub(crate) pieces: Vec<Piece>,
    /// What the exchange no longer has.
    pub(crate) gone: Vec<Range>,
}

/// What a ledger says, worked out once.
#[derive(Debug, Default)]
pub(crate) struct Known {
    pub(crate) covered: RangeSet,
    /// Holes that may still be filled, in order.
    pub(crate) open: Vec<NamedGap>,
    /// Holes that nothing can fill.
    lost: Vec<NamedGap>,
}

impl Known {
    pub(crate) fn of(ledger: &Ledger) -> Known {
        let (lost, open) = ledger.gaps().into_iter().partition(|gap| gap.is_final);
        Known { covered: ledger.covered(), open, lost }
    }
}

/// What of `wanted` is neither covered, nor known to be lost, nor `planned` already.
pub(crate) fn lacking(wanted: &RangeSet, known: &Known, planned: &RangeSet, history: &History) -> Lack {
    let mut settled = known.covered.clone();
    settled.extend(planned);
    known.lost.iter().for_each(|gap| settled.insert(gap.range));
    let (mut open, mut gone) = (RangeSet::new(), Vec::new());
    for missing in wanted.iter().flat_map(|range| settled.missing(range).iter().collect::<Vec<_>>()) {
        let Some(past) = Range::new(missing.start(), missing.end().min(history.end)) else { continue };
        gone.extend(Range::new(past.start(), past.end().min(history.opened)));
        gone.extend(Range::new(past.start().max(history.opened), past.end().min(history.start)));
        let end = history.round_up(past.end()).min(history.end);
        Range::new(past.start().max(history.start), end).into_iter().for_each(|range| open.insert(range));
    }
    Lack { pieces: open.iter().map(|range| Piece { range, why: why(range, &known.open) }).collect(), gone }
}

/// The pieces in the order they are to be fetched.
pub(crate) fn in_order(pieces: Vec<Piece>, kind: Kind, order: Order) -> Vec<Piece> {
    match order {
        Order::Oldest => pieces,
        Order::Newest => pieces
            .into_iter()
            .rev()
            .flat_map(|piece| {
                let mut parts = cut(piece.range, kind);
                parts.reverse();
                parts.into_iter().map(move |range| Piece { range, why: piece.why.clone() })
            })
            .collect(),
    }
}

/// At the turn of years, trades of months.
fn cut(range: Range, kind: Kind) -> Vec<Range> {
    let mut parts = Vec::new();
    let mut start = range.start();
    while start < range.end() {
        let day = start.day();
        let is_last = kind != Kind::Trade || day.month == 12;
        let next = if is_last {
            Day { year: day.year + 1, month: 1, day: 1 }
        } else {
            Day { month: day.month + 1, day: 1, ..day }
        };
        let end = next.start().min(range.end());
        let Some(part) = Range::new(start, end) else { break };
        parts.push(part);
        start = end;
    }
    parts
}

/// The name of the first gap in a range that has one.
fn why(range: Range, gaps: &[NamedGap]) -> String {
    let first = gaps.partition_point(|gap| gap.range.end() <= range.start());
    let inside = || gaps.iter().skip(first).take_while(|gap| gap.range.start() < range.end());
    if inside().next().is_none() {
        return ASKED.to_owned();
    }
    inside().find_map(|gap| gap.reason.clone()).unwrap_or_else(|| GAP.to_owned())
}
