//! What this host gives a program: time, files, a place for budgets.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use dccd_cli::env;
use rustix::fs::{Access, access};
use rustix::process::{Resource, geteuid, getrlimit};

use super::Finding;
use super::command::{Answer, ask};

const TIME_MAX: Duration = Duration::from_secs(5);
/// A writer holds a few files for each dataset it publishes; the usual limit is 1024.
const OPEN_FILES_MIN: u64 = 1024;

/// Whether something keeps the clock.
pub(super) fn clock() -> Vec<Finding> {
    const TOPIC: &str = "clock";
    let fix = "timedatectl set-ntp true, or install chrony";
    let shown = ask("timedatectl", &["show", "--property=NTPSynchronized", "--value"], TIME_MAX);
    vec![match shown {
        Answer::Done { code: Some(0), stdout } if stdout.trim() == "yes" => Finding::ok(TOPIC, "kept by a time server"),
        Answer::Done { code: Some(0), stdout } if stdout.trim() == "no" => {
            Finding::warn(TOPIC, "not kept by a time server", fix)
        }
        // Containers have the clock of their host, and nobody there to ask.
        _ => Finding::ok(TOPIC, "nothing here says whether it is kept by a time server"),
    }]
}

/// How many files a program may have open.
pub(super) fn open_files() -> Vec<Finding> {
    const TOPIC: &str = "files";
    vec![match getrlimit(Resource::Nofile).current {
        Some(limit) if limit < OPEN_FILES_MIN => {
            let what = format!("{limit} may be open at once");
            Finding::warn(TOPIC, what, "ulimit -n 4096, or LimitNOFILE=4096 in the unit")
        }
        Some(limit) => Finding::ok(TOPIC, format!("{limit} may be open at once")),
        None => Finding::ok(TOPIC, "any number may be open at once"),
    }]
}

/// Whether request budgets can be shared by all processes of this host.
pub(super) fn budget(given: Option<&Path>) -> Vec<Finding> {
    const TOPIC: &str = "budget";
    let dirs = budget_dirs(given);
    let fix = "make a folder that the collecting user may write, and name it in DCCD_BUDGET_DIR";
    let Some(first) = dirs.first() else {
        return vec![Finding::warn(TOPIC, "there is no folder for budgets: each process has one of its own", fix)];
    };
    vec![match dirs.iter().find(|dir| can_be_used(dir)) {
        Some(dir) if dir == first => Finding::ok(TOPIC, format!("shared in {}", dir.display())),
        Some(dir) => {
            let what = format!(
                "{} cannot be written, so {} is used: others of this host do not share it",
                first.display(),
                dir.display()
            );
            Finding::warn(TOPIC, what, "add this user to the group that collects")
        }
        None => {
            Finding::warn(TOPIC, format!("{} cannot be written: each process has one of its own", first.display()), fix)
        }
    }]
}

/// The folders that are tried, in this order.
pub(super) fn budget_dirs(given: Option<&Path>) -> Vec<PathBuf> {
    given.map_or_else(env::budget_dirs, |dir| vec![dir.to_owned()])
}

/// Whether those who collect can use what we make there: root may look after a folder that is another user's.
pub(super) fn leaves_no_foreign_file(dir: &Path) -> bool {
    let owner = nearest(dir).and_then(|dir| dir.metadata().ok()).map(|found| found.uid());
    !geteuid().is_root() || owner.is_none_or(|owner| owner == 0)
}

/// Whether it can be written, or made.
fn can_be_used(dir: &Path) -> bool {
    nearest(dir).is_some_and(|dir| dir.is_dir() && access(dir, Access::WRITE_OK | Access::EXEC_OK).is_ok())
}

/// What there is of a path.
fn nearest(path: &Path) -> Option<PathBuf> {
    let path = std::path::absolute(path).ok()?;
    path.ancestors().find(|dir| dir.exists()).map(Path::to_owned)
}
