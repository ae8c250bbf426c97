//! Accepts connections and answers their requests.

use std::io::{self, BufReader};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use dccd_cli::Stop;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::request::{Method, Request, RequestError};
use super::response::{Envelope, Response};

const CONNECTIONS_MAX: usize = 4_000;
/// Of the descriptors that the system allows, so many are for other things, and each connection takes two.
const DESCRIPTORS_KEPT: usize = 64;
const DESCRIPTORS_EACH: usize = 2;
/// A connection without requests is closed after this.
const IDLE_MAX: Duration = Duration::from_secs(120);
const WRITE_MAX: Duration = Duration::from_secs(60);
/// How late a signal is seen.
const WAIT: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

/// Answers requests.
pub(crate) trait Handler: Send + Sync + 'static {
    /// The answer to one request.
    fn answer(&self, request: &Request) -> Response;

    /// What comes of a request for another protocol; `None` if it is to be answered as any other.
    fn take_over(&self, request: &Request) -> Option<Takeover<'_>>;

    /// The `Date` header of right now.
    fn date(&self) -> String;
}

/// What comes of a request for another protocol.
pub(crate) enum Takeover<'a> {
    /// An answer, and the connection goes on as it was.
    Refused(Response),
    /// Whoever takes the connection over, with the bytes that came behind the request.
    Granted(Talk<'a>),
}

/// Talks on a connection until that ends.
type Talk<'a> = Box<dyn FnOnce(TcpStream, Vec<u8>, &Stop) -> io::Result<()> + 'a>;

/// A listening socket.
#[derive(Debug)]
pub(crate) struct Server {
    listener: TcpListener,
    address: SocketAddr,
}

impl Server {
    pub(crate) fn bind(address: SocketAddr) -> io::Result<Server> {
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        Ok(Server { listener, address })
    }

    /// Where it listens; the port is known even if 0 was asked for.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until told to stop; what is being answered then is left unfinished.
    pub(crate) fn serve(&self, handler: &Arc<impl Handler>, stop: &Stop) -> io::Result<()> {
        let open = Arc::new(AtomicUsize::new(0));
        let connections_max = connections_max();
        while !stop.is_set() {
            match self.listener.accept() {
                Ok((stream, _)) if open.load(Ordering::SeqCst) < connections_max => {
                    start(stream, handler, &open, stop)?;
                }
                // One too many: the client sees a closed connection.
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.wait()?,
                Err(error) if is_fleeting(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn wait(&self) -> io::Result<()> {
        match poll(&mut [PollFd::new(&self.listener, PollFlags::IN)], Some(&WAIT)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// One thread per connection, counted while it lives.
fn start(stream: TcpStream, handler: &Arc<impl Handler>, open: &Arc<AtomicUsize>, stop: &Stop) -> io::Result<()> {
    let (handler, stop) = (Arc::clone(handler), stop.clone());
    let counted = Counted::new(open);
    thread::Builder::new().name("connection".to_owned()).spawn(move || {
        let _counted = counted;
        // A client may go away at any time; that is its own business.
        let _ = converse(stream, handler.as_ref(), &stop);
    })?;
    Ok(())
}

#[derive(Debug)]
struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new(open: &Arc<AtomicUsize>) -> Counted {
        open.fetch_add(1, Ordering::SeqCst);
        Counted(Arc::clone(open))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

fn converse(mut stream: TcpStream, handler: &impl Handler, stop: &Stop) -> io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(IDLE_MAX))?;
    stream.set_write_timeout(Some(WRITE_MAX))?;
    let mut input = BufReader::new(stream.try_clone()?);
    loop {
        let (response, is_keep_alive, has_body) = match Request::read(&mut input) {
            Ok(None) => return Ok(()),
            Ok(Some(request)) if matches!(request.method, Method::Other) => (Response::html(405), false, true),
            Ok(Some(request)) => {
                let is_whole = !matches!(request.method, Method::Head);
                match handler.take_over(&request) {
                    Some(Takeover::Granted(talk)) => return talk(stream, input.buffer().to_vec(), stop),
                    Some(Takeover::Refused(response)) => (response, false, is_whole),
                    None => (handler.answer(&request), request.is_keep_alive, is_whole),
                }
            }
            Err(RequestError::Io(error)) => return Err(error),
            Err(_) => (Response::html(400), false, true),
        };
        let date = handler.date();
        if !response.send(&mut stream, Envelope { date: &date, is_keep_alive, has_body }, stop)? {
            return Ok(());
        }
    }
}

/// As many as descriptors allow, after asking the system for as many of them as it gives.
fn connections_max() -> usize {
    let mut limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    if setrlimit(Resource::Nofile, raised).is_ok() {
        limit = raised;
    }
    let descriptors = limit.current.map_or(usize::MAX, |current| usize::try_from(current).unwrap_or(usize::MAX));
    (descriptors.saturating_sub(DESCRIPTORS_KEPT) / DESCRIPTORS_EACH).min(CONNECTIONS_MAX)
}

/// Errors of `accept` that speak of the connection and not of the socket, or that pass.
fn is_fleeting(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::Interrupted | io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
    )
}
