//! The real binary: its flags, its line, its pages, its faults, its end.

#[path = "cli/exchanges.rs"]
mod exchanges;
#[path = "cli/streams.rs"]
mod streams;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

const NOW: &str = "2024-01-10T12:00:00Z";
/// Whatever takes longer is broken.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running simulator; stopped when dropped.
struct Sim {
    child: Child,
    address: String,
}

struct Answer {
    status: u16,
    headers: String,
    body: String,
    /// Whether all that was announced came.
    is_whole: bool,
}

impl Sim {
    fn start(flags: &[&str]) -> Sim {
        let mut child = Command::new(env!("CARGO_BIN_EXE_dccd-sim"))
            .args(["--speed", "0", "--now", NOW, "--trades-per-day", "2000", "--burst", "10"])
            .args(flags)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("a pipe");
        BufReader::new(stdout).read_line(&mut line).expect("a line");
        let line: Value = serde_json::from_str(&line).expect("one line of JSON");
        assert_eq!(line["kind"], "listening");
        let url = line["url"].as_str().expect("a URL");
        let address = url.strip_prefix("http://").expect("an http URL").to_owned();
        Sim { child, address }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).expect("the simulator accepts");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
        stream
    }

    fn get(&self, target: &str) -> Answer {
        let mut stream = self.connect();
        send(&mut stream, target, "User-Agent: tests\r\nConnection: close\r\n");
        receive(&mut BufReader::new(stream)).expect("an answer")
    }

    fn json(&self, target: &str) -> Value {
        serde_json::from_str(&self.get(target).body).expect("JSON")
    }

    fn stop(mut self, signal: Signal) -> ExitStatus {
        kill_process(Pid::from_child(&self.child), signal).expect("the simulator lives");
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("a child can be waited for") {
                return status;
            }
            assert!(Instant::now() < deadline, "the simulator does not stop");
            std::thread::yield_now();
        }
    }
}

impl Drop for Sim {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn send(stream: &mut TcpStream, target: &str, headers: &str) {
    let request = format!("GET {target} HTTP/1.1\r\nHost: sim\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).expect("the request is sent");
}

/// `None` if the connection ended before the headers did.
fn receive(stream: &mut BufReader<TcpStream>) -> Option<Answer> {
    let mut headers = String::new();
    while !headers.ends_with("\r\n\r\n") {
        if stream.read_line(&mut headers).ok()? == 0 {
            return None;
        }
    }
    let status = headers.split(' ').nth(1)?.parse().ok()?;
    let length = header(&headers, "Content-Length")?.parse().ok()?;
    let mut body = Vec::new();
    let is_whole = stream.take(length).read_to_end(&mut body).is_ok() && u64::try_from(body.len()) == Ok(length);
    Some(Answer { status, headers, body: String::from_utf8_lossy(&body).into_owned(), is_whole })
}

fn header<'a>(headers: &'a str, name: &str) -> Option<&'a str> {
    headers.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

fn run(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_dccd-sim")).args(args).output().expect("the binary runs")
}

fn truth(args: &[&str]) -> Vec<Value> {
    truth_of("binance", args)
}

fn truth_of(exchange: &str, args: &[&str]) -> Vec<Value> {
    let mut all = vec!["truth", "--now", NOW, "--trades-per-day", "2000", "--burst", "10", exchange];
    all.extend(args);
    let output = run(&all);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[test]
fn help_fits_a_screen_and_has_examples() {
    let short = run(&["-h"]);
    assert_eq!(short.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&short.stdout).lines().count() <= 40);
    let long = run(&["--help"]);
    assert!(String::from_utf8_lossy(&long.stdout).contains("Examples:"));
    assert!(long.stderr.is_empty());
}

#[test]
fn bad_flags_are_named() {
    let check = |args: &[&str], expected: &str| {
        let output = run(args);
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {stderr}");
        assert!(stderr.contains(expected), "{args:?}: {stderr}");
        assert!(output.stdout.is_empty(), "{args:?}");
    };
    check(&["--seed", "x"], "--seed");
    check(&["--fault", "fire"], "is no fault");
    check(&["--limit", "moon=3"], "no such limit");
    check(&["--speed=-1"], "--speed");
    check(&["truth", "moon", "BTC/USD", "--start", "2024-01-01"], "is not simulated: one of binance, coinbase, kraken");
    check(&["truth", "binance", "BTC/USDT", "--start", "2024-01-01"], "candle needs a span");
    check(&["truth", "binance", "ZZZ/QQQ", "--kind", "trade", "--start", "2024-01-01"], "--pair ZZZ/QQQ");
    check(&["truth", "binance", "BTC/USDT", "--kind", "funding", "--start", "2024-01-01"], "has no funding");
    check(
        &["truth", "binance", "BTC/USDT", "--kind", "trade", "--start", "2024-01-02", "--end", "2024-01-01"],
        "--end",
    );
}

#[test]
fn an_address_in_use_is_an_error() {
    let sim = Sim::start(&[]);
    let output = run(&["--listen", &sim.address]);
    assert_eq!(output.status.code(), Some(74));
    assert!(String::from_utf8_lossy(&output.stderr).contains(&sim.address));
}

#[test]
fn signals_end_it_with_status_zero() {
    assert_eq!(Sim::start(&[]).stop(Signal::TERM).code(), Some(0));
    let sim = Sim::start(&["--fault", "stall"]);
    let mut stalled = sim.connect();
    send(&mut stalled, "/api/v3/time", "");
    assert_eq!(sim.stop(Signal::INT).code(), Some(0));
}

#[test]
fn a_closed_pipe_is_no_error() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_dccd-sim"))
        .args(["truth", "binance", "BTC/USDT", "--kind", "trade", "--start", "2024-01-01", "--end", "2024-01-10"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
    let output = child.wait_with_output().expect("it ends");
    assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0));
}

#[test]
fn one_connection_serves_many_requests() {
    let sim = Sim::start(&[]);
    let mut stream = sim.connect();
    let mut input = BufReader::new(stream.try_clone().expect("a second handle"));
    for _ in 0..20 {
        send(&mut stream, "/api/v3/time", "");
        let answer = receive(&mut input).expect("an answer");
        assert_eq!((answer.status, answer.body.as_str()), (200, "{\"serverTime\":1704888000000}"));
        assert_eq!(header(&answer.headers, "Date"), Some("Wed, 10 Jan 2024 12:00:00 GMT"));
    }
    stream.write_all(b"HEAD /api/v3/time HTTP/1.1\r\nConnection: close\r\n\r\n").expect("sent");
    let mut rest = String::new();
    input.read_to_string(&mut rest).expect("the end");
    assert!(rest.ends_with("\r\n\r\n") && rest.contains("Content-Length: 28"), "{rest}");
    let mut odd = sim.connect();
    odd.write_all(b"nonsense\r\n\r\n").expect("sent");
    assert_eq!(receive(&mut BufReader::new(odd)).expect("an answer").status, 400);
}

#[test]
fn truth_is_what_rest_shows() {
    let sim = Sim::start(&[]);
    let told = truth(&["BTC/USDT", "--span", "1h", "--start", "2024-01-02", "--end", "2024-01-03"]);
    let shown = sim.json("/api/v3/klines?symbol=BTCUSDT&interval=1h&startTime=1704153600000&endTime=1704239999999");
    let shown = shown.as_array().expect("rows");
    assert_eq!((told.len(), shown.len()), (21, 21), "three hours of outage");
    for (told, shown) in told.iter().zip(shown) {
        let told_text = told.to_string();
        for (key, at) in [("open", 1), ("volume", 5), ("quote_volume", 7)] {
            let number: f64 = shown[at].as_str().and_then(|text| text.parse().ok()).expect("a number");
            assert_eq!(told[key].as_f64(), Some(number), "{told_text}");
        }
        assert_eq!(told["trades"], shown[8]);
    }
    let told = truth(&["BTC/USDT:perp", "--kind", "trade", "--start", "2024-01-03T05:00", "--end", "2024-01-03T05:30"]);
    let shown = sim.json("/fapi/v1/aggTrades?symbol=BTCUSDT&limit=1000&startTime=1704258000000&endTime=1704259799999");
    let shown = shown.as_array().expect("rows");
    assert!(!told.is_empty());
    let ids = |rows: &[Value], key: &str| -> Vec<String> {
        rows.iter().map(|row| row[key].to_string().replace('"', "")).collect()
    };
    assert_eq!(ids(&told, "tid"), ids(shown, "a"));
    let open = truth(&["BTC/USDT", "--span", "1d", "--start", "2024-01-09"]);
    assert_eq!(open.len(), 1, "the candle of today is still open");
    assert!(
        !truth(&["BTC/USDT", "--kind", "book", "--start", "2024-01-09", "--end", "2024-01-09T00:00:01"]).is_empty()
    );
}

#[test]
fn those_who_ask_too_fast_are_told_and_then_banned() {
    let sim = Sim::start(&["--limit-weight", "10", "--ban-secs", "3600"]);
    let target = "/api/v3/klines?symbol=BTCUSDT&interval=1h&limit=1";
    let mut statuses = Vec::new();
    for _ in 0..10 {
        let answer = sim.get(target);
        let retry = header(&answer.headers, "Retry-After").and_then(|text| text.parse::<u64>().ok());
        assert_eq!(retry.is_some(), answer.status != 200);
        statuses.push(answer.status);
    }
    // The clock of the limits began at a whole minute, so all of them fall into one window.
    assert_eq!(statuses, [200, 200, 200, 200, 200, 429, 429, 429, 418, 418]);
    assert_eq!(sim.get("/fapi/v1/time").status, 200, "the other host knows nothing of it");
    let statistics = sim.json("/sim/stats");
    assert_eq!(statistics["sent_429"], 3);
    assert_eq!(statistics["sent_418"], 2);
    assert_eq!(statistics["requests_while_banned"], 1);
    assert_eq!(statistics["limits"][0]["used_max"], 18);
    assert_eq!(statistics["requests"]["/api/v3/klines"], 10);
    let log = sim.json("/sim/requests");
    assert_eq!(log[0], target);
}

#[test]
fn usage_is_in_the_headers() {
    let sim = Sim::start(&["--no-limits", "--limit", "usdm=1"]);
    let spot = sim.get("/api/v3/aggTrades?symbol=BTCUSDT").headers;
    assert_eq!(header(&spot, "X-MBX-USED-WEIGHT-1M"), Some("4"));
    assert_eq!(header(&spot, "X-MBX-USED-WEIGHT"), Some("4"));
    let usdm = sim.get("/fapi/v1/klines?symbol=BTCUSDT&interval=1h&limit=1500");
    assert_eq!(header(&usdm.headers, "X-MBX-USED-WEIGHT-1M"), Some("10"));
    assert_eq!(usdm.status, 200, "limits are off");
}

#[test]
fn faults_strike_as_they_should() {
    let sim = Sim::start(&[]);
    let klines = "/api/v3/klines?symbol=BTCUSDT&interval=1h&limit=10";
    let strike = |rule: &str, target: &str| {
        assert_eq!(sim.get(&format!("/sim/faults?next=1&{rule}")).status, 200, "{rule}");
        let answer = sim.get(target);
        assert_eq!(sim.get(klines).status, 200, "{rule} struck twice");
        answer
    };
    let too_fast = strike("kind=429&retry=7", klines);
    assert_eq!((too_fast.status, header(&too_fast.headers, "Retry-After")), (429, Some("7")));
    let dated = strike("kind=429&retry=60&date=1", klines);
    assert_eq!(header(&dated.headers, "Retry-After"), Some("Wed, 10 Jan 2024 12:01:00 GMT"));
    let html = strike("kind=html", klines);
    assert_eq!((html.status, html.body.starts_with("<html>")), (503, true));
    assert_eq!(strike("kind=html&status=200", klines).status, 200);
    let error = strike("kind=json&code=-1001", klines);
    assert_eq!((error.status, error.body.contains("-1001")), (200, true));
    assert_eq!(strike("kind=empty", klines).body, "[]");
    assert_eq!(strike("kind=null", klines).body, "null");
    let cut = strike("kind=cut", klines);
    assert_eq!((cut.status, cut.is_whole), (200, false));
    let slow = strike("kind=slow&ms=1", klines);
    assert_eq!((slow.status, slow.is_whole), (200, true));
    assert_eq!(strike("kind=delay&ms=1", klines).status, 200);
    let checksum = "/data/spot/daily/klines/BTCUSDT/1h/BTCUSDT-1h-2024-01-05.zip.CHECKSUM";
    let (wrong, right) = (strike("kind=checksum", checksum), sim.get(checksum));
    assert!(wrong.body != right.body && wrong.body.len() == right.body.len());
    let zip = checksum.trim_end_matches(".CHECKSUM");
    assert!(strike("kind=truncate", zip).body.len() < sim.get(zip).body.len());
    assert_eq!(sim.get("/sim/faults?kind=fire").status, 400);
    let rules = sim.json("/sim/faults");
    assert!(rules.as_array().is_some_and(|rules| rules.iter().all(|rule| rule["hits"] == 1)), "{rules}");
    assert_eq!(sim.json("/sim/faults?clear=1"), Value::Array(Vec::new()));
}

#[test]
fn a_ban_by_fault_holds_until_it_ends() {
    let sim = Sim::start(&["--fault", "418:next=1,retry=3600,path=/api/"]);
    let first = sim.get("/api/v3/time");
    assert_eq!((first.status, header(&first.headers, "Retry-After")), (418, Some("3600")));
    assert_eq!(sim.get("/api/v3/time").status, 418);
    assert_eq!(sim.get("/fapi/v1/time").status, 200);
    assert_eq!(sim.json("/sim/stats")["requests_while_banned"], 1);
}

#[test]
fn connections_break_and_hang_on_demand() {
    let sim = Sim::start(&[]);
    sim.get("/sim/faults?kind=reset&next=1");
    let mut stream = sim.connect();
    send(&mut stream, "/api/v3/time", "");
    let error = stream.read(&mut [0; 16]).expect_err("a reset");
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);

    sim.get("/sim/faults?kind=stall&next=1");
    let mut stream = sim.connect();
    send(&mut stream, "/api/v3/time", "");
    stream.set_read_timeout(Some(Duration::from_millis(300))).expect("a timeout can be set");
    assert!(stream.read(&mut [0; 16]).is_err(), "no byte comes");
    drop(stream);

    sim.get("/sim/faults?kind=endless&next=1&ms=1");
    let mut stream = sim.connect();
    send(&mut stream, "/api/v3/time", "");
    let mut bytes = vec![0; 1_000];
    stream.read_exact(&mut bytes).expect("bytes without end");
    assert!(bytes.ends_with(b"   "));
}

#[test]
fn the_same_seed_gives_the_same_bytes_after_any_history() {
    let target = "/api/v3/aggTrades?symbol=ETHUSDT&startTime=1704153600000&limit=300";
    let first = Sim::start(&["--seed", "5"]);
    let second = Sim::start(&["--seed", "5"]);
    second.get("/api/v3/klines?symbol=ETHUSDT&interval=1d&limit=20");
    second.get("/api/v3/aggTrades?symbol=ETHUSDT&fromId=12345");
    let body = first.get(target).body;
    assert_eq!(body, second.get(target).body);
    let other = Sim::start(&["--seed", "6"]);
    assert_ne!(body, other.get(target).body);
}

#[test]
fn archive_stamps_are_in_microseconds_from_2025_on() {
    let told = |source: &str| {
        let output = run(&[
            "truth",
            "binance",
            "BTC/USDT",
            "--kind",
            "trade",
            "--source",
            source,
            "--now",
            "2025-03-01",
            "--start",
            "2025-02-01T10:00",
            "--end",
            "2025-02-01T11:00",
        ]);
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect::<Vec<Value>>()
    };
    let (rest, archive) = (told("rest"), told("archive"));
    assert!(rest.len() > 100 && rest.len() == archive.len());
    assert!(rest.iter().all(|line| line["ts"].as_str().is_some_and(|ts| ts.ends_with("000000Z"))));
    assert!(archive.iter().any(|line| line["ts"].as_str().is_some_and(|ts| !ts.ends_with("000000Z"))));
    for (rest, archive) in rest.iter().zip(&archive) {
        assert_eq!(rest["tid"], archive["tid"]);
        assert_eq!(rest["ts"].as_str().map(|ts| &ts[..23]), archive["ts"].as_str().map(|ts| &ts[..23]));
    }
}

#[test]
fn late_trades_are_not_shown_yet() {
    let newest = |flags: &[&str]| {
        let sim = Sim::start(flags);
        let rows = sim.json("/api/v3/aggTrades?symbol=BTCUSDT&limit=1");
        rows[0]["T"].as_i64().expect("an instant")
    };
    let now = 1_704_888_000_000;
    assert!(newest(&["--late-ms", "3600000"]) <= now - 3_600_000);
    assert!(newest(&[]) > now - 3_600_000);
}

#[test]
fn requests_are_forgotten_on_demand() {
    let sim = Sim::start(&["--pair", "new/usdt"]);
    assert_eq!(sim.get("/api/v3/klines?symbol=NEWUSDT&interval=1d").status, 200);
    assert_eq!(sim.json("/sim/stats")["answers"]["200"], 1);
    assert_eq!(sim.get("/sim/reset").status, 200);
    assert_eq!(sim.json("/sim/stats")["requests_total"], 0);
    assert_eq!(sim.json("/sim/requests"), Value::Array(Vec::new()));
    assert_eq!(sim.get("/sim/moon").status, 404);
    assert_eq!(sim.get("/api/v9/moon").status, 404);
}
