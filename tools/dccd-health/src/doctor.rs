//! What of this host stands in the way.
//!
//! Every probe runs beside the others and has a time limit, so one that hangs is a finding like any other.

mod command;
mod disk;
mod exchange;
mod host;
mod leftovers;
mod network;
mod remotes;
mod settings;
#[cfg(test)]
mod tests;
mod units;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use dccd_cli::config::Config;
use dccd_cli::{Status, StoreFlags, Tool};
use serde::Serialize;

use crate::error::Error;

/// Whoever waits for a probe sees a signal within this time.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

/// Look for what keeps this host from collecting well; status 1 if something does
///
/// Each finding has a level (ok, warn, fail), and what helps. Nothing is changed.
#[derive(Debug, clap::Args)]
pub(crate) struct DoctorArgs {
    /// Lines instead of text
    #[arg(long)]
    json: bool,

    /// Folder of the request budgets
    #[arg(long, value_name = "DIR", env = dccd_cli::env::BUDGET_DIR, hide_env_values = true)]
    budget_dir: Option<PathBuf>,

    #[command(flatten)]
    store: StoreFlags,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    Ok,
    Warn,
    Fail,
}

impl Level {
    fn name(self) -> &'static str {
        match self {
            Level::Ok => "ok",
            Level::Warn => "warn",
            Level::Fail => "fail",
        }
    }
}

/// What one look found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    level: Level,
    /// What was looked at, in one word.
    topic: &'static str,
    what: String,
    /// What helps, where something should.
    fix: Option<String>,
}

impl Finding {
    fn ok(topic: &'static str, what: impl Into<String>) -> Finding {
        Finding { level: Level::Ok, topic, what: what.into(), fix: None }
    }

    fn warn(topic: &'static str, what: impl Into<String>, fix: impl Into<String>) -> Finding {
        Finding { level: Level::Warn, topic, what: what.into(), fix: Some(fix.into()) }
    }

    fn fail(topic: &'static str, what: impl Into<String>, fix: impl Into<String>) -> Finding {
        Finding { level: Level::Fail, topic, what: what.into(), fix: Some(fix.into()) }
    }
}

/// One look at something.
struct Probe {
    topic: &'static str,
    time_max: Duration,
    look: Box<dyn FnOnce() -> Vec<Finding> + Send>,
}

impl Probe {
    fn new(topic: &'static str, secs: u64, look: impl FnOnce() -> Vec<Finding> + Send + 'static) -> Probe {
        Probe { topic, time_max: Duration::from_secs(secs), look: Box::new(look) }
    }
}

/// What probes know of the configuration.
#[derive(Clone, Debug)]
struct Setting {
    config: Option<Arc<Config>>,
    root: PathBuf,
    budget_dir: Option<PathBuf>,
}

/// Looks at everything, and says what was found.
pub(crate) fn run(args: &DoctorArgs, tool: &mut Tool) -> Result<Status, Error> {
    let (config, mut findings) = settings::look(&args.store);
    // A configuration that is wrong is a finding; what does not depend on it is looked at all the same.
    let root = args.store.data_path().unwrap_or_else(|_| PathBuf::from("data"));
    let setting = Setting { config: config.map(Arc::new), root, budget_dir: args.budget_dir.clone() };
    for (probe, receiver) in probes(&setting).into_iter().map(start).collect::<Vec<_>>() {
        match wait(&probe, &receiver, tool) {
            Some(found) => findings.extend(found),
            None => return Ok(Status::Signal(tool.stop.signal().unwrap_or(15))),
        }
    }
    let out = tool.out.buffer();
    for finding in &findings {
        if args.json { write_line(finding, out) } else { write_text(finding, out) }
    }
    tool.out.flush()?;
    let has_failed = findings.iter().any(|finding| finding.level == Level::Fail);
    Ok(if has_failed { Status::No } else { Status::Ok })
}

/// Everything that is looked at, in the order in which it is told.
fn probes(setting: &Setting) -> Vec<Probe> {
    let (disk, store) = (setting.root.clone(), setting.root.clone());
    let (units, remotes, budget_dir) = (setting.config.clone(), setting.config.clone(), setting.budget_dir.clone());
    let mut probes = vec![
        Probe::new("disk", 30, move || disk::look(&disk)),
        Probe::new("files", 10, host::open_files),
        Probe::new("store", 10, move || leftovers::look(&store)),
        Probe::new("budget", 10, move || host::budget(budget_dir.as_deref())),
        Probe::new("clock", 10, host::clock),
        Probe::new("tls", 10, network::certificates),
        Probe::new("units", 20, move || units::look(units.as_deref())),
    ];
    probes.extend(exchange::probes(setting));
    probes.extend(remotes.iter().flat_map(|config| remotes::probes(config)));
    probes
}

/// A probe at work, and where its findings come from.
type Started = (Waiting, Receiver<Vec<Finding>>);

/// What is waited for.
struct Waiting {
    topic: &'static str,
    time_max: Duration,
    until: Instant,
}

/// Nobody waits for a thread that hangs: it ends with the process.
fn start(probe: Probe) -> Started {
    let (sender, receiver) = channel();
    let Probe { topic, time_max, look } = probe;
    let spawned = std::thread::Builder::new().name(topic.to_owned()).spawn(move || {
        let _ = sender.send(look());
    });
    // One that could not be started sends nothing, which is told like any other silence.
    drop(spawned);
    (Waiting { topic, time_max, until: Instant::now() + time_max }, receiver)
}

/// What a probe found; `None` if somebody asks us to stop.
fn wait(probe: &Waiting, receiver: &Receiver<Vec<Finding>>, tool: &Tool) -> Option<Vec<Finding>> {
    let silent = |what: String| Some(vec![Finding::fail(probe.topic, what, "look at this host's load, and try again")]);
    loop {
        match receiver.recv_timeout(LOOK_INTERVAL) {
            Ok(found) => return Some(found),
            Err(_) if tool.stop.is_set() => return None,
            Err(RecvTimeoutError::Timeout) if Instant::now() < probe.until => {}
            Err(RecvTimeoutError::Timeout) => {
                return silent(format!("nothing was found out within {} s", probe.time_max.as_secs()));
            }
            Err(RecvTimeoutError::Disconnected) => return silent("the look at it failed".to_owned()),
        }
    }
}

fn write_text(finding: &Finding, out: &mut Vec<u8>) {
    let Finding { level, topic, what, fix } = finding;
    let fix = fix.as_ref().map_or_else(String::new, |fix| format!("; {fix}"));
    out.extend_from_slice(format!("{:<4}  {topic}: {what}{fix}\n", level.name()).as_bytes());
}

fn write_line(finding: &Finding, out: &mut Vec<u8>) {
    #[derive(Serialize)]
    struct Line<'a> {
        kind: &'static str,
        level: &'static str,
        topic: &'static str,
        what: &'a str,
        fix: Option<&'a str>,
    }
    let Finding { level, topic, what, fix } = finding;
    let line = Line { kind: "finding", level: level.name(), topic, what, fix: fix.as_deref() };
    serde_json::to_writer(&mut *out, &line).expect("writing to memory cannot fail");
    out.push(b'\n');
}
