//! Cases in files: a folder with `cmd`, and what it should do in `out`, `err` and `status`.
//!
//! `cmd` runs under `sh` in an empty folder, with the tools on its `PATH` and `in`, if there is one, as its
//! input; a missing `out` or `err` stands for nothing, a missing `status` for 0. In expectations `[..]`
//! stands for any text within a line and a line `[...]` for any number of lines; `[CWD]` is the folder.
//! With `DCCD_BLESS=1` expectations that do not hold are rewritten, for review by diff.

use std::path::Path;

use crate::{Scratch, read_text, run};

/// Runs the case in the folder `dir`.
pub fn check_case(dir: &Path) {
    let scratch = Scratch::new();
    for extra in crate::files_under(dir) {
        let name = extra.file_name().unwrap_or_default().to_string_lossy();
        if let Some(name) = name.strip_prefix("file-") {
            scratch.write(name, std::fs::read(&extra).expect("a case's file can be read"));
        }
    }
    let input = std::fs::read(dir.join("in")).unwrap_or_default();
    let ended = run(&mut scratch.shell(&read_text(&dir.join("cmd"))), input);
    let folder = scratch.path().display().to_string();
    let blesses = std::env::var_os("DCCD_BLESS").is_some_and(|bless| bless == "1");
    let mut wrong = Vec::new();
    let status = format!("{}\n", ended.status);
    let out = String::from_utf8_lossy(&ended.stdout).into_owned();
    for (name, usual, found) in [("out", "", out), ("err", "", ended.stderr), ("status", "0\n", status)] {
        let found = found.replace(&folder, "[CWD]");
        let path = dir.join(name);
        let wanted = std::fs::read_to_string(&path).unwrap_or_else(|_| usual.to_owned());
        if elided_eq(&wanted, &found) {
            continue;
        }
        if !blesses {
            wrong.push(format!("{name}, wanted:\n{wanted}{name}, found:\n{found}"));
        } else if found == usual {
            let _ = std::fs::remove_file(&path);
        } else {
            std::fs::write(&path, found).expect("an expectation can be written");
        }
    }
    assert!(wrong.is_empty(), "{}\n{}(DCCD_BLESS=1 rewrites expectations)", dir.display(), wrong.concat());
}

/// Whether `found` is what `wanted` says, elisions understood.
pub fn elided_eq(wanted: &str, found: &str) -> bool {
    let wanted: Vec<&str> = wanted.lines().collect();
    let found: Vec<&str> = found.lines().collect();
    lines_eq(&wanted, &found)
}

fn lines_eq(wanted: &[&str], found: &[&str]) -> bool {
    match (wanted.split_first(), found.split_first()) {
        (None, None) => true,
        (Some((&"[...]", wanted)), _) => (0..=found.len()).any(|skipped| lines_eq(wanted, &found[skipped..])),
        (Some((first, wanted)), Some((line, found))) => line_eq(first, line) && lines_eq(wanted, found),
        _ => false,
    }
}

fn line_eq(wanted: &str, found: &str) -> bool {
    let mut parts = wanted.split("[..]");
    let Some(mut rest) = parts.next().and_then(|head| found.strip_prefix(head)) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(tail) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(tail)
}
