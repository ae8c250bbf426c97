//! Streams of the real binary: on the port of all else, struck by faults that come at run time.

use std::net::TcpStream;

use tungstenite::{Message, WebSocket};

use super::{PATIENCE, Sim};

const SUBSCRIBE: &str = r#"{"method":"subscribe","params":{"channel":"book","symbol":["BTC/USD"]}}"#;

fn connect(sim: &Sim, path: &str) -> WebSocket<TcpStream> {
    let stream = TcpStream::connect(&sim.address).expect("the simulator accepts");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
    tungstenite::client(format!("ws://{}{path}", sim.address), stream).expect("a stream").0
}

/// The texts until the close frame, and its code.
fn texts_and_code(client: &mut WebSocket<TcpStream>) -> (Vec<String>, u16) {
    let mut texts = Vec::new();
    loop {
        match client.read().expect("a close frame") {
            Message::Text(text) => texts.push(text.to_string()),
            Message::Close(frame) => return (texts, frame.map_or(0, |frame| frame.code.into())),
            _ => {}
        }
    }
}

#[test]
fn streams_are_struck_at_run_time_and_counted() {
    let sim = Sim::start(&[]);
    let mut client = connect(&sim, "/v2");
    assert!(client.read().expect("a greeting").to_text().is_ok_and(|text| text.contains("\"online\"")));
    assert_eq!(sim.get("/sim/faults?kind=ws-close&next=1&code=1013&path=book").status, 200);
    client.send(Message::text(SUBSCRIBE)).expect("sent");
    let (texts, code) = texts_and_code(&mut client);
    assert_eq!((texts.len(), code), (1, 1_013), "{texts:?}");
    let statistics = sim.json("/sim/stats");
    assert_eq!(statistics["streams"]["exchanges"]["kraken"]["/v2"]["opened"], 1);
    assert_eq!(statistics["struck"]["ws-close"], 1);
    assert_eq!(statistics["faults"][0]["hits"], 1);
    sim.get("/sim/reset");
    assert_eq!(sim.json("/sim/stats")["struck"], serde_json::json!({}));
}

#[test]
fn streams_of_an_age_are_ended() {
    let sim = Sim::start(&["--ws-age-secs", "1"]);
    for path in ["/v2", "/ws", "/ws/v1"] {
        let (_, code) = texts_and_code(&mut connect(&sim, path));
        assert_eq!(code, 1_001, "{path}");
    }
}
