//! Where exchanges are reached.

use std::ffi::OsString;
use std::fmt;

use crate::config::{Addresses, Config};
use crate::env;
use crate::status::{Status, ToolError};

/// Where exchanges are reached: at a flag's URL, else the environment's, else the configuration's, else their own.
#[derive(Clone, Debug)]
pub struct AddressBook {
    flags: Addresses,
    environment: fn(&str) -> Option<OsString>,
    config: Option<Config>,
}

impl AddressBook {
    /// The addresses of the environment and of `config`.
    pub fn new(config: Option<Config>) -> AddressBook {
        AddressBook { flags: Addresses::default(), environment: env::value, config }
    }

    /// Puts `--rest-url` before them.
    pub fn with_rest_url(mut self, url: Option<String>) -> Result<AddressBook, AddressError> {
        self.flags.rest_url = checked_flag(Interface::Rest, url)?;
        Ok(self)
    }

    /// Puts `--archive-url` before them.
    pub fn with_archive_url(mut self, url: Option<String>) -> Result<AddressBook, AddressError> {
        self.flags.archive_url = checked_flag(Interface::Archive, url)?;
        Ok(self)
    }

    /// Puts `--ws-url` before them.
    pub fn with_ws_url(mut self, url: Option<String>) -> Result<AddressBook, AddressError> {
        self.flags.ws_url = checked_flag(Interface::Ws, url)?;
        Ok(self)
    }

    /// Where an exchange's REST interface is asked, without a slash at the end; `default` is its own address.
    pub fn rest_url(&self, exchange: &str, default: &str) -> Result<String, AddressError> {
        self.url(Interface::Rest, exchange, default)
    }

    /// Where an exchange's bulk files are fetched, without a slash at the end; `default` is its own address.
    pub fn archive_url(&self, exchange: &str, default: &str) -> Result<String, AddressError> {
        self.url(Interface::Archive, exchange, default)
    }

    /// Where an exchange's WebSocket is opened, without a slash at the end; `default` is its own address.
    pub fn ws_url(&self, exchange: &str, default: &str) -> Result<String, AddressError> {
        self.url(Interface::Ws, exchange, default)
    }

    /// Whether we are told to find an exchange's REST interface somewhere else.
    pub fn is_elsewhere(&self, exchange: &str) -> bool {
        self.stand_in(Interface::Rest, exchange).is_some()
    }

    fn url(&self, interface: Interface, exchange: &str, default: &str) -> Result<String, AddressError> {
        let url = self.stand_in(interface, exchange).unwrap_or_else(|| Ok(default.to_owned()))?;
        Ok(url.trim_end_matches('/').to_owned())
    }

    /// The address that takes the place of the exchange's own. Only the environment's is not checked before.
    fn stand_in(&self, interface: Interface, exchange: &str) -> Option<Result<String, AddressError>> {
        if let Some(url) = interface.of(&self.flags) {
            return Some(Ok(url.clone()));
        }
        let variable = interface.variable(exchange);
        if let Some(url) = (self.environment)(&variable) {
            return Some(interface.check(&variable, url.to_string_lossy().into_owned()));
        }
        let configured = self.config.as_ref()?.addresses(exchange)?;
        interface.of(configured).clone().map(Ok)
    }
}

/// A URL of a flag or a variable that is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressError {
    name: String,
    url: String,
    example: &'static str,
}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let AddressError { name, url, example } = self;
        write!(f, "{name}: {url:?} is no URL such as {example}")
    }
}

impl std::error::Error for AddressError {}

impl ToolError for AddressError {
    fn exit(&self) -> Status {
        Status::Usage
    }
}

/// What of an exchange is reached.
#[derive(Clone, Copy, Debug)]
enum Interface {
    Rest,
    Archive,
    Ws,
}

impl Interface {
    fn flag(self) -> &'static str {
        match self {
            Interface::Rest => "--rest-url",
            Interface::Archive => "--archive-url",
            Interface::Ws => "--ws-url",
        }
    }

    fn variable(self, exchange: &str) -> String {
        match self {
            Interface::Rest => env::rest_url(exchange),
            Interface::Archive => env::archive_url(exchange),
            Interface::Ws => env::ws_url(exchange),
        }
    }

    fn of(self, addresses: &Addresses) -> &Option<String> {
        match self {
            Interface::Rest => &addresses.rest_url,
            Interface::Archive => &addresses.archive_url,
            Interface::Ws => &addresses.ws_url,
        }
    }

    /// The URL that `name` gives, if paths can be put behind it.
    fn check(self, name: &str, url: String) -> Result<String, AddressError> {
        let (schemes, example) = match self {
            Interface::Rest | Interface::Archive => (["https://", "http://"], "https://api.binance.com"),
            Interface::Ws => (["wss://", "ws://"], "wss://stream.binance.com:9443"),
        };
        let rest = schemes.into_iter().find_map(|scheme| url.strip_prefix(scheme));
        match rest {
            Some(rest) if !rest.is_empty() && !url.contains(['?', '#', ' ']) => Ok(url),
            _ => Err(AddressError { name: name.to_owned(), url, example }),
        }
    }
}

fn checked_flag(interface: Interface, url: Option<String>) -> Result<Option<String>, AddressError> {
    url.map(|url| interface.check(interface.flag(), url)).transpose()
}

#[cfg(test)]
mod tests;
