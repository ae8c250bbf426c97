//! `dccd-units` as a process: what a configuration makes, and what a broken one leaves.
//!
//! These are units of a user, whose folders a test can choose; the system's differ in their folders only.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const CONFIG: &str = "\
settings: {data_path: /data/crypto/, timezone: europe/paris}
storage: {remotes: [{remote: 'mynas:crypto/'}], sync_interval: 5400}
histo_jobs:
  - {exchange: binance, pairs: [BTC/USDT, ETH/USDT], span: 1h}
  - {exchange: binance, pairs: [BTC/USDT], kind: trades, cron: '10 4 * * mon-fri'}
  - {exchange: binance, pairs: [BTC/USDT], span: 1m, every: 50}
  - {exchange: bitmex, pairs: ['BTC/USD:perp'], span: 1h}
stream_jobs:
  - {exchange: binance, pairs: [BTC/USDT], channels: [trades, book]}
  - {exchange: kraken, pairs: [ETH/USD], channels: [candles], span: 1h}
jobs:
  - {exchange: okx, pairs: [BTC/USDT], span: 1h, trigger_kind: manual}
alerts: {webhook_url_file: secrets/hook}
";

struct Scratch {
    dir: tempfile::TempDir,
}

impl Scratch {
    fn new() -> Scratch {
        let scratch = Scratch { dir: tempfile::tempdir().unwrap() };
        fs::create_dir_all(scratch.config().parent().unwrap()).unwrap();
        fs::create_dir(scratch.path("run")).unwrap();
        scratch
    }

    fn with(config: &str) -> Scratch {
        let scratch = Scratch::new();
        scratch.configure(config);
        scratch
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn config(&self) -> PathBuf {
        self.path(".config/dccd/config.yml")
    }

    fn configure(&self, config: &str) {
        fs::write(self.config(), config).unwrap();
    }

    /// Status, standard output and standard error.
    fn run(&self, flags: &[&str]) -> (i32, String, String) {
        self.run_program(Path::new(env!("CARGO_BIN_EXE_dccd-units")), flags)
    }

    fn run_program(&self, program: &Path, flags: &[&str]) -> (i32, String, String) {
        let mut command = Command::new(program);
        command.env_clear().env("HOME", self.dir.path()).env("XDG_RUNTIME_DIR", self.path("run"));
        command.env("SYSTEMD_SCOPE", "user").current_dir(self.dir.path()).args(flags).stdin(Stdio::null());
        let output = command.output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap_or(-1), text(output.stdout), text(output.stderr))
    }

    /// Calls the generator as systemd does, with folders that are made anew.
    fn generate(&self) {
        let _ = fs::remove_dir_all(self.path("gen"));
        for folder in ["gen", "gen.early", "gen.late"] {
            fs::create_dir_all(self.path(folder)).unwrap();
        }
        let folders = ["gen", "gen.early", "gen.late"].map(|name| self.path(name).display().to_string());
        let done = self.run(&["generate", &folders[0], &folders[1], &folders[2]]);
        assert_eq!(done, (0, String::new(), String::new()));
    }

    /// What was generated for a unit.
    fn generated(&self, unit: &str) -> String {
        fs::read_to_string(self.path(&format!("gen/{unit}.d/60-generated.conf"))).unwrap_or_default()
    }

    /// The units that the target upholds or wants, but for the one that looks after the configuration.
    fn upheld(&self) -> Vec<String> {
        let lines = self.generated("dccd.target");
        let units = lines.lines().filter_map(|line| line.strip_prefix("Upholds=").or(line.strip_prefix("Wants=")));
        units.filter(|unit| !unit.starts_with("dccd-config@")).map(str::to_owned).collect()
    }

    /// The one that does.
    fn mark(&self) -> Option<String> {
        let lines = self.generated("dccd.target");
        lines.lines().find_map(|line| Some(line.strip_prefix("Upholds=dccd-config@")?.to_owned()))
    }

    /// The states of all units as `dccd units` has them.
    fn states(&self) -> Vec<(String, String)> {
        let (_, lines, _) = self.run(&["--user", "--json"]);
        let word = |line: &str, key: &str| {
            let from = line.find(&format!("\"{key}\":\"")).unwrap() + key.len() + 4;
            line[from..].split('"').next().unwrap().to_owned()
        };
        lines.lines().map(|line| (word(line, "unit"), word(line, "state"))).collect()
    }
}

const UNITS: [&str; 9] = [
    "dccd-fetch@binance:candle:BTC-USDT:1h.timer",
    "dccd-fetch@binance:candle:ETH-USDT:1h.timer",
    "dccd-fetch@binance:trade:BTC-USDT.timer",
    "dccd-fetch@binance:candle:BTC-USDT:1m.timer",
    "dccd-stream@binance:BTC-USDT.service",
    "dccd-stream@kraken:ETH-USD.service",
    "dccd-repair.timer",
    "dccd-check.timer",
    "dccd-sync.timer",
];

#[test]
fn a_configuration_makes_units() {
    let scratch = Scratch::with(CONFIG);
    scratch.generate();
    assert_eq!(scratch.upheld(), UNITS);
    let check = |unit: &str, wanted: &[&str]| {
        let found = scratch.generated(unit);
        let found: Vec<&str> = found.lines().filter(|line| !line.starts_with(['#', '['])).collect();
        assert_eq!(found, wanted, "{unit}");
    };
    check(UNITS[0], &["OnCalendar=", "OnCalendar=*-*-* *:00:00 UTC", "RandomizedDelaySec=300s"]);
    check(
        UNITS[2],
        &["OnCalendar=", "OnCalendar=Mon,Tue,Wed,Thu,Fri *-*-* 4:10:00 Europe/Paris", "RandomizedDelaySec=30s"],
    );
    check(UNITS[3], &["OnCalendar=", "OnActiveSec=0", "OnUnitActiveSec=50s", "RandomizedDelaySec=5s"]);
    check(UNITS[4], &[]);
    check(UNITS[5], &["WatchdogSec=7800s", "TimeoutStartSec=8100s"]);
    check("dccd-.service", &["RequiresMountsFor=\"/data/crypto\""]);
    // New content of the file starts what does not run.
    let begun = format!("dccd-config@{}", scratch.mark().unwrap());
    check(&begun, &[&format!("Wants={}", UNITS[4]), &format!("Wants={}", UNITS[5])]);
    assert!(scratch.generated(UNITS[2]).starts_with(&format!("# {}:5\n", scratch.config().display())));
    assert!(fs::read_dir(scratch.path("gen.early")).unwrap().next().is_none());
}

#[test]
fn the_copy_in_force_is_what_was_configured() {
    let scratch = Scratch::with(CONFIG);
    fs::set_permissions(scratch.config(), fs::Permissions::from_mode(0o640)).unwrap();
    fs::create_dir(scratch.path(".config/dccd/secrets")).unwrap();
    fs::write(scratch.path(".config/dccd/secrets/hook"), "https://hooks.example/x").unwrap();
    scratch.generate();
    let copy = scratch.path("run/dccd/config.yml");
    assert_eq!(fs::read_to_string(&copy).unwrap(), CONFIG);
    assert_eq!(copy.metadata().unwrap().permissions().mode() & 0o777, 0o640);
    // Named relative to the configuration, and found from the copy.
    assert_eq!(fs::read_to_string(scratch.path("run/dccd/secrets/hook")).unwrap(), "https://hooks.example/x");
    // Also where the configuration is named from here on.
    let flags = ["scandir", "tree", "--scripts", "/usr/lib/dccd", "--config", ".config/dccd/config.yml"];
    assert_eq!(scratch.run(&flags), (0, String::new(), String::new()));
    assert_eq!(fs::read_to_string(scratch.path("tree/secrets/hook")).unwrap(), "https://hooks.example/x");
    scratch.configure(&CONFIG.replace("secrets/hook", "../hook"));
    let (status, _, said) = scratch.run(&["keep", "--user"]);
    assert_eq!(status, 78);
    assert!(said.contains("below the folder of the configuration"), "{said}");
}

#[test]
fn whatever_is_there_the_generator_is_silent() {
    let check = |what: &str, prepare: fn(&Path)| {
        let scratch = Scratch::new();
        prepare(&scratch.config());
        scratch.generate();
        assert_eq!(scratch.upheld(), Vec::<String>::new(), "{what}");
        assert_eq!(scratch.mark().is_some(), what != "nothing", "{what}");
        let (status, _, said) = scratch.run(&["keep", "--user"]);
        assert_eq!(status, 78, "{what}");
        assert!(said.contains("config.yml") && said.contains("nothing is collected"), "{what}: {said}");
    };
    check("nothing", |_| {});
    check("a folder", |path| fs::create_dir(path).unwrap());
    check("a pipe", |path| assert!(Command::new("mkfifo").arg(path).status().unwrap().success()));
    check("a device", |path| symlink("/dev/zero", path).unwrap());
    check("a link in a circle", |path| symlink(path, path).unwrap());
    check("no text", |path| fs::write(path, b"a: \xff").unwrap());
    check("no end", |path| fs::write(path, "#".repeat(5 << 20)).unwrap());
    check("no configuration", |path| fs::write(path, "jobs: [").unwrap());
    // An empty file asks for nothing, which is no error.
    let scratch = Scratch::with("");
    scratch.generate();
    assert_eq!(scratch.upheld(), Vec::<String>::new());
}

#[test]
fn folders_that_cannot_be_written_fail_no_boot() {
    let scratch = Scratch::with(CONFIG);
    fs::write(scratch.path("file"), "").unwrap();
    for folder in ["file", "file/below", "/proc/dccd", "new/one"] {
        assert_eq!(scratch.run(&["generate", folder]), (0, String::new(), String::new()), "{folder}");
    }
    assert!(scratch.path("new/one/dccd.target.d/60-generated.conf").is_file());
}

#[test]
fn a_broken_file_changes_nothing_but_its_mark() {
    let scratch = Scratch::with(CONFIG);
    scratch.generate();
    let first = scratch.mark().unwrap();
    assert_eq!(scratch.run(&["keep", "--user"]), (0, String::new(), String::new()));

    for broken in [format!("{CONFIG}bogus: 1\n"), "\u{1}".to_owned(), CONFIG.replace("binance", "1/2")] {
        scratch.configure(&broken);
        scratch.generate();
        assert_eq!(scratch.upheld(), UNITS);
        assert!(scratch.mark().is_some_and(|mark| mark != first));
        assert_eq!(fs::read_to_string(scratch.path("run/dccd/config.yml")).unwrap(), CONFIG);
        let (status, _, said) = scratch.run(&["keep", "--user"]);
        assert_eq!(status, 78);
        assert!(said.contains("the last valid one stays in force: mend it"), "{said}");
    }
    scratch.configure(&format!("{CONFIG}bogus: 1\n"));
    let (status, table, said) = scratch.run(&["--user"]);
    assert_eq!((status, table.lines().count()), (78, 1 + UNITS.len()));
    assert!(said.contains("config.yml:14:1: unknown key \"bogus\""), "{said}");

    // A boot: what is in force is gone, what was kept is not, although the file is.
    fs::remove_dir_all(scratch.path("run/dccd")).unwrap();
    fs::remove_file(scratch.config()).unwrap();
    scratch.generate();
    assert_eq!(scratch.upheld(), UNITS);
    assert_eq!(fs::read_to_string(scratch.path("run/dccd/config.yml")).unwrap(), CONFIG);

    scratch.configure(CONFIG);
    scratch.generate();
    assert_eq!(scratch.mark().unwrap(), first);
}

#[test]
fn what_dccd_config_could_not_check_is_not_put_in_force() {
    let scratch = Scratch::with(CONFIG);
    fs::create_dir(scratch.path("bin")).unwrap();
    let program = scratch.path("bin/dccd-units");
    // Made by others: a file that any thread has open for writing cannot be run.
    let make = format!(
        "cp '{}' bin/dccd-units && (echo '#!/bin/sh'; echo . '{}') >bin/dccd-config && chmod 755 bin/*",
        env!("CARGO_BIN_EXE_dccd-units"),
        scratch.path("answer").display()
    );
    assert!(Command::new("sh").args(["-c", &make]).current_dir(scratch.dir.path()).status().unwrap().success());
    let check = |script: &str, is_taken: bool| {
        for folder in ["run/dccd", ".local"] {
            let _ = fs::remove_dir_all(scratch.path(folder));
        }
        fs::write(scratch.path("answer"), script).unwrap();
        let folder = scratch.path("gen").display().to_string();
        assert_eq!(scratch.run_program(&program, &["generate", &folder]), (0, String::new(), String::new()));
        assert_eq!(scratch.path("run/dccd/config.yml").exists(), is_taken, "{script}");
        let (status, _, said) = scratch.run_program(&program, &["keep", "--user"]);
        assert_eq!(status == 0, is_taken, "{script}: {said}");
        said
    };
    check("exit 0", true);
    assert!(check("kill -9 $$", false).contains("config.yml: dccd-config could not check it: signal: 9"));
    assert!(check("echo dccd-config: it broke >&2; exit 101", false).contains("it broke; nothing is collected"));
    // Somebody writes to it meanwhile: what was read first is not what was checked.
    let config = scratch.config().display().to_string();
    assert!(check(&format!("echo '# more' >>'{config}'"), false).contains("it changes again and again"));
    check(&format!("echo 'jobs: []' >'{config}'"), true);
    assert_eq!(fs::read_to_string(scratch.path("run/dccd/config.yml")).unwrap(), "jobs: []\n");
}

#[test]
fn folders_of_the_store_are_named_as_systemd_reads_them() {
    let check = |data_path: &str, wanted: &str| {
        let scratch = Scratch::with(&CONFIG.replace("/data/crypto/", data_path));
        scratch.generate();
        assert_eq!(scratch.upheld(), UNITS, "{data_path}");
        let found = scratch.generated("dccd-.service");
        assert_eq!(found.lines().last().unwrap_or_default(), wanted, "{data_path}");
    };
    check("'/srv/../data/./a b'", "RequiresMountsFor=\"/data/a b\"");
    check("/srv/marché/データ", "RequiresMountsFor=\"/srv/marché/データ\"");
    check("'/srv/100%/\"\\'", r#"RequiresMountsFor="/srv/100%%/\"\\""#);
}

#[test]
fn a_store_that_is_a_link_is_named_by_what_it_leads_to() {
    let mounts = |data_path: &str, link: &str, target: &str| {
        let scratch = Scratch::with(&CONFIG.replace("data_path: /data/crypto/, ", data_path));
        let link = scratch.path(link);
        fs::create_dir_all(link.parent().unwrap()).unwrap();
        symlink(target, &link).unwrap();
        scratch.generate();
        let home = scratch.dir.path().canonicalize().unwrap().display().to_string();
        scratch.generated("dccd-.service").lines().last().unwrap_or_default().replace(&home, "~")
    };
    let state = ".local/state/dccd";
    // It need not be mounted yet.
    assert_eq!(mounts("", &format!("{state}/data"), "/mnt/none/x"), "RequiresMountsFor=\"/mnt/none/x\"");
    assert_eq!(mounts("", &format!("{state}/data"), "other"), "");
    assert_eq!(mounts("data_path: ../../../link/a, ", "link", "./b/../c"), "RequiresMountsFor=\"~/c/a\"");
    // In a circle.
    assert!(mounts("data_path: ../../../link/a, ", "link", "link").contains("/link/a"));
}

#[test]
fn what_changes_is_named() {
    let scratch = Scratch::with(CONFIG);
    assert!(scratch.states().iter().all(|(_, state)| state == "new"));
    scratch.generate();
    assert_eq!(scratch.states(), UNITS.map(|unit| (unit.to_owned(), "in force".to_owned())));

    // Started now, with what is in force.
    let started = scratch.path("run/dccd/stream/binance:BTC-USDT");
    fs::create_dir_all(&started).unwrap();
    let (status, job, _) = scratch.run(&["job", "binance:BTC-USDT", "--config", "run/dccd/config.yml"]);
    assert_eq!(status, 0);
    fs::write(started.join("job"), job).unwrap();
    assert!(scratch.states().iter().all(|(_, state)| state == "in force"));

    let changed = CONFIG.replace("ETH/USDT], span: 1h", "SOL/USDT], span: 1h").replace("every: 50", "every: 60");
    scratch.configure(&changed.replace("channels: [trades, book]", "channels: [trades, book], time_step: 30"));
    let states = scratch.states();
    let state = |unit: &str| states.iter().find(|(name, _)| name == unit).map(|(_, state)| state.as_str());
    assert_eq!(state("dccd-fetch@binance:candle:SOL-USDT:1h.timer"), Some("new"));
    assert_eq!(state(UNITS[0]), Some("in force"));
    assert_eq!(state(UNITS[1]), Some("gone"));
    assert_eq!(state(UNITS[3]), Some("changed"));
    assert_eq!(state(UNITS[4]), Some("restart"));
    let (status, table, said) = scratch.run(&["--user"]);
    assert_eq!((status, table.lines().count()), (0, 1 + states.len()));
    assert!(said.contains("systemctl --user restart 'dccd-stream@binance:BTC-USDT.service'"), "{said}");
    assert_eq!(scratch.run(&["--user", "-q"]), (0, table, String::new()));
    // A reload does not restart it.
    scratch.generate();
    assert_eq!(scratch.states().iter().filter(|(_, state)| state != "in force").count(), 1);
}

#[test]
fn secrets_are_not_shown() {
    let scratch = Scratch::with(&CONFIG.replace("webhook_url_file: secrets/hook", "webhook_url: 'https://h/secret'"));
    scratch.generate();
    let (_, job, _) = scratch.run(&["job", "binance:BTC-USDT", "--config", "run/dccd/config.yml"]);
    assert!(job.contains("\"time_step\":60") && !job.contains("secret"), "{job}");
    scratch.configure(&CONFIG.replace("webhook_url_file: secrets/hook", "webhook_url: 'https://h/other'"));
    scratch.generate();
    assert_ne!(scratch.run(&["job", "binance:BTC-USDT", "--config", "run/dccd/config.yml"]).1, job);
}

#[test]
fn flags() {
    let scratch = Scratch::with(CONFIG);
    assert_eq!(scratch.run(&["--bogus"]).0, 2);
    assert_eq!(scratch.run(&["generate"]).0, 2);
    assert_eq!(scratch.run(&["job", "binance:SOL-USDT", "--config", ".config/dccd/config.yml"]).0, 78);
    assert_eq!(scratch.run(&["--user", "--config", "no.yml"]).0, 78);
    assert!(scratch.run(&["--help"]).1.starts_with("Say which units"));
}
