//! The one flag that SIGTERM and SIGINT set.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGINT, SIGTERM};

/// Whoever waits sees a signal within this time.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);

/// Whether somebody asked us to stop; clones share the flag.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    signal: Arc<AtomicUsize>,
}

impl Stop {
    /// Sets the flag on SIGTERM and on SIGINT; a second SIGINT kills.
    pub(crate) fn on_signals() -> io::Result<Stop> {
        let stop = Stop::default();
        let term = usize::try_from(SIGTERM).unwrap_or(0);
        let int = usize::try_from(SIGINT).unwrap_or(0);
        signal_hook::flag::register_usize(SIGTERM, Arc::clone(&stop.signal), term)?;
        let on_interrupt = stop.clone();
        let handler = move || {
            if on_interrupt.signal.swap(int, Ordering::SeqCst) == int {
                let _ = signal_hook::low_level::emulate_default_handler(SIGINT);
            }
        };
        ctrlc::set_handler(handler).map_err(io::Error::other)?;
        Ok(stop)
    }

    /// The signal that came, if one did.
    pub fn signal(&self) -> Option<u8> {
        u8::try_from(self.signal.load(Ordering::SeqCst)).ok().filter(|signal| *signal != 0)
    }

    /// Waits so long, unless a signal comes; whether none did.
    pub fn wait(&self, time: Duration) -> bool {
        let until = Instant::now() + time;
        while !self.is_set() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return true;
            }
            std::thread::sleep(left.min(LOOK_INTERVAL));
        }
        false
    }

    /// Whether a signal came.
    pub fn is_set(&self) -> bool {
        self.signal().is_some()
    }
}
