//! Bulk files: which ones hold a range, and what a line in them means.

use dccd_record::{Dataset, Day, Fixed, LineWriter, Range, RangeSet, Ts};

use crate::adapter::Series;
use crate::answer::{AnswerError, Mark};
use crate::capability::{Impossible, capability};
use crate::request::Api;

/// The most holes in the ids of one file that are told apart.
const HOLES_MAX: usize = 1000;

/// One file of an exchange's archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BulkFile {
    /// The exchange's host.
    pub api: &'static Api,
    /// Its path behind the archive's URL.
    pub path: String,
    /// The range it holds.
    pub period: Range,
    /// How its lines are packed.
    pub packing: Packing,
    /// What shows that it came whole and unaltered.
    pub check: Check,
}

impl BulkFile {
    /// Its name without folders.
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    /// How many requests it takes.
    pub fn requests(&self) -> u64 {
        match self.check {
            Check::Beside => 2,
            Check::Inside => 1,
        }
    }
}

/// How lines are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// The only file of a zip.
    Zip,
    /// A gzip file.
    Gzip,
}

/// What shows that a file is whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// Its SHA-256 in the file beside it, which has `.CHECKSUM` at the end of its name.
    Beside,
    /// The CRC and the length in its packing.
    Inside,
}

/// When the archive is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// For every period that overlaps the range.
    Always,
    /// Where it is quicker than paging, or goes further back.
    WhereBetter,
}

/// The files of `range`, oldest first; none where the exchange has no such files.
///
/// `now` is the exchange's: only periods that have been over for a while have files.
pub fn files(dataset: &Dataset, range: Range, now: Ts, usage: Use) -> Result<Vec<BulkFile>, Impossible> {
    let row = capability(dataset)?;
    if row.archive.is_none() {
        return Ok(Vec::new());
    }
    Ok(row.adapter().files(&Series { row, dataset, contract: None }, range, now, usage))
}

/// Where the newest files end that are sure to be there, if the exchange has files of `dataset`.
pub fn files_end(dataset: &Dataset, now: Ts) -> Option<Ts> {
    let row = capability(dataset).ok().filter(|row| row.archive.is_some())?;
    Some(row.adapter().files_end(now))
}

/// The days that overlap `range` and are over at `now`, each with its period: it begins `ahead_nanos` before the
/// day does in UTC.
pub(crate) fn days(range: Range, now: Ts, ahead_nanos: i64) -> Vec<(Day, Range)> {
    let mut days = Vec::new();
    let start_of = |day: Day| day.start().saturating_add(-ahead_nanos);
    let mut day = range.start().saturating_add(ahead_nanos).day();
    loop {
        let next = Day::from_number(day.number().unwrap_or(0) + 1);
        let Some(period) = Range::new(start_of(day), start_of(next)) else { return days };
        if period.start() >= range.end() || period.end() > now {
            return days;
        }
        days.push((day, period));
        day = next;
    }
}

/// What the lines of a bulk file mean.
pub(crate) trait FileFormat: std::fmt::Debug + Send {
    /// Whether the first line of a file is no record but names the columns, which are noted.
    fn header(&mut self, line: &[u8]) -> Result<bool, AnswerError> {
        Ok(line.first().is_some_and(u8::is_ascii_alphabetic))
    }

    /// Appends the record of one line, if it is wanted.
    fn line(
        &self,
        line: &[u8],
        wanted: Wanted,
        seen: &mut Seen,
        lines: &mut LineWriter,
        out: &mut Vec<u8>,
    ) -> Result<(), AnswerError>;

    /// What a file of `period` that held this has told us everything about.
    fn held(&self, period: Range, seen: &Seen) -> Option<Range>;
}

/// What of a file is wanted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    /// What the file holds.
    pub(crate) period: Range,
    /// What becomes lines.
    pub(crate) range: Range,
}

/// What a whole file held.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileSummary {
    /// What is complete now.
    pub covered: RangeSet,
    /// Holes in the ids, and why they are none of ours.
    pub gaps: Vec<(Range, String)>,
    /// Records that were written.
    pub lines: u64,
}

/// Reads the lines of one file.
#[derive(Debug)]
pub struct FileReader {
    format: Option<Box<dyn FileFormat>>,
    wanted: Wanted,
    lines: LineWriter,
    seen: Seen,
    number: u64,
}

/// What has been seen of a file so far.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) first: Option<Mark>,
    pub(crate) last: Option<Mark>,
    pub(crate) holes: Vec<(Mark, Mark)>,
    pub(crate) lines: u64,
    /// Whether a row belongs to the file's period.
    pub(crate) is_inside: bool,
    /// Whether a row belongs to another period.
    pub(crate) is_outside: bool,
}

impl Seen {
    /// Notes a row; true if it is wanted.
    pub(crate) fn take(&mut self, mark: Mark, wanted: Wanted) -> bool {
        let is_inside = wanted.period.contains(mark.ts);
        self.is_inside |= is_inside;
        self.is_outside |= !is_inside;
        self.first.get_or_insert(mark);
        self.last = Some(mark);
        let is_wanted = wanted.range.contains(mark.ts);
        self.lines += u64::from(is_wanted);
        is_wanted
    }
}

impl FileReader {
    /// A reader of `file` that wants only what lies in `range`; amounts are multiples of `contract`, if that is known.
    pub fn new(dataset: &Dataset, file: &BulkFile, range: Range, contract: Option<Fixed>) -> FileReader {
        let row = capability(dataset).ok();
        FileReader {
            format: row.and_then(|row| row.adapter().file_format(&Series { row, dataset, contract })),
            wanted: Wanted { period: file.period, range },
            lines: LineWriter::new(dataset),
            seen: Seen::default(),
            number: 0,
        }
    }

    /// Appends the record of one line, if it is wanted. The first line may be a header.
    pub fn line(&mut self, line: &[u8], out: &mut Vec<u8>) -> Result<(), AnswerError> {
        self.number += 1;
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let Some(format) = self.format.as_mut().filter(|_| !line.is_empty()) else { return Ok(()) };
        let read = match self.number {
            1 => format.header(line),
            _ => Ok(false),
        };
        let read = read.and_then(|is_header| {
            if is_header { Ok(()) } else { format.line(line, self.wanted, &mut self.seen, &mut self.lines, out) }
        });
        read.map_err(|error| match error {
            AnswerError::Unexpected(why) => AnswerError::Unexpected(format!("line {}: {why}", self.number)),
            error => error,
        })
    }

    /// What the file proves, all lines read.
    pub fn finish(self) -> FileSummary {
        let mut summary = FileSummary { lines: self.seen.lines, ..FileSummary::default() };
        let held = self.format.as_ref().and_then(|format| format.held(self.wanted.period, &self.seen));
        if self.seen.holes.len() > HOLES_MAX {
            return summary;
        }
        if let Some(held) = held.and_then(|held| held.intersect(self.wanted.range)) {
            summary.covered.insert(held);
        }
        for (before, after) in &self.seen.holes {
            let Some(hole) =
                Range::new(before.ts, after.ts.saturating_add(1)).and_then(|hole| hole.intersect(self.wanted.range))
            else {
                continue;
            };
            summary.covered.remove(hole);
            summary.gaps.push((hole, format!("the archive's trade ids skip from {} to {}", before.id, after.id)));
        }
        summary
    }
}
