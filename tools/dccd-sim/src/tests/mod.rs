//! What the tests of all exchanges share.

pub(crate) mod desk;
pub(crate) mod recordings;
