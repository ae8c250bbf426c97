//! Values as unit files want them.

use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

/// A path as one word of a list: quoted, and with nothing in it that systemd would read as more than a letter.
pub(crate) fn quoted(prefix: &str, path: &Path) -> String {
    let mut text = format!("\"{prefix}");
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'%' => text.push_str("%%"),
            b'"' | b'\\' => text.extend(['\\', char::from(*byte)]),
            b' '..=b'~' => text.push(char::from(*byte)),
            _ => text.push_str(&format!("\\x{byte:02x}")),
        }
    }
    text.push('"');
    text
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
