//! What holds in the end, and where each value comes from.

use super::Config;
use super::keys::{Key, ROOT, Section, Shape};
use super::locate::{Place, Position};
use super::mask::{self, MASK};
use super::tree::{Entry, Node};
use crate::env;

/// One value that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effective {
    /// The section and the key, as in `settings.timezone`.
    pub name: String,
    /// The value; secrets are stars.
    pub value: String,
    /// Where it comes from: a place in the file, a variable, a credential, or the default.
    pub source: String,
}

impl Config {
    /// Every value outside of jobs that holds, in the order of the manual.
    pub fn effective(&self) -> Vec<Effective> {
        let mut values = Vec::new();
        for key in ROOT.keys {
            let entry = self.root.entry(key.name);
            match key.shape {
                Shape::Section(section) => self.section(section, entry, &mut values),
                Shape::Exchanges(section) => self.exchanges(section, entry, &mut values),
                _ => {}
            }
        }
        values
    }

    fn section(&self, section: &'static Section, entry: Option<&Entry>, values: &mut Vec<Effective>) {
        for key in section.keys {
            let inner = entry.and_then(|entry| Some((entry, entry.value.entry(key.name)?)));
            let inner = inner.filter(|(_, inner)| inner.value != Node::Null);
            let name = format!("{}.{}", section.name, key.name);
            let found = match (variable(&name), inner) {
                (Some(set), _) => Some(set),
                (None, Some((outer, inner))) => {
                    let place = Place::default().inside(outer.at).inside(inner.at);
                    Some((masked(key, &inner.value), self.source(&place)))
                }
                (None, None) => implied(self, key),
            };
            let (value, source) = found.unwrap_or_else(|| (key.default.to_owned(), "default".to_owned()));
            if !value.is_empty() {
                values.push(Effective { name, value, source });
            }
        }
    }

    fn exchanges(&self, section: &'static Section, entry: Option<&Entry>, values: &mut Vec<Effective>) {
        let Some(Entry { at, value: Node::Map(exchanges), .. }) = entry else { return };
        for exchange in exchanges {
            for key in section.keys {
                let name = format!("{}.{}.{}", section.name, exchange.key, key.name);
                let inner = exchange.value.entry(key.name).filter(|inner| inner.value != Node::Null);
                let Some(inner) = inner else { continue };
                let (value, source) = address_variable(&exchange.key, key.name).unwrap_or_else(|| {
                    let place = Place::default().inside(*at).inside(exchange.at).inside(inner.at);
                    (masked(key, &inner.value), self.source(&place))
                });
                values.push(Effective { name, value, source });
            }
        }
    }

    fn source(&self, place: &Place) -> String {
        format!("{}:{}", self.path.display(), Position::of(&self.text, place).line)
    }
}

/// What the environment says in place of the file.
fn variable(name: &str) -> Option<(String, String)> {
    let variable = if name == "settings.data_path" { env::DATA_PATH } else { return None };
    set(variable)
}

fn address_variable(exchange: &str, key: &str) -> Option<(String, String)> {
    match key {
        "rest_url" => set(&env::rest_url(exchange)),
        "archive_url" => set(&env::archive_url(exchange)),
        _ => None,
    }
}

fn set(variable: &str) -> Option<(String, String)> {
    let value = env::value(variable)?;
    Some((mask::masked(&value.to_string_lossy()), format!("environment {variable}")))
}

/// What holds although the file does not say it under this key.
fn implied(config: &Config, key: &Key) -> Option<(String, String)> {
    let secret = match key.name {
        "data_path" => {
            let path = config.settings.data_path.as_ref()?;
            return Some((path.display().to_string(), "storage.local_path".to_owned()));
        }
        "ui_auth_token" => &config.settings.ui.auth_token,
        "webhook_url" => &config.alerts.webhook_url,
        "heartbeat_url" => &config.alerts.heartbeat_url,
        _ => return None,
    };
    let file = secret.as_ref()?.file()?;
    Some((MASK.to_owned(), file.display().to_string()))
}

fn masked(key: &Key, node: &Node) -> String {
    if key.is_secret { MASK.to_owned() } else { shown(node) }
}

fn shown(node: &Node) -> String {
    match node {
        Node::Null => String::new(),
        Node::Text(text) => mask::masked(text),
        Node::Bool(_) | Node::Int(_) | Node::Float(_) => node.noun(),
        Node::List(list) => list.iter().map(shown).collect::<Vec<_>>().join(" "),
        // The only mappings in lists are remotes.
        Node::Map(_) => node.entry("remote").map_or_else(String::new, |entry| shown(&entry.value)),
    }
}
