//! Every question, letter for letter.

use dccd_record::{Kind, Market};

use super::answer;
use crate::adapter::{Adapter, Rows, Series};
use crate::okx::Okx;
use crate::tests::{dataset, range, reply, ts};
use crate::{Ask, Reach, Request, Walk, capability};

fn request(id: &str, rows: Rows, limit: u32) -> Request {
    let dataset = dataset(id);
    let row = capability(&dataset).unwrap_or_else(|error| panic!("{id}: {error}"));
    Okx.page(&Series { row, dataset: &dataset, contract: None }, rows, limit)
}

fn check(id: &str, rows: Rows, limit: u32, path: &str, group: &str) {
    let request = request(id, rows, limit);
    assert_eq!((request.path.as_str(), request.group.name, request.weight), (path, group, 1), "{id}");
}

#[test]
fn candles_are_asked_for_in_its_words() {
    let day = Rows::Within(range("2024-01-01T00:00:00Z", "2024-01-02T00:00:00Z"));
    let history = |symbol: &str, bar: &str, limit: u32| {
        format!(
            "/api/v5/market/history-candles?instId={symbol}&bar={bar}&before=1704067199999&after=1704153600000&limit={limit}"
        )
    };
    let group = "history-candles";
    check("okx:candle:BTC-USDT:1m", day, 300, &history("BTC-USDT", "1m", 300), group);
    check("okx:candle:BTC-USDT_PERP:1h", day, 24, &history("BTC-USDT-SWAP", "1H", 24), group);
    check("okx:candle:BTC-USD_INVERSE:6h", day, 4, &history("BTC-USD-SWAP", "6Hutc", 4), group);
    check("okx:candle:BTC-USD_250328:1d", day, 1, &history("BTC-USD-250328", "1Dutc", 1), group);
    check("okx:candle:BTC-USDT_250328:1w", day, 1, &history("BTC-USDT-250328", "1Wutc", 1), group);
    let newest = "/api/v5/market/candles?instId=BTC-USDT&bar=1m&limit=1";
    check("okx:candle:BTC-USDT:1m", Rows::Newest, 1, newest, "candles");
}

#[test]
fn trades_are_asked_for_in_its_words() {
    let path = |rest: &str| format!("/api/v5/market/{rest}");
    let id = "okx:trade:BTC-USDT";
    let by_id = path("history-trades?instId=BTC-USDT&type=1&after=1100&limit=100");
    check(id, Rows::FromId(1000), 100, &by_id, "history-trades");
    let one = path("history-trades?instId=BTC-USDT&type=1&after=1001&limit=1");
    check(id, Rows::FromId(1000), 1, &one, "history-trades");
    let last = path("history-trades?instId=BTC-USDT&type=1&after=18446744073709551615&limit=100");
    check(id, Rows::FromId(u64::MAX), 100, &last, "history-trades");
    let before = path("history-trades?instId=BTC-USDT&type=2&after=1704067200000&limit=1");
    check(id, Rows::Before(ts("2024-01-01T00:00:00Z")), 1, &before, "history-trades");
    let before = path("history-trades?instId=BTC-USDT&type=2&after=1704067200001&limit=1");
    check(id, Rows::Before(ts("2024-01-01T00:00:00.000000001Z")), 1, &before, "history-trades");
    check(id, Rows::Newest, 1, &path("trades?instId=BTC-USDT&limit=1"), "trades");
    check("okx:trade:BTC-USD_INVERSE", Rows::Newest, 1, &path("trades?instId=BTC-USD-SWAP&limit=1"), "trades");
}

#[test]
fn other_pages_are_asked_for_in_its_words() {
    let odd = Rows::Within(range("2024-01-01T00:00:00.000000001Z", "2024-01-02T00:00:00.000000001Z"));
    let rates =
        "/api/v5/public/funding-rate-history?instId=BTC-USDT-SWAP&before=1704067200000&after=1704153600001&limit=100";
    check("okx:funding:BTC-USDT_PERP", odd, 100, rates, "funding-rate-history");
    let newest = "/api/v5/public/funding-rate-history?instId=BTC-USD-SWAP&limit=1";
    check("okx:funding:BTC-USD_INVERSE", Rows::Newest, 1, newest, "funding-rate-history");
    let day = Rows::Within(range("2024-01-01T00:00:00Z", "2024-01-02T00:00:00Z"));
    let interest =
        |rest: &str| format!("/api/v5/rubik/stat/contracts/open-interest-history?instId=BTC-USDT-SWAP&period={rest}");
    let bounds = "&begin=1704067199999&end=1704153600000";
    let group = "open-interest-history";
    check("okx:open_interest:BTC-USDT_PERP:5m", day, 99, &interest(&format!("5m{bounds}&limit=100")), group);
    check("okx:open_interest:BTC-USDT_PERP:12h", day, 2, &interest(&format!("12Hutc{bounds}&limit=3")), group);
    check("okx:open_interest:BTC-USDT_PERP:1d", Rows::Newest, 1, &interest("1Dutc&limit=1"), group);
}

#[test]
fn other_questions_are_asked_in_its_words() {
    let path = |ask: Ask| (ask.request.path, ask.request.group.name);
    let book = Ask::book(&dataset("okx:book:BTC-USDT"), None, None).expect("possible");
    assert_eq!(path(book), ("/api/v5/market/books?instId=BTC-USDT&sz=400".to_owned(), "books"));
    let clock = Ask::clock(&dataset("okx:book:BTC-USDT")).expect("possible");
    assert_eq!(path(clock), ("/api/v5/public/time".to_owned(), "public"));
    let contract = |id: &str| path(Ask::contract(&dataset(id)).expect("possible").expect("a question"));
    let swap = "/api/v5/public/instruments?instType=SWAP&instId=BTC-USDT-SWAP";
    assert_eq!(contract("okx:trade:BTC-USDT_PERP"), (swap.to_owned(), "public"));
    let dated = "/api/v5/public/instruments?instType=FUTURES&instId=BTC-USD-250328";
    assert_eq!(contract("okx:book:BTC-USD_250328"), (dated.to_owned(), "public"));
    let first = |id: &str| Ask::first_record(&dataset(id)).expect("possible").map(path);
    let months = "/api/v5/market/history-candles?instId=BTC-USDT&bar=1Mutc&limit=300";
    assert_eq!(first("okx:candle:BTC-USDT:1m"), Some((months.to_owned(), "history-candles")));
    assert_eq!(first("okx:trade:BTC-USDT"), None);
    assert_eq!(first("okx:funding:BTC-USDT_PERP"), None);
}

#[test]
fn every_row_of_the_table_can_be_asked() {
    let mut slots: Vec<(usize, &str)> = Okx.capabilities().iter().map(|row| (row.group.slot, row.group.name)).collect();
    slots.sort_unstable();
    slots.dedup();
    assert!(slots.windows(2).all(|pair| pair[0].0 != pair[1].0), "{slots:?}");
    for row in Okx.capabilities() {
        let market = match row.market {
            Market::Dated(_) => "_250328",
            Market::Perp => "_PERP",
            Market::Inverse => "_INVERSE",
            _ => "",
        };
        let quote = row.quotes.map_or("USDT", |quotes| quotes[0]);
        for span in if row.spans.is_empty() {
            vec![String::new()]
        } else {
            row.spans.iter().map(|(secs, _)| format!(":{secs}s")).collect()
        } {
            let dataset = dataset(&format!("okx:{}:BTC-{quote}{market}{span}", row.kind));
            let found = capability(&dataset).expect("in the table");
            assert_eq!(
                (found.path, found.unit, found.quotes, found.reach),
                (row.path, row.unit, row.quotes, row.reach),
                "{dataset}"
            );
        }
    }
    for impossible in ["okx:funding:BTC-USDT", "okx:candle:BTC-USD_PERP:1m", "okx:funding:BTC-USD_250328"] {
        assert!(capability(&dataset(impossible)).is_err(), "{impossible}");
    }
    let error = capability(&dataset("okx:open_interest:BTC-USDT_PERP:1m")).expect_err("no such span").to_string();
    assert!(error.contains("5m 15m 30m 1h"), "{error}");
    let reach = |id: &str| capability(&dataset(id)).expect("possible").reach;
    assert_eq!(reach("okx:open_interest:BTC-USDT_PERP:5m"), Reach::Days(2));
    assert_eq!(reach("okx:open_interest:BTC-USDT_PERP:1d"), Reach::Days(180));
}

#[test]
fn a_derivative_is_asked_for_its_contract_first() {
    let asked = range("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z");
    let first = |id: &str| {
        let mut walk = Walk::new(&dataset(id), asked, asked.end()).expect("possible");
        walk.next_ask().expect("a question").request.path
    };
    assert!(first("okx:trade:BTC-USDT_PERP").starts_with("/api/v5/public/instruments"));
    assert!(first("okx:trade:BTC-USDT").starts_with("/api/v5/market/history-trades"));
    assert!(first("okx:candle:BTC-USDT_PERP:1m").starts_with("/api/v5/market/history-candles"));
    assert_eq!(dataset("okx:trade:BTC-USDT").kind(), Kind::Trade);
}

#[test]
fn clocks_and_first_records_are_read() {
    let clock = Ask::clock(&dataset("okx:book:BTC-USDT")).expect("possible");
    let body = answer(r#"[{"ts":"1597026383085"}]"#);
    let page = clock.read(&reply(200, body.as_bytes()), &mut Vec::new()).expect("a clock");
    assert_eq!(page.stamp, Some(ts("2020-08-10T02:26:23.085Z")));
    let first = Ask::first_record(&dataset("okx:candle:BTC-USDT:1m")).expect("possible").expect("a question");
    let read = |data: &str| first.read(&reply(200, answer(data).as_bytes()), &mut Vec::new());
    let months =
        r#"[["1509494400000","6","6","5","6","1","1","1","1"],["1506816000000","6","6","5","6","1","1","1","1"]]"#;
    assert_eq!(read(months).expect("months").first.map(|mark| mark.ts), Some(ts("2017-10-01T00:00:00Z")));
    assert_eq!(read("[]").expect("none").first, None);
    assert!(read("[[]]").is_err());
}
