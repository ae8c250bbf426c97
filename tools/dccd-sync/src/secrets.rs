//! Secrets in the names of remotes, which must not come back in what rclone says.

use dccd_cli::config::masked;

const MASK: &str = "***";
/// Shorter values are no secrets, and would make holes in every sentence.
const SECRET_CHARS_MIN: usize = 4;

/// What of a remote's name nobody may read.
#[derive(Clone, Debug)]
pub(crate) struct Secrets {
    raw: String,
    shown: String,
    values: Vec<String>,
}

impl Secrets {
    pub(crate) fn of(remote: &str) -> Secrets {
        let shown = masked(remote);
        // Whatever is masked stands between parts that are not.
        let mut values = Vec::new();
        let mut rest = remote;
        for part in shown.split(MASK) {
            if let Some(at) = rest.find(part) {
                values.push(&rest[..at]);
                rest = &rest[at + part.len()..];
            }
        }
        values.push(rest);
        let mut values: Vec<String> = values
            .into_iter()
            .flat_map(|value| [value, value.trim_matches(['"', '\''])])
            .flat_map(|value| value.split(['@', ':']).chain([value]))
            .filter(|value| value.chars().count() >= SECRET_CHARS_MIN)
            .map(str::to_owned)
            .collect();
        if shown == remote {
            values.clear();
        }
        // The longest first, or a part of it would be left.
        values.sort_by_key(|value| std::cmp::Reverse(value.len()));
        values.dedup();
        Secrets { raw: remote.to_owned(), shown, values }
    }

    /// The remote's name for people and files.
    pub(crate) fn shown(&self) -> &str {
        &self.shown
    }

    /// A text with stars for every secret, also for user and password of any address in it.
    pub(crate) fn hide(&self, text: &str) -> String {
        let mut text = text.replace(&self.raw, &self.shown);
        for value in &self.values {
            text = text.replace(value, MASK);
        }
        let words = text.split_inclusive(|c: char| c.is_whitespace() || c == '"' || c == '\'');
        words.map(|word| if word.contains("://") { masked(word) } else { word.to_owned() }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Secrets;

    #[test]
    fn what_is_secret_does_not_come_back() {
        let check = |remote: &str, said: &str, expected: &str| assert_eq!(Secrets::of(remote).hide(said), expected);
        check("mynas:crypto/", "cannot reach mynas:crypto/", "cannot reach mynas:crypto/");
        check(":webdav,url=\"http://host/\",pass=hunter2:data", "Post with hunter2 failed", "Post with *** failed");
        check(
            ":s3,access_key_id=abcd,secret_access_key='x:yz12':b",
            "signature of x:yz12 by abcd at :s3,access_key_id=abcd,secret_access_key='x:yz12':b",
            "signature of *** by *** at :s3,access_key_id=***,secret_access_key=***:b",
        );
        check("nas:x", "Get \"https://me:secret@host/x\": refused", "Get \"https://***@host/x\": refused");
    }
}
