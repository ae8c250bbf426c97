//! What is printed of a configuration.

use std::fmt::Write;

use dccd_cli::config::{Config, ConfigError, ConfigFile, FileError, HistoryJob, Origin, Schedule, StreamJob};
use dccd_cli::{Status, Tool};
use dccd_record::{Control, write_control};

use crate::args::Filter;
use crate::error::Error;
use crate::exchanges;

/// Says what is wrong, or the gist of a configuration that is right.
pub(crate) fn validate(file: Result<ConfigFile, FileError>, tool: &mut Tool) -> Result<Status, Error> {
    let config = match file.map_err(ConfigError::File).and_then(|file| exchanges::possible(&file)) {
        Ok(config) => config,
        Err(ConfigError::Invalid { path, problems }) => {
            for problem in &problems {
                tool.log.error(format_args!("{}:{problem}", path.display()));
            }
            return Ok(Status::No);
        }
        Err(error) => {
            tool.log.error(error);
            return Ok(Status::No);
        }
    };
    warn(&config, tool);
    let mut text = String::new();
    let _ = writeln!(text, "Config: {}", config.path().display());
    let data_path =
        config.settings.data_path.as_ref().map_or_else(|| "data".to_owned(), |path| path.display().to_string());
    for (name, value) in [
        ("data_path", data_path),
        ("timezone", config.settings.zone.name().to_owned()),
        ("remotes", config.storage.remotes.len().to_string()),
        ("histo_jobs", entries(config.history.iter().map(|job| &job.origin)).to_string()),
        ("stream_jobs", entries(config.streams.iter().map(|job| &job.origin)).to_string()),
    ] {
        let _ = writeln!(text, "  {name:<19}: {value}");
    }
    text.push_str("Config is valid.\n");
    tool.out.buffer().extend_from_slice(text.as_bytes());
    Ok(Status::Ok)
}

/// Prints a `job` line for each job of history that is wanted.
pub(crate) fn jobs(config: &Config, filter: &Filter, tool: &mut Tool) -> Result<Status, Error> {
    warn(config, tool);
    warn_of_closed(config, filter, tool);
    let mut count = 0_usize;
    for job in config.history.iter().filter(|job| filter.accepts(job)) {
        write_control(&Control::Job(job.line()), tool.out.buffer());
        tool.out.flush_full()?;
        count += 1;
    }
    if count == 0 {
        tool.log.warn(format_args!("{}: no job of history is like that", config.path().display()));
    }
    Ok(Status::Ok)
}

/// Prints every value that holds and where it comes from, then the jobs.
pub(crate) fn show(config: &Config, tool: &mut Tool) -> Result<Status, Error> {
    warn(config, tool);
    let mut rows: Vec<[String; 3]> =
        config.effective().into_iter().map(|value| [value.name, value.value, value.source]).collect();
    let lines = config
        .entry_lines(config.history.iter().map(|job| &job.origin).chain(config.streams.iter().map(|job| &job.origin)));
    let history = config.history.iter().map(|job| (job.dataset.to_string(), terms(job, config)));
    let streams = config.streams.iter().map(|job| (job.id(), channels(job)));
    for ((name, value), line) in history.chain(streams).zip(lines) {
        rows.push([name, value, format!("{}:{line}", config.path().display())]);
    }
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths = [width(0), width(1)];
    let mut text = String::new();
    for [name, value, source] in &rows {
        let _ = writeln!(text, "{name:<0$}  {value:<1$}  {source}", widths[0], widths[1]);
    }
    tool.out.buffer().extend_from_slice(text.as_bytes());
    Ok(Status::Ok)
}

fn terms(job: &HistoryJob, config: &Config) -> String {
    let zone = &config.settings.zone;
    let mut terms = match &job.schedule {
        Schedule::Every(seconds) => format!("every {seconds} s"),
        Schedule::Cron(cron) => {
            let next = cron.next_after(zone.now()).map_or_else(String::new, |at| format!(" (next {at})"));
            format!("cron {cron}{next}")
        }
        Schedule::Manual => "by hand".to_owned(),
    };
    for (name, ts) in [("from", job.start), ("to", job.end)] {
        if let Some(ts) = ts {
            let _ = write!(terms, ", {name} {}", zone.civil(ts));
        }
    }
    terms
}

/// How many entries of the file jobs come from: one entry may name many pairs.
fn entries<'a>(origins: impl Iterator<Item = &'a Origin>) -> usize {
    let mut entries: Vec<&Origin> = origins.collect();
    entries.dedup_by(|a, b| a.is_same_entry(b));
    entries.len()
}

fn channels(job: &StreamJob) -> String {
    let names: Vec<&str> = job.channels.iter().map(|(kind, _)| kind.name()).collect();
    format!("live {}", names.join(" "))
}

/// Says once of each exchange that closed that its jobs can only fail; others are collected all the same.
fn warn_of_closed(config: &Config, filter: &Filter, tool: &Tool) {
    let mut told = Vec::new();
    for closed in exchanges::closed_jobs(config).iter().filter(|closed| filter.accepts_exchange(closed.exchange)) {
        if !told.contains(&closed.exchange) {
            told.push(closed.exchange);
            tool.log.warn(format_args!("{}:{}", config.path().display(), closed.problem(config)));
        }
    }
}

fn warn(config: &Config, tool: &Tool) {
    for warning in config.warnings() {
        tool.log.warn(warning);
    }
}
