//! What an error quotes.

/// The most characters of a refused value that an error quotes: lines may have 16 MiB.
const EXCERPT_CHARS_MAX: usize = 60;

/// The beginning of `text`.
pub(crate) fn excerpt(text: &str) -> String {
    text.chars().take(EXCERPT_CHARS_MAX).collect()
}
