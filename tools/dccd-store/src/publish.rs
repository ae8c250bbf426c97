//! From waiting rows to a published file.
//!
//! The order is what makes a kill at any point harmless: the new file is complete and synced before it
//! takes the old one's name, the ledger follows the file, and the journal goes last. Whatever is done
//! twice gives the same file, since equal keys are one row.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::convert::Infallible;
use std::fs::File;
use std::path::{Path, PathBuf};

use dccd_record::{Dataset, Kind, Line, Range, RangeSet, Ts};

use crate::aside::set_aside;
use crate::error::StoreError;
use crate::file_id::FileId;
use crate::fsys;
use crate::layout::{Layout, Period};
use crate::ledger::{Ledger, LoadedLedger};
use crate::lock::Lock;
use crate::policy::Published;
use crate::purged::Purged;
use crate::repeats::{self, rows_of};
use crate::seam::published_neighbours;
use crate::table::{
    Assembled, Assembly, FileInfo, FileScan, Numbers, Origin, PartWriter, Provenance, Record, RowError, Rows, Source,
    TableError, assemble,
};

/// Above this, new rows go to a part file instead of memory.
const ROWS_IN_MEMORY_MAX: usize = 32 << 10;

/// What is the same for every file that one process publishes.
pub(crate) struct Site {
    pub(crate) layout: Layout,
    pub(crate) numbers: Numbers,
    pub(crate) provenance: Provenance,
    /// Unfinished files carry this name: whoever takes over the writer's journal removes them.
    pub(crate) writer: String,
    /// How many unfinished files were named.
    pub(crate) parts_named: Cell<u64>,
}

impl Site {
    /// A new name for an unfinished file.
    fn part_path(&self, dataset: &Dataset, period: Period) -> PathBuf {
        self.parts_named.set(self.parts_named.get() + 1);
        self.layout.part(dataset, period, &self.writer, self.parts_named.get())
    }
}

/// What came since for one file, in the order it came.
pub(crate) struct Added {
    dataset: Dataset,
    numbers: Numbers,
    part_path: PathBuf,
    rows: Rows,
    part: Option<PartWriter>,
    begin: Begin,
    rows_pushed: u64,
}

/// How a part file begins.
enum Begin {
    /// With the new rows.
    Empty,
    /// With the published file, if most new rows follow it.
    Published(PathBuf, Period),
    /// With the published file, which was this one.
    Continued(FileId),
}

impl Added {
    /// Nothing yet.
    pub(crate) fn new(site: &Site, dataset: &Dataset, period: Period) -> Added {
        let (dataset, numbers, part_path) = (dataset.clone(), site.numbers, site.part_path(dataset, period));
        let rows = Rows::new(dataset.kind(), numbers);
        Added { dataset, numbers, part_path, rows, part: None, begin: Begin::Empty, rows_pushed: 0 }
    }

    /// Nothing yet, and nobody else adds to the same file: if much comes, the file is copied once and continued,
    /// instead of being copied behind a part.
    pub(crate) fn alone(site: &Site, dataset: &Dataset, period: Period) -> Added {
        let begin = Begin::Published(site.layout.file(dataset, period), period);
        Added { begin, ..Added::new(site, dataset, period) }
    }

    /// Adds a record.
    pub(crate) fn push(&mut self, site: &Site, line: &Line<'_>) -> Result<(), AddError> {
        if let Some(part) = &mut self.part
            && !(matches!(self.begin, Begin::Continued(_)) && is_told_by_count(line))
        {
            part.push(line)?;
            self.rows_pushed += rows_of(line);
            return Ok(());
        }
        self.rows.push(line).map_err(AddError::Row)?;
        self.rows_pushed += rows_of(line);
        if self.rows.len() >= ROWS_IN_MEMORY_MAX && self.part.is_none() {
            self.spill(site).map_err(AddError::Store)?;
        }
        Ok(())
    }

    /// Gives memory back, as few rows will come from now on.
    pub(crate) fn rest(&mut self) -> Result<(), StoreError> {
        self.part.as_mut().map_or(Ok(()), |part| part.rest().map_err(StoreError::from))
    }

    /// From now on rows go to a part file.
    fn spill(&mut self, site: &Site) -> Result<(), StoreError> {
        fsys::create_dir(fsys::parent(&self.part_path))?;
        let mut part = match self.continued(site)? {
            Some(part) => part,
            None => {
                let provenance = site.provenance.clone().with_source(self.dataset.exchange().as_str());
                PartWriter::create(&self.part_path, self.dataset.kind(), self.numbers, &provenance)?
            }
        };
        part.push_rows(std::mem::replace(&mut self.rows, Rows::new(self.dataset.kind(), self.numbers)))?;
        self.part = Some(part);
        Ok(())
    }

    /// A part that begins with the published file. One that cannot be read is left to the publish.
    fn continued(&mut self, site: &Site) -> Result<Option<PartWriter>, StoreError> {
        let Begin::Published(path, period) = std::mem::replace(&mut self.begin, Begin::Empty) else { return Ok(None) };
        // In a part equal rows are distinct, so rows that only their count tells apart must not meet those of the file.
        if !self.has_keys() {
            return Ok(None);
        }
        // Rows of an earlier dccd are to be told apart from ours, which they cannot be in a part.
        let ledger = Ledger::load(&site.layout, &self.dataset)?.ledger;
        let is_adopted = |ranges: &RangeSet| !ranges.within(period.range()).is_empty();
        if is_adopted(ledger.adopted()) || is_adopted(&ledger.covered_by_file()) {
            return Ok(None);
        }
        let Some(id) = FileId::of(&path) else { return Ok(None) };
        let Ok(info) = FileScan::open(&path, self.dataset.kind()).map(|scan| scan.info().clone()) else {
            return Ok(None);
        };
        let newer = self.rows.instants().filter(|ts| Some(*ts) > info.last).count();
        if newer * 2 < self.rows.len() {
            return Ok(None);
        }
        let provenance = provenance(site, Some(&info), self.dataset.exchange().as_str());
        match PartWriter::continuing(&path, &self.part_path, self.dataset.kind(), self.numbers, &provenance) {
            Ok(Some(part)) => {
                self.begin = Begin::Continued(id);
                Ok(Some(part))
            }
            Ok(None) | Err(TableError::Unreadable { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether each row in memory has a key of its own.
    fn has_keys(&self) -> bool {
        let mut has_keys = self.dataset.kind() != Kind::Book;
        let looked = self.rows.for_each(|record| {
            has_keys &= !matches!(record, Record::Trade(trade) if trade.tid.is_none());
            Ok::<(), Infallible>(())
        });
        looked.is_ok() && has_keys
    }

    /// Ends the part file.
    pub(crate) fn finish(self) -> Result<Finished, StoreError> {
        let continued = match self.begin {
            Begin::Continued(id) => Some(id),
            Begin::Empty | Begin::Published(..) => None,
        };
        let mut finished =
            Finished { part_path: self.part_path, sources: Vec::new(), continued, rows_pushed: self.rows_pushed };
        if let Some(part) = self.part {
            finished.sources.push(part.finish()?.into_source());
        }
        if !self.rows.is_empty() {
            finished.sources.push(Source::rows(self.rows));
        }
        Ok(finished)
    }
}

/// Whether only the count of its equals tells a record from its repeat.
fn is_told_by_count(line: &Line<'_>) -> bool {
    match line {
        Line::Trade(_, trade) => trade.tid.is_none(),
        Line::Book(..) => true,
        _ => false,
    }
}

/// Sources, and the part file some of them may be in, which is removed when this is dropped.
pub(crate) struct Finished {
    part_path: PathBuf,
    pub(crate) sources: Vec<Source>,
    /// The published file that the part begins with.
    continued: Option<FileId>,
    rows_pushed: u64,
}

impl Drop for Finished {
    fn drop(&mut self) {
        // Gone already if it became the published file; if it stays, its writer's successor removes it.
        let _ = std::fs::remove_file(&self.part_path);
    }
}

/// Why a record was not added.
#[derive(Debug)]
pub(crate) enum AddError {
    /// The record does not fit its columns.
    Row(RowError),
    /// The store is in trouble.
    Store(StoreError),
}

/// Publishes for one dataset while holding its lock.
pub(crate) struct Publisher<'a> {
    site: &'a Site,
    dataset: &'a Dataset,
    ledger: Ledger,
    /// The ledger as it is on disk.
    saved: Ledger,
    notices: Vec<String>,
    _lock: Lock,
}

impl<'a> Publisher<'a> {
    /// Takes the dataset's lock and reads its ledger.
    pub(crate) fn new(site: &'a Site, dataset: &'a Dataset) -> Result<Publisher<'a>, StoreError> {
        let lock = Lock::acquire(&site.layout.lock(dataset))?;
        let LoadedLedger { ledger, bad_line } = Ledger::load(&site.layout, dataset)?;
        let mut notices = Vec::new();
        if let Some(cause) = bad_line {
            let path = site.layout.ledger(dataset);
            let aside = set_aside(&site.layout, &path)?;
            ledger.save(&site.layout, dataset)?;
            notices.push(format!(
                "{} holds a bad line ({cause}): as it was it is now {}, and what it proved will be asked for again",
                path.display(),
                aside.display()
            ));
        }
        let saved = ledger.clone();
        Ok(Publisher { site, dataset, ledger, saved, notices, _lock: lock })
    }

    /// What a period's file was, if it is only on remotes. That stays so as long as this has the lock.
    pub(crate) fn purged(&self, period: Period) -> Result<Option<Purged>, StoreError> {
        Purged::read(&self.site.layout, self.dataset, period)
    }

    /// Publishes one period; `news` is what the same input proved, and is not in the ledger yet.
    pub(crate) fn publish(
        &mut self,
        period: Period,
        added: Vec<Added>,
        news: &Ledger,
    ) -> Result<Published, StoreError> {
        let path = self.site.layout.file(self.dataset, period);
        let dir = fsys::parent(&path);
        fsys::create_dir(dir)?;
        let info = self.examine(period, &path)?;
        let finished = added.into_iter().map(Added::finish).collect::<Result<Vec<_>, _>>()?;
        let sources: Vec<Source> = finished.iter().flat_map(|added| added.sources.iter().cloned()).collect();
        let adopted = match &info {
            Some(info) if info.origin != Origin::Ours => RangeSet::from_iter([period.range()]),
            _ if self.is_tick() => self.ledger.adopted().clone(),
            _ => self.ledger.covered_by_file(),
        };
        let replaced = if self.is_tick() { news.covered() } else { RangeSet::new() };
        self.disown(period, &sources)?;
        if finished.is_empty() && (info.is_none() || replaced.is_empty()) {
            return Ok(Published::default());
        }
        let new_path = self.site.part_path(self.dataset, period).with_extension("new.part");
        let provenance = provenance(self.site, info.as_ref(), self.dataset.exchange().as_str());
        let Site { layout, numbers, .. } = self.site;
        let neighbours = published_neighbours(layout, self.dataset, &self.ledger, *numbers, period)?;
        let added: Vec<Source> = sources.into_iter().chain(neighbours).collect();
        let assembly = |existing: Option<Source>| Assembly {
            kind: self.dataset.kind(),
            numbers: *numbers,
            provenance: &provenance,
            existing,
            added: added.clone(),
            replaced: &replaced,
        };
        // A part that begins with this very file stands for it; with one that was replaced since, it is a repeat.
        let id = FileId::of(&path);
        let is_continued = finished.iter().any(|added| added.continued.is_some() && added.continued == id);
        let existing = (info.is_some() && !is_continued).then(|| Source::published(&path, adopted));
        let mut rows_before = info.as_ref().map(|info| info.rows);
        let rows_pushed: u64 = finished.iter().map(|added| added.rows_pushed).sum();
        let assembled = match assemble(assembly(existing), &new_path) {
            Err(TableError::Unreadable { path: damaged, why }) if damaged == path => {
                let without = assemble(assembly(None), &new_path);
                self.set_aside(period, &path, &why)?;
                rows_before = None;
                without
            }
            other => other,
        };
        let assembled = assembled.inspect_err(|_| {
            let _ = std::fs::remove_file(&new_path);
        })?;
        let count = |repeats| repeats::add(layout, self.dataset, period, rows_before.is_none(), repeats);
        match assembled {
            Assembled::Unchanged => {
                count(rows_pushed);
                Ok(info.map_or(Published::default(), |info| published(&info)))
            }
            Assembled::New { path: finished, rows, bytes, replaced, .. } => {
                sync_file(&finished)?;
                if info.is_some_and(|info| info.origin != Origin::Ours) {
                    self.verify(&finished, rows).inspect_err(|_| {
                        let _ = std::fs::remove_file(&finished);
                    })?;
                }
                // Once the file is replaced, only the ledger knows which of its rows were adopted.
                self.save()?;
                fsys::publish(&finished, &path)?;
                count((rows_before.unwrap_or(0) + rows_pushed).saturating_sub(rows + replaced));
                Ok(Published { rows, bytes })
            }
        }
    }

    /// Reads back a file that is about to replace one of an earlier dccd.
    fn verify(&self, path: &Path, rows: u64) -> Result<(), StoreError> {
        let mut count = 0;
        for batch in FileScan::open(path, self.dataset.kind())?.batches(Range::all(), self.site.numbers)? {
            count += u64::try_from(batch?.len()).unwrap_or(u64::MAX);
        }
        if count == rows {
            return Ok(());
        }
        let why = format!("{count} of {rows} rows came back after the upgrade; the original is untouched");
        Err(StoreError::Corrupt { path: path.to_owned(), why })
    }

    /// The files without new rows, none of them in `published`, whose adopted trades or books give way to what
    /// `news` covers.
    pub(crate) fn giving_way(&self, news: &Ledger, published: &[Period]) -> Result<Vec<Period>, StoreError> {
        let covered = news.covered();
        if !self.is_tick() || covered.is_empty() {
            return Ok(Vec::new());
        }
        let layout = &self.site.layout;
        let gives_way = |period: &Period| {
            let covered = covered.within(period.range());
            if covered.is_empty() || published.contains(period) {
                return false;
            }
            covered.iter().any(|range| !self.ledger.adopted().within(range).is_empty())
                || FileScan::open(&layout.file(self.dataset, *period), self.dataset.kind())
                    .is_ok_and(|scan| scan.info().origin != Origin::Ours)
        };
        Ok(layout.periods(self.dataset)?.into_iter().filter(gives_way).collect())
    }

    /// Learns `news` and writes the ledger; what had to be reported is returned.
    pub(crate) fn finish(mut self, news: &Ledger) -> Result<Vec<String>, StoreError> {
        self.ledger.merge(self.dataset, news);
        self.save()?;
        Ok(self.notices)
    }

    /// Writes the ledger if it says something new.
    fn save(&mut self) -> Result<(), StoreError> {
        if self.ledger != self.saved {
            self.ledger.save(&self.site.layout, self.dataset)?;
            self.saved = self.ledger.clone();
        }
        Ok(())
    }

    /// The published file's facts. One that cannot be read is set aside and its coverage taken back; one of
    /// an earlier dccd is adopted.
    fn examine(&mut self, period: Period, path: &Path) -> Result<Option<FileInfo>, StoreError> {
        if !path.try_exists().map_err(StoreError::io("examine", path))? {
            return Ok(None);
        }
        let info = match FileScan::open(path, self.dataset.kind()) {
            Ok(scan) => scan.info().clone(),
            Err(TableError::Unreadable { why, .. }) => {
                self.set_aside(period, path, &why)?;
                return Ok(None);
            }
            Err(error) => return Err(error.into()),
        };
        if info.origin != Origin::Ours {
            let ranges = adopted_ranges(&self.site.layout, self.dataset, path, &info)?;
            ranges.iter().for_each(|range| self.ledger.adopt(self.dataset.kind(), range));
        }
        Ok(Some(info))
    }

    /// Moves a damaged file away and takes its coverage back, so that it will be asked for again.
    fn set_aside(&mut self, period: Period, path: &Path, why: &str) -> Result<(), StoreError> {
        // The ledger goes first: it must never claim what is not there.
        self.ledger.uncover(period.range());
        self.save()?;
        let aside = set_aside(&self.site.layout, path)?;
        self.notices.push(format!(
            "{} cannot be read ({why}): it is now {}, and its range will be asked for again",
            path.display(),
            aside.display()
        ));
        Ok(())
    }

    /// Trades and books that we were given are ours, even where an earlier dccd's lie too.
    fn disown(&mut self, period: Period, sources: &[Source]) -> Result<(), StoreError> {
        let adopted = self.ledger.adopted().within(period.range());
        if !self.is_tick() || adopted.is_empty() {
            return Ok(());
        }
        let mut ours = Vec::new();
        for range in adopted.iter() {
            let scan = crate::table::MergedScan::new(self.dataset.kind(), self.site.numbers, sources.to_vec(), range)?;
            for rows in scan {
                ours.extend(rows?.instants());
            }
        }
        ours.into_iter().for_each(|ts| self.ledger.disown(Range::instant(ts)));
        Ok(())
    }

    /// Whether records come one by one, so that a file's rows prove nothing about what lies between.
    fn is_tick(&self) -> bool {
        matches!(self.dataset.kind(), Kind::Trade | Kind::Book)
    }
}

/// Who made a file of an exchange that goes on where the one described by `info` ends.
fn provenance(site: &Site, info: Option<&FileInfo>, exchange: &str) -> Provenance {
    let adopted = info.and_then(|info| match info.origin {
        Origin::Ours => None,
        Origin::Dccd3 => Some("dccd3"),
        Origin::Other => Some("dccd2"),
    });
    let before = info.into_iter().flat_map(|info| info.sources.iter().map(String::as_str));
    let sources: BTreeSet<&str> = before.chain(adopted).chain([exchange]).collect();
    sources.into_iter().fold(site.provenance.clone(), Provenance::with_source)
}

/// The ranges that a file of an earlier dccd speaks for: each candle its own span, all else from first to last.
pub(crate) fn adopted_ranges(
    layout: &Layout,
    dataset: &Dataset,
    path: &Path,
    info: &FileInfo,
) -> Result<RangeSet, StoreError> {
    let Some((first, last)) = info.first.zip(info.last) else { return Ok(RangeSet::new()) };
    let through_last = Range::new(first, last.saturating_add(1));
    let Some(span) = dataset.span() else { return Ok(through_last.into_iter().collect()) };
    let mut ranges = RangeSet::new();
    for rows in FileScan::open(path, dataset.kind())?.batches(Range::all(), Numbers::Float)? {
        for ts in rows?.instants() {
            let open = span.floor(ts);
            Range::new(open, open.saturating_add(span.nanos())).into_iter().for_each(|range| ranges.insert(range));
        }
    }
    // The newest candle of all may not have been closed when it was stored.
    if newest_instant(layout, dataset)? == Some(last) {
        let open = span.floor(last);
        Range::new(open, open.saturating_add(span.nanos())).into_iter().for_each(|range| ranges.remove(range));
    }
    Ok(ranges)
}

/// The last instant in a dataset's newest file.
fn newest_instant(layout: &Layout, dataset: &Dataset) -> Result<Option<Ts>, StoreError> {
    let Some(period) = layout.periods(dataset)?.pop() else { return Ok(None) };
    let scan = FileScan::open(&layout.file(dataset, period), dataset.kind())?;
    Ok(scan.info().last)
}

fn published(info: &FileInfo) -> Published {
    Published { rows: info.rows, bytes: info.bytes }
}

fn sync_file(path: &Path) -> Result<(), StoreError> {
    File::open(path).and_then(|file| file.sync_all()).map_err(StoreError::io("sync", path))
}

impl From<crate::table::PushError> for AddError {
    fn from(error: crate::table::PushError) -> AddError {
        match error {
            crate::table::PushError::Row(error) => AddError::Row(error),
            crate::table::PushError::Table(error) => AddError::Store(error.into()),
        }
    }
}
