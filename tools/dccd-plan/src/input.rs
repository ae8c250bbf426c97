//! Jobs among the lines of standard input.

use std::time::Duration;

use dccd_cli::{Input, Wait};
use dccd_record::{BufferedLine, Control, LINE_BYTES_MAX, Line, LineBuffer, Parser};

use crate::error::Error;
use crate::planner::Planner;

/// A stop is seen within this time.
const STOP_CHECK: Duration = Duration::from_millis(200);

/// Plans each job as it comes; every other line is passed on.
pub(crate) fn take_all(mut input: Input, planner: &mut Planner<'_>) -> Result<(), Error> {
    let (mut buffer, mut parser) = (LineBuffer::new(), Parser::new());
    while !planner.is_stopped() {
        match buffer.next_line() {
            BufferedLine::Line(line) => match parser.parse(line) {
                Ok(Line::Control(control)) => match *control {
                    // Nothing is ordered for a stream; what it missed is a gap.
                    Control::Job(job) if !job.is_live => planner.take_job(job, Some(line))?,
                    _ => planner.pass_on(line)?,
                },
                Ok(_) => planner.pass_on(line)?,
                Err(error) => planner.count_bad_line(format_args!("line {}: {error}", buffer.line_number())),
            },
            BufferedLine::TooLong => {
                let number = buffer.line_number();
                planner.count_bad_line(format_args!("line {number}: longer than {LINE_BYTES_MAX} bytes"));
            }
            BufferedLine::Starved => {
                planner.flush()?;
                match input.wait(STOP_CHECK).map_err(Error::Input)? {
                    Wait::Ready if buffer.fill(&mut input).map_err(Error::Input)? == 0 => break,
                    Wait::Ready | Wait::TimedOut => {}
                }
            }
        }
    }
    if buffer.bytes_left() > 0 {
        planner.warn("standard input ends in the middle of a line, which is left out");
    }
    Ok(())
}
