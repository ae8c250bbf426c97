//! The log.

use std::fs;
use std::io::Write;
use std::path::Path;

use super::{finish, health, start, store};

fn log(dir: &Path) -> String {
    fs::read_to_string(dir.join("dccd.log")).unwrap()
}

#[test]
fn lines_are_dated_and_kept_in_the_store() {
    let dir = store();
    let lines = ["dccd-stream: it is late", "2026-11-22 13:40:00,123 dated", "", "<3>with a priority"];
    assert_eq!(health(dir.path(), &["log"], &lines), (0, String::new(), String::new()));
    let log = log(&dir.path().join(".dccd"));
    let kept: Vec<&str> = log.lines().collect();
    assert_eq!(kept[1], lines[1]);
    for at in [0, 2, 3] {
        let (date, line) = kept[at].split_once("Z ").unwrap();
        assert!(date.len() == 19 && date.starts_with("20") && line == lines[at], "{log}");
    }
    assert_eq!(kept.len(), 4);
}

#[test]
fn lines_have_a_bound_and_the_last_may_lack_its_end() {
    let (dir, logs) = (store(), store());
    let long = format!("2026-01-01{}", "x".repeat(100_000));
    let mut child = start(dir.path(), &["log", "--dir", logs.path().to_str().unwrap()]);
    write!(child.stdin.take().unwrap(), "{long}\n2026-01-02 short\n2026-01-03 cut o").unwrap();
    assert_eq!(finish(child), (0, String::new(), String::new()));
    let log = log(logs.path());
    let kept: Vec<&str> = log.lines().collect();
    assert_eq!((kept[0].len(), kept[0].ends_with("x [cut]")), ((16 << 10) + 6, true));
    assert_eq!(kept[1..], ["2026-01-02 short", "2026-01-03 cut o"]);
    assert!(log.ends_with('\n') && !dir.path().join(".dccd").exists());
}

/// Ten writers, each with 3 MB: the log turns over, and no line is torn or lost.
#[test]
fn many_processes_write_one_log() {
    const LINES: usize = 3_000;
    let dir = store();
    let mut children: Vec<_> = (0..10).map(|_| start(dir.path(), &["log"])).collect();
    let writers: Vec<_> = children.iter_mut().map(|child| child.stdin.take().unwrap()).collect();
    let threads = writers.into_iter().enumerate().map(|(writer, mut stdin)| {
        std::thread::spawn(move || {
            for line in 0..LINES {
                writeln!(stdin, "2026-01-01 {writer} {line} {}", "x".repeat(1_000)).unwrap();
            }
        })
    });
    threads.collect::<Vec<_>>().into_iter().for_each(|thread| thread.join().unwrap());
    children.into_iter().for_each(|child| assert_eq!(finish(child), (0, String::new(), String::new())));
    let files: Vec<_> = fs::read_dir(dir.path().join(".dccd")).unwrap().map(|entry| entry.unwrap().path()).collect();
    let files: Vec<_> = files.into_iter().filter(|path| path.is_file() && !path.ends_with(".dccd.log.lock")).collect();
    let mut seen = Vec::new();
    for path in &files {
        let text = fs::read_to_string(path).unwrap();
        assert!(text.len() <= 10 << 20, "{}", path.display());
        for line in text.lines() {
            let words: Vec<&str> = line.split(' ').collect();
            assert!(words.len() == 4 && words[3].len() == 1_000, "{line}");
            seen.push((words[1].parse::<usize>().unwrap(), words[2].parse::<usize>().unwrap()));
        }
    }
    seen.sort_unstable();
    let expected: Vec<_> = (0..10).flat_map(|writer| (0..LINES).map(move |line| (writer, line))).collect();
    assert!(files.len() == 3 && seen == expected, "{} files, {} lines", files.len(), seen.len());
}

/// Whoever writes to it must never wait, or die, because of it.
#[test]
fn a_log_that_cannot_be_written_still_takes_all() {
    let dir = store();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    let mut child = start(dir.path(), &["log", "--dir", file.to_str().unwrap()]);
    let mut stdin = child.stdin.take().unwrap();
    (0..20_000).for_each(|_| writeln!(stdin, "{}", "x".repeat(100)).unwrap());
    drop(stdin);
    let (status, stdout, stderr) = finish(child);
    assert_eq!((status, stdout.as_str(), stderr.lines().count()), (74, "", 1), "{stderr}");
    assert!(stderr.starts_with("dccd-health: lines are lost: cannot create folder"), "{stderr}");
}
