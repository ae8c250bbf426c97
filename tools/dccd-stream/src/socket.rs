//! One WebSocket: opened by a thread of its own, read without waiting.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use rustls_platform_verifier::ConfigVerifierExt;
use tungstenite::client::IntoClientRequest;
use tungstenite::http::header::{RETRY_AFTER, USER_AGENT};
use tungstenite::http::{HeaderValue, Uri};
use tungstenite::protocol::WebSocketConfig;
use tungstenite::{HandshakeError, Message, WebSocket};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// For each step of the handshakes of TLS and WebSocket.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(15);
const HANDSHAKE_MAX: Duration = Duration::from_secs(30);
/// Whole books of the largest exchange have a third of it.
const MESSAGE_BYTES_MAX: usize = 32 << 20;
const READ_BUFFER_BYTES: usize = 128 << 10;
/// What may wait to be sent to somebody who does not read.
const WRITE_BUFFER_BYTES_MAX: usize = 1 << 20;

/// One WebSocket.
#[derive(Debug)]
pub(crate) struct Socket {
    inner: WebSocket<Stream>,
}

/// What [`Socket::read`] found.
#[derive(Debug)]
pub(crate) enum Heard {
    /// A message, in its letters.
    Text(tungstenite::Utf8Bytes),
    /// A sign of life of the protocol.
    Control,
    /// Nothing more for now.
    Nothing,
}

impl Socket {
    /// Opens a connection to `url`, which takes some time.
    pub(crate) fn connect(url: &str) -> Result<Socket, SocketError> {
        let begun = Instant::now();
        let uri: Uri = url.parse().map_err(|cause| SocketError::Url(format!("{url}: {cause}")))?;
        let is_tls = uri.scheme_str() == Some("wss");
        let host = uri.host().ok_or_else(|| SocketError::Url(format!("{url} names no host")))?;
        let port = uri.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
        let tcp = dial(host.trim_matches(['[', ']']), port)?;
        let stream = if is_tls { Stream::Tls(Box::new(tls(host, tcp)?)) } else { Stream::Plain(tcp) };
        let mut request = url.into_client_request().map_err(|cause| SocketError::Url(format!("{url}: {cause}")))?;
        let agent = HeaderValue::from_static(concat!("dccd/", env!("CARGO_PKG_VERSION")));
        request.headers_mut().insert(USER_AGENT, agent);
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER_BYTES)
            .write_buffer_size(0)
            .max_write_buffer_size(WRITE_BUFFER_BYTES_MAX)
            .max_message_size(Some(MESSAGE_BYTES_MAX))
            .max_frame_size(Some(MESSAGE_BYTES_MAX));
        let mut shaken = tungstenite::client::client_with_config(request, stream, Some(config));
        let inner = loop {
            match shaken {
                Ok((inner, _)) => break inner,
                Err(HandshakeError::Interrupted(later)) if begun.elapsed() < HANDSHAKE_MAX => {
                    shaken = later.handshake();
                }
                Err(HandshakeError::Interrupted(_)) => return Err(SocketError::Slow),
                Err(HandshakeError::Failure(cause)) => return Err(SocketError::from(cause)),
            }
        };
        inner.get_ref().tcp().set_nonblocking(true).map_err(SocketError::Io)?;
        Ok(Socket { inner })
    }

    /// The next message, without waiting for it.
    pub(crate) fn read(&mut self) -> Result<Heard, SocketError> {
        match self.inner.read() {
            Ok(Message::Text(text)) => Ok(Heard::Text(text)),
            Ok(Message::Binary(_)) => Err(SocketError::Protocol("a binary message".to_owned())),
            Ok(Message::Close(frame)) => {
                let why = frame.map(|frame| format!("{} {}", frame.code, frame.reason.as_str()));
                Err(SocketError::Closed(why.unwrap_or_else(|| "without a reason".to_owned()).trim_end().to_owned()))
            }
            Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)) => Ok(Heard::Control),
            Err(tungstenite::Error::Io(cause)) if is_not_now(&cause) => Ok(Heard::Nothing),
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
        not_now_is_fine(self.inner.flush())
    }

    /// Says goodbye, and does not wait for an answer.
    pub(crate) fn close(&mut self) {
        let _ = self.inner.close(None);
        let _ = self.inner.flush();
    }

    fn write(&mut self, message: Message) -> Result<(), SocketError> {
        not_now_is_fine(self.inner.send(message))
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inner.get_ref().tcp().as_fd()
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
                let timed = stream
                    .set_nodelay(true)
                    .and_then(|()| stream.set_read_timeout(Some(HANDSHAKE_TIMEOUT)))
                    .and_then(|()| stream.set_write_timeout(Some(HANDSHAKE_TIMEOUT)));
                return timed.map(|()| stream).map_err(SocketError::Io);
            }
            Err(cause) => failure = cause,
        }
    }
    Err(SocketError::Io(failure))
}

/// Certificates are those of the system; they are read when the first connection needs them.
fn tls(host: &str, tcp: TcpStream) -> Result<StreamOwned<ClientConnection, TcpStream>, SocketError> {
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
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Stream {
    fn tcp(&self) -> &TcpStream {
        match self {
            Stream::Plain(tcp) => tcp,
            Stream::Tls(tls) => &tls.sock,
        }
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
