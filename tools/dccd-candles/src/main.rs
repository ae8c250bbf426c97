//! Makes candles of trades.
//!
//! Trade lines and what is known of their completeness come in on standard input. A candle goes out
//! as soon as covered lines say that all of its trades stand above; lines of other kinds pass. It
//! ends with its input.

mod args;
mod error;
mod filter;
mod series;

use std::process::ExitCode;

use clap::CommandFactory;
use dccd_cli::{Input, Powers, Status, Tool};

use crate::args::Args;
use crate::error::CandlesError;
use crate::filter::Filter;

fn main() -> ExitCode {
    dccd_cli::entry("dccd-candles", run)
}

fn run(args: Args, tool: &mut Tool) -> Result<Status, CandlesError> {
    let mut input = Input::stdin().map_err(CandlesError::Read)?;
    if input.is_terminal() {
        tool.log
            .error(format_args!("standard input is a terminal: pipe trades in\n{}", Args::command().render_usage()));
        return Ok(Status::Usage);
    }
    tool.confine(&Powers::none());
    let mut filter = Filter::new(&args);
    let end = filter.run(&mut input, tool)?;
    Ok(filter.report(end, &tool.log))
}
