//! What a stream costs before anything is done with it, for benchmarks: `count URL COUNT` reads so many frames.

use std::error::Error;

use tungstenite::Message;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let url = args.next().ok_or("count URL COUNT")?;
    let count: u64 = args.next().ok_or("count URL COUNT")?.parse()?;
    let stream = std::net::TcpStream::connect(url.trim_start_matches("ws://"))?;
    let (mut socket, _) = tungstenite::client(url, stream)?;
    socket.send(Message::text("{}"))?;
    let (mut frames, mut bytes) = (0, 0);
    while frames <= count {
        if let Message::Text(text) = socket.read()? {
            frames += 1;
            bytes += text.len();
        }
    }
    std::io::Write::write_all(&mut std::io::stderr(), format!("{frames} frames, {bytes} bytes\n").as_bytes())?;
    Ok(())
}
