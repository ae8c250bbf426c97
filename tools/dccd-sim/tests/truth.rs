//! The real binary: what `dccd-sim truth` prints is what the pages of Bitfinex, BitMEX and Binance's contracts say.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

const WORLD: [&str; 6] = ["--now", "2024-01-10T12:00:00Z", "--trades-per-day", "2000", "--burst", "10"];
/// Whatever takes longer is broken.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running simulator; stopped when dropped.
struct Sim {
    child: Child,
    address: String,
}

impl Sim {
    fn start() -> Sim {
        let mut child = Command::new(env!("CARGO_BIN_EXE_dccd-sim"))
            .args(["--speed", "0", "--no-limits"])
            .args(WORLD)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
        let line: Value = serde_json::from_str(&line).expect("one line of JSON");
        let url = line["url"].as_str().expect("a URL");
        Sim { child, address: url.strip_prefix("http://").expect("an http URL").to_owned() }
    }

    /// The rows of a list.
    fn rows(&self, target: &str) -> Vec<Value> {
        let mut stream = TcpStream::connect(&self.address).expect("the simulator accepts");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
        let request = format!("GET {target} HTTP/1.1\r\nHost: sim\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).expect("the request is sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        let (_, body) = answer.split_once("\r\n\r\n").expect("a head");
        match serde_json::from_str(body) {
            Ok(Value::Array(rows)) => rows,
            other => panic!("{target}: {other:?}"),
        }
    }
}

impl Drop for Sim {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The records of 2024-01-02 before noon, or what `more` says.
fn truth(exchange: &str, pair: &str, kind: &str, more: &[&str]) -> Vec<Value> {
    let mut all = vec!["truth", exchange, pair, "--kind", kind, "--start", "2024-01-02"];
    if !more.contains(&"--end") {
        all.extend(["--end", "2024-01-02T12:00"]);
    }
    all.extend(WORLD);
    all.extend(more);
    let output = Command::new(env!("CARGO_BIN_EXE_dccd-sim")).args(&all).output().expect("the binary runs");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert!(!lines.is_empty(), "nothing of {pair}");
    lines
}

/// 2024-01-02.
const START_MS: i64 = 1_704_153_600_000;
const HALF_DAY_MS: i64 = 43_200_000;

/// The stamp of a record, in milliseconds.
fn ms(line: &Value) -> i64 {
    instant_ms(line["ts"].as_str().expect("a time"))
}

/// A day of January 2024, in milliseconds.
fn instant_ms(text: &str) -> i64 {
    let part =
        |range: std::ops::Range<usize>| -> i64 { text.get(range).and_then(|part| part.parse().ok()).expect("digits") };
    assert!(text.starts_with("2024-01-"), "{text}");
    let millis = text.get(20..23).and_then(|digits| digits.parse::<i64>().ok()).unwrap_or(0);
    START_MS + ((part(8..10) - 2) * 86_400 + part(11..13) * 3_600 + part(14..16) * 60 + part(17..19)) * 1_000 + millis
}

/// A number, whether it stands in quotation marks or not.
fn real(value: &Value) -> f64 {
    value.as_f64().or_else(|| value.as_str()?.parse().ok()).unwrap_or_else(|| panic!("{value} is no number"))
}

fn assert_numbers(line: &Value, names: &[&str], values: &[&Value]) {
    for (name, value) in names.iter().zip(values) {
        assert_eq!(real(&line[name]), real(value), "{name} of {line}");
    }
}

fn window(start: &str, end: &str) -> String {
    format!("{start}={START_MS}&{end}={}", START_MS + HALF_DAY_MS - 1)
}

#[test]
fn candles_and_trades_of_bitfinex() {
    let sim = Sim::start();
    let query = format!("{}&sort=1&limit=10000", window("start", "end"));
    let told = truth("bitfinex", "BTC/USD", "candle", &["--span", "1m"]);
    let rows = sim.rows(&format!("/v2/candles/trade:1m:tBTCUSD/hist?{query}"));
    assert_eq!(told.len(), rows.len());
    for (line, row) in told.iter().zip(&rows) {
        assert_eq!(ms(line), row[0].as_i64().expect("a stamp"));
        assert_numbers(
            line,
            &["open", "close", "high", "low", "volume"],
            &[&row[1], &row[2], &row[3], &row[4], &row[5]],
        );
        assert!(line["quote_volume"].is_null() && line["trades"].is_null());
    }
    let told = truth("bitfinex", "BTC/USD", "trade", &[]);
    let rows = sim.rows(&format!("/v2/trades/tBTCUSD/hist?{query}"));
    assert_eq!(told.len(), rows.len());
    for (line, row) in told.iter().zip(&rows) {
        assert_eq!(
            (ms(line), line["tid"].as_str()),
            (row[1].as_i64().expect("a stamp"), Some(row[0].to_string().as_str()))
        );
        let sign = if line["side"] == "buy" { 1.0 } else { -1.0 };
        assert_eq!(real(&line["amount"]) * sign, real(&row[2]));
        assert_numbers(line, &["price"], &[&row[3]]);
    }
}

#[test]
fn funding_and_open_interest_of_bitfinex() {
    let sim = Sim::start();
    let (start, end) = (START_MS - 600_000, START_MS + HALF_DAY_MS + 600_000);
    let rows = sim.rows(&format!("/v2/status/deriv/tBTCF0:USTF0/hist?start={start}&end={end}&sort=1&limit=5000"));
    let told = truth("bitfinex", "BTC/USDT:perp", "funding", &[]);
    let moves: Vec<&[Value]> = rows.windows(2).filter(|two| two[0][7] != two[1][7]).collect();
    assert_eq!(told.len(), moves.len());
    for (line, two) in told.iter().zip(moves) {
        assert_eq!(ms(line), two[0][7].as_i64().expect("a stamp"));
        assert_numbers(line, &["rate"], &[&two[0][11]]);
        assert!(line["mark_price"].is_null());
    }
    let told = truth("bitfinex", "BTC/USDT:perp", "open_interest", &["--span", "5m"]);
    // Three hours of outage have no rows.
    assert_eq!(told.len(), 144 - 36);
    for line in &told {
        let stamp = ms(line);
        let row = rows.iter().rfind(|row| row[0].as_i64() <= Some(stamp)).expect("a row before");
        assert!(row[0].as_i64() > Some(stamp - 300_000));
        assert_numbers(line, &["open_interest"], &[&row[17]]);
        assert!(line["open_interest_value"].is_null());
    }
}

#[test]
fn candles_trades_and_funding_of_bitmex() {
    let sim = Sim::start();
    for (pair, symbol) in [("BTC/USD:inverse", "XBTUSD"), ("BTC/USDT", "XBT_USDT"), ("BTC/USD:240329", "XBTH24")] {
        let told = truth("bitmex", pair, "candle", &["--span", "1m"]);
        let target = format!("/api/v1/trade/bucketed?binSize=1m&symbol={symbol}&startTime=2024-01-02T00:01&count=720");
        let rows = sim.rows(&target);
        assert_eq!((told.len(), rows.len()), (720, 720), "{pair}");
        for (line, row) in told.iter().zip(&rows) {
            assert_eq!(ms(line) + 60_000, instant_ms(row["timestamp"].as_str().expect("a stamp")));
            let names = ["open", "high", "low", "close", "trades"];
            assert_numbers(line, &names, &names.map(|name| &row[name]));
            assert_numbers(line, &["volume", "quote_volume"], &[&row["homeNotional"], &row["foreignNotional"]]);
        }
        let told = truth("bitmex", pair, "trade", &["--end", "2024-01-02T08:00"]);
        let rows = sim.rows(&format!(
            "/api/v1/trade?symbol={symbol}&startTime=2024-01-02&endTime=2024-01-02T07:59:59.999Z&count=1000"
        ));
        assert_eq!(told.len(), rows.len(), "{pair}");
        for (line, row) in told.iter().zip(&rows) {
            assert_eq!(
                (&line["tid"], ms(line)),
                (&row["trdMatchID"], instant_ms(row["timestamp"].as_str().expect("a stamp")))
            );
            assert_eq!(line["side"].as_str(), row["side"].as_str().map(str::to_lowercase).as_deref());
            assert_numbers(line, &["price", "amount"], &[&row["price"], &row["homeNotional"]]);
        }
    }
    let told = truth("bitmex", "BTC/USD:inverse", "funding", &[]);
    let rows = sim.rows("/api/v1/funding?symbol=XBTUSD&startTime=2024-01-02&endTime=2024-01-02T11:59");
    assert_eq!((told.len(), rows.len()), (1, 1));
    assert_numbers(&told[0], &["rate"], &[&rows[0]["fundingRate"]]);
}

#[test]
fn contracts_of_binance() {
    let sim = Sim::start();
    for (pair, host, symbol, volume) in [
        ("BTC/USD:inverse", "dapi", "BTCUSD_PERP", 7),
        ("BTC/USD:240329", "dapi", "BTCUSD_240329", 7),
        ("BTC/USDT:240329", "fapi", "BTCUSDT_240329", 5),
    ] {
        let told = truth("binance", pair, "candle", &["--span", "1m"]);
        let rows = sim.rows(&format!(
            "/{host}/v1/klines?symbol={symbol}&interval=1m&limit=1500&{}",
            window("startTime", "endTime")
        ));
        assert_eq!(told.len(), rows.len(), "{pair}");
        for (line, row) in told.iter().zip(&rows) {
            assert_eq!(ms(line), row[0].as_i64().expect("a stamp"));
            let names = ["open", "high", "low", "close", "volume", "trades"];
            assert_numbers(line, &names, &[&row[1], &row[2], &row[3], &row[4], &row[volume], &row[8]]);
            assert_eq!(line["quote_volume"].is_null(), volume == 7);
        }
        let told = truth("binance", pair, "trade", &["--end", "2024-01-02T01:00"]);
        let target = format!("startTime={START_MS}&endTime={}", START_MS + 3_599_999);
        let rows = sim.rows(&format!("/{host}/v1/aggTrades?symbol={symbol}&limit=1000&{target}"));
        let ids = |lines: &[Value], name: &str| -> BTreeSet<String> {
            lines.iter().map(|line| line[name].to_string().replace('"', "")).collect()
        };
        assert_eq!(ids(&told, "tid"), ids(&rows, "a"));
        for (line, row) in told.iter().zip(&rows) {
            assert_numbers(line, &["price", "amount"], &[&row["p"], &row["q"]]);
        }
    }
    let told = truth("binance", "BTC/USD:inverse", "open_interest", &["--span", "1h"]);
    let rows = sim.rows(&format!(
        "/futures/data/openInterestHist?pair=BTCUSD&contractType=PERPETUAL&period=1h&{}",
        window("startTime", "endTime")
    ));
    assert_eq!((told.len(), rows.len()), (12, 12));
    for (line, row) in told.iter().zip(&rows) {
        assert_numbers(line, &["open_interest"], &[&row["sumOpenInterestValue"]]);
        assert!(line["open_interest_value"].is_null());
    }
    let told = truth("binance", "BTC/USD:inverse", "funding", &[]);
    let rows = sim.rows(&format!("/dapi/v1/fundingRate?symbol=BTCUSD_PERP&{}", window("startTime", "endTime")));
    assert_eq!(told.len(), rows.len());
    assert!(told.iter().all(|line| line["mark_price"].is_null()));
}
