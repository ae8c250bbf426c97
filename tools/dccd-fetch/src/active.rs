//! One order on its way: bulk files first, then pages for whatever they left open.

use std::collections::{BTreeMap, VecDeque};

use dccd_exchange::archive::{BulkFile, FileSummary};
use dccd_exchange::{Ask, Capability, Impossible, Page, Reach, Step, Walk};
use dccd_record::{Covered, Dataset, Fixed, Gap, Proof, Range, RangeSet, Retry, Ts};

use crate::args::Source;
use crate::worker::{Failure, FileWork, Work};

/// What goes out because of an answer.
#[derive(Debug)]
pub(crate) enum Event {
    /// These lines.
    Lines(Vec<u8>),
    Covered(Covered),
    Gap(Gap),
    /// A range was not obtained.
    Failed(Dataset, Range, Failure),
}

/// The files that an order begins with.
#[derive(Debug, Default)]
pub(crate) struct Files {
    pub(crate) files: Vec<BulkFile>,
    /// The size of one contract, where amounts are contracts.
    pub(crate) contract: Option<Fixed>,
}

/// One order on its way.
#[derive(Debug)]
pub(crate) struct Active {
    pub(crate) id: u64,
    pub(crate) retry: Retry,
    dataset: Dataset,
    row: &'static Capability,
    /// What of the order has happened.
    range: Range,
    source: Source,
    files: VecDeque<BulkFile>,
    /// What amounts in them are multiples of.
    contract: Option<Fixed>,
    files_open: usize,
    /// Ranges to be paged; `None` while the files are not all in.
    todo: Option<VecDeque<Range>>,
    /// What time it was for the exchange when they were laid out.
    laid_out: Ts,
    walk: Option<Walk>,
    next_number: u64,
    /// The oldest page that was not taken yet.
    taken: u64,
    answers: BTreeMap<u64, (Ask, Page, Vec<u8>)>,
    failure: Option<(u64, Failure)>,
    covered: RangeSet,
    /// What an answer was given for that is not `covered`.
    given_up: RangeSet,
    /// Why files are not there, with what they hold.
    file_failures: Vec<(Range, Failure)>,
    /// Whether the exchange has given a record of it.
    has_lines: bool,
}

impl Active {
    /// `range` lies in the exchange's past.
    pub(crate) fn new(
        id: u64,
        dataset: Dataset,
        row: &'static Capability,
        range: Range,
        source: Source,
        files: Files,
        retry: Retry,
    ) -> Active {
        Active {
            id,
            retry,
            dataset,
            row,
            range,
            source,
            files: files.files.into(),
            contract: files.contract,
            files_open: 0,
            todo: None,
            laid_out: Ts::MIN,
            walk: None,
            next_number: 0,
            taken: 0,
            answers: BTreeMap::new(),
            failure: None,
            covered: RangeSet::new(),
            given_up: RangeSet::new(),
            file_failures: Vec::new(),
            has_lines: false,
        }
    }

    /// The host that is asked.
    pub(crate) fn api_name(&self) -> &'static str {
        self.row.api.name
    }

    /// How many questions of this order may be open at once.
    pub(crate) fn depth(&self, connections: usize) -> usize {
        // One more than are asked, so that no connection waits; but not where the last ones are asked in vain.
        if self.row.proof == Proof::Id { connections } else { connections + 1 }
    }

    /// The next thing to do, and its number; nothing while answers are awaited or at the end.
    pub(crate) fn next_work(&mut self, now: Ts, events: &mut Vec<Event>) -> Option<(u64, Work)> {
        if let Some(file) = self.files.pop_front() {
            self.files_open += 1;
            let work = FileWork { dataset: self.dataset.clone(), file, range: self.range, contract: self.contract };
            return Some((self.number(), Work::File(Box::new(work))));
        }
        if self.files_open > 0 {
            return None;
        }
        if self.todo.is_none() {
            self.plan_pages(now, events);
        }
        loop {
            if let Some(walk) = &mut self.walk {
                if let Some(ask) = walk.next_ask() {
                    return Some((self.number(), Work::Page(Box::new(ask))));
                }
                let is_stuck = walk.left().is_some() && self.taken == self.next_number;
                if is_stuck {
                    self.give_up(&Failure::retryable("no question is left to ask"), events);
                }
                return None;
            }
            let range = self.todo.as_mut()?.pop_front()?;
            match Walk::new(&self.dataset, range, self.laid_out) {
                Ok(walk) => self.walk = Some(walk),
                Err(impossible) => self.fail(range, &refusal(&impossible), events),
            }
        }
    }

    /// Whether everything is answered.
    pub(crate) fn is_done(&self) -> bool {
        self.files.is_empty()
            && self.files_open == 0
            && self.walk.is_none()
            && self.todo.as_ref().is_some_and(VecDeque::is_empty)
    }

    pub(crate) fn take_page(
        &mut self,
        number: u64,
        ask: Ask,
        result: Result<Page, Failure>,
        lines: Vec<u8>,
        events: &mut Vec<Event>,
    ) {
        if number < self.taken {
            return;
        }
        match result {
            Ok(page) => {
                self.answers.insert(number, (ask, page, lines));
            }
            // What was asked before it may still be answered.
            Err(failure) if self.failure.as_ref().is_none_or(|(first, _)| number < *first) => {
                self.failure = Some((number, failure));
            }
            Err(_) => {}
        }
        while let Some((ask, page, lines)) = self.answers.remove(&self.taken) {
            self.taken += 1;
            self.take_next(&ask, &page, lines, events);
        }
        if let Some((number, failure)) = self.failure.take() {
            if number == self.taken {
                self.give_up(&failure, events);
            } else if number > self.taken {
                self.failure = Some((number, failure));
            }
        }
    }

    pub(crate) fn take_lines(&mut self, lines: Vec<u8>, events: &mut Vec<Event>) {
        if !lines.is_empty() {
            self.has_lines = true;
            events.push(Event::Lines(lines));
        }
    }

    pub(crate) fn take_file(
        &mut self,
        period: Range,
        result: Result<FileSummary, Failure>,
        lines: Vec<u8>,
        events: &mut Vec<Event>,
    ) {
        self.files_open = self.files_open.saturating_sub(1);
        match result {
            Ok(summary) => {
                self.take_lines(lines, events);
                for range in summary.covered.iter() {
                    self.cover(range, Proof::Archive, events);
                }
                if self.source == Source::Archive {
                    for (range, reason) in summary.gaps {
                        self.gap(range, reason, events);
                    }
                }
            }
            Err(failure) => self.file_failures.push((period, failure)),
        }
    }

    /// What is left when all files are in: for REST, if that is allowed and goes back so far.
    fn plan_pages(&mut self, now: Ts, events: &mut Vec<Event>) {
        let mut missing: Vec<Range> = self.left().iter().collect();
        self.todo = Some(VecDeque::new());
        self.laid_out = now;
        // Files were numbered too, but come in as they please.
        self.taken = self.next_number;
        if self.source == Source::Archive || self.row.reach == Reach::Archive {
            for range in missing {
                let failure = self.file_failure(range).unwrap_or_else(|| self.not_filed(range));
                self.fail(range, &failure, events);
            }
            return;
        }
        let rest_start = self.row.rest_start(&self.dataset, now);
        for range in &mut missing {
            let Some(gone) = Range::new(range.start(), range.end().min(rest_start)) else {
                self.page(*range, now);
                continue;
            };
            self.too_old(gone, events);
            if let Some(kept) = Range::new(gone.end(), range.end()) {
                self.page(kept, now);
            }
        }
    }

    /// Has a range paged, apart for what lies before the exchange's own pages.
    fn page(&mut self, range: Range, now: Ts) {
        let own = self.row.pages_start(&self.dataset, now);
        let own = self.dataset.span().map_or(own, |span| span.ceil(own)).clamp(range.start(), range.end());
        let parts = [Range::new(range.start(), own), Range::new(own, range.end())];
        self.todo.get_or_insert_default().extend(parts.into_iter().flatten());
    }

    fn too_old(&mut self, range: Range, events: &mut Vec<Event>) {
        let reach = self.row.reach;
        self.gap(range, format!("over REST the exchange keeps {reach}"), events);
        let failure = self.file_failure(range);
        let hint = if self.row.archive.is_some() { "see --source archive" } else { "no archive has more" };
        let cause = failure.as_ref().map_or(hint, |failure| failure.message.as_str());
        let message = format!("over REST the exchange keeps {} of {reach} only; {cause}", self.dataset.kind());
        let is_retryable = failure.as_ref().is_some_and(|failure| failure.is_retryable);
        self.fail(range, &Failure { is_retryable, ..Failure::retryable(message) }, events);
    }

    /// Why files that would hold some of `range` are not there.
    fn file_failure(&self, range: Range) -> Option<Failure> {
        let mut failures = self.file_failures.iter().filter(|(period, _)| period.intersect(range).is_some());
        let (_, first) = failures.next()?;
        let others = failures.count();
        let message = match others {
            0 => first.message.clone(),
            1 => format!("{}; nor is there one more file", first.message),
            _ => format!("{}; nor are there {others} more files", first.message),
        };
        Some(Failure { message, ..first.clone() })
    }

    /// Why no file of `range` was asked for.
    fn not_filed(&self, range: Range) -> Failure {
        let (exchange, kind) = (self.dataset.exchange(), self.dataset.kind());
        match (self.source, self.row.reach) {
            _ if self.row.archive.is_none() => {
                Failure::hopeless(format!("{exchange} has no archive of {kind}: see --source rest"))
            }
            (Source::Rest, _) => Failure::hopeless(format!(
                "{exchange} has no {kind} history over REST, only in its archive: see --source archive"
            )),
            (_, Reach::Archive) if range.end() <= self.row.since.start() => Failure::hopeless(format!(
                "{exchange} has {kind} history only in its archive, which begins on {}",
                self.row.since
            )),
            (_, Reach::Archive) => Failure::retryable(format!(
                "{exchange} has {kind} history only in its archive, to which the file of a day comes when that day \
                 is over; try again tomorrow"
            )),
            _ => {
                Failure::retryable("the archive has no file that holds all of it; with --source auto REST may give it")
            }
        }
    }

    fn take_next(&mut self, ask: &Ask, page: &Page, lines: Vec<u8>, events: &mut Vec<Event>) {
        let Some(walk) = &mut self.walk else { return };
        let mut lines = lines;
        let steps = walk.take(ask, page, &mut lines);
        self.has_lines |= !lines.is_empty();
        let mut lines = Some(lines);
        for step in steps {
            match step {
                Step::Lines => events.extend(lines.take().map(Event::Lines)),
                Step::Covered(range, proof) => self.cover(range, proof, events),
                Step::Gap(range, reason) => self.gap(range, reason, events),
                Step::Failed { range, error, is_retryable } => {
                    // An exchange that gives nothing at all may not trade such a pair.
                    let is_pair_doubtful = !self.has_lines;
                    let failure = Failure { is_retryable, is_pair_doubtful, ..Failure::retryable(error) };
                    self.fail(range, &failure, events);
                }
            }
        }
        if self.walk.as_ref().is_some_and(|walk| walk.left().is_none()) {
            self.end_walk();
        }
    }

    /// Forgets the walk and the answers to its questions that are still to come.
    fn end_walk(&mut self) {
        self.walk = None;
        self.taken = self.next_number;
        self.answers.clear();
        self.failure = None;
    }

    /// Nothing more comes of this order.
    fn give_up(&mut self, failure: &Failure, events: &mut Vec<Event>) {
        self.end_walk();
        if let Some(todo) = &mut self.todo {
            todo.clear();
        }
        if failure.is_stop {
            return;
        }
        let left: Vec<Range> = self.left().iter().collect();
        for range in left {
            self.fail(range, failure, events);
        }
    }

    fn left(&self) -> RangeSet {
        let mut answered = self.covered.clone();
        answered.extend(&self.given_up);
        answered.missing(self.range)
    }

    fn cover(&mut self, range: Range, proof: Proof, events: &mut Vec<Event>) {
        self.covered.insert(range);
        events.push(Event::Covered(Covered { dataset: self.dataset.clone(), range, proof }));
    }

    fn gap(&mut self, range: Range, reason: String, events: &mut Vec<Event>) {
        self.given_up.insert(range);
        events.push(Event::Gap(Gap { dataset: self.dataset.clone(), range, reason, is_final: false }));
    }

    fn fail(&mut self, range: Range, failure: &Failure, events: &mut Vec<Event>) {
        self.given_up.insert(range);
        events.push(Event::Failed(self.dataset.clone(), range, failure.clone()));
    }

    fn number(&mut self) -> u64 {
        self.next_number += 1;
        self.next_number - 1
    }
}

pub(crate) fn refusal(impossible: &Impossible) -> Failure {
    Failure::hopeless(impossible.to_string())
}
