//! What a store should hold of Bitfinex.
//!
//! - Candles: volume in the base asset, as published, binary noise included; no quote volume and no count.
//! - Trades: the amount without its sign, which is the side.
//! - Funding: at each settlement, the current rate of the status rows before it; no row is of its very instant, so
//!   the mark price is not known.
//! - Open interest: at each multiple of the span, what the last status row of that span up to then says.
//! - Books carry neither a time nor a number of the exchange, so none can be told from another.

use dccd_cli::Output;
use dccd_record::{Kind, Market as MarketKind};

use crate::bitfinex::candles::volume;
use crate::bitfinex::trades::venue_id;
use crate::bitfinex::{EXCHANGE, status};
use crate::clock::{MILLI, SECOND};
use crate::decimal::trimmed_text;
use crate::market::Market;
use crate::market::candle::Fill;
use crate::market::catalogue::Listing;
use crate::market::statistics::{FUNDING_STEP, OPEN_INTEREST_SCALE, RATE_SCALE};
use crate::truth::{CandleRow, FundingRow, OpenInterestRow, Teller, TradeRow, TruthError, TruthQuery, whole_millis};

/// Prints every record of the range that has happened.
pub(crate) fn print(market: &Market, query: &TruthQuery, out: &mut Output) -> Result<(), TruthError> {
    let mut teller = Teller::new(market, EXCHANGE, query, out)?;
    let series = teller.series();
    let listing = series.listing();
    let is_spot = query.dataset.pair().market() == MarketKind::Spot;
    match query.dataset.kind() {
        Kind::Candle => teller.candles(Fill::Never, |candle| {
            let bar = &candle.bar;
            CandleRow {
                micros: candle.start,
                prices: [bar.open, bar.high, bar.low, bar.close].map(|ticks| price(listing, ticks)),
                volume: volume(&series, bar),
                quote_volume: None,
                trades: None,
                is_derived: false,
            }
        }),
        Kind::Trade => teller.trades(MILLI, |trade| TradeRow {
            nanos: whole_millis(trade.micros),
            price: price(listing, trade.price),
            amount: trimmed_text(i128::from(trade.amount), listing.amount_scale),
            taker: Some(trade.taker),
            id: Some(venue_id(&series, trade.id).to_string()),
        }),
        Kind::Funding if !is_spot => fundings(&mut teller),
        Kind::OpenInterest if !is_spot => open_interests(&mut teller, query),
        Kind::Book | Kind::Funding | Kind::OpenInterest => Err(teller.no_such_kind()),
    }
}

fn fundings(teller: &mut Teller<'_>) -> Result<(), TruthError> {
    let (series, past) = (teller.series(), teller.past());
    let first = -(-past.start.max(series.listing().since)).div_euclid(FUNDING_STEP);
    let after = -(-past.end).div_euclid(FUNDING_STEP);
    for number in first..after {
        let settled = number * FUNDING_STEP;
        let Some(row) = status::descending(&series, settled - FUNDING_STEP, settled).next() else { continue };
        let rate = trimmed_text(i128::from(row.rate), RATE_SCALE);
        teller.funding(&FundingRow { micros: settled, rate, mark_price: None })?;
    }
    Ok(())
}

fn open_interests(teller: &mut Teller<'_>, query: &TruthQuery) -> Result<(), TruthError> {
    let (Some(grid), Some(span)) = (teller.grid(), query.dataset.span()) else { return Ok(()) };
    let width = i64::from(span.secs()) * SECOND;
    let (series, past) = (teller.series(), teller.past());
    let first = grid.ceil(past.start.max(series.listing().since));
    let stamps = std::iter::successors(Some(first), |stamp| Some(grid.next(*stamp)));
    for micros in stamps.take_while(|stamp| past.contains(stamp)) {
        let Some(row) = status::descending(&series, micros - width + 1, micros + 1).next() else { continue };
        let amount = trimmed_text(i128::from(row.open_interest), OPEN_INTEREST_SCALE);
        teller.open_interest(&OpenInterestRow { micros, amount, value: None })?;
    }
    Ok(())
}

fn price(listing: &Listing, ticks: i64) -> String {
    trimmed_text(i128::from(ticks), listing.price_scale)
}
