//! Questions over REST, beside the sockets and never in their way: threads ask, and their answers wait until the
//! sockets have been read.

use std::collections::HashMap;
use std::fmt;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use dccd_cli::{AddressBook, Log, Stop};
use dccd_exchange::live::{LiveHost, SubscriptionId};
use dccd_exchange::{Ask, LimitGroup, Page, table};
use dccd_rest::{Asker, Budgets, Client, Policy, Priority, Stopped, Waiter, ban_length};
use rustix::event::{EventfdFlags, eventfd};

use crate::error::StreamError;
use crate::slot::Seat;
use crate::socket::{Socket, SocketError};

const RETRY_DELAY: Duration = Duration::from_secs(1);

/// Why something is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The book with which changes can be read.
    Snapshot,
    /// Whether a silent series is a quiet one.
    Probe,
    /// The size of one contract.
    Contract,
}

/// An answer.
#[derive(Debug)]
pub(crate) enum Reply {
    Page {
        id: SubscriptionId,
        purpose: Purpose,
        asked: Instant,
        lines: Vec<u8>,
        /// Or why there is none.
        page: Result<Page, String>,
    },
    /// A connection for a slot, or for its successor.
    Socket { seat: Seat, socket: Result<Socket, String> },
}

/// Everything that waits for the network.
#[derive(Debug)]
pub(crate) struct Network {
    shared: Arc<Shared>,
    replies: Receiver<Reply>,
    reply: Sender<Reply>,
    /// Questions that cannot wait, and those that can.
    urgent: Option<Sender<Task>>,
    patient: Option<Sender<Task>>,
}

/// What all threads use.
#[derive(Debug)]
struct Shared {
    addresses: AddressBook,
    budgets: Mutex<Budgets>,
    exchange: String,
    /// Written to when an answer is there.
    bell: OwnedFd,
    waiter: StopWaiter,
}

#[derive(Debug)]
struct Task {
    id: SubscriptionId,
    purpose: Purpose,
    ask: Ask,
}

impl Network {
    pub(crate) fn new(
        exchange: &str,
        addresses: AddressBook,
        budgets: Budgets,
        log: &Log,
        stop: &Stop,
    ) -> Result<Network, StreamError> {
        let bell = eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC);
        let bell = bell.map_err(|cause| StreamError::Poll(cause.into()))?;
        let waiter = StopWaiter { stop: stop.clone(), log: log.clone() };
        let (reply, replies) = channel();
        let (budgets, exchange) = (Mutex::new(budgets), exchange.to_owned());
        let shared = Arc::new(Shared { addresses, budgets, exchange, bell, waiter });
        Ok(Network { shared, replies, reply, urgent: None, patient: None })
    }

    /// Opens the budgets of a host, and of REST beside it, while files can be opened.
    pub(crate) fn open_budgets(&self, host: &LiveHost) -> Result<(), StreamError> {
        let Shared { addresses, budgets, exchange, .. } = &*self.shared;
        let mut budgets = budgets.lock().unwrap_or_else(PoisonError::into_inner);
        budgets.open(exchange, host.ws_url, &addresses.ws_url(exchange, host.ws_url)?)?;
        for row in table().filter(|row| row.exchange == exchange) {
            budgets.open(exchange, row.api.rest_url, &addresses.rest_url(exchange, row.api.rest_url)?)?;
        }
        Ok(())
    }

    /// Readable when there is an answer.
    pub(crate) fn bell(&self) -> BorrowedFd<'_> {
        self.shared.bell.as_fd()
    }

    /// The answers that are there.
    pub(crate) fn answers(&self) -> Vec<Reply> {
        let mut count = [0; 8];
        let _ = rustix::io::read(&self.shared.bell, &mut count);
        self.replies.try_iter().collect()
    }

    /// Asks; the answer comes later.
    pub(crate) fn ask(&mut self, id: SubscriptionId, purpose: Purpose, ask: Ask) -> Result<(), StreamError> {
        let place = if purpose == Purpose::Probe { &mut self.patient } else { &mut self.urgent };
        let sender = match place {
            Some(sender) => sender,
            None => {
                let (sender, tasks) = channel();
                let (shared, reply) = (Arc::clone(&self.shared), self.reply.clone());
                spawn("rest", move || shared.work(&tasks, &reply))?;
                place.insert(sender)
            }
        };
        sender.send(Task { id, purpose, ask }).map_err(|_| StreamError::Gone)
    }

    /// Opens a connection, as soon as the host may have another one.
    pub(crate) fn connect(&self, host: &'static LiveHost, path: &str, seat: Seat) -> Result<(), StreamError> {
        let base = self.shared.addresses.ws_url(&self.shared.exchange, host.ws_url)?;
        let (shared, reply, url) = (Arc::clone(&self.shared), self.reply.clone(), format!("{base}{path}"));
        spawn("connect", move || {
            let socket = shared.connect(host, &base, &url);
            let _ = reply.send(Reply::Socket { seat, socket });
            shared.ring();
        })
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), StreamError> {
    const STACK_BYTES: usize = 512 << 10;
    let builder = std::thread::Builder::new().name(name.to_owned()).stack_size(STACK_BYTES);
    builder.spawn(work).map(drop).map_err(StreamError::Thread)
}

impl Shared {
    fn ring(&self) {
        let _ = rustix::io::write(&self.bell, &1_u64.to_ne_bytes());
    }

    /// Answers questions until nobody asks any more.
    fn work(&self, tasks: &Receiver<Task>, reply: &Sender<Reply>) {
        let mut askers: HashMap<(&'static str, bool), Asker> = HashMap::new();
        while let Ok(Task { id, purpose, ask }) = tasks.recv() {
            let (asked, mut lines) = (Instant::now(), Vec::new());
            let page = self.page(&ask, purpose, &mut askers, &mut lines);
            if reply.send(Reply::Page { id, purpose, asked, lines, page }).is_err() {
                return;
            }
            self.ring();
        }
    }

    fn page(
        &self,
        ask: &Ask,
        purpose: Purpose,
        askers: &mut HashMap<(&'static str, bool), Asker>,
        lines: &mut Vec<u8>,
    ) -> Result<Page, String> {
        let key = (ask.api().name, purpose == Purpose::Probe);
        let asker = match askers.entry(key) {
            std::collections::hash_map::Entry::Occupied(held) => held.into_mut(),
            std::collections::hash_map::Entry::Vacant(place) => place.insert(self.asker(ask, purpose)?),
        };
        asker.ask(ask, lines, &self.waiter).map_err(|error| error.to_string())
    }

    fn asker(&self, ask: &Ask, purpose: Purpose) -> Result<Asker, String> {
        let base = self.addresses.rest_url(ask.exchange(), ask.api().rest_url).map_err(|error| error.to_string())?;
        let budget = self.budget(ask.api().rest_url, &base)?;
        let (retries_max, priority) = match purpose {
            Purpose::Probe => (0, Priority::Bulk),
            Purpose::Snapshot | Purpose::Contract => (2, Priority::Live),
        };
        let policy = Policy { retries_max, delay: RETRY_DELAY };
        Ok(Asker::new(Client::new(&base), &base, budget, policy, priority))
    }

    fn budget(&self, known: &str, base: &str) -> Result<Arc<dccd_rest::Budget>, String> {
        let mut budgets = self.budgets.lock().unwrap_or_else(PoisonError::into_inner);
        let budget = budgets.budget(&self.exchange, known, base, &mut |warning| self.waiter.log.warn(warning));
        budget.map_err(|error| error.to_string())
    }

    fn connect(&self, host: &LiveHost, base: &str, url: &str) -> Result<Socket, String> {
        let (weight_max, window_secs) = host.connects;
        let group = LimitGroup { name: "connections", slot: 0, weight_max, window_secs, usage_header: None };
        let budget = self.budget(host.ws_url, base)?;
        budget.wait(&group, 1, Priority::Live, &self.waiter).map_err(|error| error.to_string())?;
        Socket::connect(url).map_err(|error| {
            if let SocketError::Refused { status: status @ (403 | 418 | 429), retry_after_secs } = error {
                // Every process of this host is to heed it.
                let _ = budget.ban(ban_length(status, retry_after_secs));
            }
            error.to_string()
        })
    }
}

/// Waits until a stop, and tells a person.
#[derive(Debug)]
struct StopWaiter {
    stop: Stop,
    log: Log,
}

impl Waiter for StopWaiter {
    fn wait(&self, time: Duration) -> Result<(), Stopped> {
        if self.stop.wait(time) { Ok(()) } else { Err(Stopped) }
    }

    fn check(&self) -> Result<(), Stopped> {
        if self.stop.is_set() { Err(Stopped) } else { Ok(()) }
    }

    fn note(&self, message: &dyn fmt::Display) {
        self.log.note(message);
    }

    fn warn(&self, message: &dyn fmt::Display) {
        self.log.warn(message);
    }
}
