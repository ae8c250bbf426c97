//! The threads that ask and read; everything they find goes back to one place.

use std::collections::HashMap;
use std::fmt;
use std::sync::mpsc::{Receiver, Sender, SyncSender, TryRecvError};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use dccd_cli::{Log, Stop};
use dccd_exchange::archive::{BulkFile, FileReader, FileSummary};
use dccd_exchange::{AnswerError, Api, Ask, Impossible, Page, instruments, read_instruments};
use dccd_record::{Dataset, Exchange, Fixed, Range, Retry};
use dccd_rest::{AskError, Asker, BulkError, Downloader, Scratch, Stopped, Waiter, read_lines};

use crate::error::FetchError;
use crate::hosts::Hosts;
use crate::listing::Listing;

/// Lines of a bulk file go out in portions of this size.
const CHUNK_BYTES: usize = 256 << 10;
/// Answers that may wait to be written.
const ANSWERS_MAX: usize = 64;

/// Something for a worker to do.
#[derive(Debug)]
pub(crate) struct Task {
    /// Whose it is.
    pub(crate) owner: u64,
    /// Its number among its owner's.
    pub(crate) number: u64,
    pub(crate) work: Work,
    /// What its order says of retries.
    pub(crate) retry: Retry,
    /// An empty buffer for the lines.
    pub(crate) lines: Vec<u8>,
}

#[derive(Debug)]
pub(crate) enum Work {
    Page(Box<Ask>),
    File(Box<FileWork>),
    /// The archive's clock.
    Clock(Dataset),
    /// Everything that an exchange trades.
    List(Exchange),
}

/// A bulk file, and what of it is wanted.
#[derive(Debug)]
pub(crate) struct FileWork {
    pub(crate) dataset: Dataset,
    pub(crate) file: BulkFile,
    pub(crate) range: Range,
    /// The size of one contract, where amounts are contracts.
    pub(crate) contract: Option<Fixed>,
}

/// What came of a task.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) owner: u64,
    pub(crate) number: u64,
    pub(crate) lines: Vec<u8>,
    pub(crate) found: Found,
}

#[derive(Debug)]
pub(crate) enum Found {
    Page(Box<Ask>, Result<Page, Failure>),
    /// A part of a file's lines; more of the same task comes.
    Lines,
    /// The file of this period.
    File(Range, Result<FileSummary, Failure>),
    Clock(Result<dccd_record::Ts, Failure>),
    List(Box<Listing>),
}

/// Why there is nothing.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) message: String,
    pub(crate) is_retryable: bool,
    pub(crate) is_stop: bool,
    /// Whether the reason may be that the exchange does not trade such a pair.
    pub(crate) is_pair_doubtful: bool,
}

impl Failure {
    /// One that may heal.
    pub(crate) fn retryable(message: impl Into<String>) -> Failure {
        Failure { message: message.into(), is_retryable: true, is_stop: false, is_pair_doubtful: false }
    }

    /// One that will not.
    pub(crate) fn hopeless(message: impl Into<String>) -> Failure {
        Failure { is_retryable: false, ..Failure::retryable(message) }
    }

    /// The run was told to stop, which is no failure of anybody's.
    pub(crate) fn stopped() -> Failure {
        Failure { is_stop: true, ..Failure::retryable("stopped") }
    }
}

/// The workers.
#[derive(Debug)]
pub(crate) struct Pool {
    tasks: Sender<Task>,
    answers: Receiver<Answer>,
    hosts: Arc<Mutex<Hosts>>,
    threads: Vec<JoinHandle<()>>,
}

impl Pool {
    /// One worker for each of `scratches`.
    pub(crate) fn start(hosts: Hosts, scratches: Vec<Scratch>, log: &Log, stop: &Stop) -> Result<Pool, FetchError> {
        let (tasks, queue) = mpsc::channel();
        let (done, answers) = mpsc::sync_channel(ANSWERS_MAX);
        let queue = Arc::new(Mutex::new(queue));
        let hosts = Arc::new(Mutex::new(hosts));
        let mut threads = Vec::new();
        for (number, scratch) in scratches.into_iter().enumerate() {
            let mut worker = Worker {
                queue: Arc::clone(&queue),
                done: done.clone(),
                hosts: Arc::clone(&hosts),
                askers: HashMap::new(),
                scratch,
                waiter: StopWaiter { stop: stop.clone(), log: log.clone() },
            };
            let builder = std::thread::Builder::new().name(format!("fetch-{number}"));
            threads.push(builder.spawn(move || worker.run()).map_err(FetchError::Thread)?);
        }
        Ok(Pool { tasks, answers, hosts, threads })
    }

    /// That an exchange closed for good, unless another server stands in for it.
    pub(crate) fn closed(&self, exchange: &str) -> Option<Impossible> {
        let closed = Impossible::closed(exchange)?;
        let hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        (!hosts.is_elsewhere(exchange)).then_some(closed)
    }

    pub(crate) fn send(&self, task: Task) -> Result<(), FetchError> {
        self.tasks.send(task).map_err(|_| FetchError::Workers)
    }

    /// An answer that is there already.
    pub(crate) fn ready(&self) -> Result<Option<Answer>, FetchError> {
        match self.answers.try_recv() {
            Ok(answer) => Ok(Some(answer)),
            Err(TryRecvError::Empty) => Ok(None),
            Err(TryRecvError::Disconnected) => Err(FetchError::Workers),
        }
    }

    /// The next answer, if one comes in time.
    pub(crate) fn wait(&self, timeout: Duration) -> Result<Option<Answer>, FetchError> {
        match self.answers.recv_timeout(timeout) {
            Ok(answer) => Ok(Some(answer)),
            // A worker never ends before the pool does, unless it panicked.
            Err(mpsc::RecvTimeoutError::Timeout) if self.threads.iter().any(JoinHandle::is_finished) => {
                Err(FetchError::Workers)
            }
            Err(mpsc::RecvTimeoutError::Timeout) => Ok(None),
            Err(mpsc::RecvTimeoutError::Disconnected) => Err(FetchError::Workers),
        }
    }
}

struct Worker {
    queue: Arc<Mutex<Receiver<Task>>>,
    done: SyncSender<Answer>,
    hosts: Arc<Mutex<Hosts>>,
    askers: HashMap<(String, &'static str), (Retry, Asker)>,
    /// Where bulk files go.
    scratch: Scratch,
    waiter: StopWaiter,
}

impl Worker {
    /// Works until there is nobody left to work for.
    fn run(&mut self) {
        loop {
            let task = self.queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok(task) = task else { return };
            let Task { owner, number, work, retry, mut lines } = task;
            let found = match work {
                Work::Page(ask) => {
                    let result = self.page(&ask, retry, &mut lines);
                    Found::Page(ask, result)
                }
                Work::File(file) => {
                    let period = file.file.period;
                    Found::File(period, self.file(owner, number, &file, retry, &mut lines))
                }
                Work::Clock(dataset) => Found::Clock(self.clock(&dataset, retry)),
                Work::List(exchange) => Found::List(Box::new(self.list(exchange.as_str(), retry))),
            };
            if self.done.send(Answer { owner, number, lines, found }).is_err() {
                return;
            }
        }
    }

    fn page(&mut self, ask: &Ask, retry: Retry, lines: &mut Vec<u8>) -> Result<Page, Failure> {
        let (asker, waiter) = self.asker(ask.exchange(), ask.api(), retry)?;
        asker.ask(ask, lines, waiter).map_err(Failure::from)
    }

    fn list(&mut self, exchange: &str, retry: Retry) -> Listing {
        let requests = instruments(exchange).unwrap_or_default();
        Listing::collect(requests, |request, found| {
            let (asker, waiter) = self.asker(exchange, request.api, retry)?;
            let before = found.len();
            let listed = asker.get(request, waiter, |reply| {
                // What an earlier try may have left.
                found.truncate(before);
                read_instruments(exchange, request, reply, found)
            });
            listed.map_err(Failure::from)
        })
    }

    /// What asks a host; it is kept while the retries stay the same.
    fn asker(&mut self, exchange: &str, api: &'static Api, retry: Retry) -> Result<(&mut Asker, &StopWaiter), Failure> {
        let key = (exchange.to_owned(), api.name);
        if self.askers.get(&key).is_none_or(|(held, _)| *held != retry) {
            let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
            let asker = hosts.asker(exchange, api, retry, &self.waiter.log).map_err(Failure::from)?;
            self.askers.insert(key.clone(), (retry, asker));
        }
        let Some((_, asker)) = self.askers.get_mut(&key) else { return Err(Failure::from(FetchError::Workers)) };
        Ok((asker, &self.waiter))
    }

    fn clock(&self, dataset: &Dataset, retry: Retry) -> Result<dccd_record::Ts, Failure> {
        Ok(self.downloader(dataset, retry)?.clock(&self.waiter)?)
    }

    fn downloader(&self, dataset: &Dataset, retry: Retry) -> Result<Downloader, Failure> {
        let api = dccd_exchange::capability(dataset).map_err(|error| Failure::from(FetchError::Impossible(error)))?.api;
        let hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        hosts.downloader(dataset.exchange().as_str(), api, retry).map_err(Failure::from)
    }

    fn file(
        &self,
        owner: u64,
        number: u64,
        work: &FileWork,
        retry: Retry,
        lines: &mut Vec<u8>,
    ) -> Result<FileSummary, Failure> {
        let FileWork { dataset, file, range, contract } = work;
        let Some(packed) = self.downloader(dataset, retry)?.download(file, &self.scratch, &self.waiter)? else {
            return Err(Failure::retryable(format!("the archive has no file {}", file.name())));
        };
        let mut reader = FileReader::new(dataset, file, *range, *contract);
        let read = read_lines(packed, file.packing, |line| {
            reader.line(line, lines)?;
            if lines.len() >= CHUNK_BYTES {
                self.waiter.check().map_err(|stopped| Failure::from(BulkError::Stopped(stopped)))?;
                let chunk = std::mem::replace(lines, Vec::with_capacity(CHUNK_BYTES + 1024));
                let answer = Answer { owner, number, lines: chunk, found: Found::Lines };
                self.done.send(answer).map_err(|_| Failure::from(BulkError::Stopped(Stopped)))?;
            }
            Ok::<(), Failure>(())
        });
        self.scratch.empty().map_err(BulkError::TempFile)?;
        match read {
            Ok(()) => Ok(reader.finish()),
            Err(mut failure) => {
                failure.message = format!("{}: {}", file.path, failure.message);
                Err(failure)
            }
        }
    }
}

impl From<AskError> for Failure {
    fn from(error: AskError) -> Failure {
        if matches!(error, AskError::Stopped(_)) {
            return Failure::stopped();
        }
        let is_pair_doubtful = matches!(
            error,
            AskError::Answer {
                error: AnswerError::UnknownSymbol(_) | AnswerError::Refused { is_retryable: false, .. },
                ..
            }
        );
        let is_retryable = error.is_retryable();
        Failure { is_retryable, is_pair_doubtful, ..Failure::retryable(error.to_string()) }
    }
}

impl From<BulkError> for Failure {
    fn from(error: BulkError) -> Failure {
        if matches!(error, BulkError::Stopped(_)) {
            return Failure::stopped();
        }
        Failure { is_retryable: error.is_retryable(), ..Failure::retryable(error.to_string()) }
    }
}

impl From<AnswerError> for Failure {
    fn from(error: AnswerError) -> Failure {
        Failure::hopeless(error.to_string())
    }
}

impl From<FetchError> for Failure {
    fn from(error: FetchError) -> Failure {
        // A file that cannot be used now is no fault of the order.
        let is_retryable = matches!(error, FetchError::Budget(_));
        Failure { is_retryable, ..Failure::retryable(error.to_string()) }
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
