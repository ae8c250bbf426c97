//! One round of publishing: rows leave the journals for their files.
//!
//! A journal holds the lines of many datasets, so a round reads it once for as many files as memory
//! allows, copies what is not published now to a new journal, and removes the old.

use std::collections::{BTreeMap, BTreeSet};

use dccd_record::{Control, DatasetId, Line, write_control};

use super::slot::Slot;
use super::{FRAME_BYTES_MAX, Fresh, Writer, parked, stored_line};
use crate::aside::set_aside;
use crate::error::StoreError;
use crate::journal::{FramesEnd, Journal, Segment};
use crate::layout::Period;
use crate::ledger::Ledger;
use crate::publish::{AddError, Added, Publisher};

/// Rows of files that are collected at once.
const CHUNK_ROWS_MAX: u64 = 512 << 10;

/// The rows of files, by the number of the journal they were in.
type Collected = BTreeMap<(DatasetId, Period), Vec<(usize, Added)>>;

/// Whether a dataset's files of a round are all published.
#[derive(Clone, Copy)]
enum Progress {
    GoesOn,
    Last,
}

/// Rows that bypassed the journal.
pub(super) struct DirectFile {
    pub(super) period: Period,
    pub(super) added: Added,
    pub(super) fresh: Fresh,
}

/// The files to publish, by dataset. A dataset without files has its ledger written.
#[derive(Default)]
pub(super) struct Round {
    files: BTreeMap<DatasetId, BTreeSet<Period>>,
    direct: Vec<(DatasetId, DirectFile)>,
}

impl Round {
    pub(super) fn add(&mut self, id: DatasetId, periods: impl IntoIterator<Item = Period>) {
        self.files.entry(id).or_default().extend(periods);
    }

    pub(super) fn add_direct(&mut self, id: DatasetId, file: DirectFile) {
        self.add(id, [file.period]);
        self.direct.push((id, file));
    }

    pub(super) fn add_all(&mut self, other: Round) {
        other.files.into_iter().for_each(|(id, periods)| self.add(id, periods));
        self.direct.extend(other.direct);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    fn holds(&self, id: DatasetId, period: Period) -> bool {
        self.files.get(&id).is_some_and(|periods| periods.contains(&period))
    }

    /// The files in groups that fit into memory together.
    fn chunks(&self, slots: &[Slot]) -> Vec<Vec<(DatasetId, Period)>> {
        let mut chunks = vec![Vec::new()];
        let mut rows = 0;
        for (id, period) in self.files.iter().flat_map(|(id, periods)| periods.iter().map(|period| (*id, *period))) {
            rows += slots[id.index()].waiting_rows(period);
            if rows > CHUNK_ROWS_MAX {
                chunks.push(Vec::new());
                rows = slots[id.index()].waiting_rows(period);
            }
            chunks.last_mut().expect("there is always a chunk").push((id, period));
        }
        chunks
    }
}

impl Writer {
    /// Learns what waits in the journals of dead writers.
    pub(super) fn inherit(&mut self) -> Result<(), StoreError> {
        let mut segments = std::mem::take(&mut self.segments);
        let names: Vec<String> = segments.iter().map(|segment| segment.writer().to_owned()).collect();
        if !names.is_empty() {
            self.site.layout.remove_parts(&names);
        }
        self.inherit_parked(&mut segments)?;
        for segment in &mut segments {
            self.each_line(segment, |writer, id, line, _| {
                let slot = Slot::of(&mut writer.slots, &writer.parser, id);
                match line {
                    Line::Control(control) => slot.learn(control),
                    record => {
                        if let Some((_, ts)) = record.record() {
                            slot.newest = slot.newest.max(Some(ts));
                            slot.wait(Period::of(slot.dataset.kind(), ts), &Fresh::one(ts));
                        }
                    }
                }
                Ok(())
            })?;
            if segment.is_damaged() {
                self.notices.push(format!(
                    "{} is damaged in the middle: what can be read is stored, the rest must be asked for again",
                    segment.path().display()
                ));
            }
        }
        self.segments = segments;
        Ok(())
    }

    /// Publishes a round.
    pub(super) fn publish(&mut self, mut round: Round) -> Result<(), StoreError> {
        if round.is_empty() {
            return Ok(());
        }
        let in_journal = |(id, periods): (&DatasetId, &BTreeSet<Period>)| {
            let slot = &self.slots[id.index()];
            !slot.news.is_empty() || periods.iter().any(|period| slot.waiting_rows(*period) > 0)
        };
        let reads_journal = round.files.iter().any(in_journal);
        let mut direct = std::mem::take(&mut round.direct);
        let mut carried = Vec::new();
        if reads_journal {
            self.segments.extend(self.journal.take().map(Journal::into_segment));
            self.mark_presence()?;
            carried = self.carry_over(&round)?;
        }
        let mut published: BTreeSet<DatasetId> = BTreeSet::new();
        if self.journal.is_none() && !self.segments.iter().any(|segment| segment.writer() == self.site.writer) {
            // By a journal of ours, even an empty one, our part files are found should we die.
            Writer::open_journal(&mut self.journal, &self.site)?;
        }
        let chunks = round.chunks(&self.slots);
        for (at, chunk) in chunks.iter().enumerate() {
            let collected = if reads_journal { self.collect(chunk, &direct)? } else { BTreeMap::new() };
            let next = chunks.get(at + 1).and_then(|chunk| chunk.first());
            self.publish_chunk(chunk, next.map(|(id, _)| *id), collected, &mut direct)?;
            published.extend(chunk.iter().map(|(id, _)| *id));
        }
        for id in round.files.keys().filter(|id| !published.contains(id)) {
            self.publish_files(*id, Vec::new(), Progress::Last)?;
        }
        if reads_journal {
            self.remove_segments()?;
        }
        self.segments.extend(carried);
        Ok(())
    }

    /// Publishes the files of a chunk, dataset by dataset. Those of dataset `next` go on in another chunk.
    fn publish_chunk(
        &mut self,
        chunk: &[(DatasetId, Period)],
        next: Option<DatasetId>,
        mut collected: Collected,
        direct: &mut Vec<(DatasetId, DirectFile)>,
    ) -> Result<(), StoreError> {
        for files in chunk.chunk_by(|(before, _), (after, _)| before == after) {
            let Some((id, _)) = files.first() else { continue };
            let mut by_period = Vec::new();
            let mut receipts = Vec::new();
            for (_, period) in files {
                let from_journals = collected.remove(&(*id, *period)).unwrap_or_default();
                let mut added: Vec<Added> = from_journals.into_iter().map(|(_, added)| added).collect();
                if let Some(at) = direct.iter().position(|(of, file)| of == id && file.period == *period) {
                    let (_, file) = direct.swap_remove(at);
                    added.push(file.added);
                    receipts.push((*period, file.fresh));
                }
                by_period.push((*period, added));
            }
            let progress = if next == Some(*id) { Progress::GoesOn } else { Progress::Last };
            self.publish_files(*id, by_period, progress)?;
            for (period, fresh) in receipts {
                let line = stored_line(&self.site.layout, &self.slots[id.index()].dataset, period, &fresh);
                write_control(&line, &mut self.output);
                self.durable.get_or_insert_default().rows += fresh.rows;
            }
        }
        Ok(())
    }

    fn publish_files(
        &mut self,
        id: DatasetId,
        files: Vec<(Period, Vec<Added>)>,
        progress: Progress,
    ) -> Result<(), StoreError> {
        let slot = &mut self.slots[id.index()];
        let mut publisher = Publisher::new(&self.site, &slot.dataset)?;
        let mut published = Vec::with_capacity(files.len());
        for (period, added) in files {
            match publisher.purged(period)? {
                // The rows go back to a journal, durable before the ledger hears of them.
                Some(purged) => {
                    self.warnings.push(purged.whereabouts(&slot.dataset) + "; rows for it wait in the journal");
                    parked::park(&self.site, slot, period, added, &mut self.parked)?;
                }
                None => {
                    publisher.publish(period, added, &slot.news)?;
                }
            }
            slot.waiting.remove(&period);
            published.push(period);
        }
        match progress {
            // The ledger follows the last file that its news speaks of.
            Progress::GoesOn => self.notices.extend(publisher.finish(&Ledger::default())?),
            Progress::Last => {
                for period in publisher.giving_way(&slot.news, &published)? {
                    publisher.publish(period, Vec::new(), &slot.news)?;
                }
                self.notices.extend(publisher.finish(&slot.news)?);
                slot.forget_news();
            }
        }
        Ok(())
    }

    /// Copies to new journals what the round leaves waiting. What dead writers left stays apart from what this one
    /// was given, since only by that a repeat is told from the n-th of equals; the journals of theirs are returned.
    fn carry_over(&mut self, round: &Round) -> Result<Vec<Segment>, StoreError> {
        let stays = |slot: &Slot| match round.files.get(&slot.id) {
            None => !slot.waiting.is_empty() || !slot.news.is_empty(),
            Some(periods) => slot.waiting.keys().any(|period| !periods.contains(period)),
        };
        let mut carried = Vec::new();
        if !self.slots.iter().any(stays) {
            return Ok(carried);
        }
        let mut segments = std::mem::take(&mut self.segments);
        for segment in &mut segments {
            let mut frame = Vec::new();
            let mut theirs = None;
            let is_ours = segment.is_of(&self.site.writer);
            self.each_line(segment, |writer, id, line, bytes| {
                let is_carried = match line.record() {
                    Some((_, ts)) => !round.holds(id, Period::of(writer.slots[id.index()].dataset.kind(), ts)),
                    None => !round.files.contains_key(&id),
                };
                if is_carried {
                    frame.extend_from_slice(bytes);
                    frame.push(b'\n');
                }
                if frame.len() >= FRAME_BYTES_MAX {
                    let journal = if is_ours { &mut writer.journal } else { &mut theirs };
                    Writer::open_journal(journal, &writer.site)?.commit(&frame)?;
                    frame.clear();
                }
                Ok(())
            })?;
            if !frame.is_empty() {
                let journal = if is_ours { &mut self.journal } else { &mut theirs };
                Writer::open_journal(journal, &self.site)?.commit(&frame)?;
            }
            carried.extend(theirs.map(Journal::into_carried));
        }
        self.segments = segments;
        Ok(carried)
    }

    /// Reads the rows of some files from the journals, each journal's apart: equal rows of two may be repeats.
    fn collect(
        &mut self,
        chunk: &[(DatasetId, Period)],
        direct: &[(DatasetId, DirectFile)],
    ) -> Result<Collected, StoreError> {
        let mut collected = Collected::new();
        let is_only_journal = self.segments.len() == 1;
        let is_direct = |id, period| direct.iter().any(|(of, file)| *of == id && file.period == period);
        let mut segments = std::mem::take(&mut self.segments);
        for (number, segment) in segments.iter_mut().enumerate() {
            self.each_line(segment, |writer, id, line, _| {
                let Some((_, ts)) = line.record() else { return Ok(()) };
                let dataset = &writer.slots[id.index()].dataset;
                let period = Period::of(dataset.kind(), ts);
                if chunk.binary_search(&(id, period)).is_err() {
                    return Ok(());
                }
                let by_journal = collected.entry((id, period)).or_default();
                if by_journal.last().is_none_or(|(last, _)| *last != number) {
                    let is_alone = is_only_journal && !is_direct(id, period);
                    let begin = if is_alone { Added::alone } else { Added::new };
                    by_journal.push((number, begin(&writer.site, dataset, period)));
                }
                let Some((_, added)) = by_journal.last_mut() else { return Ok(()) };
                match added.push(&writer.site, line) {
                    Ok(()) => Ok(()),
                    Err(AddError::Store(error)) => Err(error),
                    Err(AddError::Row(error)) => {
                        writer.notices.push(format!("a journaled line of {dataset} does not fit its file: {error}"));
                        Ok(())
                    }
                }
            })?;
        }
        self.segments = segments;
        Ok(collected)
    }

    /// Removes the journals whose lines are all elsewhere; a damaged one is kept for a person.
    fn remove_segments(&mut self) -> Result<(), StoreError> {
        for segment in std::mem::take(&mut self.segments) {
            if segment.is_damaged() {
                let aside = set_aside(&self.site.layout, segment.path())?;
                self.notices.push(format!("a damaged journal is now {}", aside.display()));
            } else {
                segment.remove()?;
            }
        }
        Ok(())
    }

    /// Calls `take` with each line of a journal: records, and what says something of completeness.
    pub(super) fn each_line(
        &mut self,
        segment: &mut Segment,
        mut take: impl FnMut(&mut Writer, DatasetId, &Line<'_>, &[u8]) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut frames = segment.frames()?;
        while let Some(lines) = frames.next_lines()? {
            let is_past_damage = frames.is_past_damage();
            for bytes in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                let line = match self.parser.parse(bytes) {
                    Ok(line) => line,
                    Err(cause) => {
                        self.notices.push(format!("{}: passed over a bad line: {cause}", segment.path().display()));
                        continue;
                    }
                };
                let id = match &line {
                    // The rows it speaks of may have been in the damaged frame.
                    Line::Control(control) if is_past_damage && matches!(**control, Control::Covered(_)) => None,
                    Line::Control(control) => self.parser.id(control.dataset()).ok(),
                    record => record.record().map(|(id, _)| id),
                };
                if let Some(id) = id {
                    Slot::of(&mut self.slots, &self.parser, id);
                    take(self, id, &line, bytes)?;
                }
            }
        }
        if frames.end() == FramesEnd::Damaged {
            segment.mark_damaged();
        }
        Ok(())
    }
}
