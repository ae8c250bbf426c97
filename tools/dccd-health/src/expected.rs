//! Which jobs a run is for, so that one of which nothing is heard is missed.

use std::fs::File;
use std::path::Path;

use dccd_record::{BufferedLine, Control, Job, Line, LineBuffer, Parser};

use crate::error::Error;
use crate::run::Run;

/// Expects every job that stands in the file at `path`.
pub(crate) fn expect_jobs(path: &Path, run: &mut Run) -> Result<(), Error> {
    let unreadable = |cause| Error::Jobs(path.to_owned(), cause);
    let mut file = File::open(path).map_err(unreadable)?;
    let (mut lines, mut parser) = (LineBuffer::new(), Parser::new());
    loop {
        match lines.next_line() {
            BufferedLine::Line(line) => match parser.parse(line).map(job) {
                Ok(Some(job)) => run.expect(job),
                _ => return Err(Error::NoJob(path.to_owned(), lines.line_number())),
            },
            BufferedLine::TooLong => return Err(Error::NoJob(path.to_owned(), lines.line_number())),
            BufferedLine::Starved => {
                if lines.fill(&mut file).map_err(unreadable)? == 0 {
                    break;
                }
            }
        }
    }
    // A list that was cut off names fewer jobs than there are.
    if lines.bytes_left() > 0 {
        return Err(Error::NoJob(path.to_owned(), lines.line_number().saturating_add(1)));
    }
    Ok(())
}

fn job(line: Line<'_>) -> Option<Job> {
    match line {
        Line::Control(control) => match *control {
            Control::Job(job) => Some(job),
            _ => None,
        },
        _ => None,
    }
}
