//! The trades of one pair, and the candles made of them.

use dccd_record::{
    CandleBuilder, CandleError, Control, Covered, Dataset, Decided, Failed, Gap, Job, Kind, LineWriter, Market, Order,
    Proof, QuoteVolume, Range, Sight, Span, Trade, aligned_inner, write_control,
};

/// Which lines go out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// All.
    Lines,
    /// Market records alone.
    Records,
}

/// The trades of one pair.
#[derive(Debug)]
pub(crate) struct Series {
    candles: Dataset,
    builder: CandleBuilder,
    writer: LineWriter,
    doubt: Doubt,
}

/// Whether a line that could not be read may have been a trade of this series.
///
/// A covered line speaks of the lines above it, so the covered lines that come next after a bad line
/// may be wrong for us; once trades have followed those, later ones are sound again.
#[derive(Clone, Copy, Debug, Default)]
struct Doubt {
    bad_lines_cleared: u64,
    bad_lines_withheld: Option<u64>,
}

impl Series {
    pub(crate) fn new(trades: &Dataset, span: Span) -> Series {
        let (exchange, pair) = (trades.exchange().clone(), trades.pair().clone());
        let candles = Dataset::new(exchange, Kind::Candle, pair, Some(span)).expect("candles have a span");
        Series {
            builder: CandleBuilder::new(span, quote_volume(&candles)),
            writer: LineWriter::new(&candles),
            candles,
            doubt: Doubt::default(),
        }
    }

    pub(crate) fn trade(&mut self, trade: &Trade<'_>) -> Result<Sight, CandleError> {
        if let Some(bad_lines) = self.doubt.bad_lines_withheld.take() {
            self.doubt.bad_lines_cleared = bad_lines;
        }
        self.builder.trade(trade)
    }

    /// Writes the candles that `covered` decides. `bad_lines` is how many were met so far.
    pub(crate) fn covered(
        &mut self,
        covered: &Covered,
        bad_lines: u64,
        wanted: Wanted,
        out: &mut Vec<u8>,
    ) -> Result<(), CandleError> {
        if bad_lines > self.doubt.bad_lines_cleared {
            self.doubt.bad_lines_withheld = Some(bad_lines);
            return Ok(());
        }
        let decided = self.builder.covered(covered.range)?;
        self.write(&decided, covered.proof, wanted, out)
    }

    /// Writes what was said of the trades as said of the candles.
    pub(crate) fn translate(&self, control: Control, out: &mut Vec<u8>) {
        write_control(&self.said_of_candles(control), out);
    }

    pub(crate) fn builder(&self) -> &CandleBuilder {
        &self.builder
    }

    pub(crate) fn candles(&self) -> &Dataset {
        &self.candles
    }

    fn write(&mut self, decided: &Decided, proof: Proof, wanted: Wanted, out: &mut Vec<u8>) -> Result<(), CandleError> {
        for candle in &decided.candles {
            self.writer.candle(&candle.record().map_err(CandleError::Number)?, out);
        }
        if wanted == Wanted::Records {
            return Ok(());
        }
        for range in &decided.covered {
            write_control(&Control::Covered(Covered { dataset: self.candles.clone(), range: *range, proof }), out);
        }
        for range in &decided.impossible {
            let error = "the sum of the trades has more digits than can be kept exactly".to_owned();
            let failed = Failed { dataset: self.candles.clone(), range: *range, error, is_retryable: false };
            write_control(&Control::Failed(failed), out);
        }
        Ok(())
    }

    fn said_of_candles(&self, control: Control) -> Control {
        let dataset = self.candles.clone();
        let span = self.builder.span();
        match control {
            Control::Covered(line) => Control::Covered(Covered { dataset, ..line }),
            // The exchange may still give the candle itself, so the hole is never final.
            Control::Gap(line) => {
                Control::Gap(Gap { dataset, range: touched(line.range, span), is_final: false, ..line })
            }
            Control::Failed(line) => Control::Failed(Failed { dataset, range: touched(line.range, span), ..line }),
            Control::Job(line) => Control::Job(Job { dataset, ..line }),
            // An order for less than one candle cannot be answered; it passes as it is.
            Control::Range(line) => match aligned_inner(line.range, span) {
                Some(range) => Control::Range(Order { dataset, range, ..line }),
                None => Control::Range(line),
            },
            Control::Stored(line) => Control::Stored(line),
        }
    }
}

/// The buckets that a range touches.
fn touched(range: Range, span: Span) -> Range {
    Range::new(span.floor(range.start()), span.ceil(range.end())).unwrap_or(range)
}

/// Amounts of derivatives are in the base asset only where that is known; elsewhere they may be contracts.
fn quote_volume(candles: &Dataset) -> QuoteVolume {
    match (candles.pair().market(), candles.exchange().as_str()) {
        (Market::Spot, _) | (Market::Perp, "binance" | "bybit") => QuoteVolume::Summed,
        _ => QuoteVolume::Unknown,
    }
}
