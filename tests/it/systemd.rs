//! Unattended, in a really booted systemd.

mod booted;
mod config;
mod confined;
mod site;
mod trouble;
mod unattended;
mod upgrade;
mod user;
