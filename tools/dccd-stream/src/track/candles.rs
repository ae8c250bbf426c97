//! Candles, each of which comes once it is closed.

use dccd_record::{Candle, LineWriter, Proof, Span, Ts};

use super::Cover;

/// The candles of one series so far.
#[derive(Debug)]
pub(crate) struct Candles {
    span_nanos: i64,
    /// Whether a span without trades has none.
    skips_quiet: bool,
}

impl Candles {
    pub(super) fn new(span: Option<Span>, skips_quiet: bool) -> Candles {
        Candles { span_nanos: span.map_or(0, Span::nanos), skips_quiet }
    }

    pub(super) fn skips_quiet(&self) -> bool {
        self.skips_quiet
    }

    pub(crate) fn span_nanos(&self) -> i64 {
        self.span_nanos
    }

    /// Where none may be left out, one that begins behind the last one's end shows that some did not come.
    pub(super) fn take(&self, candle: &Candle<'_>, cover: &mut Cover, lines: &mut LineWriter, out: &mut Vec<u8>) {
        lines.candle(candle, out);
        if !self.skips_quiet && cover.end().is_some_and(|end| end < candle.ts) {
            cover.fail("candles did not come", out);
        }
        cover.begin(candle.ts, Proof::Sequence, out);
        cover.advance(candle.ts.saturating_add(self.span_nanos), Proof::Sequence);
    }

    /// One that is open shows that what was before it is closed.
    pub(super) fn take_open(&self, ts: Ts, cover: &mut Cover) {
        if self.skips_quiet {
            cover.advance(ts, Proof::Sequence);
        }
    }
}
