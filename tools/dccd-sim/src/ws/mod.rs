//! The stream side: WebSockets on the port of all else, one thread each.
//!
//! An exchange makes a [`Session`] for each connection; what it returns is sent, unless a fault strikes it.

mod connection;
mod frame;
mod gate;
pub(crate) mod handshake;
mod session;
#[cfg(test)]
mod tests;
mod traffic;

pub(crate) use connection::{Connection, Hub};
pub(crate) use frame::{Content, Frame, Load, Topic};
#[cfg(test)]
pub(crate) use gate::Gate;
pub(crate) use session::{Admission, ControlKind, Farewell, Meter, Session, World, is_overdue};
pub(crate) use traffic::Traffic;
