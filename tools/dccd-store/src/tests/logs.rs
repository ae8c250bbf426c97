//! The log keeps its size, and no line is torn or lost by those who write at once.

use std::fs;
use std::path::Path;

use crate::RotatingLog;

const MEBIBYTE: usize = 1 << 20;

fn lens(dir: &Path) -> Vec<(String, u64)> {
    let mut found: Vec<(String, u64)> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name().into_string().unwrap(), entry.metadata().unwrap().len()))
        .filter(|(name, _)| !name.starts_with('.'))
        .collect();
    found.sort();
    found
}

#[test]
fn a_full_log_makes_room_and_the_oldest_falls_off() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = RotatingLog::new(dir.path());
    let names = |count: usize| {
        let numbered = (1..count).map(|number| format!("dccd.log.{number}"));
        std::iter::once("dccd.log".to_owned()).chain(numbered).collect::<Vec<_>>()
    };
    for round in 0..8 {
        let line = [vec![b'a' + round; 4 * MEBIBYTE - 1], vec![b'\n']].concat();
        // The third does not fit beside the first two.
        (0..2).for_each(|_| log.append(&line).unwrap());
        let found = lens(dir.path());
        assert_eq!(found.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>(), names(found.len()));
        assert_eq!(found.len(), usize::from(round + 1).min(6));
        assert!(found.iter().all(|(_, len)| *len == 8 << 20), "{found:?}");
    }
    let first = |name: &str| fs::read(dir.path().join(name)).unwrap()[0];
    assert_eq!((first("dccd.log"), first("dccd.log.1"), first("dccd.log.5")), (b'h', b'g', b'c'));
}

#[test]
fn many_who_write_at_once_lose_nothing() {
    const WRITERS: usize = 8;
    const LINES: usize = 40;
    let dir = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let path = dir.path();
            scope.spawn(move || {
                let mut log = RotatingLog::new(path);
                for line in 0..LINES {
                    let padding = "x".repeat(64 << 10);
                    log.append(format!("{writer} {line} {padding}\n").as_bytes()).unwrap();
                }
            });
        }
    });
    let mut seen = Vec::new();
    for (name, len) in lens(dir.path()) {
        assert!(len <= 10 << 20, "{name}: {len}");
        for line in fs::read_to_string(dir.path().join(name)).unwrap().lines() {
            let mut words = line.split(' ');
            let mut number = || words.next().unwrap().parse::<usize>().unwrap();
            seen.push((number(), number()));
            assert_eq!(words.next().map(str::len), Some(64 << 10));
        }
    }
    seen.sort_unstable();
    let expected: Vec<_> = (0..WRITERS).flat_map(|writer| (0..LINES).map(move |line| (writer, line))).collect();
    assert!(lens(dir.path()).len() > 1 && seen == expected);
}

#[test]
fn a_log_that_somebody_removed_begins_anew() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = RotatingLog::new(dir.path());
    log.append(b"one\n").unwrap();
    fs::remove_file(dir.path().join("dccd.log")).unwrap();
    log.append(b"two\n").unwrap();
    assert_eq!(fs::read_to_string(dir.path().join("dccd.log")).unwrap(), "two\n");
}
