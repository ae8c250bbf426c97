//! A small exchange on a port of its own. Its clock stands still in January 2024, whatever the host's says.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// The exchange's clock: 2024-01-02T00:00:30.500Z.
pub(crate) const NOW_MS: i64 = 1_704_153_630_500;
const DATE: &str = "Tue, 02 Jan 2024 00:00:30 GMT";
/// The first candle and the first trade: 2024-01-01T00:00:00Z.
pub(crate) const FIRST_MS: i64 = 1_704_067_200_000;
const MINUTE_MS: i64 = 60_000;
/// One trade every 100 ms.
const TRADE_MS: i64 = 100;
/// Nothing holds a test up for longer.
const PATIENCE: Duration = Duration::from_secs(60);

/// An answer, or what happens in its place.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Body {
        status: u16,
        headers: String,
        body: Vec<u8>,
    },
    /// The head promises all of this, the connection brings half of it.
    Cut(Vec<u8>),
    /// No answer until the server ends.
    Silence,
}

pub(crate) fn ok(body: impl Into<Vec<u8>>) -> Answer {
    status(200, "", body)
}

pub(crate) fn status(status: u16, headers: &str, body: impl Into<Vec<u8>>) -> Answer {
    Answer::Body { status, headers: headers.to_owned(), body: body.into() }
}

/// A request: its path, its number from 0, and when it came.
pub(crate) type Seen = (String, Instant);

type Handler = dyn Fn(usize, &str) -> Option<Answer> + Send + Sync;

/// The server; it ends when it is dropped.
pub(crate) struct Server {
    pub(crate) url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    is_over: Arc<AtomicBool>,
}

impl Server {
    /// Answers as the small exchange does, unless `handler` has another answer to the request of that number.
    pub(crate) fn start(handler: impl Fn(usize, &str) -> Option<Answer> + Send + Sync + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let is_over = Arc::new(AtomicBool::new(false));
        let handler: Arc<Handler> = Arc::new(handler);
        let (accept_seen, accept_over) = (Arc::clone(&seen), Arc::clone(&is_over));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (seen, is_over, handler) =
                    (Arc::clone(&accept_seen), Arc::clone(&accept_over), Arc::clone(&handler));
                if is_over.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(stream) = stream else { return };
                std::thread::spawn(move || serve(stream, &seen, &is_over, &*handler));
            }
        });
        Server { url, seen, is_over }
    }

    /// Every request so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("no panic while it is held").clone()
    }

    /// Waits until that many requests came.
    pub(crate) fn wait_for(&self, count: usize) {
        let began = Instant::now();
        while self.seen().len() < count {
            assert!(began.elapsed() < PATIENCE, "only {} requests came", self.seen().len());
            std::thread::yield_now();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        if let Some(address) = self.url.strip_prefix("http://") {
            let _ = TcpStream::connect(address);
        }
    }
}

fn serve(stream: TcpStream, seen: &Mutex<Vec<Seen>>, is_over: &AtomicBool, handler: &Handler) {
    let Ok(mut output) = stream.try_clone() else { return };
    let mut input = BufReader::new(stream);
    while let Some(path) = read_request(&mut input) {
        let number = {
            let mut seen = seen.lock().expect("no panic while it is held");
            seen.push((path.clone(), Instant::now()));
            seen.len() - 1
        };
        let answer = handler(number, &path).unwrap_or_else(|| exchange(&path));
        let sent = match answer {
            Answer::Body { status, headers, body } => {
                let head =
                    format!("HTTP/1.1 {status} X\r\nDate: {DATE}\r\nContent-Length: {}\r\n{headers}\r\n", body.len());
                output.write_all(&[head.as_bytes(), &body].concat())
            }
            Answer::Cut(body) => {
                let head = format!("HTTP/1.1 200 X\r\nDate: {DATE}\r\nContent-Length: {}\r\n\r\n", body.len());
                let _ = output.write_all(&[head.as_bytes(), body.get(..body.len() / 2).unwrap_or_default()].concat());
                return;
            }
            Answer::Silence => {
                while !is_over.load(Ordering::SeqCst) {
                    std::thread::park_timeout(Duration::from_millis(10));
                }
                return;
            }
        };
        if sent.is_err() {
            return;
        }
    }
}

fn read_request(input: &mut impl BufRead) -> Option<String> {
    let mut first = String::new();
    input.read_line(&mut first).ok().filter(|count| *count > 0)?;
    let mut line = String::new();
    while input.read_line(&mut line).ok()? > 2 {
        line.clear();
    }
    first.split(' ').nth(1).map(str::to_owned)
}

/// What the exchange answers of its own accord.
pub(crate) fn exchange(path: &str) -> Answer {
    let number = |key: &str| {
        let (_, query) = path.split_once('?')?;
        query.split('&').find_map(|pair| pair.strip_prefix(key)?.strip_prefix('='))?.parse::<i64>().ok()
    };
    let limit = number("limit").unwrap_or(500);
    if path.contains("symbol=NOPE") {
        return status(400, "", r#"{"code":-1121,"msg":"Invalid symbol."}"#);
    }
    match path.split('?').next() {
        Some("/api/v3/time" | "/fapi/v1/time") => ok(format!(r#"{{"serverTime":{NOW_MS}}}"#)),
        Some("/api/v3/klines") => {
            let (first, last) = (FIRST_MS / MINUTE_MS, NOW_MS / MINUTE_MS);
            let rows = rows(first, last, number("startTime"), number("endTime"), limit, MINUTE_MS);
            let row = |minute: i64| {
                let open = minute * MINUTE_MS;
                format!(
                    r#"[{open},"1.10","2.0","0.50","{minute}.00","10",{},"15",3,"1","1","0"]"#,
                    open + MINUTE_MS - 1
                )
            };
            ok(format!("[{}]", rows.map(row).collect::<Vec<_>>().join(",")))
        }
        Some("/api/v3/aggTrades") => {
            let last = (NOW_MS - FIRST_MS) / TRADE_MS;
            let rows = match (number("fromId"), number("startTime")) {
                (Some(id), _) => id..(id + limit).min(last + 1),
                (None, start) => {
                    let start = start.map(|ms| ms - FIRST_MS);
                    rows(0, last, start, None, limit, TRADE_MS)
                }
            };
            let row = |id: i64| {
                let ms = FIRST_MS + id * TRADE_MS;
                format!(r#"{{"a":{id},"p":"1.50","q":"0.10","f":{id},"l":{id},"T":{ms},"m":false,"M":true}}"#)
            };
            ok(format!("[{}]", rows.map(row).collect::<Vec<_>>().join(",")))
        }
        Some("/api/v3/depth") => ok(r#"{"lastUpdateId":7,"bids":[["1.0","2"]],"asks":[["1.1","3.50"]]}"#),
        _ => status(404, "", "<html>not here</html>"),
    }
}

fn rows(first: i64, last: i64, start: Option<i64>, end: Option<i64>, limit: i64, width: i64) -> std::ops::Range<i64> {
    match start {
        Some(start) => {
            let from = (start + width - 1).div_euclid(width).max(first);
            let until = end.map_or(last, |end| end.div_euclid(width)).min(last) + 1;
            from..until.min(from + limit).max(from)
        }
        None => (last + 1 - limit).max(first)..last + 1,
    }
}
