//! What the exchanges have in common, and what each says in its own way.

use super::*;

/// An answer of each, and what its refusal of those who ask too fast looks like: status and a part of the body.
const EXCHANGES: [(&str, &str, u16, &str); 8] = [
    ("binance", "/api/v3/klines?symbol=BTCUSDT&interval=1h&limit=9", 429, "-1003"),
    ("coinbase", "/products/BTC-USD/trades?limit=9", 429, "Public rate limit exceeded"),
    ("kraken", "/0/public/Trades?pair=XBTUSD&count=9", 200, "EGeneral:Too many requests"),
    ("krakenfutures", "/api/charts/v1/trade/PF_XBTUSD/1h?count=9", 200, "apiLimitExceeded"),
    ("bybit", "/v5/market/kline?category=spot&symbol=BTCUSDT&interval=60&limit=9", 200, "10006"),
    ("okx", "/api/v5/market/history-candles?instId=BTC-USDT&bar=1H&limit=9", 429, "50011"),
    ("bitfinex", "/v2/candles/trade:1h:tBTCUSD/hist?limit=9", 429, "11010"),
    ("bitmex", "/api/v1/trade?symbol=XBTUSD&count=9", 429, "RateLimitError"),
];

fn length(value: &Value) -> usize {
    match value {
        Value::Array(values) => values.len().max(values.iter().map(length).max().unwrap_or(0)),
        Value::Object(fields) => fields.values().map(length).max().unwrap_or(0),
        _ => 0,
    }
}

#[test]
fn one_port_speaks_for_all_exchanges() {
    let sim = Sim::start(&[]);
    for (exchange, target, ..) in EXCHANGES {
        let answer = sim.get(target);
        assert_eq!(answer.status, 200, "{exchange}: {}", answer.body);
        let body: Value = serde_json::from_str(&answer.body).expect("JSON");
        assert!(length(&body) >= 9, "{exchange}: {body}");
    }
    let statistics = sim.json("/sim/stats");
    let named: Vec<&str> =
        statistics["exchanges"].as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
    assert_eq!(named.len(), EXCHANGES.len());
    for (exchange, ..) in EXCHANGES {
        let windows = statistics["exchanges"][exchange]["limits"].as_array().expect("limits");
        assert_eq!(windows.iter().filter(|window| window["used_max"].as_i64() > Some(0)).count(), 1, "{exchange}");
    }
    assert_eq!(statistics["sent_429"], 0);
}

#[test]
fn each_exchange_refuses_in_its_own_words() {
    for (exchange, target, status, words) in EXCHANGES {
        let sim = Sim::start(&["--fault", "429:next=1"]);
        let answer = sim.get(target);
        assert_eq!(answer.status, status, "{exchange}: {}", answer.body);
        assert!(answer.body.contains(words), "{exchange}: {}", answer.body);
        assert_eq!(sim.get(target).status, 200, "{exchange}");
        let statistics = sim.json("/sim/stats");
        assert_eq!(statistics["exchanges"][exchange]["sent_429"], 1);
        assert_eq!(statistics["exchanges"][exchange]["requests_while_limited"], 1, "{exchange}");
        assert_eq!(statistics["requests_while_limited"], 1);
    }
    let sim = Sim::start(&["--fault", "429:retry=7"]);
    for (exchange, target, ..) in EXCHANGES {
        assert_eq!(header(&sim.get(target).headers, "Retry-After"), Some("7"), "{exchange}: asked for by name");
    }
}

#[test]
fn a_ban_holds_for_its_own_exchange_only() {
    let sim = Sim::start(&["--fault", "418:next=1,retry=3600,path=/products"]);
    let (coinbase, kraken) = (EXCHANGES[1].1, EXCHANGES[2].1);
    assert_eq!(sim.get(coinbase).status, 403);
    assert_eq!(sim.get(coinbase).status, 403);
    assert_eq!(sim.get(kraken).status, 200);
    let statistics = sim.json("/sim/stats");
    assert_eq!(statistics["exchanges"]["coinbase"]["requests_while_banned"], 1);
    assert_eq!(statistics["exchanges"]["kraken"]["requests_while_banned"], 0);
}

#[test]
fn each_exchange_fails_in_its_own_way() {
    let sim = Sim::start(&[]);
    for (exchange, target, ..) in EXCHANGES {
        let good = sim.get(target);
        let strike = |rule: &str| {
            assert_eq!(sim.get(&format!("/sim/faults?next=1&{rule}")).status, 200, "{rule}");
            sim.get(target)
        };
        let error = strike("kind=error&status=503");
        assert_eq!(error.status, 200, "{exchange}: an error in a good answer");
        let body: Value = serde_json::from_str(&error.body).expect("JSON");
        assert!(length(&body) < 9, "{exchange}: {body}");
        let json = strike("kind=json&status=503");
        assert_eq!((json.status, &json.body), (503, &error.body), "{exchange}");
        let page = strike("kind=type");
        assert_eq!((page.status, &page.body), (200, &good.body), "{exchange}");
        assert!(header(&page.headers, "Content-Type").is_some_and(|kind| kind.starts_with("text/html")), "{exchange}");
        let empty = strike("kind=empty");
        let empty: Value = serde_json::from_str(&empty.body).expect("JSON");
        assert!(length(&empty) < 9, "{exchange}: {empty}");
        assert_ne!(empty, body, "{exchange}: empty is no error");
        assert_eq!(strike("kind=html").status, 503);
        assert_eq!(strike("kind=null").body, "null");
        assert_eq!(sim.get(target).body, good.body, "{exchange}: as if nothing had happened");
    }
}

#[test]
fn the_truth_is_told_of_all_exchanges() {
    let pairs = [
        ("binance", "BTC/USDT"),
        ("coinbase", "BTC/USD"),
        ("kraken", "BTC/USD"),
        ("krakenfutures", "BTC/USD:perp"),
        ("bybit", "BTC/USDT"),
        ("okx", "BTC/USDT"),
        ("bitfinex", "BTC/USD"),
        ("bitmex", "BTC/USD:inverse"),
    ];
    let mut opens = std::collections::BTreeSet::new();
    for (exchange, pair) in pairs {
        // Outages and quiet hours leave holes with some, flat candles with others.
        let hours = truth_of(exchange, &[pair, "--span", "1h", "--start", "2024-01-02", "--end", "2024-01-03"]);
        let expected = match exchange {
            "kraken" | "krakenfutures" | "bitmex" => 24..=24,
            "coinbase" | "bitfinex" => 18..=21,
            _ => 21..=21,
        };
        assert!(expected.contains(&hours.len()), "{exchange}: {}", hours.len());
        opens.insert(hours[0]["open"].to_string());
        let trades =
            truth_of(exchange, &[pair, "--kind", "trade", "--start", "2024-01-02T08:00", "--end", "2024-01-02T09:00"]);
        assert!(!trades.is_empty() && trades.iter().all(|line| line["exchange"] == exchange), "{exchange}");
        let prices: Vec<f64> = trades.iter().filter_map(|line| line["price"].as_f64()).collect();
        let hour = hours.iter().find(|line| line["ts"] == "2024-01-02T08:00:00Z").expect("a busy hour");
        assert_eq!(hour["close"].as_f64(), prices.last().copied(), "{exchange}");
    }
    assert_eq!(opens.len(), EXCHANGES.len(), "each has a truth of its own");
}

#[test]
fn the_page_names_exchanges_limits_and_faults() {
    let page = include_str!("../../../../man/dccd-sim.1");
    let words: Vec<&str> = page.split_whitespace().collect();
    let listed = |args: &[&str], after: &str| -> Vec<String> {
        let text = String::from_utf8(run(args).stderr).expect("UTF-8");
        let (_, names) = text.split_once(after).unwrap_or_else(|| panic!("{text}"));
        let names = names.lines().next().unwrap_or_default().trim_end_matches(" is wanted");
        names.split(", ").map(str::to_owned).collect()
    };
    let exchanges = listed(&["truth", "moon", "BTC/USD", "--start", "2024-01-01"], "one of ");
    let limits = listed(&["--limit", "moon=3"], "no such limit: ");
    let faults = listed(&["--fault", "fire"], "is no fault: ");
    assert_eq!(exchanges.len(), EXCHANGES.len());
    assert!(limits.len() > 20 && faults.len() > 14);
    for name in exchanges.iter().chain(&limits).chain(&faults) {
        assert!(words.contains(&name.as_str()), "man/dccd-sim.1 does not name {name}");
    }
}

#[test]
fn kraken_candles_older_than_its_last_720_are_made_of_trades() {
    let lines =
        truth_of("kraken", &["BTC/USD", "--span", "1m", "--start", "2024-01-09T23:58", "--end", "2024-01-10T00:03"]);
    assert_eq!(lines.len(), 5);
    for (line, is_derived) in lines.iter().zip([true, true, false, false, false]) {
        assert_eq!(line["derived"] == true, is_derived, "{line}");
        assert_eq!(line["quote_volume"].is_number(), is_derived, "{line}");
        assert!(line["trades"].is_u64(), "{line}");
    }
}
