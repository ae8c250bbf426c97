//! Half-open ranges of time and their unions.

use std::fmt;

use crate::time::Ts;

/// The instants from `start` up to but not including `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Range {
    start: Ts,
    end: Ts,
}

impl Range {
    /// The range, or `None` if it would be empty.
    pub fn new(start: Ts, end: Ts) -> Option<Range> {
        (start < end).then_some(Range { start, end })
    }

    /// The one instant `ts` (the last believable one is moved a nanosecond down).
    pub fn instant(ts: Ts) -> Range {
        let start = ts.min(Ts::MAX.saturating_add(-1));
        Range { start, end: start.saturating_add(1) }
    }

    /// Everything that can be believed.
    pub fn all() -> Range {
        Range { start: Ts::MIN, end: Ts::MAX }
    }

    /// The first instant.
    pub fn start(self) -> Ts {
        self.start
    }

    /// The first instant after the range.
    pub fn end(self) -> Ts {
        self.end
    }

    /// Whether `ts` is inside.
    pub fn contains(self, ts: Ts) -> bool {
        self.start <= ts && ts < self.end
    }

    /// What both ranges hold.
    pub fn intersect(self, other: Range) -> Option<Range> {
        Range::new(self.start.max(other.start), self.end.min(other.end))
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}, {})", self.start, self.end)
    }
}

/// A union of ranges, kept sorted, disjoint and with neighbours joined.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RangeSet {
    ranges: Vec<Range>,
}

impl RangeSet {
    /// The empty set.
    pub fn new() -> RangeSet {
        RangeSet::default()
    }

    /// Adds a range.
    pub fn insert(&mut self, range: Range) {
        let first = self.ranges.partition_point(|held| held.end < range.start);
        let after = self.ranges.partition_point(|held| held.start <= range.end);
        let joined = self.ranges[first..after]
            .iter()
            .fold(range, |sum, held| Range { start: sum.start.min(held.start), end: sum.end.max(held.end) });
        self.ranges.splice(first..after, [joined]);
    }

    /// Takes a range out.
    pub fn remove(&mut self, range: Range) {
        let first = self.ranges.partition_point(|held| held.end <= range.start);
        let after = self.ranges.partition_point(|held| held.start < range.end);
        let mut kept = Vec::new();
        for held in &self.ranges[first..after] {
            kept.extend(Range::new(held.start, range.start.min(held.end)));
            kept.extend(Range::new(range.end.max(held.start), held.end));
        }
        self.ranges.splice(first..after, kept);
    }

    /// Adds all of `other`.
    pub fn extend(&mut self, other: &RangeSet) {
        for range in &other.ranges {
            self.insert(*range);
        }
    }

    /// The ranges in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Range> + '_ {
        self.ranges.iter().copied()
    }

    /// Whether nothing is in the set.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// Whether `ts` is in the set.
    pub fn contains(&self, ts: Ts) -> bool {
        self.piece(ts).is_some()
    }

    /// The piece of the set that holds `ts`.
    pub fn piece(&self, ts: Ts) -> Option<Range> {
        let after = self.ranges.partition_point(|held| held.start <= ts);
        self.ranges[..after].last().copied().filter(|held| held.contains(ts))
    }

    /// Whether all of `range` is in the set.
    pub fn covers(&self, range: Range) -> bool {
        let after = self.ranges.partition_point(|held| held.start <= range.start);
        self.ranges[..after].last().is_some_and(|held| range.end <= held.end)
    }

    /// What of `range` is in the set.
    pub fn within(&self, range: Range) -> RangeSet {
        let first = self.ranges.partition_point(|held| held.end <= range.start);
        let after = self.ranges.partition_point(|held| held.start < range.end);
        RangeSet { ranges: self.ranges[first..after].iter().filter_map(|held| held.intersect(range)).collect() }
    }

    /// What of `range` is not in the set.
    pub fn missing(&self, range: Range) -> RangeSet {
        let mut missing = Vec::new();
        let mut start = range.start;
        for held in self.within(range).iter() {
            missing.extend(Range::new(start, held.start));
            start = held.end;
        }
        missing.extend(Range::new(start, range.end));
        RangeSet { ranges: missing }
    }

    /// From the first instant to the last, holes included.
    pub fn hull(&self) -> Option<Range> {
        Some(Range { start: self.ranges.first()?.start, end: self.ranges.last()?.end })
    }
}

impl FromIterator<Range> for RangeSet {
    fn from_iter<I: IntoIterator<Item = Range>>(ranges: I) -> RangeSet {
        let mut set = RangeSet::new();
        ranges.into_iter().for_each(|range| set.insert(range));
        set
    }
}
