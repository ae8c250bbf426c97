//! Adding and removing a job in the text itself, so that comments, order and quotes stay.
//!
//! Only the lines of the job are touched. Whatever was edited is then read again, and must say exactly what was said
//! before, plus or minus the job; where the layout is too unusual for that, nothing is changed.

use std::collections::HashMap;
use std::fmt;

use dccd_record::{Dataset, Kind, Retry};

use super::layout::{Lines, ListLayout};
use super::locate::{Place, Position};
use super::tree::{Entry, Node};
use super::{Config, ConfigError, HistoryJob, Schedule};

impl Config {
    /// The text with one more job.
    pub fn add(&self, dataset: &Dataset) -> Result<String, EditError> {
        if let Some(job) = self.history.iter().find(|job| job.dataset == *dataset) {
            return Err(EditError::Present(dataset.clone(), self.position(&job.origin)));
        }
        let list = ["histo_jobs", "jobs"].into_iter().find_map(|key| self.root.entry(key));
        let text = match list {
            Some(entry) => self.add_to(entry, dataset),
            None => Some(self.add_list(dataset)),
        };
        let edited = self.reread(text, dataset)?;
        let known = self.by_dataset();
        let has_job = |job: &HistoryJob| {
            let is_new = job.dataset == *dataset;
            let is_plain = job.start.is_none() && job.end.is_none() && job.retry == Retry::default();
            if is_new { is_plain && matches!(job.schedule, Schedule::Every(_)) } else { has_like(&known, job) }
        };
        let is_right = edited.history.len() == self.history.len() + 1 && edited.history.iter().all(has_job);
        self.accept(edited, is_right, dataset)
    }

    /// The text without a job.
    pub fn remove(&self, dataset: &Dataset) -> Result<String, EditError> {
        let Some(job) = self.history.iter().find(|job| job.dataset == *dataset) else {
            return Err(EditError::Absent(dataset.clone()));
        };
        let edited = self.reread(self.without(job), dataset)?;
        let known = self.by_dataset();
        let is_right = edited.history.len() + 1 == self.history.len()
            && edited.history.iter().all(|job| job.dataset != *dataset && has_like(&known, job));
        self.accept(edited, is_right, dataset)
    }

    fn by_dataset(&self) -> HashMap<&Dataset, &HistoryJob> {
        self.history.iter().map(|job| (&job.dataset, job)).collect()
    }

    fn reread(&self, text: Option<String>, dataset: &Dataset) -> Result<Config, EditError> {
        let text = text.ok_or_else(|| EditError::Layout(dataset.clone()))?;
        Config::parse(&self.path, &text).map_err(|cause| match cause {
            ConfigError::Invalid { .. } => EditError::Layout(dataset.clone()),
            other => EditError::Config(other),
        })
    }

    fn accept(&self, edited: Config, is_right: bool, dataset: &Dataset) -> Result<String, EditError> {
        if is_right && self.is_like(&edited) { Ok(edited.text) } else { Err(EditError::Layout(dataset.clone())) }
    }

    /// The text with the job at the end of a list that is there.
    fn add_to(&self, entry: &Entry, dataset: &Dataset) -> Option<String> {
        let terms = terms(dataset, &entry.key);
        let place = Place::default().inside(entry.at);
        if let Node::List(list) = &entry.value
            && let Some(layout) = ListLayout::find(&self.text, Position::of(&self.text, &place))
        {
            return match layout {
                ListLayout::Flow(flow) => Some(flow.push(&self.text, &flow_job(&terms))),
                ListLayout::Block(block) => {
                    let last = list.len().checked_sub(1)?;
                    let lines = block.element(&self.text, self.start_line(&place.inside(last))?)?;
                    Some(insert_lines(&self.text, lines.end, block.dash_column, &terms))
                }
            };
        }
        // Nothing stands behind the key.
        let key = Position::of(&self.text, &place.key());
        let lines = Lines::new(&self.text);
        let after = lines.rest_of(key)?.split_once(':')?.1.trim();
        let is_bare = entry.value == Node::Null && (after.is_empty() || after.starts_with('#'));
        is_bare.then(|| insert_lines(&self.text, key.line, key.column + 1, &terms))
    }

    /// The text with a new list at its end.
    fn add_list(&self, dataset: &Dataset) -> String {
        let mut text = self.text.clone();
        let line_break = Lines::new(&text).line_break();
        if !text.is_empty() && !text.ends_with('\n') {
            text.push_str(line_break);
        }
        if !text.is_empty() {
            text.push_str(line_break);
        }
        text.push_str("histo_jobs:");
        text.push_str(line_break);
        for line in block_job(&terms(dataset, "histo_jobs"), 2) {
            text.push_str(&line);
            text.push_str(line_break);
        }
        text
    }

    /// The text without a pair or, if the pair is its entry's only one, without the entry.
    fn without(&self, job: &HistoryJob) -> Option<String> {
        let (pair_at, pairs) = job.origin.place.steps.split_last()?;
        let pairs = Place { steps: pairs.to_vec(), is_key: false };
        let Some(Node::List(pair_nodes)) = self.node(&pairs) else { return None };
        let is_last_pair = pair_nodes.len() == 1;
        let (list, at) = if is_last_pair {
            let (at, list) = job.origin.entry.steps.split_last()?;
            (Place { steps: list.to_vec(), is_key: false }, *at)
        } else {
            (pairs, *pair_at)
        };
        match ListLayout::find(&self.text, Position::of(&self.text, &list))? {
            ListLayout::Flow(flow) => flow.without(&self.text, at),
            ListLayout::Block(block) => {
                let lines = block.element(&self.text, self.start_line(&list.inside(at))?)?;
                Some(Lines::new(&self.text).without(lines))
            }
        }
    }

    fn start_line(&self, place: &Place) -> Option<usize> {
        Position::of(&self.text, place).line.checked_sub(1)
    }
}

fn has_like(known: &HashMap<&Dataset, &HistoryJob>, job: &HistoryJob) -> bool {
    known.get(&job.dataset).is_some_and(|known| known.is_like(job))
}

/// The keys and values of a new job.
fn terms(dataset: &Dataset, list: &str) -> Vec<(&'static str, String)> {
    let pair = dataset.pair().to_string();
    let is_plain = pair.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/.".contains(&byte));
    let pair = if is_plain { pair } else { format!("\"{pair}\"") };
    let mut terms = vec![("exchange", dataset.exchange().to_string()), ("pairs", format!("[{pair}]"))];
    if let Some(span) = dataset.span() {
        terms.push(("span", span.secs().to_string()));
    }
    if dataset.kind() != Kind::Candle {
        let (key, kind) = match (list, dataset.kind()) {
            ("jobs", Kind::Trade) => ("data_type", "trades"),
            ("jobs", Kind::Book) => ("data_type", "orderbook"),
            ("jobs", kind) => ("data_type", kind.name()),
            (_, kind) => ("kind", kind.name()),
        };
        terms.push((key, kind.to_owned()));
    }
    terms
}

fn flow_job(terms: &[(&str, String)]) -> String {
    let terms: Vec<String> = terms.iter().map(|(key, value)| format!("{key}: {value}")).collect();
    format!("{{{}}}", terms.join(", "))
}

fn block_job(terms: &[(&str, String)], indent: usize) -> Vec<String> {
    let lines = terms.iter().enumerate().map(|(at, (key, value))| {
        let dash = if at == 0 { "- " } else { "  " };
        format!("{:indent$}{dash}{key}: {value}", "")
    });
    lines.collect()
}

fn insert_lines(text: &str, after: usize, indent: usize, terms: &[(&str, String)]) -> String {
    Lines::new(text).with(after, &block_job(terms, indent))
}

/// Why a configuration was not edited.
#[derive(Debug)]
pub enum EditError {
    /// The job is there.
    Present(Dataset, Position),
    /// The job is not there.
    Absent(Dataset),
    /// The job's surroundings are laid out in a way that cannot be edited without risk.
    Layout(Dataset),
    /// The configuration is wrong.
    Config(ConfigError),
}

impl fmt::Display for EditError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EditError::Present(dataset, at) => write!(f, "{dataset} is there already, in line {}", at.line),
            EditError::Absent(dataset) => write!(f, "no job {dataset} is there"),
            EditError::Layout(dataset) => {
                write!(f, "cannot edit the list of {dataset} without risk: change it by hand; the file is as it was")
            }
            EditError::Config(cause) => cause.fmt(f),
        }
    }
}

impl std::error::Error for EditError {}
