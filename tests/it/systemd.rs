//! Unattended, in a really booted systemd.

mod booted;
