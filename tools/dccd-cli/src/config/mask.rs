//! Hiding passwords that stand inside of other values.

/// What stands in the place of a secret.
pub(crate) const MASK: &str = "***";

/// Parts of the names of rclone's options whose values are nobody's business.
const SECRET_WORDS: [&str; 9] = ["pass", "secret", "token", "key", "cred", "auth", "sas", "cookie", "header"];

/// The text with stars for the user and password of a URL, and for what a remote of rclone sets on the fly.
pub fn masked(text: &str) -> String {
    match Remote::of(text) {
        Some(remote) => remote.masked(),
        None => match userinfo(text) {
            Some((before, after)) => format!("{before}{MASK}{after}"),
            None => text.to_owned(),
        },
    }
}

/// Whether the text holds what others must not read.
pub(crate) fn holds_secret(text: &str) -> bool {
    match Remote::of(text) {
        Some(remote) => remote.options.iter().any(Setting::is_secret),
        None => userinfo(text).is_some(),
    }
}

/// What stands around the user and password of a URL. A password that was not escaped may hold anything.
fn userinfo(text: &str) -> Option<(&str, &str)> {
    let (before, after) = text.split_at(text.rfind('@')?);
    match before.find("://") {
        Some(at) => Some((before.split_at(at + 3).0, after)),
        // Somebody forgot the scheme.
        None => before.contains(':').then_some(("", after)),
    }
}

/// A remote of rclone with settings of its own: `:s3,env_auth=true:bucket` or `nas,pass="a:b":folder`.
struct Remote<'a> {
    name: &'a str,
    options: Vec<Setting<'a>>,
    /// The colon and the folder.
    rest: &'a str,
}

/// One setting; some have no value.
struct Setting<'a> {
    key: &'a str,
    value: Option<&'a str>,
}

impl<'a> Remote<'a> {
    fn of(text: &'a str) -> Option<Remote<'a>> {
        let backend = usize::from(text.starts_with(':'));
        let end = text.char_indices().skip(backend).find(|(_, c)| [',', ':'].contains(c)).map(|(at, _)| at)?;
        let (name, mut rest) = text.split_at(end);
        let mut options = Vec::new();
        while let Some(option) = rest.strip_prefix(',') {
            let (key, after) = option.split_at(option.find(['=', ',', ':']).unwrap_or(option.len()));
            let value = after.strip_prefix('=').map(|value| value.split_at(value_end(value)));
            options.push(Setting { key, value: value.map(|(value, _)| value) });
            rest = value.map_or(after, |(_, rest)| rest);
        }
        options.iter().any(|option| option.value.is_some()).then_some(Remote { name, options, rest })
    }

    fn masked(&self) -> String {
        let mut text = self.name.to_owned();
        for Setting { key, value } in &self.options {
            text.push(',');
            text.push_str(key);
            if value.is_some() {
                text.push('=');
                text.push_str(MASK);
            }
        }
        text + self.rest
    }
}

impl Setting<'_> {
    fn is_secret(&self) -> bool {
        let key = self.key.to_lowercase();
        let is_flag = self.value.is_none_or(|value| ["true", "false"].contains(&value));
        // An address may hold a password as well.
        let has_userinfo = self.value.is_some_and(|value| userinfo(value).is_some());
        !is_flag && (has_userinfo || SECRET_WORDS.iter().any(|word| key.contains(word)))
    }
}

/// Where a value ends: at a comma or a colon, or at the quote that is not doubled.
fn value_end(text: &str) -> usize {
    let Some(quote) = text.chars().next().filter(|c| ['"', '\''].contains(c)) else {
        return text.find([',', ':']).unwrap_or(text.len());
    };
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if c == quote && chars.next_if(|(_, next)| *next == quote).is_none() {
            return at + c.len_utf8();
        }
    }
    text.len()
}
