//! Reading one mapping key by key.

use std::collections::HashSet;

use super::keys::{ROOT, Section, Shape};
use super::locate::Place;
use super::problem::{Problems, did_you_mean};
use super::tree::{Entry, Node, excerpt};
use super::value::Read;

/// A mapping of the file, read against its table of keys.
pub(crate) struct Fields<'a> {
    section: &'static Section,
    entries: &'a [Entry],
    place: Place,
    problems: &'a Problems,
}

impl<'a> Fields<'a> {
    /// The mapping at `place`; its unknown, repeated and missing keys are problems. Nothing there is an empty one.
    pub(crate) fn open(
        section: &'static Section,
        node: &'a Node,
        place: Place,
        problems: &'a Problems,
    ) -> Option<Fields<'a>> {
        let entries: &[Entry] = match node {
            Node::Map(entries) => entries,
            Node::Null => &[],
            other => {
                // Whoever forgot the key of a secret wrote it here.
                let may_be_secret = section.keys.iter().any(|key| key.is_secret);
                let noun = if may_be_secret { other.sort().to_owned() } else { other.noun() };
                let name = section.name;
                problems.add(place, format!("{name}: expected keys and values, not {noun}"));
                return None;
            }
        };
        let fields = Fields { section, entries, place, problems };
        fields.check_keys();
        Some(fields)
    }

    /// A mapping without values.
    pub(crate) fn empty(section: &'static Section, problems: &'a Problems) -> Fields<'a> {
        Fields { section, entries: &[], place: Place::default(), problems }
    }

    /// The value of `key` and its place, if there is one.
    pub(crate) fn value(&self, key: &str) -> Option<(&'a Node, Place)> {
        debug_assert!(self.section.key(key).is_some(), "{key} stands in the table of {}", self.section.name);
        let entry = self.entries.iter().find(|entry| entry.key == key)?;
        (entry.value != Node::Null).then(|| (&entry.value, self.place.inside(entry.at)))
    }

    /// Whether `key` has a value, good or bad.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.value(key).is_some()
    }

    /// The value of `key` as `read` understands it; what it does not understand is a problem.
    pub(crate) fn read<T>(&self, key: &str, read: impl FnOnce(&Node) -> Read<T>) -> Option<T> {
        let (node, place) = self.value(key)?;
        read(node).map_err(|message| self.problems.add(place, format!("{key}: {message}"))).ok()
    }

    /// The elements of the list at `key` as `read` understands them.
    pub(crate) fn list<T>(&self, key: &str, read: impl Fn(&Node) -> Read<T>) -> Vec<(T, Place)> {
        let mut values = Vec::new();
        for (node, place) in self.elements(key) {
            match read(node) {
                Ok(value) => values.push((value, place)),
                Err(message) => self.problems.add(place, format!("{key}: {message}")),
            }
        }
        values
    }

    /// The elements of the list at `key`.
    pub(crate) fn elements(&self, key: &str) -> Vec<(&'a Node, Place)> {
        match self.value(key) {
            Some((Node::List(list), place)) => {
                list.iter().enumerate().map(|(at, node)| (node, place.inside(at))).collect()
            }
            Some((other, place)) => {
                let form = match self.section.key(key).map(|key| key.shape) {
                    Some(Shape::Sections(_)) => "each entry begins with a dash",
                    _ => "write it as [a, b]",
                };
                self.problems.add(place, format!("{key}: expected a list, not {}; {form}", other.noun()));
                Vec::new()
            }
            None => Vec::new(),
        }
    }

    /// Says what is wrong with the value of `key`, or with the mapping if the key is not there.
    pub(crate) fn refuse(&self, key: &str, message: impl Into<String>) {
        let place = self.value(key).map_or_else(|| self.place.clone(), |(_, place)| place);
        self.problems.add(place, message);
    }

    fn check_keys(&self) {
        let mut seen = HashSet::new();
        for entry in self.entries {
            let place = self.place.inside(entry.at).key();
            if self.section.key(&entry.key).is_none() {
                self.problems.add(place, unknown_key(&entry.key, self.section));
            } else if !seen.insert(&entry.key) {
                self.problems.add(place, format!("{} stands here a second time", entry.key));
            }
        }
        for key in self.section.keys.iter().filter(|key| key.is_required && !self.has(key.name)) {
            self.problems.add(self.place.clone(), format!("{} needs the key {}", self.section.name, key.name));
        }
    }
}

fn unknown_key(key: &str, section: &'static Section) -> String {
    let names = || section.keys.iter().map(|key| key.name);
    let is_slip = names().any(|name| name.starts_with(key) || key.starts_with(name));
    let hint = match home_of(key, &ROOT) {
        Some(home) if !is_slip => format!("; it belongs to {home}"),
        _ => did_you_mean(key, names()),
    };
    format!("unknown key {:?} in {}{hint}", excerpt(key), section.name)
}

/// The section that has a key of this name.
fn home_of(name: &str, section: &'static Section) -> Option<&'static str> {
    if section.key(name).is_some() {
        return Some(section.name);
    }
    section.keys.iter().find_map(|key| match key.shape {
        Shape::Section(inner) | Shape::Sections(inner) => home_of(name, inner),
        _ => None,
    })
}
