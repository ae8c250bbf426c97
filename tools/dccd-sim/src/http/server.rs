//! Accepts connections and answers their requests.

use std::io::{self, BufReader};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use dccd_cli::Stop;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::request::{Method, Request, RequestError};
use super::response::{Envelope, Response};

/// Two descriptors each stay below the usual limit of 1024.
const CONNECTIONS_MAX: usize = 400;
/// A connection without requests is closed after this.
const IDLE_MAX: Duration = Duration::from_secs(120);
const WRITE_MAX: Duration = Duration::from_secs(60);
/// How late a signal is seen.
const WAIT: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

/// Answers requests.
pub(crate) trait Handler: Send + Sync + 'static {
    /// The answer to one request.
    fn answer(&self, request: &Request) -> Response;

    /// The `Date` header of right now.
    fn date(&self) -> String;
}

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
        while !stop.is_set() {
            match self.listener.accept() {
                Ok((stream, _)) if open.load(Ordering::SeqCst) < CONNECTIONS_MAX => {
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
                (handler.answer(&request), request.is_keep_alive, !matches!(request.method, Method::Head))
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

/// Errors of `accept` that speak of the connection and not of the socket, or that pass.
fn is_fleeting(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::Interrupted | io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
    )
}
