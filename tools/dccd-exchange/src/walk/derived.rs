//! Candles that the exchange no longer has, built from the trades that it has.

use dccd_record::{
    BuiltCandle, Candle, CandleBuilder, Dataset, Decided, Kind, Line, LineWriter, Number, Parser, Proof, QuoteVolume,
    Range, Span, Ts,
};

use super::{Ask, Progress, Step, Way, way};
use crate::answer::Page;
use crate::capability::{Impossible, Unit, capability};

/// How far before the range trades are looked at: an empty bucket repeats the price of the last trade.
const LOOK_BACK_NANOS: i64 = 86_400_000_000_000;

#[derive(Debug)]
pub(super) struct DerivedWalk {
    progress: Progress,
    span: Span,
    trades: Box<dyn Way>,
    parser: Parser,
    builder: CandleBuilder,
    lines: LineWriter,
    /// Where trades are asked for from.
    first: Ts,
    close: Close,
}

/// The price of the last trade so far, which an empty bucket repeats.
#[derive(Debug)]
enum Close {
    /// There was no trade before, and so there is no candle.
    None,
    /// There was one, whose price was not seen.
    Unseen,
    Price(String),
}

impl DerivedWalk {
    pub(super) fn new(dataset: &Dataset, range: Range) -> Result<DerivedWalk, Impossible> {
        let row = capability(dataset)?;
        let impossible = || Impossible::Exchange(dataset.exchange().to_string());
        let span = dataset.span().ok_or_else(impossible)?;
        let trades = Dataset::new(dataset.exchange().clone(), Kind::Trade, dataset.pair().clone(), None)
            .map_err(|_| impossible())?;
        let trade_row = capability(&trades)?;
        let first = span.floor(range.start().saturating_add(-LOOK_BACK_NANOS));
        let wanted = Range::new(first, span.ceil(range.end())).ok_or_else(impossible)?;
        let quote_volume = if trade_row.unit == Unit::Base { QuoteVolume::Summed } else { QuoteVolume::Unknown };
        Ok(DerivedWalk {
            progress: Progress::new(row, dataset, range),
            span,
            trades: way(trade_row, &trades, wanted),
            parser: Parser::new(),
            builder: CandleBuilder::new(span, quote_volume),
            lines: LineWriter::new(dataset),
            first,
            close: Close::None,
        })
    }

    /// Takes the trades of a page. One that cannot be summed ends the walk: its candle would be wrong.
    fn take_trades(&mut self, lines: &[u8]) -> Result<(), String> {
        for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let Line::Trade(_, trade) = self.parser.parse(line).map_err(|cause| cause.to_string())? else { continue };
            self.builder.trade(&trade).map_err(|cause| cause.to_string())?;
        }
        Ok(())
    }

    /// Every trade of `range` was given: writes the candles that are whole now.
    fn cover(&mut self, range: Range, proof: Proof, out: &mut Vec<u8>, steps: &mut Vec<Step>) -> Result<(), String> {
        let Decided { candles, covered, impossible } =
            self.builder.covered(range).map_err(|cause| cause.to_string())?;
        let mut candles = candles.into_iter().peekable();
        let before = out.len();
        let mut said = Vec::new();
        let mut not_summed = impossible.iter().peekable();
        for range in &covered {
            while not_summed.next_if(|not_summed| not_summed.start() < range.start()).is_some() {
                self.close = Close::Unseen;
            }
            let (mut ts, mut known_from) = (range.start(), range.start());
            while ts < range.end() {
                let next = ts.saturating_add(self.span.nanos());
                match candles.next_if(|candle| candle.ts() == ts) {
                    Some(candle) => self.write(&candle, out)?,
                    None => self.fill(ts, out)?,
                }
                if let Close::Unseen = self.close {
                    known_from = next;
                }
                ts = next;
            }
            let wanted = |start: Ts, end: Ts| Range::new(start, end)?.intersect(self.progress.range);
            let reason = || "nothing was traded for so long that the price is not known".to_owned();
            said.extend(wanted(range.start(), known_from).map(|range| Step::Gap(range, reason())));
            said.extend(wanted(known_from, range.end()).map(|range| Step::Covered(range, proof)));
        }
        if out.len() > before {
            steps.push(Step::Lines);
        }
        if not_summed.next().is_some() {
            self.close = Close::Unseen;
        }
        for range in impossible {
            let reason = "its trades have too many digits to be summed exactly".to_owned();
            said.extend(range.intersect(self.progress.range).map(|range| Step::Gap(range, reason.clone())));
        }
        steps.extend(said);
        Ok(())
    }

    fn write(&mut self, candle: &BuiltCandle, out: &mut Vec<u8>) -> Result<(), String> {
        let record = candle.record().map_err(|cause| cause.to_string())?;
        self.close = Close::Price(record.close.as_str().to_owned());
        if self.progress.range.contains(record.ts) {
            self.lines.candle(&record, out);
        }
        Ok(())
    }

    /// A bucket without trades, as the exchange fills its own.
    fn fill(&mut self, ts: Ts, out: &mut Vec<u8>) -> Result<(), String> {
        let Close::Price(close) = &self.close else { return Ok(()) };
        if !self.progress.range.contains(ts) {
            return Ok(());
        }
        let price = Number::new(close).map_err(|cause| cause.to_string())?;
        let nothing = Number::new("0").map_err(|cause| cause.to_string())?;
        let candle = Candle {
            ts,
            open: price,
            high: price,
            low: price,
            close: price,
            volume: nothing,
            quote_volume: Some(nothing),
            trades: Some(0),
            is_derived: true,
        };
        self.lines.candle(&candle, out);
        Ok(())
    }

    /// What is said of trades, as said of candles: every bucket that a range touches.
    fn buckets(&self, range: Range) -> Option<Range> {
        Range::new(self.span.floor(range.start()), self.span.ceil(range.end()))?.intersect(self.progress.range)
    }
}

impl Way for DerivedWalk {
    fn next_ask(&mut self) -> Option<Ask> {
        self.trades.next_ask()
    }

    fn take(&mut self, ask: &Ask, page: &Page, lines: &mut Vec<u8>) -> Vec<Step> {
        if let (Close::None, Some(_)) = (&self.close, page.first.filter(|first| first.ts < self.first)) {
            self.close = Close::Unseen;
        }
        let taken = self.trades.take(ask, page, lines);
        let mut out = Vec::new();
        let mut steps = Vec::new();
        for step in taken {
            let done = match step {
                Step::Lines => self.take_trades(lines),
                Step::Covered(range, proof) => self.cover(range, proof, &mut out, &mut steps),
                Step::Gap(range, reason) => {
                    self.close = Close::Unseen;
                    steps.extend(self.buckets(range).map(|range| Step::Gap(range, reason)));
                    Ok(())
                }
                Step::Failed { range, error, is_retryable } => {
                    steps.extend(self.buckets(range).map(|range| Step::Failed { range, error, is_retryable }));
                    Ok(())
                }
            };
            if let Err(error) = done {
                steps.extend(self.left().map(|range| Step::Failed { range, error, is_retryable: false }));
                break;
            }
        }
        *lines = out;
        for step in &steps {
            if let Step::Covered(range, _) | Step::Gap(range, _) | Step::Failed { range, .. } = step {
                self.progress.covered_to = self.progress.covered_to.max(range.end());
            }
        }
        steps
    }

    fn left(&self) -> Option<Range> {
        self.progress.left()
    }
}
