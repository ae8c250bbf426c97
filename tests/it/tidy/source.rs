//! House rules over the source.

use std::path::{Path, PathBuf};

use dccd_tests::{files_under, read_text, workspace_root};

use super::{assert_none, crates, file_name, shown};

/// Longest source file in lines.
const FILE_LINES_MAX: usize = 500;
/// Longest `main.rs` in lines.
const MAIN_LINES_MAX: usize = 50;
/// Crates that only some of ours may depend on.
const RESERVED: [(&str, &[&str]); 8] = [
    ("ureq", &["dccd-rest", "dccd-health"]),
    ("tungstenite", &["dccd-stream", "dccd-sim"]),
    ("arrow", &["dccd-store"]),
    ("parquet", &["dccd-store"]),
    ("serde_yaml", &["dccd-cli"]),
    ("clap", &["dccd-cli"]),
    ("landlock", &["dccd-cli"]),
    ("seccompiler", &["dccd-cli"]),
];

/// Every Rust file of ours.
fn sources() -> Vec<PathBuf> {
    let mut files = files_under(&workspace_root().join("tools"));
    files.extend(files_under(&workspace_root().join("tests")));
    files.retain(|path| path.extension().is_some_and(|extension| extension == "rs"));
    assert!(files.len() > 30, "sources were not found");
    files
}

/// Whether a file holds tests or benchmarks only.
fn is_test(path: &Path) -> bool {
    let shown = shown(path);
    shown.starts_with("tests/") || shown.contains("/tests") || shown.contains("/benches/") || shown.contains("/fuzz/")
}

#[test]
fn every_file_says_what_it_is() {
    let mut silent: Vec<_> =
        sources().iter().filter(|path| !read_text(path).starts_with("//! ")).map(|p| shown(p)).collect();
    silent.retain(|path| !(path.ends_with("/tests.rs") || path.contains("/src/") && path.contains("/tests/")));
    assert_none("files without module documentation on top", &silent);
}

#[test]
fn files_are_small() {
    let mut long = Vec::new();
    for path in sources() {
        let lines = read_text(&path).lines().count();
        let max = if file_name(&path) == "main.rs" && !is_test(&path) { MAIN_LINES_MAX } else { FILE_LINES_MAX };
        if lines > max {
            long.push(format!("{}: {lines} lines, {max} at most", shown(&path)));
        }
    }
    assert_none("files that should be split", &long);
}

#[test]
fn nothing_prints_past_the_entry() {
    let words = ["println!", "print!(", "dbg!(", "todo!(", "unimplemented!(", "process::exit"];
    find_words(&words, |path| !is_test(path) && !shown(path).starts_with("tools/dccd-cli/"));
}

#[test]
fn every_program_confines_itself() {
    let confines = |path: &PathBuf| read_text(path).contains("tool.confine(&");
    let programs = sources().into_iter().filter(|path| file_name(path) == "main.rs" && !is_test(path));
    let programs: Vec<PathBuf> = programs.filter_map(|path| path.parent().map(Path::to_owned)).collect();
    assert!(programs.len() > 10, "programs were not found");
    let free = programs.iter().filter(|source| !files_under(source).iter().any(confines));
    assert_none("programs that keep all powers", &free.map(|path| shown(path)).collect::<Vec<_>>());
}

#[test]
fn record_and_exchange_are_pure() {
    let words = [
        "std::fs",
        "std::net",
        "std::thread",
        "std::env",
        "SystemTime",
        "Instant::now",
        "Timestamp::now",
        "std::process",
    ];
    find_words(&words, |path| {
        let shown = shown(path);
        !is_test(path) && (shown.starts_with("tools/dccd-record/") || shown.starts_with("tools/dccd-exchange/"))
    });
}

#[test]
fn crates_depend_on_what_they_may() {
    let mut wrong = Vec::new();
    for path in crates() {
        let name = file_name(&path);
        let is_tool = path.join("src/main.rs").is_file();
        for dependency in dependencies(&read_text(&path.join("Cargo.toml"))) {
            let is_allowed = match dependency.as_str() {
                "dccd-record" => name != "dccd-record",
                "dccd-exchange" => is_tool || name == "dccd-rest",
                other if other.starts_with("dccd-") => {
                    is_tool && workspace_root().join("tools").join(other).join("src/lib.rs").is_file()
                }
                other => RESERVED.iter().all(|(reserved, owners)| {
                    let is_reserved = other == *reserved || other.starts_with(&format!("{reserved}-"));
                    !is_reserved || owners.contains(&name.as_str()) || (*reserved == "clap" && is_tool)
                }),
            };
            if !is_allowed {
                wrong.push(format!("{name} depends on {dependency}"));
            }
        }
        if is_tool && path.join("src/lib.rs").is_file() {
            wrong.push(format!("{name} is a tool and a library"));
        }
        if is_tool && !path.join("tests/cli.rs").is_file() {
            wrong.push(format!("{name} has no tests/cli.rs"));
        }
    }
    assert_none("dependencies against ARCHITECTURE.md", &wrong);
}

#[test]
fn the_changelog_is_open() {
    let text = read_text(&workspace_root().join("CHANGELOG.md"));
    let first = text.lines().find(|line| line.starts_with("## "));
    assert_eq!(first, Some("## Unreleased"), "CHANGELOG.md begins with what is not released yet");
}

fn find_words(words: &[&str], is_wanted: impl Fn(&Path) -> bool) {
    let mut found = Vec::new();
    for path in sources().into_iter().filter(|path| is_wanted(path)) {
        for (number, line) in read_text(&path).lines().enumerate() {
            let code = line.trim_start();
            if !code.starts_with("//") && words.iter().any(|word| code.contains(word)) {
                found.push(format!("{}:{}: {code}", shown(&path), number + 1));
            }
        }
    }
    assert_none(&format!("words that do not belong there ({})", words.join(", ")), &found);
}

/// The names under `[dependencies]`.
fn dependencies(manifest: &str) -> Vec<String> {
    let section = manifest.lines().skip_while(|line| *line != "[dependencies]").skip(1);
    let lines = section.take_while(|line| !line.starts_with('['));
    lines
        .filter_map(|line| line.split(['.', ' ', '=']).next())
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}
