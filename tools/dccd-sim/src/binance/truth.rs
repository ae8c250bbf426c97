//! What a store should hold of Binance.
//!
//! Amounts are in the base asset wherever Binance says how many of it there were. COIN-M says so of candles and of
//! open interest (it publishes the base asset beside the contracts), and what they are worth in dollars is not
//! said. Of single trades it publishes contracts only: their number is the amount, since contracts times their size
//! divided by the price has no end of digits.

use dccd_cli::Output;
use dccd_record::{Kind, Market as MarketKind};

use crate::binance::archive::FIRST_MICROS;
use crate::binance::params::Unit;
use crate::binance::statistics::{has_mark_price, open_interest_text, update_id};
use crate::binance::venue::{Digits, EXCHANGE, Venue};
use crate::decimal::decimal_text;
use crate::market::Market;
use crate::market::candle::Fill;
use crate::market::statistics::{RATE_SCALE, fundings, open_interest};
use crate::truth::{CandleRow, Door, FundingRow, OpenInterestRow, Teller, TradeRow, TruthError, TruthQuery, text};

/// Prints every record of the range that has happened.
pub(crate) fn print(market: &Market, query: &TruthQuery, out: &mut Output) -> Result<(), TruthError> {
    let (pair, kind) = (query.dataset.pair(), query.dataset.kind());
    if matches!(pair.market(), MarketKind::Quarter | MarketKind::NextQuarter) && kind != Kind::Candle {
        return Err(TruthError::Kind(EXCHANGE, kind, pair.clone()));
    }
    let mut teller = Teller::new(market, EXCHANGE, query, out)?;
    let digits = Digits::of(teller.series().listing());
    let is_perp = matches!(pair.market(), MarketKind::Perp | MarketKind::Inverse);
    let is_inverse = Venue::of(pair) == Venue::Coinm;
    match kind {
        Kind::Candle => teller.candles(Fill::WhileOpen, |candle| {
            let bar = &candle.bar;
            let value = text(|out| digits.quote(out, bar.quote_volume));
            let (volume, quote_volume) =
                if is_inverse { (value, None) } else { (text(|out| digits.amount(out, bar.volume)), Some(value)) };
            CandleRow {
                micros: candle.start,
                prices: [bar.open, bar.high, bar.low, bar.close].map(|ticks| text(|out| digits.price(out, ticks))),
                volume,
                quote_volume,
                trades: Some(bar.count),
                is_derived: false,
            }
        }),
        Kind::Trade => trades(&mut teller, digits, query),
        Kind::Book => {
            let price = |ticks: i64| text(|out| digits.price(out, ticks));
            let amount = |amount: i64| text(|out| digits.amount(out, amount));
            teller.books_with(price, amount, |step| u64::try_from(update_id(step)).ok())
        }
        Kind::Funding if is_perp => payments(&mut teller, digits, query),
        Kind::OpenInterest if is_perp => measurements(&mut teller, is_inverse),
        Kind::Funding | Kind::OpenInterest => Err(teller.no_such_kind()),
    }
}

fn trades(teller: &mut Teller<'_>, digits: Digits, query: &TruthQuery) -> Result<(), TruthError> {
    let is_micros = query.door == Door::Archive && query.dataset.pair().market() == MarketKind::Spot;
    teller.trades(Unit::Millis.micros(), |trade| {
        let unit = if is_micros && trade.micros >= FIRST_MICROS { Unit::Micros } else { Unit::Millis };
        TradeRow {
            nanos: unit.of(trade.micros) * unit.micros() * 1_000,
            price: text(|out| digits.price(out, trade.price)),
            amount: text(|out| digits.amount(out, trade.amount)),
            taker: Some(trade.taker),
            id: Some(trade.id.to_string()),
        }
    })
}

fn payments(teller: &mut Teller<'_>, digits: Digits, query: &TruthQuery) -> Result<(), TruthError> {
    let (series, past) = (teller.series(), teller.past());
    let venue = Venue::of(query.dataset.pair());
    for funding in fundings(&series, past.start, past.end) {
        let is_known = query.door == Door::Rest && has_mark_price(venue, &funding);
        teller.funding(&FundingRow {
            micros: funding.micros,
            rate: decimal_text(i128::from(funding.rate), RATE_SCALE, RATE_SCALE),
            mark_price: is_known.then(|| text(|out| digits.long_price(out, funding.mark_price))),
        })?;
    }
    Ok(())
}

fn measurements(teller: &mut Teller<'_>, is_inverse: bool) -> Result<(), TruthError> {
    let Some(grid) = teller.grid() else { return Ok(()) };
    let (series, past) = (teller.series(), teller.past());
    let first = grid.ceil(past.start.max(series.listing().since));
    let stamps = std::iter::successors(Some(first), |stamp| Some(grid.next(*stamp)));
    let until = series.listing().until;
    for micros in stamps.take_while(|stamp| past.contains(stamp) && *stamp < until) {
        let (amount, value) = open_interest_text(series.listing(), &open_interest(&series, micros));
        let (amount, value) = if is_inverse { (value, None) } else { (amount, Some(value)) };
        teller.open_interest(&OpenInterestRow { micros, amount, value })?;
    }
    Ok(())
}
