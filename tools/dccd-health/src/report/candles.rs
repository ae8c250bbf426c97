//! Candles against the trades of the same pair.
//!
//! Candles are rebuilt from trades with the library of dccd-candles, wherever both are covered, and compared with those
//! that are stored. Prices must be the same; volumes may differ in the last digits that a float keeps.

use std::collections::BTreeMap;

use dccd_record::{
    BuiltCandle, Candle, CandleBuilder, Dataset, Number, QuoteVolume, Range, RangeSet, Span, Trade, Ts, aligned_inner,
};

const SECS_PER_DAY: u32 = 86_400;
/// By how much of itself a sum of floats may be off.
const VOLUME_TOLERANCE: f64 = 1e-9;

/// How candles and trades agree.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Comparison {
    pub(crate) candles: u64,
    pub(crate) differ: u64,
    /// The largest difference of an open, high, low or close, as a part of it.
    pub(crate) price_difference_max: f64,
    /// The same of volumes; a candle that is missing, or has no trades, differs by all of it.
    pub(crate) volume_difference_max: f64,
}

/// The candles of one dataset and day, while their trades go by.
pub(crate) struct Comparer {
    pub(crate) dataset: Dataset,
    /// Where both are covered, in whole candles.
    common: RangeSet,
    stored: BTreeMap<Ts, Values>,
    /// `None` once what waits in it is more than memory is meant for.
    builder: Option<CandleBuilder>,
    span: Span,
    comparison: Comparison,
}

/// Open, high, low, close and volume.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Values {
    prices: [f64; 4],
    volume: f64,
}

impl Values {
    fn of(candle: &Candle<'_>) -> Values {
        let Candle { open, high, low, close, volume, .. } = candle;
        Values { prices: [open, high, low, close].map(|price| Number::to_f64(*price)), volume: volume.to_f64() }
    }
}

impl Comparer {
    /// `None` if nothing of the day can be compared.
    pub(crate) fn new(dataset: &Dataset, day: Range, candles: &RangeSet, trades: &RangeSet) -> Option<Comparer> {
        let span = dataset.span().filter(|span| SECS_PER_DAY.is_multiple_of(span.secs()))?;
        let common = common(span, day, candles, trades);
        let builder = Some(CandleBuilder::new(span, QuoteVolume::Unknown));
        let (stored, comparison) = (BTreeMap::new(), Comparison::default());
        (!common.is_empty()).then(|| Comparer { dataset: dataset.clone(), common, stored, builder, span, comparison })
    }

    /// Takes a stored candle.
    pub(crate) fn candle(&mut self, candle: &Candle<'_>) {
        if self.common.contains(candle.ts) {
            self.stored.insert(candle.ts, Values::of(candle));
        }
    }

    /// Takes the next trade in order. Its candle is left out if its numbers are too long to be summed.
    pub(crate) fn trade(&mut self, trade: &Trade<'_>) {
        if !self.common.contains(trade.ts) {
            return;
        }
        // In the store no trade is there twice, so nobody need remember ids.
        let trade = Trade { tid: None, ..*trade };
        let taken = self.builder.as_mut().map(|builder| builder.trade(&trade));
        if matches!(taken, Some(Err(cause)) if !cause.is_local()) {
            self.builder = None;
        }
    }

    /// Every trade before `ts` went by.
    pub(crate) fn advance(&mut self, ts: Ts) {
        let Some(past) = Range::new(Ts::MIN, self.span.floor(ts)) else { return };
        for range in self.common.within(past).iter().collect::<Vec<_>>() {
            let Some(Ok(decided)) = self.builder.as_mut().map(|builder| builder.covered(range)) else {
                self.builder = None;
                return;
            };
            decided.candles.iter().for_each(|candle| self.compare(candle));
            for impossible in decided.impossible {
                self.stored.retain(|ts, _| !impossible.contains(*ts));
            }
        }
    }

    /// All trades went by; `None` if no comparison could be made.
    pub(crate) fn finish(mut self) -> Option<Comparison> {
        self.advance(Ts::MAX);
        self.builder.take()?;
        for values in std::mem::take(&mut self.stored).into_values() {
            // An exchange may fill a time without trades with a candle of no volume.
            self.count(0.0, if values.volume > 0.0 { 1.0 } else { 0.0 });
        }
        Some(self.comparison)
    }

    fn compare(&mut self, built: &BuiltCandle) {
        let Ok(built) = built.record() else { return };
        let ts = built.ts;
        let built = Values::of(&built);
        match self.stored.remove(&ts) {
            Some(stored) => {
                let prices = stored.prices.iter().zip(built.prices).map(|(stored, built)| difference(*stored, built));
                self.count(prices.fold(0.0, f64::max), difference(stored.volume, built.volume));
            }
            None => self.count(0.0, 1.0),
        }
    }

    fn count(&mut self, price_difference: f64, volume_difference: f64) {
        let Comparison { candles, differ, price_difference_max, volume_difference_max } = &mut self.comparison;
        *candles += 1;
        if price_difference > 0.0 || volume_difference > VOLUME_TOLERANCE {
            *differ += 1;
            *price_difference_max = price_difference_max.max(price_difference);
            *volume_difference_max = volume_difference_max.max(volume_difference);
        }
    }
}

/// The whole candles of a day that are covered in both.
fn common(span: Span, day: Range, candles: &RangeSet, trades: &RangeSet) -> RangeSet {
    let candles = candles.within(day);
    let both = candles.iter().flat_map(|range| trades.within(range).iter().collect::<Vec<_>>());
    both.filter_map(|range| aligned_inner(range, span)).collect()
}

/// How far two numbers are apart, as a part of the larger one.
fn difference(left: f64, right: f64) -> f64 {
    let size = left.abs().max(right.abs());
    if left == right || size == 0.0 { 0.0 } else { (left - right).abs() / size }
}
