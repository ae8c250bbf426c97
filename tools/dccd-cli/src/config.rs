//! The configuration: one YAML file that says what to collect and where to keep it.
//!
//! It is found, read and checked here, once, for every tool. Both dialects of earlier versions are understood:
//! `histo_jobs` and `stream_jobs` of dccd 2, `jobs` of dccd 3. Everything that is wrong is said at once, each thing with
//! its line and column.

mod cron;
mod edit;
mod fields;
mod file;
mod jobs;
pub mod keys;
mod layout;
mod locate;
mod mask;
mod model;
mod problem;
mod secret;
mod sections;
mod show;
mod tree;
mod value;

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};

pub use cron::{Cron, CronError};
pub use edit::EditError;
pub use file::{ConfigFile, FileError, LockedFile, find};
pub use locate::Position;
pub use mask::masked;
pub use model::{
    Absence, Absences, Addresses, Alerts, HistoryJob, Mention, Origin, Purpose, Schedule, Settings, Storage, StreamJob,
    Ui,
};
pub use problem::{Problem, did_you_mean, nearest};
pub use secret::Secret;
pub use show::Effective;
pub use value::read_pair;

use crate::status::{Status, ToolError};
use layout::ListLayout;
use locate::Place;
use model::Exchanges;
use problem::Problems;
use tree::Node;

/// A checked configuration.
#[derive(Clone, Debug)]
pub struct Config {
    path: PathBuf,
    text: String,
    root: Node,
    /// What holds everywhere.
    pub settings: Settings,
    /// Where the store is copied to.
    pub storage: Storage,
    /// Who is told of trouble.
    pub alerts: Alerts,
    /// History to keep complete, one job per pair.
    pub history: Vec<HistoryJob>,
    /// Live data to record, one job per pair.
    pub streams: Vec<StreamJob>,
    exchanges: Exchanges,
    mentions: Vec<Mention>,
}

impl Config {
    /// Reads and checks the file that `--config` names, or the first that is found; `None` if there is none.
    pub fn load(named: Option<&Path>) -> Result<Option<Config>, ConfigError> {
        find(named).map(|path| ConfigFile::read(&path)?.check()).transpose()
    }

    /// Checks a text; `path` is where it comes from.
    pub fn parse(path: &Path, text: &str) -> Result<Config, ConfigError> {
        match Config::inspect(path, text, Absences::UNKNOWN) {
            (Some(config), problems) if problems.is_empty() => Ok(config),
            (_, problems) => Err(ConfigError::Invalid { path: path.to_owned(), problems }),
        }
    }

    /// Checks a text, and gives what is right of it as well as everything that is wrong.
    pub fn inspect(path: &Path, text: &str, absences: Absences) -> (Option<Config>, Vec<Problem>) {
        let root = match Node::parse(text) {
            Ok(root) => root,
            Err(error) => return (None, vec![syntax_problem(&error, text)]),
        };
        let problems = Problems::default();
        let parts = sections::read(path.parent().unwrap_or(Path::new("")), &root, absences, &problems);
        let config = parts.map(|parts| Config {
            path: path.to_owned(),
            text: text.to_owned(),
            root,
            settings: parts.settings,
            storage: parts.storage,
            alerts: parts.alerts,
            history: parts.jobs.history,
            streams: parts.jobs.streams,
            exchanges: parts.exchanges,
            mentions: parts.jobs.mentions,
        });
        (config, problems.locate(text))
    }

    /// The file it was read from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Other addresses of an exchange.
    pub fn addresses(&self, exchange: &str) -> Option<&Addresses> {
        self.exchanges.get(exchange)
    }

    /// Every name of an exchange that the file mentions: jobs first, each once.
    pub fn mentions(&self) -> &[Mention] {
        &self.mentions
    }

    /// Where something stands in the file.
    pub fn position(&self, origin: &Origin) -> Position {
        Position::of(&self.text, &origin.place)
    }

    /// The lines of the entries of jobs, found for all of them at once.
    pub fn entry_lines<'a>(&self, origins: impl IntoIterator<Item = &'a Origin>) -> Vec<usize> {
        let mut lists: HashMap<&'a [usize], (usize, Vec<usize>)> = HashMap::new();
        let mut lines = Vec::new();
        for origin in origins {
            let Some((at, list)) = origin.entry.steps.split_last() else { continue };
            let (first, found) = lists.entry(list).or_insert_with(|| {
                let start = Position::of(&self.text, &Place { steps: list.to_vec(), is_key: false });
                let layout = ListLayout::find(&self.text, start);
                (start.line, layout.map_or_else(Vec::new, |layout| layout.lines(&self.text)))
            });
            lines.push(found.get(*at).copied().unwrap_or(*first));
        }
        lines
    }

    /// What to tell of secrets that others can read or we cannot.
    pub fn warnings(&self) -> Vec<String> {
        let secrets = [
            ("ui_auth_token", &self.settings.ui.auth_token),
            ("webhook_url", &self.alerts.webhook_url),
            ("heartbeat_url", &self.alerts.heartbeat_url),
        ];
        let present: Vec<(&'static str, &Secret)> =
            secrets.into_iter().filter_map(|(name, secret)| Some((name, secret.as_ref()?))).collect();
        secret::warnings(&self.path, &present, &self.secret_parts())
    }

    /// The keys whose values hold a secret among other things.
    fn secret_parts(&self) -> Vec<String> {
        let has_secret = self.storage.remotes.iter().any(|remote| mask::holds_secret(remote));
        let mut parts: Vec<String> = has_secret.then(|| "remotes".to_owned()).into_iter().collect();
        for (exchange, Addresses { rest_url, ws_url, archive_url }) in &self.exchanges {
            for (key, url) in [("rest_url", rest_url), ("ws_url", ws_url), ("archive_url", archive_url)] {
                if url.as_deref().is_some_and(mask::holds_secret) {
                    parts.push(format!("exchanges.{exchange}.{key}"));
                }
            }
        }
        parts
    }

    /// Whether two configurations say the same but for their jobs.
    fn is_like(&self, other: &Config) -> bool {
        let rest = |config: &Config| {
            (config.settings.clone(), config.storage.clone(), config.alerts.clone(), config.exchanges.clone())
        };
        rest(self) == rest(other)
            && self.streams.len() == other.streams.len()
            && self.streams.iter().zip(&other.streams).all(|(a, b)| a.is_like(b))
    }

    fn node(&self, place: &Place) -> Option<&Node> {
        place.steps.iter().try_fold(&self.root, |node, step| match node {
            Node::List(list) => list.get(*step),
            Node::Map(entries) => entries.iter().find(|entry| entry.at == *step).map(|entry| &entry.value),
            _ => None,
        })
    }
}

fn syntax_problem(error: &serde_yaml::Error, text: &str) -> Problem {
    let Some(at) = Position::of_error(error) else { return whole_problem(error, text) };
    let said = error.to_string();
    // The parser repeats the place in words.
    let message = said.split(" at line ").next().unwrap_or(&said).trim_end_matches('.');
    Problem { at, message: message.to_owned() }
}

/// What is wrong with a text as a whole has no place of its own.
fn whole_problem(error: &serde_yaml::Error, text: &str) -> Problem {
    match Position::of_second_document(text) {
        Some(at) => Problem { at, message: "a second document begins here; a configuration is one".to_owned() },
        None => Problem { at: Position::START, message: error.to_string() },
    }
}

/// Why there is no configuration.
#[derive(Debug)]
pub enum ConfigError {
    /// It cannot be read.
    File(FileError),
    /// It is wrong.
    Invalid {
        /// The file.
        path: PathBuf,
        /// Everything that is wrong, in the order of the file.
        problems: Vec<Problem>,
    },
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConfigError::File(cause) => cause.fmt(f),
            ConfigError::Invalid { path, problems } => {
                if let Some(first) = problems.first() {
                    write!(f, "{}:{first}", path.display())?;
                }
                match problems.len() {
                    0 | 1 => Ok(()),
                    count => write!(f, " (and {} more problems: see dccd-config validate)", count - 1),
                }
            }
        }
    }
}

impl std::error::Error for ConfigError {}

impl ToolError for ConfigError {
    fn exit(&self) -> Status {
        match self {
            ConfigError::File(FileError::Locked(_)) => Status::TempFail,
            ConfigError::File(_) | ConfigError::Invalid { .. } => Status::Config,
        }
    }
}

impl From<FileError> for ConfigError {
    fn from(cause: FileError) -> ConfigError {
        ConfigError::File(cause)
    }
}

#[cfg(test)]
mod tests;
