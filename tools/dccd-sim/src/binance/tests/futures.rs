//! COIN-M, contracts that expire, and how each stands.

use serde_json::Value;

use super::{Desk, START, millis, opens};
use crate::clock::{DAY, HOUR, MINUTE};
use crate::tests::recordings::{assert_alike, recorded};

/// 2024-03-01T12:34:56.
const NOW: i64 = START + 60 * DAY + 12 * HOUR + 34 * MINUTE + 56_000_000;
/// 2024-03-29T08:00: the end of the first quarter's contracts.
const EXPIRY: i64 = START + 88 * DAY + 8 * HOUR;

fn desk() -> Desk {
    Desk::new(2_000, 0, NOW)
}

fn text(value: &Value) -> &str {
    value.as_str().expect("text")
}

fn real(value: &Value) -> f64 {
    text(value).parse().expect("a number")
}

fn code(desk: &Desk, target: &str) -> (u16, Option<i64>, String) {
    let response = desk.ask(target);
    let body: Value = serde_json::from_slice(&response.body).expect("JSON");
    (response.status, body["code"].as_i64(), body["msg"].as_str().unwrap_or_default().to_owned())
}

#[test]
fn answers_look_like_the_recordings() {
    let desk = desk();
    let check = |file: &str, target: &str| {
        if let Some(recording) = recorded(&format!("binance/{file}.json")) {
            assert_alike(&desk.json(target), &recording, file);
        }
    };
    let error =
        "/dapi/v1/klines?endTime=1577836800000&interval=1d&limit=1000&startTime=1546300800000&symbol=BTCUSD_PERP";
    check("error-rest-gct-coinm-klines-btcusd-perp-1d-0", error);
    assert_eq!(code(&desk, error), (400, Some(-4088), "Maximum time interval is 200 days.".to_owned()));
    check("error-rest-gct-usdm-24hr-btcusd-201225-0", "/fapi/v1/klines?symbol=BTCUSD_201225&interval=1h");
    assert_eq!(code(&desk, "/fapi/v1/klines?symbol=BTCUSD_201225&interval=1h").1, Some(-1121));
    let quarter = "continuousKlines?contractType=CURRENT_QUARTER&interval=1M&limit=5&pair=BTCUSD";
    check("ohlc-rest-gct-coinm-continuousklines-btcusd-1M-0", &format!("/dapi/v1/{quarter}"));
    assert_eq!(desk.rows(&format!("/dapi/v1/{quarter}")).len(), 5);
    check(
        "oi-rest-gct-usdm-openinteresthist-btcusd-5m-1",
        "/futures/data/openInterestHist?contractType=CURRENT_QUARTER&pair=BTCUSD&period=5m",
    );
    check("funding-rest-gct-usdm-fundingrate-btcusdt-0", "/fapi/v1/fundingRate?symbol=BTCUSDT");
    check("funding-rest-jk-usdfutures-getfundingrates", "/fapi/v1/fundingRate?symbol=BTCUSDT");
    check("oi-rest-gct-usdm-openinterest-btcusdt-0", "/fapi/v1/openInterest?symbol=BTCUSDT");
    check("oi-rest-gct-usdm-openinteresthist-ltcusdt-1d-0", "/futures/data/openInterestHist?symbol=LTCUSDT&period=1d");
    check("ohlc-rest-gct-usdm-klines-btcusdt-1d-0", "/fapi/v1/klines?symbol=BTCUSDT&interval=1d");
    check("ohlc-rest-gct-spot-klines-btcusdt-1h-3", "/api/v3/klines?symbol=BTCUSDT&interval=1h");
    check("ohlc-rest-spot-btcusdt-1h-2026", "/api/v3/klines?symbol=BTCUSDT&interval=1h");
    check("trades-rest-gct-spot-aggtrades-btcusdt-0", "/api/v3/aggTrades?symbol=BTCUSDT&limit=5");
    check("trades-rest-gct-spot-historicaltrades-btcusdt-0", "/api/v3/historicalTrades?symbol=BTCUSDT&limit=5");
    check("trades-rest-gct-usdm-aggtrades-btcusdt-0", "/fapi/v1/aggTrades?symbol=BTCUSDT&limit=5");
    check("trades-rest-jk-usdfutures-getrecenttrades", "/fapi/v1/trades?symbol=BTCUSDT&limit=5");
    check("book-rest-nknusdt-limit1000", "/api/v3/depth?symbol=NKNUSDT&limit=1000");
    check("book-rest-usdm-sushiusdt-limit1000", "/fapi/v1/depth?symbol=SUSHIUSDT&limit=1000");
}

#[test]
fn coinm_candles_count_contracts_and_their_base_asset() {
    let desk = desk();
    let window = format!("startTime={}&endTime={}", millis(START), millis(START + HOUR) - 1);
    let rows = desk.rows(&format!("/dapi/v1/klines?symbol=BTCUSD_PERP&interval=1h&{window}"));
    let trades = desk.rows(&format!("/dapi/v1/aggTrades?symbol=BTCUSD_PERP&limit=1000&{window}"));
    assert_eq!(rows.len(), 1);
    assert!(!trades.is_empty() && trades.len() < 1_000);
    let row = &rows[0];
    assert!(trades.iter().all(|trade| !text(&trade["q"]).contains('.') && trade["M"].is_null()));
    let contracts: f64 = trades.iter().map(|trade| real(&trade["q"])).sum();
    let base: f64 = trades.iter().map(|trade| real(&trade["q"]) * 100.0 / real(&trade["p"])).sum();
    assert_eq!(real(&row[5]), contracts);
    assert!(!text(&row[5]).contains('.'));
    assert!((real(&row[7]) - base).abs() < 1e-4, "{row}: {base}");
    assert_eq!(text(&row[7]).split_once('.').map(|(_, digits)| digits.len()), Some(8));
    let eth = desk.rows(&format!("/dapi/v1/klines?symbol=ETHUSD_PERP&interval=1h&{window}"));
    let ratio = real(&eth[0][5]) * 10.0 / real(&eth[0][1]) / real(&eth[0][7]);
    assert!((0.9..1.1).contains(&ratio), "ten dollars each: {ratio}");
    let parts = desk.rows("/dapi/v1/trades?symbol=BTCUSD_PERP&limit=3");
    assert!(parts.iter().all(|part| part["baseQty"].is_string() && part["quoteQty"].is_null()));
}

#[test]
fn coinm_candles_are_the_newest_of_at_most_200_days() {
    let desk = desk();
    let hours = |query: &str| -> Vec<i64> {
        let rows = desk.rows(&format!("/dapi/v1/klines?symbol=BTCUSD_PERP&interval=1h{query}"));
        opens(&rows).iter().map(|open| (open - millis(START)) / 3_600_000).collect()
    };
    let at = |hour: i64| millis(START + hour * HOUR);
    assert_eq!(hours(&format!("&startTime={}&endTime={}", at(5), at(7))), [5, 6, 7]);
    assert_eq!(hours(&format!("&startTime={}&endTime={}&limit=2", at(5), at(9))), [8, 9]);
    assert_eq!(hours(&format!("&endTime={}&limit=2", at(9))), [8, 9]);
    assert_eq!(hours("&limit=2"), [1451, 1452]);
    assert_eq!(hours(&format!("&startTime={}&limit=2", at(5))), [1451, 1452]);
    let days = |query: &str| desk.rows(&format!("/dapi/v1/klines?symbol=BTCUSD_PERP&interval=1d&limit=1500{query}"));
    assert_eq!(days(&format!("&endTime={}", millis(START))).len(), 201);
    let far = millis(START - 400 * DAY);
    assert_eq!(opens(&days(&format!("&startTime={far}"))).last(), Some(&millis(START - 200 * DAY)));
    assert_eq!(days(&format!("&startTime={far}&endTime={}", millis(START - 200 * DAY))).len(), 201);
    let (status, code, _) = code(
        &desk,
        &format!(
            "/dapi/v1/klines?symbol=BTCUSD_PERP&interval=1d&startTime={far}&endTime={}",
            millis(START - 200 * DAY) + 1
        ),
    );
    assert_eq!((status, code), (400, Some(-4088)));
}

#[test]
fn coinm_statistics_have_their_own_shapes() {
    let desk = desk();
    let book = desk.json("/dapi/v1/depth?symbol=BTCUSD_PERP&limit=5");
    assert_eq!((&book["symbol"], &book["pair"]), (&"BTCUSD_PERP".into(), &"BTCUSD".into()));
    assert!(book["E"].is_i64() && !text(&book["bids"][0][1]).contains('.'));
    let funding = desk.rows("/dapi/v1/fundingRate?symbol=BTCUSD_PERP&limit=3");
    assert!(
        funding.len() == 3 && funding.iter().all(|row| row["markPrice"].is_null() && row["fundingRate"].is_string())
    );
    assert!(desk.rows("/dapi/v1/fundingRate?symbol=BTCUSD_240329").is_empty());
    let interest = "/futures/data/openInterestHist?pair=BTCUSD&contractType=PERPETUAL&period=1h";
    for row in desk.rows(interest) {
        let (contracts, base) = (real(&row["sumOpenInterest"]), real(&row["sumOpenInterestValue"]));
        assert!(text(&row["sumOpenInterest"]).ends_with(".00000000"));
        assert!((30_000.0..60_000.0).contains(&(contracts * 100.0 / base)), "{row}");
        assert_eq!(row["contractType"], "PERPETUAL");
    }
    let now = desk.json("/dapi/v1/openInterest?symbol=BTCUSD_240329");
    assert_eq!((&now["pair"], &now["contractType"]), (&"BTCUSD".into(), &"CURRENT_QUARTER".into()));
    let index = desk.rows("/dapi/v1/premiumIndex?symbol=BTCUSD_PERP");
    assert_eq!((index.len(), &index[0]["pair"]), (1, &"BTCUSD".into()));
    assert_eq!(code(&desk, "/futures/data/openInterestHist?pair=BTCUSD&contractType=ALL&period=1h").1, Some(-1130));
    assert_eq!(code(&desk, "/dapi/v1/klines?symbol=BTCUSDT&interval=1h").1, Some(-1121));
    let used = desk.ask("/dapi/v1/klines?symbol=BTCUSD_PERP&interval=1h&limit=1500");
    assert!(used.headers.iter().any(|(name, _)| *name == "X-MBX-USED-WEIGHT-1M"));
}

fn listed(desk: &Desk, host: &str) -> Vec<(String, String, String)> {
    let info = desk.json(host);
    let status = if host.starts_with("/dapi") { "contractStatus" } else { "status" };
    let word = |row: &Value, name: &str| row[name].as_str().unwrap_or_default().to_owned();
    let rows = info["symbols"].as_array().expect("symbols").iter();
    rows.map(|row| (word(row, "symbol"), word(row, status), word(row, "contractType"))).collect()
}

#[test]
fn contracts_that_expire_are_listed_delivered_and_gone() {
    let mut desk = desk();
    let find = |desk: &Desk, host: &str, symbol: &str| -> Option<(String, String)> {
        let all = listed(desk, host);
        all.into_iter().find(|(name, ..)| name == symbol).map(|(_, status, kind)| (status, kind))
    };
    let pair = |status: &str, kind: &str| Some((status.to_owned(), kind.to_owned()));
    for (host, quote, delivering) in [
        ("/fapi/v1/exchangeInfo", "USDT", "CURRENT_QUARTER DELIVERING"),
        ("/dapi/v1/exchangeInfo", "USD", "CURRENT_QUARTER_DELIVERING"),
    ] {
        desk.now = NOW;
        assert_eq!(find(&desk, host, &format!("BTC{quote}_240329")), pair("TRADING", "CURRENT_QUARTER"));
        assert_eq!(find(&desk, host, &format!("BTC{quote}_240628")), pair("TRADING", "NEXT_QUARTER"));
        assert_eq!(find(&desk, host, &format!("BTC{quote}_240927")), None);
        assert_eq!(find(&desk, host, &format!("BTC{quote}_231229")), None);
        desk.now = EXPIRY + MINUTE;
        assert_eq!(find(&desk, host, &format!("BTC{quote}_240329")), pair("DELIVERING", delivering));
        assert_eq!(find(&desk, host, &format!("BTC{quote}_240628")), pair("TRADING", "CURRENT_QUARTER"));
        desk.now = EXPIRY + HOUR;
        assert_eq!(find(&desk, host, &format!("BTC{quote}_240329")), None);
    }
    let info = desk.json("/dapi/v1/exchangeInfo");
    let rows = info["symbols"].as_array().expect("symbols");
    let dated = rows.iter().find(|row| row["symbol"] == "BTCUSD_240628").expect("a contract");
    assert_eq!((&dated["contractSize"], &dated["marginAsset"]), (&100.into(), &"BTC".into()));
    assert_eq!(dated["deliveryDate"], millis(START + 179 * DAY + 8 * HOUR));
    let eth = rows.iter().find(|row| row["symbol"] == "ETHUSD_PERP").expect("a contract");
    assert_eq!((&eth["contractSize"], &eth["contractType"]), (&10.into(), &"PERPETUAL".into()));
}

#[test]
fn the_history_of_a_contract_begins_and_ends_with_it() {
    let mut desk = desk();
    desk.now = EXPIRY + 3 * DAY;
    for (host, symbol) in [("fapi", "BTCUSDT_240329"), ("dapi", "BTCUSD_240329")] {
        let klines = |query: &str| desk.rows(&format!("/{host}/v1/klines?symbol={symbol}&interval=1h{query}"));
        assert_eq!(opens(&klines("&limit=1")), [millis(EXPIRY - HOUR)]);
        let since = EXPIRY - 182 * DAY;
        let window = format!("&startTime={}&endTime={}", millis(since - DAY), millis(since + HOUR));
        assert_eq!(opens(&klines(&window)).first(), Some(&millis(since)));
        let last = desk.rows(&format!("/{host}/v1/aggTrades?symbol={symbol}&limit=1"));
        assert!(last[0]["T"].as_i64() < Some(millis(EXPIRY)));
        assert_eq!(code(&desk, &format!("/{host}/v1/depth?symbol={symbol}")).1, Some(-4108));
        assert_eq!(code(&desk, &format!("/{host}/v1/openInterest?symbol={symbol}")).1, Some(-4108));
        assert_eq!(code(&desk, &format!("/{host}/v1/klines?symbol={symbol}_X&interval=1h")).1, Some(-1121));
    }
    assert_eq!(code(&desk, "/fapi/v1/klines?symbol=BTCUSDT_241227&interval=1h").1, Some(-1121));
    assert_eq!(code(&desk, "/fapi/v1/klines?symbol=BTCUSDT_240328&interval=1h").1, Some(-1121));
}

#[test]
fn what_is_halted_is_told_in_each_hosts_words() {
    let mut desk = desk();
    let stands = |desk: &Desk, host: &str, symbol: &str| {
        listed(desk, host).into_iter().find(|(name, ..)| name == symbol).map(|(_, status, _)| status)
    };
    assert_eq!(stands(&desk, "/api/v3/exchangeInfo", "MATICUSDT").as_deref(), Some("TRADING"));
    assert_eq!(stands(&desk, "/dapi/v1/exchangeInfo", "XMRUSD_PERP").as_deref(), Some("DELIVERED"));
    desk.now = 20_000 * DAY;
    assert_eq!(stands(&desk, "/api/v3/exchangeInfo", "MATICUSDT").as_deref(), Some("BREAK"));
    assert_eq!(stands(&desk, "/fapi/v1/exchangeInfo", "MATICUSDT").as_deref(), Some("SETTLING"));
    let book = desk.json("/api/v3/depth?symbol=MATICUSDT");
    assert_eq!((&book["bids"], &book["asks"]), (&Value::Array(vec![]), &Value::Array(vec![])));
    assert_eq!(code(&desk, "/fapi/v1/depth?symbol=MATICUSDT").1, Some(-4108));
    let last = desk.rows("/api/v3/klines?symbol=MATICUSDT&interval=1d&limit=1");
    assert_eq!(opens(&last), [millis(19_975 * DAY)]);
    let paid = desk.rows("/fapi/v1/fundingRate?symbol=MATICUSDT&limit=1");
    assert!(paid[0]["fundingTime"].as_i64() < Some(millis(19_970 * DAY)));
    let open = desk.rows("/futures/data/openInterestHist?symbol=MATICUSDT&period=1d");
    assert!(open.is_empty());
}

#[test]
fn archives_of_coinm_and_of_contracts_that_expire() {
    let desk = Desk::new(500, 0, EXPIRY + 40 * DAY);
    let day = START + 2 * DAY;
    let window = format!("startTime={}&endTime={}", millis(day), millis(day + DAY) - 1);
    for (host, folder, symbol) in
        [("dapi", "cm", "BTCUSD_PERP"), ("dapi", "cm", "BTCUSD_240329"), ("fapi", "um", "BTCUSDT_240329")]
    {
        let rows = desk.rows(&format!("/{host}/v1/klines?symbol={symbol}&interval=1h&{window}"));
        let path = format!("/data/futures/{folder}/daily/klines/{symbol}/1h/{symbol}-1h-2024-01-03.zip");
        let file = desk.csv(&path);
        let joined: Vec<String> = rows.iter().map(|row| row.to_string().replace(['[', ']', '"'], "")).collect();
        assert_eq!(file[1..], joined, "{path}");
        assert!(file[0].starts_with("open_time,"));
        let trades =
            desk.csv(&format!("/data/futures/{folder}/daily/aggTrades/{symbol}/{symbol}-aggTrades-2024-01-03.zip"));
        let first = &desk.rows(&format!("/{host}/v1/aggTrades?symbol={symbol}&limit=1&startTime={}", millis(day)))[0];
        let fields: Vec<&str> = trades[1].split(',').collect();
        assert_eq!(fields[..3], [first["a"].to_string().as_str(), text(&first["p"]), text(&first["q"])]);
        assert_eq!(desk.ask(&format!("{path}.CHECKSUM")).status, 200);
    }
    let status = |path: &str| desk.ask(&format!("/data/futures/{path}")).status;
    assert_eq!(
        desk.csv("/data/futures/cm/monthly/fundingRate/BTCUSD_PERP/BTCUSD_PERP-fundingRate-2024-01.zip").len(),
        94
    );
    assert_eq!(desk.csv("/data/futures/cm/daily/metrics/BTCUSD_PERP/BTCUSD_PERP-metrics-2024-01-03.zip").len(), 289);
    assert_eq!(status("cm/monthly/fundingRate/BTCUSD_240329/BTCUSD_240329-fundingRate-2024-01.zip"), 404);
    assert!(
        desk.csv("/data/futures/cm/daily/trades/BTCUSD_PERP/BTCUSD_PERP-trades-2024-01-03.zip")[0].contains("base_qty")
    );
    // There are files of the days on which it was traded, and no others.
    assert_eq!(status("um/daily/klines/BTCUSDT_240329/1h/BTCUSDT_240329-1h-2024-03-29.zip"), 200);
    assert_eq!(status("um/daily/klines/BTCUSDT_240329/1h/BTCUSDT_240329-1h-2024-03-30.zip"), 404);
    assert_eq!(status("um/daily/klines/BTCUSDT_240329/1h/BTCUSDT_240329-1h-2023-09-28.zip"), 404);
    assert_eq!(status("um/daily/klines/BTCUSDT_240329/1h/BTCUSDT_240329-1h-2023-09-29.zip"), 200);
}
