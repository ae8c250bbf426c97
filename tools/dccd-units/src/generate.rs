//! Units for systemd, which waits for this at boot: it is quick, silent, and never fails.

use std::fs;
use std::io;
use std::path::Path;

use dccd_cli::{Status, env};

use crate::force;
use crate::place::{Place, Scope};
use crate::plan::{Plan, SYNC, Task, Unit};
use crate::unit_file::{absolute, quoted, without_links};

/// What `WatchdogSec=` and `TimeoutStartSec=` of the template fit.
const USUAL_STALL_SECS: u64 = 600;
/// The longest wait of dccd-run.
const WAIT_SECS_MAX: u64 = 300;
/// Where the store is if nobody says so.
const USUAL_STORE: &str = "data";
/// Folders that the sandbox of services hides.
const HIDDEN_HOMES: [&str; 3] = ["/home", "/root", "/run/user"];
const HIDDEN_TEMPORARY: [&str; 2] = ["/tmp", "/var/tmp"];

/// Writes drop-ins below `folder`. What cannot be written is left out.
pub(crate) fn run(folder: &Path) -> Status {
    let is_user = env::value(env::SYSTEMD_SCOPE).is_some_and(|scope| scope == "user");
    let scope = if is_user { Scope::User } else { Scope::System };
    if let Some(place) = Place::of(scope) {
        let in_force = force::settle(&place);
        let plan = in_force.config.map(|config| Plan::of(&config, &place.config));
        let _ = write(folder, &place, plan.as_ref(), in_force.mark.as_deref());
    }
    Status::Ok
}

fn write(folder: &Path, place: &Place, plan: Option<&Plan>, mark: Option<&str>) -> io::Result<()> {
    let units = plan.map(|plan| plan.units.as_slice()).unwrap_or_default();
    if units.is_empty() && mark.is_none() {
        return Ok(());
    }
    let file = place.config.display().to_string().replace(['\n', '\r'], " ");
    let mut target = format!("# {file}\n[Unit]\n");
    let mut streams = String::new();
    for unit in units {
        if matches!(unit.task, Task::Stream { .. }) {
            let line = format!("Wants={}\n", unit.name());
            target.push_str(&line);
            streams.push_str(&line);
        } else {
            target.push_str(&format!("Upholds={}\n", unit.name()));
        }
        write_unit(folder, &file, unit)?;
    }
    if let Some(mark) = mark {
        let timer = format!("dccd-config@{mark}.timer");
        target.push_str(&format!("Upholds={timer}\n"));
        // It begins with this content of the file, and brings the streams along that do not run. Were they upheld, one that
        // ended as no restart can mend would be tried again for ever.
        drop_in(folder, &timer, &format!("# {file}\n[Unit]\n{streams}"))?;
    }
    if let Some(store) = plan.and_then(|plan| store(place, plan)) {
        drop_in(folder, "dccd-.service", &format!("# data_path of {file}\n{store}"))?;
    }
    drop_in(folder, "dccd.target", &target)
}

fn write_unit(folder: &Path, file: &str, unit: &Unit) -> io::Result<()> {
    let body = match &unit.task {
        Task::Fetch { timing, .. } | Task::Common { timing, name: SYNC, .. } => {
            format!("[Timer]\n{}", timing.timer_lines())
        }
        Task::Stream { stall_secs, .. } if *stall_secs != USUAL_STALL_SECS => {
            let start_secs = stall_secs.saturating_add(WAIT_SECS_MAX);
            format!("[Service]\nWatchdogSec={stall_secs}s\nTimeoutStartSec={start_secs}s\n")
        }
        // As their files say.
        Task::Stream { .. } | Task::Common { .. } => return Ok(()),
    };
    let line = unit.line.map_or_else(String::new, |line| format!(":{line}"));
    drop_in(folder, &unit.name(), &format!("# {file}{line}\n{body}"))
}

fn drop_in(folder: &Path, unit: &str, content: &str) -> io::Result<()> {
    let folder = folder.join(format!("{unit}.d"));
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("60-generated.conf"), content)
}

/// Lets services write to the store, wherever it is.
fn store(place: &Place, plan: &Plan) -> Option<String> {
    let named = plan.data_path.as_deref();
    let path = without_links(&absolute(&place.state, named.unwrap_or(Path::new(USUAL_STORE))));
    if named.is_none() && path.starts_with(&place.state) {
        return None;
    }
    let mount = format!("[Unit]\nRequiresMountsFor={}\n", quoted("", &path)?);
    if place.scope == Scope::User {
        return Some(mount);
    }
    let is_below = |folders: &[&str]| folders.iter().any(|folder| path.starts_with(folder));
    // A folder that is not there yet is what dccd-write says, rather than that no namespace can be made.
    let (access, seen) = if is_below(&HIDDEN_HOMES) {
        // Homes stay hidden, and the store is seen elsewhere.
        let seen = place.runtime.join("data_path");
        let (from, to) = (quoted("-", &path)?, quoted("", &seen)?);
        (format!("BindPaths={from}:{to}\nEnvironment=DCCD_DATA_PATH={}\n", seen.display()), seen)
    } else if is_below(&HIDDEN_TEMPORARY) {
        (format!("BindPaths={}\n", quoted("-", &path)?), path)
    } else {
        (format!("ReadWritePaths={}\n", quoted("-", &path)?), path)
    };
    let access = format!("{access}NoExecPaths={}\n", quoted("-", &seen)?);
    Some(format!("{mount}\n[Service]\n{access}"))
}
