//! One GET over a connection that is kept.

use std::fmt;
use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

use dccd_record::Ts;
use ureq::Agent;
use ureq::config::AutoHeaderValue;
use ureq::http::{HeaderMap, Response};
use ureq::tls::{RootCerts, TlsConfig};

/// The largest answer that is read into memory.
const BODY_BYTES_MAX: usize = 32 << 20;
const BLOCK_BYTES: usize = 64 << 10;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(30);
const BODY_TIMEOUT: Duration = Duration::from_secs(60);
/// The longest silence inside a body.
const READ_TIMEOUT: Duration = Duration::from_secs(20);
/// A body of any length must bring so many bytes...
const PACE_BYTES: usize = 64 << 10;
/// ...in each stretch of so long.
const PACE_TIME: Duration = Duration::from_secs(60);

/// What stands above a body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// The status code.
    pub status: u16,
    /// The server's clock, in whole seconds.
    pub date: Option<Ts>,
    /// How long it wants to be left alone.
    pub retry_after_secs: Option<u64>,
    /// What it says we have used of its limit.
    pub usage: Option<u32>,
    /// Whether it says that the body is a web page.
    pub is_html: bool,
}

/// A body, in memory that is used again.
#[derive(Debug, Default)]
pub struct Body {
    block: Vec<u8>,
    len: usize,
}

impl Body {
    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        self.block.get(..self.len).unwrap_or_default()
    }

    fn fill(&mut self, mut reader: impl Read) -> Result<(), HttpError> {
        self.len = 0;
        loop {
            if self.len == self.block.len() {
                if self.len >= BODY_BYTES_MAX {
                    return Err(HttpError::TooLarge);
                }
                let grown = (self.len * 2).clamp(BLOCK_BYTES, BODY_BYTES_MAX);
                self.block.resize(grown, 0);
            }
            let free = self.block.get_mut(self.len..).unwrap_or_default();
            match reader.read(free) {
                Ok(0) => return Ok(()),
                Ok(count) => self.len += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(from_io(error)),
            }
        }
    }
}

/// Asks one host; connections are kept and used again.
#[derive(Clone, Debug)]
pub struct Client {
    agent: Agent,
}

impl Client {
    /// A client for `base`. Certificates are looked at when the first https connection is made.
    pub fn new(base: &str) -> Client {
        // Compressing costs both sides more than a plain connection, which is a near one, costs.
        let encoding = if base.starts_with("https:") { AutoHeaderValue::Default } else { AutoHeaderValue::None };
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .accept_encoding(encoding)
            .user_agent(concat!("dccd/", env!("CARGO_PKG_VERSION")))
            .tls_config(TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build())
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .timeout_recv_response(Some(RESPONSE_TIMEOUT))
            .timeout_per_read(Some(READ_TIMEOUT))
            .output_buffer_size(8 << 10)
            .input_buffer_size(64 << 10)
            .build();
        Client { agent: Agent::new_with_config(config) }
    }

    /// Asks for `url` and reads the whole answer.
    pub fn get(&self, url: &str, usage_header: Option<&str>, body: &mut Body) -> Result<Head, HttpError> {
        let request = self.agent.get(url).config().timeout_recv_body(Some(BODY_TIMEOUT)).build();
        let mut response = request.call().map_err(HttpError::from)?;
        let head = head(&response, usage_header);
        body.fill(response.body_mut().as_reader())?;
        Ok(head)
    }

    /// Asks for `url` and hands what comes to `sink`, if the status is 200.
    pub fn get_into(&self, url: &str, mut sink: impl FnMut(&[u8]) -> Result<(), HttpError>) -> Result<Head, HttpError> {
        let mut response = self.agent.get(url).call().map_err(HttpError::from)?;
        let head = head(&response, None);
        if head.status != 200 {
            return Ok(head);
        }
        let mut reader = response.body_mut().as_reader();
        let mut block = vec![0; BLOCK_BYTES];
        let mut pace = Pace::new(Instant::now());
        loop {
            match reader.read(&mut block) {
                Ok(0) => return Ok(head),
                Ok(count) => {
                    pace.take(count, Instant::now())?;
                    sink(block.get(..count).unwrap_or_default())?;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(from_io(error)),
            }
        }
    }
}

/// Tells a long body from one that never ends because it comes in drops.
#[derive(Debug)]
pub(crate) struct Pace {
    since: Instant,
    bytes: usize,
}

impl Pace {
    pub(crate) fn new(now: Instant) -> Pace {
        Pace { since: now, bytes: 0 }
    }

    pub(crate) fn take(&mut self, count: usize, now: Instant) -> Result<(), HttpError> {
        self.bytes = self.bytes.saturating_add(count);
        if now.saturating_duration_since(self.since) < PACE_TIME {
            return Ok(());
        }
        if self.bytes < PACE_BYTES {
            return Err(HttpError::Timeout("the body comes in drops".to_owned()));
        }
        *self = Pace::new(now);
        Ok(())
    }
}

/// Writes for [`Client::get_into`].
pub(crate) fn write_all(file: &mut impl Write, bytes: &[u8]) -> Result<(), HttpError> {
    file.write_all(bytes).map_err(HttpError::TempFile)
}

/// Why there is no answer. All of it may heal but a bad URL.
#[derive(Debug)]
pub enum HttpError {
    /// The URL is none.
    Url(String),
    /// Nothing came in time.
    Timeout(String),
    /// The answer is shorter than it said.
    Cut(String),
    /// The answer is larger than any answer should be.
    TooLarge,
    /// The temporary file could not be written.
    TempFile(io::Error),
    /// Somebody asked us to stop while the body came in.
    Stopped,
    /// Anything else on the way.
    Connection(String),
}

impl HttpError {
    /// Whether asking again may help.
    pub fn is_retryable(&self) -> bool {
        !matches!(self, HttpError::Url(_) | HttpError::TooLarge | HttpError::Stopped)
    }
}

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HttpError::Url(why) => write!(f, "not a URL that can be asked: {why}"),
            HttpError::Timeout(what) => write!(f, "no answer in time ({what})"),
            HttpError::Cut(why) => write!(f, "the answer was cut off: {why}"),
            HttpError::TooLarge => write!(f, "the answer has more than {} MiB", BODY_BYTES_MAX >> 20),
            HttpError::TempFile(cause) => write!(f, "cannot write to the temporary file: {cause}"),
            HttpError::Stopped => f.write_str("stopped"),
            HttpError::Connection(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for HttpError {}

impl From<ureq::Error> for HttpError {
    fn from(error: ureq::Error) -> HttpError {
        match error {
            ureq::Error::BadUri(_) | ureq::Error::Http(_) | ureq::Error::InvalidProxyUrl => {
                HttpError::Url(error.to_string())
            }
            ureq::Error::Timeout(what) => HttpError::Timeout(what.to_string()),
            ureq::Error::Io(cause) => from_io(cause),
            other => HttpError::Connection(other.to_string()),
        }
    }
}

/// Inside a body, ureq wraps its own errors into those of `io`.
fn from_io(error: io::Error) -> HttpError {
    let text = error.to_string();
    match error.kind() {
        io::ErrorKind::UnexpectedEof => HttpError::Cut(text),
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => HttpError::Timeout(text),
        _ => match error.downcast::<ureq::Error>() {
            Ok(ureq::Error::Timeout(what)) => HttpError::Timeout(what.to_string()),
            Ok(inner) => HttpError::Cut(inner.to_string()),
            Err(_) => HttpError::Connection(text),
        },
    }
}

fn head<T>(response: &Response<T>, usage_header: Option<&str>) -> Head {
    let headers = response.headers();
    let date = text(headers, "date").and_then(parse_date);
    Head {
        status: response.status().as_u16(),
        date,
        retry_after_secs: text(headers, "retry-after").and_then(|value| parse_retry_after(value, date)),
        is_html: text(headers, "content-type").is_some_and(|kind| kind.trim_start().starts_with("text/html")),
        usage: usage_header.and_then(|name| text(headers, name)).and_then(|value| value.trim().parse().ok()),
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// An HTTP date.
pub(crate) fn parse_date(value: &str) -> Option<Ts> {
    let stamp = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(value.trim()).ok()?;
    Ts::from_secs(stamp.as_second()).ok()
}

/// Seconds, or a date; the latter is measured by the server's own clock.
pub(crate) fn parse_retry_after(value: &str, now: Option<Ts>) -> Option<u64> {
    if let Ok(seconds) = value.trim().parse() {
        return Some(seconds);
    }
    let until = parse_date(value)?;
    u64::try_from(until.secs() - now?.secs()).ok().or(Some(0))
}
