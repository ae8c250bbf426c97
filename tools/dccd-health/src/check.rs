//! Whether what is collected is fresh and whole.
//!
//! What is known of a store and its host is surveyed once (`survey`); limits turn it into reasons (`reasons`).

mod disk;
mod due;
mod reasons;
mod runs;
mod series;
mod survey;
mod sync;
mod text;
mod wanted;

#[cfg(test)]
mod tests;

use std::time::Duration;

use dccd_cli::{Status, StoreFlags, Tool};

use crate::alert;
use crate::error::Error;
use crate::heartbeat;
pub(crate) use reasons::{Reason, Sort, reasons};
pub(crate) use series::{Series, State, history};
pub(crate) use survey::{Survey, survey};
use text::parse_time;
pub(crate) use text::size;

/// Say whether data is fresh and whole; status 1 and the reasons if not
///
/// Fresh means covered until recently, as the ledger knows it. How recently follows from the job: of a stream some
/// minutes, of history what the last run that was due could have had. Without a configuration the streams of the store
/// are judged.
#[derive(Debug, clap::Args)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    pub(crate) limits: Limits,

    /// Do not ask for the address in alerts.heartbeat_url if all is well
    #[arg(long)]
    no_heartbeat: bool,

    /// Lines instead of sentences
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    pub(crate) store: StoreFlags,
}

/// How much may be wrong.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Limits {
    /// The most time since the end of what is covered, as in 15m [default: what each job promises]
    ///
    /// Holds for every job; without a configuration for every dataset of the store.
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub(crate) max_lag: Option<Duration>,

    /// How long a gap may stay open that history can fill
    #[arg(long, value_name = "TIME", default_value = "1d", value_parser = parse_time)]
    pub(crate) max_gap_age: Duration,

    /// Free space must last for so many days; 0 does not ask
    #[arg(long, value_name = "N", default_value_t = 7)]
    pub(crate) disk_days: u64,

    /// So many GiB must be free; 0 does not ask
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) disk_free_gb: u64,

    /// How old the last copy to every remote may be [default: three sync_intervals, at least 1d]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub(crate) max_sync_age: Option<Duration>,
}

impl Default for Limits {
    /// What holds if nobody says otherwise.
    fn default() -> Limits {
        const DAY: Duration = Duration::from_secs(86_400);
        Limits { max_lag: None, max_gap_age: DAY, disk_days: 7, disk_free_gb: 1, max_sync_age: None }
    }
}

/// Prints one sentence, or the reasons.
pub(crate) fn run(args: &CheckArgs, tool: &mut Tool) -> Result<Status, Error> {
    let config = args.store.config()?;
    let root = args.store.data_path()?;
    let found = survey(&root, config.as_ref(), args.limits.max_lag)?;
    let reasons = reasons(&found, &args.limits);
    let out = tool.out.buffer();
    if args.json {
        text::write_lines(&found, &reasons, out);
    } else {
        text::write_sentences(&found, &reasons, out);
    }
    tool.out.flush()?;
    alert::tell_waiting(&root, config.as_ref(), tool);
    if !reasons.is_empty() {
        return Ok(Status::No);
    }
    if let Some(config) = config.filter(|_| !args.no_heartbeat)
        && let Err(cause) = heartbeat::ping(&config.alerts, &tool.stop)
    {
        tool.log.error(cause);
        return Ok(Status::TempFail);
    }
    Ok(Status::Ok)
}
