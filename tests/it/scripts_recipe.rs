//! The recipe for pipes in plain sh, in every shell that is there.

use std::collections::BTreeSet;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use dccd_tests::{Ended, PATIENCE, Running, Scratch, Signal, find_command, run};
use rustix::process::kill_process;

use crate::desk::{descendants, script};

const STAGES: &str = "
    pass() { exec cat; }
    soft() { cat; exit 65; }
    hard() { exit 3; }
    slow() { exec sleep 600; }
    gone() { exec no-such-program; }
    dies() { kill -s KILL \"$(exec sh -c 'echo $PPID')\"; sleep 600; }
    full() { cat; exit 74; }
    polite() { trap 'echo bye; exit 143' TERM; echo hello; while :; do sleep 0.05; done; }
    deaf() { trap 'echo bye; exit 0' TERM; echo hello; while :; do sleep 0.05; done; }
";
/// Far from the minutes that `slow` takes.
const SOON: Duration = Duration::from_secs(100);

/// The shells to try, by their commands.
pub(crate) fn shells() -> Vec<&'static [&'static str]> {
    let all: [&[&str]; 7] =
        [&["sh"], &["dash"], &["bash"], &["busybox", "sh"], &["mksh"], &["ksh"], &["zsh", "--emulate", "sh"]];
    // One shell may have two names.
    let mut found = BTreeSet::new();
    all.into_iter()
        .filter(|shell| {
            let path = find_command(shell[0]).and_then(|path| path.canonicalize().ok());
            path.is_some_and(|path| found.insert(path))
        })
        .collect()
}

fn start(scratch: &Scratch, shell: &[&str], stages: &str, stdin: Stdio) -> Running {
    let text = format!("set -eu\n. '{}'\n{STAGES}\npipeline {stages}", script("pipeline.sh").display());
    let mut command = scratch.program(shell[0]);
    Running::start_with(command.args(&shell[1..]).args(["-c", &text]), stdin, Stdio::piped())
}

#[track_caller]
fn check(stages: &str, status: i32, stdout: &str) {
    let scratch = Scratch::new();
    for shell in shells() {
        let began = Instant::now();
        let mut running = start(&scratch, shell, stages, Stdio::piped());
        running.write("a line\n");
        let ended = running.finish();
        let found = (ended.status, ended.text());
        assert_eq!(found, (status, stdout.to_owned()), "{shell:?}: pipeline {stages}: {}", ended.stderr);
        assert!(began.elapsed() < SOON, "{shell:?}: pipeline {stages} took {:?}", began.elapsed());
    }
}

#[test]
fn every_status_counts_and_the_last_one_most() {
    check("pass", 0, "a line\n");
    check("pass pass -- pass pass", 0, "a line\n");
    check("soft pass", 65, "a line\n");
    check("pass soft -- pass", 65, "a line\n");
    check("soft -- pass full", 74, "a line\n");
    check("gone", 127, "");
    check("pass -- gone", 127, "");
}

#[test]
fn a_stage_that_fails_for_good_ends_the_sources() {
    check("slow -- hard", 3, "");
    check("slow -- pass hard", 3, "");
    check("slow hard -- pass", 3, "");
    check("hard slow -- pass pass", 3, "");
    check("slow pass pass -- gone pass", 127, "");
}

#[test]
fn a_stage_that_is_killed_ends_the_others() {
    check("slow dies -- pass", 137, "");
    check("dies slow -- pass", 137, "");
    check("slow -- pass dies", 137, "");
}

fn told(shell: &[&str], stages: &str, signal: Signal) -> Ended {
    let scratch = Scratch::new();
    let mut running = start(&scratch, shell, stages, Stdio::null());
    assert_eq!(running.line().as_deref(), Some("hello"));
    running.signal(signal);
    running.finish()
}

#[test]
fn a_signal_reaches_the_sources_alone() {
    for shell in shells() {
        for (signal, status) in [(Signal::TERM, 143), (Signal::INT, 130), (Signal::HUP, 129)] {
            let ended = told(shell, "polite -- pass pass", signal).expect(status);
            assert_eq!(ended.text(), "bye\n", "{shell:?}");
            let ended = told(shell, "slow polite -- pass", signal).expect(status);
            assert_eq!(ended.text(), "bye\n", "{shell:?}");
            // What is done in spite of the signal is done.
            assert_eq!(told(shell, "deaf -- pass", signal).expect(0).text(), "bye\n", "{shell:?}");
            assert_eq!(told(shell, "polite -- pass full", signal).status, 74, "{shell:?}");
        }
    }
}

#[test]
fn what_watches_a_stage_may_be_killed_too() {
    let scratch = Scratch::new();
    for shell in shells() {
        let mut running = start(&scratch, shell, "polite -- pass", Stdio::null());
        assert_eq!(running.line().as_deref(), Some("hello"));
        let look = || -> (Vec<_>, Vec<_>) {
            let watchers =
                std::fs::read_to_string(format!("/proc/{0}/task/{0}/children", running.id())).unwrap_or_default();
            descendants(running.id()).into_iter().partition(|(pid, _)| !watchers.contains(&pid.to_string()))
        };
        // The first stage may speak before the last watcher is there.
        let begun = Instant::now();
        let (stages, watched) = loop {
            let (stages, watched) = look();
            if watched.len() >= 3 || begun.elapsed() > PATIENCE {
                break (stages, watched);
            }
            thread::sleep(Duration::from_millis(10));
        };
        assert!(watched.len() >= 3, "{shell:?}: two stages, and all of them, are watched: {watched:?}");
        for (pid, _) in watched {
            // When the others are gone, the last one ends by itself.
            let _ = kill_process(pid, Signal::KILL);
        }
        for (pid, _) in stages {
            let _ = kill_process(pid, Signal::KILL);
        }
        assert_eq!(running.wait().status, 137, "{shell:?}");
    }
}

#[test]
fn nothing_is_left_behind() {
    let scratch = Scratch::new();
    for shell in shells() {
        let count = "ls -A tmp; set -- /proc/$$/fd/*; echo $#";
        let text = format!(
            "mkdir -p tmp; TMPDIR=$PWD/tmp; export TMPDIR\n. '{}'\n{STAGES}\n\
             pipeline pass pass -- pass; {count}; pipeline pass soft -- pass || :; {count}",
            script("pipeline.sh").display()
        );
        let mut command = scratch.program(shell[0]);
        let ended = run(command.args(&shell[1..]).args(["-c", &text]), "").expect(0);
        let said: Vec<String> = ended.text().lines().map(str::to_owned).collect();
        assert_eq!((said.len(), said.first()), (2, said.last()), "{shell:?} keeps files or descriptors: {said:?}");
    }
}
