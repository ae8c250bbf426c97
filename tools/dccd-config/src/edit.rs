//! Adds and removes jobs.

use std::path::Path;

use dccd_cli::config::{Config, EditError, LockedFile};
use dccd_cli::{Status, Tool};
use dccd_record::Dataset;

use crate::args::JobFlags;
use crate::error::Error;
use crate::exchanges;

/// Adds a job that the exchange can do.
pub(crate) fn add(named: Option<&Path>, flags: &JobFlags, tool: &mut Tool) -> Result<Status, Error> {
    let dataset = flags.dataset().map_err(Error::Job)?;
    exchanges::check_history(&dataset).map_err(Error::Impossible)?;
    edit(named, &dataset, tool, "Added", Config::add)
}

/// Removes a job, also one that no exchange can do any more.
pub(crate) fn remove(named: Option<&Path>, flags: &JobFlags, tool: &mut Tool) -> Result<Status, Error> {
    let dataset = flags.dataset().map_err(Error::Job)?;
    edit(named, &dataset, tool, "Removed", Config::remove)
}

fn edit(
    named: Option<&Path>,
    dataset: &Dataset,
    tool: &mut Tool,
    done: &str,
    change: impl FnOnce(&Config, &Dataset) -> Result<String, EditError>,
) -> Result<Status, Error> {
    let locked = LockedFile::open(named)?;
    let path = locked.file().path().to_owned();
    let text = change(&locked.file().check()?, dataset).map_err(Error::Edit)?;
    locked.replace(&text).map_err(Error::Replace)?;
    let span = dataset.span().map_or_else(String::new, |span| format!(" span={}s", span.secs()));
    let line = format!(
        "{done} {} job: exchange={} pair={}{span}\nConfig written to {}.\n",
        dataset.kind(),
        dataset.exchange(),
        dataset.pair(),
        path.display()
    );
    tool.out.buffer().extend_from_slice(line.as_bytes());
    Ok(Status::Ok)
}
