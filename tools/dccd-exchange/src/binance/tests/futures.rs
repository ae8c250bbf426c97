//! Contracts: COIN-M, and those with a date.

use dccd_record::{Pair, Range, RangeSet, Span};

use crate::adapter::{Adapter, Rows, Series};
use crate::archive::{FileReader, Use, files};
use crate::binance::Binance;
use crate::tests::recordings::read_page;
use crate::tests::walk::{Query, walk};
use crate::tests::{dataset, range, reply, ts};
use crate::{AnswerError, Ask, Impossible, Instrument, Trading, Unit, Walk, capability};

const DAY_MS: i64 = 1_704_067_200_000;
const HOUR_MS: i64 = 3_600_000;

fn page(id: &str, rows: Rows, limit: u32) -> (String, u32, &'static str) {
    let dataset = dataset(id);
    let row = capability(&dataset).unwrap_or_else(|error| panic!("{id}: {error}"));
    let request = Binance.page(&Series { row, dataset: &dataset, contract: None }, rows, limit);
    (request.path, request.weight, request.api.name)
}

#[test]
fn every_contract_has_its_host_and_its_name() {
    let within = Rows::Within(range("2024-01-01T00:00:00Z", "2024-01-01T10:00:00Z"));
    let times = "&startTime=1704067200000&endTime=1704103199999";
    let check = |id: &str, rows: Rows, path: &str, weight: u32, api: &str| {
        assert_eq!(page(id, rows, 1000), (path.to_owned(), weight, api), "{id}");
    };
    let candle = |names: &str| format!("{names}&interval=1h{times}&limit=1000");
    let (coinm, usdm) = ("binance COIN-M", "binance USD-M");
    let path = candle("/dapi/v1/klines?symbol=BTCUSD_PERP");
    check("binance:candle:BTC-USD_INVERSE:1h", within, &path, 5, coinm);
    let path = candle("/dapi/v1/klines?symbol=BTCUSD_250328");
    check("binance:candle:BTC-USD_250328:1h", within, &path, 5, coinm);
    let path = candle("/fapi/v1/klines?symbol=BTCUSDT_250328");
    check("binance:candle:BTC-USDT_250328:1h", within, &path, 5, usdm);
    let path = candle("/dapi/v1/continuousKlines?pair=BTCUSD&contractType=CURRENT_QUARTER");
    check("binance:candle:BTC-USD_QUARTER:1h", within, &path, 5, coinm);
    let path = candle("/dapi/v1/continuousKlines?pair=BTCUSD&contractType=NEXT_QUARTER");
    check("binance:candle:BTC-USD_NEXT_QUARTER:1h", within, &path, 5, coinm);
    let path = candle("/fapi/v1/continuousKlines?pair=BTCUSDT&contractType=CURRENT_QUARTER");
    check("binance:candle:BTC-USDT_QUARTER:1h", within, &path, 5, usdm);
    let path = candle("/fapi/v1/continuousKlines?pair=ETHUSDT&contractType=NEXT_QUARTER");
    check("binance:candle:ETH-USDT_NEXT_QUARTER:1h", within, &path, 5, usdm);
    let id = Rows::FromId(7);
    check("binance:trade:BTC-USD_INVERSE", id, "/dapi/v1/aggTrades?symbol=BTCUSD_PERP&fromId=7&limit=1000", 20, coinm);
    check("binance:trade:BTC-USD_010203", id, "/dapi/v1/aggTrades?symbol=BTCUSD_010203&fromId=7&limit=1000", 20, coinm);
    check(
        "binance:trade:BTC-USDT_250328",
        id,
        "/fapi/v1/aggTrades?symbol=BTCUSDT_250328&fromId=7&limit=1000",
        20,
        usdm,
    );
    let from = Rows::From(ts("2024-01-01T00:00:00Z"));
    let path = "/dapi/v1/fundingRate?symbol=BTCUSD_PERP&startTime=1704067200000&limit=1000";
    check("binance:funding:BTC-USD_INVERSE", from, path, 1, coinm);
    let path = format!("/futures/data/openInterestHist?pair=BTCUSD&contractType=PERPETUAL&period=1h{times}&limit=1000");
    check("binance:open_interest:BTC-USD_INVERSE:1h", within, &path, 1, coinm);
    assert_eq!(page("binance:candle:BTC-USD_INVERSE:1h", within, 99).1, 1);
    assert_eq!(page("binance:candle:BTC-USDT_QUARTER:1h", within, 499).1, 2);
}

#[test]
fn what_contracts_have_is_told() {
    let has = |id: &str| capability(&dataset(id)).map(|row| (row.api.name, row.unit));
    assert_eq!(has("binance:candle:BTC-USD_INVERSE:1d"), Ok(("binance COIN-M", Unit::Base)));
    assert_eq!(has("binance:trade:BTC-USD_250328"), Ok(("binance COIN-M", Unit::Contracts)));
    assert_eq!(has("binance:book:BTC-USD_INVERSE"), Ok(("binance COIN-M", Unit::Contracts)));
    assert_eq!(has("binance:open_interest:BTC-USD_INVERSE:5m"), Ok(("binance COIN-M", Unit::Base)));
    assert_eq!(has("binance:trade:BTC-USDT_250328"), Ok(("binance USD-M", Unit::Base)));
    assert!(matches!(has("binance:trade:BTC-USD_QUARTER"), Err(Impossible::Kind { .. })));
    assert!(matches!(has("binance:funding:BTC-USD_250328"), Err(Impossible::Kind { .. })));
    assert!(matches!(has("binance:open_interest:BTC-USDT_250328:5m"), Err(Impossible::Kind { .. })));
    assert!(matches!(has("binance:candle:BTC-USDT_INVERSE:1h"), Err(Impossible::Market { .. })));
}

#[test]
fn clocks_and_books_are_asked_of_the_right_host() {
    let clock = |id: &str| Ask::clock(&dataset(id)).expect("possible").request.path;
    assert_eq!(clock("binance:candle:BTC-USD_INVERSE:1h"), "/dapi/v1/time");
    assert_eq!(clock("binance:candle:BTC-USDT_250328:1h"), "/fapi/v1/time");
    let book = |id: &str| Ask::book(&dataset(id), None, None).expect("possible").request.path;
    assert_eq!(book("binance:book:BTC-USD_INVERSE"), "/dapi/v1/depth?symbol=BTCUSD_PERP&limit=1000");
    assert_eq!(book("binance:book:BTC-USDT_250328"), "/fapi/v1/depth?symbol=BTCUSDT_250328&limit=1000");
}

/// Candles of an hour or a day, as COIN-M gives them: windows of 200 days, and the newest of too many.
fn answer(span: Span, first: i64, path: &str) -> String {
    const WINDOW_MS: i64 = 200 * 24 * HOUR_MS;
    let query = Query::new(path);
    let now = DAY_MS + 700 * 24 * HOUR_MS;
    let (start, end) = match (query.number("startTime"), query.number("endTime")) {
        (Some(start), Some(end)) => (start, end),
        (Some(start), None) => (start, (start + WINDOW_MS).min(now)),
        (None, end) => (end.unwrap_or(now) - WINDOW_MS, end.unwrap_or(now)),
    };
    assert!(end - start <= WINDOW_MS, "Maximum time interval is 200 days: {path}");
    let step = i64::from(span.secs()) * 1000;
    let from = span.ceil(dccd_record::Ts::from_millis(start.max(first)).expect("believable")).millis();
    let opens: Vec<i64> = (0..).map(|n| from + n * step).take_while(|open| *open <= end && *open < now).collect();
    let rows: Vec<String> = opens
        .iter()
        .skip(opens.len().saturating_sub(query.limit()))
        .map(|open| format!(r#"[{open},"1","2","0.5","1.5","700",{},"0.25",3,"1","1","0"]"#, open + step - 1))
        .collect();
    format!("[{}]", rows.join(","))
}

#[test]
fn windows_of_candles_are_no_wider_than_allowed() {
    let asked = range("2024-01-01T00:00:00Z", "2025-11-01T00:00:00Z");
    for (span, count) in [(Span::HOUR, 670 * 24), (Span::DAY, 670)] {
        let series = dataset(&format!("binance:candle:BTC-USD_INVERSE:{span}"));
        let outcome = walk(&series, asked, 3, |path| answer(span, DAY_MS, path));
        assert!(outcome.failed.is_empty() && outcome.gaps.is_empty(), "{span}: {outcome:?}");
        assert_eq!((outcome.covered, outcome.lines.len()), (RangeSet::from_iter([asked]), count), "{span}");
        assert!(outcome.lines.iter().all(|line| line.contains("\"volume\":0.25,\"quote_volume\":null,\"trades\":3}")));
    }
    // Listed within the range: what was before is proven to be empty.
    let listed = DAY_MS + 400 * 24 * HOUR_MS;
    let series = dataset("binance:candle:BTC-USD_INVERSE:1d");
    let outcome = walk(&series, asked, 1, |path| answer(Span::DAY, listed, path));
    assert!(outcome.failed.is_empty() && outcome.gaps.is_empty(), "{outcome:?}");
    assert_eq!((outcome.covered, outcome.lines.len()), (RangeSet::from_iter([asked]), 270));
}

#[test]
fn no_window_of_any_span_is_too_wide() {
    let row = capability(&dataset("binance:candle:BTC-USD_INVERSE:1d")).expect("possible");
    for (secs, _) in row.spans {
        let span = Span::from_secs(*secs).expect("a span");
        let asked = range("2021-01-01T00:00:00Z", "2026-01-01T00:00:00Z");
        let series = dataset(&format!("binance:candle:BTC-USD_NEXT_QUARTER:{span}"));
        let mut walk = Walk::new(&series, asked, asked.end()).expect("possible");
        let path = walk.next_ask().expect("a question").request.path;
        let query = Query::new(&path);
        let (start, end) = (query.number("startTime").expect("a start"), query.number("endTime").expect("an end"));
        assert!((1..=1000).contains(&query.limit()) && end - start < 200 * 24 * HOUR_MS, "{path}");
    }
}

#[test]
fn the_recorded_refusal_of_a_wide_window_heals_by_no_waiting() {
    let body = r#"{"code": -4088, "msg": "Maximum time interval is 200 days."}"#;
    let error = read_page("binance:candle:BTC-USD_INVERSE:1d", Rows::Newest, 400, body).expect_err("refused");
    assert!(!error.is_retryable());
}

#[test]
fn open_interest_of_another_contract_is_refused() {
    let body = |pair: &str, contract: &str| {
        format!(
            r#"[{{"pair":"{pair}","contractType":"{contract}","sumOpenInterest":"204","sumOpenInterestValue":"1.50","timestamp":{DAY_MS}}}]"#
        )
    };
    let read = |body: &str| read_page("binance:open_interest:BTC-USD_INVERSE:5m", Rows::Newest, 200, body);
    let (_, line) = read(&body("BTCUSD", "PERPETUAL")).expect("sound");
    assert!(line.ends_with("\"open_interest\":1.50,\"open_interest_value\":null}\n"), "{line}");
    for body in [
        body("ETHUSD", "PERPETUAL"),
        body("BTCUSD", "CURRENT_QUARTER"),
        body("BTCUSD", "PERPETUAL").replace("\"1.50\"", "null"),
        body("BTCUSD", "PERPETUAL").replace("\"1.50\"", "\"\""),
    ] {
        assert!(matches!(read(&body), Err(AnswerError::Unexpected(_))), "{body}");
    }
}

const LISTED: &str = include_str!("../../../fixtures/binance/coinm-exchange-info.json");

fn listed(at: usize, body: &str) -> Result<Vec<Instrument>, AnswerError> {
    let requests = Binance.instruments();
    let request = requests.get(at).expect("three lists");
    let mut found = Vec::new();
    Binance.read_instruments(request, &reply(200, body.as_bytes()), &mut found).map(|_| found)
}

#[test]
fn listed_contracts_have_names_of_ours() {
    let paths: Vec<String> = Binance.instruments().into_iter().map(|request| request.path).collect();
    assert_eq!(paths, ["/api/v3/exchangeInfo", "/fapi/v1/exchangeInfo", "/dapi/v1/exchangeInfo"]);
    let ours = |found: &[Instrument]| -> Vec<(String, Trading)> {
        let name = |pair: &Pair| pair.to_string();
        found.iter().map(|one| (one.pair.as_ref().map(name).unwrap_or_default(), one.trading)).collect()
    };
    let found = listed(2, LISTED).expect("sound");
    assert_eq!(
        ours(&found),
        [
            ("BTC/USD:inverse".to_owned(), Trading::Open),
            ("BTC/USD:250328".to_owned(), Trading::Halted),
            ("ETH/USD:241227".to_owned(), Trading::Delisted),
            (String::new(), Trading::Announced),
        ]
    );
    let first = found.first().expect("four");
    assert_eq!(
        (first.tick.as_deref(), first.lot.as_deref(), first.status.as_str()),
        (Some("0.1"), Some("1"), "TRADING")
    );
    assert_eq!(first.since, Some(ts("2020-08-10T07:00:00Z")));
    let usdm = r#"{"symbols":[{"symbol":"BTCUSDT","status":"TRADING","contractType":"PERPETUAL","quoteAsset":"USDT","baseAsset":"BTC"},
        {"symbol":"BTCUSDT_250328","status":"SETTLING","contractType":"CURRENT_QUARTER","quoteAsset":"USDT","baseAsset":"BTC"}]}"#;
    assert_eq!(
        ours(&listed(1, usdm).expect("sound")),
        [("BTC/USDT:perp".to_owned(), Trading::Open), ("BTC/USDT:250328".to_owned(), Trading::Delisted)]
    );
    assert!(listed(2, r#"{"symbols":[{"symbol":"BTCUSD_PERP","quoteAsset":"USD","baseAsset":"BTC"}]}"#).is_err());
}

#[test]
fn the_first_record_of_a_contract_is_its_listing() {
    let first = |id: &str, body: &str| {
        let ask = Ask::first_record(&dataset(id)).expect("possible").expect("kept");
        assert_eq!((ask.request.path.as_str(), ask.request.api.name), ("/dapi/v1/exchangeInfo", "binance COIN-M"));
        let page = ask.read(&reply(200, body.as_bytes()), &mut Vec::new())?;
        Ok::<_, AnswerError>(page.first.map(|first| first.ts))
    };
    assert_eq!(first("binance:candle:BTC-USD_INVERSE:1d", LISTED), Ok(Some(ts("2020-08-10T00:00:00Z"))));
    assert_eq!(first("binance:trade:BTC-USD_250328", LISTED), Ok(Some(ts("2024-09-27T08:00:00Z"))));
    // Expired contracts are listed no more, but none ran for longer than a year.
    assert_eq!(first("binance:trade:BTC-USD_220325", LISTED), Ok(Some(ts("2021-03-24T00:00:00Z"))));
    assert_eq!(first("binance:trade:BTC-USD_200925", LISTED), Ok(Some(ts("2020-05-29T00:00:00Z"))));
    assert!(matches!(first("binance:funding:NOPE-USD_INVERSE", LISTED), Err(AnswerError::UnknownSymbol(_))));
    assert!(first("binance:trade:BTC-USD_INVERSE", "[]").is_err());
    assert_eq!(Ask::first_record(&dataset("binance:candle:BTC-USD_QUARTER:1d")).map(|ask| ask.is_some()), Ok(false));
}

#[test]
fn the_first_trade_of_a_usd_m_contract_is_sought_among_candles() {
    let ask = Ask::first_record(&dataset("binance:trade:BTC-USDT_250328")).expect("possible").expect("kept");
    assert_eq!(
        (ask.request.path.as_str(), ask.request.weight),
        ("/fapi/v1/klines?symbol=BTCUSDT_250328&interval=1d&startTime=1483228800000&limit=1", 1)
    );
    let body = format!(r#"[[{DAY_MS},"1","2","0.5","1.5","700",{},"0.25",3,"1","1","0"]]"#, DAY_MS + 24 * HOUR_MS - 1);
    let page = ask.read(&reply(200, body.as_bytes()), &mut Vec::new()).expect("sound");
    assert_eq!(page.first.map(|first| first.ts), Some(ts("2024-01-01T00:00:00Z")));
}

#[test]
fn files_of_contracts_lie_in_their_folders() {
    let now = ts("2024-06-01T00:00:00Z");
    let paths = |id: &str, asked: Range, usage: Use| -> Vec<String> {
        files(&dataset(id), asked, now, usage).expect("possible").into_iter().map(|file| file.path).collect()
    };
    let january = range("2024-01-01T00:00:00Z", "2024-02-01T00:00:00Z");
    let day = range("2024-01-01T00:00:00Z", "2024-01-02T00:00:00Z");
    assert_eq!(
        paths("binance:candle:BTC-USD_INVERSE:1m", january, Use::Always),
        ["data/futures/cm/monthly/klines/BTCUSD_PERP/1m/BTCUSD_PERP-1m-2024-01.zip"]
    );
    assert_eq!(
        paths("binance:trade:BTC-USD_240329", day, Use::Always),
        ["data/futures/cm/daily/aggTrades/BTCUSD_240329/BTCUSD_240329-aggTrades-2024-01-01.zip"]
    );
    assert_eq!(
        paths("binance:trade:BTC-USDT_240329", day, Use::Always),
        ["data/futures/um/daily/aggTrades/BTCUSDT_240329/BTCUSDT_240329-aggTrades-2024-01-01.zip"]
    );
    assert_eq!(
        paths("binance:funding:BTC-USD_INVERSE", january, Use::Always),
        ["data/futures/cm/monthly/fundingRate/BTCUSD_PERP/BTCUSD_PERP-fundingRate-2024-01.zip"]
    );
    assert!(paths("binance:candle:BTC-USD_QUARTER:1m", january, Use::Always).is_empty());
    assert!(paths("binance:open_interest:BTC-USD_INVERSE:5m", day, Use::Always).is_empty());
    // A single day is paged, unless REST no longer has it.
    assert!(paths("binance:trade:BTC-USD_INVERSE", day, Use::WhereBetter).is_empty());
    let old = range("2022-01-01T06:00:00Z", "2022-01-01T07:00:00Z");
    for id in ["binance:trade:BTC-USD_INVERSE", "binance:trade:BTC-USDT_PERP"] {
        assert_eq!(paths(id, old, Use::WhereBetter).len(), 1, "{id}");
    }
    assert!(paths("binance:trade:BTC-USDT", old, Use::WhereBetter).is_empty(), "spot has all of it");
}

#[test]
fn files_of_coin_m_candles_say_the_base_volume() {
    let asked = range("2024-01-01T00:00:00Z", "2024-01-02T00:00:00Z");
    for (id, volumes) in [
        ("binance:candle:BTC-USD_INVERSE:1h", "\"volume\":0.25,\"quote_volume\":null,"),
        ("binance:candle:BTC-USDT_240329:1h", "\"volume\":700,\"quote_volume\":0.25,"),
    ] {
        let series = dataset(id);
        let file = files(&series, asked, ts("2024-06-01T00:00:00Z"), Use::Always).expect("possible").remove(0);
        let mut reader = FileReader::new(&series, &file, asked, None);
        let mut out = Vec::new();
        reader
            .line(b"open_time,open,high,low,close,volume,close_time,quote_volume,count,a,b,ignore", &mut out)
            .expect("a header");
        let row = format!("{DAY_MS},1,2,0.5,1.5,700,{},0.25,3,1,1,0", DAY_MS + HOUR_MS - 1);
        reader.line(row.as_bytes(), &mut out).expect("a candle");
        let line = String::from_utf8(out).expect("text");
        assert!(line.contains(volumes), "{id}: {line}");
        assert_eq!(reader.finish().covered, RangeSet::from_iter([asked]));
    }
}

#[test]
fn quick_and_careful_reading_of_contracts_agree() {
    let body = format!(r#"[[{DAY_MS},"1","2","0.5","1.5","700",{},"0.25",3,"1","1","0"]]"#, DAY_MS + HOUR_MS - 1);
    let read = |body: &str| read_page("binance:candle:BTC-USD_QUARTER:1h", Rows::Newest, 200, body).expect("sound").1;
    assert_eq!(read(&body), read(&body.replace(',', " , ")));
    assert!(read(&body).contains("\"pair\":\"BTC/USD:quarter\""));
}
