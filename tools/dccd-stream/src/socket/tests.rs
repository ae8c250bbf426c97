//! What comes over a socket is what was sent, however it was cut.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use tungstenite::protocol::frame::coding::{Control, Data, OpCode};
use tungstenite::protocol::frame::{Frame, FrameHeader};

use super::*;

const PATIENCE: Duration = Duration::from_secs(20);

/// A frame as a server sends it.
fn frame(opcode: OpCode, is_final: bool, payload: &[u8]) -> Vec<u8> {
    let header = FrameHeader { opcode, is_final, ..FrameHeader::default() };
    let mut bytes = Vec::new();
    Frame::from_payload(header, payload.to_vec().into()).format(&mut bytes).expect("memory takes it");
    bytes
}

fn text(payload: &str) -> Vec<u8> {
    frame(OpCode::Data(Data::Text), true, payload.as_bytes())
}

/// What a client hears of a server that sends these bytes in these pieces, and how it ends.
fn heard(pieces: Vec<Vec<u8>>) -> (Vec<String>, usize, String) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("ws://{}", listener.local_addr().expect("an address"));
    let server = thread::spawn(move || {
        let (stream, _) = listener.accept().expect("a client");
        stream.set_nodelay(true).expect("a TCP stream");
        let raw: TcpStream = stream.try_clone().expect("another descriptor");
        let _socket = tungstenite::accept(stream).expect("a handshake");
        for piece in pieces {
            // Who has heard enough may be gone.
            let _ = (&raw).write_all(&piece);
        }
    });
    let mut socket = Socket::connect(&url).expect("a connection");
    let (mut texts, mut controls, begun) = (Vec::new(), 0, Instant::now());
    let mut inbox = mem::take(&mut socket.inbox);
    let end = loop {
        assert!(begun.elapsed() < PATIENCE, "still open after {texts:?}");
        match socket.read(&mut inbox) {
            Ok(Heard::Text(text)) => texts.push(text.to_owned()),
            Ok(Heard::Joined(text)) => texts.push(text.as_str().to_owned()),
            Ok(Heard::Control) => controls += 1,
            Ok(Heard::Nothing) => thread::sleep(Duration::from_millis(1)),
            Err(error) => break error.to_string(),
        }
    };
    server.join().expect("the server ends");
    (texts, controls, end)
}

#[test]
fn a_message_may_come_in_pieces_with_pings_between() {
    let sent = [
        text("one"),
        frame(OpCode::Data(Data::Text), false, b"tw"),
        frame(OpCode::Control(Control::Ping), true, b"?"),
        frame(OpCode::Data(Data::Continue), true, b"o"),
        text("three"),
        frame(OpCode::Control(Control::Close), true, &[3, 232, b'b', b'y', b'e']),
    ];
    let (texts, controls, end) = heard(vec![sent.concat()]);
    assert_eq!((texts, controls), (vec!["one".to_owned(), "two".to_owned(), "three".to_owned()], 2));
    assert_eq!(end, "the exchange closed the connection: 1000 bye");
}

/// A server that answers one handshake with `answer`, to which it is told the client's key.
fn answering(answer: impl FnOnce(TcpStream, &str) + Send + 'static) -> (String, thread::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("ws://{}", listener.local_addr().expect("an address"));
    let server = thread::spawn(move || {
        let (stream, _) = listener.accept().expect("a client");
        let lines = BufReader::new(stream.try_clone().expect("another descriptor")).lines().map_while(Result::ok);
        let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
        let key = head.iter().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).expect("a key");
        answer(stream, key);
    });
    (url, server)
}

#[test]
fn what_comes_with_the_answer_to_the_handshake_is_heard() {
    for line_end in ["\r\n", "\n"] {
        let (url, server) = answering(move |mut stream, key| {
            let accept = tungstenite::handshake::derive_accept_key(key.as_bytes());
            let accept = format!("Sec-WebSocket-Accept: {accept}");
            let head =
                ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade", &accept, "", ""];
            let sent = [head.join(line_end).into_bytes(), text("one"), text("two")].concat();
            stream.write_all(&sent).expect("it is open");
        });
        let mut socket = Socket::connect(&url).expect("a connection");
        server.join().expect("the server ends");
        let mut inbox = mem::take(&mut socket.inbox);
        for expected in ["one", "two"] {
            match socket.read(&mut inbox) {
                Ok(Heard::Text(text)) => assert_eq!(text, expected),
                other => panic!("not {expected:?} but {other:?}"),
            }
        }
    }
}

#[test]
fn a_handshake_that_drips_is_given_up() {
    const DRIP: Duration = Duration::from_millis(100);
    let (url, server) = answering(|mut stream, _| {
        let mut head = b"HTTP/1.1 101 X\r\nX: ".iter().copied().chain(std::iter::repeat(b'x'));
        while stream.write_all(&head.next().map_or([b'x'], |byte| [byte])).is_ok() {
            thread::sleep(DRIP);
        }
    });
    let slow = Socket::connect_within(&url, 10 * DRIP);
    assert!(matches!(slow, Err(SocketError::Slow)), "{slow:?}");
    server.join().expect("the server ends");
}

#[test]
fn what_breaks_the_protocol_ends_the_connection() {
    let check = |bytes: Vec<u8>, expected: &str| {
        let (texts, _, end) = heard(vec![text("one"), bytes, text("never")]);
        assert_eq!(texts, ["one"], "{end}");
        assert!(end.contains(expected), "{end:?} is not {expected:?}");
    };
    let begun = frame(OpCode::Data(Data::Text), false, b"tw");
    check([begun, text("other")].concat(), "fragment");
    check(frame(OpCode::Data(Data::Continue), true, b"o"), "ontinue");
    check(frame(OpCode::Data(Data::Binary), true, b"o"), "a binary message");
    check(frame(OpCode::Data(Data::Text), true, &[0xff]), "utf-8");
    check(vec![0x83, 0], "opcode");
    check(vec![0xc1, 1, b'x'], "eserved bits");
    check(vec![0x81, 0x81, 1, 2, 3, 4, b'x'], "mask");
    check(vec![0x81, 127, 0, 0, 0, 1, 0, 0, 0, 0], "more than 32 MiB");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn texts_come_whole_wherever_they_are_cut(
        lengths in proptest::collection::vec(prop_oneof![4 => 0_usize..300, 1 => 60_000_usize..300_000], 1..40),
        cuts in proptest::collection::vec(1_usize..100_000, 0..40),
    ) {
        let sent: Vec<String> =
            lengths.iter().enumerate().map(|(at, length)| format!("{at}:{}", "é".repeat(*length / 2))).collect();
        let mut rest: Vec<u8> = sent.iter().flat_map(|payload| text(payload)).collect();
        let mut pieces = Vec::new();
        for cut in cuts {
            let behind = rest.split_off(cut.min(rest.len()));
            pieces.push(std::mem::replace(&mut rest, behind));
        }
        pieces.push(rest);
        let (texts, _, end) = heard(pieces);
        prop_assert_eq!(texts, sent);
        prop_assert!(end.contains("without closing handshake"), "{}", end);
    }
}
