//! Lines in, durable data out.
//!
//! A [`Writer`] takes lines and decides for each whether it goes to the journal (most), or, where one
//! dataset's input outruns the journal, straight to its new file. What was made durable is answered with
//! `stored` lines; control lines that speak of records leave only after them.

mod direct;
mod parked;
mod round;
mod slot;

use std::cell::Cell;
use std::path::Path;
use std::time::{Duration, Instant};

use dccd_record::{Control, Dataset, DatasetId, Job, Line, Parser, Range, Stored, Ts, write_control};

use crate::error::StoreError;
use crate::journal::{Journal, Segment, unique_writer};
use crate::layout::{Layout, Period};
use crate::policy::Occasion;
use crate::publish::{AddError, Site};
use crate::store::{Store, StoreOptions};
use crate::table::{self, Provenance, RowError};

use parked::Parked;
use round::Round;
use slot::Slot;

/// A frame this large is committed before its time, or its busiest dataset bypasses the journal.
const FRAME_BYTES_MAX: usize = 8 << 20;
/// A journal this large is emptied whatever the policy says.
const JOURNAL_BYTES_MAX: u64 = 512 << 20;
/// How many datasets may bypass the journal at once: each holds up to two row groups in memory.
const DIRECT_MAX: usize = 2;

/// How a writer works.
#[derive(Clone, Debug)]
pub struct WriterOptions {
    /// The most time between a line and its durability.
    pub sync_interval: Duration,
    /// How the store is created, if it is not there yet.
    pub store: StoreOptions,
    /// The program and version that footers name.
    pub program: String,
}

/// What became of a line.
#[derive(Debug, PartialEq, Eq)]
pub enum Taken {
    /// It will be durable.
    Yes,
    /// It breaks its format, and is not stored.
    Bad(String),
}

/// What became durable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Durable {
    /// So many rows.
    pub rows: u64,
    /// The first instant after what was said to be covered; `None` if nothing was.
    pub covered_to: Option<Ts>,
}

/// Makes lines durable.
pub struct Writer {
    site: Site,
    sync_interval: Duration,
    parser: Parser,
    slots: Vec<Slot>,
    /// Lines that the next commit makes durable.
    frame: Vec<u8>,
    /// Datasets with something in the frame.
    touched: Vec<DatasetId>,
    /// Control lines that leave with the next commit, in order.
    pending: Vec<Pending>,
    pending_bytes: usize,
    first_uncommitted: Option<Instant>,
    journal: Option<Journal>,
    segments: Vec<Segment>,
    /// Rows of files that are only on remotes.
    parked: Vec<Parked>,
    /// Lines for downstream.
    output: Vec<u8>,
    durable: Option<Durable>,
    notices: Vec<String>,
    warnings: Vec<String>,
}

/// A control line on its way out, and the dataset whose `stored` lines must leave before it.
struct Pending {
    after_stored: Option<DatasetId>,
    covered_to: Option<Ts>,
    line: Vec<u8>,
}

impl Writer {
    /// Opens or creates the store at `root` and takes over what dead writers left.
    pub fn open(root: &Path, options: &WriterOptions) -> Result<Writer, StoreError> {
        let store = Store::create(root, options.store)?;
        let layout = store.layout().clone();
        let segments = Segment::take_over(&layout.journal_dir())?;
        let provenance = Provenance::new(&options.program);
        let mut writer = Writer {
            site: Site {
                layout,
                numbers: store.numbers(),
                provenance,
                writer: unique_writer(),
                parts_named: Cell::new(0),
            },
            sync_interval: options.sync_interval,
            parser: Parser::new(),
            slots: Vec::new(),
            frame: Vec::new(),
            touched: Vec::new(),
            pending: Vec::new(),
            pending_bytes: 0,
            first_uncommitted: None,
            journal: None,
            segments,
            parked: Vec::new(),
            output: Vec::new(),
            durable: None,
            notices: Vec::new(),
            warnings: Vec::new(),
        };
        writer.inherit()?;
        Ok(writer)
    }

    /// Takes one line without its LF.
    pub fn take(&mut self, line: &[u8]) -> Result<Taken, StoreError> {
        // Matched by reference: a line's meaning is large, and moving it shows.
        match &self.parser.parse(line) {
            Ok(Line::Control(control)) => self.take_control(control, line),
            Ok(Line::Unknown) => {
                self.pass_on(None, None, line);
                self.relieve_of_control()?;
                Ok(Taken::Yes)
            }
            Ok(record) => self.take_record(record, line),
            Err(error) => Ok(Taken::Bad(error.to_string())),
        }
    }

    /// When [`Writer::commit`] is due; `None` while nothing waits.
    pub fn commit_due(&self) -> Option<Instant> {
        self.first_uncommitted.map(|first| first + self.sync_interval)
    }

    /// Makes durable what was taken and goes through the journal.
    pub fn commit(&mut self) -> Result<(), StoreError> {
        self.commit_frame()
    }

    /// Publishes what is worth it while input flows. It may take a while: hand out what a commit had to say before.
    pub fn publish_due(&mut self) -> Result<(), StoreError> {
        self.settle_direct(Occasion::Flow)?;
        if self.slots.iter().any(|slot| slot.direct.is_some()) {
            // Rows that bypass the journal wait for their receipts: look again, even if nothing more comes.
            self.first_uncommitted.get_or_insert_with(Instant::now);
        }
        let is_overfull = self.journal.as_ref().is_some_and(|journal| journal.bytes() > JOURNAL_BYTES_MAX);
        let mut round = if is_overfull { self.everything() } else { self.due(Occasion::Flow) };
        if !round.is_empty() {
            // A round reads the whole journal, so it takes along what is worth it.
            round.add_all(self.due(Occasion::Pause));
        }
        self.publish(round)
    }

    /// Publishes what is worth it while no input comes.
    pub fn pause(&mut self) -> Result<(), StoreError> {
        self.settle(Occasion::Pause)
    }

    /// Ends: all is durable, and published where the policy wants it; the rest stays in a journal.
    pub fn finish(&mut self) -> Result<(), StoreError> {
        self.settle(Occasion::Rest)?;
        if self.slots.iter().all(|slot| slot.waiting.is_empty() && slot.news.is_empty()) {
            self.journal.take().map_or(Ok(()), Journal::remove)?;
            self.segments.drain(..).try_for_each(Segment::remove)?;
        }
        Ok(())
    }

    /// Lines for downstream.
    pub fn output(&mut self) -> &mut Vec<u8> {
        &mut self.output
    }

    /// What became durable since this was last asked; `None` if nothing did, lines without records included.
    pub fn take_durable(&mut self) -> Option<Durable> {
        self.durable.take()
    }

    /// Sentences about what is odd but taken care of.
    pub fn take_warnings(&mut self) -> Vec<String> {
        std::mem::take(&mut self.warnings)
    }

    /// Sentences that a person should read: the store held something that cannot be read.
    pub fn take_notices(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notices)
    }

    fn settle(&mut self, occasion: Occasion) -> Result<(), StoreError> {
        self.commit_frame()?;
        self.unpark();
        self.settle_direct(occasion)?;
        let round = self.due(occasion);
        self.publish(round)
    }

    fn take_record(&mut self, record: &Line<'_>, line: &[u8]) -> Result<Taken, StoreError> {
        let Some((id, ts)) = record.record() else { return Ok(Taken::Yes) };
        if ts >= Range::all().end() {
            return Ok(Taken::Bad(format!("{ts} is beyond every range")));
        }
        let slot = Slot::of(&mut self.slots, &self.parser, id);
        slot.newest = slot.newest.max(Some(ts));
        if let Some(direct) = &mut slot.direct {
            self.first_uncommitted.get_or_insert_with(Instant::now);
            let pushed = direct.push(&self.site, &slot.dataset, ts, record, line.len());
            let is_crowded = direct.is_crowded();
            match pushed {
                Ok(()) if is_crowded => self.publish_oldest_direct(id)?,
                Ok(()) => {}
                Err(AddError::Row(error)) => return Ok(bad(&error)),
                Err(AddError::Store(error)) => {
                    // Its rows are lost with their part files, and what is held speaks of them.
                    slot.direct = None;
                    return Err(error);
                }
            }
            return Ok(Taken::Yes);
        }
        if let Err(error) = table::check(record, self.site.numbers) {
            return Ok(bad(&error));
        }
        slot.count_fresh(ts);
        slot.frame_bytes += line.len() + 1;
        if slot.frame_bytes == line.len() + 1 {
            self.touched.push(id);
        }
        self.append(line);
        if self.frame.len() >= FRAME_BYTES_MAX {
            self.relieve()?;
        }
        Ok(Taken::Yes)
    }

    fn take_control(&mut self, control: &Control, line: &[u8]) -> Result<Taken, StoreError> {
        let id = match self.parser.id(control.dataset()) {
            Ok(id) => id,
            Err(error) => return Ok(Taken::Bad(error.to_string())),
        };
        let slot = Slot::of(&mut self.slots, &self.parser, id);
        match control {
            Control::Covered(_) | Control::Gap(_) | Control::Failed(_) => {
                if let Some(direct) = &mut slot.direct {
                    direct.hold(control, line);
                    if direct.held_bytes() >= FRAME_BYTES_MAX {
                        self.settle_direct(Occasion::Flow)?;
                    }
                    return Ok(Taken::Yes);
                }
                if !matches!(control, Control::Failed(_)) {
                    let stream = slot.stream_begins(control);
                    slot.learn(control);
                    if let Some(stream) = stream {
                        slot.learn(&stream);
                        write_control(&stream, &mut self.frame);
                    }
                    self.append(line);
                }
                self.pass_on(Some(id), covered_to(control), line);
            }
            Control::Job(Job { is_live: true, start: None, .. }) => {
                slot.is_stream_new = true;
                self.pass_on(None, None, line);
            }
            Control::Range(_) | Control::Job(Job { is_live: true, .. }) => {
                slot.learn(control);
                self.append(line);
                self.pass_on(None, None, line);
            }
            Control::Stored(_) | Control::Job(_) => self.pass_on(None, None, line),
        }
        self.relieve_of_control()?;
        Ok(Taken::Yes)
    }

    fn append(&mut self, line: &[u8]) {
        self.frame.extend_from_slice(line);
        self.frame.push(b'\n');
        self.first_uncommitted.get_or_insert_with(Instant::now);
    }

    fn pass_on(&mut self, after_stored: Option<DatasetId>, covered_to: Option<Ts>, line: &[u8]) {
        let mut line = line.to_vec();
        line.push(b'\n');
        self.pending_bytes += line.len();
        self.pending.push(Pending { after_stored, covered_to, line });
        self.first_uncommitted.get_or_insert_with(Instant::now);
    }

    /// The frame is full before its time: its busiest dataset goes its own way, or it is committed now.
    fn relieve(&mut self) -> Result<(), StoreError> {
        let busiest = self.touched.iter().copied().max_by_key(|id| self.slots[id.index()].frame_bytes);
        let direct_count = self.slots.iter().filter(|slot| slot.direct.is_some()).count();
        match busiest {
            Some(id) if self.slots[id.index()].frame_bytes >= FRAME_BYTES_MAX / 2 && direct_count < DIRECT_MAX => {
                self.go_direct(id)
            }
            _ => self.commit_frame(),
        }
    }

    /// Control lines fill a frame too, and memory while they wait for it.
    fn relieve_of_control(&mut self) -> Result<(), StoreError> {
        let is_full = self.frame.len() >= FRAME_BYTES_MAX || self.pending_bytes >= FRAME_BYTES_MAX;
        if is_full { self.commit_frame() } else { Ok(()) }
    }

    /// Makes the frame durable and says so.
    fn commit_frame(&mut self) -> Result<(), StoreError> {
        if !self.frame.is_empty() {
            Writer::open_journal(&mut self.journal, &self.site)?.commit(&self.frame)?;
            self.frame.clear();
            self.durable.get_or_insert_default();
        }
        self.first_uncommitted = None;
        self.pending_bytes = 0;
        for pending in std::mem::take(&mut self.pending) {
            if let Some(id) = pending.after_stored {
                self.say_stored(id);
            }
            self.say_covered(pending.covered_to);
            self.output.extend_from_slice(&pending.line);
        }
        for id in std::mem::take(&mut self.touched) {
            self.say_stored(id);
        }
        Ok(())
    }

    /// The journal of this process, created when it is first needed.
    fn open_journal<'a>(journal: &'a mut Option<Journal>, site: &Site) -> Result<&'a mut Journal, StoreError> {
        if journal.is_none() {
            *journal = Some(Journal::create(&site.layout.journal_dir(), &site.writer)?);
        }
        Ok(journal.as_mut().expect("it was just created"))
    }

    /// Answers for a dataset's rows that a commit made durable.
    fn say_stored(&mut self, id: DatasetId) {
        let slot = &mut self.slots[id.index()];
        slot.frame_bytes = 0;
        for (period, fresh) in std::mem::take(&mut slot.fresh) {
            slot.wait(period, &fresh);
            let line = stored_line(&self.site.layout, &slot.dataset, period, &fresh);
            write_control(&line, &mut self.output);
            self.durable.get_or_insert_default().rows += fresh.rows;
        }
    }

    /// Remembers how far a `covered` line reaches that leaves now.
    fn say_covered(&mut self, to: Option<Ts>) {
        let durable = self.durable.get_or_insert_default();
        durable.covered_to = durable.covered_to.max(to);
    }

    /// Every file for which rows wait, and every ledger that has something to learn.
    fn everything(&self) -> Round {
        let mut round = Round::default();
        for slot in self.slots.iter().filter(|slot| !slot.waiting.is_empty() || !slot.news.is_empty()) {
            round.add(slot.id, slot.waiting.keys().copied());
        }
        round
    }

    /// What is worth publishing.
    fn due(&mut self, occasion: Occasion) -> Round {
        let mut round = Round::default();
        for slot in &mut self.slots {
            let files = slot.due(occasion, &self.site.layout);
            let is_news_due = slot.waiting.is_empty() && slot.is_news_due(occasion);
            if !files.is_empty() || is_news_due {
                round.add(slot.id, files);
            }
        }
        round
    }
}

/// Rows of one file that became durable together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fresh {
    rows: u64,
    first: Ts,
    last: Ts,
}

impl Fresh {
    fn one(ts: Ts) -> Fresh {
        Fresh { rows: 1, first: ts, last: ts }
    }

    fn add(&mut self, ts: Ts) {
        self.rows += 1;
        self.first = self.first.min(ts);
        self.last = self.last.max(ts);
    }
}

fn stored_line(layout: &Layout, dataset: &Dataset, period: Period, fresh: &Fresh) -> Control {
    let end = fresh.last.saturating_add(1);
    Control::Stored(Stored {
        dataset: dataset.clone(),
        path: layout.file(dataset, period).display().to_string(),
        rows: fresh.rows,
        range: Range::new(fresh.first, end).unwrap_or(Range::instant(fresh.first)),
    })
}

/// How far a line says that all is covered.
fn covered_to(control: &Control) -> Option<Ts> {
    match control {
        Control::Covered(line) => Some(line.range.end()),
        _ => None,
    }
}

fn bad(error: &RowError) -> Taken {
    Taken::Bad(error.to_string())
}
