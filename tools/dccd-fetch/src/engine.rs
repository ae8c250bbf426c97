//! Hands questions to the workers and writes what comes back.

mod pairs;
mod start;

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use dccd_cli::{Powers, Status, Tool};
use dccd_record::{Control, Dataset, Exchange, Failed, Range, Ts, write_control};
use dccd_rest::Scratch;

use crate::active::{Active, Event};
use crate::args::{Args, Source};
use crate::error::FetchError;
use crate::hosts::Hosts;
use crate::input::Next;
use crate::listing::Listing;
use crate::order::{Orders, Wish};
use crate::progress::Progress;
use crate::worker::{Answer, Failure, Found, Pool, Task, Work};

/// A stop is seen within this time.
const STOP_CHECK: Duration = Duration::from_millis(100);
/// How long to wait for orders when there is nothing to do.
const INPUT_WAIT: Duration = Duration::from_secs(1);
/// How long an exchange's clock is good for more than what it proves to be past.
const CLOCK_AGE_MAX: Duration = Duration::from_secs(1);
/// Buffers that are kept for later pages.
const SPARE_BUFFERS_MAX: usize = 4;
/// Questions that are asked and waited for belong to nobody's order.
const NOBODY: u64 = 0;

/// Hands out work and writes what comes back.
pub(crate) struct Engine<'a> {
    tool: &'a mut Tool,
    source: Source,
    connections: usize,
    records_only: bool,
    pool: Pool,
    /// The clocks of hosts, and when they were asked.
    now: HashMap<(&'static str, bool), (Ts, Instant)>,
    active: Vec<Active>,
    in_flight: usize,
    backlog: VecDeque<Answer>,
    spare: Vec<Vec<u8>>,
    next_id: u64,
    /// What exchanges trade, asked for once.
    lists: HashMap<Exchange, Listing>,
    /// What the order that begins says of retries.
    retry: dccd_record::Retry,
    tally: Tally,
    progress: Progress,
}

/// What the status will say.
#[derive(Debug, Default)]
struct Tally {
    retryable: u64,
    hopeless: u64,
}

/// The run was told to stop.
struct Interrupted;

impl<'a> Engine<'a> {
    pub(crate) fn new(args: &Args, tool: &'a mut Tool) -> Result<Engine<'a>, FetchError> {
        let hosts = Hosts::new(args)?;
        let scratches = (0..args.connections).map(|_| Scratch::open()).collect();
        tool.confine(&Powers::none().connect());
        let pool = Pool::start(hosts, scratches, &tool.log, &tool.stop)?;
        let progress = Progress::new(tool.log.is_quiet(), args.progress.clone());
        Ok(Engine {
            tool,
            source: args.source,
            connections: usize::from(args.connections),
            records_only: args.records,
            pool,
            now: HashMap::new(),
            active: Vec::new(),
            in_flight: 0,
            backlog: VecDeque::new(),
            spare: Vec::new(),
            next_id: NOBODY + 1,
            lists: HashMap::new(),
            retry: dccd_record::Retry::default(),
            tally: Tally::default(),
            progress,
        })
    }

    /// Answers every order.
    pub(crate) fn run(mut self, mut orders: Orders) -> Result<Status, FetchError> {
        let mut is_more = true;
        while !self.tool.stop.is_set() {
            self.hand_out()?;
            if self.progress.is_on() {
                let ahead = orders.look_ahead(self.records_only, self.tool.out.buffer())?;
                self.progress.look_ahead(ahead);
            }
            if is_more && self.active.len() < self.connections {
                is_more = self.take_order(&mut orders)?;
                continue;
            }
            if self.active.is_empty() {
                break;
            }
            if let Some(answer) = self.next_answer()? {
                self.take(answer)?;
            }
        }
        self.progress.clear();
        self.tool.out.flush()?;
        Ok(self.status(is_more, &orders))
    }

    fn status(&self, is_more: bool, orders: &Orders) -> Status {
        if let Some(signal) = self.tool.stop.signal() {
            let is_unfinished = is_more || !self.active.is_empty();
            if is_unfinished {
                return Status::Signal(signal);
            }
        }
        let has_bad_lines = matches!(orders, Orders::Lines(lines) if lines.bad_count > 0);
        match self.tally {
            _ if has_bad_lines => Status::DataErr,
            Tally { hopeless: 0, retryable: 0 } => Status::Ok,
            Tally { hopeless: 0, .. } => Status::TempFail,
            _ => Status::DataErr,
        }
    }

    /// Takes the next order up; false if there are no more.
    fn take_order(&mut self, orders: &mut Orders) -> Result<bool, FetchError> {
        let wish = match orders {
            Orders::Flags(wishes) => match wishes.pop_front() {
                Some(wish) => wish,
                None => return Ok(false),
            },
            Orders::Lines(lines) => {
                let timeout = if self.in_flight > 0 { Duration::ZERO } else { INPUT_WAIT };
                if self.in_flight == 0 {
                    self.tool.out.flush()?;
                }
                let next = lines.next(timeout, self.records_only, self.tool.out.buffer())?;
                self.tool.out.flush_full()?;
                for bad in lines.bad.drain(..) {
                    self.tool.log.error(bad);
                }
                match next {
                    Next::Order(order) => Wish::Order(order),
                    Next::NotYet => {
                        if self.in_flight > 0
                            && let Some(answer) = self.next_answer()?
                        {
                            self.take(answer)?;
                        }
                        return Ok(true);
                    }
                    Next::End => {
                        if lines.is_cut {
                            self.tool.log.warn("standard input ends in the middle of a line, which is left out");
                        }
                        return Ok(false);
                    }
                }
            }
        };
        self.progress.take_up();
        match self.start(wish)? {
            Ok(()) | Err(Interrupted) => Ok(true),
        }
    }

    /// Asks and waits; what else comes in meanwhile is kept for later.
    fn ask_now(&mut self, work: Work) -> Result<Result<Answer, Interrupted>, FetchError> {
        self.tool.out.flush()?;
        self.pool.send(Task { owner: NOBODY, number: 0, work, retry: self.retry, lines: Vec::new() })?;
        while !self.tool.stop.is_set() {
            match self.pool.wait(STOP_CHECK)? {
                Some(answer) if answer.owner == NOBODY => return Ok(Ok(answer)),
                Some(answer) => self.backlog.push_back(answer),
                None => {}
            }
        }
        Ok(Err(Interrupted))
    }

    /// Gives the workers as much to do as they can take.
    fn hand_out(&mut self) -> Result<(), FetchError> {
        let mut events = Vec::new();
        let mut at = 0;
        while let Some(active) = self.active.get_mut(at) {
            if self.in_flight >= active.depth(self.connections) {
                break;
            }
            let now = self.now.get(&(active.api_name(), false)).map_or(Ts::MAX, |(now, _)| *now);
            match active.next_work(now, &mut events) {
                Some((number, work)) => {
                    let lines = self.spare.pop().unwrap_or_default();
                    self.pool.send(Task { owner: active.id, number, work, retry: active.retry, lines })?;
                    self.in_flight += 1;
                }
                None => at += 1,
            }
        }
        self.write(events)?;
        self.active.retain(|active| !active.is_done());
        Ok(())
    }

    fn next_answer(&mut self) -> Result<Option<Answer>, FetchError> {
        if let Some(answer) = self.backlog.pop_front() {
            return Ok(Some(answer));
        }
        if let Some(answer) = self.pool.ready()? {
            return Ok(Some(answer));
        }
        self.tool.out.flush()?;
        self.progress.show(self.active.len());
        self.pool.wait(STOP_CHECK)
    }

    fn take(&mut self, answer: Answer) -> Result<(), FetchError> {
        let Answer { owner, number, lines, found } = answer;
        if !matches!(found, Found::Lines) {
            self.in_flight = self.in_flight.saturating_sub(1);
        }
        let Some(active) = self.active.iter_mut().find(|active| active.id == owner) else { return Ok(()) };
        let mut events = Vec::new();
        match found {
            Found::Page(ask, result) => active.take_page(number, *ask, result, lines, &mut events),
            Found::Lines => active.take_lines(lines, &mut events),
            Found::File(period, result) => active.take_file(period, result, lines, &mut events),
            Found::Clock(_) | Found::List(_) => {}
        }
        self.write(events)?;
        self.active.retain(|active| !active.is_done());
        Ok(())
    }

    fn write(&mut self, events: Vec<Event>) -> Result<(), FetchError> {
        for event in events {
            match event {
                Event::Lines(lines) => self.write_lines(lines)?,
                Event::Covered(line) => {
                    self.progress.answer(&line.dataset, line.range);
                    self.control(Control::Covered(line))?;
                }
                Event::Gap(line) => {
                    self.progress.answer(&line.dataset, line.range);
                    self.control(Control::Gap(line))?;
                }
                Event::Failed(dataset, range, failure) => {
                    self.progress.answer(&dataset, range);
                    self.fail(&dataset, range, failure)?;
                }
            }
        }
        Ok(())
    }

    /// Whole pages, without copying them where that can be helped.
    fn write_lines(&mut self, mut lines: Vec<u8>) -> Result<(), FetchError> {
        self.progress.bytes(lines.len());
        let buffer = self.tool.out.buffer();
        if buffer.is_empty() {
            std::mem::swap(buffer, &mut lines);
        } else {
            buffer.extend_from_slice(&lines);
        }
        self.tool.out.flush_full()?;
        if self.spare.len() < SPARE_BUFFERS_MAX {
            lines.clear();
            self.spare.push(lines);
        }
        Ok(())
    }

    /// Says that a range was not obtained, and as much as is known of why.
    fn fail(&mut self, dataset: &Dataset, range: Range, failure: Failure) -> Result<(), FetchError> {
        let failure = self.explain(dataset, failure)?;
        if failure.is_stop {
            return Ok(());
        }
        let Failure { message: error, is_retryable, .. } = failure;
        if is_retryable {
            self.tally.retryable += 1;
        } else {
            self.tally.hopeless += 1;
        }
        self.progress.clear();
        self.tool.log.error(format_args!("{dataset}: {error}"));
        self.control(Control::Failed(Failed { dataset: dataset.clone(), range, error, is_retryable }))
    }

    fn control(&mut self, line: Control) -> Result<(), FetchError> {
        if !self.records_only {
            write_control(&line, self.tool.out.buffer());
            self.tool.out.flush_full()?;
        }
        Ok(())
    }
}
