//! What every `main` does.

use std::error::Error;
use std::process::ExitCode;

use crate::args::ToolArgs;
use crate::completion;
use crate::log::Log;
use crate::output::{Output, OutputError};
use crate::sandbox::{self, Powers};
use crate::status::{Status, ToolError};
use crate::stop::Stop;

/// What a running tool is given.
#[derive(Debug)]
pub struct Tool {
    /// Standard output.
    pub out: Output,
    /// Messages for a person.
    pub log: Log,
    /// Whether to stop.
    pub stop: Stop,
    is_confinable: bool,
}

impl Tool {
    /// Gives up everything but `powers` for good, unless `--no-sandbox` says otherwise. To be called once, when all is
    /// open that is not among them, and before any thread is started.
    pub fn confine(&self, powers: &Powers) {
        let heed_interrupts = || {
            if let Err(error) = self.stop.heed_interrupts() {
                self.log.warn(format_args!("Ctrl-C will end this at once: {error}"));
            }
        };
        if self.is_confinable { sandbox::confine(powers, &self.log, heed_interrupts) } else { heed_interrupts() }
    }
}

/// Parses flags, registers signals, runs, flushes, prints the error once, and turns it into a status.
pub fn entry<A: ToolArgs, E: ToolError>(
    name: &'static str,
    run: impl FnOnce(A, &mut Tool) -> Result<Status, E>,
) -> ExitCode {
    if let Some(status) = completion::answer::<A>(name) {
        return status.into();
    }
    let args = match A::try_parse() {
        Ok(args) => args,
        Err(error) => {
            // Help and version go to stdout with status 0, complaints to stderr with status 2.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { Status::Usage } else { Status::Ok });
        }
    };
    let log = Log::new(name, args.common().verbosity());
    let (out, stop) = match (Output::stdout(), Stop::on_signals()) {
        (Ok(out), Ok(stop)) => (out, stop),
        (Err(error), _) | (_, Err(error)) => {
            log.error(format_args!("cannot start: {error}"));
            return Status::IoErr.into();
        }
    };
    let mut tool = Tool { out, log, stop, is_confinable: !args.common().no_sandbox };
    let ended = run(args, &mut tool);
    let flushed = tool.out.flush();
    match (ended, flushed) {
        (Err(error), _) if is_closed_output(&error) => Status::Ok.into(),
        (Err(error), _) => {
            tool.log.error(chain(&error));
            error.exit().into()
        }
        (Ok(_), Err(OutputError::Closed)) => Status::Ok.into(),
        (Ok(_), Err(error)) => {
            tool.log.error(&error);
            Status::IoErr.into()
        }
        (Ok(status), Ok(())) => status.into(),
    }
}

/// Whether the reader of our lines went away. Other broken pipes, of sockets say, are errors.
fn is_closed_output(error: &(dyn Error + 'static)) -> bool {
    causes(error).any(|cause| matches!(cause.downcast_ref(), Some(OutputError::Closed)))
}

/// The message and its causes, joined by colons; a cause already said is not said again.
fn chain(error: &(dyn Error + 'static)) -> String {
    causes(error).fold(String::new(), |mut said, cause| {
        let text = cause.to_string();
        if !said.contains(&text) {
            if !said.is_empty() {
                said.push_str(": ");
            }
            said.push_str(&text);
        }
        said
    })
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |cause| (*cause).source())
}
