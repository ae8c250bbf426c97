//! Which units a configuration makes.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use dccd_cli::config::{Config, StreamJob};
use dccd_exchange::closed;
use dccd_record::Kind;
use serde_json::json;

use crate::timing::Timing;

/// The one common unit whose time the configuration says.
pub(crate) const SYNC: &str = "sync";
/// Between two repairs, and two checks.
const REPAIR_SECS: u64 = 3600;
const CHECK_SECS: u64 = 300;
/// A stream that covers nothing for so long is stalled, and what its slowest sort of record takes besides.
const STALL_SECS: u64 = 600;
const FUNDING_STALL_SECS: u64 = 1200;

/// All units of a configuration.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// The configuration's own file.
    pub(crate) file: PathBuf,
    pub(crate) units: Vec<Unit>,
    /// The folder of the store, if it is said.
    pub(crate) data_path: Option<PathBuf>,
}

/// One unit.
#[derive(Clone, Debug)]
pub(crate) struct Unit {
    pub(crate) task: Task,
    /// The line of its job, or of nothing.
    pub(crate) line: Option<usize>,
    /// In one line, all that makes it what it is: another definition is another unit.
    pub(crate) definition: String,
}

/// What a unit does.
#[derive(Clone, Debug)]
pub(crate) enum Task {
    /// History of a job.
    Fetch { job: String, timing: Timing },
    /// Live data.
    Stream { id: String, channels: String, stall_secs: u64 },
    /// What is there once.
    Common { name: &'static str, why: &'static str, timing: Timing },
}

impl Unit {
    /// Its name.
    pub(crate) fn name(&self) -> String {
        match &self.task {
            Task::Fetch { job, .. } => format!("dccd-fetch@{job}.timer"),
            Task::Stream { id, .. } => format!("dccd-stream@{id}.service"),
            Task::Common { name, .. } => format!("dccd-{name}.timer"),
        }
    }

    /// The job, or what else there is it for.
    pub(crate) fn why(&self) -> &str {
        match &self.task {
            Task::Fetch { job, .. } => job,
            Task::Stream { id, .. } => id,
            Task::Common { why, .. } => why,
        }
    }

    /// When it runs, for people.
    pub(crate) fn schedule(&self) -> String {
        match &self.task {
            Task::Fetch { timing, .. } | Task::Common { timing, .. } => timing.text(),
            Task::Stream { channels, .. } => format!("live {channels}"),
        }
    }

    fn timed(task: Task, line: Option<usize>, timing: &Timing) -> Unit {
        Unit { task, line, definition: timing.timer_lines() }
    }
}

impl Plan {
    /// That of a configuration; `file` is where it is edited.
    pub(crate) fn of(config: &Config, file: &Path) -> Plan {
        let mut units = history(config);
        units.extend(streams(config));
        if !units.is_empty() {
            units.extend(common(config));
        }
        Plan { file: file.to_owned(), units, data_path: config.settings.data_path.clone() }
    }

    /// The unit of this name.
    pub(crate) fn unit(&self, name: &str) -> Option<&Unit> {
        self.units.iter().find(|unit| unit.name() == name)
    }
}

/// A closed exchange gets no unit, and neither does what runs by hand only.
fn history(config: &Config) -> Vec<Unit> {
    let lines = config.entry_lines(config.history.iter().map(|job| &job.origin));
    let jobs = config.history.iter().zip(lines).filter(|(job, _)| is_open(job.dataset.exchange().as_str()));
    let unit = |(job, line): (&dccd_cli::config::HistoryJob, usize)| {
        let timing = Timing::of(&job.schedule, &config.settings.zone)?;
        let task = Task::Fetch { job: job.dataset.to_string(), timing: timing.clone() };
        Some(Unit::timed(task, Some(line), &timing))
    };
    jobs.filter_map(unit).collect()
}

/// One unit for each pair, whatever number of entries it has.
fn streams(config: &Config) -> Vec<Unit> {
    let lines = config.entry_lines(config.streams.iter().map(|job| &job.origin));
    let mut pairs: BTreeMap<String, (usize, Vec<&StreamJob>)> = BTreeMap::new();
    for (job, line) in config.streams.iter().zip(lines).filter(|(job, _)| is_open(job.exchange.as_str())) {
        pairs.entry(job.id()).or_insert((line, Vec::new())).1.push(job);
    }
    let unit = |(id, (line, jobs)): (String, (usize, Vec<&StreamJob>))| {
        let kinds = jobs.iter().flat_map(|job| job.channels.iter().map(|(kind, _)| kind.name()));
        let channels = kinds.collect::<Vec<_>>().join(" ");
        let stall_secs = jobs.iter().flat_map(|job| stalls(job)).min().unwrap_or(STALL_SECS);
        let definition = definition(config, &id, &jobs);
        Unit { task: Task::Stream { id, channels, stall_secs }, line: Some(line), definition }
    };
    pairs.into_iter().map(unit).collect()
}

/// For each channel how long it may cover nothing.
fn stalls(job: &StreamJob) -> impl Iterator<Item = u64> {
    job.channels.iter().map(|(kind, _)| match kind {
        Kind::Candle | Kind::OpenInterest => STALL_SECS + 2 * job.span.map_or(0, |span| u64::from(span.secs())),
        Kind::Book => STALL_SECS.saturating_add(job.time_step_secs.saturating_mul(2)),
        Kind::Funding => FUNDING_STALL_SECS,
        Kind::Trade => STALL_SECS,
    })
}

/// Everything that a stream reads when it starts. Addresses may hold secrets, so that only a hash of them is shown.
fn definition(config: &Config, id: &str, jobs: &[&StreamJob]) -> String {
    let channels: Vec<_> = jobs
        .iter()
        .map(|job| {
            let kinds: Vec<&str> = job.channels.iter().map(|(kind, _)| kind.name()).collect();
            let span = job.span.map(|span| span.to_string());
            json!({"kinds": kinds, "span": span, "time_step": job.time_step_secs, "depth": job.depth})
        })
        .collect();
    let exchange = jobs.first().map(|job| job.exchange.as_str()).unwrap_or_default();
    let mut hasher = DefaultHasher::new();
    format!("{:?}", config.addresses(exchange)).hash(&mut hasher);
    let alerts = &config.alerts;
    for secret in [&alerts.webhook_url, &alerts.heartbeat_url] {
        // What a file holds may change at any time.
        let inline = secret.as_ref().filter(|secret| secret.file().is_none());
        inline.and_then(|secret| secret.reveal().ok()).hash(&mut hasher);
    }
    (alerts.max_consecutive_errors, config.settings.runs_retention_days).hash(&mut hasher);
    json!({
        "unit": format!("dccd-stream@{id}.service"),
        "version": env!("CARGO_PKG_VERSION"),
        "channels": channels,
        "data_path": config.settings.data_path,
        "rest": format!("{:016x}", hasher.finish()),
    })
    .to_string()
}

/// What a collector needs besides: copies only where there is somewhere to copy to.
fn common(config: &Config) -> Vec<Unit> {
    let storage = &config.storage;
    let syncs = !storage.remotes.is_empty() && storage.sync_interval_secs > 0;
    let sync = syncs.then(|| (SYNC, "storage.remotes", Timing::every(storage.sync_interval_secs)));
    let always = [
        ("repair", "gaps of the store", Timing::every(REPAIR_SECS)),
        ("check", "whether all is well", Timing::every(CHECK_SECS)),
    ];
    let unit = |(name, why, timing): (&'static str, &'static str, Timing)| {
        Unit::timed(Task::Common { name, why, timing: timing.clone() }, None, &timing)
    };
    always.into_iter().chain(sync).map(unit).collect()
}

fn is_open(exchange: &str) -> bool {
    closed(exchange).is_none()
}
