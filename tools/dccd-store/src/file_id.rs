//! Which file is at a path.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// A published file as it was: every publish makes another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FileId {
    inode: u64,
    bytes: u64,
    modified: (i64, i64),
}

impl FileId {
    /// The file at a path, if there is one.
    pub fn of(path: &Path) -> Option<FileId> {
        std::fs::metadata(path).ok().map(|about| FileId::from(&about))
    }

    /// Its size.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The same in a form that outlives this process.
    pub fn text(&self) -> String {
        format!("{}.{}.{}.{}", self.inode, self.bytes, self.modified.0, self.modified.1)
    }
}

impl From<&std::fs::Metadata> for FileId {
    fn from(about: &std::fs::Metadata) -> FileId {
        FileId { inode: about.ino(), bytes: about.len(), modified: (about.mtime(), about.mtime_nsec()) }
    }
}
