//! What a store should hold of Coinbase: no quote volume, no counts, takers where it names makers.

use dccd_cli::Output;
use dccd_record::Kind;

use super::{EXCHANGE, amount_number, amount_text, book_sequence, long_price_text, price_number, price_text, trades};
use crate::market::Market;
use crate::market::candle::Fill;
use crate::market::statistics::BOOK_STEP;
use crate::truth::{CandleRow, Teller, TradeRow, TruthError, TruthQuery};

/// Prints every record of the range that has happened.
pub(super) fn print(market: &Market, query: &TruthQuery, out: &mut Output) -> Result<(), TruthError> {
    let mut teller = Teller::new(market, EXCHANGE, query, out)?;
    let series = teller.series();
    let listing = series.listing();
    match query.dataset.kind() {
        Kind::Candle => teller.candles(Fill::Never, |candle| {
            let bar = &candle.bar;
            CandleRow {
                micros: candle.start,
                prices: [bar.open, bar.high, bar.low, bar.close].map(|ticks| price_number(listing, ticks)),
                volume: amount_number(listing, bar.volume),
                quote_volume: None,
                trades: None,
                is_derived: false,
            }
        }),
        Kind::Trade => teller.trades(1, |trade| TradeRow {
            nanos: trade.micros * 1_000,
            price: long_price_text(listing, trade.price),
            amount: amount_text(listing, i128::from(trade.amount)),
            taker: Some(trade.taker),
            id: Some(trades::id(trade).to_string()),
        }),
        Kind::Book => {
            let sequence = |step: i64| u64::try_from(book_sequence(&series, step * BOOK_STEP)).ok();
            let amount = |amount: i64| amount_text(listing, i128::from(amount));
            teller.books_with(|ticks| price_text(listing, ticks), amount, sequence)
        }
        Kind::Funding | Kind::OpenInterest => Err(teller.no_such_kind()),
    }
}
