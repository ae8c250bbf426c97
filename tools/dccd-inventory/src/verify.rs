//! Looks for what is not as it should be.
//!
//! Names come first; then files are looked into side by side, and what is found in them is told in their order.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::num::NonZero;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use dccd_cli::{Status, Tool, plain};
use dccd_record::Ts;
use dccd_store::Store;
use dccd_store::verify::{Finding, Level, Look, Scope, StoredFile};
use serde::Serialize;

use crate::args::VerifyArgs;
use crate::error::Error;
use crate::progress::Progress;
use crate::report;

/// Files that are looked into at once: more would only wait for the disk.
const WORKERS_MAX: usize = 8;
/// How often a wait for the next file looks at the stop flag.
const WAIT: Duration = Duration::from_millis(100);

/// Prints a line for each finding.
pub(crate) fn run(store: &Store, args: &VerifyArgs, tool: &mut Tool) -> Result<Status, Error> {
    let now = report::now();
    let accepts = |dataset: &_| args.datasets.accept(dataset);
    let named = store.verify_names(Scope { accepts: &accepts, is_whole: args.datasets.are_empty(), now })?;
    let mut printer = Printer { tool, is_json: args.json, errors: 0, notes: 0 };
    printer.print(&named.findings)?;
    if let Some(look) = args.depth.look() {
        look_into_files(&Work { store, files: &named.files, look, now }, &mut printer)?;
    }
    printer.summarize(named.files.len(), args.depth.name());
    Ok(if printer.errors > 0 { Status::No } else { Status::Ok })
}

/// Files to look into.
struct Work<'a> {
    store: &'a Store,
    files: &'a [StoredFile],
    look: Look,
    now: Ts,
}

/// What came of one file, by its number.
type Answer = (usize, Vec<Finding>);

fn look_into_files(work: &Work<'_>, printer: &mut Printer<'_>) -> Result<(), Error> {
    let workers = thread::available_parallelism().map_or(1, NonZero::get).min(WORKERS_MAX).min(work.files.len());
    let (next, is_over) = (AtomicUsize::new(0), AtomicBool::new(false));
    let (answers, answered) = channel();
    thread::scope(|scope| {
        for _ in 0..workers {
            let answers = answers.clone();
            scope.spawn(|| work_off(work, &next, &is_over, answers));
        }
        drop(answers);
        let collected = collect(work, &answered, printer);
        is_over.store(true, Ordering::SeqCst);
        collected
    })
}

fn work_off(work: &Work<'_>, next: &AtomicUsize, is_over: &AtomicBool, answers: Sender<Answer>) {
    while !is_over.load(Ordering::SeqCst) {
        let number = next.fetch_add(1, Ordering::SeqCst);
        let Some(file) = work.files.get(number) else { return };
        let found = work.store.verify_file(file, work.look, work.now);
        if answers.send((number, found)).is_err() {
            return;
        }
    }
}

/// Prints what is found, in the order of the files.
fn collect(work: &Work<'_>, answered: &Receiver<Answer>, printer: &mut Printer<'_>) -> Result<(), Error> {
    let mut progress = Progress::new(printer.tool.log.is_quiet());
    let (mut early, mut done) = (BTreeMap::new(), 0);
    while done < work.files.len() {
        if let Some(signal) = printer.tool.stop.signal() {
            return Err(Error::Stopped(signal));
        }
        match answered.recv_timeout(WAIT) {
            Ok((number, found)) => drop(early.insert(number, found)),
            Err(RecvTimeoutError::Timeout) => {}
            // A worker is gone without an answer, and its panic is on its way.
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
        }
        while let Some(found) = early.remove(&done) {
            printer.print(&found)?;
            done += 1;
        }
        progress.show(done + early.len(), work.files.len());
    }
    Ok(())
}

/// Prints findings and counts them.
struct Printer<'a> {
    tool: &'a mut Tool,
    is_json: bool,
    errors: usize,
    notes: usize,
}

impl Printer<'_> {
    fn print(&mut self, findings: &[Finding]) -> Result<(), Error> {
        for finding in findings {
            match finding.level {
                Level::Error => self.errors += 1,
                Level::Note => self.notes += 1,
            }
            let out = self.tool.out.buffer();
            if self.is_json {
                write_line(finding, out)
            } else {
                write_sentence(finding, out)
            }
            self.tool.out.flush_full()?;
        }
        if !findings.is_empty() {
            self.tool.out.flush()?;
        }
        Ok(())
    }

    /// Who looks at a terminal wants to hear that all is well; a log does not.
    fn summarize(&self, files: usize, depth: &str) {
        let text = format!("files verified ({depth}): {files}, errors: {}, notes: {}", self.errors, self.notes);
        if self.errors + self.notes > 0 || std::io::stderr().is_terminal() {
            self.tool.log.warn(text);
        } else {
            self.tool.log.note(text);
        }
    }
}

fn write_sentence(finding: &Finding, out: &mut Vec<u8>) {
    let (level, path) = (finding.level.name(), finding.path.display());
    let place = finding.place.as_ref().map(|place| format!(", {place}")).unwrap_or_default();
    let sentence = format!("{level}: {path}: {}{place}; {}", finding.what, finding.check.advice());
    out.extend_from_slice(plain(&sentence).as_bytes());
    out.push(b'\n');
}

fn write_line(finding: &Finding, out: &mut Vec<u8>) {
    #[derive(Serialize)]
    struct Line<'a> {
        kind: &'static str,
        level: &'static str,
        check: &'static str,
        path: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        exchange: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        pair: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        of: Option<&'static str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        span: Option<u32>,
        what: &'a str,
        #[serde(rename = "where")]
        place: Option<&'a str>,
        advice: &'static str,
    }
    let dataset = finding.dataset.as_ref();
    let line = Line {
        kind: "finding",
        level: finding.level.name(),
        check: finding.check.name(),
        path: finding.path.to_string_lossy().into_owned(),
        exchange: dataset.map(|dataset| dataset.exchange().as_str()),
        pair: dataset.map(|dataset| dataset.pair().to_string()),
        of: dataset.map(|dataset| dataset.kind().name()),
        span: dataset.and_then(|dataset| dataset.span()).map(|span| span.secs()),
        what: &finding.what,
        place: finding.place.as_deref(),
        advice: finding.check.advice(),
    };
    serde_json::to_writer(&mut *out, &line).expect("writing to memory cannot fail");
    out.push(b'\n');
}
