//! What bytes hash to.

use std::fmt::Write as _;
use std::io::{self, Read};

use dccd_cli::Stop;
use md5::Md5;
use serde::{Deserialize, Serialize};
use sha1::Sha1;
use sha2::{Digest, Sha256};

const READ_BYTES: usize = 1 << 20;

/// The hashes that remotes know and we compute, the most telling first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum HashKind {
    Sha256,
    Sha1,
    Md5,
}

impl HashKind {
    pub(crate) const ALL: [HashKind; 3] = [HashKind::Sha256, HashKind::Sha1, HashKind::Md5];

    /// Rclone's word for it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            HashKind::Sha256 => "sha256",
            HashKind::Sha1 => "sha1",
            HashKind::Md5 => "md5",
        }
    }
}

/// Every hash of the same bytes, and how many they are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Digests {
    pub(crate) bytes: u64,
    pub(crate) sha256: String,
    pub(crate) sha1: String,
    pub(crate) md5: String,
}

impl Digests {
    pub(crate) fn get(&self, kind: HashKind) -> &str {
        match kind {
            HashKind::Sha256 => &self.sha256,
            HashKind::Sha1 => &self.sha1,
            HashKind::Md5 => &self.md5,
        }
    }

    pub(crate) fn of(bytes: &[u8]) -> Digests {
        let mut hasher = Hasher::default();
        hasher.update(bytes);
        hasher.finish()
    }

    /// Reads to the end; a signal ends it with [`io::ErrorKind::Interrupted`].
    pub(crate) fn read(source: &mut impl Read, stop: &Stop) -> io::Result<Digests> {
        let mut hasher = Hasher::default();
        let mut buffer = vec![0; READ_BYTES];
        loop {
            let count = match source.read(&mut buffer) {
                Ok(0) => return Ok(hasher.finish()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                read => read?,
            };
            if stop.is_set() {
                return Err(io::ErrorKind::Interrupted.into());
            }
            hasher.update(buffer.get(..count).unwrap_or_default());
        }
    }
}

/// Bytes on their way through all hashes.
#[derive(Default)]
pub(crate) struct Hasher {
    bytes: u64,
    sha256: Sha256,
    sha1: Sha1,
    md5: Md5,
}

impl Hasher {
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.bytes = self.bytes.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        self.sha256.update(bytes);
        self.sha1.update(bytes);
        self.md5.update(bytes);
    }

    pub(crate) fn finish(self) -> Digests {
        Digests {
            bytes: self.bytes,
            sha256: hex(&self.sha256.finalize()),
            sha1: hex(&self.sha1.finalize()),
            md5: hex(&self.md5.finalize()),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::Digests;

    #[test]
    fn known_digests() {
        let digests = Digests::of(b"abc");
        assert_eq!(digests.bytes, 3);
        assert_eq!(digests.md5, "900150983cd24fb0d6963f7d28e17f72");
        assert_eq!(digests.sha1, "a9993e364706816aba3e25717850c26c9cd0d89d");
        assert_eq!(digests.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
