//! Every question, letter for letter.

use dccd_record::{Kind, LineWriter};

use crate::adapter::{Adapter, Rows, Series};
use crate::bybit::Bybit;
use crate::bybit::symbol::{category, symbol};
use crate::tests::{dataset, range, read, reply, ts};
use crate::{Ask, Walk, capability};

fn path(id: &str, rows: Rows, limit: u32) -> String {
    let dataset = dataset(id);
    let row = capability(&dataset).unwrap_or_else(|error| panic!("{id}: {error}"));
    let request = Bybit.page(&Series { row, dataset: &dataset, contract: None }, rows, limit);
    assert_eq!((request.weight, request.group.slot), (1, 0), "{id}");
    request.path
}

#[test]
fn pages_are_asked_for_in_its_words() {
    let day = Rows::Within(range("2024-01-01T00:00:00Z", "2024-01-02T00:00:00Z"));
    let check = |id: &str, rows: Rows, limit: u32, expected: &str| assert_eq!(path(id, rows, limit), expected, "{id}");
    let bounds = "start=1704067200000&end=1704153599999";
    let kline = |what: &str, interval: &str, limit: u32| {
        format!("/v5/market/kline?{what}&interval={interval}&{bounds}&limit={limit}")
    };
    check("bybit:candle:BTC-USDT:1m", day, 1000, &kline("category=spot&symbol=BTCUSDT", "1", 1000));
    check("bybit:candle:BTC-USDT_PERP:1h", day, 24, &kline("category=linear&symbol=BTCUSDT", "60", 24));
    check("bybit:candle:BTC-USDC_PERP:4h", day, 6, &kline("category=linear&symbol=BTCPERP", "240", 6));
    check("bybit:candle:BTC-USD_INVERSE:1d", day, 1, &kline("category=inverse&symbol=BTCUSD", "D", 1));
    check("bybit:candle:BTC-USD_250926:1w", day, 1, &kline("category=inverse&symbol=BTCUSDU25", "W", 1));
    check("bybit:candle:BTC-USDT_251205:12h", day, 2, &kline("category=linear&symbol=BTCUSDT-05DEC25", "720", 2));
    check("bybit:candle:BTC-USDT:1m", day, 5000, &kline("category=spot&symbol=BTCUSDT", "1", 1000));
    let odd = Rows::Within(range("2024-01-01T00:00:00.000000001Z", "2024-01-02T00:00:00.000000001Z"));
    let expected = "/v5/market/funding/history?category=linear&symbol=BTCUSDT&startTime=1704067200001&endTime=1704153600000&limit=200";
    check("bybit:funding:BTC-USDT_PERP", odd, 200, expected);
    let expected = "/v5/market/open-interest?category=inverse&symbol=BTCUSD&intervalTime=5min&startTime=1704067200000&endTime=1704153599999&limit=200";
    check("bybit:open_interest:BTC-USD_INVERSE:5m", day, 288, expected);
    let newest = "/v5/market/kline?category=spot&symbol=BTCUSDT&interval=1&limit=1";
    check("bybit:candle:BTC-USDT:1m", Rows::Newest, 1, newest);
    let newest = "/v5/market/funding/history?category=inverse&symbol=BTCUSD&limit=1";
    check("bybit:funding:BTC-USD_INVERSE", Rows::Newest, 1, newest);
    let before = "/v5/market/funding/history?category=linear&symbol=BTCUSDT&endTime=1704067199999&limit=1";
    check("bybit:funding:BTC-USDT_PERP", Rows::Before(ts("2024-01-01T00:00:00Z")), 1, before);
}

#[test]
fn other_questions_are_asked_in_its_words() {
    let book = Ask::book(&dataset("bybit:book:BTC-USDT"), None, None).expect("possible");
    assert_eq!(book.request.path, "/v5/market/orderbook?category=spot&symbol=BTCUSDT&limit=1000");
    let clock = Ask::clock(&dataset("bybit:book:BTC-USDT")).expect("possible");
    assert_eq!(clock.request.path, "/v5/market/time");
    let first = Ask::first_record(&dataset("bybit:funding:BTC-USDT_PERP")).expect("possible").expect("a question");
    assert_eq!(first.request.path, "/v5/market/kline?category=linear&symbol=BTCUSDT&interval=W&limit=1000");
    assert!(Ask::first_record(&dataset("bybit:book:BTC-USDT")).expect("possible").is_none());
    assert!(Ask::contract(&dataset("bybit:book:BTC-USD_INVERSE")).expect("possible").is_none());
}

#[test]
fn the_last_trade_is_asked_for_where_trades_have_no_history() {
    for (id, category, symbol) in
        [("bybit:trade:BTC-USDT", "spot", "BTCUSDT"), ("bybit:trade:BTC-USD_INVERSE", "inverse", "BTCUSD")]
    {
        let ask = Ask::newest(&dataset(id), None).expect("possible").expect("a question");
        let expected = format!("/v5/market/recent-trade?category={category}&symbol={symbol}&limit=1");
        assert_eq!(ask.request.path, expected);
        let answer = |rows: &str| {
            format!(
                r#"{{"retCode":0,"retMsg":"OK","result":{{"category":"{category}","list":[{rows}]}},"retExtInfo":{{}},"time":1704067205000}}"#
            )
        };
        let row = format!(
            r#"{{"execId":"7","symbol":"{symbol}","price":"1.5","size":"2","side":"Buy","time":"1704067200123","isBlockTrade":false}}"#
        );
        let (page, lines) = read(&ask, &answer(&row));
        let last = page.last.map(|mark| mark.ts);
        let now = ts("2024-01-01T00:00:05Z");
        assert_eq!((last, page.stamp, lines.as_str()), (Some(ts("2024-01-01T00:00:00.123Z")), Some(now), ""));
        let (page, _) = read(&ask, &answer(""));
        assert_eq!((page.last, page.stamp), (None, Some(now)));
    }
}

#[test]
fn every_row_of_the_table_can_be_asked() {
    for row in Bybit.capabilities() {
        let market = match (row.market, row.quotes) {
            (dccd_record::Market::Dated(_), _) => "_250926",
            (dccd_record::Market::Perp, _) => "_PERP",
            (dccd_record::Market::Inverse, _) => "_INVERSE",
            _ => "",
        };
        let quote = row.quotes.map_or("USDT", |quotes| quotes[0]);
        let span = row.spans.first().map_or(String::new(), |(secs, _)| format!(":{secs}s"));
        let dataset = dataset(&format!("bybit:{}:BTC-{quote}{market}{span}", row.kind));
        let found = capability(&dataset).expect("in the table");
        assert_eq!((found.path, found.unit, found.quotes), (row.path, row.unit, row.quotes), "{dataset}");
        if row.kind != Kind::Book {
            let range = range("2024-01-01T00:00:00Z", "2024-01-02T00:00:00Z");
            let mut walk = Walk::new(&dataset, range, ts("2026-01-01T00:00:00Z")).expect("possible");
            assert!(walk.next_ask().is_some_and(|ask| ask.request.path.starts_with(row.path)), "{dataset}");
        }
    }
    for impossible in [
        "bybit:trade:BTC-USDT",
        "bybit:funding:BTC-USDT",
        "bybit:candle:BTC-USD_PERP:1m",
        "bybit:funding:BTC-USD_250926",
    ] {
        assert!(capability(&dataset(impossible)).is_err(), "{impossible}");
    }
}

#[test]
fn symbols_are_those_of_the_exchange() {
    let check = |name: &str, expected: &str| {
        let dataset = dataset(&format!("bybit:book:{name}"));
        assert_eq!(format!("{} {}", category(dataset.pair()), symbol(dataset.pair())), expected);
    };
    check("BTC-USDT", "spot BTCUSDT");
    check("BTC-USDC", "spot BTCUSDC");
    check("BTC-USDT_PERP", "linear BTCUSDT");
    check("BTC-USDC_PERP", "linear BTCPERP");
    check("BTC-USD_INVERSE", "inverse BTCUSD");
    check("BTC-USDT_251205", "linear BTCUSDT-05DEC25");
    check("BTC-USDC_250926", "linear BTC-26SEP25");
    check("BTC-USD_250926", "inverse BTCUSDU25");
    check("BTC-USD_210326", "inverse BTCUSDH21");
    check("BTC-USD_211231", "inverse BTCUSDZ21");
    // A Friday that is not the last one of its month, and no Friday.
    check("BTC-USD_250919", "inverse BTCUSD-19SEP25");
    check("BTC-USD_250925", "inverse BTCUSD-25SEP25");
}

#[test]
fn clocks_and_first_records_are_read() {
    let clock = Ask::clock(&dataset("bybit:book:BTC-USDT")).expect("possible");
    let body = r#"{"retCode":0,"retMsg":"OK","result":{"timeSecond":"1688639403","timeNano":"1688639403423213947"},"retExtInfo":{},"time":1688639403423}"#;
    let page = clock.read(&reply(200, body.as_bytes()), &mut Vec::new()).expect("a clock");
    assert_eq!(page.stamp, Some(ts("2023-07-06T10:30:03.423213947Z")));
    let dataset = dataset("bybit:candle:BTC-USDT_PERP:1m");
    let first = Ask::first_record(&dataset).expect("possible").expect("a question");
    let weeks = r#"["1585526400000","6","6","5","6","1","1"],["1584921600000","6","6","5","6","1","1"]"#;
    let body = |rows: &str| {
        format!(
            r#"{{"retCode":0,"result":{{"category":"linear","symbol":"BTCUSDT","list":[{rows}]}},"time":1688639403423}}"#
        )
    };
    let read = |rows: &str| first.read(&reply(200, body(rows).as_bytes()), &mut Vec::new()).expect("an answer");
    assert_eq!(read(weeks).first.map(|mark| mark.ts), Some(ts("2020-03-23T00:00:00Z")));
    assert_eq!(read("").first, None);
    let row = capability(&dataset).expect("possible");
    let series = Series { row, dataset: &dataset, contract: None };
    let mut out = Vec::new();
    let read = Bybit.read_book(&series, &reply(200, b"{}"), &mut LineWriter::new(&dataset), &mut out);
    assert!(read.is_err() && out.is_empty());
}
