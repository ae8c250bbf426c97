//! The simulator is right: ccxt, which knows nothing of us, gets the truth from it.
//!
//! Without this, simulator and adapters could agree on the same misreading of a side, a column or a unit. What is
//! compared is what ccxt makes of answers: open times, prices, volumes in base asset, trades with their takers.
//! BitMEX, which closed, is no longer in ccxt; trades of Kraken Futures are nothing that we have.

use std::path::PathBuf;
use std::sync::OnceLock;

use dccd_exchange::{closed, exchanges};
use dccd_record::{Span, Ts};
use dccd_tests::{Random, Scratch, Sim, find_python, instant, run, skip, workspace_root};
use serde_json::{Value, json};

/// On a day on which every exchange stood still for five minutes, after one on which it did for three hours.
const NOW: &str = "2024-01-03T18:00:00.789Z";
/// The burst of a day is larger than most pages.
const WORLD: [&str; 6] = ["--now", NOW, "--trades-per-day", "4000", "--burst", "1200"];
const HOUR_SECS: u32 = 3_600;
const DAY_SECS: u32 = 86_400;
const HOUR_MS: u64 = 3_600_000;
/// The least of what exchanges give at most in a page of candles.
const PAGE_ROWS_MAX: u64 = 300;
/// How much floats that stand for the same number may differ.
const ROUNDING: f64 = 1e-12;

/// One thing that an exchange trades.
struct Symbol {
    /// As ccxt calls it.
    name: &'static str,
    pair: &'static str,
    /// Of spans below an hour, so many candles.
    rows: i64,
    trades: Trades,
}

/// What ccxt gets of trades, by pages of so many rows.
#[derive(Clone, Copy)]
enum Trades {
    None,
    /// One page.
    Newest(u64),
    /// All.
    Paged(u64, u64),
    /// All, with numbers of contracts as amounts, while a store holds what they are worth: ccxt passes on what OKX
    /// says, and says beside it what one contract is.
    PagedContracts(u64, u64),
}

/// What is asked.
struct Series {
    symbol: &'static Symbol,
    span: Option<Span>,
    start: Ts,
    end: Ts,
    limit: u64,
}

impl Series {
    fn candles(symbol: &'static Symbol, span: Span, now: Ts, random: &mut Random) -> Series {
        let rows = match span.secs() {
            ..HOUR_SECS => symbol.rows,
            HOUR_SECS..DAY_SECS => 60,
            DAY_SECS.. => 12,
        };
        let end = span.floor(now);
        let back = i64::from(span.secs()) * 1000 * rows;
        let start = from_millis(end.millis() - back + below(random, i64::from(span.secs()) * 1000));
        let limit = 2 + rows / 40 + below(random, rows / 2);
        Series { symbol, span: Some(span), start, end, limit: limit.unsigned_abs().min(PAGE_ROWS_MAX) }
    }

    fn trades(symbol: &'static Symbol, now: Ts, random: &mut Random) -> Option<Series> {
        let limit = match symbol.trades {
            Trades::None => return None,
            Trades::Newest(limit) => limit,
            Trades::Paged(least, most) | Trades::PagedContracts(least, most) => least + random.below(most - least + 1),
        };
        let back = 8 * HOUR_MS + random.below(8 * HOUR_MS);
        let start = from_millis(now.millis() - i64::try_from(back).unwrap_or(0));
        Some(Series { symbol, span: None, start, end: now, limit })
    }

    fn question(&self) -> Value {
        json!({
            "symbol": self.symbol.name,
            "timeframe": self.span.map(|span| span.to_string()),
            "start": self.start.millis(),
            "end": self.end.millis(),
            "limit": self.limit,
        })
    }

    /// What a store should hold.
    fn truth(&self, scratch: &Scratch, exchange: &str) -> Vec<Value> {
        let mut truth = scratch.tool("dccd-sim");
        truth.args(["truth", exchange, self.symbol.pair]).args(WORLD);
        match self.span {
            Some(span) => truth.args(["--kind", "candle", "--span", &span.to_string()]),
            None => truth.args(["--kind", "trade"]),
        };
        truth.args(["--start", &self.start.to_string(), "--end", &self.end.to_string()]);
        let mut rows = run(&mut truth, "").expect(0).lines();
        if self.span.is_none() {
            rows.sort_by_key(order);
        }
        if let Trades::Newest(limit) = self.symbol.trades
            && self.span.is_none()
        {
            rows.drain(..rows.len().saturating_sub(usize::try_from(limit).unwrap_or(0)));
        }
        rows
    }

    /// Fails the test at the first row in which ccxt's differ from the truth.
    fn check(&self, found: &[&Value], truth: &[Value]) {
        let what = self.question().to_string();
        assert!(truth.len() > 10, "{what}: there are only {} rows", truth.len());
        for (found, wanted) in found.iter().zip(truth) {
            assert!(self.is_same(found, wanted), "{what}:\nccxt has  {found}\nthe truth {wanted}");
        }
        assert_eq!(found.len(), truth.len(), "{what}: numbers of rows");
    }

    fn is_same(&self, found: &Value, wanted: &Value) -> bool {
        let is_time_same = found["ts"].as_i64() == Some(instant(&wanted["ts"]).millis());
        if self.span.is_some() {
            let fields = ["open", "high", "low", "close", "volume"];
            return is_time_same && fields.iter().all(|field| is_close(&found[*field], 1.0, &wanted[*field]));
        }
        let contract = match self.symbol.trades {
            Trades::PagedContracts(..) => found["contract_size"].as_f64().unwrap_or(f64::NAN),
            _ => 1.0,
        };
        let is_price_same = is_close(&found["price"], 1.0, &wanted["price"]);
        let is_amount_same = is_close(&found["amount"], contract, &wanted["amount"]);
        let is_rest_same =
            ["side", "tid"].iter().all(|field| found[*field].is_string() && found[*field] == wanted[*field]);
        is_time_same && is_price_same && is_amount_same && is_rest_same
    }
}

fn from_millis(millis: i64) -> Ts {
    Ts::from_millis(millis).expect("an instant of this century")
}

fn below(random: &mut Random, bound: i64) -> i64 {
    i64::try_from(random.below(bound.unsigned_abs())).unwrap_or(0)
}

/// By millisecond, which is all that ccxt knows of times, and then by id.
fn order(row: &Value) -> (i64, String) {
    (instant(&row["ts"]).millis(), row["tid"].as_str().unwrap_or_default().to_owned())
}

fn is_close(found: &Value, unit: f64, wanted: &Value) -> bool {
    let (Some(found), Some(wanted)) = (found.as_f64(), wanted.as_f64()) else { return false };
    let found = found * unit;
    (found - wanted).abs() <= ROUNDING * wanted.abs()
}

/// The Python that has ccxt; looked for once, since its import takes a while.
fn python() -> Option<PathBuf> {
    static PYTHON: OnceLock<Option<PathBuf>> = OnceLock::new();
    PYTHON.get_or_init(|| find_python(&["ccxt"])).clone()
}

/// Compares what the `client` of ccxt gets with the truth of one of our exchanges.
fn check(client: &str, exchange: &str, spans: &[&str], symbols: &'static [Symbol]) {
    let Some(python) = python() else {
        return skip(&format!("asking a simulated {exchange} with ccxt"), "there is no such Python module");
    };
    let mut random = Random::new(client);
    let now: Ts = NOW.parse().expect("an instant");
    let mut asked = Vec::new();
    for symbol in symbols {
        for span in spans {
            asked.push(Series::candles(symbol, span.parse().expect("a span"), now, &mut random));
        }
        asked.extend(Series::trades(symbol, now, &mut random));
    }
    let scratch = Scratch::new();
    let mut flags = vec!["--speed", "0", "--no-limits"];
    flags.extend(WORLD);
    let sim = Sim::start(&scratch, &flags);
    let mut program = scratch.program(&python);
    program.arg("-B").arg(workspace_root().join("tests/it/ccxt_client.py"));
    program.args([sim.url(), &now.millis().to_string(), client]);
    let questions: String = asked.iter().map(|series| format!("{}\n", series.question())).collect();
    let rows = run(&mut program, questions).expect(0).lines();
    for (number, series) in asked.iter().enumerate() {
        let found: Vec<&Value> =
            rows.iter().filter(|row| row["series"].as_u64() == u64::try_from(number).ok()).collect();
        series.check(&found, &series.truth(&scratch, exchange));
    }
}

/// Further back Kraken has none.
const ROWS: i64 = 640;
/// Further back ccxt asks OKX for its history.
const OKX_ROWS: i64 = 1_700;
const MOST_SPANS: [&str; 5] = ["1m", "15m", "1h", "4h", "1d"];

#[test]
fn binance_spot() {
    const SYMBOLS: [Symbol; 2] = [
        Symbol { name: "BTC/USDT", pair: "BTC/USDT", rows: ROWS, trades: Trades::Paged(100, 1000) },
        Symbol { name: "ETH/BTC", pair: "ETH/BTC", rows: ROWS, trades: Trades::None },
    ];
    check("binance", "binance", &["1m", "5m", "1h", "8h", "1w"], &SYMBOLS);
}

#[test]
fn binance_usdm() {
    const SYMBOLS: [Symbol; 2] = [
        Symbol { name: "BTC/USDT:USDT", pair: "BTC/USDT:perp", rows: ROWS, trades: Trades::Paged(100, 1000) },
        Symbol { name: "BTC/USDT:USDT-240329", pair: "BTC/USDT:240329", rows: ROWS, trades: Trades::Paged(500, 1000) },
    ];
    check("binanceusdm", "binance", &MOST_SPANS, &SYMBOLS);
}

#[test]
fn binance_coinm() {
    const SYMBOLS: [Symbol; 2] = [
        Symbol { name: "BTC/USD:BTC", pair: "BTC/USD:inverse", rows: ROWS, trades: Trades::Paged(100, 1000) },
        Symbol { name: "BTC/USD:BTC-240329", pair: "BTC/USD:240329", rows: ROWS, trades: Trades::Paged(500, 1000) },
    ];
    check("binancecoinm", "binance", &MOST_SPANS, &SYMBOLS);
}

#[test]
fn coinbase() {
    const SYMBOLS: [Symbol; 2] = [
        Symbol { name: "BTC/USD", pair: "BTC/USD", rows: ROWS, trades: Trades::Paged(100, 1000) },
        Symbol { name: "ETH/BTC", pair: "ETH/BTC", rows: ROWS, trades: Trades::None },
    ];
    check("coinbaseexchange", "coinbase", &["1m", "5m", "1h", "6h", "1d"], &SYMBOLS);
}

#[test]
fn kraken() {
    const SYMBOLS: [Symbol; 2] = [
        Symbol { name: "BTC/USD", pair: "BTC/USD", rows: ROWS, trades: Trades::Paged(500, 1000) },
        Symbol { name: "DOGE/USD", pair: "DOGE/USD", rows: ROWS, trades: Trades::None },
    ];
    check("kraken", "kraken", &MOST_SPANS, &SYMBOLS);
}

#[test]
fn kraken_futures() {
    const SYMBOLS: [Symbol; 2] = [
        Symbol { name: "BTC/USD:USD", pair: "BTC/USD:perp", rows: ROWS, trades: Trades::None },
        Symbol { name: "BTC/USD:BTC", pair: "BTC/USD:inverse", rows: ROWS, trades: Trades::None },
    ];
    check("krakenfutures", "krakenfutures", &["1m", "15m", "1h", "4h", "1d", "1w"], &SYMBOLS);
}

#[test]
fn bybit() {
    const SYMBOLS: [Symbol; 3] = [
        Symbol { name: "BTC/USDT", pair: "BTC/USDT", rows: ROWS, trades: Trades::Newest(60) },
        Symbol { name: "BTC/USDT:USDT", pair: "BTC/USDT:perp", rows: ROWS, trades: Trades::Newest(1000) },
        Symbol { name: "BTC/USD:BTC", pair: "BTC/USD:inverse", rows: ROWS, trades: Trades::Newest(1000) },
    ];
    check("bybit", "bybit", &["1m", "5m", "1h", "12h", "1w"], &SYMBOLS);
}

#[test]
fn okx() {
    const SYMBOLS: [Symbol; 3] = [
        Symbol { name: "BTC/USDT", pair: "BTC/USDT", rows: OKX_ROWS, trades: Trades::Paged(80, 100) },
        Symbol {
            name: "BTC/USDT:USDT",
            pair: "BTC/USDT:perp",
            rows: OKX_ROWS,
            trades: Trades::PagedContracts(80, 100),
        },
        Symbol { name: "BTC/USD:BTC", pair: "BTC/USD:inverse", rows: ROWS, trades: Trades::PagedContracts(80, 100) },
    ];
    check("okx", "okx", &["1m", "1h", "12h", "1d"], &SYMBOLS);
}

#[test]
fn bitfinex() {
    // A page must hold the burst: there is no other way past a millisecond.
    const SYMBOLS: [Symbol; 2] = [
        Symbol { name: "BTC/USD", pair: "BTC/USD", rows: ROWS, trades: Trades::Paged(1500, 10_000) },
        Symbol { name: "BTC/USDT:USDT", pair: "BTC/USDT:perp", rows: ROWS, trades: Trades::Paged(1500, 10_000) },
    ];
    check("bitfinex", "bitfinex", &["1m", "5m", "1h", "6h", "1d"], &SYMBOLS);
}

#[test]
fn every_open_exchange_is_asked() {
    const ASKED: [&str; 7] = ["binance", "coinbase", "kraken", "krakenfutures", "bybit", "okx", "bitfinex"];
    let left: Vec<&str> = exchanges().filter(|name| closed(name).is_none() && !ASKED.contains(name)).collect();
    assert!(left.is_empty(), "nobody asks {left:?} with ccxt");
}
