//! How far one gets towards a server: its name, its port, its certificate.

use std::fmt;
use std::io;
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};
use rustls_platform_verifier::ConfigVerifierExt;

use super::Finding;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);
/// A name may have many addresses; if these do not answer, the others are not asked.
const ADDRESSES_MAX: usize = 3;

/// Whether certificates can be judged at all.
pub(super) fn certificates() -> Vec<Finding> {
    const TOPIC: &str = "tls";
    vec![match ClientConfig::with_platform_verifier() {
        Ok(_) => Finding::ok(TOPIC, "the certificates of this host can be used"),
        Err(cause) => {
            let what = format!("no certificates that servers could be judged by: {cause}");
            Finding::fail(TOPIC, what, "apt-get install ca-certificates")
        }
    }]
}

/// A server's name and port, and whether it is spoken to in TLS.
#[derive(Clone, Debug)]
pub(super) struct Server {
    host: String,
    port: u16,
    is_tls: bool,
}

impl Server {
    /// The server of a URL such as `https://host:port/path`.
    pub(super) fn of(url: &str) -> Option<Server> {
        let (scheme, rest) = url.split_once("://")?;
        let is_tls = matches!(scheme, "https" | "wss");
        let authority = rest.split('/').next()?;
        let authority = authority.rsplit('@').next()?;
        let usual = if is_tls { 443 } else { 80 };
        let (host, port) = match authority.strip_prefix('[') {
            Some(bracketed) => {
                let (host, rest) = bracketed.split_once(']')?;
                (host, rest.strip_prefix(':').map_or(Some(usual), |port| port.parse().ok())?)
            }
            None => match authority.rsplit_once(':') {
                Some((host, port)) => (host, port.parse().ok()?),
                None => (authority, usual),
            },
        };
        (!host.is_empty()).then(|| Server { host: host.to_owned(), port, is_tls })
    }

    /// Goes as far as a handshake; the error says how far that is.
    pub(super) fn reach(&self) -> Result<(), Obstacle> {
        let tcp = self.connect()?;
        if self.is_tls { self.shake_hands(tcp) } else { Ok(()) }
    }

    fn connect(&self) -> Result<TcpStream, Obstacle> {
        let name = || self.host.clone();
        let addresses = (self.host.as_str(), self.port).to_socket_addrs();
        let addresses = addresses.map_err(|cause| Obstacle::Name { host: name(), why: cause.to_string() })?;
        let mut why = "it has no address".to_owned();
        for address in addresses.take(ADDRESSES_MAX) {
            match TcpStream::connect_timeout(&address, CONNECT_TIMEOUT) {
                Ok(tcp) => return Ok(tcp),
                Err(cause) => why = format!("{address}: {cause}"),
            }
        }
        Err(Obstacle::Connection { host: name(), why })
    }

    fn shake_hands(&self, mut tcp: TcpStream) -> Result<(), Obstacle> {
        let broken = |cause: &dyn fmt::Display| Obstacle::Tls { host: self.host.clone(), why: cause.to_string() };
        let config = ClientConfig::with_platform_verifier().map_err(|cause| broken(&cause))?;
        let name = ServerName::try_from(self.host.clone()).map_err(|cause| broken(&cause))?;
        let mut connection = ClientConnection::new(Arc::new(config), name).map_err(|cause| broken(&cause))?;
        tcp.set_read_timeout(Some(HANDSHAKE_TIMEOUT)).map_err(|cause| broken(&cause))?;
        tcp.set_write_timeout(Some(HANDSHAKE_TIMEOUT)).map_err(|cause| broken(&cause))?;
        while connection.is_handshaking() {
            connection.complete_io(&mut tcp).map_err(|cause| match certificate_trouble(&cause) {
                Some(why) => Obstacle::Certificate { host: self.host.clone(), why },
                None => broken(&cause),
            })?;
        }
        Ok(())
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tls = if self.is_tls { " with TLS" } else { "" };
        write!(f, "{}:{}{tls}", self.host, self.port)
    }
}

/// Why a certificate was not accepted, if that is what went wrong.
fn certificate_trouble(cause: &io::Error) -> Option<String> {
    match cause.get_ref()?.downcast_ref::<rustls::Error>()? {
        rustls::Error::InvalidCertificate(why) => Some(why.to_string()),
        _ => None,
    }
}

/// What one does not get past.
#[derive(Debug)]
pub(super) enum Obstacle {
    Name { host: String, why: String },
    Connection { host: String, why: String },
    Certificate { host: String, why: String },
    Tls { host: String, why: String },
}

impl Obstacle {
    /// What helps.
    pub(super) fn fix(&self) -> String {
        match self {
            Obstacle::Name { host, .. } => format!("see /etc/resolv.conf, and what getent hosts {host} says"),
            Obstacle::Connection { .. } => {
                "is there a network, and a firewall that lets it out? A proxy is named by HTTPS_PROXY".to_owned()
            }
            Obstacle::Certificate { .. } => {
                "is the clock right, ca-certificates up to date, and no proxy looking into TLS?".to_owned()
            }
            Obstacle::Tls { .. } => {
                "something on the way does not let TLS pass; does the URL name a TLS port?".to_owned()
            }
        }
    }
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Obstacle::Name { host, why } => write!(f, "the name {host} leads nowhere (DNS): {why}"),
            Obstacle::Connection { host, why } => write!(f, "cannot connect to {host}: {why}"),
            Obstacle::Certificate { host, why } => write!(f, "the certificate of {host} is not accepted: {why}"),
            Obstacle::Tls { host, why } => write!(f, "no TLS handshake with {host}: {why}"),
        }
    }
}
