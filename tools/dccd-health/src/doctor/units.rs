//! Whether systemd runs what the configuration asks for.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use dccd_cli::config::{Config, Schedule};
use dccd_exchange::closed;

use super::Finding;
use super::command::{Answer, ask};

const TOPIC: &str = "units";
const TIME_MAX: Duration = Duration::from_secs(5);
const LINGER_DIR: &str = "/var/lib/systemd/linger";
const PATTERN: &str = "dccd*";

/// Who runs units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manager {
    System,
    User,
}

impl Manager {
    fn flag(self) -> &'static str {
        match self {
            Manager::System => "--system",
            Manager::User => "--user",
        }
    }

    /// What it prints about `command` for units of ours; `None` if it cannot be asked.
    fn list(self, command: &str) -> Option<String> {
        let args = [self.flag(), command, "--all", "--plain", "--no-legend", "--no-pager", PATTERN];
        match ask("systemctl", &args, TIME_MAX) {
            Answer::Done { code: Some(0), stdout } => Some(stdout),
            _ => None,
        }
    }
}

/// Compares the units that are there with the jobs that are configured.
pub(super) fn look(config: Option<&Config>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for manager in [Manager::System, Manager::User] {
        if manager.list("list-unit-files").is_none_or(|files| files.trim().is_empty()) {
            continue;
        }
        let Some(listed) = manager.list("list-units") else {
            let what = format!("systemctl {} does not say what runs", manager.flag());
            findings.push(Finding::warn(TOPIC, what, "see systemctl list-units 'dccd*'"));
            continue;
        };
        findings.extend(compare(&listed, config));
        if manager == Manager::User {
            findings.extend(linger());
        }
    }
    if findings.is_empty() {
        findings.push(Finding::ok(TOPIC, "systemd runs none of dccd here"));
    }
    findings
}

/// What is wrong with the units that `systemctl list-units` printed.
pub(super) fn compare(listed: &str, config: Option<&Config>) -> Vec<Finding> {
    let (mut active, mut failed) = (BTreeSet::new(), BTreeSet::new());
    for line in listed.lines() {
        // Name, whether it was loaded, whether it is active.
        let mut columns = line.split_whitespace();
        match (columns.next(), columns.nth(1)) {
            (Some(name), Some("failed")) => failed.insert(name),
            (Some(name), Some("active" | "activating" | "reloading")) => active.insert(name),
            _ => false,
        };
    }
    let mut findings = Vec::new();
    if let Some(first) = failed.first() {
        let what = format!("failed: {}", named(&failed));
        findings.push(Finding::fail(TOPIC, what, format!("see journalctl -u '{first}'")));
    }
    let Some(config) = config else { return findings };
    let wanted = wanted(config);
    let missing: BTreeSet<&str> =
        wanted.iter().map(String::as_str).filter(|name| !active.contains(name) && !failed.contains(name)).collect();
    if !missing.is_empty() {
        let what = format!("configured, and not running: {}", named(&missing));
        findings.push(Finding::fail(TOPIC, what, "systemctl daemon-reload, then systemctl start dccd.target"));
    }
    let is_of_job =
        |name: &&&str| name.starts_with("dccd-fetch@") && name.ends_with(".timer") || name.starts_with("dccd-stream@");
    let strange: BTreeSet<&str> =
        active.iter().filter(is_of_job).copied().filter(|name| !wanted.contains(*name)).collect();
    if !strange.is_empty() {
        let what = format!("running, and not configured: {}", named(&strange));
        findings.push(Finding::warn(
            TOPIC,
            what,
            "systemctl daemon-reload, and is it this configuration that is used?",
        ));
    }
    if findings.is_empty() {
        findings.push(Finding::ok(TOPIC, format!("all {} that are configured are running", wanted.len())));
    }
    findings
}

/// The instances that jobs need; a closed exchange needs none.
fn wanted(config: &Config) -> BTreeSet<String> {
    let is_open = |exchange: &str| closed(exchange).is_none();
    let history = config.history.iter().filter(|job| job.schedule != Schedule::Manual);
    let timers = history
        .filter(|job| is_open(job.dataset.exchange().as_str()))
        .map(|job| format!("dccd-fetch@{}.timer", job.dataset));
    let streams = config.streams.iter().filter(|job| is_open(job.exchange.as_str()));
    timers.chain(streams.map(|job| format!("dccd-stream@{}.service", job.id()))).collect()
}

fn named(names: &BTreeSet<&str>) -> String {
    const SHOWN: usize = 3;
    let shown = names.iter().take(SHOWN).copied().collect::<Vec<_>>().join(" ");
    match names.len().checked_sub(SHOWN) {
        None | Some(0) => shown,
        Some(more) => format!("{shown} and {more} more"),
    }
}

/// A user's units end with the last session, unless somebody said that they stay.
fn linger() -> Option<Finding> {
    let Answer::Done { code: Some(0), stdout } = ask("id", &["-un"], TIME_MAX) else { return None };
    let user = stdout.trim();
    if Path::new(LINGER_DIR).join(user).exists() {
        return Some(Finding::ok("linger", format!("units of {user} stay when {user} logs out")));
    }
    let what = format!("units of {user} end when {user} logs out");
    Some(Finding::fail("linger", what, format!("loginctl enable-linger {user}")))
}
