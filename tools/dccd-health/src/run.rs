//! What the lines of one run say about its jobs.

use std::collections::BTreeMap;

use dccd_record::{Control, Dataset, Failed, Job, Order, Range, RangeSet};

/// Why a job failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Trouble {
    /// Running it again may help.
    Passing,
    /// It will not heal by itself.
    Lasting,
}

/// How a job ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) job: String,
    pub(crate) dataset: Dataset,
    pub(crate) trouble: Option<Trouble>,
    /// Orders that nobody answered, or that never came.
    pub(crate) unanswered: u64,
    /// Rows of its dataset that became durable.
    pub(crate) rows: u64,
}

/// One run so far.
#[derive(Debug, Default)]
pub(crate) struct Run {
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
}

/// What became known of one dataset. Ranges stand for all jobs of it.
#[derive(Debug, Default)]
struct Answers {
    covered: RangeSet,
    /// Holes of the exchange's own.
    gaps: RangeSet,
    passing: RangeSet,
    lasting: RangeSet,
    rows: u64,
}

impl Run {
    /// Learns from a line.
    pub(crate) fn take(&mut self, control: Control) {
        match control {
            Control::Job(job) => self.take_job(job),
            Control::Range(order) => self.take_order(order),
            Control::Covered(line) => {
                let answers = self.answers.entry(line.dataset).or_default();
                answers.covered.insert(line.range);
                // What failed at first may come all the same.
                answers.passing.remove(line.range);
                answers.lasting.remove(line.range);
            }
            Control::Gap(line) => self.answers.entry(line.dataset).or_default().gaps.insert(line.range),
            Control::Failed(line) => self.take_failed(line),
            Control::Stored(line) => {
                let rows = &mut self.answers.entry(line.dataset).or_default().rows;
                *rows = rows.saturating_add(line.rows);
            }
        }
    }

    /// How every job ended, in order of their ids.
    pub(crate) fn outcomes(&self) -> Vec<Outcome> {
        let nothing = Answers::default();
        let outcome = |(id, job): (&String, &JobRun)| {
            let answers = self.answers.get(&job.dataset).unwrap_or(&nothing);
            let (unanswered, trouble) = judge(job, answers);
            Outcome { job: id.clone(), dataset: job.dataset.clone(), trouble, unanswered, rows: answers.rows }
        };
        self.jobs.iter().map(outcome).collect()
    }

    fn take_job(&mut self, line: Job) {
        let job = self.job(line.id, line.dataset);
        if let Some(ranges) = line.ranges {
            job.announced = Some(job.announced.unwrap_or(0).saturating_add(ranges));
        }
    }

    fn take_order(&mut self, line: Order) {
        self.job(line.job, line.dataset).orders.push(line.range);
    }

    fn take_failed(&mut self, line: Failed) {
        let answers = self.answers.entry(line.dataset).or_default();
        let failed = if line.is_retryable { &mut answers.passing } else { &mut answers.lasting };
        failed.insert(line.range);
    }

    fn job(&mut self, id: String, dataset: Dataset) -> &mut JobRun {
        self.jobs.entry(id).or_insert_with(|| JobRun { dataset, announced: None, orders: Vec::new() })
    }
}

/// How many orders stayed without an answer, and what is wrong with the job, if anything is.
fn judge(job: &JobRun, answers: &Answers) -> (u64, Option<Trouble>) {
    let came = u64::try_from(job.orders.len()).unwrap_or(u64::MAX);
    // A job that nobody planned, and for which nothing was ordered, was dropped on the way.
    let announced = job.announced.unwrap_or(came.max(1));
    let mut unanswered = announced.saturating_sub(came);
    let mut trouble = None;
    for order in &job.orders {
        let failure = answers.failure(*order);
        if failure.is_none() && !answers.cover(*order) {
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
        trouble = trouble.max(Some(Trouble::Passing));
    }
    (unanswered, trouble)
}

impl Answers {
    fn failure(&self, range: Range) -> Option<Trouble> {
        let touches = |failed: &RangeSet| !failed.within(range).is_empty();
        match (touches(&self.lasting), touches(&self.passing)) {
            (true, _) => Some(Trouble::Lasting),
            (false, true) => Some(Trouble::Passing),
            (false, false) => None,
        }
    }

    fn cover(&self, range: Range) -> bool {
        self.covered.missing(range).iter().all(|hole| self.gaps.covers(hole))
    }
}
