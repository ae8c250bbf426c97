//! Candles: folds of trades.

use dccd_record::{Day, Side};

use crate::clock::DAY;
use crate::market::trade::Trade;

/// What trades sum up to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bar {
    /// The first price, in ticks.
    pub(crate) open: i64,
    /// The highest.
    pub(crate) high: i64,
    /// The lowest.
    pub(crate) low: i64,
    /// The last.
    pub(crate) close: i64,
    /// In smallest amounts.
    pub(crate) volume: i128,
    /// The sum of what was given; see [`crate::market::catalogue::Listing::value`].
    pub(crate) quote_volume: i128,
    /// What takers bought.
    pub(crate) taker_volume: i128,
    /// What takers paid.
    pub(crate) taker_quote_volume: i128,
    /// Parts of trades; none: an empty bar.
    pub(crate) count: i64,
    /// Trades.
    pub(crate) trades: i64,
}

impl Bar {
    /// The bar of a time without trades.
    pub(crate) fn flat(price: i64) -> Bar {
        Bar { open: price, high: price, low: price, close: price, ..Bar::default() }
    }

    /// Adds a trade that comes after all others.
    pub(crate) fn add_trade(&mut self, trade: &Trade) {
        let quote = trade.value;
        let amount = i128::from(trade.amount);
        let (taker_volume, taker_quote_volume) = if trade.taker == Side::Buy { (amount, quote) } else { (0, 0) };
        self.add(&Bar {
            volume: amount,
            quote_volume: quote,
            taker_volume,
            taker_quote_volume,
            count: trade.part_count(),
            trades: 1,
            ..Bar::flat(trade.price)
        });
    }

    /// Adds a bar that comes after all that was added.
    pub(crate) fn add(&mut self, later: &Bar) {
        if later.count == 0 {
            return;
        }
        if self.count == 0 {
            *self = *later;
            return;
        }
        self.high = self.high.max(later.high);
        self.low = self.low.min(later.low);
        self.close = later.close;
        self.volume += later.volume;
        self.quote_volume += later.quote_volume;
        self.taker_volume += later.taker_volume;
        self.taker_quote_volume += later.taker_quote_volume;
        self.count += later.count;
        self.trades += later.trades;
    }
}

impl FromIterator<Trade> for Bar {
    fn from_iter<I: IntoIterator<Item = Trade>>(trades: I) -> Bar {
        let mut bar = Bar::default();
        trades.into_iter().for_each(|trade| bar.add_trade(&trade));
        bar
    }
}

/// Where buckets begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Grid {
    /// Every so many microseconds, counted from an origin.
    Fixed {
        /// The width.
        width: i64,
        /// An instant at which a bucket begins.
        origin: i64,
    },
    /// With every month.
    Month,
}

impl Grid {
    /// The start of the bucket that holds `instant`.
    pub(crate) fn floor(self, instant: i64) -> i64 {
        match self {
            Grid::Fixed { width, origin } => instant - (instant - origin).rem_euclid(width),
            Grid::Month => month_start(instant, 0),
        }
    }

    /// The first bucket start at or after `instant`.
    pub(crate) fn ceil(self, instant: i64) -> i64 {
        let floor = self.floor(instant);
        if floor == instant { instant } else { self.next(floor) }
    }

    /// The bucket after the one that begins at `start`.
    pub(crate) fn next(self, start: i64) -> i64 {
        match self {
            Grid::Fixed { width, .. } => start + width,
            Grid::Month => month_start(start, 1),
        }
    }
}

fn month_start(instant: i64, months_later: i64) -> i64 {
    let date = Day::from_number(instant.div_euclid(DAY));
    let month = date.year * 12 + date.month - 1 + months_later;
    let first = Day { year: month.div_euclid(12), month: month.rem_euclid(12) + 1, day: 1 };
    first.number().unwrap_or(0) * DAY
}
