//! Input that outruns the journal: rows go straight to the new file, `stored` waits for its rename.

use std::time::{Duration, Instant};

use dccd_record::{Control, Dataset, DatasetId, Line, Range, Ts};

use super::round::{DirectFile, Round};
use super::{FRAME_BYTES_MAX, Fresh, Writer, covered_to};
use crate::error::StoreError;
use crate::layout::Period;
use crate::policy::Occasion;
use crate::publish::{AddError, Added, Site};

/// Even input that never slackens gets its receipts this often.
const RECEIPTS_INTERVAL: Duration = Duration::from_secs(30);
/// Less input than this between two commits is not worth a bypass.
const BYTES_WORTH_IT: usize = 1 << 20;
/// Files of one dataset that are open at once.
const FILES_MAX: usize = 2;

/// One dataset's way around the journal.
pub(super) struct Direct {
    /// The new files; the last record went to the last of them.
    files: Vec<NewFile>,
    /// Control lines that may be neither journaled nor passed on before the rows above them are published.
    held: Vec<(Control, Vec<u8>)>,
    held_bytes: usize,
    began: Instant,
    bytes_since_look: usize,
    looked: Instant,
}

/// A file on its way to take the place of the published one.
struct NewFile {
    period: Period,
    range: Range,
    added: Added,
    fresh: Fresh,
}

impl From<NewFile> for DirectFile {
    fn from(NewFile { period, added, fresh, .. }: NewFile) -> DirectFile {
        DirectFile { period, added, fresh }
    }
}

impl Direct {
    fn new() -> Direct {
        let now = Instant::now();
        Direct { files: Vec::new(), held: Vec::new(), held_bytes: 0, began: now, bytes_since_look: 0, looked: now }
    }

    /// Adds a record to the new file of its period.
    pub(super) fn push(
        &mut self,
        site: &Site,
        dataset: &Dataset,
        ts: Ts,
        record: &Line<'_>,
        line_bytes: usize,
    ) -> Result<(), AddError> {
        self.bytes_since_look += line_bytes;
        if !self.files.last().is_some_and(|file| file.range.contains(ts)) {
            self.turn_to(site, dataset, ts).map_err(AddError::Store)?;
        }
        if let Some(file) = self.files.last_mut() {
            file.added.push(site, record)?;
            file.fresh.add(ts);
        }
        Ok(())
    }

    /// Makes the file of an instant the last one; if it is new, the others give memory back.
    #[cold]
    fn turn_to(&mut self, site: &Site, dataset: &Dataset, ts: Ts) -> Result<(), StoreError> {
        let period = Period::of(dataset.kind(), ts);
        let file = match self.files.iter().position(|file| file.period == period) {
            Some(at) => self.files.remove(at),
            None => {
                self.files.iter_mut().try_for_each(|file| file.added.rest())?;
                let fresh = Fresh { rows: 0, first: ts, last: ts };
                NewFile { period, range: period.range(), added: Added::new(site, dataset, period), fresh }
            }
        };
        self.files.push(file);
        Ok(())
    }

    /// Keeps a control line back until the rows above it are published.
    pub(super) fn hold(&mut self, control: &Control, line: &[u8]) {
        let mut line = line.to_vec();
        line.push(b'\n');
        self.held_bytes += line.len();
        self.held.push((control.clone(), line));
    }

    /// How much is kept back.
    pub(super) fn held_bytes(&self) -> usize {
        self.held_bytes
    }

    /// Whether more files are open than memory is meant for.
    pub(super) fn is_crowded(&self) -> bool {
        self.files.len() > FILES_MAX
    }

    /// Takes out the file that no record went to lately: the oldest but the current one.
    fn take_oldest(&mut self) -> Option<NewFile> {
        let others = ..self.files.len().saturating_sub(1);
        let (oldest, _) = self.files[others].iter().enumerate().min_by_key(|(_, file)| file.period)?;
        Some(self.files.remove(oldest))
    }

    /// Whether to publish all and go back to the journal.
    fn is_over(&mut self, occasion: Occasion, sync_interval: Duration) -> bool {
        let is_full = self.held_bytes >= FRAME_BYTES_MAX;
        if occasion != Occasion::Flow || is_full || self.began.elapsed() >= RECEIPTS_INTERVAL {
            return true;
        }
        if self.looked.elapsed() < sync_interval {
            return false;
        }
        self.looked = Instant::now();
        std::mem::take(&mut self.bytes_since_look) < BYTES_WORTH_IT
    }
}

impl Writer {
    /// Lets a dataset bypass the journal from now on, and commits what the frame has of others.
    pub(super) fn go_direct(&mut self, id: DatasetId) -> Result<(), StoreError> {
        let mut direct = Direct::new();
        // What was said to be covered must not become durable before the rows above it.
        let is_answered = self.pending.iter().any(|pending| pending.after_stored == Some(id));
        if !is_answered {
            self.divert(id, &mut direct)?;
        }
        self.commit_frame()?;
        self.frame = Vec::new();
        self.slots[id.index()].direct = Some(direct);
        self.mark_presence()
    }

    /// Moves a dataset's records from the frame to its new files.
    fn divert(&mut self, id: DatasetId, direct: &mut Direct) -> Result<(), StoreError> {
        Writer::open_journal(&mut self.journal, &self.site)?;
        self.slots[id.index()].forget_frame();
        self.touched.retain(|touched| *touched != id);
        let frame = std::mem::take(&mut self.frame);
        let mut failed = None;
        for line in frame.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let record = self.parser.parse(line).ok().filter(|line| line.record().is_some_and(|(of, _)| of == id));
            let Some((record, (_, ts))) = record.as_ref().and_then(|record| Some((record, record.record()?))) else {
                self.append(line);
                continue;
            };
            if failed.is_some() {
                continue;
            }
            let dataset = &self.slots[id.index()].dataset;
            match direct.push(&self.site, dataset, ts, record, line.len()) {
                Ok(()) => {}
                Err(AddError::Row(error)) => {
                    self.notices.push(format!("a line of {dataset} does not fit its file: {error}"));
                }
                // The lines of others stay in the frame: the last commit will say that they are stored.
                Err(AddError::Store(error)) => failed = Some(error),
            }
        }
        failed.map_or(Ok(()), Err)
    }

    /// While part files are open there is a journal, even an empty one: by it a dead writer's parts are found.
    pub(super) fn mark_presence(&mut self) -> Result<(), StoreError> {
        if self.slots.iter().any(|slot| slot.direct.is_some()) {
            Writer::open_journal(&mut self.journal, &self.site)?;
        }
        Ok(())
    }

    /// Publishes the datasets whose input no longer outruns the journal.
    pub(super) fn settle_direct(&mut self, occasion: Occasion) -> Result<(), StoreError> {
        let sync_interval = self.sync_interval;
        let mut round = Round::default();
        let mut over = Vec::new();
        let mut news_before = Vec::new();
        for slot in &mut self.slots {
            if let Some(mut direct) = slot.direct.take_if(|direct| direct.is_over(occasion, sync_interval)) {
                news_before.push((slot.id, slot.news.clone()));
                for (control, _) in &direct.held {
                    let stream = slot.stream_begins(control);
                    [Some(control), stream.as_ref()].into_iter().flatten().for_each(|control| slot.learn(control));
                }
                for file in std::mem::take(&mut direct.files) {
                    round.add_direct(slot.id, file.into());
                }
                round.add(slot.id, []);
                over.push(direct);
            }
        }
        if let Err(error) = self.publish(round) {
            // These rows are lost with their part files, so what speaks of them must never reach the ledger.
            for (id, news) in news_before {
                self.slots[id.index()].news = news;
            }
            return Err(error);
        }
        for (control, line) in over.into_iter().flat_map(|direct| direct.held) {
            self.say_covered(covered_to(&control));
            self.output.extend_from_slice(&line);
        }
        Ok(())
    }

    /// Publishes one file of a dataset that has too many open; its control lines still wait.
    pub(super) fn publish_oldest_direct(&mut self, id: DatasetId) -> Result<(), StoreError> {
        let oldest = self.slots[id.index()].direct.as_mut().and_then(Direct::take_oldest);
        let mut round = Round::default();
        if let Some(file) = oldest {
            round.add_direct(id, file.into());
        }
        // These rows are lost with their part file, and what is held speaks of them too.
        self.publish(round).inspect_err(|_| self.slots[id.index()].direct = None)
    }
}
