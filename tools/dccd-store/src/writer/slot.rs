//! What a writer knows of one dataset.

use std::collections::BTreeMap;
use std::time::Instant;

use dccd_record::{Control, Dataset, DatasetId, Parser, Range, Ts};

use super::Fresh;
use super::direct::Direct;
use crate::layout::{Layout, Period};
use crate::ledger::{Ledger, stream_line};
use crate::policy::{NEWS_WAIT, Occasion, Published, Waiting, is_due};
use crate::table::FileScan;

pub(super) struct Slot {
    pub(super) id: DatasetId,
    pub(super) dataset: Dataset,
    /// The newest instant seen or covered.
    pub(super) newest: Option<Ts>,
    /// Bytes in the frame.
    pub(super) frame_bytes: usize,
    /// Rows in the frame, by file; nearly always one.
    pub(super) fresh: Vec<(Period, Fresh)>,
    /// Instants of the file that `fresh` ends with.
    current: Option<Range>,
    /// Rows in journals, by file.
    pub(super) waiting: BTreeMap<Period, WaitingRows>,
    /// What journals say of completeness and the ledger does not yet.
    pub(super) news: Ledger,
    /// Since when they do.
    news_since: Option<Instant>,
    pub(super) direct: Option<Direct>,
    /// A stream began in this run, and what it covers first is not known yet.
    pub(super) is_stream_new: bool,
}

/// Rows of one file in journals.
pub(super) struct WaitingRows {
    fresh: Fresh,
    since: Instant,
    /// The published file, once somebody asked.
    file: Option<Published>,
}

impl Slot {
    /// The slot of a dataset, new if it was not seen before.
    pub(super) fn of<'a>(slots: &'a mut Vec<Slot>, parser: &Parser, id: DatasetId) -> &'a mut Slot {
        if slots.len() <= id.index() {
            let unseen = parser.datasets().skip(slots.len());
            slots.extend(unseen.map(|(id, dataset)| Slot::new(id, dataset.clone())));
        }
        &mut slots[id.index()]
    }

    fn new(id: DatasetId, dataset: Dataset) -> Slot {
        Slot {
            id,
            dataset,
            newest: None,
            frame_bytes: 0,
            fresh: Vec::new(),
            current: None,
            waiting: BTreeMap::new(),
            news: Ledger::default(),
            news_since: None,
            direct: None,
            is_stream_new: false,
        }
    }

    /// Counts a record in the frame.
    pub(super) fn count_fresh(&mut self, ts: Ts) {
        if let (Some(range), Some((_, fresh))) = (self.current, self.fresh.last_mut())
            && range.contains(ts)
        {
            fresh.add(ts);
            return;
        }
        let period = Period::of(self.dataset.kind(), ts);
        self.current = Some(period.range());
        match self.fresh.iter().position(|(held, _)| *held == period) {
            Some(at) => {
                let (_, mut fresh) = self.fresh.remove(at);
                fresh.add(ts);
                self.fresh.push((period, fresh));
            }
            None => self.fresh.push((period, Fresh::one(ts))),
        }
    }

    /// Its records in the frame go another way.
    pub(super) fn forget_frame(&mut self) {
        self.frame_bytes = 0;
        self.fresh.clear();
        self.current = None;
    }

    /// What is to be remembered of a new stream, if `control` is the first that it covers or misses. Only within one
    /// input does that follow from the order of lines; once it is said, it is true in any order.
    pub(super) fn stream_begins(&mut self, control: &Control) -> Option<Control> {
        let start = match control {
            Control::Covered(line) => line.range.start(),
            Control::Gap(line) => line.range.start(),
            _ => return None,
        };
        // What was ordered may be far older than the stream.
        if !self.is_stream_new || self.news.asked().contains(start) {
            return None;
        }
        self.is_stream_new = false;
        Some(stream_line(&self.dataset, start))
    }

    /// Learns what a journaled line says of completeness.
    pub(super) fn learn(&mut self, control: &Control) {
        if let Control::Covered(line) = control {
            self.newest = self.newest.max(Some(line.range.end()));
        }
        self.news.take(control);
        self.news_since.get_or_insert_with(Instant::now);
    }

    /// The ledger knows all now.
    pub(super) fn forget_news(&mut self) {
        self.news = Ledger::default();
        self.news_since = None;
    }

    /// Whether to tell the ledger, though no rows wait.
    pub(super) fn is_news_due(&self, occasion: Occasion) -> bool {
        let is_old = self.news_since.is_some_and(|since| since.elapsed() >= NEWS_WAIT);
        !self.news.is_empty() && (occasion == Occasion::Rest || is_old)
    }

    /// Rows went to the journal.
    pub(super) fn wait(&mut self, period: Period, fresh: &Fresh) {
        let waiting = self.waiting.entry(period).or_insert_with(|| WaitingRows {
            fresh: Fresh { rows: 0, ..*fresh },
            since: Instant::now(),
            file: None,
        });
        waiting.fresh.rows += fresh.rows;
        waiting.fresh.first = waiting.fresh.first.min(fresh.first);
        waiting.fresh.last = waiting.fresh.last.max(fresh.last);
    }

    /// The files that are worth publishing.
    pub(super) fn due(&mut self, occasion: Occasion, layout: &Layout) -> Vec<Period> {
        let mut due = Vec::new();
        for (period, rows) in &mut self.waiting {
            let file = *rows.file.get_or_insert_with(|| published(layout, &self.dataset, *period));
            let Fresh { rows: count, first, last } = rows.fresh;
            let newest = self.newest.unwrap_or(last);
            let waiting = Waiting { rows: count, first, last, age: rows.since.elapsed(), newest };
            if is_due(occasion, *period, &waiting, file) {
                due.push(*period);
            }
        }
        due
    }

    /// How many rows wait for a file.
    pub(super) fn waiting_rows(&self, period: Period) -> u64 {
        self.waiting.get(&period).map_or(0, |rows| rows.fresh.rows)
    }
}

/// The published file's size; one that cannot be read counts as none, and publishing will deal with it.
fn published(layout: &Layout, dataset: &Dataset, period: Period) -> Published {
    FileScan::open(&layout.file(dataset, period), dataset.kind())
        .map(|scan| Published { rows: scan.info().rows, bytes: scan.info().bytes })
        .unwrap_or_default()
}
