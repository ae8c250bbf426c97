//! Values as unit files want them.

use std::path::{Component, Path, PathBuf};

/// A path as one word of a list: quoted, and with nothing in it that systemd would read as more than a letter. `None`
/// for one that no unit file can hold: lists of paths know no other escapes.
pub(crate) fn quoted(prefix: &str, path: &Path) -> Option<String> {
    let path = path.to_str().filter(|path| !path.contains(char::is_control))?;
    let mut text = format!("\"{prefix}");
    for letter in path.chars() {
        match letter {
            '%' => text.push('%'),
            '"' | '\\' => text.push('\\'),
            _ => {}
        }
        text.push(letter);
    }
    text.push('"');
    Some(text)
}

/// A path from the root on without `.` and `..`; what is relative counts from `base`.
pub(crate) fn absolute(base: &Path, path: &Path) -> PathBuf {
    let mut whole = PathBuf::from("/");
    for part in base.join(path).components() {
        match part {
            Component::Normal(name) => whole.push(name),
            Component::ParentDir => drop(whole.pop()),
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
        }
    }
    whole
}
