//! What is asked, to the letter.

use crate::adapter::{Adapter, Rows, Series};
use crate::bitfinex::Bitfinex;
use crate::tests::{dataset, range, ts};
use crate::{Ask, capability, table};

fn page(id: &str, rows: Rows, limit: u32) -> String {
    let dataset = dataset(id);
    let row = capability(&dataset).expect("possible");
    Bitfinex.page(&Series { row, dataset: &dataset, contract: None }, rows, limit).path
}

#[test]
fn pages_of_candles_and_trades() {
    let within = Rows::Within(range("2024-01-01T00:00:00Z", "2024-01-01T10:00:00Z"));
    assert_eq!(
        page("bitfinex:candle:BTC-USD:1h", within, 10),
        "/v2/candles/trade:1h:tBTCUSD/hist?start=1704067200000&end=1704103199999&limit=10&sort=1"
    );
    let from = Rows::From(ts("2024-01-01T00:00:00.000000001Z"));
    assert_eq!(
        page("bitfinex:candle:DOGE-USDT:1d", from, 1),
        "/v2/candles/trade:1D:tDOGE:UST/hist?start=1704067200001&limit=1&sort=1"
    );
    assert_eq!(
        page("bitfinex:candle:BTC-USDT_PERP:1w", Rows::Newest, 1),
        "/v2/candles/trade:1W:tBTCF0:USTF0/hist?limit=1&sort=-1"
    );
    assert_eq!(
        page("bitfinex:trade:BTC-USDT", from, 10_000),
        "/v2/trades/tBTCUST/hist?start=1704067200001&limit=10000&sort=1"
    );
    assert_eq!(page("bitfinex:trade:BTC-USDT_PERP", Rows::Newest, 1), "/v2/trades/tBTCF0:USTF0/hist?limit=1&sort=-1");
}

#[test]
fn pages_of_status_see_what_they_need() {
    let id = "bitfinex:funding:BTC-USDT_PERP";
    let from = Rows::From(ts("2024-01-01T08:00:00Z"));
    // The statuses of the period that ends there name the payment.
    assert_eq!(page(id, from, 5000), "/v2/status/deriv/tBTCF0:USTF0/hist?start=1704067200000&limit=5000&sort=1");
    assert_eq!(page(id, Rows::Newest, 1), "/v2/status/deriv/tBTCF0:USTF0/hist?limit=5000&sort=-1");
    let id = "bitfinex:open_interest:BTC-USDT_PERP:1h";
    let within = Rows::Within(range("2024-01-01T00:00:00Z", "2024-01-01T03:00:00Z"));
    assert_eq!(
        page(id, within, 3),
        "/v2/status/deriv/tBTCF0:USTF0/hist?start=1704063600001&end=1704074400000&limit=5000&sort=1"
    );
    assert_eq!(page(id, Rows::Newest, 1), "/v2/status/deriv/tBTCF0:USTF0/hist?limit=1&sort=-1");
}

#[test]
fn the_first_record_and_the_book() {
    let first = |id: &str| Ask::first_record(&dataset(id)).expect("possible").map(|ask| ask.request.path);
    assert_eq!(
        first("bitfinex:candle:BTC-USD:1m").as_deref(),
        Some("/v2/candles/trade:1m:tBTCUSD/hist?start=1358121600000&limit=1&sort=1")
    );
    assert_eq!(
        first("bitfinex:funding:BTC-USDT_PERP").as_deref(),
        Some("/v2/status/deriv/tBTCF0:USTF0/hist?start=1567296000000&limit=1&sort=1")
    );
    assert_eq!(first("bitfinex:book:BTC-USD"), None);
    let book = Ask::book(&dataset("bitfinex:book:BTC-USDT"), None, None).expect("possible").request;
    assert_eq!((book.path.as_str(), book.group.name), ("/v2/book/tBTCUST/P0?len=100", "book"));
    let lists: Vec<String> = Bitfinex.instruments().into_iter().map(|request| request.path).collect();
    assert_eq!(lists, ["/v2/conf/pub:list:pair:exchange", "/v2/conf/pub:list:pair:futures"]);
}

#[test]
fn each_endpoint_has_its_own_count() {
    let mut counts: Vec<(&str, usize, u32, u32)> = table()
        .filter(|row| row.exchange == "bitfinex")
        .map(|row| (row.group.name, row.group.slot, row.group.weight_max, row.group.window_secs))
        .collect();
    counts.sort_unstable();
    counts.dedup();
    assert_eq!(counts, [("book", 2, 240, 60), ("candles", 0, 30, 60), ("status", 3, 90, 60), ("trades", 1, 15, 60)]);
    let conf = Bitfinex.instruments();
    assert!(conf.iter().all(|request| (request.group.slot, request.group.weight_max) == (4, 90)));
}

#[test]
fn a_page_of_open_interest_asks_for_no_more_statuses_than_an_answer_holds() {
    for row in table().filter(|row| row.exchange == "bitfinex" && !row.spans.is_empty()) {
        for (secs, _) in row.spans {
            let span = dccd_record::Span::from_secs(*secs).expect("a span");
            let id = format!("bitfinex:{}:BTC-USDT_PERP:{span}", row.kind);
            let dataset = dataset(&id);
            let row = capability(&dataset).expect("possible");
            let rows = Bitfinex.page_rows(&Series { row, dataset: &dataset, contract: None });
            if row.kind == dccd_record::Kind::OpenInterest {
                assert!((1..=row.page_rows).contains(&rows), "{id}");
                assert!(rows * secs / 60 <= 2500, "{id}");
            } else {
                assert_eq!(rows, row.page_rows, "{id}");
            }
        }
    }
}
