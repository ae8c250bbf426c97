use super::asked;
use crate::adapter::{Adapter, Rows, Series};
use crate::coinbase::{Coinbase, EXCHANGE};
use crate::tests::{dataset, range, ts};
use crate::{Ask, capability, instruments};

#[test]
fn pages_are_asked_for_as_documented() {
    let check = |id: &str, rows: Rows, limit: u32, expected: &str| {
        let request = asked(id, rows, limit);
        assert_eq!(request.path, expected, "{id} {rows:?}");
        assert_eq!((request.weight, request.group.name, request.api), (1, "public requests", &EXCHANGE));
    };
    let hour = "coinbase:candle:BTC-USD:1h";
    let day = Rows::Within(range("2024-01-01T00:00:00Z", "2024-01-02T00:00:00Z"));
    let start = ts("2024-01-01T00:00:00Z");
    check(
        hour,
        day,
        24,
        "/products/BTC-USD/candles?granularity=3600&start=2024-01-01T00:00:00Z&end=2024-01-02T00:00:00Z",
    );
    let odd = Rows::Within(range("2024-01-01T00:00:00.000000001Z", "2024-01-01T00:59:59.5Z"));
    check(
        hour,
        odd,
        1,
        "/products/BTC-USD/candles?granularity=3600&start=2024-01-01T00:00:01Z&end=2024-01-01T01:00:00Z",
    );
    check(hour, Rows::Newest, 1, "/products/BTC-USD/candles?granularity=3600");
    check(
        "coinbase:candle:ETH-EUR:1m",
        Rows::From(start),
        2,
        "/products/ETH-EUR/candles?granularity=60&start=2024-01-01T00:00:00Z&end=2024-01-01T00:02:00Z",
    );
    check(
        "coinbase:candle:ETH-EUR:1m",
        Rows::Before(start),
        2,
        "/products/ETH-EUR/candles?granularity=60&start=2023-12-31T23:58:00Z&end=2024-01-01T00:00:00Z",
    );
    let trade = "coinbase:trade:BTC-USD";
    check(trade, Rows::FromId(5000), 1000, "/products/BTC-USD/trades?after=6000&limit=1000");
    check(trade, Rows::FromId(1), 1, "/products/BTC-USD/trades?after=2&limit=1");
    check(trade, Rows::FromId(u64::MAX), 1, "/products/BTC-USD/trades?after=18446744073709551615&limit=1");
    check(trade, Rows::Newest, 1, "/products/BTC-USD/trades?limit=1");
}

#[test]
fn a_page_of_candles_is_never_wider_than_the_exchange_allows() {
    let dataset = dataset("coinbase:candle:BTC-USD:1m");
    let asked = range("2024-01-01T00:00:00Z", "2024-01-02T00:00:00Z");
    let mut walk = crate::Walk::new(&dataset, asked, asked.end()).expect("possible");
    let path = walk.next_ask().expect("a question").request.path;
    assert_eq!(
        path, "/products/BTC-USD/candles?granularity=60&start=2024-01-01T00:00:00Z&end=2024-01-01T04:59:00Z",
        "299 minutes, whose ends make 300"
    );
}

#[test]
fn everything_else_that_is_asked() {
    let path = |ask: Ask| ask.request.path;
    let book = dataset("coinbase:book:BTC-USD");
    assert_eq!(path(Ask::book(&book, None, None).expect("possible")), "/products/BTC-USD/book?level=2");
    assert_eq!(path(Ask::clock(&book).expect("possible")), "/time");
    assert!(Ask::first_record(&book).expect("possible").is_none());
    for id in ["coinbase:candle:BTC-USD:1d", "coinbase:trade:BTC-USD"] {
        let first = Ask::first_record(&dataset(id)).expect("possible").expect("asked");
        assert_eq!(path(first), "/products/BTC-USD/trades?after=2&limit=1", "{id}");
    }
    let lists: Vec<String> = instruments("coinbase").expect("known").into_iter().map(|request| request.path).collect();
    assert_eq!(lists, ["/products"]);
}

#[test]
fn what_there_is() {
    let rows = Coinbase.capabilities();
    assert!(rows.iter().all(|row| row.exchange == Coinbase.name()));
    for id in ["coinbase:candle:BTC-USD:6h", "coinbase:trade:BTC-USD", "coinbase:book:BTC-USD"] {
        capability(&dataset(id)).unwrap_or_else(|error| panic!("{id}: {error}"));
    }
    for id in ["coinbase:candle:BTC-USD:4h", "coinbase:candle:BTC-USD_PERP:1h", "coinbase:funding:BTC-USD"] {
        capability(&dataset(id)).expect_err(id);
    }
    let odd = dataset("coinbase:trade:BTC-USD");
    let row = capability(&odd).expect("known");
    let series = Series { row, dataset: &odd, contract: None };
    assert_eq!(Coinbase.page(&series, Rows::Newest, 1000).path, "/products/BTC-USD/trades?limit=1000");
}
