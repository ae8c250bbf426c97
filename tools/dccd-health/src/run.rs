//! What the lines of one run say about its jobs.

use std::collections::BTreeMap;

use dccd_record::{Control, Dataset, Failed, Job, Order, Range, RangeSet};

/// More of an error is left out.
const ERROR_CHARS_MAX: usize = 200;

/// Why a job has not succeeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Trouble {
    /// Somebody ended the run before the job was done, which is no failure.
    Interrupted,
    /// Running it again may help.
    Passing,
    /// It will not heal by itself.
    Lasting,
}

/// How a job ended, or how a stream does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) job: String,
    pub(crate) dataset: Dataset,
    pub(crate) is_live: bool,
    /// Whether it came to this since the last count; a job that is no stream is counted once.
    pub(crate) is_new: bool,
    pub(crate) trouble: Option<Trouble>,
    /// Orders that nobody answered, or that never came.
    pub(crate) unanswered: u64,
    /// Rows of its dataset that became durable since the last count.
    pub(crate) rows: u64,
    /// What is wrong, in words.
    pub(crate) error: Option<String>,
}

/// One run so far.
#[derive(Debug, Default)]
pub(crate) struct Run {
    is_interrupted: bool,
    jobs: BTreeMap<String, JobRun>,
    answers: BTreeMap<Dataset, Answers>,
}

/// The orders of one job.
#[derive(Debug)]
struct JobRun {
    dataset: Dataset,
    /// How many orders its plan announced; `None` if nobody did.
    announced: Option<u64>,
    orders: Vec<Range>,
    is_live: bool,
}

/// What became known of one dataset. Ranges stand for all jobs of it.
#[derive(Debug, Default)]
struct Answers {
    /// Of what is only streamed no ranges are kept: in months there would be many.
    stream: Option<Stream>,
    is_ordered: bool,
    covered: RangeSet,
    /// Holes of the exchange's own.
    gaps: RangeSet,
    passing: RangeSet,
    lasting: RangeSet,
    rows: u64,
    /// What was said of the last failure.
    error: Option<String>,
}

/// How the stream of one dataset does.
#[derive(Clone, Copy, Debug, Default)]
struct Stream {
    has_covered: bool,
    /// What failed since something was covered.
    failure: Option<Trouble>,
    /// Whether something was covered, or failed, since the last count.
    is_new: bool,
    was_counted: bool,
}

impl Run {
    /// Learns from a line.
    pub(crate) fn take(&mut self, control: Control) {
        match control {
            Control::Job(job) => self.take_job(job),
            Control::Range(order) => self.take_order(order),
            Control::Covered(line) => self.answers.entry(line.dataset).or_default().cover(line.range),
            Control::Gap(line) => {
                let answers = self.answers.entry(line.dataset).or_default();
                if answers.keeps_ranges() {
                    answers.gaps.insert(line.range);
                }
            }
            Control::Failed(line) => self.take_failed(line),
            Control::Stored(line) => {
                let rows = &mut self.answers.entry(line.dataset).or_default().rows;
                *rows = rows.saturating_add(line.rows);
            }
        }
    }

    /// Expects a job: it counts even if nothing is ever heard of it.
    pub(crate) fn expect(&mut self, job: Job) {
        // What it takes is for its plan to announce.
        self.take_job(Job { ranges: None, ..job });
    }

    /// Takes note that somebody ended the run: what has no answer now was given up.
    pub(crate) fn interrupt(&mut self) {
        self.is_interrupted = true;
    }

    /// How every job ended, in order of their ids.
    pub(crate) fn outcomes(&self) -> Vec<Outcome> {
        let nothing = Answers::default();
        let undone = if self.is_interrupted { Trouble::Interrupted } else { Trouble::Passing };
        let outcome = |(id, job): (&String, &JobRun)| {
            let answers = self.answers.get(&job.dataset).unwrap_or(&nothing);
            let stream = answers.stream.filter(|_| job.is_live && job.orders.is_empty());
            let (unanswered, trouble) =
                stream.map_or_else(|| judge(job, answers, undone), |stream| stream.judge(undone));
            let is_live = stream.is_some();
            Outcome {
                error: describe(trouble, is_live, unanswered, answers),
                job: id.clone(),
                dataset: job.dataset.clone(),
                is_live,
                is_new: stream.is_none_or(|stream| stream.is_new || !stream.was_counted),
                trouble,
                unanswered,
                rows: answers.rows,
            }
        };
        self.jobs.iter().map(outcome).collect()
    }

    /// How the streams do, while they run; nothing if nothing is new of any. What covered nothing yet may be slow.
    pub(crate) fn streams(&self) -> Vec<Outcome> {
        let of_stream = |(id, job): (&String, &JobRun)| {
            let answers = self.answers.get(&job.dataset).filter(|_| job.is_live)?;
            let Stream { is_new, failure, .. } = answers.stream?;
            Some(Outcome {
                job: id.clone(),
                dataset: job.dataset.clone(),
                is_live: true,
                is_new,
                trouble: failure,
                unanswered: 0,
                rows: answers.rows,
                error: describe(failure, true, 0, answers),
            })
        };
        let streams: Vec<Outcome> = self.jobs.iter().filter_map(of_stream).collect();
        let has_news = streams.iter().any(|stream| stream.is_new || stream.rows > 0);
        if has_news { streams } else { Vec::new() }
    }

    /// What was said of streams so far is counted, and never again.
    pub(crate) fn streams_counted(&mut self) {
        for answers in self.answers.values_mut() {
            if let Some(stream) = &mut answers.stream {
                stream.was_counted |= stream.is_new;
                stream.is_new = false;
                answers.rows = 0;
            }
        }
    }

    fn take_job(&mut self, line: Job) {
        if line.is_live {
            self.answers.entry(line.dataset.clone()).or_default().stream.get_or_insert_default();
        }
        let job = self.job(line.id, line.dataset);
        job.is_live |= line.is_live;
        if let Some(ranges) = line.ranges {
            job.announced = Some(job.announced.unwrap_or(0).saturating_add(ranges));
        }
    }

    fn take_order(&mut self, line: Order) {
        self.answers.entry(line.dataset.clone()).or_default().is_ordered = true;
        self.job(line.job, line.dataset).orders.push(line.range);
    }

    fn take_failed(&mut self, line: Failed) {
        let answers = self.answers.entry(line.dataset).or_default();
        answers.error = Some(said(&line.error));
        if let Some(stream) = &mut answers.stream {
            let trouble = if line.is_retryable { Trouble::Passing } else { Trouble::Lasting };
            stream.failure = stream.failure.max(Some(trouble));
            stream.is_new = true;
        }
        if answers.keeps_ranges() {
            let failed = if line.is_retryable { &mut answers.passing } else { &mut answers.lasting };
            failed.insert(line.range);
        }
    }

    fn job(&mut self, id: String, dataset: Dataset) -> &mut JobRun {
        self.jobs.entry(id).or_insert_with(|| JobRun { dataset, announced: None, orders: Vec::new(), is_live: false })
    }
}

/// How many orders stayed without an answer, and what is wrong with the job, if anything is; `undone` is what a missing
/// answer means.
fn judge(job: &JobRun, answers: &Answers, undone: Trouble) -> (u64, Option<Trouble>) {
    let came = u64::try_from(job.orders.len()).unwrap_or(u64::MAX);
    // A job that nobody planned, and for which nothing was ordered, was dropped on the way.
    let announced = job.announced.unwrap_or(came.max(1));
    let mut unanswered = announced.saturating_sub(came);
    let mut trouble = None;
    for order in &job.orders {
        let failure = answers.failure(*order);
        if failure.is_none() && !answers.is_complete(*order) {
            unanswered += 1;
        }
        trouble = trouble.max(failure);
    }
    // A job that its plan refused has no orders, only the refusal.
    if job.orders.is_empty() {
        trouble = trouble.max(answers.failure(Range::all()));
        unanswered = if trouble.is_some() { 0 } else { unanswered };
    }
    if unanswered > 0 {
        trouble = trouble.max(Some(undone));
    }
    (unanswered, trouble)
}

/// What is kept of the words that a failure came with: one line, without the passwords of addresses in it.
fn said(error: &str) -> String {
    let mut parts = error.split("://");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let host_end = part.find(|c: char| c == '/' || c.is_whitespace()).unwrap_or(part.len());
        let (host, rest) = part.split_at(host_end);
        let host = host.rsplit_once('@').map_or_else(|| host.to_owned(), |(_, host)| format!("***@{host}"));
        text.extend(["://", &host, rest]);
    }
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(ERROR_CHARS_MAX).collect()
}

/// What is wrong with a job, if something is.
fn describe(trouble: Option<Trouble>, is_live: bool, unanswered: u64, answers: &Answers) -> Option<String> {
    let trouble = trouble?;
    match &answers.error {
        _ if trouble == Trouble::Interrupted => None,
        Some(error) if is_live || answers.failure(Range::all()).is_some() => Some(error.clone()),
        _ if is_live => Some("nothing was covered".to_owned()),
        _ => Some(format!("ranges without an answer: {unanswered}")),
    }
}

impl Stream {
    /// At the end: one that covered nothing left its order unanswered; `undone` is what that means.
    fn judge(self, undone: Trouble) -> (u64, Option<Trouble>) {
        match self.failure {
            None if !self.has_covered => (1, Some(undone)),
            failure => (0, failure),
        }
    }
}

impl Answers {
    fn keeps_ranges(&self) -> bool {
        self.stream.is_none() || self.is_ordered
    }

    fn cover(&mut self, range: Range) {
        if let Some(stream) = &mut self.stream {
            (stream.has_covered, stream.failure, stream.is_new) = (true, None, true);
        }
        if self.keeps_ranges() {
            self.covered.insert(range);
            // What failed at first may come all the same.
            self.passing.remove(range);
            self.lasting.remove(range);
        }
    }

    fn failure(&self, range: Range) -> Option<Trouble> {
        let touches = |failed: &RangeSet| !failed.within(range).is_empty();
        match (touches(&self.lasting), touches(&self.passing)) {
            (true, _) => Some(Trouble::Lasting),
            (false, true) => Some(Trouble::Passing),
            (false, false) => None,
        }
    }

    fn is_complete(&self, range: Range) -> bool {
        self.covered.missing(range).iter().all(|hole| self.gaps.covers(hole))
    }
}
