//! A server that remembers what it was sent.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// It takes requests and never answers.
pub(crate) const SILENCE: u16 = 0;
/// It hangs up on everybody.
pub(crate) const DOWN: u16 = 1;
const WAIT_MAX: Duration = Duration::from_secs(30);

#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) port: u16,
    status: Arc<AtomicU16>,
    requests: Arc<Mutex<Vec<Request>>>,
    /// Connections that wait for an answer that never comes.
    silent: Arc<Mutex<Vec<TcpStream>>>,
}

#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// Method and target.
    pub(crate) line: String,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Server {
    pub(crate) fn start(status: u16) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let server =
            Server { port, status: Arc::new(AtomicU16::new(status)), requests: Arc::default(), silent: Arc::default() };
        let this = server.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (this, stream) = (this.clone(), stream.unwrap());
                thread::spawn(move || this.serve(stream));
            }
        });
        server
    }

    /// A port at which nobody listens.
    pub(crate) fn closed_port() -> u16 {
        TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
    }

    /// From now on it answers with this.
    pub(crate) fn answer(&self, status: u16) {
        self.status.store(status, Ordering::SeqCst);
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    /// The texts of the messages that came.
    pub(crate) fn texts(&self) -> Vec<String> {
        let text = |request: &Request| {
            let body: serde_json::Value = serde_json::from_str(&request.body).unwrap();
            assert_eq!(body.as_object().unwrap().len(), 1, "{body}");
            body["text"].as_str().unwrap().to_owned()
        };
        self.requests().iter().map(text).collect()
    }

    pub(crate) fn wait_for(&self, count: usize) {
        let until = Instant::now() + WAIT_MAX;
        while self.requests().len() < count {
            assert!(Instant::now() < until, "{count} requests did not come: {:?}", self.requests());
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Hangs up on those who wait.
    pub(crate) fn hang_up(&self) {
        self.silent.lock().unwrap().clear();
    }

    fn serve(&self, stream: TcpStream) {
        if self.status.load(Ordering::SeqCst) == DOWN {
            return;
        }
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let Some(request) = read_request(&mut reader) else { return };
        self.requests.lock().unwrap().push(request);
        let status = self.status.load(Ordering::SeqCst);
        if status == SILENCE {
            self.silent.lock().unwrap().push(stream);
            return;
        }
        let location = if (300..400).contains(&status) { "Location: /elsewhere\r\n" } else { "" };
        let head = format!("HTTP/1.1 {status} Said\r\n{location}Content-Length: 2\r\nConnection: close\r\n\r\nok");
        // Those who hang up early do not hear it.
        let _ = (&stream).write_all(head.as_bytes());
    }
}

fn read_request(reader: &mut impl BufRead) -> Option<Request> {
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut header = String::new();
        if reader.read_line(&mut header).ok()? == 0 {
            return None;
        }
        if header.trim().is_empty() {
            break;
        }
        if let Some(value) = header.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        head.push_str(&header);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Request { line: line.trim().to_owned(), head, body: String::from_utf8(body).unwrap() })
}
