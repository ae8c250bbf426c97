//! A small HTTP/1.1 server: one thread per connection, keep-alive, GET and HEAD.

mod request;
mod response;
mod server;

pub(crate) use request::{Query, Request};
pub(crate) use response::{Delivery, Response};
pub(crate) use server::{Handler, Server, Takeover};
