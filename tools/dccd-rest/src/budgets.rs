//! The budgets of one process: a file for each host that it asks.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use crate::budget::{Budget, BudgetError};

/// Opens budgets where all processes of this machine keep them, each once.
#[derive(Debug)]
pub struct Budgets {
    dirs: Vec<PathBuf>,
    is_given: bool,
    open: HashMap<String, Opened>,
}

/// A budget as it was opened, and what is to be told of that to the first who asks for it.
#[derive(Debug)]
struct Opened {
    budget: Result<Arc<Budget>, BudgetError>,
    warning: Option<String>,
}

impl Budgets {
    /// Budgets in the folder that was `given`; if none was, in the first of `defaults` that can be used.
    pub fn new(given: Option<PathBuf>, defaults: Vec<PathBuf>) -> Budgets {
        let is_given = given.is_some();
        Budgets { dirs: given.map_or(defaults, |dir| vec![dir]), is_given, open: HashMap::new() }
    }

    /// That budgets can be kept in the folder that was given, if one was: better said at once than with each request.
    pub fn check(&self) -> Result<(), BudgetError> {
        self.dirs.iter().filter(|_| self.is_given).try_for_each(|dir| Budget::check(dir))
    }

    /// Opens the budget of a host before it is asked for, since nobody may open a file later on.
    pub fn open(&mut self, exchange: &str, known_url: &str, base: &str) -> Result<(), BudgetError> {
        let name = name(exchange, known_url, base);
        let opened = self.open.remove(&name).unwrap_or_else(|| self.opened(&name));
        let result = opened.budget.clone().map(drop);
        self.open.insert(name, opened);
        result
    }

    /// The budget of the host that is known as `known_url` and asked at `base`.
    ///
    /// Where no folder can be used and none was given, `warn` is told so and the budget is this process's own.
    pub fn budget(
        &mut self,
        exchange: &str,
        known_url: &str,
        base: &str,
        warn: &mut dyn FnMut(String),
    ) -> Result<Arc<Budget>, BudgetError> {
        let name = name(exchange, known_url, base);
        let mut opened = self.open.remove(&name).unwrap_or_else(|| self.opened(&name));
        if let Some(warning) = opened.warning.take() {
            warn(warning);
        }
        let budget = opened.budget.clone();
        self.open.insert(name, opened);
        budget
    }

    fn opened(&self, name: &str) -> Opened {
        let mut why = "no folder for budgets (see --budget-dir)".to_owned();
        for dir in &self.dirs {
            match Budget::open(dir, name) {
                Err(error) if !self.is_given => why = error.to_string(),
                opened => return Opened { budget: opened.map(Arc::new), warning: None },
            }
        }
        let warning = Some(format!("{why}; this process keeps a budget of its own"));
        Opened { budget: Budget::private().map(Arc::new), warning }
    }
}

/// The name of a host's budget. A server that stands in for several hosts has one for each, as their limits differ.
fn name(exchange: &str, known_url: &str, base: &str) -> String {
    let (known, asked) = (host(known_url), host(base));
    // Some exchanges have REST and WebSocket at one name, and limits for each.
    let mark = if known_url.starts_with("wss://") || known_url.starts_with("ws://") { "ws-" } else { "" };
    if known == asked { format!("{exchange}-{mark}{known}") } else { format!("{exchange}-{mark}{known}-{asked}") }
}

/// Name and port of a URL.
fn host(url: &str) -> &str {
    let host = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = host.split('/').next().unwrap_or(host);
    host.rsplit('@').next().unwrap_or(host)
}

#[cfg(test)]
mod tests;
