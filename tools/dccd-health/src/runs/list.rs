//! Showing the history of runs.

use std::collections::VecDeque;
use std::fs::File;
use std::path::Path;

use dccd_cli::{Status, StoreFlags, Tool, TypedTime, Zone, write_table};
use dccd_record::{BufferedLine, LineBuffer, Ts};
use dccd_store::run_files;

use super::RunLine;
use crate::error::Error;

const HEADER: [&str; 6] = ["job", "start", "end", "state", "rows", "error"];
/// Lines shown if nobody says how many, or since when.
const LAST: usize = 20;
const LAST_MAX: u64 = 100_000;

/// Print how runs ended, and how streams did, oldest first
#[derive(Debug, clap::Args)]
pub(crate) struct RunsArgs {
    /// Print the last N only [default: 20, or 100000 with --since]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=LAST_MAX))]
    last: Option<u64>,

    /// Print those of one job only
    #[arg(long, value_name = "ID")]
    job: Option<String>,

    /// Print what ended at T or later; a date or a time, in the configured zone if it names none
    #[arg(long, value_name = "T")]
    since: Option<TypedTime>,

    /// Print only what failed
    #[arg(long)]
    failed: bool,

    /// Lines instead of a table
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    pub(crate) store: StoreFlags,
}

/// Prints a table, or lines.
pub(crate) fn run(args: &RunsArgs, tool: &mut Tool) -> Result<Status, Error> {
    let root = args.store.data_path()?;
    let zone = args.store.zone()?;
    let since = args.since.as_ref().map(|typed| args.store.instant(typed)).transpose()?;
    let wanted = Wanted {
        job: args.job.as_deref(),
        since,
        is_failed: args.failed,
        count: args.last.and_then(|last| usize::try_from(last).ok()).unwrap_or(match since {
            Some(_) => usize::try_from(LAST_MAX).unwrap_or(usize::MAX),
            None => LAST,
        }),
    };
    let (lines, strange) = wanted.find(&root)?;
    if strange > 0 {
        tool.log.warn(format_args!("lines of .dccd/runs that make no sense, and are left out: {strange}"));
    }
    let out = tool.out.buffer();
    if args.json {
        for line in &lines {
            serde_json::to_writer(&mut *out, line).expect("writing to memory cannot fail");
            out.push(b'\n');
        }
    } else {
        let rows: Vec<Vec<String>> = lines.iter().map(|line| cells(line, &zone)).collect();
        write_table(&HEADER, &rows, out);
    }
    tool.out.flush()?;
    Ok(Status::Ok)
}

/// Which lines are asked for.
struct Wanted<'a> {
    job: Option<&'a str>,
    since: Option<Ts>,
    is_failed: bool,
    /// The newest so many of them.
    count: usize,
}

impl Wanted<'_> {
    /// The lines, oldest first, and how many could not be read.
    fn find(&self, root: &Path) -> Result<(VecDeque<RunLine>, u64), Error> {
        let (mut found, mut strange) = (VecDeque::new(), 0);
        for (_, path) in run_files(root)?.iter().rev() {
            let missing = self.count.saturating_sub(found.len());
            let (lines, odd, is_older) = self.find_in(path, missing)?;
            strange += odd;
            lines.into_iter().rev().for_each(|line| found.push_front(line));
            if found.len() >= self.count || is_older {
                break;
            }
        }
        Ok((found, strange))
    }

    /// The newest `count` lines of a file that are asked for, how many could not be read, and whether some are too old.
    fn find_in(&self, path: &Path, count: usize) -> Result<(VecDeque<RunLine>, u64, bool), Error> {
        let unreadable = |cause| Error::Runs(path.to_owned(), cause);
        let mut file = File::open(path).map_err(unreadable)?;
        let mut lines = LineBuffer::new();
        let (mut found, mut strange, mut is_older) = (VecDeque::new(), 0, false);
        loop {
            let parsed = match lines.next_line() {
                BufferedLine::Line(line) => RunLine::parse(line),
                BufferedLine::TooLong => None,
                BufferedLine::Starved => {
                    // A line that is being written, or was cut off, is none.
                    if lines.fill(&mut file).map_err(unreadable)? == 0 {
                        break;
                    }
                    continue;
                }
            };
            let Some((line, end)) = parsed else {
                strange += 1;
                continue;
            };
            is_older |= self.since.is_some_and(|since| end < since);
            if self.wants(&line, end) {
                if found.len() == count {
                    found.pop_front();
                }
                found.push_back(line);
            }
        }
        Ok((found, strange, is_older))
    }

    fn wants(&self, line: &RunLine, end: Ts) -> bool {
        self.job.is_none_or(|job| line.job == job)
            && self.since.is_none_or(|since| end >= since)
            && (!self.is_failed || line.state.is_bad())
    }
}

fn cells(line: &RunLine, zone: &Zone) -> Vec<String> {
    let here = |at: &str| at.parse().map_or_else(|_| at.to_owned(), |ts| zone.text(ts));
    vec![
        line.job.clone(),
        line.start.as_deref().map_or_else(|| "-".to_owned(), here),
        here(&line.end),
        line.state.name().to_owned(),
        line.rows.to_string(),
        line.error.clone().unwrap_or_default(),
    ]
}
