//! What a store should hold of Kraken Futures.

use dccd_cli::Output;
use dccd_record::{Kind, Market as MarketKind};

use super::{EXCHANGE, amount_number, executions, funding, price_number};
use crate::clock::MILLI;
use crate::market::Market;
use crate::market::candle::Fill;
use crate::truth::{CandleRow, FundingRow, Teller, TradeRow, TruthError, TruthQuery, whole_millis};

/// Prints every record of the range that has happened.
pub(super) fn print(market: &Market, query: &TruthQuery, out: &mut Output) -> Result<(), TruthError> {
    let mut teller = Teller::new(market, EXCHANGE, query, out)?;
    let series = teller.series();
    let listing = series.listing();
    let is_perpetual = !matches!(listing.pair.market(), MarketKind::Dated(_));
    match query.dataset.kind() {
        Kind::Candle => teller.candles(Fill::Always, |candle| {
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
        Kind::Trade => teller.trades(MILLI, |trade| TradeRow {
            nanos: whole_millis(trade.micros),
            price: price_number(listing, trade.price),
            amount: amount_number(listing, i128::from(trade.amount)),
            taker: Some(trade.taker),
            id: Some(executions::uid(&series, trade)),
        }),
        Kind::Book => teller.books_with(
            |ticks| price_number(listing, ticks),
            |amount| amount_number(listing, i128::from(amount)),
            |_| None,
        ),
        Kind::Funding if is_perpetual => {
            // What is older than a year is gone.
            let past = teller.past();
            for rate in funding::rates(&series, past.start.max(funding::first_kept(query.now)), past.end) {
                teller.funding(&FundingRow { micros: rate.micros, rate: rate.relative, mark_price: None })?;
            }
            Ok(())
        }
        Kind::Funding | Kind::OpenInterest => Err(teller.no_such_kind()),
    }
}
