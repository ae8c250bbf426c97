//! Telling beside a pipe that must not wait.

use std::thread::{self, JoinHandle};

use dccd_cli::Log;

use super::Delivery;
use crate::error::Error;

/// Tells in a thread of its own, one at a time.
pub(crate) struct Messenger {
    delivery: Option<Delivery>,
    log: Log,
    thread: Option<JoinHandle<Result<usize, Error>>>,
    /// The last one could not tell, which is said once.
    is_troubled: bool,
}

impl Messenger {
    /// One that tells nobody if there is no delivery.
    pub(crate) fn new(delivery: Option<Delivery>, log: &Log) -> Messenger {
        Messenger { delivery, log: log.clone(), thread: None, is_troubled: false }
    }

    /// Failures in a row that are told, if anybody is.
    pub(crate) fn errors_max(&self) -> Option<u64> {
        self.delivery.as_ref().map(Delivery::errors_max)
    }

    /// Begins to tell what is to be told, unless that goes on already.
    pub(crate) fn start(&mut self) {
        if self.thread.as_ref().is_some_and(|thread| !thread.is_finished()) {
            return;
        }
        self.join();
        if let Some(delivery) = self.delivery.clone() {
            // Without a thread it is told later.
            self.thread = thread::Builder::new().spawn(move || delivery.deliver()).ok();
        }
    }

    /// Tells what is to be told, and returns when that was done or given up, which takes some seconds at most.
    pub(crate) fn finish(&mut self, has_news: bool) {
        let was_running = self.thread.is_some();
        self.join();
        if let Some(delivery) = self.delivery.as_ref().filter(|_| has_news || was_running) {
            let told = delivery.deliver();
            self.heed(told);
        }
    }

    fn join(&mut self) {
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(told)) => self.heed(told),
            Some(Err(_)) => self.log.error("telling of trouble failed in a way that it never should"),
            None => {}
        }
    }

    fn heed(&mut self, told: Result<usize, Error>) {
        match &told {
            Ok(0) => {}
            Ok(jobs) => self.log.note(format_args!("alerts were told; jobs: {jobs}")),
            Err(error) if !self.is_troubled => self.log.error(format_args!("alerts wait to be told: {error}")),
            Err(_) => {}
        }
        self.is_troubled = told.is_err();
    }
}
