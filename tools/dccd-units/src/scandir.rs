//! The scan directory of s6 that `dccd start` runs: one service for each unit.
//!
//! Scripts of services are links to dccd-start, since temporary folders need not be executable. What it has to know of a
//! service stands in `data/service`, as lines that a shell reads.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use dccd_cli::config::{ConfigError, ConfigFile, find};
use dccd_cli::{Status, Tool};

use crate::args::ScandirFlags;
use crate::check;
use crate::error::Error;
use crate::force;
use crate::place::{Place, Scope};
use crate::plan::{Plan, Task, Unit};
use crate::timing::Timing;

/// How long a service may take to end, and what is left of it after that.
const KILL_MS: u64 = 40_000;
const FINISH_MS: u64 = 30_000;

/// Writes services, and prints the names of those that were there with another content.
pub(crate) fn write(flags: &ScandirFlags, named: Option<&Path>, tool: &mut Tool) -> Result<Status, Error> {
    // The search says where it looked.
    let config_path = match find(named) {
        Some(path) => path,
        None => ConfigFile::require(named).map_err(ConfigError::File)?.path().to_owned(),
    };
    let (source, config) = check::check(&config_path).map_err(Error::Refused)?;
    let plan = Plan::of(&config, &config_path);
    if plan.units.is_empty() {
        let said = format!("{} has no job that runs by itself: there is nothing to start", config_path.display());
        return Err(Error::Refused(said));
    }
    let place = Place { scope: Scope::User, config: config_path, runtime: flags.dir.clone(), state: flags.dir.clone() };
    let tree = Tree::new(flags, &place)?;
    let fail = |cause| Error::Write(flags.dir.clone(), cause);
    force::install(&place, &source, &config).map_err(fail)?;
    for name in tree.bring_up_to_date(&plan).map_err(fail)? {
        tool.out.buffer().extend_from_slice(format!("{name}\n").as_bytes());
    }
    Ok(Status::Ok)
}

/// The folder of everything.
struct Tree<'a> {
    dir: &'a Path,
    script: PathBuf,
    /// The copy in force.
    config: PathBuf,
    /// Where relative paths of the configuration count from.
    folder: PathBuf,
}

impl<'a> Tree<'a> {
    fn new(flags: &'a ScandirFlags, place: &Place) -> Result<Tree<'a>, Error> {
        let folder = std::env::current_dir().map_err(|cause| Error::Write(PathBuf::from("."), cause))?;
        Ok(Tree { dir: &flags.dir, script: flags.scripts.join("dccd-start"), config: place.in_force(), folder })
    }

    fn services(&self) -> PathBuf {
        self.dir.join("services")
    }

    fn bring_up_to_date(&self, plan: &Plan) -> io::Result<Vec<String>> {
        fs::create_dir_all(self.services())?;
        let wanted = self.wanted(plan);
        self.remove_others(&wanted)?;
        let mut changed = Vec::new();
        for (name, content) in &wanted {
            let folder = self.services().join(name);
            let old = fs::read_to_string(folder.join("data/service")).ok();
            if old.as_ref() == Some(content) {
                continue;
            }
            self.write_service(&folder, name, content)?;
            changed.extend(old.map(|_| name.clone()));
        }
        Ok(changed)
    }

    /// Services by their names, with the lines that describe them.
    fn wanted(&self, plan: &Plan) -> BTreeMap<String, String> {
        // All that is overdue begins at the start, but not in the same second.
        let jitter_secs = u64::try_from(plan.units.len().saturating_sub(1)).unwrap_or(0);
        let mut services = BTreeMap::new();
        for unit in &plan.units {
            let (pipe, job) = match &unit.task {
                Task::Fetch { job, .. } => ("fetch", job.as_str()),
                Task::Stream { id, .. } => ("stream", id.as_str()),
                Task::Common { name, .. } => (*name, ""),
            };
            let name = if job.is_empty() { pipe.to_owned() } else { format!("{pipe}-{job}") };
            let lines = self.lines(unit, &name, pipe, job);
            match &unit.task {
                Task::Stream { .. } => drop(services.insert(name, lines)),
                Task::Fetch { timing, .. } | Task::Common { timing, .. } => {
                    for (number, times) in times(timing, jitter_secs).into_iter().enumerate() {
                        let suffix = if number == 0 { "" } else { "+" };
                        services.insert(format!("{name}{suffix}"), format!("{lines}{times}"));
                    }
                }
            }
        }
        services
    }

    fn lines(&self, unit: &Unit, name: &str, pipe: &str, job: &str) -> String {
        let runtime = match &unit.task {
            // Where `dccd-units` looks for what a stream was started with.
            Task::Stream { id, .. } => self.dir.join("stream").join(id),
            Task::Fetch { .. } | Task::Common { .. } => self.dir.join("timed").join(name),
        };
        let unit_name = unit.name().replace(".timer", ".service");
        let pairs = [
            ("unit", unit_name.as_str()),
            ("pipe", pipe),
            ("job", job),
            ("definition", &unit.definition),
            ("folder", &self.folder.to_string_lossy()),
            ("config", &self.config.to_string_lossy()),
            ("runtime", &runtime.to_string_lossy()),
        ];
        pairs.map(|(key, value)| shell_line(key, value)).concat()
    }

    fn write_service(&self, folder: &Path, name: &str, content: &str) -> io::Result<()> {
        fs::create_dir_all(folder.join("data"))?;
        fs::write(folder.join("timeout-kill"), format!("{KILL_MS}\n"))?;
        fs::write(folder.join("timeout-finish"), format!("{FINISH_MS}\n"))?;
        for script in ["run", "finish"] {
            self.link(&folder.join(script))?;
        }
        let kind = if name.starts_with("stream-") { "stream" } else { "timed" };
        let own = name.trim_end_matches('+');
        let runtime = self.dir.join(kind).join(own.strip_prefix("stream-").unwrap_or(own));
        fs::create_dir_all(&runtime)?;
        if matches!(own, "repair" | "check") && !runtime.join("last").exists() {
            // There is nothing to repair or to complain of yet.
            fs::write(runtime.join("last"), "")?;
        }
        fs::write(folder.join("data/service"), content)
    }

    /// Hides what is not wanted any more: s6 ends it, which still takes its scripts.
    fn remove_others(&self, wanted: &BTreeMap<String, String>) -> io::Result<()> {
        for entry in fs::read_dir(self.services())? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if !name.starts_with('.') && !wanted.contains_key(&name) {
                let gone = tempfile::Builder::new().prefix(".gone-").tempdir_in(self.services())?.keep();
                fs::rename(entry.path(), gone.join(name))?;
            }
        }
        Ok(())
    }

    fn link(&self, path: &Path) -> io::Result<()> {
        match symlink(&self.script, path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            made => made,
        }
    }
}

/// For each process of snooze that it takes, its arguments and the zone it runs in.
fn times(timing: &Timing, jitter_secs: u64) -> Vec<String> {
    let jitter = format!("-J{}", timing.spread_secs().min(jitter_secs));
    let (processes, zone) = timing.snooze();
    let text = |mut args: Vec<String>| {
        args.push(jitter.clone());
        shell_line("times", &args.join(" ")) + &shell_line("zone", zone.unwrap_or_default())
    };
    processes.into_iter().map(text).collect()
}

/// `KEY='VALUE'`.
fn shell_line(key: &str, value: &str) -> String {
    format!("{key}='{}'\n", value.replace('\'', "'\\''"))
}
