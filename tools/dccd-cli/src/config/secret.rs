//! Values that are nobody's business.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::fields::Fields;
use super::tree::Node;
use super::value::{self, Read};
use crate::env;

/// The most bytes a secret may have.
const SECRET_BYTES_MAX: u64 = 64 << 10;

/// A secret, or the file that holds it. `Debug` shows neither text.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    source: Source,
}

#[derive(Clone, PartialEq, Eq)]
enum Source {
    Inline(String),
    File(PathBuf),
}

impl Secret {
    /// The secret, without the line break that ends a file.
    pub fn reveal(&self) -> io::Result<String> {
        match &self.source {
            Source::Inline(text) => Ok(text.clone()),
            Source::File(path) => {
                let mut text = String::new();
                File::open(path)?.take(SECRET_BYTES_MAX).read_to_string(&mut text)?;
                Ok(text.trim_end_matches(['\n', '\r']).to_owned())
            }
        }
    }

    /// The file that holds it, if it does not stand in the configuration itself.
    pub fn file(&self) -> Option<&Path> {
        match &self.source {
            Source::Inline(_) => None,
            Source::File(path) => Some(path),
        }
    }

    /// The secret called `key`: there, in the file that `key_file` names, or among the credentials that systemd gave.
    /// A relative file name counts from `dir`.
    pub(crate) fn read(
        fields: &Fields<'_>,
        key: &'static str,
        dir: &Path,
        read: impl Fn(&Node) -> Read<String>,
    ) -> Option<Secret> {
        let file_key = format!("{key}_file");
        let inline = fields.read(key, read);
        let file = fields.read(&file_key, value::path);
        if fields.has(key) && fields.has(&file_key) {
            fields.refuse(&file_key, format!("{key} and {file_key} are both there; keep one"));
        }
        let source = match (inline, file) {
            (Some(text), _) => Source::Inline(text),
            (None, Some(path)) => Source::File(dir.join(path)),
            (None, None) => Source::File(credential(key)?),
        };
        Some(Secret { source })
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            Source::Inline(_) => f.write_str("Secret(***)"),
            Source::File(path) => write!(f, "Secret({})", path.display()),
        }
    }
}

/// What to tell of secrets that others can read; `config` is the file they are named in, and `parts` are the keys of it
/// that hold a secret among other things.
pub(crate) fn warnings(config: &Path, secrets: &[(&'static str, &Secret)], parts: &[String]) -> Vec<String> {
    let mut warnings = Vec::new();
    let inline: Vec<&str> =
        secrets.iter().filter(|(_, secret)| secret.file().is_none()).map(|(name, _)| *name).collect();
    let names: Vec<&str> = inline.iter().copied().chain(parts.iter().map(String::as_str)).collect();
    if !names.is_empty() && is_open(config) {
        let (names, path) = (names.join(" and "), config.display());
        let instead = if inline.is_empty() { "" } else { ", or name a *_file instead" };
        warnings.push(format!("others can read {path}, which holds {names}: chmod o-r {path}{instead}"));
    }
    for (name, secret) in secrets {
        let Some(path) = secret.file() else { continue };
        // Opening a pipe would wait for its writer.
        if fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
            continue;
        }
        match File::open(path) {
            Err(cause) => warnings.push(format!("cannot read {name} from {}: {cause}", path.display())),
            Ok(_) if is_open(path) => {
                warnings.push(format!("others can read {}, which holds {name}: chmod o-r", path.display()));
            }
            Ok(_) => {}
        }
    }
    warnings
}

fn is_open(path: &Path) -> bool {
    const OTHERS_READ: u32 = 0o004;
    fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & OTHERS_READ != 0)
}

fn credential(key: &str) -> Option<PathBuf> {
    let path = PathBuf::from(env::value(env::CREDENTIALS_DIRECTORY)?).join(key);
    path.is_file().then_some(path)
}
