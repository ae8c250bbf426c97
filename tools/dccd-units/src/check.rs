//! Whether a configuration is right, as dccd-config says, which knows what exchanges can do.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use dccd_cli::config::Config;
use rustix::fs::OFlags;

/// The most bytes a configuration has, as everywhere.
const FILE_BYTES_MAX: u64 = 4 << 20;
/// How long dccd-config may take: it reads one file.
const CHECK_MAX: Duration = Duration::from_secs(20);
const LOOK: Duration = Duration::from_millis(1);
/// How often a file is read that somebody writes to meanwhile.
const READS_MAX: usize = 4;

/// A file's text, and whose it is.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) text: String,
    pub(crate) owner: Owner,
}

/// Owner, group and mode of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Owner {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) mode: u32,
}

/// Reads a file that may be anything: what is no plain file is not waited for. The error is a sentence.
pub(crate) fn read(path: &Path) -> Result<Source, String> {
    let fail = |cause: &dyn std::fmt::Display| format!("cannot read configuration {}: {cause}", path.display());
    let nonblocking = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or(0);
    let file = File::options().read(true).custom_flags(nonblocking).open(path).map_err(|cause| fail(&cause))?;
    let metadata = file.metadata().map_err(|cause| fail(&cause))?;
    if !metadata.is_file() {
        return Err(fail(&"it is no file"));
    }
    let mut bytes = Vec::new();
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|cause| fail(&cause))?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > FILE_BYTES_MAX {
        return Err(fail(&format!("it has more than {FILE_BYTES_MAX} bytes")));
    }
    let text = String::from_utf8(bytes).map_err(|cause| fail(&cause))?;
    let owner = Owner { uid: metadata.uid(), gid: metadata.gid(), mode: metadata.mode() & 0o777 };
    Ok(Source { text, owner })
}

/// What a text says; `path` is the file that holds it. The error is all that is to be said.
pub(crate) fn parse(path: &Path, source: &Source) -> Result<Config, String> {
    let config = Config::parse(path, &source.text).map_err(|cause| cause.to_string())?;
    match secrets(&config).iter().find(|secret| !is_below(path, secret)) {
        Some(secret) => Err(format!(
            "{}: the file of a secret, {}, is neither named from / on nor below the folder of the configuration",
            path.display(),
            secret.display()
        )),
        None => Ok(config),
    }
}

/// The files of secrets.
pub(crate) fn secrets(config: &Config) -> Vec<PathBuf> {
    let all = [&config.settings.ui.auth_token, &config.alerts.webhook_url, &config.alerts.heartbeat_url];
    all.into_iter().flatten().filter_map(|secret| secret.file().map(Path::to_owned)).collect()
}

/// A name that is relative does not lead out of the folder of the configuration, since it has to be found from the copy
/// that is in force as well.
fn is_below(config: &Path, secret: &Path) -> bool {
    let inside = config.parent().and_then(|folder| secret.strip_prefix(folder).ok());
    inside.is_none_or(|inside| !inside.components().any(|part| part == std::path::Component::ParentDir))
}

/// Reads and checks the file at `path`.
pub(crate) fn check(path: &Path) -> Result<(Source, Config), String> {
    let mut source = read(path)?;
    for _ in 0..READS_MAX {
        // Only what is text can be right, and only dccd-config knows whether exchanges have what it asks for.
        let config = parse(path, &source);
        ask(path)?;
        // What dccd-config has read may be another text, if somebody was writing.
        let again = read(path)?;
        if again.text == source.text {
            return Ok((again, config?));
        }
        source = again;
    }
    Err(format!("cannot read configuration {}: it changes again and again", path.display()))
}

/// Asks dccd-config what it has against a file; without dccd-config there is nobody to ask.
fn ask(path: &Path) -> Result<(), String> {
    let child = Command::new(beside("dccd-config"))
        .args(["jobs", "-q", "--config"])
        .arg(path)
        .env_remove("JOURNAL_STREAM")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut child) = child else { return Ok(()) };
    // It says little, which the pipe holds until it is read.
    let until = Instant::now() + CHECK_MAX;
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if Instant::now() < until => std::thread::sleep(LOOK),
            _ => {
                let _ = child.kill();
                let _ = child.wait();
                let secs = CHECK_MAX.as_secs();
                return Err(format!("{}: dccd-config has not checked it within {secs} s", path.display()));
            }
        }
    };
    if status.success() {
        return Ok(());
    }
    let mut said = Vec::new();
    if let Some(stderr) = child.stderr.take() {
        let _ = stderr.take(FILE_BYTES_MAX).read_to_end(&mut said);
    }
    let said = String::from_utf8_lossy(&said);
    let said = said.trim_end();
    if said.is_empty() {
        return Err(format!("{}: dccd-config could not check it: {status}", path.display()));
    }
    Err(said.strip_prefix("dccd-config: ").unwrap_or(said).to_owned())
}

/// A program of ours, where this one lies, else on the PATH.
fn beside(name: &str) -> PathBuf {
    let own = std::env::current_exe().ok().and_then(|own| Some(own.parent()?.join(name)));
    own.filter(|path| path.is_file()).unwrap_or_else(|| PathBuf::from(name))
}
