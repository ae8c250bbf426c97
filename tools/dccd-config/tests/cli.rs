//! `dccd-config` as a process: what is wrong is said, what is right is printed, edits are whole or not at all.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

const CONFIG: &str = "\
# what we collect
settings: {data_path: /data/crypto/, timezone: Europe/Paris}
storage: {remotes: [{provider: rclone, remote: 'mynas:crypto/'}]}
histo_jobs:
  - exchange: binance
    pairs: [BTC/USDT, ETH/USDT]   # both
    span: 3600
    max_retries: 7
    retry_delay: 1.5
    start: 2024-01-01
  - exchange: binance
    pairs: [BTC/USDT]
    kind: trades
    cron: '0 4 * * *'
stream_jobs:
  - {exchange: binance, pairs: [BTC/USDT], channels: [trades, book], time_step: 60}
";

struct Scratch {
    dir: tempfile::TempDir,
}

impl Scratch {
    fn new(config: &str) -> Scratch {
        let scratch = Scratch { dir: tempfile::tempdir().unwrap() };
        fs::write(scratch.config(), config).unwrap();
        fs::set_permissions(scratch.config(), fs::Permissions::from_mode(0o600)).unwrap();
        scratch
    }

    fn config(&self) -> std::path::PathBuf {
        self.dir.path().join("config.yml")
    }

    fn text(&self) -> String {
        fs::read_to_string(self.config()).unwrap()
    }

    /// A command that finds nothing of the user who runs the tests.
    fn command(&self, flags: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dccd-config"));
        command.env_clear().env("HOME", self.dir.path()).current_dir(self.dir.path()).args(flags);
        command
    }

    /// Status, standard output and standard error.
    fn run(&self, flags: &[&str]) -> (i32, String, String) {
        let output = self.command(flags).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }

    #[track_caller]
    fn check(&self, flags: &[&str], status: i32, stdout: &str, stderr: &str) {
        assert_eq!(self.run(flags), (status, stdout.to_owned(), stderr.to_owned()), "{flags:?}");
    }
}

/// The exchanges whose jobs can be done.
fn open_exchanges() -> Vec<&'static str> {
    dccd_exchange::exchanges().filter(|name| dccd_exchange::closed(name).is_none()).collect()
}

/// The cases of `wrong.txt`: a configuration and what is said of it.
fn wrong_configurations() -> Vec<(String, Vec<String>)> {
    let mut cases: Vec<(String, Vec<String>)> = Vec::new();
    let mut config = String::new();
    let mut lines = include_str!("wrong.txt").lines().peekable();
    while let Some(line) = lines.next() {
        let is_between = config.is_empty() && (line.is_empty() || line.starts_with('#'));
        if let Some(message) = line.strip_prefix("! ") {
            let mut messages = vec![message.to_owned()];
            while let Some(message) = lines.next_if(|line| line.starts_with("! ")) {
                messages.push(message[2..].to_owned());
            }
            cases.push((std::mem::take(&mut config), messages));
        } else if !is_between {
            config.push_str(line);
            config.push('\n');
        }
    }
    cases
}

#[test]
fn every_wrong_configuration_has_its_message_and_is_left_alone() {
    let cases = wrong_configurations();
    assert!(cases.len() >= 150, "only {} cases were found", cases.len());
    let add = ["add", "--exchange", "binance", "--pair", "NEW/USDT", "--span", "60"];
    let mut edited = 0;
    for (config, messages) in cases {
        let scratch = Scratch::new(&config);
        let messages = messages.into_iter().map(|message| message.replace("{exchanges}", &open_exchanges().join(", ")));
        let said: String = messages.map(|message| format!("dccd-config: config.yml:{message}\n")).collect();
        assert_eq!(scratch.run(&["validate"]), (1, String::new(), said), "{config}");
        let (status, _, stderr) = scratch.run(&["jobs"]);
        assert_eq!(status, 78, "{stderr}\n{config}");
        // What only an exchange refuses may be edited; whatever else is wrong keeps the file from being touched.
        match scratch.run(&add) {
            (0, ..) => {
                edited += 1;
                assert_eq!(scratch.text().matches("NEW/USDT").count(), 1, "{config}");
                assert_eq!(scratch.run(&["remove", add[1], add[2], add[3], add[4], add[5], add[6]]).0, 0, "{config}");
            }
            (status, _, stderr) => {
                assert!(status == 78 || status == 1, "{status} {stderr}\n{config}");
                assert_eq!(scratch.text(), config);
            }
        }
        assert_eq!(fs::read_dir(scratch.dir.path()).unwrap().count(), 1, "nothing is left beside {config}");
    }
    assert!((5..40).contains(&edited), "{edited} cases could be edited");
}

#[test]
fn a_right_configuration_is_summed_up() {
    let scratch = Scratch::new(CONFIG);
    let expected = "\
Config: config.yml
  data_path          : /data/crypto/
  timezone           : Europe/Paris
  remotes            : 1
  histo_jobs         : 2
  stream_jobs        : 1
Config is valid.
";
    scratch.check(&["validate"], 0, expected, "");
    scratch.check(&["--config", "config.yml", "validate"], 0, expected, "");
    scratch.check(&["validate", "-c", "./config.yml"], 0, &expected.replace(": config.yml", ": ./config.yml"), "");
}

#[test]
fn every_open_exchange_can_be_configured() {
    // Live trades and books are everywhere, also where there is no history of them.
    for exchange in open_exchanges() {
        let pair = if exchange == "krakenfutures" { "BTC/USD:perp" } else { "BTC/USD" };
        let scratch = Scratch::new(&format!(
            "jobs:\n  - {{exchange: {exchange}, pairs: ['{pair}'], data_type: ohlc, span: 86400, operation: backfill, \
             trigger_kind: interval, every: 86400}}\n  - {{exchange: {exchange}, pairs: ['{pair}'], data_type: trades, operation: stream, trigger_kind: supervised}}\n\
             stream_jobs: [{{exchange: {exchange}, pairs: ['{pair}'], channels: [book], time_step: 60}}]\n"
        ));
        let (status, stdout, stderr) = scratch.run(&["validate"]);
        assert_eq!((status, stderr.as_str()), (0, ""), "{exchange}");
        assert!(stdout.ends_with("Config is valid.\n"), "{stdout}");
        let (status, stdout, _) = scratch.run(&["jobs"]);
        assert_eq!((status, stdout.lines().count()), (0, 1), "{stdout}");
    }
    assert!(open_exchanges().len() >= 7, "{:?}", open_exchanges());
}

#[test]
fn an_exchange_that_closed_does_not_stop_its_neighbours() {
    let jobs = "histo_jobs:\n  - {exchange: bitmex, pairs: [BTC/USD, ETH/USD], span: 1h}\n  \
                - {exchange: binance, pairs: [BTC/USDT], span: 1h}\n  - {exchange: bitmex, pairs: [BTC/USD], span: 1d}\n\
                stream_jobs: [{exchange: bitmex, pairs: [BTC/USD], channels: [trades]}]\n";
    let scratch = Scratch::new(jobs);
    let closed = "bitmex closed on 2026-09-23: what is stored stays readable, but nothing more can be had";
    let at = |place: &str| format!("dccd-config: config.yml:{place}: {closed}\n");
    let everywhere = ["2:16", "4:16", "5:26"].map(at).concat();
    scratch.check(&["validate"], 1, "", &everywhere);
    let (status, stdout, stderr) = scratch.run(&["jobs"]);
    assert_eq!((status, stdout.lines().count(), stderr), (0, 4, at("2:16")), "{stdout}");
    let (status, stdout, stderr) = scratch.run(&["jobs", "--exchange", "binance"]);
    assert_eq!((status, stdout.lines().count(), stderr.as_str()), (0, 1, ""), "{stdout}");
    assert_eq!(scratch.run(&["show"]).0, 0);
    // A slip stops everything, and is what is said.
    let slip = "dccd-config: config.yml:6:1: unknown key \"job\" in the configuration; did you mean \"jobs\"?\n";
    let scratch = Scratch::new(&format!("{jobs}job: 1\n"));
    scratch.check(&["jobs"], 78, "", slip);
    scratch.check(&["validate"], 1, "", &format!("{everywhere}{slip}"));
    // Where its history is kept somewhere else, it can be had; live it cannot.
    let scratch = Scratch::new(&format!("exchanges: {{bitmex: {{rest_url: 'https://a.b'}}}}\n{jobs}"));
    scratch.check(&["validate"], 1, "", &at("6:26"));
    let address = Scratch::new("exchanges: {bitmex: {rest_url: 'https://a.b', ws_url: 'wss://a.b'}}\n");
    assert_eq!(address.run(&["validate"]).0, 0);
}

#[test]
fn jobs_are_lines() {
    let scratch = Scratch::new(CONFIG);
    let btc = r#"{"kind":"job","exchange":"binance","pair":"BTC/USDT","id":"binance:candle:BTC-USDT:1h","of":"candle","span":3600,"start":"2023-12-31T23:00:00.000000000Z","max_retries":7,"retry_delay":1.5}
"#;
    let eth = btc.replace("BTC", "ETH");
    let trades = r#"{"kind":"job","exchange":"binance","pair":"BTC/USDT","id":"binance:trade:BTC-USDT","of":"trade"}
"#;
    scratch.check(&["jobs"], 0, &format!("{btc}{eth}{trades}"), "");
    scratch.check(&["jobs", "--pairs", "ETH/USDT", "sol-usdt"], 0, &eth, "");
    scratch.check(&["jobs", "--pairs", "ETH/USDT", "BTC/USDT", "--kind", "ohlc"], 0, &format!("{btc}{eth}"), "");
    scratch.check(&["jobs", "--kind", "trade", "--exchange", "BINANCE"], 0, trades, "");
    let nothing = "dccd-config: config.yml: no job of history is like that\n";
    scratch.check(&["jobs", "--exchange", "kraken"], 0, "", nothing);
    scratch.check(&["jobs", "--exchange", "kraken", "-q"], 0, "", "");
    let (status, stdout, stderr) = scratch.run(&["jobs", "--exchange", "binanc"]);
    assert_eq!((status, stdout.as_str()), (2, ""));
    let slip = r#"no exchange "binanc" is known; this version supports "#;
    assert!(stderr.contains(slip) && stderr.contains(r#"did you mean "binance"?"#), "{stderr}");
    let lines = scratch.run(&["jobs"]).1;
    for line in lines.lines() {
        let job: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(job["kind"], "job");
    }
}

#[test]
fn the_first_file_that_is_there_is_taken() {
    let scratch = Scratch::new("settings: {data_path: here}\n");
    let found = |scratch: &Scratch, xdg: Option<&Path>| {
        let mut command = scratch.command(&["validate"]);
        command.envs(xdg.map(|dir| ("XDG_CONFIG_HOME", dir)));
        let output = command.output().unwrap();
        String::from_utf8_lossy(&output.stdout).lines().nth(1).map(|line| line[23..].to_owned())
    };
    for (dir, name) in [(".config/dccd", "home"), ("xdg/dccd", "xdg")] {
        let dir = scratch.dir.path().join(dir);
        fs::create_dir_all(&dir).unwrap();
        fs::write(dir.join("config.yml"), format!("settings: {{data_path: {name}}}\n")).unwrap();
    }
    let xdg = scratch.dir.path().join("xdg");
    assert_eq!(found(&scratch, Some(&xdg)).as_deref(), Some("here"));
    fs::remove_file(scratch.config()).unwrap();
    assert_eq!(found(&scratch, Some(&xdg)).as_deref(), Some("xdg"));
    assert_eq!(found(&scratch, None).as_deref(), Some("home"));
    fs::remove_dir_all(scratch.dir.path().join(".config")).unwrap();
    if !Path::new("/etc/dccd/config.yml").exists() {
        let (status, stdout, stderr) = scratch.run(&["validate"]);
        assert_eq!((status, stdout.as_str()), (1, ""));
        let home = scratch.dir.path().join(".config/dccd/config.yml");
        let places = format!("config.yml, {}, /etc/dccd/config.yml", home.display());
        assert_eq!(stderr, format!("dccd-config: no configuration: none at {places} (name one with --config)\n"));
        assert_eq!(scratch.run(&["jobs"]).0, 78);
    }
    let missing = "dccd-config: cannot read configuration no.yml: No such file or directory (os error 2)\n";
    scratch.check(&["jobs", "-c", "no.yml"], 78, "", missing);
}

#[test]
fn adding_and_removing_change_only_the_job() {
    let scratch = Scratch::new(CONFIG);
    fs::set_permissions(scratch.config(), fs::Permissions::from_mode(0o640)).unwrap();
    let job =
        |command: &'static str, pair: &'static str| [command, "--exchange", "binance", "--pair", pair, "--span", "60"];
    let added = "Added candle job: exchange=binance pair=SOL/USDT span=60s\nConfig written to config.yml.\n";
    scratch.check(&job("add", "SOL/USDT"), 0, added, "");
    let entry = "  - exchange: binance\n    pairs: [SOL/USDT]\n    span: 60\nstream_jobs:";
    assert_eq!(scratch.text(), CONFIG.replace("stream_jobs:", entry));
    assert_eq!(fs::metadata(scratch.config()).unwrap().permissions().mode() & 0o7777, 0o640);
    let there = "dccd-config: binance:candle:SOL-USDT:1m is there already, in line 16\n";
    scratch.check(&job("add", "sol-usdt"), 1, "", there);
    let removed = added.replace("Added", "Removed");
    scratch.check(&job("remove", "SOL/USDT"), 0, &removed, "");
    assert_eq!(scratch.text(), CONFIG);
    scratch.check(&job("remove", "SOL/USDT"), 1, "", "dccd-config: no job binance:candle:SOL-USDT:1m is there\n");
    // The short flags that users of dccd know.
    assert_eq!(scratch.run(&["remove", "-e", "binance", "-p", "ETH/USDT", "-s", "1h", "-c", "config.yml"]).0, 0);
    assert_eq!(scratch.text(), CONFIG.replace(", ETH/USDT]", "]"));
}

#[test]
fn what_an_exchange_has_not_is_not_added() {
    let scratch = Scratch::new(CONFIG);
    let check = |flags: &[&str], status: i32, message: &str| {
        let flags: Vec<&str> = ["add"].iter().chain(flags).copied().collect();
        scratch.check(&flags, status, "", &format!("dccd-config: {message}\n"));
        assert_eq!(scratch.text(), CONFIG);
    };
    let one = ["--pair", "BTC/USDT", "--span", "60", "--exchange"];
    let of = |name: &'static str| one.iter().copied().chain([name]).collect::<Vec<_>>();
    let open = open_exchanges().join(", ");
    let message = format!("no exchange \"binanec\" is known; this version supports {open}; did you mean \"binance\"?");
    check(&of("binanec"), 1, &message);
    let closed = "bitmex closed on 2026-09-23: what is stored stays readable, but nothing more can be had";
    check(&of("bitmex"), 1, closed);
    let spans = "1s 1m 3m 5m 15m 30m 1h 2h 4h 6h 8h 12h 1d 3d 1w";
    let binance = ["--exchange", "binance", "--pair", "BTC/USDT"];
    check(&[&binance[..], &["--span", "600"]].concat(), 1, &format!("binance has no span of 10m; it has {spans}"));
    let live = "binance keeps no history of books: only what is now can be asked for; record it with stream_jobs";
    check(&[&binance[..], &["--kind", "book"]].concat(), 1, live);
    check(&[&binance[..], &["--kind", "trade", "--span", "1m"]].concat(), 2, "trade has no span");
    check(&binance, 2, "candle needs a span");
}

#[test]
fn a_file_that_cannot_be_replaced_is_as_it_was() {
    let scratch = Scratch::new(CONFIG);
    let job = ["add", "--exchange", "binance", "--pair", "SOL/USDT", "--span", "60"];
    // A pipe in place of the file cannot be edited.
    let (status, _, stderr) = scratch.run(&[&job[..], &["-c", "/dev/null"]].concat());
    assert_eq!(status, 78, "{stderr}");
    // No byte may be written to any file: a full disk, even for root.
    let script = "ulimit -f 0; trap '' XFSZ; exec \"$@\"";
    let tool = env!("CARGO_BIN_EXE_dccd-config");
    let mut command = Command::new("sh");
    command.args(["-c", script, "sh", tool]).args(job).current_dir(scratch.dir.path()).env_clear();
    let output = command.output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(74), "{stderr}");
    assert!(stderr.starts_with("dccd-config: cannot replace configuration config.yml: "), "{stderr}");
    assert_eq!(scratch.text(), CONFIG);
    assert_eq!(fs::read_dir(scratch.dir.path()).unwrap().count(), 1, "nothing is left behind");
}

#[test]
fn show_says_where_each_value_comes_from_and_hides_secrets() {
    let secret =
        "alerts: {webhook_url: 'https://example.org/hush'}\nexchanges: {binance: {rest_url: 'http://127.0.0.1:1'}}\n";
    let scratch = Scratch::new(&format!("{CONFIG}{secret}"));
    let mut command = scratch.command(&["show"]);
    let output = command.env("DCCD_DATA_PATH", "/from/env").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let rows: Vec<Vec<&str>> =
        text.lines().map(|line| line.split("  ").map(str::trim).filter(|word| !word.is_empty()).collect()).collect();
    let has = |row: &[&str]| assert!(rows.iter().any(|found| found == row), "{row:?}\n{text}");
    has(&["settings.data_path", "/from/env", "environment DCCD_DATA_PATH"]);
    has(&["settings.timezone", "Europe/Paris", "config.yml:2"]);
    has(&["settings.ui_port", "8080", "default"]);
    has(&["storage.remotes", "mynas:crypto/", "config.yml:3"]);
    has(&["alerts.webhook_url", "***", "config.yml:17"]);
    has(&["exchanges.binance.rest_url", "http://127.0.0.1:1", "config.yml:18"]);
    has(&["binance:candle:ETH-USDT:1h", "every 3600 s, from 2024-01-01T00:00:00", "config.yml:5"]);
    assert!(text.contains("cron 0 4 * * * (next "), "{text}");
    has(&["binance:BTC-USDT", "live trade book", "config.yml:16"]);
    assert!(!text.contains("hush"), "{text}");
    fs::set_permissions(scratch.config(), fs::Permissions::from_mode(0o644)).unwrap();
    let (status, _, stderr) = scratch.run(&["show"]);
    let warning = "dccd-config: others can read config.yml, which holds webhook_url: chmod o-r config.yml, or name a *_file instead\n";
    assert_eq!((status, stderr.as_str()), (0, warning));
}

#[test]
fn show_hides_passwords_inside_of_values() {
    let scratch = Scratch::new(
        "exchanges: {binance: {rest_url: 'http://user:hush@proxy/x'}, okx: {rest_url: 'http://h'}}\n\
         storage: {remotes: [{remote: 'nas:x'}, {remote: ':s3,secret_access_key=hush:bucket'}]}\n",
    );
    let mut command = scratch.command(&["show"]);
    let text = String::from_utf8(command.env("DCCD_OKX_REST_URL", "http://hush@h").output().unwrap().stdout).unwrap();
    for value in ["http://***@proxy/x", "http://***@h", "nas:x :s3,secret_access_key=***:bucket"] {
        assert!(text.contains(&format!("  {value}  ")), "{value}\n{text}");
    }
    assert!(!text.contains("hush"), "{text}");
}

#[test]
fn credentials_of_systemd_are_found() {
    let scratch = Scratch::new("settings: {}\n");
    let dir = scratch.dir.path().join("credentials");
    fs::create_dir(&dir).unwrap();
    fs::write(dir.join("webhook_url"), "https://example.org/hush\n").unwrap();
    fs::set_permissions(dir.join("webhook_url"), fs::Permissions::from_mode(0o400)).unwrap();
    let output = scratch.command(&["show"]).env("CREDENTIALS_DIRECTORY", &dir).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let row = text.lines().find(|line| line.starts_with("alerts.webhook_url")).unwrap();
    assert!(row.contains("***") && row.ends_with("credentials/webhook_url"), "{row}");
}

#[test]
fn the_schema_knows_every_key() {
    let scratch = Scratch::new("not: read\n");
    let (status, stdout, _) = scratch.run(&["schema"]);
    let schema: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(status, 0);
    let job = &schema["properties"]["histo_jobs"]["items"];
    assert_eq!(job["required"], serde_json::json!(["exchange", "pairs"]));
    assert_eq!(job["additionalProperties"], false);
    assert_eq!(job["properties"]["exchange"]["enum"], serde_json::json!(open_exchanges()));
    assert_eq!(schema["properties"]["settings"]["properties"]["ui_port"]["maximum"], 65_535);
    assert!(job["properties"]["retry_delay"]["description"].as_str().unwrap().ends_with("(default: 1.0)"));
    let manual = include_str!("../../../man/dccd-config.5");
    let mut missing = Vec::new();
    keys(&schema, &mut |key, description| {
        let default = description.rsplit_once("(default: ").map(|(_, default)| default.trim_end_matches(')'));
        let entry = manual.split(&format!(".It Cm {key}\n")).nth(1).and_then(|rest| rest.split("\n.It").next());
        let is_there = entry.is_some_and(|entry| default.is_none_or(|default| entry.contains(default)));
        if !is_there && !manual.contains(&format!(".Ss {key}\n")) {
            missing.push(format!("{key} {description}"));
        }
    });
    assert_eq!(missing, Vec::<String>::new(), "man/dccd-config.5 lacks keys or their defaults");
}

/// Calls `found` with each key of a schema and what it says of it.
fn keys(schema: &serde_json::Value, found: &mut dyn FnMut(&str, &str)) {
    for (key, inner) in schema["properties"].as_object().into_iter().flatten() {
        found(key, inner["description"].as_str().unwrap_or_default());
        for inner in [inner, &inner["items"], &inner["additionalProperties"]] {
            keys(inner, found);
        }
    }
}

#[test]
fn two_thousand_jobs_are_quick() {
    let mut config = "histo_jobs:\n".to_owned();
    for at in 0..1000 {
        config.push_str(&format!("  - exchange: binance\n    pairs: [A{at}/USDT, B{at}/USDT]\n    span: 60\n"));
    }
    let scratch = Scratch::new(&config);
    let (status, stdout, stderr) = scratch.run(&["jobs"]);
    assert_eq!((status, stdout.lines().count(), stderr.as_str()), (0, 2000, ""));
    let shown = scratch.run(&["show"]).1;
    assert!(shown.lines().last().unwrap().ends_with("config.yml:2999"), "{shown}");
    assert_eq!(scratch.run(&["add", "--exchange", "binance", "--pair", "NEW/USDT", "--span", "60"]).0, 0);
    assert_eq!(scratch.run(&["remove", "--exchange", "binance", "--pair", "A500/USDT", "--span", "60"]).0, 0);
    assert_eq!(scratch.run(&["jobs"]).1.lines().count(), 2000);
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let pairs: Vec<String> = (0..5000).map(|at| format!("A{at}/USDT")).collect();
    let scratch =
        Scratch::new(&format!("histo_jobs: [{{exchange: binance, span: 60, pairs: [{}]}}]\n", pairs.join(", ")));
    let mut child = scratch.command(&["jobs"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = [0; 10];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
}

#[test]
fn bad_flags_are_usage_errors() {
    let scratch = Scratch::new(CONFIG);
    for flags in [
        &["--no-such-flag"][..],
        &[],
        &["validat"],
        &["jobs", "--pairs"],
        &["jobs", "--pairs", "BTCUSDT"],
        &["jobs", "--kind", "tick"],
        &["jobs", "--exchange", "binanc"],
        &["add", "--exchange", "binance"],
        &["add", "--exchange", "binance", "--pair", "BTC/USDT", "--span", "61"],
        &["add", "--exchange", "binance", "--pair", "É/USDT", "--span", "60"],
    ] {
        let (status, stdout, stderr) = scratch.run(flags);
        assert_eq!((status, stdout.as_str()), (2, ""), "{flags:?}: {stderr}");
        assert!(!stderr.is_empty(), "{flags:?}");
    }
    let (status, stdout, stderr) = scratch.run(&["--help"]);
    assert_eq!((status, stderr.as_str()), (0, ""));
    assert!(stdout.starts_with("Read, check and edit the configuration\n"), "{stdout}");
}
