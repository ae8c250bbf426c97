use crate::adapter::{Adapter, Rows, Series};
use crate::kraken::{Kraken, SPOT};
use crate::tests::{dataset, range, ts};
use crate::{Ask, Reach, Walk, capability, instruments};

#[test]
fn pages_are_asked_for_as_documented() {
    let check = |id: &str, rows: Rows, limit: u32, expected: &str| {
        let dataset = dataset(id);
        let row = capability(&dataset).unwrap_or_else(|error| panic!("{id}: {error}"));
        let request = Kraken.page(&Series { row, dataset: &dataset, contract: None }, rows, limit);
        assert_eq!(request.path, expected, "{id} {rows:?}");
        assert_eq!((request.weight, request.group.name, request.api), (1, "public requests", &SPOT));
    };
    let (start, end) = ("2024-01-01T00:00:00Z", "2024-01-01T12:00:00Z");
    let within = Rows::Within(range(start, end));
    check("kraken:candle:BTC-USD:1h", within, 12, "/0/public/OHLC?pair=XBTUSD&interval=60&since=1704063600");
    check("kraken:candle:DOGE-EUR:1m", within, 720, "/0/public/OHLC?pair=XDGEUR&interval=1&since=1704067140");
    check("kraken:candle:ETH-BTC:1d", Rows::Newest, 1, "/0/public/OHLC?pair=ETHXBT&interval=1440");
    let odd = Rows::Within(range("2024-01-01T00:00:00.000000001Z", end));
    check("kraken:candle:BTC-USD:1h", odd, 12, "/0/public/OHLC?pair=XBTUSD&interval=60&since=1704067200");
    let from = Rows::From(ts(start));
    check("kraken:candle:BTC-USD:1d", from, 1, "/0/public/OHLC?pair=XBTUSD&interval=1440&since=1703980800");
    let trades = "/0/public/Trades?pair=XBTUSDT&since=1704067199999999999&count=1000";
    check("kraken:trade:BTC-USDT", from, 1000, trades);
    check("kraken:trade:BTC-USDT", Rows::Newest, 1, "/0/public/Trades?pair=XBTUSDT");
}

#[test]
fn everything_else_that_is_asked() {
    let path = |ask: Ask| ask.request.path;
    let book = dataset("kraken:book:ETH-EUR");
    assert_eq!(path(Ask::book(&book, None, None).expect("possible")), "/0/public/Depth?pair=ETHEUR&count=500");
    assert_eq!(path(Ask::clock(&book).expect("possible")), "/0/public/Time");
    assert!(Ask::first_record(&book).expect("possible").is_none());
    for id in ["kraken:candle:ETH-EUR:1d", "kraken:trade:ETH-EUR"] {
        let first = Ask::first_record(&dataset(id)).expect("possible").expect("asked");
        assert_eq!(path(first), "/0/public/Trades?pair=ETHEUR&since=0&count=1", "{id}");
    }
    let lists: Vec<String> = instruments("kraken").expect("known").into_iter().map(|request| request.path).collect();
    assert_eq!(lists, ["/0/public/AssetPairs"]);
}

#[test]
fn what_there_is() {
    assert!(Kraken.capabilities().iter().all(|row| row.exchange == Kraken.name()));
    for id in ["kraken:candle:BTC-USD:4h", "kraken:trade:BTC-USD", "kraken:book:BTC-USD"] {
        capability(&dataset(id)).unwrap_or_else(|error| panic!("{id}: {error}"));
    }
    for id in ["kraken:candle:BTC-USD:2h", "kraken:candle:BTC-USD_PERP:1h", "kraken:funding:BTC-USD"] {
        capability(&dataset(id)).expect_err(id);
    }
}

#[test]
fn old_candles_are_asked_for_as_trades() {
    let candles = dataset("kraken:candle:BTC-USD:1m");
    let row = capability(&candles).expect("known");
    assert_eq!(row.reach, Reach::RowsThenTrades(720));
    let now = ts("2024-01-02T00:00:00Z");
    let check = |start: &str, expected: &str| {
        let mut walk = Walk::new(&candles, range(start, "2024-01-01T23:59:00Z"), now).expect("possible");
        let path = walk.next_ask().expect("a question").request.path;
        assert!(path.starts_with(expected), "{start}: {path}");
    };
    check("2024-01-01T12:02:00Z", "/0/public/OHLC?");
    check("2024-01-01T12:00:00Z", "/0/public/Trades?");
    check("2020-01-01T12:00:00Z", "/0/public/Trades?");
}
