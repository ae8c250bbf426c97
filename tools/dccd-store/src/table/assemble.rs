//! The next published file, from the one before and what came since.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use dccd_record::{Kind, Range, RangeSet, Ts};

use super::error::TableError;
use super::input::{Origin, TableFile, believable};
use super::merge::{Merger, Standing};
use super::order::{reach_end, reach_start};
use super::repeats::are_repeats;
use super::rows::Rows;
use super::schema::{GROUP_ROWS, Numbers, Provenance};
use super::sink::{Outcome, Sink};
use super::source::{Place, Run, Source, chain, open};

/// Rows of small runs that are held in memory to spare larger ones.
const PATCH_ROWS_MAX: usize = 2 * GROUP_ROWS;

/// What a file is made of.
#[derive(Debug)]
pub struct Assembly<'a> {
    /// The kind of records.
    pub kind: Kind,
    /// What the numbers of the store are.
    pub numbers: Numbers,
    /// What the footer says.
    pub provenance: &'a Provenance,
    /// The file as it is published now.
    pub existing: Option<Source>,
    /// What came since, in the order of commits, and rows of neighbouring files.
    pub added: Vec<Source>,
    /// Ranges that are covered now: adopted trades and books inside that nothing new repeats are left out.
    pub replaced: &'a RangeSet,
}

/// What came of an assembly.
#[derive(Debug)]
pub enum Assembled {
    /// A file to put in the place of the published one.
    New {
        /// Where it is, complete but neither synced nor renamed: the temporary path, or the only part.
        path: PathBuf,
        /// The open file.
        file: File,
        /// Its rows.
        rows: u64,
        /// The first instant, if there are rows.
        first: Option<Ts>,
        /// The last instant.
        last: Option<Ts>,
        /// Rows that were left out because another one had the same key.
        repeats: u64,
        /// Adopted rows that gave way to a covered range.
        replaced: u64,
        /// Its size.
        bytes: u64,
    },
    /// The published file says all of it already.
    Unchanged,
}

/// Makes the next file at `temp_path`, unless one of the files is already what it would be.
pub fn assemble(assembly: Assembly<'_>, temp_path: &Path) -> Result<Assembled, TableError> {
    let Assembly { kind, numbers, provenance, existing, added, replaced } = assembly;
    let mut plan = Plan { kind, numbers, standings: Vec::new(), replaced: 0 };
    let mut runs = Vec::new();
    let mut rows_in: u64 = 0;
    let has_existing = existing.is_some();
    let mut published = None;
    for (source, part) in existing.into_iter().chain(added).zip(0..) {
        let is_neighbour = source.is_neighbour();
        let opened = open(source, part, kind, numbers)?;
        let may_give_way = has_existing && part == 0 && matches!(kind, Kind::Trade | Kind::Book);
        let dropped = if may_give_way { common(&opened.adopted, replaced) } else { RangeSet::new() };
        plan.standings.push(Standing { adopted: opened.adopted, dropped: Arc::new(dropped), is_neighbour });
        if has_existing && part == 0 {
            published = opened.file;
        }
        rows_in += if is_neighbour { 0 } else { opened.rows };
        runs.extend(opened.runs);
    }
    let mut sink = Sink::new(temp_path, kind, numbers, provenance);
    for cluster in clusters(runs, kind) {
        plan.write_cluster(cluster, &mut sink)?;
    }
    let replaced = plan.replaced;
    match sink.finish()? {
        Outcome::New(written) => Ok(Assembled::New {
            path: temp_path.to_owned(),
            file: written.file,
            rows: written.rows,
            first: written.hull.map(|hull| believable(hull.0)),
            last: written.hull.map(|hull| believable(hull.1)),
            repeats: rows_in.saturating_sub(written.rows).saturating_sub(replaced),
            replaced,
            bytes: written.bytes,
        }),
        Outcome::AsIs(file) => {
            let info = file.info(file.hull());
            if published.is_some_and(|published| Arc::ptr_eq(&published, &file)) {
                return Ok(Assembled::Unchanged);
            }
            let open = file.file().try_clone().map_err(|cause| TableError::io(file.path(), cause))?;
            Ok(Assembled::New {
                path: file.path().to_owned(),
                file: open,
                rows: info.rows,
                first: info.first,
                last: info.last,
                repeats: rows_in.saturating_sub(info.rows),
                replaced,
                bytes: info.bytes,
            })
        }
    }
}

struct Plan {
    kind: Kind,
    numbers: Numbers,
    standings: Vec<Standing>,
    replaced: u64,
}

impl Plan {
    /// Writes runs that overlap each other, and no others.
    fn write_cluster(&mut self, cluster: Vec<Run>, sink: &mut Sink<'_>) -> Result<(), TableError> {
        if let [run] = cluster.as_slice()
            && let Some((file, group)) = self.as_copy(run)
        {
            return sink.copy(&file, group);
        }
        match self.split(cluster)? {
            Split::Apart(pieces) => pieces.into_iter().try_for_each(|piece| self.write_piece(piece, sink)),
            Split::Together(runs) => self.merge(runs, sink),
        }
    }

    /// Writes a row group with the few rows in memory that fall into it, or those alone.
    fn write_piece(&mut self, runs: Vec<Run>, sink: &mut Sink<'_>) -> Result<(), TableError> {
        let mut bases = runs.iter().filter_map(|run| self.as_copy(run));
        let (Some((file, group)), None) = (bases.next(), bases.next()) else { return self.merge(runs, sink) };
        if runs.len() == 1 {
            return sink.copy(&file, group);
        }
        drop(bases);
        let late: Vec<&Rows> = runs.iter().filter_map(Run::in_memory).collect();
        if late.len() + 1 == runs.len() && are_repeats(&file, group, &late, self.numbers)? {
            return sink.copy(&file, group);
        }
        let runs = chain(runs, self.kind);
        let base = runs.iter().position(|run| matches!(run.place, Place::Groups(..)));
        let mut merger = Merger::new(self.kind, self.numbers, runs, &self.standings, None);
        if let Some(base) = base {
            merger.compare_with(base);
        }
        let mut rows = Rows::new(self.kind, self.numbers);
        merger.next(usize::MAX, &mut rows)?;
        self.note(&merger);
        if merger.has_news() { sink.rows(&rows) } else { sink.copy(&file, group) }
    }

    fn merge(&mut self, runs: Vec<Run>, sink: &mut Sink<'_>) -> Result<(), TableError> {
        if runs.iter().all(|run| self.standing(run).is_some_and(|standing| standing.is_neighbour)) {
            return Ok(());
        }
        let rows = runs.iter().fold(0, |sum: usize, run| sum.saturating_add(run.rows));
        let mut merger = Merger::new(self.kind, self.numbers, chain(runs, self.kind), &self.standings, None);
        sink.merge(&mut merger, rows)?;
        self.note(&merger);
        Ok(())
    }

    fn note(&mut self, merger: &Merger) {
        self.replaced += merger.dropped();
    }

    /// The row group that a run is, if it may be copied as it is.
    fn as_copy(&self, run: &Run) -> Option<(Arc<TableFile>, usize)> {
        let Place::Groups(file, groups) = &run.place else { return None };
        let [group] = groups.as_slice() else { return None };
        let is_ours = file.origin() == Origin::Ours && file.numbers() == self.numbers && !run.is_raw;
        let is_whole = self.standing(run).is_none_or(|standing| !touches(&standing.dropped, run.hull));
        (is_ours && is_whole).then(|| (Arc::clone(file), *group))
    }

    fn standing(&self, run: &Run) -> Option<&Standing> {
        self.standings.get(usize::try_from(run.part).ok()?)
    }

    /// Takes small runs into memory and cuts them where the large ones end, so that each large one meets only the
    /// rows that fall into it. If the small ones are too many, or a bunch would be cut, or there is nothing to spare,
    /// all stays together.
    fn split(&mut self, cluster: Vec<Run>) -> Result<Split, TableError> {
        let (bases, patches) = self.choose_bases(cluster);
        let patch_rows = patches.iter().fold(0, |sum: usize, run| sum.saturating_add(run.rows));
        if bases.is_empty() || patch_rows > PATCH_ROWS_MAX {
            return Ok(Split::Together(bases.into_iter().chain(patches).collect()));
        }
        let mut loaded = Vec::with_capacity(patches.len());
        for run in patches {
            loaded.push(self.load(run)?);
        }
        let mut pieces = Vec::new();
        for base in bases {
            pieces.push(cut_before(&mut loaded, reach_start(self.kind, base.hull.0)));
            let mut piece = cut_before(&mut loaded, reach_end(self.kind, base.hull.1));
            piece.push(base);
            pieces.push(piece);
        }
        pieces.push(cut_before(&mut loaded, i64::MAX));
        pieces.retain(|piece| !piece.is_empty());
        if self.are_apart(&pieces) {
            return Ok(Split::Apart(pieces));
        }
        Ok(Split::Together(pieces.into_iter().flatten().collect()))
    }

    /// Whether no row of a piece is near one of the next.
    fn are_apart(&self, pieces: &[Vec<Run>]) -> bool {
        let first = |piece: &[Run]| piece.iter().map(|run| run.hull.0).min();
        let last = |piece: &[Run]| piece.iter().map(|run| run.hull.1).max();
        pieces.is_sorted_by(|before, after| {
            last(before)
                .map(|last| reach_end(self.kind, last))
                .zip(first(after))
                .is_none_or(|(end, first)| end <= first)
        })
    }

    /// The largest runs that can be copied and do not overlap each other, in the order of time; and the others.
    fn choose_bases(&self, mut cluster: Vec<Run>) -> (Vec<Run>, Vec<Run>) {
        cluster.sort_by_key(|run| std::cmp::Reverse(run.rows));
        let (mut bases, mut patches): (Vec<Run>, Vec<Run>) = (Vec::new(), Vec::new());
        for run in cluster {
            let overlaps = |held: &Run| {
                held.hull.0 < reach_end(self.kind, run.hull.1) && run.hull.0 < reach_end(self.kind, held.hull.1)
            };
            let is_base = self.as_copy(&run).is_some() && !bases.iter().any(overlaps);
            if is_base { &mut bases } else { &mut patches }.push(run);
        }
        bases.sort_by_key(|run| run.hull.0);
        (bases, patches)
    }

    fn load(&mut self, run: Run) -> Result<Loaded, TableError> {
        if let Place::Rows(rows) = &run.place {
            return Ok(Loaded { rows: Arc::clone(rows), at: 0, part: run.part, order: run.order });
        }
        let (part, order) = (run.part, run.order);
        let mut rows = Rows::new(self.kind, self.numbers);
        let mut merger = Merger::new(self.kind, self.numbers, vec![run], &self.standings, None);
        merger.next(usize::MAX, &mut rows)?;
        self.note(&merger);
        Ok(Loaded { rows: Arc::new(rows), at: 0, part, order })
    }
}

enum Split {
    Apart(Vec<Vec<Run>>),
    Together(Vec<Run>),
}

/// A small run in memory, of which what is before `at` was cut off.
struct Loaded {
    rows: Arc<Rows>,
    at: usize,
    part: u32,
    order: usize,
}

impl Loaded {
    fn cut(&mut self, end: i64) -> Option<Run> {
        let rest = &self.rows.ts[self.at..];
        let length = rest.partition_point(|ts| *ts < end);
        let hull = (*rest.first()?, *rest[..length].last()?);
        let rows = Arc::new(self.rows.slice(self.at..self.at + length));
        self.at += length;
        Some(Run { place: Place::Rows(rows), rows: length, hull, part: self.part, order: self.order, is_raw: false })
    }
}

fn cut_before(loaded: &mut [Loaded], end: i64) -> Vec<Run> {
    loaded.iter_mut().filter_map(|held| held.cut(end)).collect()
}

/// Groups runs that overlap, directly or through others, in the order of time.
fn clusters(mut runs: Vec<Run>, kind: Kind) -> Vec<Vec<Run>> {
    runs.sort_by_key(|run| run.hull.0);
    let mut clusters: Vec<Vec<Run>> = Vec::new();
    let mut end = i64::MIN;
    for run in runs {
        let is_apart = run.hull.0 >= end;
        end = end.max(reach_end(kind, run.hull.1));
        match clusters.last_mut() {
            Some(cluster) if !is_apart => cluster.push(run),
            _ => clusters.push(vec![run]),
        }
    }
    clusters
}

fn common(left: &RangeSet, right: &RangeSet) -> RangeSet {
    let mut common = RangeSet::new();
    right.iter().for_each(|range| common.extend(&left.within(range)));
    common
}

fn touches(set: &RangeSet, (first, last): (i64, i64)) -> bool {
    !set.is_empty()
        && Range::new(believable(first), believable(last).saturating_add(1))
            .is_none_or(|range| !set.within(range).is_empty())
}
