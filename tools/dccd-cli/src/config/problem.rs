//! What is wrong with a configuration, and where.

use std::cell::RefCell;
use std::fmt;

use super::locate::{Place, Position};

/// The most problems that are listed.
const PROBLEMS_MAX: usize = 100;

/// Something wrong at one place of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where.
    pub at: Position,
    /// What.
    pub message: String,
}

impl fmt::Display for Problem {
    /// `12:5: message`, to be put behind the file's name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.at.line, self.at.column, self.message)
    }
}

/// Problems as they are found; their positions are looked up at the end.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    found: RefCell<Vec<(Place, String)>>,
}

impl Problems {
    pub(crate) fn add(&self, place: Place, message: impl Into<String>) {
        self.found.borrow_mut().push((place, message.into()));
    }

    /// The problems in the order of the file.
    pub(crate) fn locate(self, text: &str) -> Vec<Problem> {
        let mut found = self.found.into_inner();
        let more = found.len().saturating_sub(PROBLEMS_MAX);
        found.truncate(PROBLEMS_MAX);
        let mut problems: Vec<Problem> =
            found.into_iter().map(|(place, message)| Problem { at: Position::of(text, &place), message }).collect();
        problems.sort_by_key(|problem| problem.at);
        if more > 0 {
            let at = problems.last().map_or(Position::START, |problem| problem.at);
            problems.push(Problem { at, message: format!("and {more} more problems") });
        }
        problems
    }
}

/// The candidate most like `word`, if one is like it at all.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    // What is typed is seldom long; comparing takes the product of the lengths.
    if word.len() > 64 {
        return None;
    }
    // A letter or two are the beginning of too much to be a slip for any of it.
    let is_short = |candidate: &&str| word.len() < 2 || candidate.len() > 3 * word.len();
    let rated = candidates
        .into_iter()
        .filter(|candidate| !is_short(candidate))
        .map(|candidate| (strsim::jaro_winkler(&word, candidate), candidate));
    let best = rated.max_by(|(a, _), (b, _)| a.total_cmp(b));
    best.filter(|(likeness, _)| *likeness >= 0.75).map(|(_, candidate)| candidate)
}

/// `; did you mean "pairs"?`, or nothing.
pub fn did_you_mean<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    nearest(word, candidates).map_or_else(String::new, |near| format!("; did you mean {near:?}?"))
}
