//! Standard input into the writer, receipts to standard output.

use std::time::{Duration, Instant};

use dccd_cli::{Input, OutputError, Status, Tool, Wait};
use dccd_record::{BufferedLine, LINE_BYTES_MAX, LineBuffer};
use dccd_store::{Taken, Writer};

use crate::error::Error;
use crate::notify::Notifier;

/// After SIGTERM the source has this long to end its output.
const DRAIN_MAX: Duration = Duration::from_secs(15);
/// Input pauses when nothing came for this long; as often it is seen what to publish meanwhile.
const PAUSE_AFTER: Duration = Duration::from_secs(30);
/// The flag that signals set is looked at this often.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// Bad lines that are told one by one.
const BAD_LINES_TOLD: u64 = 100;
/// Bad lines that end the run.
const BAD_LINES_MAX: u64 = 100_000;

/// One run of the tool.
pub(crate) struct Sink<'a> {
    writer: Writer,
    input: Input,
    notifier: Notifier,
    tool: &'a mut Tool,
    lines: LineBuffer,
    bad_lines: u64,
    has_reader: bool,
    /// Receipts that a reader waits for could not be written.
    are_receipts_lost: bool,
    /// The store held something that could not be read.
    is_store_damaged: bool,
    drain_until: Option<Instant>,
    /// When something last came, or was published because nothing did.
    stirred: Instant,
}

impl<'a> Sink<'a> {
    pub(crate) fn new(writer: Writer, input: Input, notifier: Notifier, tool: &'a mut Tool) -> Sink<'a> {
        Sink {
            writer,
            input,
            notifier,
            tool,
            lines: LineBuffer::new(),
            bad_lines: 0,
            has_reader: true,
            are_receipts_lost: false,
            is_store_damaged: false,
            drain_until: None,
            stirred: Instant::now(),
        }
    }

    /// Takes lines until the end of input, then makes all durable.
    pub(crate) fn run(mut self) -> Result<Status, Error> {
        let taken = self.take_all();
        // Whatever ended the input, what came before it is made durable and answered.
        let ended = self.end();
        taken?;
        ended?;
        if self.lines.bytes_left() > 0 {
            let bytes = self.lines.bytes_left();
            self.tool.log.warn(format_args!("the last line was cut off after {bytes} bytes and is not stored"));
        }
        if self.bad_lines > 0 {
            self.tool.log.error(format_args!("{} bad lines were not stored", self.bad_lines));
            return Ok(Status::DataErr);
        }
        Ok(match (self.is_store_damaged, self.are_receipts_lost) {
            (true, _) => Status::DataErr,
            (false, true) => Status::IoErr,
            (false, false) => Status::Ok,
        })
    }

    fn take_all(&mut self) -> Result<(), Error> {
        loop {
            self.take_buffered()?;
            if self.writer.commit_due().is_some_and(|due| Instant::now() >= due) {
                self.writer.commit()?;
                self.answer();
                self.writer.publish_due()?;
            }
            self.answer();
            if self.is_drained() {
                return Ok(());
            }
            match self.input.wait(self.patience()).map_err(Error::Input)? {
                Wait::Ready if self.lines.fill(&mut self.input).map_err(Error::Input)? == 0 => return Ok(()),
                Wait::Ready => self.stirred = Instant::now(),
                Wait::TimedOut => self.pause()?,
            }
        }
    }

    /// Receipts are answered before publishing begins, which may take a while.
    fn end(&mut self) -> Result<(), Error> {
        self.writer.commit()?;
        self.answer();
        self.notifier.stopping();
        let finished = self.writer.finish();
        self.answer();
        Ok(finished?)
    }

    fn take_buffered(&mut self) -> Result<(), Error> {
        loop {
            let taken = match self.lines.next_line() {
                BufferedLine::Line(line) => self.writer.take(line)?,
                BufferedLine::TooLong => Taken::Bad(format!("longer than {LINE_BYTES_MAX} bytes")),
                BufferedLine::Starved => return Ok(()),
            };
            if let Taken::Bad(why) = taken {
                self.count_bad_line(&why)?;
            }
        }
    }

    fn count_bad_line(&mut self, why: &str) -> Result<(), Error> {
        self.bad_lines += 1;
        if self.bad_lines <= BAD_LINES_TOLD {
            self.tool.log.error(format_args!("line {}: {why}", self.lines.line_number()));
        }
        if self.bad_lines == BAD_LINES_TOLD {
            self.tool.log.error("further bad lines are only counted");
        }
        if self.bad_lines >= BAD_LINES_MAX { Err(Error::TooManyBadLines(self.bad_lines)) } else { Ok(()) }
    }

    /// Hands on what the writer has to say.
    fn answer(&mut self) {
        for notice in self.writer.take_notices() {
            self.is_store_damaged = true;
            self.tool.log.error(notice);
        }
        for warning in self.writer.take_warnings() {
            self.tool.log.warn(warning);
        }
        self.hand_out();
        if let Some(durable) = self.writer.take_durable() {
            self.notifier.progress(durable);
        }
    }

    fn hand_out(&mut self) {
        let output = self.writer.output();
        if !self.has_reader || output.is_empty() {
            output.clear();
            return;
        }
        self.tool.out.buffer().append(output);
        match self.tool.out.flush() {
            Ok(()) => {}
            // Nobody reads the receipts: the data matters all the same.
            Err(OutputError::Closed) => self.has_reader = false,
            Err(error @ OutputError::Io(_)) => {
                self.has_reader = false;
                self.are_receipts_lost = true;
                self.tool.log.error(error);
            }
        }
    }

    /// Publishes what is worth it once nothing has come for a while.
    fn pause(&mut self) -> Result<(), Error> {
        if self.stirred.elapsed() >= PAUSE_AFTER {
            self.writer.commit()?;
            self.answer();
            self.writer.pause()?;
            self.answer();
            self.stirred = Instant::now();
        }
        Ok(())
    }

    /// Whether a signal came so long ago that the source is not waited for any more.
    fn is_drained(&mut self) -> bool {
        if self.drain_until.is_none() && self.tool.stop.is_set() {
            self.drain_until = Some(Instant::now() + DRAIN_MAX);
            self.notifier.stopping();
        }
        self.drain_until.is_some_and(|until| Instant::now() >= until)
    }

    /// How long to wait for input.
    fn patience(&self) -> Duration {
        let due = self.writer.commit_due().map(|due| due.saturating_duration_since(Instant::now()));
        due.unwrap_or(LOOK_INTERVAL).min(LOOK_INTERVAL)
    }
}
