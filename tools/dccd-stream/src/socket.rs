//! One WebSocket: opened by a thread of its own, read without waiting.

#[cfg(test)]
mod tests;

use std::fmt;
use std::io::{self, Read, Write};
use std::mem;
use std::net::{TcpStream, ToSocketAddrs};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use rustls_platform_verifier::ConfigVerifierExt;
use tungstenite::client::IntoClientRequest;
use tungstenite::error::ProtocolError;
use tungstenite::http::header::{RETRY_AFTER, USER_AGENT};
use tungstenite::http::{HeaderValue, Uri};
use tungstenite::protocol::{Role, WebSocketConfig, WebSocketContext};
use tungstenite::{HandshakeError, Message};

use crate::inbox::{Inbox, MESSAGE_BYTES_MAX, Part};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// For the handshakes of TLS and WebSocket together, however slowly they go on.
const HANDSHAKE_MAX: Duration = Duration::from_secs(30);
/// For somebody who does not read what we say in them.
const HANDSHAKE_WRITE_TIMEOUT: Duration = Duration::from_secs(15);
/// Messages in pieces are rare.
const PIECE_BUFFER_BYTES: usize = 4 << 10;
/// What may wait to be sent to somebody who does not read.
const WRITE_BUFFER_BYTES_MAX: usize = 1 << 20;

/// One WebSocket. Texts in one piece, which is nearly all that comes, are taken where they lie; whatever else the
/// protocol has is left to tungstenite.
#[derive(Debug)]
pub(crate) struct Socket {
    stream: Stream,
    protocol: WebSocketContext,
    /// What came; whoever reads takes it for the while.
    pub(crate) inbox: Inbox,
    /// Whether a message began of which more has to come.
    is_in_pieces: bool,
}

/// What [`Socket::read`] found.
#[derive(Debug)]
pub(crate) enum Heard<'a> {
    /// A message, in its letters.
    Text(&'a str),
    /// The same, put together from its pieces.
    Joined(tungstenite::Utf8Bytes),
    /// A sign of life of the protocol.
    Control,
    /// Nothing more for now.
    Nothing,
}

impl Socket {
    /// Opens a connection to `url`, which takes some time.
    pub(crate) fn connect(url: &str) -> Result<Socket, SocketError> {
        Socket::connect_within(url, HANDSHAKE_MAX)
    }

    fn connect_within(url: &str, handshake_max: Duration) -> Result<Socket, SocketError> {
        let uri: Uri = url.parse().map_err(|cause| SocketError::Url(format!("{url}: {cause}")))?;
        let is_tls = uri.scheme_str() == Some("wss");
        let host = uri.host().ok_or_else(|| SocketError::Url(format!("{url} names no host")))?;
        let port = uri.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
        let host = host.trim_matches(['[', ']']);
        let tcp = Tcp::new(dial(host, port)?, handshake_max);
        let stream = if is_tls { Stream::Tls(Box::new(tls(host, tcp)?)) } else { Stream::Plain(tcp) };
        let mut request = url.into_client_request().map_err(|cause| SocketError::Url(format!("{url}: {cause}")))?;
        let agent = HeaderValue::from_static(concat!("dccd/", env!("CARGO_PKG_VERSION")));
        request.headers_mut().insert(USER_AGENT, agent);
        let (mut stream, inbox) = match tungstenite::client(request, Heeded { stream, came: Vec::new() }) {
            Ok((socket, _)) => socket.into_inner().split(),
            Err(HandshakeError::Interrupted(_)) => return Err(SocketError::Slow),
            Err(HandshakeError::Failure(cause)) => return Err(SocketError::from(cause)),
        };
        stream.tcp_mut().stop_waiting().map_err(SocketError::Io)?;
        let config = WebSocketConfig::default()
            .read_buffer_size(PIECE_BUFFER_BYTES)
            .write_buffer_size(0)
            .max_write_buffer_size(WRITE_BUFFER_BYTES_MAX)
            .max_message_size(Some(MESSAGE_BYTES_MAX))
            .max_frame_size(Some(MESSAGE_BYTES_MAX));
        let protocol = WebSocketContext::new(Role::Client, Some(config));
        Ok(Socket { stream, protocol, inbox, is_in_pieces: false })
    }

    /// The next message, without waiting for it.
    pub(crate) fn read<'a>(&mut self, inbox: &'a mut Inbox) -> Result<Heard<'a>, SocketError> {
        let place = loop {
            if let Some(place) = inbox.find()? {
                break place;
            }
            match self.stream.read(inbox.room()) {
                Ok(0) => return Err(tungstenite::Error::from(ProtocolError::ResetWithoutClosingHandshake).into()),
                Ok(count) => inbox.add(count),
                Err(cause) if is_not_now(&cause) => return Ok(Heard::Nothing),
                Err(cause) => return Err(SocketError::Io(cause)),
            }
        };
        let frame = inbox.take(place);
        if frame.part == Part::Text && !self.is_in_pieces {
            let text = simdutf8::basic::from_utf8(frame.payload);
            return text.map(Heard::Text).map_err(|cause| SocketError::Protocol(cause.to_string()));
        }
        match frame.part {
            Part::Piece => self.is_in_pieces = true,
            Part::End => self.is_in_pieces = false,
            Part::Text | Part::Other => {}
        }
        self.understand(frame.bytes)
    }

    /// What a frame means that is no whole text.
    fn understand(&mut self, frame: &[u8]) -> Result<Heard<'static>, SocketError> {
        let read = self.protocol.read(&mut OneFrame { bytes: frame, stream: &mut self.stream });
        match read {
            Ok(Message::Text(text)) => Ok(Heard::Joined(text)),
            Ok(Message::Binary(_)) => Err(SocketError::Protocol("a binary message".to_owned())),
            Ok(Message::Close(frame)) => {
                let why = frame.map(|frame| format!("{} {}", frame.code, frame.reason.as_str()));
                Err(SocketError::Closed(why.unwrap_or_else(|| "without a reason".to_owned()).trim_end().to_owned()))
            }
            Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)) => self.flush().map(|()| Heard::Control),
            Err(tungstenite::Error::Io(cause)) if is_not_now(&cause) => Ok(Heard::Control),
            Err(cause) => Err(SocketError::from(cause)),
        }
    }

    /// Sends a text, as far as the other side takes it.
    pub(crate) fn send(&mut self, text: &str) -> Result<(), SocketError> {
        self.write(Message::text(text))
    }

    pub(crate) fn ping(&mut self) -> Result<(), SocketError> {
        self.write(Message::Ping(tungstenite::Bytes::new()))
    }

    /// Sends what could not be sent before.
    pub(crate) fn flush(&mut self) -> Result<(), SocketError> {
        not_now_is_fine(self.protocol.flush(&mut self.stream))
    }

    /// Says goodbye, and does not wait for an answer.
    pub(crate) fn close(&mut self) {
        let _ = self.protocol.close(&mut self.stream, None);
        let _ = self.protocol.flush(&mut self.stream);
    }

    fn write(&mut self, message: Message) -> Result<(), SocketError> {
        let written = self.protocol.write(&mut self.stream, message);
        not_now_is_fine(written.and_then(|()| self.protocol.flush(&mut self.stream)))
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.tcp().inner.as_fd()
    }
}

fn not_now_is_fine(done: Result<(), tungstenite::Error>) -> Result<(), SocketError> {
    match done {
        Err(tungstenite::Error::Io(cause)) if is_not_now(&cause) => Ok(()),
        done => done.map_err(SocketError::from),
    }
}

fn is_not_now(cause: &io::Error) -> bool {
    matches!(cause.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

/// Names are looked up anew each time, and each of their addresses is tried.
fn dial(host: &str, port: u16) -> Result<TcpStream, SocketError> {
    let mut failure = io::Error::new(io::ErrorKind::NotFound, format!("{host} has no address"));
    for address in (host, port).to_socket_addrs().map_err(SocketError::Io)? {
        match TcpStream::connect_timeout(&address, CONNECT_TIMEOUT) {
            Ok(stream) => {
                let timed =
                    stream.set_nodelay(true).and_then(|()| stream.set_write_timeout(Some(HANDSHAKE_WRITE_TIMEOUT)));
                return timed.map(|()| stream).map_err(SocketError::Io);
            }
            Err(cause) => failure = cause,
        }
    }
    Err(SocketError::Io(failure))
}

/// Certificates are those of the system; they are read when the first connection needs them.
fn tls(host: &str, tcp: Tcp) -> Result<StreamOwned<ClientConnection, Tcp>, SocketError> {
    static CONFIG: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    let config = match CONFIG.get() {
        Some(config) => Arc::clone(config),
        None => {
            let made = ClientConfig::with_platform_verifier().map_err(|cause| SocketError::Tls(cause.to_string()))?;
            Arc::clone(CONFIG.get_or_init(|| Arc::new(made)))
        }
    };
    let name = ServerName::try_from(host.to_owned()).map_err(|cause| SocketError::Tls(cause.to_string()))?;
    let connection = ClientConnection::new(config, name).map_err(|cause| SocketError::Tls(cause.to_string()))?;
    Ok(StreamOwned::new(connection, tcp))
}

/// With or without TLS.
#[derive(Debug)]
enum Stream {
    Plain(Tcp),
    Tls(Box<StreamOwned<ClientConnection, Tcp>>),
}

impl Stream {
    fn tcp(&self) -> &Tcp {
        match self {
            Stream::Plain(tcp) => tcp,
            Stream::Tls(tls) => &tls.sock,
        }
    }

    fn tcp_mut(&mut self) -> &mut Tcp {
        match self {
            Stream::Plain(tcp) => tcp,
            Stream::Tls(tls) => &mut tls.sock,
        }
    }
}

/// A connection that is not read in vain: one that gave less than there was room for is empty for now.
#[derive(Debug)]
struct Tcp {
    inner: TcpStream,
    /// Until when it waits for what comes.
    until: Option<Instant>,
    is_empty: bool,
}

impl Tcp {
    fn new(inner: TcpStream, wait_max: Duration) -> Tcp {
        Tcp { inner, until: Some(Instant::now() + wait_max), is_empty: false }
    }

    /// Reads only what is there from now on.
    fn stop_waiting(&mut self) -> io::Result<()> {
        self.until = None;
        self.inner.set_nonblocking(true)
    }
}

impl Read for Tcp {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if mem::take(&mut self.is_empty) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        if let Some(until) = self.until {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            self.inner.set_read_timeout(Some(left))?;
        }
        let count = self.inner.read(buffer)?;
        self.is_empty = self.until.is_none() && (1..buffer.len()).contains(&count);
        Ok(count)
    }
}

impl Write for Tcp {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.inner.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// A connection during the handshake: what comes is remembered, since its end may belong to what follows.
#[derive(Debug)]
struct Heeded {
    stream: Stream,
    came: Vec<u8>,
}

impl Heeded {
    /// The connection, and what came behind the answer to the handshake.
    fn split(self) -> (Stream, Inbox) {
        // An empty line ends it, and lines may end without CR.
        let behind = (0..self.came.len()).find_map(|at| match self.came.get(at..)? {
            [b'\n', b'\r', b'\n', behind @ ..] | [b'\n', b'\n', behind @ ..] => Some(behind.to_vec()),
            _ => None,
        });
        (self.stream, Inbox::new(behind.unwrap_or_default()))
    }
}

impl Read for Heeded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.stream.read(buffer)?;
        self.came.extend_from_slice(buffer.get(..count).unwrap_or_default());
        Ok(count)
    }
}

impl Write for Heeded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

/// A connection of which only one frame is read.
struct OneFrame<'a> {
    bytes: &'a [u8],
    stream: &'a mut Stream,
}

impl Read for OneFrame<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.bytes.read(buffer)? {
            0 => Err(io::ErrorKind::WouldBlock.into()),
            count => Ok(count),
        }
    }
}

impl Write for OneFrame<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Plain(tcp) => tcp.read(buffer),
            Stream::Tls(tls) => tls.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Plain(tcp) => tcp.write(bytes),
            Stream::Tls(tls) => tls.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Stream::Plain(tcp) => tcp.flush(),
            Stream::Tls(tls) => tls.flush(),
        }
    }
}

/// Why a connection is of no use.
#[derive(Debug)]
pub(crate) enum SocketError {
    /// The URL is none.
    Url(String),
    /// It was closed, for this reason.
    Closed(String),
    /// The other side answered the handshake with this status, and may have said how long it wants to be left alone.
    Refused { status: u16, retry_after_secs: Option<u64> },
    /// It took too long.
    Slow,
    /// A message is larger than any should be.
    TooLarge,
    /// Encryption failed.
    Tls(String),
    /// What came is not the protocol.
    Protocol(String),
    /// Anything else on the way.
    Io(io::Error),
}

impl From<tungstenite::Error> for SocketError {
    fn from(error: tungstenite::Error) -> SocketError {
        match error {
            tungstenite::Error::ConnectionClosed | tungstenite::Error::AlreadyClosed => {
                SocketError::Closed("without a reason".to_owned())
            }
            tungstenite::Error::Http(response) => {
                let said = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
                let retry_after_secs = said.and_then(|text| text.trim().parse().ok());
                SocketError::Refused { status: response.status().as_u16(), retry_after_secs }
            }
            tungstenite::Error::Capacity(_) => SocketError::TooLarge,
            tungstenite::Error::Io(cause) => SocketError::Io(cause),
            other => SocketError::Protocol(other.to_string()),
        }
    }
}

impl fmt::Display for SocketError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SocketError::Url(why) => write!(f, "not a URL that can be listened at: {why}"),
            SocketError::Closed(why) => write!(f, "the exchange closed the connection: {why}"),
            SocketError::Refused { status, .. } => {
                write!(f, "the exchange refused the connection with status {status}")
            }
            SocketError::Slow => f.write_str("no handshake in time"),
            SocketError::TooLarge => write!(f, "a message has more than {} MiB", MESSAGE_BYTES_MAX >> 20),
            SocketError::Tls(why) => write!(f, "no encryption: {why}"),
            SocketError::Protocol(why) => f.write_str(why),
            SocketError::Io(cause) => cause.fmt(f),
        }
    }
}

impl std::error::Error for SocketError {}
