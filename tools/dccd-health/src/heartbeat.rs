//! A sign of life for somebody who raises the alarm when it stays away: a dead-man's switch.

use dccd_cli::Stop;
use dccd_cli::config::Alerts;

use crate::http::{Address, HttpError, Message, TRIES_MAX};

/// Asks for the configured `heartbeat_url`, and says whether there is one. Call it only while everything is well.
pub(crate) fn ping(alerts: &Alerts, stop: &Stop) -> Result<bool, HttpError> {
    let Some(secret) = &alerts.heartbeat_url else { return Ok(false) };
    Address::of("heartbeat_url", secret)?.send(Message::Ping, TRIES_MAX, stop)?;
    Ok(true)
}
