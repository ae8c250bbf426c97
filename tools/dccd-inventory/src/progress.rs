//! How far a long look has come, on a terminal and nowhere else.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

const INTERVAL: Duration = Duration::from_millis(200);

/// A line on stderr that is written over and over.
#[derive(Debug)]
pub(crate) struct Progress {
    is_on: bool,
    is_shown: bool,
    shown: Instant,
}

impl Progress {
    /// Where lines go to the same terminal there is none.
    pub(crate) fn new(is_quiet: bool) -> Progress {
        let is_on = !is_quiet && std::io::stderr().is_terminal() && !std::io::stdout().is_terminal();
        Progress { is_on, is_shown: false, shown: Instant::now() }
    }

    /// Says how many are done, if it is time to.
    pub(crate) fn show(&mut self, done: usize, all: usize) {
        if self.is_on && self.shown.elapsed() >= INTERVAL {
            let _ = write!(std::io::stderr(), "\r{done} of {all} files\x1b[K");
            (self.is_shown, self.shown) = (true, Instant::now());
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.is_shown {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}
