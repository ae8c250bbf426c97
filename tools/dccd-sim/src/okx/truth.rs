//! What a store should hold of OKX.
//!
//! Units, for this exchange counts derivatives in contracts: an amount or volume is base asset wherever the exchange
//! gives base asset or where contracts turn into it exactly (`sz * ctVal * ctMult` of linear ones); else it is the
//! contracts' value in quote asset, which is exact too.
//!
//! | | amount, volume, open interest | quote volume, value |
//! |---|---|---|
//! | spot candle | base: `vol` | quote: `volCcyQuote` |
//! | linear candle | base: `volCcy` | quote: `volCcyQuote` |
//! | inverse candle | base: `volCcy` | US dollars: `volCcyQuote` |
//! | spot trade, book | base: `sz` | |
//! | linear trade, book | base: `sz * ctVal * ctMult` | |
//! | inverse trade, book | US dollars: `sz * ctVal * ctMult` | |
//! | open interest | base: the third column | US dollars: the fourth |
//!
//! Funding is the rate that was settled, stamped with its time, without mark price. A candle has no number of trades.

use dccd_cli::Output;
use dccd_record::{Kind, Market as MarketKind};

use crate::clock::MILLI;
use crate::market::Market;
use crate::market::candle::Candle;
use crate::market::trade::Trade;
use crate::okx::EXCHANGE;
use crate::okx::archive::float;
use crate::okx::candles::FILL;
use crate::okx::instrument::Digits;
use crate::okx::statistics::{open_interest_text, payments, realized_rate};
use crate::okx::trades::trade_id;
use crate::truth::{
    CandleRow, Door, FundingRow, OpenInterestRow, Teller, TradeRow, TruthError, TruthQuery, whole_millis,
};

/// Prints every record of the range that has happened.
pub(crate) fn print(market: &Market, query: &TruthQuery, out: &mut Output) -> Result<(), TruthError> {
    let mut teller = Teller::new(market, EXCHANGE, query, out)?;
    let pair = query.dataset.pair();
    let digits = Digits::of(teller.series().listing());
    let has_funding = matches!(pair.market(), MarketKind::Perp | MarketKind::Inverse);
    match query.dataset.kind() {
        Kind::Candle => teller.candles(FILL, |candle| candle_row(candle, digits)),
        Kind::Trade => teller.trades(MILLI, |trade| trade_row(trade, digits, query.door)),
        Kind::Book => teller.books(|ticks| digits.price(ticks), |amount| digits.amount(amount)),
        Kind::Funding if has_funding => fundings(&mut teller),
        Kind::OpenInterest if pair.market() != MarketKind::Spot => measurements(&mut teller),
        Kind::Funding | Kind::OpenInterest => Err(teller.no_such_kind()),
    }
}

/// A candle.
pub(crate) fn candle_row(candle: &Candle, digits: Digits) -> CandleRow {
    let bar = &candle.bar;
    let [_, volume, quote_volume] = digits.volumes(bar.volume, bar.quote_volume);
    CandleRow {
        micros: candle.start,
        prices: [bar.open, bar.high, bar.low, bar.close].map(|ticks| digits.price(ticks)),
        volume,
        quote_volume: Some(quote_volume),
        trades: None,
        is_derived: false,
    }
}

/// A trade; files write prices with a point.
pub(crate) fn trade_row(trade: &Trade, digits: Digits, door: Door) -> TradeRow {
    let price = digits.price(trade.price);
    TradeRow {
        nanos: whole_millis(trade.micros),
        price: if door == Door::Archive { float(price) } else { price },
        amount: digits.amount(trade.amount),
        taker: Some(trade.taker),
        id: Some(trade_id(trade).to_string()),
    }
}

fn fundings(teller: &mut Teller<'_>) -> Result<(), TruthError> {
    let (series, past) = (teller.series(), teller.past());
    for funding in payments(&series, past.start, past.end) {
        let rate = realized_rate(&series, &funding);
        teller.funding(&FundingRow { micros: funding.micros, rate, mark_price: None })?;
    }
    Ok(())
}

fn measurements(teller: &mut Teller<'_>) -> Result<(), TruthError> {
    let Some(grid) = teller.grid() else { return Ok(()) };
    let (series, past) = (teller.series(), teller.past());
    let first = grid.ceil(past.start.max(series.listing().since));
    let stamps = std::iter::successors(Some(first), |stamp| Some(grid.next(*stamp)));
    for micros in stamps.take_while(|stamp| past.contains(stamp) && *stamp < series.listing().until) {
        let row = open_interest_text(&series, micros);
        teller.open_interest(&OpenInterestRow { micros, amount: row.base, value: Some(row.dollars) })?;
    }
    Ok(())
}
