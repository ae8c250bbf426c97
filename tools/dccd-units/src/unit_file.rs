//! Values as unit files want them.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs;
use std::path::{Component, Path, PathBuf};

/// The most links in a path, as for the kernel.
const LINKS_MAX: usize = 40;

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

/// A path with no link in it, whether or not all of it is there, or mounted, yet.
pub(crate) fn without_links(path: &Path) -> PathBuf {
    let mut links = 0;
    let mut whole = PathBuf::from("/");
    let names = |path: &Path| path.components().map(|part| part.as_os_str().to_owned()).collect::<Vec<OsString>>();
    let mut rest = VecDeque::from(names(path));
    while let Some(name) = rest.pop_front() {
        if name == ".." {
            whole.pop();
            continue;
        }
        let next = if name == "." { whole.clone() } else { whole.join(name) };
        match fs::read_link(&next) {
            Ok(_) if links == LINKS_MAX => return path.to_owned(),
            Ok(target) => {
                links += 1;
                names(&target).into_iter().rev().for_each(|name| rest.push_front(name));
            }
            Err(_) => whole = next,
        }
    }
    whole
}
