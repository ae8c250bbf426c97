//! Jobs in, orders out.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use dccd_cli::{Powers, Status, Tool};
use dccd_exchange::{Capability, Impossible, Reach, capability};
use dccd_record::{Control, Dataset, Failed, Gap, Job, Kind, Order, Range, RangeSet, Retry, Ts, write_control};
use dccd_store::{Coverage, folders};

use crate::args::{Args, From, Order as Sequence};
use crate::error::Error;
use crate::estimate::{Estimate, Line};
use crate::lack::{Bounds, History, Known, Lack, Nothing, Piece, in_order, lacking};

/// Bad lines that are told one by one.
const BAD_LINES_TOLD: u64 = 100;

/// One run of the tool.
pub(crate) struct Planner<'a> {
    tool: &'a mut Tool,
    /// Nothing, where there is no store yet.
    coverage: Option<Coverage>,
    now: Ts,
    start: Option<Ts>,
    end: Option<Ts>,
    from: From,
    sequence: Sequence,
    is_gaps_only: bool,
    /// A table in place of lines.
    estimate: Option<Estimate>,
    /// What went out already: two jobs may be of one dataset.
    planned: BTreeMap<Dataset, RangeSet>,
    jobs: u64,
    bad_lines: u64,
    impossible: u64,
    /// Jobs of which nothing has happened yet.
    early: u64,
}

/// What became of one job.
enum Verdict {
    Lack(Lack),
    /// Nothing is asked for, and nothing of it is there.
    Nothing(Nothing),
    Impossible(String),
}

impl<'a> Planner<'a> {
    pub(crate) fn new(args: &Args, tool: &'a mut Tool) -> Result<Planner<'a>, Error> {
        let instant = |typed| args.store.instant(typed).map_err(Error::Instant);
        let (start, end) = (args.start.as_ref().map(instant).transpose()?, args.end.as_ref().map(instant).transpose()?);
        if let (Some(start), Some(end)) = (start, end)
            && end <= start
        {
            return Err(Error::Usage(format!("--end {end} is not after --start {start}")));
        }
        let root = args.store.data_path()?;
        let estimate = args.estimate.then(|| args.store.zone()).transpose()?.map(Estimate::new);
        tool.confine(&Powers::none().read(folders(&root)));
        Ok(Planner {
            tool,
            coverage: if root.exists() { Some(Coverage::open(&root)?) } else { None },
            now: now(),
            start,
            end,
            from: args.from,
            sequence: args.order,
            is_gaps_only: args.gaps,
            estimate,
            planned: BTreeMap::new(),
            jobs: 0,
            bad_lines: 0,
            impossible: 0,
            early: 0,
        })
    }

    /// Plans one job; its own line, if it came as one, goes out first.
    pub(crate) fn take_job(&mut self, job: Job, line: Option<&[u8]>) -> Result<(), Error> {
        self.jobs += 1;
        let known = self.known(&job.dataset)?;
        self.plan(&job, line, &known)
    }

    fn plan(&mut self, job: &Job, line: Option<&[u8]>, known: &Known) -> Result<(), Error> {
        let verdict = match capability(&job.dataset) {
            Ok(row) => self.judge(job, row, known),
            Err(impossible) => Verdict::Impossible(impossible.to_string()),
        };
        match verdict {
            Verdict::Lack(lack) => {
                let pieces = in_order(lack.pieces, job.dataset.kind(), self.sequence);
                let planned = self.planned.entry(job.dataset.clone()).or_default();
                pieces.iter().for_each(|piece| planned.insert(piece.range));
                self.answer(job, line, &pieces, &lack.gone)
            }
            // With no range and no word it would be taken for done.
            Verdict::Nothing(why) => self.refuse(job, line, why.to_string(), matches!(why, Nothing::Yet(_))),
            Verdict::Impossible(why) => self.refuse(job, line, why, false),
        }
    }

    /// Passes a line on that is none of ours.
    pub(crate) fn pass_on(&mut self, line: &[u8]) -> Result<(), Error> {
        if self.estimate.is_none() {
            let out = self.tool.out.buffer();
            out.extend_from_slice(line);
            out.push(b'\n');
            self.tool.out.flush_full()?;
        }
        Ok(())
    }

    pub(crate) fn count_bad_line(&mut self, message: fmt::Arguments<'_>) {
        self.bad_lines += 1;
        match self.bad_lines {
            ..BAD_LINES_TOLD => self.tool.log.error(message),
            BAD_LINES_TOLD => self.tool.log.error("further bad lines are only counted"),
            _ => {}
        }
    }

    pub(crate) fn warn(&self, message: &str) {
        self.tool.log.warn(message);
    }

    pub(crate) fn flush(&mut self) -> Result<(), Error> {
        Ok(self.tool.out.flush()?)
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.tool.stop.is_set()
    }

    /// With `--gaps` and no job, every dataset of the store is one.
    pub(crate) fn finish(mut self) -> Result<Status, Error> {
        if self.is_gaps_only && self.jobs == 0 && !self.is_stopped() {
            self.take_store()?;
        }
        if let Some(estimate) = &self.estimate {
            estimate.write(self.tool.out.buffer());
        }
        self.tool.out.flush()?;
        Ok(match self.tool.stop.signal() {
            Some(signal) => Status::Signal(signal),
            None if self.bad_lines > 0 || self.impossible > 0 => Status::DataErr,
            None if self.early > 0 => Status::TempFail,
            None => Status::Ok,
        })
    }

    /// What is stored need not be configured, nor be of an exchange that we can ask.
    fn take_store(&mut self) -> Result<(), Error> {
        for dataset in self.coverage.as_ref().map_or(Ok(Vec::new()), Coverage::datasets)? {
            let known = self.known(&dataset)?;
            if known.open.is_empty() {
                continue;
            }
            let closed = Impossible::closed(dataset.exchange().as_str());
            if let Some(impossible) = closed.or_else(|| capability(&dataset).err()) {
                self.tool.log.warn(format_args!("{dataset} has gaps that stay: {impossible}"));
                continue;
            }
            let (id, retry) = (dataset.to_string(), Retry::default());
            let job = Job { id, dataset, start: None, end: None, ranges: None, is_live: false, retry };
            self.plan(&job, None, &known)?;
        }
        Ok(())
    }

    fn known(&self, dataset: &Dataset) -> Result<Known, Error> {
        let Some(coverage) = &self.coverage else { return Ok(Known::default()) };
        let past = Range::new(self.start.unwrap_or(Ts::MIN), self.end.unwrap_or(self.now).min(self.now));
        // Open gaps may lie anywhere; only where they do not count, files outside the range do not matter.
        let wanted = if self.is_bounded() { past } else { Range::new(Ts::MIN, self.now) };
        Ok(Known::of(&coverage.ledger(dataset, wanted.unwrap_or(Range::all()))?))
    }

    fn is_bounded(&self) -> bool {
        self.start.is_some() || self.end.is_some()
    }

    fn judge(&self, job: &Job, row: &Capability, known: &Known) -> Verdict {
        if job.dataset.kind() == Kind::Book && !self.is_gaps_only {
            let why = "a book has no past; dccd-stream gets it live";
            return Verdict::Impossible(format!("{}: {why}", job.dataset));
        }
        let history = History::new(row, &job.dataset, self.now);
        let gaps = || known.open.iter().map(|gap| gap.range);
        let end = self.end.or(job.end);
        let wanted: RangeSet = if self.is_gaps_only {
            let start = self.start.or(job.start).unwrap_or(Ts::MIN);
            let bounds = Range::new(start, end.unwrap_or(Ts::MAX));
            bounds.map(|bounds| gaps().filter_map(|gap| gap.intersect(bounds)).collect()).unwrap_or_default()
        } else {
            let bounds = Bounds { flag_start: self.start, job_start: job.start, end };
            let asked = history.asked(bounds, self.from, &known.covered);
            let open: Vec<Range> = gaps().filter(|_| !self.is_bounded()).collect();
            match asked {
                Err(nothing) if open.is_empty() && !has_some(job, known) => return Verdict::Nothing(nothing),
                asked => asked.into_iter().chain(open).collect(),
            }
        };
        let none = RangeSet::new();
        let planned = self.planned.get(&job.dataset).unwrap_or(&none);
        Verdict::Lack(lacking(&wanted, known, planned, &history))
    }

    fn answer(&mut self, job: &Job, line: Option<&[u8]>, pieces: &[Piece], gone: &[Range]) -> Result<(), Error> {
        for range in gone {
            let dataset = &job.dataset;
            self.tool.log.warn(format_args!("{dataset}: {range} is lost: {}", irreparable(dataset, *range)));
        }
        if let Some(estimate) = &mut self.estimate {
            estimate.add(Line::new(&job.dataset, pieces, gone, self.now, self.coverage.as_ref())?);
            return Ok(());
        }
        let out = self.tool.out.buffer();
        write_job(job, line, pieces.len(), out);
        for range in gone {
            let reason = irreparable(&job.dataset, *range);
            let gap = Gap { dataset: job.dataset.clone(), range: *range, reason, is_final: true };
            write_control(&Control::Gap(gap), out);
        }
        for piece in pieces {
            let order = Order {
                job: job.id.clone(),
                dataset: job.dataset.clone(),
                range: piece.range,
                why: piece.why.clone(),
                retry: job.retry,
            };
            write_control(&Control::Range(order), out);
        }
        Ok(self.tool.out.flush_full()?)
    }

    fn refuse(&mut self, job: &Job, line: Option<&[u8]>, why: String, is_retryable: bool) -> Result<(), Error> {
        let count = if is_retryable { &mut self.early } else { &mut self.impossible };
        *count += 1;
        self.tool.log.error(format_args!("{}: {why}", job.id));
        if self.estimate.is_some() {
            return Ok(());
        }
        let out = self.tool.out.buffer();
        write_job(job, line, 0, out);
        let start = self.start.or(job.start).unwrap_or(Ts::MIN);
        let end = self.end.or(job.end).unwrap_or(self.now);
        // No more than is meant: other jobs of the dataset may well get what they ask for.
        let range = Range::new(start, end).unwrap_or(Range::instant(start));
        let failed = Failed { dataset: job.dataset.clone(), range, error: why, is_retryable };
        write_control(&Control::Failed(failed), out);
        Ok(self.tool.out.flush_full()?)
    }
}

/// Whether something is covered of what a job is about.
fn has_some(job: &Job, known: &Known) -> bool {
    let own = Range::new(job.start.unwrap_or(Ts::MIN), job.end.unwrap_or(Ts::MAX));
    own.is_some_and(|own| !known.covered.within(own).is_empty())
}

/// The line as it came, keys that we do not know included, and how many ranges follow it.
fn write_job(job: &Job, line: Option<&[u8]>, ranges: usize, out: &mut Vec<u8>) {
    let open = line.and_then(|line| line.trim_ascii_end().strip_suffix(b"}")).filter(|_| job.ranges.is_none());
    match open {
        Some(open) => {
            out.extend_from_slice(open);
            out.extend_from_slice(format!(",\"ranges\":{ranges}}}\n").as_bytes());
        }
        None => {
            let ranges = Some(u64::try_from(ranges).unwrap_or(u64::MAX));
            write_control(&Control::Job(Job { ranges, ..job.clone() }), out);
        }
    }
}

fn irreparable(dataset: &Dataset, range: Range) -> String {
    let row = capability(dataset).ok();
    match (dataset.kind(), row) {
        (Kind::Book, _) => "irreparable: a book has no past".to_owned(),
        (_, Some(row)) if row.reach == Reach::Archive => format!("irreparable: the archive begins on {}", row.since),
        (_, Some(row)) if range.end() <= row.since.start() => {
            format!("irreparable: the market opened on {}", row.since)
        }
        (kind, Some(row)) => {
            format!("irreparable: {} keeps {} of {kind}, and no archive has more", dataset.exchange(), row.reach)
        }
        (kind, None) => format!("irreparable: {} keeps no {kind}", dataset.exchange()),
    }
}

/// By this host's clock, which only decides what to ask.
fn now() -> Ts {
    let nanos = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
    i64::try_from(nanos).ok().and_then(|nanos| Ts::from_nanos(nanos).ok()).unwrap_or(Ts::MIN)
}
