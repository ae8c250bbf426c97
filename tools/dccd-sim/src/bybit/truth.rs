//! What a store should hold of Bybit.
//!
//! Units, for this exchange gives them in several: an amount or volume is base asset wherever the exchange gives base
//! asset; where it gives none, it is the contracts' value in quote asset, as it came.
//!
//! | | amount, volume, open interest | quote volume |
//! |---|---|---|
//! | spot, linear | base: `size`, `volume`, `openInterest` | quote: `turnover` |
//! | inverse candle | base: `turnover` | US dollars: `volume` |
//! | inverse trade, book, open interest | US dollars: `size`, `openInterest`, since nothing else is given | |
//!
//! Open interest is that of both sides, the only one that all of history has; its value is not given. Funding has no
//! mark price, a candle no number of trades. The file of a spot day numbers its rows, so its trades have no id.

use dccd_cli::Output;
use dccd_record::{Kind, Market as MarketKind, Pair};

use crate::bybit::EXCHANGE;
use crate::bybit::archive::STAMP;
use crate::bybit::instrument::{Category, Digits};
use crate::bybit::kline::FILL;
use crate::bybit::statistics::{book_u, open_interest_text, payments, rate};
use crate::bybit::trades::exec_id;
use crate::clock::MILLI;
use crate::market::candle::Candle;
use crate::market::trade::Trade;
use crate::market::{Market, Series};
use crate::truth::{CandleRow, Door, FundingRow, OpenInterestRow, Teller, TradeRow, TruthError, TruthQuery};

/// Prints every record of the range that has happened.
pub(crate) fn print(market: &Market, query: &TruthQuery, out: &mut Output) -> Result<(), TruthError> {
    let mut teller = Teller::new(market, EXCHANGE, query, out)?;
    let pair = query.dataset.pair();
    let digits = Digits::of(teller.series().listing());
    let is_inverse = Category::of(pair) == Category::Inverse;
    let is_perpetual = matches!(pair.market(), MarketKind::Perp | MarketKind::Inverse);
    match query.dataset.kind() {
        Kind::Candle => teller.candles(FILL, |candle| candle_row(candle, digits, is_inverse)),
        Kind::Trade => {
            let (series, view) = (teller.series(), View::new(query.door, pair));
            teller.trades(view.stamp(), |trade| trade_row(&series, trade, view))
        }
        Kind::Book => teller.books_with(
            |ticks| digits.price(ticks),
            |amount| digits.amount(amount),
            |step| u64::try_from(book_u(step)).ok(),
        ),
        Kind::Funding if is_perpetual => fundings(&mut teller),
        Kind::OpenInterest if pair.market() != MarketKind::Spot => measurements(&mut teller),
        Kind::Funding | Kind::OpenInterest => Err(teller.no_such_kind()),
    }
}

/// How trades are seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum View {
    /// In milliseconds, as REST shows them.
    Rest,
    /// In the file of a contract, with all digits of the price and finer stamps.
    ContractFile,
    /// In the file of a spot pair, without ids.
    SpotFile,
}

impl View {
    fn new(door: Door, pair: &Pair) -> View {
        match door {
            Door::Rest => View::Rest,
            Door::Archive if pair.market() == MarketKind::Spot => View::SpotFile,
            Door::Archive => View::ContractFile,
        }
    }

    /// Its unit of time.
    fn stamp(self) -> i64 {
        if self == View::ContractFile { STAMP } else { MILLI }
    }
}

/// A candle: what inverse contracts call turnover is base asset.
pub(crate) fn candle_row(candle: &Candle, digits: Digits, is_inverse: bool) -> CandleRow {
    let bar = &candle.bar;
    let (own, turnover) = (digits.amount(bar.volume), digits.value(bar.quote_volume));
    let (volume, quote_volume) = if is_inverse { (turnover, own) } else { (own, turnover) };
    CandleRow {
        micros: candle.start,
        prices: [bar.open, bar.high, bar.low, bar.close].map(|ticks| digits.price(ticks)),
        volume,
        quote_volume: Some(quote_volume),
        trades: None,
        is_derived: false,
    }
}

/// A trade.
pub(crate) fn trade_row(series: &Series, trade: &Trade, view: View) -> TradeRow {
    let digits = Digits::of(series.listing());
    let is_long = view == View::ContractFile;
    TradeRow {
        nanos: (trade.micros - trade.micros.rem_euclid(view.stamp())) * 1_000,
        price: if is_long { digits.long_price(trade.price) } else { digits.price(trade.price) },
        amount: digits.amount(trade.amount),
        taker: Some(trade.taker),
        id: (view != View::SpotFile).then(|| exec_id(series, trade)),
    }
}

fn fundings(teller: &mut Teller<'_>) -> Result<(), TruthError> {
    let (series, past) = (teller.series(), teller.past());
    for funding in payments(&series, past.start, past.end) {
        teller.funding(&FundingRow { micros: funding.micros, rate: rate(&funding), mark_price: None })?;
    }
    Ok(())
}

fn measurements(teller: &mut Teller<'_>) -> Result<(), TruthError> {
    let Some(grid) = teller.grid() else { return Ok(()) };
    let (series, past) = (teller.series(), teller.past());
    let first = grid.ceil(past.start.max(series.listing().since));
    let stamps = std::iter::successors(Some(first), |stamp| Some(grid.next(*stamp)));
    for micros in stamps.take_while(|stamp| past.contains(stamp) && *stamp < series.listing().until) {
        let (amount, _) = open_interest_text(&series, micros);
        teller.open_interest(&OpenInterestRow { micros, amount, value: None })?;
    }
    Ok(())
}
