//! What a program gives up before it touches what others wrote.
//!
//! A tool opens what it needs, then names its [`Powers`], and for the rest of its life has no others: not by a bug, and
//! not by somebody who has taken it over. Two layers see to that, and each does what it can where the other is missing.
//! Landlock ([`files`]) knows paths; it holds for the thread that asks for it and all that this one starts. Seccomp
//! ([`calls`]) knows system calls, and holds for every thread there is.

mod calls;
mod files;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use landlock::RulesetStatus;

use crate::log::Log;

/// What a tool needs once all is open that it could open before.
///
/// Standard streams and whatever else is open stay as they are. Folders stand for all that is beneath them; what is not
/// there is left out.
#[derive(Clone, Debug, Default)]
pub struct Powers {
    reads: Vec<PathBuf>,
    writes: Vec<PathBuf>,
    network: Network,
    starts_programs: bool,
}

/// Which sockets a tool may open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Network {
    #[default]
    None,
    /// To ask others, whose names have to be looked up and whose certificates have to be checked.
    Client,
    /// To be asked.
    Server,
}

impl Powers {
    /// No power at all, as a filter needs.
    pub fn none() -> Powers {
        Powers::default()
    }

    /// The same, and may read these files, and what is in these folders.
    #[must_use]
    pub fn read<P: Into<PathBuf>>(mut self, paths: impl IntoIterator<Item = P>) -> Powers {
        self.reads.extend(paths.into_iter().map(P::into));
        self
    }

    /// The same, and may read, write, make, rename and remove files in these folders.
    #[must_use]
    pub fn write<P: Into<PathBuf>>(mut self, dirs: impl IntoIterator<Item = P>) -> Powers {
        self.writes.extend(dirs.into_iter().map(P::into));
        self
    }

    /// The same, and may ask servers by their names, with what that takes: `/etc`, certificates, the system's libraries.
    #[must_use]
    pub fn connect(mut self) -> Powers {
        self.network = Network::Client;
        self
    }

    /// The same, and may serve.
    #[must_use]
    pub fn listen(mut self) -> Powers {
        self.network = Network::Server;
        self
    }

    /// Whatever another program may need, which inherits all limits: only what belongs to administrators is given up.
    pub fn of_programs() -> Powers {
        Powers { starts_programs: true, ..Powers::default() }
    }
}

/// Gives up everything but `powers`, as far as the kernel knows how. Landlock comes first, then `start` begins the
/// threads that have to be under it; seccomp comes last, since Landlock is asked for by calls that it refuses.
pub(crate) fn confine(powers: &Powers, log: &Log, start: impl FnOnce()) {
    if !powers.starts_programs {
        match files::restrict(powers) {
            Ok(RulesetStatus::FullyEnforced) => {}
            Ok(RulesetStatus::PartiallyEnforced) => log.note("sandbox: this kernel has only a part of Landlock"),
            Ok(RulesetStatus::NotEnforced) => log.note("sandbox: this kernel has no Landlock"),
            Err(error) => log.note(format_args!("sandbox: no Landlock: {error}")),
        }
    }
    start();
    if let Err(error) = calls::restrict(powers) {
        log.note(format_args!("sandbox: no seccomp: {error}"));
    }
}
