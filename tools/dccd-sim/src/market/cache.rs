//! What was computed lately, up to a limit.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

/// Values by key; the oldest go when there are too many.
#[derive(Debug)]
pub(crate) struct Cache<K, V> {
    held: Mutex<Held<K, V>>,
    entries_max: usize,
}

#[derive(Debug)]
struct Held<K, V> {
    values: HashMap<K, Arc<V>>,
    order: VecDeque<K>,
}

impl<K: Copy + Eq + Hash, V> Cache<K, V> {
    pub(crate) fn new(entries_max: usize) -> Cache<K, V> {
        Cache { held: Mutex::new(Held { values: HashMap::new(), order: VecDeque::new() }), entries_max }
    }

    /// The value of `key`; made without a lock held, so two threads may make the same one.
    pub(crate) fn get_or_make(&self, key: K, make: impl FnOnce() -> V) -> Arc<V> {
        let found = self.held.lock().unwrap_or_else(PoisonError::into_inner).values.get(&key).cloned();
        if let Some(value) = found {
            return value;
        }
        let value = Arc::new(make());
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.values.insert(key, Arc::clone(&value)).is_none() {
            held.order.push_back(key);
        }
        while held.order.len() > self.entries_max {
            if let Some(oldest) = held.order.pop_front() {
                held.values.remove(&oldest);
            }
        }
        value
    }
}
