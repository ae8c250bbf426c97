//! install.sh of the tarball.

use std::path::Path;
use std::process::Command;

use dccd_tests::{Ended, Scratch, Sim, files_under, find_command, read_text, run, skip};

use super::make::{in_overlay, is_root, says, unpacked};

/// What root does with the unpacked tarball in /mnt/dccd.
const AS_ROOT: &str = r#"set -eux
cd /
sh /mnt/dccd/install.sh
[ "$(stat -c %U:%G:%a /etc/dccd/config.yml)" = root:dccd:640 ]
[ "$(stat -c %U:%G:%a /var/lib/dccd/budget)" = dccd:dccd:2775 ]
runuser -u dccd -- /usr/local/bin/dccd validate --config /etc/dccd/config.yml
systemd-analyze verify --recursive-errors=no /usr/local/lib/systemd/system/dccd.target
[ -x /usr/local/lib/systemd/system-generators/dccd-generator ]
/usr/local/lib/systemd/system-generators/dccd-generator /tmp /tmp /tmp
[ -f /tmp/dccd.target.d/60-generated.conf ]
mkdir -p /var/lib/dccd/data
sh /mnt/dccd/install.sh --uninstall
[ -z "$(find /usr/local -path '*dccd*')" ]
[ -e /etc/dccd/config.yml ]
[ -d /var/lib/dccd/data ]
echo 'all is well'
"#;

/// Runs install.sh as if nobody were root and no systemd ran: everything goes below `scratch`.
fn install(scratch: &Scratch, unpacked: &Path, flags: &[&str]) -> Ended {
    let mut command: Command = scratch.program("sh");
    command.arg(unpacked.join("install.sh")).args(flags);
    run(&mut command, "")
}

fn listed(dir: &Path) -> Vec<String> {
    files_under(dir).iter().map(|path| path.strip_prefix(dir).expect("below").display().to_string()).collect()
}

#[test]
fn it_installs_below_any_prefix_and_leaves_nothing_behind() {
    let Some(unpacked) = unpacked("installing the tarball") else { return };
    let scratch = Scratch::new();
    let root = scratch.join("root").display().to_string();
    let flags = ["--prefix", "/opt/dccd", "--destdir", &root];
    assert_eq!(install(&scratch, unpacked, &flags).expect(0).text(), "");
    let files = listed(Path::new(&root));
    for wanted in [
        "opt/dccd/bin/dccd",
        "opt/dccd/bin/dccd-write",
        "opt/dccd/lib/dccd/pipeline.sh",
        "opt/dccd/share/man/man1/dccd-write.1",
        "opt/dccd/share/bash-completion/completions/dccd",
        "etc/dccd/config.yml",
        "etc/systemd/system/dccd.target",
        "etc/systemd/system-generators/dccd-generator",
        "etc/systemd/user/dccd.target",
        "etc/sysusers.d/dccd.conf",
        "etc/tmpfiles.d/dccd.conf",
    ] {
        assert!(files.iter().any(|file| file == wanted), "{wanted} is not installed: {files:#?}");
    }
    // Units, generators and examples name the programs where they are.
    let named = files.iter().filter(|file| file.starts_with("etc/systemd/") || file.contains("/examples/"));
    for file in named.clone() {
        let text = read_text(&Path::new(&root).join(file));
        assert!(!text.contains("/usr/bin/dccd") && !text.contains("/usr/lib/dccd"), "{file}:\n{text}");
    }
    let unit = read_text(&Path::new(&root).join("etc/systemd/system/dccd-stream@.service"));
    assert!(unit.contains("\nExecStart=/opt/dccd/bin/dccd-run "), "{unit}");

    // A second time changes nothing, and an edited configuration least of all; what an older version had goes.
    scratch.write("root/etc/dccd/config.yml", "# mine\n");
    scratch.write("root/opt/dccd/lib/dccd/dccd-old", "");
    let list = Path::new(&root).join("opt/dccd/lib/dccd/installed");
    std::fs::write(&list, read_text(&list) + "/opt/dccd/lib/dccd/dccd-old\n").expect("a list that can be written");
    install(&scratch, unpacked, &flags).expect(0);
    assert_eq!(listed(Path::new(&root)), files);
    assert_eq!(read_text(&scratch.join("root/etc/dccd/config.yml")), "# mine\n");

    let mut uninstall = vec!["--uninstall"];
    uninstall.extend(flags);
    install(&scratch, unpacked, &uninstall).expect(0);
    assert_eq!(listed(Path::new(&root)), ["etc/dccd/config.yml"]);
    // Folders that were made go too.
    let left = std::fs::read_dir(&root).expect("a folder").map(|entry| entry.expect("an entry").file_name());
    assert_eq!(left.collect::<Vec<_>>(), ["etc"]);
    let ended = install(&scratch, unpacked, &uninstall).expect(1);
    assert!(ended.stderr.contains("nothing is installed below /opt/dccd"), "{}", ended.stderr);
}

/// As on systems that have nothing but busybox.
#[test]
fn busybox_will_do() {
    let what = "installing by busybox";
    let Some(busybox) = find_command("busybox") else { return skip(what, "busybox is not installed") };
    let Some(unpacked) = unpacked(what) else { return };
    let scratch = Scratch::new();
    let bin = scratch.join("bin");
    std::fs::create_dir(&bin).expect("a folder");
    says(Command::new(&busybox).args(["--install", "-s"]).arg(&bin));
    let root = scratch.join("root").display().to_string();
    for (flag, expected) in [("--prefix=/opt/dccd", true), ("--prefix=/opt/dccd", true), ("--uninstall", false)] {
        let mut install = Command::new(&busybox);
        install.arg("sh").arg(unpacked.join("install.sh")).args([flag, "--prefix=/opt/dccd", "--destdir", &root]);
        says(install.env_clear().env("PATH", &bin));
        assert_eq!(scratch.join("root/opt/dccd/bin/dccd").exists(), expected);
    }
    assert_eq!(listed(Path::new(&root)), ["etc/dccd/config.yml"]);
}

#[test]
fn root_gets_a_user_and_units_that_systemd_finds() {
    let what = "installing the tarball as root";
    if !is_root(what) {
        return;
    }
    let Some(unpacked) = unpacked(what) else { return };
    let scratch = Scratch::new();
    let copied = Command::new("cp").arg("-R").arg(unpacked).arg(scratch.join("dccd")).status();
    assert!(copied.expect("cp can be started").success());
    scratch.write("script", AS_ROOT);
    assert!(in_overlay(&scratch).ends_with("all is well\n"));
}

#[test]
fn for_oneself_it_takes_no_root() {
    let Some(unpacked) = unpacked("installing the tarball for oneself") else { return };
    let scratch = Scratch::new();
    let said = install(&scratch, unpacked, &["--user"]).expect(0).text();
    let example = read_text(&scratch.join(".config/dccd/config.yml"));
    assert!(!example.contains("/var/lib/dccd") && example.contains("\n#  data_path: /"), "{example}");
    assert!(said.contains(".config/dccd/config.yml"), "{said}");
    let unit = read_text(&scratch.join(".local/share/systemd/user/dccd-stream@.service"));
    let here = scratch.path().display();
    assert!(unit.contains(&format!("\nExecStart={here}/.local/bin/dccd-run ")), "{unit}");
    assert!(!scratch.join(".local/lib/sysusers.d").exists() && !scratch.join(".local/lib/systemd").exists());
    // What it says to do instead of a generator does it.
    let generate = said.lines().find_map(|line| line.trim().strip_suffix(" && systemctl --user daemon-reload"));
    scratch.write(
        ".config/dccd/config.yml",
        "stream_jobs: [{exchange: binance, pairs: [BTC/USDT], channels: [trades]}]\n",
    );
    let mut generate = scratch.shell(generate.expect("a command"));
    says(generate.env("XDG_RUNTIME_DIR", scratch.join("run")));
    let target = read_text(&scratch.join(".config/systemd/user/dccd.target.d/60-generated.conf"));
    assert!(target.contains("Wants=dccd-stream@binance:BTC-USDT.service"), "{target}");
    std::fs::remove_dir_all(scratch.join("run")).expect("what was generated");
    let wants = scratch.join(".config/systemd/user/default.target.wants");
    std::fs::create_dir_all(&wants).expect("a folder");
    std::os::unix::fs::symlink(scratch.join(".local/share/systemd/user/dccd.target"), wants.join("dccd.target"))
        .expect("a link as systemctl enable makes it");
    // From there everything works without a PATH that names it.
    let mut validate = scratch.program(scratch.join(".local/bin/dccd"));
    validate.env("PATH", "/usr/bin:/bin").arg("validate");
    assert!(run(&mut validate, "").expect(0).text().ends_with("Config is valid.\n"));
    install(&scratch, unpacked, &["--user", "--uninstall"]).expect(0);
    assert!(
        !scratch.join(".local/bin/dccd").exists() && !scratch.join(".local/share/systemd/user/dccd.target").exists()
    );
    assert!(!scratch.join(".local").exists());
    assert_eq!(listed(&scratch.join(".config")), ["dccd/config.yml"]);
}

#[test]
fn wrong_calls_are_refused() {
    let Some(unpacked) = unpacked("calling install.sh wrongly") else { return };
    let scratch = Scratch::new();
    let check = |flags: &[&str], status: i32, message: &str| {
        let ended = install(&scratch, unpacked, flags).expect(status);
        assert!(ended.stderr.contains(message), "{flags:?}: {}", ended.stderr);
    };
    check(&["--prefix"], 2, "--prefix needs a folder");
    check(&["--prefix", "opt"], 2, "begins with /");
    check(&["--prefix", "/opt/my dccd"], 2, "letters that units cannot name");
    check(&["--all"], 2, "there is no flag or argument --all");
    check(&["--uninstall", "--prefix", "/nowhere"], 1, "nothing is installed below /nowhere");
    check(&["--prefix", "/proc/dccd"], 74, "cannot write to /proc/dccd");
    assert!(listed(scratch.path()).is_empty());
}

/// What stands commented in the example is right when the marks are taken away.
#[test]
fn the_example_is_valid_as_it_is_and_with_everything_in_it() {
    let scratch = Scratch::new();
    let example = read_text(&dccd_tests::workspace_root().join("systemd/config.yml"));
    scratch.write("config.yml", &example);
    let ended = run(scratch.tool("dccd-config").arg("validate"), "").expect(0);
    assert!(ended.text().contains("histo_jobs         : 0"), "{}", ended.text());
    // Sentences stand after a space, keys do not, and what belongs to a key after two.
    let is_sentence = |line: &str| line.starts_with("# ");
    let all = example.lines().filter(|line| !is_sentence(line) || line.starts_with("#  "));
    let all: Vec<&str> = all.map(|line| line.strip_prefix('#').unwrap_or(line)).collect();
    scratch.write("webhook", "https://example.org/hook\n");
    let all = all.join("\n").replace("/etc/dccd/webhook", "webhook");
    scratch.write("config.yml", all);
    let ended = run(scratch.tool("dccd-config").arg("validate"), "").expect(0);
    for count in ["remotes            : 1", "histo_jobs         : 1", "stream_jobs        : 1"] {
        assert!(ended.text().contains(count), "{}", ended.text());
    }
}

#[test]
fn lines_for_cron_work_and_say_nothing_while_all_is_well() {
    let scratch = Scratch::new();
    let sim = Sim::start(&scratch, &[]);
    let remote = scratch.join("remote").display().to_string();
    scratch.write(
        "config.yml",
        format!(
            "histo_jobs: [{{exchange: binance, pairs: [BTC/USDT], span: 1h}}]\n\
             storage: {{remotes: [{{provider: rclone, remote: ':local:{remote}'}}]}}\n\
             exchanges: {{binance: {{rest_url: '{0}', archive_url: '{0}'}}}}\n",
            sim.url()
        ),
    );
    let table = read_text(&dccd_tests::workspace_root().join("systemd/dccd.cron"));
    let here = scratch.path().display().to_string();
    let table = table.replace("/etc/dccd/", &format!("{here}/")).replace("/var/lib/dccd ", &format!("{here} "));
    let lines = table.lines().filter_map(|line| line.trim_start_matches('#').split_once("  dccd  "));
    let mut count = 0;
    for (_, command) in lines {
        if command.ends_with(" sync") && find_command("rclone").is_none() {
            skip("a line for cron", "rclone is not installed");
            continue;
        }
        let ended = run(&mut scratch.shell(command), "").expect(0);
        assert_eq!((ended.text().as_str(), ended.stderr.as_str()), ("", ""), "{command}");
        count += 1;
    }
    assert!(count >= 4, "{table}");

    // Without the exchange for long enough, there is something to say.
    let old = scratch.write("old.yml", "histo_jobs: [{exchange: binance, pairs: [ETH/USDT], span: 1m}]\n");
    let check = table.lines().find(|line| line.contains(" check)")).expect("a line that checks");
    let (_, check) = check.split_once("  dccd  ").expect("a command");
    let ended = run(&mut scratch.shell(&check.replace(&format!("{here}/config.yml"), &old.display().to_string())), "");
    assert!(ended.text().contains("ETH-USDT"), "{}{}", ended.text(), ended.stderr);
}
