//! The whole way through a socket, on the streams of Kraken.

use std::io;
use std::net::TcpStream;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use dccd_cli::Stop;
use serde_json::{Value, json};
use tungstenite::{Error, Message, WebSocket};

use crate::clock::{Clock, DAY, HOUR};
use crate::faults::Faults;
use crate::http::{Handler, Request, Server};
use crate::limits::LimitSettings;
use crate::market::catalogue::Catalogue;
use crate::market::{Market, Settings};
use crate::sim::{Delays, Sim};

/// 2024-01-05T12:00:00.
const NOW: i64 = 19_727 * DAY + 12 * HOUR;
/// Whatever takes longer is broken.
const PATIENCE: Duration = Duration::from_secs(30);
const BOOK: &str = r#"{"method":"subscribe","params":{"channel":"book","symbol":["BTC/USD"]}}"#;

type Client = WebSocket<TcpStream>;

/// A simulator on a port, served by a thread that ends with the tests.
struct Bench {
    sim: Arc<Sim>,
    address: String,
}

impl Bench {
    fn start(speed: f64, faults: &[&str]) -> Bench {
        Bench::with_age(speed, faults, None)
    }

    fn with_age(speed: f64, faults: &[&str], stream_age_max: Option<Duration>) -> Bench {
        let market = Market::new(Settings { seed: 1, trades_per_day: 50_000, burst: 0 }, Catalogue::new([]));
        let rules = faults.iter().map(|fault| fault.parse().expect("a fault")).collect();
        let start = dccd_record::Ts::from_micros(NOW).ok();
        let limits = LimitSettings { ban_secs: 1, ..LimitSettings::default() };
        let delays = Delays { latency: Duration::ZERO, late: 0, stream_age_max };
        let sim = Sim::new(Clock::new(start, speed), market, &limits, Faults::new(1, rules), delays);
        let sim = Arc::new(sim);
        let server = Server::bind("127.0.0.1:0".parse().expect("an address")).expect("a free port");
        let address = server.address().to_string();
        let handler = Arc::clone(&sim);
        thread::spawn(move || server.serve(&handler, &Stop::default()));
        Bench { sim, address }
    }

    fn connect(&self, path: &str) -> Result<Client, u16> {
        let stream = TcpStream::connect(&self.address).expect("the simulator accepts");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
        match tungstenite::client(format!("ws://{}{path}", self.address), stream) {
            Ok((client, _)) => Ok(client),
            Err(tungstenite::HandshakeError::Failure(Error::Http(response))) => Err(response.status().as_u16()),
            Err(error) => panic!("{error}"),
        }
    }

    /// A client that has subscribed to a book and was told so.
    fn book(&self) -> Client {
        let mut client = self.connect("/v2").expect("a stream");
        client.send(Message::text(BOOK)).expect("sent");
        while next(&mut client).expect("an answer")["success"] != true {}
        client
    }

    fn statistics(&self) -> Value {
        let request = Request::read(&mut &b"GET /sim/stats HTTP/1.1\r\n\r\n"[..]).ok().flatten().expect("a request");
        serde_json::from_slice(&self.sim.answer(&request).body).expect("JSON")
    }

    /// Waits until the statistics say so.
    fn await_statistics(&self, is_so: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let statistics = self.statistics();
            if is_so(&statistics["streams"]) {
                return statistics;
            }
            assert!(Instant::now() < deadline, "{statistics}");
            thread::yield_now();
        }
    }
}

/// The next message that is JSON.
fn next(client: &mut Client) -> Result<Value, Error> {
    loop {
        if let Message::Text(text) = client.read()? {
            return Ok(serde_json::from_str(text.as_str()).unwrap_or(Value::Null));
        }
    }
}

/// The next change of a book.
fn next_book(client: &mut Client) -> Result<Value, Error> {
    loop {
        let message = next(client)?;
        if message["channel"] == "book" || message.is_null() {
            return Ok(message);
        }
    }
}

/// The code of the close frame that comes.
fn close_code(client: &mut Client) -> u16 {
    loop {
        match client.read().expect("a close frame") {
            Message::Close(Some(frame)) => return frame.code.into(),
            Message::Close(None) => return 1_005,
            _ => {}
        }
    }
}

/// How the connection of a client ended, read to the end.
fn end(client: &mut Client) -> Error {
    loop {
        if let Err(error) = client.read() {
            return error;
        }
    }
}

#[test]
fn a_stream_is_told_until_the_client_leaves() {
    let bench = Bench::start(1.0, &[]);
    let mut client = bench.connect("/v2").expect("a stream");
    assert_eq!(next(&mut client).expect("a greeting")["channel"], "status");
    client.send(Message::text(BOOK)).expect("sent");
    assert_eq!(next(&mut client).expect("an answer")["success"], true);
    assert_eq!(next(&mut client).expect("a snapshot")["type"], "snapshot");
    for _ in 0..3 {
        assert_eq!(next(&mut client).expect("a change")["type"], "update");
    }
    client.send(Message::Ping("hi".into())).expect("sent");
    while !matches!(client.read().expect("a frame"), Message::Pong(payload) if payload == "hi") {}
    client.close(None).expect("sent");
    assert!(matches!(end(&mut client), Error::ConnectionClosed));
    let statistics = bench.await_statistics(|streams| streams["open"] == 0);
    let streams = &statistics["streams"];
    let counts = &streams["exchanges"]["kraken"]["/v2"];
    assert_eq!(
        (&counts["opened"], &counts["messages"], &counts["closed"]["client"]),
        (&json!(1), &json!(2), &json!(1))
    );
    assert!(counts["frames"]["book"].as_u64() >= Some(4), "{counts}");
    assert_eq!(streams["connections"][0]["path"], "/v2");
    assert_eq!(
        statistics["limits"]
            .as_array()
            .into_iter()
            .flatten()
            .find(|limit| limit["name"] == "kraken-connections")
            .map(|limit| &limit["used"]),
        Some(&json!(1))
    );
}

#[test]
fn handshakes_are_refused() {
    let bench = Bench::start(0.0, &["ws-refuse:next=1", "ws-refuse:next=1,status=429,path=/v2"]);
    assert_eq!(bench.connect("/v2").err(), Some(503));
    assert_eq!(bench.connect("/v2").err(), Some(429));
    assert_eq!(bench.connect("/moon").err(), Some(404));
    // The refused ones did not reach the limit of 150, which bans.
    let clients: Vec<Client> = (0..150).map(|_| bench.connect("/v2").expect("a stream")).collect();
    assert_eq!(bench.connect("/v2").err(), Some(429));
    let statistics = bench.statistics();
    assert_eq!((&statistics["streams"]["open"], &statistics["streams"]["refused"]), (&json!(150), &json!(3)));
    assert_eq!(statistics["struck"]["ws-refuse"], 2);
    drop(clients);
    bench.await_statistics(|streams| streams["open"] == 0);
}

#[test]
fn a_handshake_may_hang() {
    let bench = Bench::start(0.0, &["ws-hang:next=1"]);
    let mut stream = TcpStream::connect(&bench.address).expect("the simulator accepts");
    stream.set_read_timeout(Some(Duration::from_millis(500))).expect("a timeout can be set");
    let head = "GET /v2 HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";
    io::Write::write_all(&mut stream, head.as_bytes()).expect("sent");
    let read = io::Read::read(&mut stream, &mut [0]);
    assert_eq!(read.expect_err("no answer").kind(), io::ErrorKind::WouldBlock);
    assert!(bench.connect("/v2").is_ok());
    assert_eq!(bench.statistics()["struck"]["ws-hang"], 1);
}

#[test]
fn frames_are_lost_and_repeated_and_spoiled() {
    let rules = [
        "ws-drop:next=1",
        "ws-repeat:next=1",
        "ws-garbage:next=1",
        "ws-checksum:next=1",
        "ws-huge:next=1,bytes=9000000",
    ];
    let bench =
        Bench::start(1.0, &rules.map(|rule| format!("{rule},path=book BTC/USD")).each_ref().map(String::as_str));
    let mut client = bench.book();
    // The snapshot is lost, the first change comes twice.
    let first = next_book(&mut client).expect("a change");
    assert_eq!(first["type"], "update");
    assert_eq!(next_book(&mut client).expect("the same"), first);
    assert_eq!(next_book(&mut client).expect("garbage"), Value::Null);
    let wrong = next_book(&mut client).expect("a change");
    assert_eq!(wrong["type"], "update");
    let huge = client.read().expect("a huge frame");
    assert_eq!(huge.len(), 9_000_000);
    assert_eq!(next_book(&mut client).expect("a change")["type"], "update");
    let struck = bench.statistics()["struck"].clone();
    assert_eq!(struck, json!({"ws-drop": 1, "ws-repeat": 1, "ws-garbage": 1, "ws-checksum": 1, "ws-huge": 1}));
}

#[test]
fn streams_are_closed_and_reset() {
    let bench = Bench::start(1.0, &["ws-close:next=1,skip=2,code=1012", "ws-reset:next=1,skip=4"]);
    let mut client = bench.book();
    assert_eq!(close_code(&mut client), 1_012);
    let mut client = bench.book();
    match end(&mut client) {
        Error::Io(error) => assert_eq!(error.kind(), io::ErrorKind::ConnectionReset),
        // The half frame may be read before the reset is.
        other => assert!(matches!(other, Error::Protocol(_)), "{other}"),
    }
    let statistics = bench.await_statistics(|streams| streams["open"] == 0);
    assert_eq!(statistics["streams"]["exchanges"]["kraken"]["/v2"]["closed"]["fault"], 2);
}

#[test]
fn a_stalled_stream_says_nothing_and_then_everything() {
    let bench = Bench::start(1.0, &["ws-stall:next=1,skip=2,ms=700"]);
    let mut client = bench.book();
    let (mut widest, mut before) = (Duration::ZERO, Instant::now());
    let mut updates = Vec::new();
    while updates.len() < 12 {
        let update = next_book(&mut client).expect("a change");
        widest = widest.max(before.elapsed());
        before = Instant::now();
        updates.push(update["data"][0]["timestamp"].as_str().and_then(crate::clock::parse_iso).expect("a stamp"));
    }
    assert!(widest >= Duration::from_millis(600), "{widest:?}");
    // Nothing was lost.
    assert!(updates.windows(2).all(|two| two[1] - two[0] <= 300_000), "{updates:?}");

    let bench = Bench::start(1.0, &["ws-stall:next=1"]);
    let mut client = bench.book();
    client.get_ref().set_read_timeout(Some(Duration::from_millis(700))).expect("a timeout can be set");
    client.send(Message::Ping("hi".into())).expect("sent");
    assert!(matches!(end(&mut client), Error::Io(error) if error.kind() == io::ErrorKind::WouldBlock));
    drop(client);
    let statistics = bench.await_statistics(|streams| streams["open"] == 0);
    assert_eq!(statistics["streams"]["exchanges"]["kraken"]["/v2"]["closed"]["gone"], 1);
}

#[test]
fn a_muted_subscription_is_silent_while_the_stream_lives() {
    let bench = Bench::start(1.0, &["ws-mute:next=1,path=book"]);
    let mut client = bench.book();
    assert_eq!(next_book(&mut client).expect("a snapshot")["type"], "snapshot");
    for _ in 0..2 {
        assert_eq!(next(&mut client).expect("a heartbeat")["channel"], "heartbeat");
    }
    // Who subscribes again hears again.
    client.send(Message::text(BOOK.replace("subscribe", "unsubscribe"))).expect("sent");
    client.send(Message::text(BOOK)).expect("sent");
    assert_eq!(next_book(&mut client).expect("a snapshot")["type"], "snapshot");
}

#[test]
fn restarts_are_announced_and_old_streams_end() {
    let bench = Bench::start(1.0, &["ws-restart:next=1,ms=300"]);
    let mut client = bench.book();
    while next(&mut client).expect("a notice")["data"][0]["system"] != "maintenance" {}
    assert_eq!(close_code(&mut client), 1_001);
    assert!(matches!(end(&mut client), Error::ConnectionClosed));

    let bench = Bench::with_age(1.0, &[], Some(Duration::from_millis(300)));
    let mut client = bench.book();
    assert_eq!(close_code(&mut client), 1_001);
    let statistics = bench.await_statistics(|streams| streams["open"] == 0);
    assert_eq!(statistics["streams"]["exchanges"]["kraken"]["/v2"]["closed"]["age"], 1);
}

#[test]
fn who_does_not_read_is_left_and_others_are_not_kept_waiting() {
    // The others come after the frames that are meant for the first.
    let bench = Bench::start(1.0, &["ws-huge:next=6,bytes=20000000"]);
    let mut slow = bench.book();
    let mut other = bench.connect("/v2").expect("a stream");
    assert_eq!(next(&mut other).expect("a greeting")["channel"], "status");
    let statistics = bench.await_statistics(|streams| streams["exchanges"]["kraken"]["/v2"]["closed"]["slow"] == 1);
    assert_eq!(statistics["streams"]["open"], 1);
    other.send(Message::text("{\"method\":\"ping\"}")).expect("sent");
    assert_eq!(next(&mut other).expect("a pong")["method"], "pong");
    assert!(matches!(end(&mut slow), Error::Io(_) | Error::Protocol(_) | Error::Capacity(_)));
}

#[test]
fn hundreds_of_streams_go_side_by_side() {
    let bench = Bench::start(1.0, &[]);
    let mut clients: Vec<Client> = (0..140).map(|_| bench.book()).collect();
    for client in &mut clients {
        assert_eq!(next_book(client).expect("a snapshot")["type"], "snapshot");
        assert_eq!(next_book(client).expect("a change")["type"], "update");
    }
    assert_eq!(bench.statistics()["streams"]["open"], 140);
}
