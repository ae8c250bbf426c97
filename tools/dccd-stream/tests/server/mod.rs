//! A small exchange on a port of its own: each WebSocket goes as a script says, and REST answers what it is told to.
//! Its clock stands at the beginning of 2024, whatever the host's says.

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tungstenite::{Message, WebSocket};

use crate::PATIENCE;

/// 2024-01-01T00:00:00Z.
pub(crate) const FIRST_MS: i64 = 1_704_067_200_000;
/// What REST says the time is: a minute later.
const DATE: &str = "Mon, 01 Jan 2024 00:01:00 GMT";
/// How long a peer waits for a message before it looks around.
const LOOK: Duration = Duration::from_millis(20);
const HEAD_BYTES_MAX: usize = 8 << 10;

type Script = dyn Fn(usize, Visit) + Send + Sync;
type Rest = dyn Fn(&str) -> Option<String> + Send + Sync;

/// The server; it ends when it is dropped.
pub(crate) struct Server {
    pub(crate) address: String,
    opened: Arc<Mutex<Vec<Instant>>>,
    is_over: Arc<AtomicBool>,
}

/// Somebody who asks for a WebSocket.
pub(crate) struct Visit {
    stream: TcpStream,
    is_over: Arc<AtomicBool>,
}

/// Somebody who has one.
pub(crate) struct Peer {
    socket: WebSocket<TcpStream>,
    is_over: Arc<AtomicBool>,
}

impl Server {
    /// Does with the visit of each number, from 0, what `script` does.
    pub(crate) fn start(script: impl Fn(usize, Visit) + Send + Sync + 'static) -> Server {
        Server::with_rest(|_| None, script)
    }

    /// Answers requests for other things with what `rest` makes of their path; what it does not know, is not there.
    pub(crate) fn with_rest(
        rest: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
        script: impl Fn(usize, Visit) + Send + Sync + 'static,
    ) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address").to_string();
        let opened = Arc::new(Mutex::new(Vec::new()));
        let is_over = Arc::new(AtomicBool::new(false));
        let (script, rest): (Arc<Script>, Arc<Rest>) = (Arc::new(script), Arc::new(rest));
        let (accept_opened, accept_over) = (Arc::clone(&opened), Arc::clone(&is_over));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (Ok(stream), false) = (stream, accept_over.load(Ordering::SeqCst)) else { return };
                let (script, rest, opened) = (Arc::clone(&script), Arc::clone(&rest), Arc::clone(&accept_opened));
                let is_over = Arc::clone(&accept_over);
                std::thread::spawn(move || serve(stream, &opened, is_over, &*script, &*rest));
            }
        });
        Server { address, opened, is_over }
    }

    /// When somebody asked for a WebSocket.
    pub(crate) fn opened(&self) -> Vec<Instant> {
        self.opened.lock().expect("no panic while it is held").clone()
    }

    /// Waits until somebody asked for that many.
    pub(crate) fn wait_for(&self, count: usize) {
        let began = Instant::now();
        while self.opened().len() < count {
            assert!(began.elapsed() < PATIENCE, "only {} connections came", self.opened().len());
            std::thread::park_timeout(LOOK);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(&self.address);
    }
}

impl Visit {
    /// Grants the WebSocket, waits for the first message, and grants what that asks for as Binance does.
    pub(crate) fn subscribed(self) -> Option<Peer> {
        let mut peer = self.accept()?;
        peer.hear()?;
        peer.say(r#"{"result":null,"id":1}"#).then_some(peer)
    }

    pub(crate) fn accept(self) -> Option<Peer> {
        let socket = tungstenite::accept(self.stream).ok()?;
        socket.get_ref().set_read_timeout(Some(LOOK)).ok()?;
        Some(Peer { socket, is_over: self.is_over })
    }

    pub(crate) fn refuse(mut self, status: u16) {
        let _ = write!(self.stream, "HTTP/1.1 {status} X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    }
}

impl Peer {
    /// The next text; `None` if the other side or the server is gone.
    pub(crate) fn hear(&mut self) -> Option<String> {
        while !self.is_over.load(Ordering::SeqCst) {
            match self.socket.read() {
                Ok(Message::Text(text)) => return Some(text.to_string()),
                Err(error) if !is_timeout(&error) => return None,
                Ok(_) | Err(_) => {}
            }
        }
        None
    }

    /// Whether the other side is still there, looked at for a moment.
    pub(crate) fn is_there(&mut self) -> bool {
        match self.socket.read() {
            Ok(_) => !self.is_over.load(Ordering::SeqCst),
            Err(error) => is_timeout(&error) && !self.is_over.load(Ordering::SeqCst),
        }
    }

    pub(crate) fn say(&mut self, text: &str) -> bool {
        self.socket.send(Message::text(text)).is_ok()
    }

    /// Says what is no text, as if it were one.
    pub(crate) fn say_bytes(&mut self, payload: [u8; 4]) -> bool {
        const TEXT_OF_FOUR: [u8; 2] = [0x81, 4];
        self.socket.get_mut().write_all(&[&TEXT_OF_FOUR[..], &payload].concat()).is_ok()
    }

    /// Says much at once, and waits until all of it was read.
    pub(crate) fn flood(&mut self, texts: impl Iterator<Item = String>) {
        self.socket.get_ref().set_read_timeout(Some(PATIENCE)).expect("it is open");
        for text in texts {
            self.socket.write(Message::text(text)).expect("somebody reads");
        }
        self.socket.send(Message::Ping("all".into())).expect("somebody reads");
        while !matches!(self.socket.read().expect("an answer"), Message::Pong(_)) {}
        self.socket.get_ref().set_read_timeout(Some(LOOK)).expect("it is open");
    }

    /// Stays until the other side goes, or this holds.
    pub(crate) fn stay_until(&mut self, is_enough: impl Fn() -> bool) {
        while !is_enough() && self.is_there() {}
    }

    pub(crate) fn stay(&mut self) {
        self.stay_until(|| false);
    }

    /// Ends the connection as the protocol wants it.
    pub(crate) fn close(&mut self) {
        let _ = self.socket.close(None);
        self.stay();
    }
}

fn is_timeout(error: &tungstenite::Error) -> bool {
    use std::io::ErrorKind::{TimedOut, WouldBlock};
    matches!(error, tungstenite::Error::Io(cause) if matches!(cause.kind(), TimedOut | WouldBlock))
}

fn serve(stream: TcpStream, opened: &Mutex<Vec<Instant>>, is_over: Arc<AtomicBool>, script: &Script, rest: &Rest) {
    let _ = stream.set_nodelay(true);
    // More requests may come on a connection that carries no WebSocket.
    while let Some(head) = peek_head(&stream) {
        if head.to_ascii_lowercase().contains("upgrade: websocket") {
            let number = {
                let mut opened = opened.lock().expect("no panic while it is held");
                opened.push(Instant::now());
                opened.len() - 1
            };
            return script(number, Visit { stream, is_over });
        }
        let mut taken = vec![0; head.len()];
        let path = head.split(' ').nth(1).unwrap_or_default();
        let (status, body) = rest(path).map_or((404, "<html>not here</html>".to_owned()), |body| (200, body));
        let answer = format!("HTTP/1.1 {status} X\r\nDate: {DATE}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        let read = std::io::Read::read_exact(&mut &stream, &mut taken);
        if read.and_then(|()| (&stream).write_all(answer.as_bytes())).is_err() {
            return;
        }
    }
}

/// The head of a request, which stays to be read.
fn peek_head(stream: &TcpStream) -> Option<String> {
    let mut bytes = [0; HEAD_BYTES_MAX];
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        let count = stream.peek(&mut bytes).ok().filter(|count| *count > 0)?;
        let head = String::from_utf8_lossy(bytes.get(..count)?).into_owned();
        if let Some(end) = head.find("\r\n\r\n") {
            return Some(head[..end + 4].to_owned());
        }
        std::thread::yield_now();
    }
    None
}

/// The trade of BTC/USDT that has this number: one happens each second.
pub(crate) fn trade(id: u64) -> String {
    trade_at(id, i64::try_from(id).expect("a small number") * 1000)
}

/// A trade of BTC/USDT so many milliseconds after the beginning.
pub(crate) fn trade_at(id: u64, ms: i64) -> String {
    let ms = FIRST_MS + ms;
    format!(
        r#"{{"stream":"btcusdt@aggTrade","data":{{"e":"aggTrade","E":{ms},"s":"BTCUSDT","a":{id},"p":"1.50","q":"0.10","f":{id},"l":{id},"T":{ms},"m":false,"M":true}}}}"#
    )
}

/// The change of the book of BTC/USDT that has this number.
pub(crate) fn change(seq: u64, ms: i64) -> String {
    let ms = FIRST_MS + ms;
    format!(
        r#"{{"stream":"btcusdt@depth@100ms","data":{{"e":"depthUpdate","E":{ms},"s":"BTCUSDT","U":{seq},"u":{seq},"b":[["1.00","{seq}"]],"a":[]}}}}"#
    )
}
