//! What a remote says it has.
//!
//! A listing comes from outside: it may name a file twice, leave out its size, be cut off or be no listing at all.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use serde::Deserialize;

use crate::digest::{Digests, HashKind};

/// One file of a remote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    /// Its size; `None` if the remote does not know.
    pub(crate) bytes: Option<u64>,
    /// When it was changed, as the remote tells it.
    pub(crate) modified: String,
    hashes: HashMap<String, String>,
    /// The remote has several of this name, so nobody knows which is meant.
    pub(crate) is_twice: bool,
}

/// How a listed file compares with bytes that we know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Match {
    /// Size and this hash are the same.
    Hash(HashKind),
    /// The size is the same, and the remote told no hash that we know.
    Size,
    /// They are other bytes.
    No,
}

impl Listed {
    pub(crate) fn compare(&self, digests: &Digests) -> Match {
        if self.is_twice || self.bytes != Some(digests.bytes) {
            return Match::No;
        }
        let mut matching = Match::Size;
        for kind in HashKind::ALL {
            let Some(told) = self.hashes.get(kind.name()).filter(|told| !told.is_empty()) else { continue };
            if !told.eq_ignore_ascii_case(digests.get(kind)) {
                return Match::No;
            }
            if matching == Match::Size {
                matching = Match::Hash(kind);
            }
        }
        matching
    }

    /// Whether it comes with a hash that we know.
    pub(crate) fn has_hash(&self) -> bool {
        HashKind::ALL.iter().any(|kind| self.hashes.get(kind.name()).is_some_and(|told| !told.is_empty()))
    }

    /// What differs from bytes that we know, for a person.
    pub(crate) fn difference(&self, digests: &Digests) -> String {
        if self.is_twice {
            return "the remote has several of this name".to_owned();
        }
        match self.bytes {
            None => "the remote does not tell its size".to_owned(),
            Some(bytes) if bytes != digests.bytes => format!("it has {bytes} bytes there, {} here", digests.bytes),
            Some(_) => "its hash differs there".to_owned(),
        }
    }
}

/// The files of a remote by path.
pub(crate) type Listing = HashMap<String, Listed>;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Item {
    path: String,
    #[serde(default = "unknown")]
    size: i64,
    #[serde(default)]
    mod_time: String,
    #[serde(default)]
    is_dir: bool,
    #[serde(default)]
    hashes: Option<HashMap<String, String>>,
}

fn unknown() -> i64 {
    -1
}

/// Reads the output of `rclone lsjson`.
pub(crate) fn parse(output: &[u8]) -> Result<Listing, String> {
    let items: Vec<Item> =
        serde_json::from_slice(output).map_err(|error| format!("its listing makes no sense: {error}"))?;
    let mut listing = Listing::with_capacity(items.len());
    for item in items.into_iter().filter(|item| !item.is_dir) {
        let listed = Listed {
            bytes: u64::try_from(item.size).ok(),
            modified: item.mod_time,
            hashes: item.hashes.unwrap_or_default(),
            is_twice: false,
        };
        match listing.entry(item.path) {
            Entry::Vacant(place) => {
                place.insert(listed);
            }
            Entry::Occupied(mut place) => place.get_mut().is_twice = true,
        }
    }
    Ok(listing)
}

#[cfg(test)]
mod tests {
    use super::{Match, parse};
    use crate::digest::{Digests, HashKind};

    fn check(item: &str, expected: Match) {
        let listing = parse(format!("[{item}]").as_bytes()).expect("a listing");
        assert_eq!(listing["a"].compare(&Digests::of(b"abc")), expected, "{item}");
    }

    #[test]
    fn comparisons() {
        check(r#"{"Path":"a","Size":3}"#, Match::Size);
        check(r#"{"Path":"a","Size":3,"Hashes":null}"#, Match::Size);
        check(r#"{"Path":"a","Size":3,"Hashes":{"md5":"","crc32":"00"}}"#, Match::Size);
        check(
            r#"{"Path":"a","Size":3,"Hashes":{"md5":"900150983CD24FB0D6963F7D28E17F72"}}"#,
            Match::Hash(HashKind::Md5),
        );
        check(r#"{"Path":"a","Size":3,"Hashes":{"md5":"900150983cd24fb0d6963f7d28e17f73"}}"#, Match::No);
        check(r#"{"Path":"a","Size":3,"Hashes":{"md5":"900150983cd24fb0d6963f7d28e17f72","sha1":"00"}}"#, Match::No);
        check(r#"{"Path":"a","Size":4,"Hashes":{"md5":"900150983cd24fb0d6963f7d28e17f72"}}"#, Match::No);
        check(r#"{"Path":"a","Size":-1}"#, Match::No);
        check(r#"{"Path":"a"}"#, Match::No);
        check(r#"{"Path":"a","Size":3},{"Path":"a","Size":3}"#, Match::No);
    }

    #[test]
    fn what_is_no_listing() {
        for output in ["", "[", r#"[{"Path":"a","Size":3},"#, "{}", r#"[{"Size":3}]"#, r#"[{"Path":3}]"#, "\u{0}\u{1}"]
        {
            assert!(parse(output.as_bytes()).is_err(), "{output:?}");
        }
        assert!(parse(b"[\n]\n").expect("an empty listing").is_empty());
        assert!(parse(br#"[{"Path":"d","IsDir":true}]"#).expect("a listing").is_empty());
    }
}
