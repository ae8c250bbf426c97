//! Which trades of a bucket were seen.

use std::collections::{BTreeMap, HashSet};

/// What one run of numbers costs, roughly.
const RUN_BYTES: usize = 48;
/// What one id that is no number costs, roughly, besides its text.
const TEXT_BYTES: usize = 48;

/// Whether a trade was new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sight {
    /// It was not seen before.
    New,
    /// It was seen before and changes nothing.
    Repeated,
}

/// A set of trade ids: numbers as runs, so that consecutive ones need no room, anything else as text.
#[derive(Clone, Debug, Default)]
pub(crate) struct TradeIds {
    /// First to last number of each run; runs never touch.
    runs: BTreeMap<u64, u64>,
    /// The run that grew last: the next number mostly follows it.
    newest: Option<(u64, u64)>,
    texts: HashSet<Box<str>>,
    text_bytes: usize,
}

impl TradeIds {
    /// Adds an id.
    pub(crate) fn insert(&mut self, tid: &str) -> Sight {
        match numeric(tid) {
            Some(number) => self.insert_number(number),
            None if self.texts.contains(tid) => Sight::Repeated,
            None => {
                self.text_bytes += TEXT_BYTES + tid.len();
                self.texts.insert(tid.into());
                Sight::New
            }
        }
    }

    /// The bytes it holds, roughly.
    pub(crate) fn held_bytes(&self) -> usize {
        (self.runs.len() + usize::from(self.newest.is_some())) * RUN_BYTES + self.text_bytes
    }

    fn insert_number(&mut self, number: u64) -> Sight {
        if let Some((first, last)) = self.newest {
            if first <= number && number <= last {
                return Sight::Repeated;
            }
            let meets_run = number.checked_add(1).is_some_and(|next| self.runs.contains_key(&next));
            if last.checked_add(1) == Some(number) && !meets_run {
                self.newest = Some((first, number));
                return Sight::New;
            }
            self.runs.insert(first, last);
            self.newest = None;
        }
        let below = self.runs.range(..=number).next_back().map(|(first, last)| (*first, *last));
        if below.is_some_and(|(_, last)| number <= last) {
            return Sight::Repeated;
        }
        let first = match below {
            Some((first, last)) if last.checked_add(1) == Some(number) => first,
            _ => number,
        };
        self.runs.remove(&first);
        let above = number.checked_add(1).and_then(|next| self.runs.remove(&next));
        self.newest = Some((first, above.unwrap_or(number)));
        Sight::New
    }
}

/// The number an id is, if it is written as one: `007` is another id than `7`.
pub(crate) fn numeric(tid: &str) -> Option<u64> {
    let is_canonical = tid.bytes().all(|byte| byte.is_ascii_digit()) && (tid.len() == 1 || !tid.starts_with('0'));
    if is_canonical { tid.parse().ok() } else { None }
}
