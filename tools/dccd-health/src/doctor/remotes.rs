//! Whether copies can be made: rclone, and each remote.

use std::time::Duration;

use dccd_cli::config::Config;

use super::command::{Answer, ask};
use super::{Finding, Probe};

const TOPIC: &str = "remote";
/// What rclone ends with if there is no such folder.
const NO_FOLDER: i32 = 3;
/// Some stores take a while to open the door.
const TIME_MAX_SECS: u64 = 25;

/// One probe for each remote; none, where no remote is configured.
pub(super) fn probes(config: &Config) -> Vec<Probe> {
    let remotes = config.storage.remotes.iter().enumerate();
    remotes
        .map(|(number, remote)| {
            let (remote, name) = (remote.clone(), dccd_cli::config::masked(remote));
            Probe::new(TOPIC, TIME_MAX_SECS + 5, move || vec![look(number + 1, &remote, &name)])
        })
        .collect()
}

/// Lists what is at the top of a remote. What rclone complains may name secrets, so it is told to look for oneself.
fn look(number: usize, remote: &str, name: &str) -> Finding {
    let args = ["lsf", "--max-depth", "1", "--retries", "1", "--low-level-retries", "1", "--contimeout", "5s", remote];
    match ask("rclone", &args, Duration::from_secs(TIME_MAX_SECS)) {
        Answer::Missing => Finding::fail(TOPIC, "rclone is not installed", "apt-get install rclone"),
        Answer::Silent => {
            let what = format!("{name} does not answer within {TIME_MAX_SECS} s");
            Finding::fail(TOPIC, what, "is its server up? See what rclone lsd -vv says of it")
        }
        Answer::Done { code: Some(0), .. } => Finding::ok(TOPIC, format!("{name} can be listed")),
        Answer::Done { code: Some(NO_FOLDER), .. } => {
            Finding::ok(TOPIC, format!("{name} answers; its folder comes with the first copy"))
        }
        Answer::Done { .. } => {
            let what = format!("{name} (number {number} of storage.remotes) cannot be listed");
            Finding::fail(TOPIC, what, "see what rclone lsd -vv says of it, as the user that collects")
        }
    }
}
