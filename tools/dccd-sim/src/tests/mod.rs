//! What the tests of all exchanges share.

pub(crate) mod desk;
mod odd;
pub(crate) mod recordings;
