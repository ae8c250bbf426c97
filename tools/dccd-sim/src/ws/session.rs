//! The exchange's side of one connection.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use super::frame::{Frame, Topic};
use super::gate::Gate;
use crate::clock::SECOND;
use crate::market::Market;

/// What one exchange says on one connection.
///
/// A session holds what the client asked for and how far it was told; whatever it returns is sent in that order.
pub(crate) trait Session: fmt::Debug + Send {
    /// The greeting.
    fn hello(&mut self, _world: &World<'_>) -> Vec<Frame> {
        Vec::new()
    }

    /// The answer to a text message.
    fn text(&mut self, message: &str, world: &World<'_>) -> Vec<Frame>;

    /// The answer to a ping or pong frame, besides the pong that every ping gets.
    fn control(&mut self, _kind: ControlKind, _world: &World<'_>) -> Vec<Frame> {
        Vec::new()
    }

    /// What happened since it was last called, up to now.
    fn advance(&mut self, world: &World<'_>) -> Vec<Frame>;

    /// How it announces that the connection is going to end.
    fn farewell(&mut self, _farewell: Farewell, _world: &World<'_>) -> Vec<Frame> {
        Vec::new()
    }
}

/// A frame that has no text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ControlKind {
    Ping,
    Pong,
}

/// Why the exchange is going to end a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Farewell {
    /// It restarts.
    Restart,
    /// The connection is as old as connections get.
    Age,
}

/// What the exchange makes of a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    /// It is what it always is.
    Usual,
    /// Refuse it, in the exchange's words.
    Denied,
    /// Say nothing, and never send anything of it.
    Ignored,
}

/// What a session can see.
#[derive(Clone, Copy, Debug)]
pub(crate) struct World<'a> {
    /// The truth.
    pub(crate) market: &'a Market,
    /// Up to here, by the exchange's clock, everything was said.
    pub(crate) from: i64,
    /// The exchange's clock: what it does by itself it does by this one.
    pub(crate) now: i64,
    /// The clock of limits, which runs in real time: what clients have to do is measured by this one.
    pub(crate) limits_now: i64,
    /// What goes wrong on this connection.
    pub(crate) gate: &'a Gate<'a>,
}

impl World<'_> {
    /// What to make of a subscription that is otherwise all right.
    pub(crate) fn admission(&self, topic: &Topic) -> Admission {
        self.gate.admission(topic)
    }

    /// Whether a frame comes out on the other side, as far as is known before it is sent.
    pub(crate) fn reaches(&self, frame: &Frame) -> bool {
        !self.gate.is_muted(frame)
    }

    /// Whether a multiple of `period` was reached since the last time.
    pub(crate) fn is_due(&self, period: i64) -> bool {
        self.from.div_euclid(period) < self.now.div_euclid(period)
    }
}

/// Counts what a client does within a sliding window, by the clock of limits.
#[derive(Clone, Debug)]
pub(crate) struct Meter {
    max: usize,
    window: i64,
    past: VecDeque<i64>,
}

impl Meter {
    /// At most so many in each window; none that is refused if `is_off`.
    pub(crate) fn new(max: usize, window: Duration, is_off: bool) -> Meter {
        let window = i64::try_from(window.as_micros()).unwrap_or(i64::MAX);
        Meter { max: if is_off { usize::MAX } else { max }, window, past: VecDeque::new() }
    }

    /// Counts one more; whether it is within the limit.
    pub(crate) fn admits(&mut self, limits_now: i64) -> bool {
        while self.past.front().is_some_and(|at| at.saturating_add(self.window) <= limits_now) {
            self.past.pop_front();
        }
        if self.past.len() >= self.max {
            return false;
        }
        if self.max < usize::MAX {
            self.past.push_back(limits_now);
        }
        true
    }
}

/// Whether a client was silent for longer than `secs`, by the clock of limits.
pub(crate) fn is_overdue(heard: i64, limits_now: i64, secs: i64) -> bool {
    limits_now.saturating_sub(heard) > secs.saturating_mul(SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_meter_slides() {
        let mut meter = Meter::new(2, Duration::from_secs(1), false);
        let admitted: Vec<bool> =
            [0, 500_000, 900_000, 1_000_000, 1_400_000, 1_500_000].map(|at| meter.admits(at)).into();
        assert_eq!(admitted, [true, true, false, true, false, true]);
        let mut off = Meter::new(1, Duration::from_secs(1), true);
        assert!((0..100).all(|at| off.admits(at)));
    }

    #[test]
    fn the_silent_are_overdue() {
        assert!(!is_overdue(0, 30 * SECOND, 30));
        assert!(is_overdue(0, 30 * SECOND + 1, 30));
    }
}
