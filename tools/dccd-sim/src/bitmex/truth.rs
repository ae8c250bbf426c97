//! What a store should hold of BitMEX, gathered while it was open.
//!
//! Amounts and volumes are in the base asset, as `homeNotional` states them; quote volumes are `foreignNotional`.
//! Candles are told by their open time, which is their stamp less their width. Books state contracts only.

use dccd_cli::Output;
use dccd_record::Kind;

use crate::bitmex::buckets::bar;
use crate::bitmex::statistics::{CLOCK, has_funding};
use crate::bitmex::symbols::{notional, size};
use crate::bitmex::trades::{home, match_id, taker};
use crate::bitmex::{CLOSED, EXCHANGE};
use crate::clock::MILLI;
use crate::decimal::trimmed_text;
use crate::market::Market;
use crate::market::candle::Fill;
use crate::market::statistics::{RATE_SCALE, fundings_at};
use crate::truth::{CandleRow, FundingRow, Teller, TradeRow, TruthError, TruthQuery, whole_millis};

/// Prints every record of the range that has happened.
pub(crate) fn print(market: &Market, query: &TruthQuery, out: &mut Output) -> Result<(), TruthError> {
    let query = TruthQuery { now: query.now.min(CLOSED), ..query.clone() };
    let mut teller = Teller::new(market, EXCHANGE, &query, out)?;
    let series = teller.series();
    let listing = series.listing();
    let price = |ticks: i64| trimmed_text(i128::from(ticks), listing.price_scale);
    match query.dataset.kind() {
        Kind::Candle => teller.candles(Fill::Always, |candle| {
            let bar = bar(&series, candle.start, candle.end);
            let [home, foreign] =
                notional(listing, bar.volume, bar.quote_volume).map(|(digits, scale)| trimmed_text(digits, scale));
            CandleRow {
                micros: candle.start,
                prices: [bar.open, bar.high, bar.low, bar.close].map(price),
                volume: home,
                quote_volume: Some(foreign),
                trades: Some(bar.count),
                is_derived: false,
            }
        }),
        Kind::Trade => teller.trades(MILLI, |trade| TradeRow {
            nanos: whole_millis(trade.micros),
            price: price(trade.price),
            amount: home(&series, trade),
            taker: taker(&series, trade),
            id: Some(match_id(&series, trade)),
        }),
        Kind::Book => teller.books_with(price, |amount| size(listing, i128::from(amount)).to_string(), |_| None),
        Kind::Funding if has_funding(listing.pair.market()) => {
            let past = teller.past();
            for paid in fundings_at(&series, CLOCK, past.start, past.end) {
                let rate = trimmed_text(i128::from(paid.rate), RATE_SCALE);
                teller.funding(&FundingRow { micros: paid.micros, rate, mark_price: None })?;
            }
            Ok(())
        }
        Kind::Funding | Kind::OpenInterest => Err(teller.no_such_kind()),
    }
}
