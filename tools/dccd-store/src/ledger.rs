//! What is known about a dataset's completeness.
//!
//! The ledger is a set of unions and one minimum, so the order in which knowledge arrives, and its repetition,
//! change nothing. On disk it is lines like any other: `covered`, `gap`, `range` for what was asked, and `job` for
//! a stream that asks for everything since its start.

use std::collections::BTreeMap;

use dccd_record::{
    Control, Covered, Dataset, Gap, Job, Kind, Line, LineError, Order, Parser, Proof, Range, RangeSet, Retry, Ts,
    write_control,
};

use crate::error::StoreError;
use crate::fsys;
use crate::layout::Layout;

/// Why a range was asked, where it is only remembered that it was.
const ASKED: &str = "asked";

/// A hole and its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedGap {
    /// The hole.
    pub range: Range,
    /// Why it is there; `None` if nobody lived to say.
    pub reason: Option<String>,
    /// Whether nothing can fill it.
    pub is_final: bool,
}

/// What is covered, what was asked for, and what is known to be missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    covered: BTreeMap<Proof, RangeSet>,
    asked: RangeSet,
    /// From here on a stream asked for everything: the earliest start of any.
    live_since: Option<Ts>,
    /// By reason and finality.
    named: BTreeMap<(String, bool), RangeSet>,
    /// Where trades or books of an earlier dccd lie: there, but not proven.
    adopted: RangeSet,
}

/// A ledger as it was on disk.
#[derive(Debug)]
pub(crate) struct LoadedLedger {
    /// What its good lines say.
    pub(crate) ledger: Ledger,
    /// Why another line of it was passed over.
    pub(crate) bad_line: Option<LineError>,
}

impl Ledger {
    /// The ledger on disk; empty if there is none.
    pub(crate) fn load(layout: &Layout, dataset: &Dataset) -> Result<LoadedLedger, StoreError> {
        let content = fsys::read_if_there(&layout.ledger(dataset))?.unwrap_or_default();
        Ok(Ledger::parse(dataset, &content))
    }

    /// The ledger that lines tell.
    pub(crate) fn parse(dataset: &Dataset, content: &[u8]) -> LoadedLedger {
        let mut ledger = Ledger::default();
        let mut bad_line = None;
        let mut parser = Parser::new();
        for line in content.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            match parser.parse(line) {
                Ok(Line::Control(control)) if control.dataset() == dataset => ledger.take(&control),
                Ok(_) => {}
                // What is lost was never proven, as far as we know, and will be asked for again.
                Err(cause) => bad_line = Some(cause),
            }
        }
        LoadedLedger { ledger, bad_line }
    }

    /// Its lines.
    pub(crate) fn lines(&self, dataset: &Dataset) -> Vec<u8> {
        let mut lines = Vec::new();
        for control in self.controls(dataset) {
            write_control(&control, &mut lines);
        }
        lines
    }

    /// Replaces the ledger on disk.
    pub(crate) fn save(&self, layout: &Layout, dataset: &Dataset) -> Result<(), StoreError> {
        fsys::create_dir(&layout.ledger_dir())?;
        fsys::replace(&layout.ledger(dataset), &self.lines(dataset))
    }

    /// Learns from a line; lines that say nothing of completeness are passed over.
    pub fn take(&mut self, control: &Control) {
        match control {
            Control::Covered(line) => self.cover(line.dataset.kind(), line.range, line.proof),
            Control::Gap(line) => {
                self.asked.insert(line.range);
                self.named.entry((line.reason.clone(), line.is_final)).or_default().insert(line.range);
            }
            Control::Range(line) => self.asked.insert(line.range),
            Control::Job(line) if line.is_live => {
                // A stream that has covered nothing yet asks for nothing yet.
                self.live_since = self.live_since.into_iter().chain(line.start).min();
            }
            Control::Failed(_) | Control::Stored(_) | Control::Job(_) => {}
        }
    }

    /// Learns all that `other` knows.
    pub(crate) fn merge(&mut self, dataset: &Dataset, other: &Ledger) {
        other.controls(dataset).for_each(|control| self.take(&control));
    }

    /// Takes coverage back: what was proven there is lost.
    pub(crate) fn uncover(&mut self, range: Range) {
        for held in self.covered.values_mut() {
            for lost in held.within(range).iter() {
                self.asked.insert(lost);
            }
            held.remove(range);
        }
        self.adopted.remove(range);
    }

    /// Forgets everything that lies outside of `ranges`.
    pub(crate) fn clip(&mut self, ranges: &RangeSet) {
        let clip = |held: &mut RangeSet| {
            let mut kept = RangeSet::new();
            ranges.iter().for_each(|range| kept.extend(&held.within(range)));
            *held = kept;
        };
        self.covered.values_mut().for_each(clip);
        self.covered.retain(|_, held| !held.is_empty());
        self.named.values_mut().for_each(clip);
        self.named.retain(|_, held| !held.is_empty());
        clip(&mut self.asked);
        clip(&mut self.adopted);
        self.live_since = self.live_since.filter(|start| ranges.contains(*start));
    }

    /// Says that the rows in a range came with an earlier dccd's file.
    pub(crate) fn adopt(&mut self, kind: Kind, range: Range) {
        self.cover(kind, range, Proof::File);
    }

    /// Rows we were given stand at this instant, so what is there is no longer an earlier dccd's alone.
    pub(crate) fn disown(&mut self, instant: Range) {
        self.adopted.remove(instant);
    }

    /// Everything that is proven to be complete.
    pub fn covered(&self) -> RangeSet {
        let mut union = RangeSet::new();
        self.covered.values().for_each(|ranges| union.extend(ranges));
        union
    }

    /// What of `range` is covered, and how that is known, in order of time.
    pub fn proofs(&self, range: Range) -> Vec<(Proof, Range)> {
        let mut proofs: Vec<(Proof, Range)> = self
            .covered
            .iter()
            .flat_map(|(proof, held)| held.within(range).iter().map(|part| (*proof, part)).collect::<Vec<_>>())
            .collect();
        proofs.sort_by_key(|(_, part)| *part);
        proofs
    }

    /// Where trades or books came with an earlier dccd's file and are not proven.
    pub(crate) fn adopted(&self) -> &RangeSet {
        &self.adopted
    }

    /// Where candles came with an earlier dccd's file: covered, but of lower rank than ours.
    pub(crate) fn covered_by_file(&self) -> RangeSet {
        self.covered.get(&Proof::File).cloned().unwrap_or_default()
    }

    /// What was ordered, or is known to exist, and is not covered.
    pub(crate) fn asked(&self) -> &RangeSet {
        &self.asked
    }

    /// What was asked for and is not covered, with names where they are known.
    pub fn gaps(&self) -> Vec<NamedGap> {
        let covered = self.covered();
        let mut open = RangeSet::new();
        for asked in self.asked.iter().chain(self.streamed(&covered)) {
            open.extend(&covered.missing(asked));
        }
        let mut gaps = Vec::new();
        let mut unnamed = open.clone();
        let by_finality = self.named.iter().filter(|((_, is_final), _)| *is_final);
        for ((reason, is_final), ranges) in by_finality.chain(self.named.iter().filter(|((_, is_final), _)| !is_final))
        {
            for range in ranges.iter() {
                for part in unnamed.within(range).iter() {
                    unnamed.remove(part);
                    gaps.push(NamedGap { range: part, reason: Some(reason.clone()), is_final: *is_final });
                }
            }
        }
        gaps.extend(unnamed.iter().map(|range| NamedGap { range, reason: None, is_final: false }));
        gaps.sort_by_key(|gap| gap.range);
        gaps
    }

    /// Whether a stream asked for everything from some instant on.
    pub fn is_streamed(&self) -> bool {
        self.live_since.is_some()
    }

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        *self == Ledger::default()
    }

    /// All that streams asked for: what follows the last covered instant is still to come.
    fn streamed(&self, covered: &RangeSet) -> Option<Range> {
        Range::new(self.live_since?, covered.hull()?.end())
    }

    fn cover(&mut self, kind: Kind, range: Range, proof: Proof) {
        if proof == Proof::File {
            let unproven = self.covered().missing(range);
            if matches!(kind, Kind::Trade | Kind::Book) {
                self.adopted.extend(&unproven);
                return;
            }
            self.covered.entry(Proof::File).or_default().extend(&unproven);
        } else {
            self.covered.values_mut().for_each(|held| held.remove(range));
            self.covered.entry(proof).or_default().insert(range);
            self.adopted.remove(range);
        }
        self.covered.retain(|_, held| !held.is_empty());
        self.named.values_mut().for_each(|held| held.remove(range));
        self.named.retain(|_, held| !held.is_empty());
        // What is covered need not be remembered as asked.
        self.asked.remove(range);
    }

    fn controls<'a>(&'a self, dataset: &'a Dataset) -> impl Iterator<Item = Control> + 'a {
        let covered_line = |range, proof| Control::Covered(Covered { dataset: dataset.clone(), range, proof });
        let adopted = self.adopted.iter().map(move |range| covered_line(range, Proof::File));
        let asked = self.asked.iter().map(|range| {
            Control::Range(Order {
                job: dataset.to_string(),
                dataset: dataset.clone(),
                range,
                why: ASKED.to_owned(),
                retry: Retry::default(),
            })
        });
        let streamed = self.live_since.map(|start| stream_line(dataset, start));
        let named = self.named.iter().flat_map(|((reason, is_final), ranges)| {
            ranges.iter().map(|range| {
                let (reason, is_final) = (reason.clone(), *is_final);
                Control::Gap(Gap { dataset: dataset.clone(), range, reason, is_final })
            })
        });
        let covered = self
            .covered
            .iter()
            .flat_map(move |(proof, ranges)| ranges.iter().map(move |range| covered_line(range, *proof)));
        streamed.into_iter().chain(asked).chain(named).chain(adopted).chain(covered)
    }
}

/// Says that a stream asks for everything from `start` on.
pub(crate) fn stream_line(dataset: &Dataset, start: Ts) -> Control {
    Control::Job(Job {
        id: dataset.to_string(),
        dataset: dataset.clone(),
        start: Some(start),
        end: None,
        ranges: None,
        is_live: true,
        retry: Retry::default(),
    })
}
