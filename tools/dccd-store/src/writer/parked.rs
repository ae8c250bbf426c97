//! Rows of files that are only on remotes.
//!
//! A file that was purged is fuller than anything that could be written in its place. So rows for it go to a journal of
//! their own, one per file, which stays out of every round until the file is back.

use dccd_record::{DatasetId, LineWriter, Parser, Range};

use super::slot::Slot;
use super::{FRAME_BYTES_MAX, Fresh, Writer};
use crate::error::StoreError;
use crate::journal::{Journal, Segment};
use crate::layout::Period;
use crate::publish::{AddError, Added, Site};
use crate::purged;
use crate::table::{MergedScan, Record, Unusable};

/// The rows that wait for one purged file.
pub(super) struct Parked {
    id: DatasetId,
    period: Period,
    fresh: Fresh,
    segment: Segment,
}

/// Adds rows to those that wait for a purged file. Repeats go, so replaying input does not make the journal grow.
pub(super) fn park(
    site: &Site,
    slot: &Slot,
    period: Period,
    added: Vec<Added>,
    parked: &mut Vec<Parked>,
) -> Result<(), StoreError> {
    let is_same = |parked: &Parked| parked.id == slot.id && parked.period == period;
    let mut all = Vec::new();
    for before in parked.iter().filter(|parked| is_same(parked)) {
        all.push(read(site, slot, period, &before.segment)?);
    }
    all.extend(added);
    let finished = all.into_iter().map(Added::finish).collect::<Result<Vec<_>, _>>()?;
    let sources = finished.iter().flat_map(|added| added.sources.iter().cloned()).collect();
    let scan = MergedScan::new(slot.dataset.kind(), site.numbers, sources, Range::all())?;
    let mut journal = Journal::create_parked(&site.layout.journal_dir(), &site.writer)?;
    let mut writer = LineWriter::new(&slot.dataset);
    let mut lines = Vec::new();
    let mut fresh: Option<Fresh> = None;
    for rows in scan {
        let Unusable(_) = rows?.for_each(|record| {
            let ts = write(&mut writer, &record, &mut lines);
            match &mut fresh {
                Some(fresh) => fresh.add(ts),
                None => fresh = Some(Fresh::one(ts)),
            }
            if lines.len() < FRAME_BYTES_MAX {
                return Ok(());
            }
            let committed = journal.commit(&lines);
            lines.clear();
            committed
        })?;
    }
    journal.commit(&lines)?;
    let Some(fresh) = fresh else { return journal.remove() };
    let segment = journal.into_segment();
    for before in parked.extract_if(.., |parked| is_same(parked)) {
        before.segment.remove()?;
    }
    parked.push(Parked { id: slot.id, period, fresh, segment });
    Ok(())
}

/// The rows of a parked journal.
fn read(site: &Site, slot: &Slot, period: Period, segment: &Segment) -> Result<Added, StoreError> {
    let mut added = Added::new(site, &slot.dataset, period);
    let mut frames = segment.frames()?;
    let mut parser = Parser::new();
    while let Some(lines) = frames.next_lines()? {
        for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let Ok(line) = parser.parse(line) else { continue };
            match added.push(site, &line) {
                Ok(()) => {}
                Err(AddError::Store(error)) => return Err(error),
                // It was read from a file of the same columns.
                Err(AddError::Row(_)) => {}
            }
        }
    }
    Ok(added)
}

fn write(writer: &mut LineWriter, record: &Record<'_>, out: &mut Vec<u8>) -> dccd_record::Ts {
    match record {
        Record::Candle(candle) => {
            writer.candle(candle, out);
            candle.ts
        }
        Record::Trade(trade) => {
            writer.trade(trade, out);
            trade.ts
        }
        Record::Book(book) => {
            writer.book(book, out);
            book.ts
        }
        Record::Funding(funding) => {
            writer.funding(funding, out);
            funding.ts
        }
        Record::OpenInterest(record) => {
            writer.open_interest(record, out);
            record.ts
        }
    }
}

impl Writer {
    /// Takes what dead writers parked out of `segments`, but for rows whose file is back.
    pub(super) fn inherit_parked(&mut self, segments: &mut Vec<Segment>) -> Result<(), StoreError> {
        let (parked, others): (Vec<_>, Vec<_>) = segments.drain(..).partition(Segment::is_parked);
        *segments = others;
        for mut segment in parked {
            let mut held: Option<(DatasetId, Period, Fresh)> = None;
            let mut is_one_file = true;
            self.each_line(&mut segment, |writer, id, line, _| {
                let Some((_, ts)) = line.record() else { return Ok(()) };
                let slot = Slot::of(&mut writer.slots, &writer.parser, id);
                let period = Period::of(slot.dataset.kind(), ts);
                match &mut held {
                    Some((of, held, fresh)) if (*of, *held) == (id, period) => fresh.add(ts),
                    Some(_) => is_one_file = false,
                    None => held = Some((id, period, Fresh::one(ts))),
                }
                Ok(())
            })?;
            match held {
                Some((id, period, fresh)) if is_one_file && !segment.is_damaged() => {
                    self.parked.push(Parked { id, period, fresh, segment });
                }
                _ => segments.push(segment),
            }
        }
        segments.extend(self.take_back().into_iter().map(|parked| parked.segment));
        Ok(())
    }

    /// Lets rows go on whose file is back.
    pub(super) fn unpark(&mut self) {
        for Parked { id, period, fresh, segment } in self.take_back() {
            let slot = &mut self.slots[id.index()];
            slot.newest = slot.newest.max(Some(fresh.last));
            slot.wait(period, &fresh);
            self.segments.push(segment);
        }
    }

    /// The rows whose file is back.
    fn take_back(&mut self) -> Vec<Parked> {
        let (layout, slots) = (&self.site.layout, &self.slots);
        let is_back =
            |parked: &mut Parked| !purged::is_purged(layout, &slots[parked.id.index()].dataset, parked.period);
        self.parked.extract_if(.., is_back).collect()
    }
}
