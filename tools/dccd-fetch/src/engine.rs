//! Hands questions to the workers and writes what comes back.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use dccd_cli::{Status, Tool};
use dccd_exchange::archive::{Use, files};
use dccd_exchange::{Ask, Capability, capability};
use dccd_record::{Control, Covered, Dataset, Failed, Kind, Order, Proof, Range, Retry, Ts, write_control};

use crate::active::{Active, Event, refusal};
use crate::args::{Args, Source};
use crate::error::FetchError;
use crate::hosts::Hosts;
use crate::input::Next;
use crate::order::{Orders, Wish};
use crate::progress::Progress;
use crate::worker::{Answer, Failure, Found, Pool, Task, Work};

/// A stop is seen within this time.
const STOP_CHECK: Duration = Duration::from_millis(50);
/// How long to wait for orders when there is nothing to do.
const INPUT_WAIT: Duration = Duration::from_secs(1);
/// Buffers that are kept for later pages.
const SPARE_BUFFERS_MAX: usize = 4;
/// Questions that are asked and waited for belong to nobody's order.
const NOBODY: u64 = 0;
/// For more files than these, the first record is asked for first: there are none before it.
const FILES_ASKED_BLINDLY_MAX: usize = 4;
/// Yesterday's files are there by noon.
const ARCHIVE_DELAY_NANOS: i64 = 12 * 3_600_000_000_000;

/// Hands out work and writes what comes back.
pub(crate) struct Engine<'a> {
    tool: &'a mut Tool,
    source: Source,
    connections: usize,
    records_only: bool,
    pool: Pool,
    now: HashMap<(&'static str, bool), Ts>,
    active: Vec<Active>,
    in_flight: usize,
    backlog: VecDeque<Answer>,
    spare: Vec<Vec<u8>>,
    next_id: u64,
    /// What the order that begins says of retries.
    retry: Retry,
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
        let pool = Pool::start(args.connections, hosts, &tool.log, &tool.stop)?;
        let progress = Progress::new(tool.log.is_quiet());
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
            retry: Retry::default(),
            tally: Tally::default(),
            progress,
        })
    }

    /// Answers every order.
    pub(crate) fn run(mut self, mut orders: Orders) -> Result<Status, FetchError> {
        let mut is_more = true;
        while !self.tool.stop.is_set() {
            self.hand_out()?;
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
        match self.start(wish)? {
            Ok(()) | Err(Interrupted) => Ok(true),
        }
    }

    /// Finds out what of a wish has happened, and begins with it.
    fn start(&mut self, wish: Wish) -> Result<Result<(), Interrupted>, FetchError> {
        let dataset = wish.dataset().clone();
        self.retry = wish.retry();
        let row = match capability(&dataset) {
            Ok(row) => row,
            Err(impossible) => {
                let range = self.announce_as_is(&wish)?;
                self.fail(&dataset, range, &refusal(&impossible))?;
                return Ok(Ok(()));
            }
        };
        if dataset.kind() == Kind::Book {
            return self.book(&wish);
        }
        let now = match self.exchange_now(&dataset, row)? {
            Ok(now) => now,
            Err(failure) if failure.is_stop => return Ok(Err(Interrupted)),
            Err(failure) => {
                let range = self.announce_as_is(&wish)?;
                self.fail(&dataset, range, &failure)?;
                return Ok(Ok(()));
            }
        };
        let range = match wish {
            Wish::Order(mut order) => {
                // What has not happened is not taken up, so that the order can be answered.
                order.range = happened(order.range, &dataset, row, now).unwrap_or(order.range);
                let range = order.range;
                self.control(Control::Range(*order))?;
                range
            }
            Wish::Flags { start, end, .. } => {
                let range = match self.flag_range(&dataset, row, start, end, now)? {
                    Ok(range) => range,
                    Err(failure) if failure.is_stop => return Ok(Err(Interrupted)),
                    Err(failure) => {
                        let range = Range::new(start.unwrap_or(Ts::MIN), end.unwrap_or(now)).unwrap_or(Range::all());
                        self.fail(&dataset, range, &failure)?;
                        return Ok(Ok(()));
                    }
                };
                self.control(order_line(&dataset, range))?;
                range
            }
        };
        self.activate(dataset, row, range, now)?;
        Ok(Ok(()))
    }

    fn activate(
        &mut self,
        dataset: Dataset,
        row: &'static Capability,
        range: Range,
        now: Ts,
    ) -> Result<(), FetchError> {
        let Some(past) = happened(range, &dataset, row, now) else {
            let message = format!("nothing of it has happened yet: the exchange's clock says {now}");
            return self.fail(&dataset, range, &Failure { message, is_retryable: true, is_stop: false });
        };
        if past != range {
            self.tool.log.note(format_args!("{dataset}: what has happened ends at {}", past.end()));
        }
        let mut bulk = match self.source {
            Source::Rest => Vec::new(),
            Source::Archive => files(&dataset, past, now, Use::Always)?,
            Source::Auto => files(&dataset, past, now, Use::WhereBetter)?,
        };
        if self.source == Source::Auto
            && bulk.len() > FILES_ASKED_BLINDLY_MAX
            && let Ok(first) = self.first_record(&dataset, row, now)?
        {
            bulk.retain(|file| file.period.end() > first);
        }
        self.progress.expect(past);
        let id = self.next_id;
        self.next_id += 1;
        self.active.push(Active::new(id, dataset, row, past, self.source, bulk, self.retry));
        Ok(())
    }

    /// One snapshot, which is all there is.
    fn book(&mut self, wish: &Wish) -> Result<Result<(), Interrupted>, FetchError> {
        let dataset = wish.dataset();
        let ask = Ask::book(dataset)?;
        let answer = match self.ask_now(Work::Page(Box::new(ask)))? {
            Ok(answer) => answer,
            Err(interrupted) => return Ok(Err(interrupted)),
        };
        let (page, lines) = match answer {
            Answer { found: Found::Page(_, Ok(page)), lines, .. } => (page, lines),
            Answer { found: Found::Page(_, Err(failure)), .. } => {
                let range = self.announce_as_is(wish)?;
                self.fail(dataset, range, &failure)?;
                return Ok(Ok(()));
            }
            _ => return Err(FetchError::Workers),
        };
        let Some(stamp) = page.stamp else {
            let range = self.announce_as_is(wish)?;
            let message = "the exchange does not say what time it is".to_owned();
            self.fail(dataset, range, &Failure { message, is_retryable: true, is_stop: false })?;
            return Ok(Ok(()));
        };
        let instant = Range::instant(stamp);
        let asked = match wish {
            Wish::Flags { .. } => {
                self.control(order_line(dataset, instant))?;
                instant
            }
            Wish::Order(order) => {
                self.control(Control::Range((**order).clone()))?;
                order.range
            }
        };
        let Some(held) = asked.intersect(instant) else {
            let message = format!("a book has no past, and it is {stamp} now");
            self.fail(dataset, asked, &Failure { message, is_retryable: false, is_stop: false })?;
            return Ok(Ok(()));
        };
        self.write_lines(lines)?;
        self.control(Control::Covered(Covered { dataset: dataset.clone(), range: held, proof: Proof::Page }))?;
        if let Some(past) = Range::new(asked.start(), held.start()) {
            let message = "a book has no past".to_owned();
            self.fail(dataset, past, &Failure { message, is_retryable: false, is_stop: false })?;
        }
        Ok(Ok(()))
    }

    /// What the flags leave open is said by the exchange: its first record, and its now.
    fn flag_range(
        &mut self,
        dataset: &Dataset,
        row: &'static Capability,
        start: Option<Ts>,
        end: Option<Ts>,
        now: Ts,
    ) -> Result<Result<Range, Failure>, FetchError> {
        let horizon = row.horizon(dataset, now);
        let until = match (end, self.source) {
            (Some(end), _) => end.min(horizon),
            (None, Source::Archive) => now.saturating_add(-ARCHIVE_DELAY_NANOS).day().start(),
            (None, _) => horizon,
        };
        let start = match start {
            Some(start) => start,
            None => match self.first_record(dataset, row, now)? {
                Ok(start) => start,
                Err(failure) => return Ok(Err(failure)),
            },
        };
        // A range of which nothing has happened is still an order, which then fails.
        let range = Range::new(start, until).or_else(|| Range::new(start, end.unwrap_or(now)));
        Ok(range.ok_or_else(|| Failure {
            message: format!("--start {start} is not before the exchange's now, {now}"),
            is_retryable: true,
            is_stop: false,
        }))
    }

    fn first_record(
        &mut self,
        dataset: &Dataset,
        row: &'static Capability,
        now: Ts,
    ) -> Result<Result<Ts, Failure>, FetchError> {
        let Some(ask) = Ask::first_record(dataset)? else { return Ok(Ok(row.rest_start(now))) };
        let answer = match self.ask_now(Work::Page(Box::new(ask)))? {
            Ok(answer) => answer,
            Err(Interrupted) => return Ok(Err(stopped())),
        };
        Ok(match answer.found {
            Found::Page(_, Ok(page)) => page.first.map(|first| first.ts).ok_or_else(|| Failure {
                message: format!("the exchange shows no {} of {}", dataset.kind(), dataset.pair()),
                is_retryable: true,
                is_stop: false,
            }),
            Found::Page(_, Err(failure)) => Err(failure),
            _ => return Err(FetchError::Workers),
        })
    }

    /// The newest stamp that is known of the exchange; asked for once.
    fn exchange_now(&mut self, dataset: &Dataset, row: &'static Capability) -> Result<Result<Ts, Failure>, FetchError> {
        let is_archive = self.source == Source::Archive;
        if let Some(now) = self.now.get(&(row.api.name, is_archive)) {
            return Ok(Ok(*now));
        }
        let work = if is_archive { Work::Clock(dataset.clone()) } else { Work::Page(Box::new(Ask::clock(dataset)?)) };
        let answer = match self.ask_now(work)? {
            Ok(answer) => answer,
            Err(Interrupted) => return Ok(Err(stopped())),
        };
        let now = match answer.found {
            Found::Clock(Ok(now)) => now,
            Found::Page(_, Ok(page)) => page.stamp.unwrap_or(Ts::MIN),
            Found::Clock(Err(failure)) | Found::Page(_, Err(failure)) => return Ok(Err(failure)),
            _ => return Err(FetchError::Workers),
        };
        self.now.insert((row.api.name, is_archive), now);
        Ok(Ok(now))
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
            let now = self.now.get(&(active.api_name(), false)).copied().unwrap_or(Ts::MAX);
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
        self.progress.show();
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
            Found::Page(ask, result) => {
                if let Ok(page) = &result {
                    let now = self.now.entry((ask.api().name, false)).or_insert(Ts::MIN);
                    *now = page.stamp.map_or(*now, |stamp| stamp.max(*now));
                }
                active.take_page(number, *ask, result, lines, &mut events);
            }
            Found::Lines => active.take_lines(lines, &mut events),
            Found::File(period, result) => active.take_file(period, result, lines, &mut events),
            Found::Clock(_) => {}
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
                    self.progress.covered(line.range);
                    self.control(Control::Covered(line))?;
                }
                Event::Gap(line) => self.control(Control::Gap(line))?,
                Event::Failed(line) => self.failed(line)?,
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

    fn announce_as_is(&mut self, wish: &Wish) -> Result<Range, FetchError> {
        match wish {
            Wish::Order(order) => {
                self.control(Control::Range((**order).clone()))?;
                Ok(order.range)
            }
            Wish::Flags { dataset, start, end } => {
                let range = Range::new(start.unwrap_or(Ts::MIN), end.unwrap_or(Ts::MAX)).unwrap_or(Range::all());
                if start.is_some() && end.is_some() {
                    self.control(order_line(dataset, range))?;
                }
                Ok(range)
            }
        }
    }

    fn fail(&mut self, dataset: &Dataset, range: Range, failure: &Failure) -> Result<(), FetchError> {
        let error = failure.message.clone();
        self.failed(Failed { dataset: dataset.clone(), range, error, is_retryable: failure.is_retryable })
    }

    fn failed(&mut self, line: Failed) -> Result<(), FetchError> {
        if line.is_retryable {
            self.tally.retryable += 1;
        } else {
            self.tally.hopeless += 1;
        }
        self.progress.clear();
        self.tool.log.error(format_args!("{}: {}", line.dataset, line.error));
        self.control(Control::Failed(line))
    }

    fn control(&mut self, line: Control) -> Result<(), FetchError> {
        if !self.records_only {
            write_control(&line, self.tool.out.buffer());
            self.tool.out.flush_full()?;
        }
        Ok(())
    }
}

/// What of a range is over for the exchange.
fn happened(range: Range, dataset: &Dataset, row: &Capability, now: Ts) -> Option<Range> {
    Range::new(range.start(), range.end().min(row.horizon(dataset, now)))
}

fn order_line(dataset: &Dataset, range: Range) -> Control {
    Control::Range(Order {
        job: dataset.to_string(),
        dataset: dataset.clone(),
        range,
        why: "asked".to_owned(),
        retry: Retry::default(),
    })
}

fn stopped() -> Failure {
    Failure { message: "stopped".to_owned(), is_retryable: true, is_stop: true }
}
