//! One request, read within limits.

use std::fmt;
use std::io::{self, BufRead, Read};

const HEAD_BYTES_MAX: u64 = 16 << 10;
const BODY_BYTES_MAX: u64 = 64 << 10;
const HEADERS_MAX: usize = 64;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    Get,
    Head,
    Post,
    /// Anything else.
    Other,
}

/// One request; a body is read and forgotten.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// Its method.
    pub(crate) method: Method,
    /// The path, as it was sent.
    pub(crate) path: String,
    /// What follows the question mark.
    pub(crate) query: String,
    /// Whether the connection stays open afterwards.
    pub(crate) is_keep_alive: bool,
    headers: Vec<(String, String)>,
}

impl Request {
    /// Reads one; `None` where the client closed the connection between two.
    pub(crate) fn read(input: &mut impl BufRead) -> Result<Option<Request>, RequestError> {
        let mut head = input.take(HEAD_BYTES_MAX);
        let Some(line) = read_line(&mut head)? else { return Ok(None) };
        let mut words = line.split(' ');
        let (Some(method), Some(target), Some(version)) = (words.next(), words.next(), words.next()) else {
            return Err(RequestError::Malformed);
        };
        let method = match method {
            "GET" => Method::Get,
            "HEAD" => Method::Head,
            "POST" => Method::Post,
            _ => Method::Other,
        };
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let (path, query) = (path.to_owned(), query.to_owned());
        let is_modern = version == "HTTP/1.1";
        let headers = read_headers(&mut head)?;
        let mut request = Request { method, path, query, is_keep_alive: is_modern, headers };
        if let Some(word) = request.header("connection") {
            request.is_keep_alive = is_modern && !word.eq_ignore_ascii_case("close");
        }
        request.skip_body(input)?;
        Ok(Some(request))
    }

    /// The value of a header, by its lower-case name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Path and query as they were sent.
    pub(crate) fn target(&self) -> String {
        if self.query.is_empty() { self.path.clone() } else { format!("{}?{}", self.path, self.query) }
    }

    /// The parameters.
    pub(crate) fn query(&self) -> Query {
        Query::parse(&self.query)
    }

    fn skip_body(&self, input: &mut impl BufRead) -> Result<(), RequestError> {
        if self.header("transfer-encoding").is_some() {
            return Err(RequestError::TooLarge);
        }
        let Some(length) = self.header("content-length") else { return Ok(()) };
        let length: u64 = length.parse().map_err(|_| RequestError::Malformed)?;
        if length > BODY_BYTES_MAX {
            return Err(RequestError::TooLarge);
        }
        io::copy(&mut input.take(length), &mut io::sink()).map_err(RequestError::Io)?;
        Ok(())
    }
}

/// Parameters in the order in which they were sent, percent signs decoded.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    fn parse(text: &str) -> Query {
        let pairs = text.split('&').filter(|pair| !pair.is_empty());
        Query(
            pairs.map(|pair| pair.split_once('=').unwrap_or((pair, ""))).map(|(k, v)| (decode(k), decode(v))).collect(),
        )
    }

    /// The value of a parameter.
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// All parameters.
    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// Why a request could not be read.
#[derive(Debug)]
pub(crate) enum RequestError {
    /// Not HTTP/1.
    Malformed,
    /// Longer than any request has to be.
    TooLarge,
    /// The connection broke, or nothing came in time.
    Io(io::Error),
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RequestError::Malformed => f.write_str("not an HTTP/1 request"),
            RequestError::TooLarge => f.write_str("the request is too large"),
            RequestError::Io(cause) => cause.fmt(f),
        }
    }
}

fn read_headers(head: &mut impl BufRead) -> Result<Vec<(String, String)>, RequestError> {
    let mut headers = Vec::new();
    loop {
        let line = read_line(head)?.ok_or(RequestError::Malformed)?;
        if line.is_empty() {
            return Ok(headers);
        }
        if headers.len() == HEADERS_MAX {
            return Err(RequestError::TooLarge);
        }
        let (name, value) = line.split_once(':').ok_or(RequestError::Malformed)?;
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
}

/// A line without its end; `None` at the end of input.
fn read_line(head: &mut impl BufRead) -> Result<Option<String>, RequestError> {
    let mut line = Vec::new();
    head.read_until(b'\n', &mut line).map_err(RequestError::Io)?;
    if line.is_empty() {
        return Ok(None);
    }
    let Some(text) = line.strip_suffix(b"\n") else { return Err(RequestError::TooLarge) };
    let text = text.strip_suffix(b"\r").unwrap_or(text);
    String::from_utf8(text.to_vec()).map(Some).map_err(|_| RequestError::Malformed)
}

fn decode(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [byte, after @ ..] = rest {
        rest = after;
        match (byte, after) {
            (b'+', _) => out.push(b' '),
            (b'%', [high, low, beyond @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                out.push(hex_digit(*high) * 16 + hex_digit(*low));
                rest = beyond;
            }
            (plain, _) => out.push(*plain),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn hex_digit(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        letter => (letter | 0x20).wrapping_sub(b'a').wrapping_add(10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_read_one_after_the_other() {
        let mut bytes = &b"GET /a?x=1&y=%2F%zz+b HTTP/1.1\r\nHost: h\r\n\r\nPOST /b HTTP/1.1\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc"[..];
        let first = Request::read(&mut bytes).ok().flatten().expect("a request");
        assert_eq!((first.method, first.path.as_str(), first.is_keep_alive), (Method::Get, "/a", true));
        assert_eq!(first.query().value("y"), Some("/%zz b"));
        let second = Request::read(&mut bytes).ok().flatten().expect("a request");
        assert_eq!((second.method, second.path.as_str(), second.is_keep_alive), (Method::Post, "/b", false));
        assert!(matches!(Request::read(&mut bytes), Ok(None)));
    }

    #[test]
    fn odd_requests_are_refused() {
        let check =
            |bytes: &[u8]| assert!(Request::read(&mut &bytes[..]).is_err(), "{}", String::from_utf8_lossy(bytes));
        check(b"GET\r\n\r\n");
        check(b"GET / HTTP/1.1\r\nno colon\r\n\r\n");
        check(b"GET / HTTP/1.1\r\nHost: h\r\n");
        check(b"GET / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n");
        check(format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(20_000)).as_bytes());
        check(format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(100)).as_bytes());
    }
}
