//! Lines in, the same lines out; counts into the store.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use dccd_cli::{Input, OutputError, Status, StoreFlags, Tool, Wait, env};
use dccd_record::{BufferedLine, LINE_BYTES_MAX, Line, LineBuffer, Parser};

use crate::clock::now;
use crate::counter::{END_PATIENCE, FLOW_PATIENCE, Keeping};
use crate::error::Error;
use crate::expected::expect_jobs;
use crate::run::{Outcome, Run, Trouble};
use crate::runs::Streams;
use crate::unit::{self, Ended};

/// Count which jobs succeeded, and pass every line on
///
/// A job has succeeded once all it asked for is covered, or a gap is named where the exchange has one. One that
/// is left without an answer has failed, whatever the statuses of other programs say. A stream is well as long as
/// nothing fails that is not followed by something covered.
#[derive(Debug, clap::Args)]
pub(crate) struct RecordArgs {
    /// Print only `Done. successes=N failures=M`, counted in jobs
    #[arg(long)]
    pub(crate) summary: bool,

    /// Most seconds between two counts of a stream
    ///
    /// A stream may run for months, so it is counted while it does; everything else is counted at its end.
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3600))]
    count_secs: u64,

    /// The `job` lines of all jobs that the run is for
    ///
    /// One of which nothing comes has failed: what was to plan, fetch or store it died before it said a word.
    #[arg(long, value_name = "FILE")]
    pub(crate) jobs: Option<PathBuf>,

    /// If FILE is there at the end, somebody interrupted the run
    ///
    /// What such a run left undone counts neither as success nor as failure. The same holds after SIGTERM or SIGINT.
    #[arg(long, value_name = "FILE")]
    pub(crate) interrupted_if: Option<PathBuf>,

    /// Count how UNIT of systemd ended; reads no lines
    ///
    /// For ExecStopPost= and OnFailure=, as in `dccd-health record --unit %n`: $SERVICE_RESULT says how it ended. What
    /// its pipe has counted as a failure is not counted again.
    #[arg(long, value_name = "UNIT", conflicts_with_all = OF_LINES)]
    unit: Option<String>,

    /// Count a failure of the job or unit ID; reads no lines
    #[arg(long, value_name = "ID", conflicts_with_all = OF_LINES, conflicts_with = "unit")]
    failure: Option<String>,

    /// Count a success of the job or unit ID; reads no lines
    #[arg(long, value_name = "ID", conflicts_with_all = OF_LINES, conflicts_with_all = ["unit", "failure"])]
    success: Option<String>,

    #[command(flatten)]
    pub(crate) store: StoreFlags,
}

/// The flags that are about lines.
const OF_LINES: [&str; 4] = ["summary", "count_secs", "jobs", "interrupted_if"];

impl RecordArgs {
    /// What ended, if that is to be counted without lines.
    fn ended(&self) -> Option<Ended<'_>> {
        let unit = self.unit.as_deref().map(Ended::Unit);
        let failure = || self.failure.as_deref().map(Ended::Failure);
        unit.or_else(failure).or_else(|| self.success.as_deref().map(Ended::Success))
    }

    pub(crate) fn count_interval(&self) -> Duration {
        Duration::from_secs(self.count_secs)
    }
}

/// After SIGTERM the writer before us has some time to end, and we a little more.
const DRAIN_MAX: Duration = Duration::from_secs(20);
/// The flag that signals set is looked at this often.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// Interrupted by a signal that others got.
const TERM: u8 = 15;
/// Bad lines that are told one by one.
const BAD_LINES_TOLD: u64 = 100;

/// Takes lines to the end of input and counts what they say.
pub(crate) fn run(args: &RecordArgs, tool: &mut Tool) -> Result<Status, Error> {
    if let Some(ended) = args.ended() {
        return unit::run(&ended, args, tool);
    }
    let begun = now();
    let input = Input::stdin().map_err(Error::Input)?;
    if input.is_terminal() {
        return Err(Error::Usage("pipe the lines of dccd-write in; see --help".to_owned()));
    }
    let keeping = Keeping::of(&args.store, tool)?;
    let mut expected = Run::default();
    if let Some(path) = &args.jobs {
        expect_jobs(path, &mut expected)?;
    }
    let mut recorder = Recorder {
        tool,
        run: expected,
        keeping,
        streams: Streams::new(begun),
        passes_on: !args.summary,
        bad_lines: 0,
        count_interval: args.count_interval(),
        counted: Instant::now(),
        is_count_troubled: false,
    };
    let taken = recorder.take_all(input);
    if recorder.is_interrupted(args) {
        recorder.run.interrupt();
    }
    // Whatever ended the input, what it said counts; and is said, whether or not the store can keep it.
    let outcomes = recorder.run.outcomes();
    recorder.tell_unanswered(&outcomes);
    let counted = recorder.count_ends(&outcomes);
    let kept = recorder.keep_ends(&outcomes);
    let status = recorder.finish(args, &outcomes);
    // Whoever waits for lines must not wait for those who are told.
    recorder.flush();
    recorder.keeping.messenger.finish(matches!(counted, Ok(true)));
    taken.and(counted.map(drop)).and(kept)?;
    Ok(status)
}

struct Recorder<'a> {
    tool: &'a mut Tool,
    run: Run,
    keeping: Keeping,
    streams: Streams,
    passes_on: bool,
    bad_lines: u64,
    /// How often streams are counted.
    count_interval: Duration,
    counted: Instant,
    /// The last count of streams could not be kept.
    is_count_troubled: bool,
}

impl Recorder<'_> {
    fn take_all(&mut self, mut input: Input) -> Result<(), Error> {
        let (mut lines, mut parser) = (LineBuffer::new(), Parser::new());
        let mut drain_until = None;
        loop {
            match lines.next_line() {
                BufferedLine::Line(line) => {
                    self.pass_on(line);
                    match parser.parse(line) {
                        Ok(Line::Control(control)) => self.run.take(*control),
                        Ok(_) => {}
                        Err(error) => self.count_bad_line(format_args!("line {}: {error}", lines.line_number())),
                    }
                }
                BufferedLine::TooLong => {
                    let number = lines.line_number();
                    self.count_bad_line(format_args!("line {number}: longer than {LINE_BYTES_MAX} bytes"));
                }
                BufferedLine::Starved => {
                    self.flush();
                    self.count_streams();
                    if self.tool.stop.is_set() {
                        let until = *drain_until.get_or_insert_with(|| Instant::now() + DRAIN_MAX);
                        if Instant::now() >= until {
                            return Ok(());
                        }
                    }
                    match input.wait(LOOK_INTERVAL).map_err(Error::Input)? {
                        Wait::Ready if lines.fill(&mut input).map_err(Error::Input)? == 0 => break,
                        Wait::Ready | Wait::TimedOut => {}
                    }
                }
            }
        }
        if lines.bytes_left() > 0 {
            self.tool.log.warn("standard input ends in the middle of a line, which is left out");
        }
        Ok(())
    }

    fn pass_on(&mut self, line: &[u8]) {
        if self.passes_on {
            let out = self.tool.out.buffer();
            out.extend_from_slice(line);
            out.push(b'\n');
            let flushed = self.tool.out.flush_full();
            self.heed(flushed);
        }
    }

    fn flush(&mut self) {
        let flushed = self.tool.out.flush();
        self.heed(flushed);
    }

    /// Nobody has to read the lines; the counts matter all the same.
    fn heed(&mut self, flushed: Result<(), OutputError>) {
        match flushed {
            Ok(()) => {}
            Err(OutputError::Closed) => self.passes_on = false,
            Err(error @ OutputError::Io(_)) => {
                self.passes_on = false;
                self.tool.log.error(error);
            }
        }
    }

    fn count_bad_line(&mut self, message: std::fmt::Arguments<'_>) {
        self.bad_lines += 1;
        match self.bad_lines {
            ..BAD_LINES_TOLD => self.tool.log.error(message),
            BAD_LINES_TOLD => self.tool.log.error("further bad lines are only counted"),
            _ => {}
        }
    }

    fn is_interrupted(&self, args: &RecordArgs) -> bool {
        self.tool.stop.is_set() || args.interrupted_if.as_ref().is_some_and(|path| path.exists())
    }

    fn tell_unanswered(&self, outcomes: &[Outcome]) {
        let mut interrupted = 0;
        for Outcome { job, is_live, unanswered, trouble, .. } in
            outcomes.iter().filter(|outcome| outcome.unanswered > 0)
        {
            if *trouble == Some(Trouble::Interrupted) {
                interrupted += 1;
                self.tool.log.note(format_args!("{job}: interrupted; ranges without an answer: {unanswered}"));
            } else if *is_live {
                self.tool.log.error(format_args!("{job}: nothing was covered"));
            } else {
                self.tool.log.error(format_args!("{job}: ranges without an answer: {unanswered}"));
            }
        }
        if interrupted > 0 {
            self.tool.log.warn(format_args!("jobs that were interrupted, and go on when run again: {interrupted}"));
        }
    }

    /// A stream has no end to be counted at, so it is counted while it runs.
    fn count_streams(&mut self) {
        if self.counted.elapsed() < self.count_interval {
            return;
        }
        self.counted = Instant::now();
        let counted = self.count_streams_now();
        match &counted {
            Ok(()) => {}
            // What is not counted now is counted next time; the lines matter more.
            Err(error) if !self.is_count_troubled => self.tool.log.error(format_args!("{error}; trying again")),
            Err(_) => {}
        }
        self.is_count_troubled = counted.is_err();
    }

    fn count_streams_now(&mut self) -> Result<(), Error> {
        let outcomes = self.run.streams();
        if outcomes.is_empty() {
            return Ok(());
        }
        let has_news =
            self.keeping.counter.count(None, FLOW_PATIENCE, |metrics, counting| metrics.count(&outcomes, counting))?;
        self.run.streams_counted();
        if has_news {
            self.keeping.messenger.start();
        }
        let now = now();
        let lines = self.streams.lines(&outcomes, now);
        self.keeping.history.keep(&lines, now)
    }

    /// Counts how everything ended, and says whether somebody is to be told of it.
    fn count_ends(&mut self, outcomes: &[Outcome]) -> Result<bool, Error> {
        if outcomes.is_empty() {
            return Ok(false);
        }
        let invocation = env::value(env::INVOCATION_ID).map(|id| id.to_string_lossy().into_owned());
        let counter = &self.keeping.counter;
        counter.count(invocation.as_deref(), END_PATIENCE, |metrics, counting| metrics.count(outcomes, counting))
    }

    fn keep_ends(&mut self, outcomes: &[Outcome]) -> Result<(), Error> {
        let now = now();
        self.keeping.history.keep(&self.streams.ends(outcomes, now), now)
    }

    fn finish(&mut self, args: &RecordArgs, outcomes: &[Outcome]) -> Status {
        let successes = outcomes.iter().filter(|outcome| outcome.trouble.is_none()).count();
        let failures = outcomes.iter().filter(|outcome| outcome.trouble > Some(Trouble::Interrupted)).count();
        if args.summary {
            let line = format!("Done. successes={successes} failures={failures}\n");
            self.tool.out.buffer().extend_from_slice(line.as_bytes());
        }
        let worst = outcomes.iter().filter_map(|outcome| outcome.trouble).max();
        match worst {
            _ if self.bad_lines > 0 => Status::DataErr,
            None => Status::Ok,
            Some(Trouble::Interrupted) => Status::Signal(self.tool.stop.signal().unwrap_or(TERM)),
            Some(Trouble::Passing) => Status::TempFail,
            Some(Trouble::Lasting) => Status::DataErr,
        }
    }
}
