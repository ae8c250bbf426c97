//! Units of systemd: they start what is there, with flags that are there, and systemd has nothing against them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use dccd_tests::{Scratch, bin_dir, files_under, find_command, read_text, run, skip, workspace_root};

use super::manual::long_flags;
use super::{assert_none, file_name, shown};

/// The folders of units, as below `systemd/`.
const SYSTEM: &str = "systemd";
const USER: &str = "systemd/user";
/// Suffixes of what systemd reads.
const KINDS: [&str; 3] = ["service", "timer", "target"];

/// The unit files of a folder itself.
fn units(folder: &str) -> Vec<PathBuf> {
    let folder = workspace_root().join(folder);
    let mut files = files_under(&folder);
    files.retain(|path| {
        let is_unit = path.extension().is_some_and(|kind| KINDS.iter().any(|known| kind == *known));
        is_unit && path.parent() == Some(&folder)
    });
    assert!(files.len() >= 12, "units were not found");
    files
}

/// The commands of a unit, each without what says how systemd runs it.
fn commands(unit: &Path) -> Vec<String> {
    let text = read_text(unit);
    let lines = text.lines().filter(|line| line.starts_with("Exec"));
    lines.filter_map(|line| Some(line.split_once('=')?.1.trim_start_matches(['-', '+', '@']).to_owned())).collect()
}

/// Where what a unit calls `/usr/bin/NAME` lies here.
fn program(name: &str) -> Option<PathBuf> {
    let places = [bin_dir().join(name), workspace_root().join("scripts").join(name)];
    places.into_iter().find(|path| path.is_file())
}

#[test]
fn units_start_what_is_there_with_flags_that_are_there() {
    let scratch = Scratch::new();
    let mut wrong = Vec::new();
    let mut helps: BTreeMap<String, String> = BTreeMap::new();
    for unit in [units(SYSTEM), units(USER)].concat() {
        for command in commands(&unit) {
            let mut words = command.split_whitespace();
            let name = words.next().and_then(|path| path.strip_prefix("/usr/bin/")).unwrap_or_default().to_owned();
            let words: Vec<&str> = words.collect();
            let Some(path) = program(&name) else {
                wrong.push(format!("{}: nothing is called like {command}", shown(&unit)));
                continue;
            };
            // What a command takes stands in its own help; scripts have one for all.
            let is_tool = path.starts_with(bin_dir());
            let task = words.first().filter(|word| is_tool && !word.starts_with('-')).copied().unwrap_or_default();
            let help = helps.entry(format!("{name} {task}")).or_insert_with(|| {
                let args = [task, "--help"].into_iter().filter(|arg| !arg.is_empty());
                run(scratch.program(&path).args(args), "").expect(0).text()
            });
            let flags = long_flags(help);
            wrong.extend(
                words
                    .iter()
                    .filter(|word| word.starts_with("--") && !flags.contains(**word))
                    .map(|flag| format!("{}: {name} {task} has no {flag}", shown(&unit))),
            );
        }
    }
    assert_none("units that cannot start", &wrong);
}

#[test]
fn units_of_users_do_what_those_of_the_system_do() {
    let of = |folder: &str| -> BTreeMap<String, Vec<String>> {
        units(folder).iter().map(|unit| (file_name(unit), commands(unit))).collect()
    };
    let mut user = of(USER);
    for command in user.values_mut().flatten() {
        *command = command.trim_end_matches(" --user").to_owned();
    }
    assert_eq!(of(SYSTEM), user);
    let timers = |folder: &str| -> BTreeMap<String, BTreeSet<String>> {
        let lines =
            |unit: &PathBuf| read_text(unit).lines().filter(|line| line.contains("Sec=")).map(str::to_owned).collect();
        units(folder).iter().map(|unit| (file_name(unit), lines(unit))).collect()
    };
    assert_eq!(timers(SYSTEM), timers(USER), "times and limits");
}

#[test]
fn systemd_has_nothing_against_them() {
    if find_command("systemd-analyze").is_none() {
        return skip("verifying units", "systemd-analyze is not installed");
    }
    for (folder, manager) in [(SYSTEM, "--system"), (USER, "--user")] {
        let scratch = Scratch::new();
        let names = copy_units(folder, &scratch);
        if folder == USER {
            generate(&scratch);
        }
        // An empty part at the end would add the folders of this host.
        let path = format!("{}:{}", scratch.join("gen").display(), scratch.join("units").display());
        let mut verify = scratch.program("systemd-analyze");
        verify.env("SYSTEMD_UNIT_PATH", format!("{path}:")).env("XDG_RUNTIME_DIR", scratch.path());
        let ended = run(verify.args([manager, "--man=no", "verify"]).args(&names), "");
        assert_eq!((ended.text(), ended.stderr), (String::new(), String::new()), "{folder}");
        assert_eq!(ended.status, 0, "{folder}");
    }
}

/// Copies units, so that they name the programs of this workspace, and returns their paths.
fn copy_units(folder: &str, scratch: &Scratch) -> Vec<PathBuf> {
    let from = workspace_root().join(folder);
    let copy = |path: &PathBuf| {
        let mut text = read_text(path);
        for name in text.clone().split_whitespace().filter_map(|word| word.split("/usr/bin/").nth(1)) {
            if let Some(program) = program(name) {
                text = text.replace(&format!("/usr/bin/{name}"), &program.display().to_string());
            }
        }
        let name = path.strip_prefix(&from).expect("a file below the folder").display().to_string();
        scratch.write(&format!("units/{name}"), text)
    };
    let shared: Vec<PathBuf> = files_under(&from.join("dccd-.service.d"));
    shared.iter().for_each(|path| drop(copy(path)));
    units(folder).iter().map(copy).collect()
}

/// Adds what the generator makes.
fn generate(scratch: &Scratch) {
    scratch.write(
        ".config/dccd/config.yml",
        "settings: {data_path: '/srv/a b\"c%d', timezone: Asia/Tokyo}\n\
         storage: {remotes: [{remote: 'mynas:crypto/'}], sync_interval: 90m}\n\
         histo_jobs:\n\
         - {exchange: binance, pairs: [BTC/USDT], span: 1h}\n\
         - {exchange: binance, pairs: ['BTC/USDT:perp'], kind: trades, cron: '5 4 1 * mon'}\n\
         - {exchange: binance, pairs: [ETH/USDT], span: 1m, every: 50}\n\
         stream_jobs: [{exchange: kraken, pairs: [ETH/USD], channels: [candles], span: 1h}]\n",
    );
    let mut generate = scratch.tool("dccd-units");
    generate.env("SYSTEMD_SCOPE", "user").env("XDG_RUNTIME_DIR", scratch.path());
    run(generate.args(["generate", "gen"]), "").expect(0);
    assert!(scratch.join("gen/dccd.target.d/60-generated.conf").is_file());
}
