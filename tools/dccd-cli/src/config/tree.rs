//! YAML as a tree of plain values.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, Visitor};

use super::mask::masked;

/// The most values a configuration may have, aliases followed.
const NODES_MAX: usize = 1_000_000;

/// One value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Node {
    Null,
    Bool(bool),
    Int(i128),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// One key of a mapping and its value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    pub(crate) key: String,
    /// Which entry of the mapping it is in the text; one that `<<` brought has the place of the `<<`.
    pub(crate) at: usize,
    pub(crate) value: Node,
}

impl Node {
    /// Reads a document; no text is `Null`.
    pub(crate) fn parse(text: &str) -> Result<Node, serde_yaml::Error> {
        let nodes_left = Cell::new(NODES_MAX);
        NodeSeed { nodes_left: &nodes_left }.deserialize(serde_yaml::Deserializer::from_str(text))
    }

    /// What stands here, as an error says it; passwords are stars.
    pub(crate) fn noun(&self) -> String {
        match self {
            Node::Null => "nothing".to_owned(),
            Node::Bool(value) => value.to_string(),
            Node::Int(value) => value.to_string(),
            // With its point, so that it is seen to be no whole number.
            Node::Float(value) => format!("{value:?}"),
            Node::Text(text) => format!("{:?}", excerpt(&masked(text))),
            Node::List(_) => "a list".to_owned(),
            Node::Map(_) => "a mapping".to_owned(),
        }
    }

    /// What sort of value stands here: that much may be said of a secret.
    pub(crate) fn sort(&self) -> &'static str {
        match self {
            Node::Null => "nothing",
            Node::Bool(_) => "true or false",
            Node::Int(_) | Node::Float(_) => "a number",
            Node::Text(_) => "text",
            Node::List(_) => "a list",
            Node::Map(_) => "a mapping",
        }
    }

    /// The value of `key` in a mapping.
    pub(crate) fn entry(&self, key: &str) -> Option<&Entry> {
        match self {
            Node::Map(entries) => entries.iter().find(|entry| entry.key == key),
            _ => None,
        }
    }
}

/// The beginning of a text that may be long.
pub(crate) fn excerpt(text: &str) -> String {
    const CHARS_MAX: usize = 60;
    text.chars().take(CHARS_MAX).collect()
}

#[derive(Clone, Copy)]
struct NodeSeed<'a> {
    nodes_left: &'a Cell<usize>,
}

impl<'de> DeserializeSeed<'de> for NodeSeed<'_> {
    type Value = Node;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        let left = self.nodes_left.get().checked_sub(1);
        self.nodes_left.set(left.ok_or_else(|| D::Error::custom(format_args!("more than {NODES_MAX} values")))?);
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for NodeSeed<'_> {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Int(value.into()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Int(value.into()))
    }

    fn visit_i128<E: Error>(self, value: i128) -> Result<Node, E> {
        Ok(Node::Int(value))
    }

    fn visit_u128<E: Error>(self, value: u128) -> Result<Node, E> {
        Ok(Node::Int(i128::try_from(value).unwrap_or(i128::MAX)))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Float(value))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Text(value.to_owned()))
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Node, E> {
        Ok(Node::Text(value))
    }

    fn visit_unit<E: Error>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_none<E: Error>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Node, A::Error> {
        let mut list = Vec::new();
        while let Some(node) = access.next_element_seed(self)? {
            list.push(node);
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Node, A::Error> {
        let mut entries = Vec::new();
        let mut merges = Vec::new();
        let mut at = 0;
        while let Some(key) = access.next_key_seed(self)? {
            let key = match key {
                Node::Text(key) => key,
                Node::Null | Node::List(_) | Node::Map(_) => return Err(A::Error::custom("a key must be a word")),
                other => other.noun(),
            };
            let value = access.next_value_seed(self)?;
            match key.as_str() {
                "<<" => merges.push((at, value)),
                _ => entries.push(Entry { key, at, value }),
            }
            at += 1;
        }
        for (at, value) in merges {
            merge(at, value, &mut entries).map_err(A::Error::custom)?;
        }
        Ok(Node::Map(entries))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, _access: A) -> Result<Node, A::Error> {
        Err(A::Error::custom("tags such as !name are not understood"))
    }
}

/// Adds what `<<` names, except for keys that are there.
fn merge(at: usize, value: Node, entries: &mut Vec<Entry>) -> Result<(), &'static str> {
    match value {
        Node::Map(merged) => {
            for entry in merged {
                if entries.iter().all(|known| known.key != entry.key) {
                    entries.push(Entry { at, ..entry });
                }
            }
            Ok(())
        }
        Node::List(values) => values.into_iter().try_for_each(|value| match value {
            Node::Map(_) => merge(at, value, entries),
            _ => Err("<< takes mappings"),
        }),
        _ => Err("<< takes a mapping"),
    }
}
