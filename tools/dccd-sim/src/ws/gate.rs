//! What goes wrong on one connection.

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::frame::{Frame, Topic};
use super::session::Admission;
use crate::faults::{Fault, FaultKind, Faults};

/// The faults as one connection meets them.
#[derive(Debug)]
pub(crate) struct Gate<'a> {
    faults: &'a Faults,
    path: String,
    /// Subscriptions that fell silent, and until when; none: for good.
    muted: RefCell<HashMap<Topic, Option<Instant>>>,
}

impl<'a> Gate<'a> {
    /// The gate of a connection to `path`.
    pub(crate) fn new(faults: &'a Faults, path: &str) -> Gate<'a> {
        Gate { faults, path: path.to_owned(), muted: RefCell::default() }
    }

    /// What to make of a subscription; a new one is not silent, whatever its predecessor was.
    pub(crate) fn admission(&self, topic: &Topic) -> Admission {
        self.muted.borrow_mut().remove(topic);
        let fault = self.strike(topic, |kind| matches!(kind, FaultKind::WsDeny | FaultKind::WsIgnore));
        match fault.map(|fault| fault.kind) {
            Some(FaultKind::WsDeny) => Admission::Denied,
            Some(_) => Admission::Ignored,
            None => Admission::Usual,
        }
    }

    /// Whether the next change makes the book crossed.
    pub(crate) fn crosses(&self, topic: &Topic) -> bool {
        self.strike(topic, |kind| kind == FaultKind::WsCross).is_some()
    }

    /// What goes wrong with a frame; what is no data is left alone.
    pub(crate) fn fault(&self, frame: &Frame) -> Option<Fault> {
        let topic = frame.topic.as_ref().filter(|_| frame.is_data())?;
        let has_seal = frame.seal.is_some();
        self.strike(topic, |kind| kind.is_of_frames() && (has_seal || kind != FaultKind::WsChecksum))
    }

    /// Lets a subscription fall silent, for good if no length is given.
    pub(crate) fn mute(&self, topic: &Topic, length: Option<Duration>) {
        let until = length.and_then(|length| Instant::now().checked_add(length));
        self.muted.borrow_mut().insert(topic.clone(), until);
    }

    /// Whether a frame belongs to a subscription that fell silent.
    pub(crate) fn is_muted(&self, frame: &Frame) -> bool {
        let muted = self.muted.borrow();
        let until = frame.topic.as_ref().and_then(|topic| muted.get(topic));
        until.is_some_and(|until| until.is_none_or(|until| Instant::now() < until))
    }

    fn strike(&self, topic: &Topic, is_meant: impl Fn(FaultKind) -> bool) -> Option<Fault> {
        if self.faults.is_empty() {
            return None;
        }
        self.faults.strike(&format!("{} {}", self.path, topic.text()), is_meant)
    }
}
