//! What a store should hold of Kraken: candles of its own as long as it keeps them, older ones made of its trades.

use dccd_cli::Output;
use dccd_record::Kind;

use super::{EXCHANGE, amount_text, long_price_text, ohlc, price_text, stamp, trades};
use crate::clock::{DAY, MINUTE, SECOND};
use crate::decimal::trimmed_text;
use crate::market::Market;
use crate::market::bar::Grid;
use crate::market::candle::Fill;
use crate::truth::{CandleRow, Teller, TradeRow, TruthError, TruthQuery};

/// Prints every record of the range that has happened.
pub(super) fn print(market: &Market, query: &TruthQuery, out: &mut Output) -> Result<(), TruthError> {
    let mut teller = Teller::new(market, EXCHANGE, query, out)?;
    match query.dataset.kind() {
        Kind::Candle => candles(&mut teller, query),
        Kind::Trade => {
            let series = teller.series();
            let listing = series.listing();
            teller.trades(1, |trade| TradeRow {
                nanos: stamp::shown_nanos(stamp::nanos(series.key(), trade.micros)),
                price: long_price_text(listing, trade.price),
                amount: amount_text(listing, i128::from(trade.amount)),
                taker: Some(trade.taker),
                id: Some(trades::id(trade).to_string()),
            })
        }
        Kind::Book => {
            let series = teller.series();
            let listing = series.listing();
            let amount = |amount: i64| amount_text(listing, i128::from(amount));
            teller.books_with(|ticks| long_price_text(listing, ticks), amount, |_| None)
        }
        Kind::Funding | Kind::OpenInterest => Err(teller.no_such_kind()),
    }
}

fn candles(teller: &mut Teller<'_>, query: &TruthQuery) -> Result<(), TruthError> {
    let width = query.dataset.span().map_or(0, |span| i64::from(span.secs()) * SECOND);
    // Weeks of the exchange begin on Thursday, ours on Monday: they have to be made.
    let is_own_width = width < 7 * DAY && ohlc::width(width / MINUTE) == Some(width);
    let first_kept = ohlc::first_kept(Grid::Fixed { width: width.max(1), origin: 0 }, width, query.now);
    let series = teller.series();
    let listing = series.listing();
    teller.candles(Fill::Always, |candle| {
        let bar = &candle.bar;
        let is_derived = !is_own_width || candle.start < first_kept;
        // What is made of trades has the digits of their prices and exact sums; the exchange's own candles have fewer
        // digits, and an average price of which no quote volume can be had.
        let write = if is_derived { long_price_text } else { price_text };
        let quote_volume = is_derived.then(|| trimmed_text(bar.quote_volume, listing.value_scale()));
        CandleRow {
            micros: candle.start,
            prices: [bar.open, bar.high, bar.low, bar.close].map(|ticks| write(listing, ticks)),
            volume: if is_derived {
                trimmed_text(bar.volume, listing.amount_scale)
            } else {
                amount_text(listing, bar.volume)
            },
            quote_volume,
            trades: Some(bar.trades),
            is_derived,
        }
    })
}
