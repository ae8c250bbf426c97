//! Journals: what was committed is read back, whatever happened after.

use std::fs;
use std::path::Path;

use crate::journal::{Frames, FramesEnd, Journal, Segment, paths};

fn read(path: &Path) -> (Vec<u8>, FramesEnd) {
    let mut frames = Frames::open(path).unwrap().unwrap();
    let mut lines = Vec::new();
    while let Some(frame) = frames.next_lines().unwrap() {
        lines.extend(frame);
    }
    (lines, frames.end())
}

#[test]
fn a_last_frame_cut_at_any_byte_is_dropped_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = Journal::create(dir.path(), "writer").unwrap();
    journal.commit(b"one\ntwo\n").unwrap();
    journal.commit(b"three\n").unwrap();
    let whole = journal.bytes();
    journal.commit(b"four, which is torn in two\n").unwrap();
    let path = paths(dir.path()).unwrap().remove(0);
    let content = fs::read(&path).unwrap();
    for cut in usize::try_from(whole).unwrap()..content.len() {
        let torn = dir.path().join("torn");
        fs::write(&torn, &content[..cut]).unwrap();
        let expected = if cut == usize::try_from(whole).unwrap() { FramesEnd::Clean } else { FramesEnd::Torn };
        assert_eq!(read(&torn), (b"one\ntwo\nthree\n".to_vec(), expected), "cut at {cut}");
    }
    assert_eq!(read(&path), (b"one\ntwo\nthree\nfour, which is torn in two\n".to_vec(), FramesEnd::Clean));
}

#[test]
fn a_last_frame_with_any_byte_changed_never_gives_other_lines() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = Journal::create(dir.path(), "writer").unwrap();
    journal.commit(b"sound\n").unwrap();
    let start = usize::try_from(journal.bytes()).unwrap();
    journal.commit(b"changed by a failing disk\n").unwrap();
    let content = fs::read(&paths(dir.path()).unwrap()[0]).unwrap();
    for at in start..content.len() {
        let mut changed = content.clone();
        changed[at] ^= 0x10;
        let path = dir.path().join("changed");
        fs::write(&path, &changed).unwrap();
        let (lines, _) = read(&path);
        assert!(lines == b"sound\n" || lines == b"sound\nchanged by a failing disk\n", "byte {at}");
    }
}

#[test]
fn a_damaged_frame_before_the_last_is_told_and_skipped() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = Journal::create(dir.path(), "writer").unwrap();
    journal.commit(b"sound\n").unwrap();
    let start = usize::try_from(journal.bytes()).unwrap();
    journal.commit(b"damaged damaged damaged\n").unwrap();
    let end = usize::try_from(journal.bytes()).unwrap();
    journal.commit(b"after\n").unwrap();
    journal.commit(b"and after that\n").unwrap();
    let content = fs::read(paths(dir.path()).unwrap().remove(0)).unwrap();
    for at in start..end {
        let mut changed = content.clone();
        changed[at] ^= 0x81;
        let path = dir.path().join("changed");
        fs::write(&path, &changed).unwrap();
        assert_eq!(read(&path), (b"sound\nafter\nand after that\n".to_vec(), FramesEnd::Damaged), "byte {at}");
    }
}

#[test]
fn only_a_journal_without_an_owner_is_taken_over() {
    let dir = tempfile::tempdir().unwrap();
    let mut first = Journal::create(dir.path(), "writer").unwrap();
    first.commit(b"line\n").unwrap();
    assert!(Segment::take_over(dir.path()).unwrap().is_empty(), "its owner lives");
    drop(first);
    let taken = Segment::take_over(dir.path()).unwrap();
    assert_eq!(taken.len(), 1);
    assert!(Segment::take_over(dir.path()).unwrap().is_empty(), "it has a new owner");
}

#[test]
fn a_frame_larger_than_a_read_comes_back_whole() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = Journal::create(dir.path(), "writer").unwrap();
    let mut random = super::Random(7);
    let noise: Vec<u8> = (0..6 << 20).map(|_| u8::try_from(random.below(200)).unwrap() + 32).collect();
    journal.commit(&noise).unwrap();
    journal.commit(b"after\n").unwrap();
    let (lines, end) = read(&paths(dir.path()).unwrap()[0]);
    assert_eq!((lines.len(), end), (noise.len() + 6, FramesEnd::Clean));
    assert!(lines.starts_with(&noise));
}
