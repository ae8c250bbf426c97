//! Text that stays on its line.

use std::borrow::Cow;

/// Words that came from outside, as a person may see them: what would begin a line of its own, or move a terminal's
/// cursor, is a space.
pub fn plain(text: &str) -> Cow<'_, str> {
    if text.contains(char::is_control) { Cow::Owned(text.replace(char::is_control, " ")) } else { Cow::Borrowed(text) }
}
