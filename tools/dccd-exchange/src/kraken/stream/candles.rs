//! Candles, of which nothing says that they are closed: one is, once a later one has begun.

use dccd_record::{Candle, Number, Range, Span, Ts};

use crate::live::{Event, FrameError, SubscriptionId};
use crate::wire::unexpected;

/// The most quiet spans that are filled at once: after a longer silence history has to be asked.
const QUIET_MAX: i64 = 180;

/// The candles of one series.
#[derive(Debug)]
pub(super) struct Candles {
    id: SubscriptionId,
    span: Span,
    kept: Option<Kept>,
    /// Whether a frame was lost since the open candle came.
    is_doubtful: bool,
}

/// The candle that is still open, in its own digits.
#[derive(Debug)]
struct Kept {
    ts: Ts,
    open: String,
    high: String,
    low: String,
    close: String,
    volume: String,
    trades: Option<u64>,
}

impl Candles {
    pub(super) fn new(id: SubscriptionId, span: Span) -> Candles {
        Candles { id, span, kept: None, is_doubtful: false }
    }

    /// Takes note that something was lost, perhaps the last state of the open candle.
    pub(super) fn doubt(&mut self) {
        self.is_doubtful = true;
    }

    /// Takes the state of a candle, and hands over those that are closed by it.
    pub(super) fn take(&mut self, candle: &Candle<'_>, take: &mut dyn FnMut(Event<'_>)) -> Result<(), FrameError> {
        if !self.span.is_aligned(candle.ts) {
            return Err(FrameError(format!("no candle of {} begins at {}", self.span, candle.ts)));
        }
        if self.kept.as_ref().is_some_and(|kept| candle.ts < kept.ts) {
            take(Event::Candle(self.id, *candle));
            return Ok(());
        }
        if let Some(kept) = self.kept.take_if(|kept| kept.ts < candle.ts) {
            self.close(&kept, candle.ts, take)?;
        }
        self.kept = Some(Kept::new(candle));
        self.is_doubtful = false;
        take(Event::OpenCandle(self.id, candle.ts));
        Ok(())
    }

    /// Hands over a candle that is closed, and those of the quiet spans behind it, for which nothing is pushed:
    /// they are as history has them, and marked as ours.
    fn close(&self, kept: &Kept, next: Ts, take: &mut dyn FnMut(Event<'_>)) -> Result<(), FrameError> {
        let quiet = kept.ts.saturating_add(self.span.nanos());
        if self.is_doubtful {
            self.lose(kept.ts, next, "its last state may be lost", take);
            return Ok(());
        }
        let candle = kept.candle()?;
        take(Event::Candle(self.id, candle));
        let count = (next.nanos() - quiet.nanos()) / self.span.nanos();
        if count > QUIET_MAX {
            self.lose(quiet, next, "nothing was pushed", take);
            return Ok(());
        }
        let (price, volume) = (candle.close, number("0")?);
        let (open, high, low, close) = (price, price, price, price);
        for at in 0..count {
            let ts = quiet.saturating_add(at * self.span.nanos());
            let (quote_volume, trades) = (None, Some(0));
            let filled = Candle { ts, open, high, low, close, volume, quote_volume, trades, is_derived: true };
            take(Event::Candle(self.id, filled));
        }
        Ok(())
    }

    fn lose(&self, start: Ts, end: Ts, why: &str, take: &mut dyn FnMut(Event<'_>)) {
        if let Some(range) = Range::new(start, end) {
            take(Event::Lost(self.id, range, why.to_owned()));
        }
    }
}

impl Kept {
    fn new(candle: &Candle<'_>) -> Kept {
        let text = |number: Number<'_>| number.as_str().to_owned();
        Kept {
            ts: candle.ts,
            open: text(candle.open),
            high: text(candle.high),
            low: text(candle.low),
            close: text(candle.close),
            volume: text(candle.volume),
            trades: candle.trades,
        }
    }

    fn candle(&self) -> Result<Candle<'_>, FrameError> {
        Ok(Candle {
            ts: self.ts,
            open: number(&self.open)?,
            high: number(&self.high)?,
            low: number(&self.low)?,
            close: number(&self.close)?,
            volume: number(&self.volume)?,
            quote_volume: None,
            trades: self.trades,
            is_derived: false,
        })
    }
}

fn number(text: &str) -> Result<Number<'_>, FrameError> {
    Ok(Number::new(text).map_err(|_| unexpected("is no number", text))?)
}
