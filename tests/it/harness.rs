//! The harness itself: it must notice what it is there to notice.

use dccd_tests::{Running, Scratch, Signal, elided_eq, run, run_pipe};

#[test]
fn elisions() {
    let check = |wanted, found, expected| assert_eq!(elided_eq(wanted, found), expected, "{wanted:?} {found:?}");
    check("", "", true);
    check("a\n", "a\n", true);
    check("a\n", "b\n", false);
    check("a\n", "a\nb\n", false);
    check("x[..]z\n", "xyz\n", true);
    check("x[..]z\n", "xzy\n", false);
    check("[..]y[..]\n", "xyz\n", true);
    check("a\n[...]\nz\n", "a\nb\nc\nz\n", true);
    check("a\n[...]\nz\n", "a\nz\n", true);
    check("a\n[...]\nz\n", "a\nb\n", false);
    check("[...]\n", "", true);
}

#[test]
fn a_pipe_passes_lines_and_every_status_comes_back() {
    let scratch = Scratch::new();
    let stages = vec![scratch.shell("cat; exit 3"), scratch.shell("tr a b; echo told >&2; exit 4")];
    let ended = run_pipe(stages, "abc\n");
    assert_eq!(ended.iter().map(|ended| ended.status).collect::<Vec<_>>(), [3, 4]);
    assert_eq!(ended[1].text(), "bbc\n");
    assert_eq!(ended[1].stderr, "told\n");
}

#[test]
fn a_reader_that_goes_away_ends_its_writer() {
    let scratch = Scratch::new();
    let ended = run_pipe(vec![scratch.shell("yes"), scratch.shell("head -n 1")], "");
    assert_eq!(ended[1].text(), "y\n");
    assert_ne!(ended[0].status, 0);
}

#[test]
fn signals_and_streams() {
    let scratch = Scratch::new();
    let mut cat = Running::start(&mut scratch.shell("exec cat"));
    cat.write("one\ntwo\n");
    assert_eq!(cat.line_with("tw"), "two");
    cat.signal(Signal::TERM);
    assert_eq!(cat.wait().status, 128 + 15);
    assert_eq!(run(&mut scratch.shell("cat >&2"), "x\n").stderr, "x\n");
}
