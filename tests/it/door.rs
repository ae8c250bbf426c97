//! The front door: `dccd COMMAND` finds what there is, and says so where there is nothing.

use std::collections::BTreeSet;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use dccd_tests::{Scratch, files_under, find_command, read_text, run, skip, workspace_root};

use crate::desk::script;

const SHELLS: [&str; 3] = ["bash", "fish", "zsh"];

fn dccd(scratch: &Scratch, args: &[&str]) -> Command {
    let mut command = scratch.program(script("dccd"));
    command.args(args);
    command
}

/// The scripts that are commands, and the programs.
fn commands() -> BTreeSet<String> {
    let scripts = files_under(&workspace_root().join("scripts"));
    let tools = files_under(&workspace_root().join("tools"));
    let tools = tools.iter().filter(|path| path.ends_with("src/main.rs")).filter_map(|path| path.ancestors().nth(2));
    let names = scripts.iter().map(std::path::PathBuf::as_path).chain(tools).filter_map(|path| path.file_name());
    names.filter_map(|name| name.to_str()?.strip_prefix("dccd-").map(str::to_owned)).collect()
}

#[test]
fn help_names_every_command() {
    let scratch = Scratch::new();
    let help = run(&mut dccd(&scratch, &["help"]), "").expect(0).text();
    for flag in ["--help", "-h"] {
        assert_eq!(run(&mut dccd(&scratch, &[flag]), "").expect(0).text(), help);
    }
    let ended = run(&mut dccd(&scratch, &[]), "").expect(2);
    assert_eq!((ended.text().as_str(), ended.stderr.as_str()), ("", help.as_str()));
    let listed = help.lines().filter_map(|line| line.strip_prefix("  ")).filter(|line| !line.starts_with(' '));
    let listed: Vec<&str> = listed.filter_map(|line| line.split("  ").next()).collect();
    let listed: BTreeSet<String> = listed
        .iter()
        .flat_map(|names| names.split(", "))
        .filter(|name| !name.starts_with('-'))
        .map(str::to_owned)
        .collect();
    assert_eq!(listed, commands());
}

#[test]
fn every_command_explains_itself() {
    let scratch = Scratch::new();
    for command in commands() {
        let help = run(&mut dccd(&scratch, &[&command, "--help"]), "").expect(0).text();
        let first = help.lines().next().unwrap_or("");
        assert!((10..100).contains(&first.len()), "dccd {command} --help begins with {first:?}");
        assert!(help.contains("Usage: "), "dccd {command} --help shows no usage:\n{help}");
        assert_eq!(run(&mut dccd(&scratch, &["help", &command]), "").expect(0).text(), help);
    }
}

#[test]
fn the_manual_names_every_flag_of_the_scripts() {
    let scratch = Scratch::new();
    let page = read_text(&workspace_root().join("man/dccd.1"));
    let named: BTreeSet<&str> = page.split_whitespace().map(|word| word.trim_matches(',')).collect();
    let mut missing = Vec::new();
    for command in ["help", "backfill", "collect", "repair"] {
        let help = run(&mut dccd(&scratch, &[command, "--help"][..if command == "help" { 1 } else { 2 }]), "")
            .expect(0)
            .text();
        let options = help.lines().map(str::trim_start).filter(|line| line.starts_with('-'));
        let flags = options.filter_map(|line| line.split([' ', ',']).find(|word| word.starts_with("--")));
        missing.extend(flags.filter(|flag| !named.contains(&flag[1..])).map(|flag| format!("{command} {flag}")));
    }
    assert!(missing.is_empty(), "man/dccd.1 does not name {missing:?}");
}

#[test]
fn the_nearest_command_is_named() {
    let scratch = Scratch::new();
    let check = |typed: &str, nearest: Option<&str>| {
        let ended = run(&mut dccd(&scratch, &[typed, "--flag"]), "").expect(2);
        let is_it = nearest.map_or(String::new(), |name| format!("; is it {name}?"));
        assert_eq!(ended.stderr, format!("dccd: there is no command '{typed}'{is_it}; see dccd help\n"));
        assert_eq!(ended.text(), "");
    };
    check("colect", Some("collect"));
    check("back", Some("backfill"));
    check("bakcfill", Some("backfill"));
    check("Status", Some("status"));
    check("inventroy", Some("inventory"));
    check("xyzzy", None);
    check("../../bin/sh", None);
    check("a b", Some("add"));
    let ended = run(&mut dccd(&scratch, &["--flag"]), "").expect(2);
    assert_eq!(ended.stderr, "dccd: there is no flag --flag; see dccd help\n");
}

#[test]
fn the_version_is_that_of_the_programs() {
    let scratch = Scratch::new();
    let said = run(&mut dccd(&scratch, &["--version"]), "").expect(0).text();
    assert_eq!(said, format!("dccd {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn arguments_and_status_are_those_of_the_command() {
    let scratch = Scratch::new();
    let own = scratch.write("own/dccd-mine", "#!/bin/sh\nprintf '<%s>' \"$@\"\ncat\nexit 3\n");
    std::fs::set_permissions(&own, std::fs::Permissions::from_mode(0o755)).expect("the mode can be set");
    let door = script("dccd").display().to_string();
    let text = format!("PATH=$PWD/own:$PATH; exec '{door}' mine 'a b' '' --help '*'");
    let ended = run(&mut scratch.shell(&text), "input").expect(3);
    assert_eq!(ended.text(), "<a b><><--help><*>input");
    // Through a link, as /usr/local/bin may hold one.
    std::os::unix::fs::symlink(script("dccd"), scratch.join("own/door")).expect("a link");
    let text = "PATH=$PWD/own:$PATH; exec door backfill --nonsense";
    let ended = run(&mut scratch.shell(text), "").expect(2);
    assert!(ended.stderr.contains("there is no flag or argument --nonsense"), "{}", ended.stderr);
}

#[test]
fn wrong_flags_are_refused_before_anything_runs() {
    let scratch = Scratch::new();
    let check = |args: &[&str], message: &str| {
        let ended = run(&mut dccd(&scratch, args), "").expect(2);
        assert_eq!((ended.text().as_str(), ended.stderr.contains(message)), ("", true), "{}", ended.stderr);
    };
    check(&["backfill", "--exhange", "binance"], "--exhange");
    check(&["backfill", "binance"], "binance");
    check(&["backfill", "--start"], "--start needs a value");
    check(&["backfill", "--start="], "--start needs a value");
    check(&["collect", "--start", "2024-01-01"], "--start");
    check(&["collect", "--dry-run"], "--dry-run");
    check(&["repair", "--parallel"], "--parallel");
    check(&["backfill", "--pairs", "BTC/USDT ETH/USDT"], "'BTC/USDT ETH/USDT' is no pair");
    check(&["backfill", "--pairs"], "--pairs needs a value");
}

#[test]
fn words_are_completed() {
    let scratch = Scratch::new();
    let jobs = "histo_jobs: [{exchange: binance, pairs: [BTC/USDT, 'BTC/USDT:perp', ETH/USDT], span: 3600}]";
    scratch.write("config.yml", jobs);
    scratch.write("other.yml", "histo_jobs: [{exchange: binance, pairs: [SOL/USDT], span: 3600}]");
    let check = |words: &[&str], expected: &str| {
        let mut args = vec!["--complete"];
        args.extend(words);
        let ended = run(&mut dccd(&scratch, &args), "").expect(0);
        assert_eq!(ended.stderr, "");
        assert_eq!(ended.text().lines().collect::<Vec<_>>().join(" "), expected, "{words:?}");
    };
    check(&["ba"], "backfill");
    check(&["in"], "inventory");
    check(&["--inst"], "--install-completion");
    check(&["--install-completion", ""], "bash fish zsh");
    check(&["help", "re"], "read remove repair");
    check(&["backfill", "--p"], "--pairs --parallel");
    check(&["backfill", "--dry-run", "--par"], "--parallel");
    check(&["inventory", "--ga"], "--gaps");
    check(&["config", "v"], "validate");
    check(&["config", "validate", "--conf"], "--config");
    check(&["backfill", "--exchange", ""], "binance bitfinex bitmex bybit coinbase kraken krakenfutures okx");
    check(&["backfill", "-e", "bin"], "binance");
    check(&["backfill", "--pairs", ""], "BTC/USDT BTC/USDT:perp ETH/USDT");
    check(&["backfill", "--pairs", "ETH/USDT", "BTC/"], "BTC/USDT BTC/USDT:perp");
    check(&["backfill", "--pairs", "ETH/USDT", "--dry"], "--dry-run");
    check(&["remove", "--exchange", "binance", "--pair", "E"], "ETH/USDT");
    check(&["backfill", "--config", "other.yml", "--pairs", ""], "SOL/USDT");
    check(&["fetch", "bi"], "binance bitfinex bitmex");
    check(&["read", "binance", "ETH"], "ETH/USDT");
    check(&["stream", "bin"], "binance");
    check(&["stream", "binance", "BTC/USDT", "ETH"], "ETH/USDT");
    check(&["stream", "binance", "--channels", "b"], "book");
    check(&["inventory", "--kind", "tr"], "trade");
    check(&["backfill", "--config", ""], "");
    check(&["nonsense", ""], "");
    check(&["../x", "--"], "");
}

#[test]
fn every_program_writes_completion_for_every_shell() {
    let scratch = Scratch::new();
    for tool in files_under(&workspace_root().join("tools")).iter().filter(|path| path.ends_with("src/main.rs")) {
        let name = tool.ancestors().nth(2).and_then(|path| path.file_name()).and_then(|name| name.to_str());
        let name = name.expect("a program has a name");
        for shell in SHELLS {
            let ended = run(scratch.tool(name).args(["--completions", shell]), "").expect(0);
            assert!(ended.text().contains(name) && ended.text().contains("quiet"), "{name} {shell}");
        }
        let ended = run(scratch.tool(name).args(["--completions", "tcsh"]), "").expect(2);
        assert!(ended.stderr.contains("bash, fish or zsh"), "{}", ended.stderr);
    }
}

#[test]
fn completion_is_installed_where_shells_look() {
    let scratch = Scratch::new();
    let folders =
        [".local/share/bash-completion/completions/dccd", ".config/fish/completions/dccd.fish", ".zfunc/_dccd"];
    for (shell, file) in SHELLS.into_iter().zip(folders) {
        for _ in 0..2 {
            let said = run(&mut dccd(&scratch, &["--install-completion", shell]), "").expect(0).text();
            assert!(said.starts_with(&format!("{shell} completion installed in ")), "{said}");
        }
        let shown = run(&mut dccd(&scratch, &["--show-completion", shell]), "").expect(0).text();
        assert_eq!(read_text(&scratch.join(file)), shown);
        let folder = scratch.join(file).parent().expect("a file lies in a folder").to_owned();
        let files = files_under(&folder);
        assert!(files.iter().any(|file| file.to_string_lossy().contains("dccd-fetch")), "{files:?}");
        assert!(!files.iter().any(|file| file.extension().is_some_and(|end| end == "part")), "{files:?}");
        check_syntax(&scratch, shell, &files);
    }
    assert_eq!(read_text(&scratch.join(".zshrc")).lines().count(), 1, "the line is added once");
    let ended = run(&mut dccd(&scratch, &["--install-completion", "tcsh"]), "").expect(2);
    assert!(ended.stderr.contains("'tcsh'; name bash, fish or zsh"), "{}", ended.stderr);
}

fn check_syntax(scratch: &Scratch, shell: &str, files: &[std::path::PathBuf]) {
    if find_command(shell).is_none() {
        // Not everybody has every shell, not even in CI.
        let _ = writeln!(std::io::stderr(), "SKIPPED: reading completion in {shell}: it is not installed");
        return;
    }
    for file in files {
        run(scratch.program(shell).arg("-n").arg(file), "").expect(0);
    }
}

#[test]
fn bash_completes_a_pair_with_a_colon() {
    if find_command("bash").is_none() {
        return skip("completing in bash", "it is not installed");
    }
    let scratch = Scratch::new();
    scratch.write("config.yml", "histo_jobs: [{exchange: binance, pairs: ['BTC/USDT:perp'], span: 3600}]");
    let completion = run(&mut dccd(&scratch, &["--show-completion", "bash"]), "").expect(0).text();
    scratch.write("completion", completion);
    let door = script("dccd").display().to_string();
    let text = format!(
        "set -e; source ./completion; dccd() {{ '{door}' \"$@\"; }}
         try() {{ COMP_LINE=$1 COMP_POINT=${{#1}}; _dccd; echo \"${{COMPREPLY[*]}}\"; }}
         try 'dccd back'; try 'dccd backfill --pairs BTC/USDT:p'; try 'dccd backfill --dry'; try 'dccd xyzzy '"
    );
    let ended = run(scratch.program("bash").args(["-c", &text]), "").expect(0);
    assert_eq!(ended.text(), "backfill\nperp\n--dry-run\n\n");
}
