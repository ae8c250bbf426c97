//! A server that pushes trades as Binance writes them, for benchmarks: `flood COUNT [RATE]`.
//!
//! Prints its URL, and gives everybody who subscribes COUNT trades, RATE of them a second or as fast as they are
//! taken. With a rate, the amount of each trade is the time at which it was sent.

use std::error::Error;
use std::io::{BufWriter, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant, SystemTime};

use tungstenite::protocol::frame::coding::{Data, OpCode};
use tungstenite::protocol::frame::{Frame, FrameHeader};
use tungstenite::{Message, accept};

/// Frames that go out together.
const BLOCK_BYTES: usize = 64 << 10;
const FIRST_ID: u64 = 3_000_000_000;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1).map(|arg| arg.parse::<u64>());
    let count = args.next().ok_or("flood COUNT [RATE]")??;
    let rate = args.next().transpose()?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let mut out = std::io::stdout();
    writeln!(out, "ws://{}", listener.local_addr()?)?;
    out.flush()?;
    for stream in listener.incoming() {
        let stream = stream?;
        std::thread::spawn(move || {
            // Whoever goes away has enough.
            let _ = serve(stream, count, rate);
        });
    }
    Ok(())
}

fn serve(stream: TcpStream, count: u64, rate: Option<u64>) -> Result<(), Box<dyn Error>> {
    stream.set_nodelay(true)?;
    let raw = stream.try_clone()?;
    let mut socket = accept(stream)?;
    let Message::Text(_) = socket.read()? else { return Ok(()) };
    socket.send(Message::text(r#"{"result":null,"id":1}"#))?;
    let mut out = BufWriter::with_capacity(BLOCK_BYTES, raw);
    let begun = Instant::now();
    for number in 0..count {
        if let Some(rate) = rate {
            let due = Duration::from_nanos(number.saturating_mul(1_000_000_000) / rate.max(1));
            while begun.elapsed() < due {
                std::thread::sleep(Duration::from_micros(20).min(due.saturating_sub(begun.elapsed())));
            }
        }
        write_frame(&trade(number, rate.is_some()), &mut out)?;
        if rate.is_some() {
            out.flush()?;
        }
    }
    out.flush()?;
    // Who answers this has read all that came before it.
    socket.send(Message::Ping(tungstenite::Bytes::new()))?;
    // The connection stays open until the other side goes.
    while let Ok(message) = socket.read() {
        if message.is_pong() {
            writeln!(std::io::stdout(), "taken")?;
            std::io::stdout().flush()?;
        }
    }
    Ok(())
}

fn trade(number: u64, is_timed: bool) -> String {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let (id, ms) = (FIRST_ID + number, now.as_millis());
    let (price, is_maker) = (4_200_000 + number * 7919 % 10_000, number.is_multiple_of(3));
    let amount = match is_timed {
        true => format!("{}.{:09}", now.as_secs(), now.subsec_nanos()),
        false => format!("{}.{:05}000", number % 3, number * 104_729 % 100_000),
    };
    format!(
        r#"{{"stream":"btcusdt@aggTrade","data":{{"e":"aggTrade","E":{ms},"s":"BTCUSDT","a":{id},"p":"{}.{:02}000000","q":"{amount}","f":{first},"l":{first},"T":{ms},"m":{is_maker},"M":true}}}}"#,
        price / 100,
        price % 100,
        first = id * 2,
    )
}

fn write_frame(text: &str, out: &mut impl Write) -> std::io::Result<()> {
    let header = FrameHeader { opcode: OpCode::Data(Data::Text), ..FrameHeader::default() };
    let mut bytes = Vec::with_capacity(text.len() + 8);
    let frame = Frame::from_payload(header, text.to_owned().into());
    frame.format(&mut bytes).map_err(std::io::Error::other)?;
    out.write_all(&bytes)
}
