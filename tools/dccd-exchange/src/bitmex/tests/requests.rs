//! What is asked, to the letter.

use crate::adapter::{Adapter, Rows, Series};
use crate::bitmex::Bitmex;
use crate::tests::{dataset, range, ts};
use crate::{Ask, capability, table};

fn page(id: &str, rows: Rows, limit: u32) -> String {
    let dataset = dataset(id);
    let row = capability(&dataset).unwrap_or_else(|error| panic!("{id}: {error}"));
    Bitmex.page(&Series { row, dataset: &dataset, contract: None }, rows, limit).path
}

#[test]
fn candles_are_asked_for_by_their_close() {
    let id = "bitmex:candle:BTC-USD_INVERSE:1h";
    let path = "/api/v1/trade/bucketed?symbol=XBTUSD&binSize=1h&partial=false";
    let within = |start: &str, end: &str| page(id, Rows::Within(range(start, end)), 10);
    // Those that open from midnight to nine, and close from one to ten.
    let hours = "&startTime=2024-01-01T01:00:00.000Z&endTime=2024-01-01T10:00:00.000Z&count=10&reverse=false";
    assert_eq!(within("2024-01-01T00:00:00Z", "2024-01-01T10:00:00Z"), format!("{path}{hours}"));
    assert_eq!(within("2023-12-31T23:00:00.000000001Z", "2024-01-01T09:00:00.000000001Z"), format!("{path}{hours}"));
    assert_eq!(
        page(id, Rows::From(ts("2024-01-01T00:00:00Z")), 1),
        format!("{path}&startTime=2024-01-01T01:00:00.000Z&count=1&reverse=false")
    );
    assert_eq!(page(id, Rows::Newest, 1), format!("{path}&count=1&reverse=true"));
}

#[test]
fn trades_and_rates_are_asked_for_from_an_instant_on() {
    let from = Rows::From(ts("2024-01-01T00:00:00.000000001Z"));
    let tail = "&startTime=2024-01-01T00:00:00.001Z&count=1000&reverse=false";
    assert_eq!(page("bitmex:trade:BTC-USDT", from, 1000), format!("/api/v1/trade?symbol=XBT_USDT{tail}"));
    assert_eq!(page("bitmex:trade:BTC-USDT_PERP", from, 1000), format!("/api/v1/trade?symbol=XBTUSDT{tail}"));
    assert_eq!(page("bitmex:trade:ETH-USD_210924", from, 1000), format!("/api/v1/trade?symbol=ETHUSDU21{tail}"));
    assert_eq!(page("bitmex:trade:BTC-USD_260626", from, 1000), format!("/api/v1/trade?symbol=XBTM26{tail}"));
    assert_eq!(page("bitmex:trade:BTC-USDT_230630", from, 1000), format!("/api/v1/trade?symbol=XBTUSDTM23{tail}"));
    assert_eq!(page("bitmex:trade:XRP-BTC_211231", from, 1000), format!("/api/v1/trade?symbol=XRPZ21{tail}"));
    assert_eq!(
        page("bitmex:funding:BTC-USD_INVERSE", Rows::From(ts("2024-01-01T04:00:00Z")), 500),
        "/api/v1/funding?symbol=XBTUSD&startTime=2024-01-01T04:00:00.000Z&count=500&reverse=false"
    );
    assert_eq!(
        page("bitmex:funding:BTC-USD_INVERSE", Rows::Newest, 1),
        "/api/v1/funding?symbol=XBTUSD&count=1&reverse=true"
    );
}

#[test]
fn the_first_record_the_book_and_the_list() {
    let first = |id: &str| Ask::first_record(&dataset(id)).expect("possible").map(|ask| ask.request.path);
    assert_eq!(
        first("bitmex:trade:BTC-USD_INVERSE").as_deref(),
        Some("/api/v1/trade?symbol=XBTUSD&startTime=2016-05-13T00:00:00.000Z&count=1&reverse=false")
    );
    assert_eq!(first("bitmex:book:BTC-USD_INVERSE"), None);
    let book = Ask::book(&dataset("bitmex:book:BTC-USD_INVERSE"), None, None).expect("possible").request.path;
    assert_eq!(book, "/api/v1/orderBook/L2?symbol=XBTUSD&depth=0");
    let lists: Vec<String> = Bitmex.instruments().into_iter().map(|request| request.path).collect();
    assert_eq!(lists, ["/api/v1/instrument/active"]);
}

#[test]
fn all_requests_are_counted_together() {
    for row in table().filter(|row| row.exchange == "bitmex") {
        assert_eq!((row.group.slot, row.group.weight_max, row.group.window_secs, row.weight), (0, 30, 60, 1));
    }
}
