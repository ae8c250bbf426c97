//! One answer, and the ways in which it can go wrong on the wire.

use std::io::{self, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use dccd_cli::Stop;

/// How long a bad delivery goes on at most.
const BAD_DELIVERY_MAX: Duration = Duration::from_secs(600);
const STEP: Duration = Duration::from_millis(50);

/// One answer.
#[derive(Clone, Debug)]
pub(crate) struct Response {
    /// The HTTP status.
    pub(crate) status: u16,
    /// Headers besides the usual ones.
    pub(crate) headers: Vec<(&'static str, String)>,
    /// `Content-Type`.
    pub(crate) content_type: &'static str,
    /// The body.
    pub(crate) body: Arc<Vec<u8>>,
    /// How it is sent.
    pub(crate) delivery: Delivery,
    /// Whether it refuses somebody who asked too fast.
    pub(crate) is_refusal: bool,
}

/// How an answer is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// As it should be.
    Whole,
    /// Half of the announced body, then the end of the connection.
    Cut,
    /// Some bytes at a time, with this many milliseconds between them.
    Slow(u64),
    /// The body and then blanks without end, with this many milliseconds between them.
    Endless(u64),
    /// Nothing at all, on an open connection.
    Stall,
    /// The connection is reset.
    Reset,
}

impl Response {
    pub(crate) fn new(status: u16, content_type: &'static str, body: impl Into<Vec<u8>>) -> Response {
        let body = Arc::new(body.into());
        Response { status, headers: Vec::new(), content_type, body, delivery: Delivery::Whole, is_refusal: false }
    }

    pub(crate) fn json(status: u16, body: impl Into<Vec<u8>>) -> Response {
        Response::new(status, "application/json;charset=UTF-8", body)
    }

    pub(crate) fn html(status: u16) -> Response {
        let name = reason(status);
        Response::new(
            status,
            "text/html",
            format!(
                "<html>\r\n<head><title>{status} {name}</title></head>\r\n<body>\r\n<center><h1>{status} {name}</h1></center>\r\n</body>\r\n</html>\r\n"
            ),
        )
    }

    /// With one more header.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Response {
        self.headers.push((name, value.into()));
        self
    }

    /// Marked as the refusal of somebody who asked too fast.
    pub(crate) fn refused(mut self) -> Response {
        self.is_refusal = true;
        self
    }

    /// Sends it; whether the connection can be used again.
    pub(crate) fn send(&self, stream: &mut TcpStream, envelope: Envelope<'_>, stop: &Stop) -> io::Result<bool> {
        let is_kept = envelope.is_keep_alive && matches!(self.delivery, Delivery::Whole | Delivery::Slow(_));
        let mut bytes = self.head(envelope.date, is_kept);
        let head_bytes = bytes.len();
        if envelope.has_body {
            bytes.extend_from_slice(&self.body);
        }
        match self.delivery {
            Delivery::Whole => stream.write_all(&bytes)?,
            Delivery::Cut => stream.write_all(&bytes[..head_bytes + (bytes.len() - head_bytes) / 2])?,
            Delivery::Slow(wait_ms) => {
                let pieces = bytes.chunks(self.body.len() / 20 + 64);
                drip(stream, pieces, wait_ms, stop)?;
            }
            Delivery::Endless(wait_ms) => {
                stream.write_all(&bytes)?;
                drip(stream, std::iter::repeat(&b" "[..]), wait_ms, stop)?;
            }
            Delivery::Stall => drip(stream, std::iter::repeat(&b""[..]), 50, stop)?,
            Delivery::Reset => {
                rustix::net::sockopt::set_socket_linger(&*stream, Some(Duration::ZERO))?;
            }
        }
        Ok(is_kept)
    }

    fn head(&self, date: &str, is_kept: bool) -> Vec<u8> {
        let length = match self.delivery {
            Delivery::Endless(_) => self.body.len() + (1 << 30),
            _ => self.body.len(),
        };
        let connection = if is_kept { "keep-alive" } else { "close" };
        let mut head = format!(
            "HTTP/1.1 {} {}\r\nServer: dccd-sim\r\nDate: {date}\r\nContent-Type: {}\r\nContent-Length: {length}\r\nConnection: {connection}\r\n",
            self.status,
            reason(self.status),
            self.content_type
        );
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        head.into_bytes()
    }
}

/// What an answer needs to know of its request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Envelope<'a> {
    /// The `Date` header.
    pub(crate) date: &'a str,
    /// Whether the client wants to go on.
    pub(crate) is_keep_alive: bool,
    /// Not for HEAD.
    pub(crate) has_body: bool,
}

/// Sends piece after piece until they end, the client goes away, the program stops or it took too long.
fn drip<'a>(
    stream: &mut TcpStream,
    pieces: impl Iterator<Item = &'a [u8]>,
    wait_ms: u64,
    stop: &Stop,
) -> io::Result<()> {
    let pause = Duration::from_millis(wait_ms.clamp(1, 60_000));
    let mut spent = Duration::ZERO;
    for piece in pieces {
        stream.write_all(piece)?;
        let mut left = pause;
        while !left.is_zero() {
            if stop.is_set() || spent > BAD_DELIVERY_MAX || is_gone(stream) {
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
            let step = left.min(STEP);
            thread::sleep(step);
            left -= step;
            spent += step;
        }
    }
    Ok(())
}

fn is_gone(stream: &TcpStream) -> bool {
    let mut byte = [0];
    let flags = rustix::net::RecvFlags::PEEK | rustix::net::RecvFlags::DONTWAIT;
    matches!(rustix::net::recv(stream, &mut byte[..], flags), Ok((0, _)))
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        410 => "Gone",
        418 => "I'm a teapot",
        429 => "Too Many Requests",
        451 => "Unavailable For Legal Reasons",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Unknown",
    }
}
