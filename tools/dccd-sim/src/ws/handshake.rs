//! From HTTP to a WebSocket.

use tungstenite::handshake::derive_accept_key;

use crate::http::Request;

const VERSION: &str = "13";

/// Why a handshake is refused, whatever the exchange says to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HandshakeError {
    /// Another version of the protocol, or no key.
    Malformed,
}

/// Whether a request asks for a WebSocket.
pub(crate) fn is_asked(request: &Request) -> bool {
    request.header("upgrade").is_some_and(|word| word.eq_ignore_ascii_case("websocket"))
}

/// The answer that makes a WebSocket of the connection. Extensions are never agreed on, so nothing is compressed.
pub(crate) fn accept(request: &Request) -> Result<Vec<u8>, HandshakeError> {
    let mut words = request.header("connection").unwrap_or_default().split(',').map(str::trim);
    let is_upgrade = words.any(|word| word.eq_ignore_ascii_case("upgrade"));
    let key = request.header("sec-websocket-key").filter(|key| key.len() == 24);
    let (true, Some(VERSION), Some(key)) = (is_upgrade, request.header("sec-websocket-version"), key) else {
        return Err(HandshakeError::Malformed);
    };
    let accept = derive_accept_key(key.as_bytes());
    let head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
    Ok(format!("{head}Sec-WebSocket-Accept: {accept}\r\n\r\n").into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(headers: &str) -> Request {
        let text = format!("GET /v2 HTTP/1.1\r\nHost: h\r\n{headers}\r\n");
        Request::read(&mut text.as_bytes()).ok().flatten().expect("a request")
    }

    #[test]
    fn the_key_of_the_standard_is_answered_as_in_the_standard() {
        let asked = request(
            "Upgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Extensions: permessage-deflate\r\n",
        );
        assert!(is_asked(&asked));
        let answer = accept(&asked).map(|answer| String::from_utf8_lossy(&answer).into_owned()).expect("accepted");
        assert!(answer.contains("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"), "{answer}");
        assert!(!answer.contains("Extensions"));
    }

    #[test]
    fn half_a_handshake_is_refused() {
        assert!(!is_asked(&request("")));
        for headers in [
            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n",
            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
            "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
        ] {
            assert_eq!(accept(&request(headers)), Err(HandshakeError::Malformed), "{headers}");
        }
    }
}
