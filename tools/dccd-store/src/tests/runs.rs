//! The history of runs: whole lines, a file per month, old months forgotten.

use std::fs::{self, File};
use std::io::Write;

use dccd_record::{Day, Ts};

use crate::{append_runs, run_files};

fn at(year: i64, month: i64, day: i64) -> Ts {
    Day { year, month, day }.start()
}

fn names(root: &std::path::Path) -> Vec<String> {
    let files = run_files(root).unwrap();
    files.iter().map(|(_, path)| path.file_name().unwrap().to_string_lossy().into_owned()).collect()
}

#[test]
fn each_month_has_its_file() {
    let dir = tempfile::tempdir().unwrap();
    assert!(names(dir.path()).is_empty());
    for (month, line) in [(12, "a\n"), (1, "b\n"), (12, "c\n")] {
        append_runs(dir.path(), at(2025, month, 31), line.as_bytes(), None).unwrap();
    }
    assert_eq!(names(dir.path()), ["2025-01.jsonl", "2025-12.jsonl"]);
    let [_, (december, path)] = &run_files(dir.path()).unwrap()[..] else { panic!() };
    assert_eq!(
        (*december, fs::read_to_string(path).unwrap().as_str()),
        (Day { year: 2025, month: 12, day: 1 }, "a\nc\n")
    );
    let foreign = path.with_file_name("99999999999999999-01.jsonl");
    fs::write(foreign, "").unwrap();
    fs::write(path.with_file_name("notes"), "").unwrap();
    assert_eq!(names(dir.path()).len(), 2);
}

#[test]
fn a_line_that_was_cut_off_swallows_no_other() {
    let dir = tempfile::tempdir().unwrap();
    append_runs(dir.path(), at(2025, 1, 1), b"one\n", None).unwrap();
    let path = run_files(dir.path()).unwrap().remove(0).1;
    File::options().append(true).open(&path).unwrap().write_all(b"tw").unwrap();
    append_runs(dir.path(), at(2025, 1, 1), b"three\n", None).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "one\ntw\nthree\n");
}

#[test]
fn months_are_forgotten_whole_and_only_when_one_begins() {
    let dir = tempfile::tempdir().unwrap();
    for month in [1, 2, 3] {
        append_runs(dir.path(), at(2025, month, 1), b"x\n", None).unwrap();
    }
    append_runs(dir.path(), at(2025, 3, 2), b"x\n", Some(at(2025, 3, 1))).unwrap();
    assert_eq!(names(dir.path()).len(), 3);
    append_runs(dir.path(), at(2025, 4, 1), b"x\n", Some(at(2025, 2, 28))).unwrap();
    assert_eq!(names(dir.path()), ["2025-02.jsonl", "2025-03.jsonl", "2025-04.jsonl"]);
    append_runs(dir.path(), at(2025, 5, 1), b"x\n", Some(at(2025, 3, 1))).unwrap();
    assert_eq!(names(dir.path()), ["2025-03.jsonl", "2025-04.jsonl", "2025-05.jsonl"]);
}
