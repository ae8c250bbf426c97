//! The package for Debian: complete, clean, and careful with what is the user's.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use dccd_tests::{Scratch, files_under, find_command, read_text, skip, workspace_root};

use super::make::{deb, in_overlay, is_root, says};

#[test]
fn it_holds_everything() {
    let Some(deb) = deb("what the package holds") else { return };
    let files = contents(deb);
    let mut wanted = BTreeSet::from(["/etc/dccd/config.yml".to_owned(), "/usr/bin/dccd".to_owned()]);
    for (page, name) in named(&workspace_root().join("man")) {
        let section = page.extension().unwrap_or_default().to_string_lossy().into_owned();
        wanted.insert(format!("/usr/share/man/man{section}/{name}.gz"));
    }
    for program in programs() {
        wanted.extend([
            format!("/usr/bin/{program}"),
            format!("/usr/share/bash-completion/completions/{program}"),
            format!("/usr/share/zsh/vendor-completions/_{program}"),
            format!("/usr/share/fish/vendor_completions.d/{program}.fish"),
        ]);
    }
    for (_, name) in named(&workspace_root().join("scripts")) {
        if name.starts_with("dccd") {
            wanted.extend([format!("/usr/bin/{name}"), format!("/usr/share/man/man1/{name}.1.gz")]);
        }
        if name.starts_with("dccd") || name.ends_with(".sh") {
            wanted.insert(format!("/usr/lib/dccd/{name}"));
        }
    }
    wanted.extend(units());
    let documents = ["README.md", "copyright", "changelog.gz", "changelog.Debian.gz"];
    wanted.extend(["third-party.gz", "examples/dccd.cron"].map(|name| format!("/usr/share/doc/dccd/{name}")));
    wanted.extend(documents.map(|name| format!("/usr/share/doc/dccd/{name}")));
    let missing: Vec<_> = wanted.difference(&files).collect();
    assert!(missing.is_empty(), "the package lacks {missing:#?}");
    assert!(wanted.len() > 120, "hardly anything was looked for: {wanted:#?}");
    let conffiles = says(Command::new("dpkg-deb").arg("-I").arg(deb).arg("conffiles"));
    assert_eq!(conffiles.trim(), "/etc/dccd/config.yml");
    let control = says(Command::new("dpkg-deb").arg("-f").arg(deb));
    let version = env!("CARGO_PKG_VERSION").replace('-', "~");
    assert!(control.contains(&format!("\nVersion: {version}-1\n")), "{control}");
    assert!(control.contains("libc6"), "{control}");
}

#[test]
fn lintian_finds_nothing() {
    let what = "linting the package";
    if find_command("lintian").is_none() {
        return skip(what, "lintian is not installed");
    }
    let Some(deb) = deb(what) else { return };
    let mut lintian = Command::new("lintian");
    lintian.args(["--allow-root", "--tag-display-limit=0", "--fail-on=error,warning"]).arg(deb);
    assert_eq!(says(&mut lintian), "");
}

#[test]
fn installed_upgraded_and_purged_it_leaves_what_is_the_users() {
    let what = "installing the package";
    if !is_root(what) {
        return;
    }
    let Some(deb) = deb(what) else { return };
    let scratch = Scratch::new();
    std::fs::copy(deb, scratch.join("dccd.deb")).expect("a copy of the package");
    scratch.write("script", read_text(&workspace_root().join("tests/it/packages/deb.sh")));
    assert!(in_overlay(&scratch).ends_with("all is well\n"));
}

fn contents(deb: &Path) -> BTreeSet<String> {
    let listed = says(Command::new("dpkg-deb").arg("-c").arg(deb));
    let names = listed.lines().filter_map(|line| line.split_whitespace().nth(5));
    names.map(|name| name.trim_start_matches('.').to_owned()).collect()
}

/// The programs of the workspace.
pub(crate) fn programs() -> Vec<String> {
    let tools = std::fs::read_dir(workspace_root().join("tools")).expect("there is a folder tools");
    let tools = tools.map(|entry| entry.expect("a folder can be listed").path());
    let tools = tools.filter(|path| path.join("src/main.rs").is_file());
    tools.map(|path| path.file_name().unwrap_or_default().to_string_lossy().into_owned()).collect()
}

/// Where each unit, and whatever else systemd reads, has to be.
fn units() -> Vec<String> {
    let root = workspace_root().join("systemd");
    let mut units = Vec::new();
    for path in files_under(&root) {
        let name = path.strip_prefix(&root).expect("below its root").display().to_string();
        if name.starts_with("deb/") || !name.contains(['.', '/', '-']) || ["config.yml", "dccd.cron"].contains(&&*name)
        {
            continue;
        }
        if name.ends_with("-generator") {
            units.extend(["system", "user"].map(|scope| format!("/usr/lib/systemd/{scope}-generators/{name}")));
        } else if name.starts_with("sysusers.d/") || name.starts_with("tmpfiles.d/") {
            units.push(format!("/usr/lib/{name}"));
        } else if name.starts_with("user/") {
            units.push(format!("/usr/lib/systemd/{name}"));
        } else {
            units.push(format!("/usr/lib/systemd/system/{name}"));
        }
    }
    assert!(units.len() > 10, "units were not found");
    units
}

fn named(dir: &Path) -> Vec<(std::path::PathBuf, String)> {
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    files_under(dir).into_iter().map(|path| (path.clone(), name(&path))).collect()
}
