//! What others are shown of the counts: `.dccd/metrics.json`, exactly as dccd 2 keeps it.
//!
//! dccd 2 refuses the whole file if a pair has a key that it does not know, so what is known of jobs never stands here.
//! Whatever somebody else keeps in the file stays there.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{Metrics, Pair, to_text};

/// What a pair has.
const KEYS: [&str; 4] = ["last_run_at", "last_success_at", "rows_collected", "errors_count"];
/// Where jobs stood before they had a file of their own.
const JOBS: &str = "jobs";

/// The file.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct View {
    pairs: BTreeMap<String, Pair>,
    content: Map<String, Value>,
}

impl View {
    /// The content of the file; `None` if it makes no sense.
    pub(crate) fn from_json(text: &[u8]) -> Option<View> {
        let content: Map<String, Value> = serde_json::from_slice(text).ok()?;
        let pair = |(key, value): (&String, &Value)| Some((key.clone(), serde_json::from_value(value.clone()).ok()?));
        let pairs = content.iter().filter(|(_, value)| is_pair(value)).map(pair).collect::<Option<_>>()?;
        Some(View { pairs, content })
    }

    pub(crate) fn to_json(&self) -> Vec<u8> {
        to_text(&self.content)
    }

    /// What was counted, whoever did.
    pub(crate) fn pairs(&self) -> &BTreeMap<String, Pair> {
        &self.pairs
    }

    /// Shows every pair as it is counted now. Of units dccd 2 knows nothing.
    pub(crate) fn show(&mut self, metrics: &Metrics) {
        for (key, pair) in metrics.pairs.iter().filter(|(key, _)| key.contains('/')) {
            let Ok(Value::Object(counts)) = serde_json::to_value(&pair.counts) else { continue };
            let shown = self.content.entry(key.clone()).or_insert_with(|| json!({}));
            match shown {
                Value::Object(shown) => {
                    shown.remove(JOBS);
                    shown.extend(counts);
                }
                // What came to be a pair since is no longer anything else.
                shown => *shown = Value::Object(counts),
            }
        }
    }
}

/// Whether a value of the file counts something.
fn is_pair(value: &Value) -> bool {
    value.as_object().is_some_and(|object| KEYS.iter().any(|key| object.contains_key(*key)))
}
