//! What people install: the package for Debian, the static tarball, the image of a container.

mod deb;
mod image;
mod install;
pub(crate) mod make;
mod tarball;
