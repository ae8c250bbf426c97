//! Manual pages.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use dccd_tests::{Scratch, find_command, read_text, run, skip, workspace_root};

use super::{assert_none, file_name, tools};

/// Sections in the order of every page.
const SECTIONS: [&str; 9] =
    ["NAME", "SYNOPSIS", "DESCRIPTION", "ENVIRONMENT", "FILES", "EXIT STATUS", "EXAMPLES", "DIAGNOSTICS", "SEE ALSO"];

fn pages() -> Vec<PathBuf> {
    dccd_tests::files_under(&workspace_root().join("man"))
}

#[test]
fn each_tool_has_a_page_that_names_every_flag() {
    let scratch = Scratch::new();
    let mut missing = Vec::new();
    for tool in tools() {
        let help = run(scratch.tool(&tool).arg("--help"), "").expect(0).text();
        let page = std::fs::read_to_string(workspace_root().join(format!("man/{tool}.1"))).unwrap_or_default();
        let named: BTreeSet<&str> = page.split_whitespace().collect();
        let flags = long_flags(&help);
        assert!(flags.contains("--help"), "{tool} --help was not understood");
        for flag in flags {
            // mdoc writes `--flag` as `Fl -flag`.
            if !named.contains(&flag[1..]) {
                missing.push(format!("man/{tool}.1 does not name {flag}"));
            }
        }
    }
    assert_none("flags without a word in the manual", &missing);
}

#[test]
fn the_first_line_of_help_says_what_a_tool_does() {
    let scratch = Scratch::new();
    for tool in tools() {
        let help = run(scratch.tool(&tool).arg("--help"), "").expect(0).text();
        let first = help.lines().next().unwrap_or("");
        assert!((10..70).contains(&first.len()), "{tool} --help begins with {first:?}");
        assert_eq!(
            run(scratch.tool(&tool).arg("--version"), "").expect(0).text().lines().count(),
            1,
            "{tool} --version"
        );
    }
}

#[test]
fn pages_are_free_of_warnings() {
    if find_command("mandoc").is_none() {
        return skip("linting man pages", "mandoc is not installed");
    }
    let mut found = Vec::new();
    for page in pages() {
        let linted =
            Command::new("mandoc").args(["-T", "lint", "-W", "warning"]).arg(&page).stdin(Stdio::null()).output();
        let linted = linted.expect("mandoc can be started");
        found.extend(String::from_utf8_lossy(&linted.stdout).lines().map(str::to_owned));
    }
    assert_none("mandoc warns", &found);
}

#[test]
fn sections_are_in_order() {
    let mut wrong = Vec::new();
    for page in pages() {
        let text = read_text(&page);
        let found: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix(".Sh ")).collect();
        let known: Vec<&str> = SECTIONS.into_iter().filter(|section| found.contains(section)).collect();
        let common: Vec<&str> = found.iter().copied().filter(|section| SECTIONS.contains(section)).collect();
        if known != common || found.first() != Some(&"NAME") {
            wrong.push(format!("{}: {found:?}", file_name(&page)));
        }
    }
    assert_none("sections are missing or out of order", &wrong);
}

#[test]
fn nothing_is_told_twice() {
    let mut twice = Vec::new();
    for page in pages() {
        let mut told = BTreeSet::new();
        let text = read_text(&page);
        let heads = text.lines().filter(|line| line.starts_with(".Sh ") || line.starts_with(".Ss "));
        twice.extend(heads.filter(|head| !told.insert(*head)).map(|head| format!("{}: {head}", file_name(&page))));
    }
    assert_none("sections are there more than once", &twice);
}

#[test]
fn every_cross_reference_leads_to_a_page() {
    let names: BTreeSet<String> = pages().iter().map(|page| file_name(page)).collect();
    let mut broken = Vec::new();
    for page in pages() {
        for line in read_text(&page).lines() {
            let mut words = line.split_whitespace().skip_while(|word| !word.ends_with("Xr")).skip(1);
            if let (Some(name), Some(section)) = (words.next(), words.next())
                && name.starts_with("dccd")
                && !names.contains(&format!("{name}.{section}"))
            {
                broken.push(format!("{}: {name}({section})", file_name(&page)));
            }
        }
    }
    assert_none("references to pages that do not exist", &broken);
}

/// The long flags that a help text explains: the lines that begin with one, before the examples.
pub(super) fn long_flags(help: &str) -> BTreeSet<&str> {
    let lines = help.lines().take_while(|line| !line.starts_with("Example")).map(str::trim_start);
    let options = lines.filter(|line| line.starts_with('-'));
    options.filter_map(|line| line.split([' ', ',', '=', '.']).find(|word| word.starts_with("--"))).collect()
}
