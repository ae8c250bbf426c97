//! Requests to the addresses of the configuration.
//!
//! Such an address is a secret: whoever knows it may speak in our name. So what is said of a failure names its scheme and host,
//! and nothing that stands behind them.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use dccd_cli::config::Secret;
use dccd_cli::{Status, Stop, ToolError};
use dccd_rest::Backoff;
use ureq::Agent;
use ureq::http::Uri;
use ureq::tls::{RootCerts, TlsConfig};

/// Tries of one request, where nobody waits for us.
pub(crate) const TRIES_MAX: u32 = 3;
/// One try, from the look-up of the name to the status.
const TRY_TIMEOUT: Duration = Duration::from_secs(5);
/// The wait before the second try; each further one is twice as long.
const WAIT_FIRST: Duration = Duration::from_millis(500);
const WAIT_MAX: Duration = Duration::from_secs(2);

/// An address of the configuration.
pub(crate) struct Address {
    /// Its key there.
    key: &'static str,
    uri: Uri,
    agent: Agent,
}

/// What is sent.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Message<'a> {
    /// A GET: its arrival says it all.
    Ping,
    /// A POST of JSON.
    Json(&'a [u8]),
}

impl Address {
    /// The address that is the secret called `key`.
    pub(crate) fn of(key: &'static str, secret: &Secret) -> Result<Address, HttpError> {
        let url = secret.reveal().map_err(|cause| HttpError::Unreadable {
            key,
            path: secret.file().map(PathBuf::from).unwrap_or_default(),
            cause,
        })?;
        let uri: Uri = url.trim().parse().map_err(|_| HttpError::NoAddress { key })?;
        if !matches!(uri.scheme_str(), Some("http" | "https")) || uri.host().is_none_or(str::is_empty) {
            return Err(HttpError::NoAddress { key });
        }
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(concat!("dccd/", env!("CARGO_PKG_VERSION")))
            .tls_config(TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build())
            .timeout_global(Some(TRY_TIMEOUT))
            .build();
        Ok(Address { key, uri, agent: Agent::new_with_config(config) })
    }

    /// Sends a message; what may heal is tried `tries` times in all, but once only if somebody asks us to stop.
    pub(crate) fn send(&self, message: Message<'_>, tries: u32, stop: &Stop) -> Result<(), HttpError> {
        let mut waits = Backoff::new(WAIT_FIRST, WAIT_MAX);
        for left in (0..tries.max(1)).rev() {
            match self.send_once(message) {
                Ok(()) => return Ok(()),
                Err(refusal) if left == 0 || !refusal.is_passing() || !stop.wait(waits.next()) => {
                    return Err(HttpError::Failed {
                        key: self.key,
                        host: self.shown(),
                        tries: tries.max(1) - left,
                        refusal,
                    });
                }
                Err(_) => {}
            }
        }
        Ok(())
    }

    fn send_once(&self, message: Message<'_>) -> Result<(), Refusal> {
        let sent = match message {
            Message::Ping => self.agent.get(&self.uri).call(),
            Message::Json(body) => self.agent.post(&self.uri).content_type("application/json").send(body),
        };
        match sent {
            Ok(response) if response.status().is_success() => Ok(()),
            Ok(response) => Err(Refusal::Status(response.status().as_u16())),
            Err(error) => Err(Refusal::NoAnswer(reason(&error))),
        }
    }

    /// What may be said of it.
    fn shown(&self) -> String {
        let port = self.uri.port_u16().map_or_else(String::new, |port| format!(":{port}"));
        format!("{}://{}{port}", self.uri.scheme_str().unwrap_or_default(), self.uri.host().unwrap_or_default())
    }
}

/// Why a message did not arrive, as far as is known.
#[derive(Debug)]
pub(crate) enum HttpError {
    /// The file that holds the address.
    Unreadable { key: &'static str, path: PathBuf, cause: io::Error },
    /// Something else stands there.
    NoAddress { key: &'static str },
    /// Nobody took it.
    Failed { key: &'static str, host: String, tries: u32, refusal: Refusal },
}

/// How one try ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// With a status that is no success.
    Status(u16),
    /// Without one.
    NoAnswer(String),
}

impl Refusal {
    fn is_passing(&self) -> bool {
        match self {
            Refusal::Status(status) => matches!(status, 408 | 425 | 429 | 500..),
            Refusal::NoAnswer(_) => true,
        }
    }
}

/// The cause, without anything that the address or the answer could have brought in.
fn reason(error: &ureq::Error) -> String {
    match error {
        ureq::Error::Timeout(_) => format!("no answer within {} s", TRY_TIMEOUT.as_secs()),
        ureq::Error::HostNotFound => "no such host".to_owned(),
        ureq::Error::Io(cause) => cause.kind().to_string(),
        ureq::Error::Rustls(cause) => format!("TLS: {cause}"),
        ureq::Error::Tls(cause) => format!("TLS: {cause}"),
        ureq::Error::InvalidProxyUrl => "the proxy of the environment is no address".to_owned(),
        ureq::Error::Protocol(_) => "the answer is no HTTP".to_owned(),
        _ => "the connection failed".to_owned(),
    }
}

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HttpError::Unreadable { key, path, cause } => {
                write!(f, "cannot read {key} from {}: {cause}", path.display())
            }
            HttpError::NoAddress { key } => write!(f, "{key} is no address such as https://example.org/path"),
            HttpError::Failed { key, host, tries, refusal } => {
                let noun = if *tries == 1 { "try" } else { "tries" };
                write!(f, "{key} at {host} {refusal} ({tries} {noun})")
            }
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Status(status @ 300..400) => {
                write!(f, "sends elsewhere with status {status}; name the final address")
            }
            Refusal::Status(status) => write!(f, "answers with status {status}"),
            Refusal::NoAnswer(why) => write!(f, "cannot be reached: {why}"),
        }
    }
}

impl std::error::Error for HttpError {}

impl ToolError for HttpError {
    fn exit(&self) -> Status {
        match self {
            HttpError::Failed { refusal, .. } if refusal.is_passing() => Status::TempFail,
            HttpError::Failed { .. } | HttpError::Unreadable { .. } | HttpError::NoAddress { .. } => Status::Config,
        }
    }
}
