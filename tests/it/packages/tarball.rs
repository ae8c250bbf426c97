//! The static tarball: the same bytes from the same programs, on a root without anything else, on old processors.

use std::path::{Path, PathBuf};
use std::process::Command;

use dccd_tests::{
    Scratch, Signal, Sim, assert_same_records, find_command, of_kind, read_text, run, run_pipe, skip, workspace_root,
};

use super::deb::programs;
use super::make::{is_root, package, says, script, tarball, unpacked};

/// A processor of 2010: SSE 4.2, and neither AVX nor what came after it.
const OLD_PROCESSOR: &str = "Westmere";
/// Two days.
const RANGE: [&str; 4] = ["--start", "2024-01-01", "--end", "2024-01-03"];

#[test]
fn the_same_programs_make_the_same_tarball() {
    let Some(first) = tarball("making a tarball twice") else { return };
    let mut again = script("tarball-again");
    // Times, owners and names come from elsewhere than the first time.
    again.env("DCCD_BIN_DIR", static_bins()).env("TZ", "Asia/Tokyo").env("LC_ALL", "C.UTF-8");
    let second = package("tarball", again.args(["--fast", "tarball"])).expect("what made one makes another");
    assert_ne!(first, second);
    assert_eq!(first.file_name(), second.file_name());
    let (first, second) = (std::fs::read(first).expect("it is there"), std::fs::read(second).expect("it is there"));
    assert!(first == second, "the tarballs differ");
}

/// Whoever gives the programs away has to give the licences of all that is in them, too.
#[test]
fn what_others_wrote_is_named_with_its_licences() {
    let Some(unpacked) = unpacked("licences in the tarball") else { return };
    let said = read_text(&unpacked.join("share/doc/dccd/third-party"));
    let (libraries, texts) = said.split_once("\n==== ").expect("libraries, then texts");
    for library in ["rustls v", "zstd-sys v", "musl libc: MIT", "standard library of Rust"] {
        assert!(libraries.contains(&format!("\n{library}")), "{library} is not named:\n{libraries}");
    }
    assert!(!libraries.contains("\ndccd"), "{libraries}");
    // Each text that is named is there.
    let named = libraries.lines().filter(|line| line.starts_with("    ") && !line.contains("//"));
    let named: Vec<&str> = named.filter_map(|line| line.rsplit(' ').next()).collect();
    assert!(named.len() > 100, "{libraries}");
    for text in named {
        assert!(format!("\n==== {texts}").contains(&format!("\n==== {text} ====\n")), "{text} is missing");
    }
}

#[test]
fn programs_do_not_tell_where_they_were_built() {
    let Some(unpacked) = unpacked("places in programs") else { return };
    let home = std::env::var("CARGO_HOME").or_else(|_| std::env::var("HOME").map(|home| format!("{home}/.cargo")));
    let places = [format!("{}/registry/", home.expect("a home")), format!("{}/", workspace_root().display())];
    for program in programs() {
        for place in &places {
            let mut grep = Command::new("grep");
            let ended = run(grep.args(["-cF", "-e", place]).arg(unpacked.join("bin").join(&program)), "");
            assert_eq!(ended.status, 1, "{program} contains {place}: {}{}", ended.text(), ended.stderr);
        }
    }
}

#[test]
fn programs_that_are_not_static_are_refused() {
    let mut script = script("tarball-dynamic");
    script.env("DCCD_BIN_DIR", dccd_tests::bin_dir());
    let ended = run(script.arg("tarball"), "");
    if ended.status == 69 {
        return skip("packing dynamic programs", &ended.stderr);
    }
    assert_eq!(ended.status, 1, "{}", ended.stderr);
    assert!(ended.stderr.contains("is not static"), "{}", ended.stderr);
}

#[test]
fn programs_need_nothing_else_in_their_root() {
    let what = "programs alone in a root folder";
    if !is_root(what) {
        return;
    }
    let Some(unpacked) = unpacked(what) else { return };
    let scratch = Scratch::new();
    let copied = Command::new("cp").arg("-R").arg(unpacked.join("bin")).arg(scratch.path()).status();
    assert!(copied.expect("cp can be started").success());
    let inside = |program: &str| {
        let mut command = Command::new(find_command("chroot").expect("a part of coreutils"));
        command.arg(scratch.path()).arg(format!("/bin/{program}")).env_clear();
        command
    };
    for program in programs() {
        assert!(says(inside(&program).arg("--version")).starts_with(&format!("{program} ")));
    }
    let sim = Sim::start(&scratch, &[]);
    fetches_and_writes(&scratch, &sim, "/data", inside);

    // The certificates of servers cannot be judged here, and that is said.
    let mut fetch = inside("dccd-fetch");
    fetch.env("DCCD_BINANCE_REST_URL", sim.url().replacen("http", "https", 1));
    fetch.args(["binance", "BTC/USDT", "--kind", "candle", "--span", "1h", "--start", "2024-01-01"]);
    fetch.args(["--end", "2024-01-02", "--max-retries", "0"]);
    let ended = run(&mut fetch, "");
    assert_eq!(ended.status, 75, "{}", ended.stderr);
    assert!(ended.stderr.contains("No CA certificates were loaded"), "{}", ended.stderr);
}

#[test]
fn processors_without_avx_will_do() {
    let what = "programs on an old processor";
    let Some(qemu) = find_command("qemu-x86_64-static") else {
        return skip(what, "qemu-user-static is not installed");
    };
    let Some(unpacked) = unpacked(what) else { return };
    let scratch = Scratch::new();
    let sim = Sim::start(&scratch, &[]);
    let store = scratch.join("data").display().to_string();
    fetches_and_writes(&scratch, &sim, &store, |program| {
        let mut command = scratch.program(&qemu);
        command.args(["-cpu", OLD_PROCESSOR]).arg(unpacked.join("bin").join(program));
        command
    });
    // The processor is what it claims to be: a program that takes AVX2 for granted is killed.
    let source = scratch.write("avx2.c", "int main(void) { __asm__(\"vpaddd %ymm0, %ymm0, %ymm0\"); return 0; }");
    says(scratch.program("cc").args(["-static", "-o", "avx2"]).arg(source));
    let ended = run(scratch.program(&qemu).args(["-cpu", OLD_PROCESSOR, "./avx2"]), "");
    assert_eq!(ended.status, 128 + Signal::ILL.as_raw(), "{}", ended.stderr);
}

/// Fetches two days of candles into a store and reads them back.
fn fetches_and_writes(scratch: &Scratch, sim: &Sim, store: &str, command: impl Fn(&str) -> Command) {
    let mut fetch = command("dccd-fetch");
    fetch.env("DCCD_BINANCE_REST_URL", sim.url()).env("DCCD_BINANCE_ARCHIVE_URL", sim.url());
    fetch.args(["binance", "BTC/USDT", "--kind", "candle", "--span", "1h"]).args(RANGE);
    let mut write = command("dccd-write");
    write.args(["--data-path", store]);
    let ended = run_pipe(vec![fetch, write], "");
    for stage in &ended {
        assert_eq!(stage.status, 0, "{}", stage.stderr);
    }
    assert_eq!(of_kind(&ended[1].lines(), "covered").count(), 1);
    let mut read = command("dccd-read");
    read.args(["binance", "BTC/USDT", "--kind", "candle", "--span", "1h", "--records", "--data-path", store]);
    let stored = run(&mut read, "").expect(0).lines();
    let mut truth = scratch.tool("dccd-sim");
    truth.args(["truth", "binance", "BTC/USDT", "--span", "1h"]).args(RANGE);
    let truth = run(&mut truth, "").expect(0).lines();
    assert_same_records(&stored, &truth);
}

/// Where `scripts/package` builds what is in the tarball.
fn static_bins() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace_root().join("target"), PathBuf::from);
    let found = Path::new(&target).join(format!("{}-unknown-linux-musl/quick", std::env::consts::ARCH));
    assert!(found.is_dir(), "{} is not there", found.display());
    found
}
