use crate::adapter::{Adapter, Rows, Series};
use crate::krakenfutures::KrakenFutures;
use crate::krakenfutures::symbol::{pair, symbol};
use crate::tests::{dataset, range, read, ts};
use crate::{Ask, capability, instruments};

#[test]
fn pages_are_asked_for_as_documented() {
    let check = |id: &str, rows: Rows, group: &str, expected: &str| {
        let dataset = dataset(id);
        let row = capability(&dataset).unwrap_or_else(|error| panic!("{id}: {error}"));
        let request = KrakenFutures.page(&Series { row, dataset: &dataset, contract: None }, rows, 2000);
        assert_eq!(request.path, expected, "{id} {rows:?}");
        assert_eq!((request.weight, request.group.name), (1, group), "{id}");
    };
    let within = Rows::Within(range("2024-01-01T00:00:00Z", "2024-01-02T00:00:00Z"));
    let charts = "/api/charts/v1/trade";
    let (first, last) = ("from=1704067200", "to=1704153599");
    check("krakenfutures:candle:BTC-USD_PERP:1h", within, "charts", &format!("{charts}/PF_XBTUSD/1h?{first}&{last}"));
    check(
        "krakenfutures:candle:ETH-USD_INVERSE:1m",
        within,
        "charts",
        &format!("{charts}/PI_ETHUSD/1m?{first}&{last}"),
    );
    let dated = "krakenfutures:candle:BTC-USD_261225:1d";
    check(dated, within, "charts", &format!("{charts}/FF_XBTUSD_261225/1d?{first}&{last}"));
    let odd = Rows::Within(range("2024-01-01T00:00:00.000000001Z", "2024-01-01T02:00:00.000000001Z"));
    let expected = format!("{charts}/PF_XBTUSD/1h?from=1704070800&to=1704074400");
    check("krakenfutures:candle:BTC-USD_PERP:1h", odd, "charts", &expected);
    check(dated, Rows::Newest, "charts", &format!("{charts}/FF_XBTUSD_261225/1d"));
    check(dated, Rows::From(ts("2024-01-01T00:00:00Z")), "charts", &format!("{charts}/FF_XBTUSD_261225/1d?{first}"));
    check(dated, Rows::Before(ts("2024-01-02T00:00:00Z")), "charts", &format!("{charts}/FF_XBTUSD_261225/1d?{last}"));
    let rates = "/derivatives/api/v4/historicalfundingrates?symbol";
    for rows in [within, Rows::Newest, Rows::From(ts("2024-01-01T00:00:00Z"))] {
        check("krakenfutures:funding:BTC-USD_PERP", rows, "history", &format!("{rates}=PF_XBTUSD"));
        check("krakenfutures:funding:DOGE-USD_PERP", rows, "history", &format!("{rates}=PF_DOGEUSD"));
        check("krakenfutures:funding:BTC-USD_INVERSE", rows, "history", &format!("{rates}=PI_XBTUSD"));
    }
}

#[test]
fn the_last_trade_is_asked_for() {
    let ask = Ask::newest(&dataset("krakenfutures:trade:BTC-USD_PERP"), None).expect("possible").expect("a question");
    assert_eq!(ask.request.path, "/derivatives/api/v3/history?symbol=PF_XBTUSD");
    let answer = r#"{"result":"success","serverTime":"2024-01-01T00:00:05.000Z","history":[
        {"time":"2024-01-01T00:00:01.123Z","trade_id":2,"price":1.5,"size":2,"side":"buy","type":"fill","uid":"b"},
        {"time":"2024-01-01T00:00:00.000Z","trade_id":1,"price":1.5,"size":2,"side":"sell","type":"fill","uid":"a"}]}"#;
    let (page, _) = read(&ask, answer);
    let last = page.last.map(|mark| mark.ts);
    assert_eq!((last, page.stamp), (Some(ts("2024-01-01T00:00:01.123Z")), Some(ts("2024-01-01T00:00:05Z"))));
}

#[test]
fn everything_else_that_is_asked() {
    let path = |ask: Ask| ask.request.path;
    let book = dataset("krakenfutures:book:BTC-USD_INVERSE");
    let orderbook = "/derivatives/api/v3/orderbook?symbol=PI_XBTUSD";
    assert_eq!(path(Ask::book(&book, None, None).expect("possible")), orderbook);
    assert_eq!(path(Ask::clock(&book).expect("possible")), "/derivatives/api/v3/tickers/PF_XBTUSD");
    assert!(Ask::first_record(&book).expect("possible").is_none());
    let rates = dataset("krakenfutures:funding:BTC-USD_PERP");
    assert!(Ask::first_record(&rates).expect("possible").is_none(), "it keeps a year");
    let candles = dataset("krakenfutures:candle:BTC-USD_PERP:1m");
    let first = Ask::first_record(&candles).expect("possible").expect("asked");
    assert_eq!(path(first), "/api/charts/v1/trade/PF_XBTUSD/1w?from=1646092800");
    let lists: Vec<String> =
        instruments("krakenfutures").expect("known").into_iter().map(|request| request.path).collect();
    assert_eq!(lists, ["/derivatives/api/v3/instruments"]);
}

#[test]
fn what_there_is() {
    assert!(KrakenFutures.capabilities().iter().all(|row| row.exchange == KrakenFutures.name()));
    for id in [
        "krakenfutures:candle:BTC-USD_PERP:12h",
        "krakenfutures:candle:BTC-USD_INVERSE:1w",
        "krakenfutures:candle:BTC-USD_261225:1m",
        "krakenfutures:funding:BTC-USD_INVERSE",
        "krakenfutures:book:BTC-USD_261225",
    ] {
        capability(&dataset(id)).unwrap_or_else(|error| panic!("{id}: {error}"));
    }
    for id in [
        "krakenfutures:candle:BTC-USD:1h",
        "krakenfutures:candle:BTC-USDT_PERP:1h",
        "krakenfutures:candle:BTC-USD_PERP:2h",
        "krakenfutures:candle:BTC-USD_QUARTER:1h",
        "krakenfutures:trade:BTC-USD_PERP",
        "krakenfutures:open_interest:BTC-USD_PERP:1h",
        "krakenfutures:funding:BTC-USD_261225",
    ] {
        capability(&dataset(id)).expect_err(id);
    }
}

#[test]
fn names_of_contracts_are_read_as_they_are_written() {
    for (theirs, ours) in [
        ("PF_XBTUSD", "BTC/USD:perp"),
        ("PI_XBTUSD", "BTC/USD:inverse"),
        ("FF_ETHUSD_261225", "ETH/USD:261225"),
        ("PF_DOGEUSD", "DOGE/USD:perp"),
        ("PF_1INCHUSD", "1INCH/USD:perp"),
    ] {
        let found = pair(theirs).unwrap_or_else(|| panic!("{theirs} is {ours}"));
        assert_eq!((found.to_string().as_str(), symbol(&found).as_str()), (ours, theirs));
    }
    for odd in [
        "",
        "PF",
        "PF_",
        "PF_USD",
        "PF_XBTEUR",
        "PF_BTCUSD",
        "FI_XBTUSD_210730",
        "FF_XBTUSD",
        "FF_XBTUSD_999999",
        "FF_XBTUSD_26122",
        "PF_XBTUSD_261225",
        "IN_XBTUSD",
        "rr_xbtusd",
        "pf_xbtusd",
    ] {
        assert_eq!(pair(odd), None, "{odd}");
    }
}
