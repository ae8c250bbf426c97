//! One trade with two stamps, an edge between two milliseconds between them.

use std::path::Path;

use dccd_record::{Kind, Range, RangeSet, Ts};

use super::model::{EXCHANGE, Told, stamp, survivors};
use super::random::{Random, for_seeds};
use super::series::{START, push_all, scan, sorted, told_by_lines, write_part};
use crate::table::{Assembled, Assembly, Numbers, Provenance, Rows, Source, assemble};

/// An edge between two milliseconds.
const EDGE: i64 = START + 7_000_000;

/// A trade at so many nanoseconds from the edge.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Stamp(i64, &'static str);

impl Stamp {
    /// Its line; the price tells it from its repeats.
    fn line(self, price: usize) -> String {
        let (ts, tid) = (stamp(EDGE + self.0), self.1);
        format!(r#"{{"kind":"trade",{EXCHANGE},"ts":"{ts}","price":{price},"amount":1,"side":null,"tid":{tid}}}"#)
    }
}

fn rows(lines: &[String]) -> Source {
    let mut rows = Rows::new(Kind::Trade, Numbers::Float);
    push_all(lines, |line| rows.push(line).expect("a trade"));
    Source::rows(rows)
}

/// Publishes what was added to a file that may be there; whether it changed.
fn add(published: &Path, added: Vec<Source>) -> bool {
    let assembly = Assembly {
        kind: Kind::Trade,
        numbers: Numbers::Float,
        provenance: &Provenance::default(),
        existing: published.exists().then(|| Source::published(published, RangeSet::new())),
        added,
        replaced: &RangeSet::new(),
    };
    match assemble(assembly, &published.with_extension("new")).expect("an assembly") {
        Assembled::New { path, .. } => std::fs::rename(path, published).expect("a rename"),
        Assembled::Unchanged => return false,
    }
    true
}

fn read(published: &Path) -> Vec<Told> {
    scan(Kind::Trade, vec![Source::published(published, RangeSet::new())], Range::all())
}

/// Of trades that come one after the other, those with these places stay, whatever way they come.
fn check(came: &[Stamp], stay: &[usize]) {
    let lines: Vec<String> = came.iter().zip(1..).map(|(stamp, price)| stamp.line(price)).collect();
    let stay: Vec<String> = stay.iter().map(|at| lines[*at].clone()).collect();
    let expected = sorted_told(&stay);
    let dir = tempfile::tempdir().expect("a folder");
    let path = |name: &str| dir.path().join(name);
    // Enough other trades around them for row groups, pages and batches.
    let others: Vec<String> =
        (-150..150).map(|at| Stamp(at * 300_000 + 150_000, "null").line(usize::from(at > 0))).collect();
    let around = |lines: &[String]| {
        let all: Vec<String> = others[..150].iter().chain(lines).chain(&others[150..]).cloned().collect();
        (sorted_told(&[&stay, &others[..]].concat()), all)
    };
    let (expected_around, all) = around(&lines);

    assert_eq!(sorted(scan(Kind::Trade, vec![rows(&lines)], Range::all())), expected, "one input");
    let part = write_part(&path("a.part"), Kind::Trade, &lines);
    assert_eq!(sorted(scan(Kind::Trade, vec![part], Range::all())), expected, "one part");
    let part = write_part(&path("b.part"), Kind::Trade, &all);
    assert_eq!(sorted(scan(Kind::Trade, vec![part], Range::all())), expected_around, "one part with others");
    let late = write_part(&path("c.part"), Kind::Trade, &[&others[..], &lines[..]].concat());
    add(&path("late.parquet"), vec![late]);
    assert_eq!(sorted(read(&path("late.parquet"))), expected_around, "late in a part");
    let each: Vec<Source> = lines.iter().map(|line| rows(std::slice::from_ref(line))).collect();
    assert_eq!(sorted(scan(Kind::Trade, each.clone(), Range::all())), expected, "journals");
    for (first, name) in [(&lines[..0], "x"), (&others[..], "y")] {
        let published = path(name);
        add(&published, vec![rows(first)]);
        each.iter().for_each(|source| assert!(add(&published, vec![source.clone()]), "nothing new"));
        let expected = if first.is_empty() { &expected } else { &expected_around };
        assert_eq!(sorted(read(&published)), *expected, "published one after the other");
    }
    let published = path("z");
    add(&published, vec![rows(&all[..151])]);
    let file = Source::published(&published, RangeSet::new());
    let waiting = vec![file, rows(&all[151..])];
    assert_eq!(sorted(scan(Kind::Trade, waiting, Range::all())), expected_around, "a file and a journal");
}

fn sorted_told(lines: &[String]) -> Vec<Told> {
    let mut told = told_by_lines(Kind::Trade, lines);
    told.sort();
    told
}

#[test]
fn one_trade_on_both_sides_of_an_edge_is_there_once() {
    check(&[Stamp(-100, "\"1\""), Stamp(0, "\"1\"")], &[1]);
    check(&[Stamp(0, "\"1\""), Stamp(-100, "\"1\"")], &[1]);
    check(&[Stamp(-1_000, "\"1\""), Stamp(999, "\"1\"")], &[1]);
    check(&[Stamp(999, "\"1\""), Stamp(-1_000, "\"1\"")], &[1]);
}

#[test]
fn three_stamps_around_an_edge_are_one_trade() {
    check(&[Stamp(-900, "\"1\""), Stamp(50, "\"1\""), Stamp(600, "\"1\"")], &[2]);
    check(&[Stamp(600, "\"1\""), Stamp(-900, "\"1\""), Stamp(-1, "\"1\"")], &[2]);
    check(&[Stamp(0, "\"2\""), Stamp(-100, "\"1\""), Stamp(0, "\"1\""), Stamp(-100, "\"2\"")], &[2, 3]);
}

#[test]
fn equal_ids_further_from_an_edge_are_two_trades() {
    check(&[Stamp(-1_001, "\"1\""), Stamp(0, "\"1\"")], &[0, 1]);
    check(&[Stamp(1_000, "\"1\""), Stamp(-1, "\"1\"")], &[0, 1]);
    check(&[Stamp(-500_000, "\"1\""), Stamp(500_000, "\"1\"")], &[0, 1]);
}

#[test]
fn trades_of_different_ids_stay_however_near() {
    check(&[Stamp(-100, "\"1\""), Stamp(0, "\"2\"")], &[0, 1]);
    check(&[Stamp(-100, "\"9\""), Stamp(-100, "\"1\""), Stamp(0, "\"9\""), Stamp(0, "\"10\"")], &[1, 2, 3]);
}

#[test]
fn trades_without_ids_stay_however_near() {
    check(&[Stamp(-100, "null"), Stamp(0, "null")], &[0, 1]);
    check(&[Stamp(0, "null"), Stamp(-100, "\"1\""), Stamp(-100, "null"), Stamp(0, "\"1\"")], &[0, 2, 3]);
}

/// Trades near few edges, so dense that bunches go over several of them.
fn dense(random: &mut Random) -> Vec<String> {
    let small = |random: &mut Random, end| i64::try_from(random.below(end)).expect("small");
    let line = |random: &mut Random| {
        let offset = if random.is_one_in(3) { small(random, 900_000) } else { 100 * small(random, 30) - 1_500 };
        let tid = ["\"1\"", "\"2\"", "\"3\"", "\"44\"", "null"][usize::try_from(random.below(5)).expect("small")];
        let price = usize::try_from(random.below(50)).expect("small");
        Stamp(1_000_000 * small(random, 40) + offset, tid).line(price)
    };
    (0..random.below(200)).map(|_| line(random)).collect()
}

#[test]
fn what_is_dense_around_edges_is_as_in_the_model() {
    for_seeds(80, |_, random| {
        let dir = tempfile::tempdir().expect("a folder");
        let published = dir.path().join("2024.parquet");
        let mut parts = Vec::new();
        let mut sources = Vec::new();
        for at in 0..1 + random.below(4) {
            let lines = dense(random);
            let told = survivors(Kind::Trade, &[(told_by_lines(Kind::Trade, &lines), RangeSet::new())]);
            let source = rows(&lines);
            assert_eq!(sorted(scan(Kind::Trade, vec![source.clone()], Range::all())), told);
            if at == 0 && !lines.is_empty() {
                add(&published, vec![source]);
                sources.push(Source::published(&published, RangeSet::new()));
            } else {
                sources.push(source);
            }
            parts.push((told, RangeSet::new()));
        }
        let expected = survivors(Kind::Trade, &parts);
        assert_eq!(sorted(scan(Kind::Trade, sources.clone(), Range::all())), expected);
        if published.exists() {
            sources.remove(0);
        }
        add(&published, sources);
        assert_eq!(sorted(read(&published)), expected);
    });
}

#[test]
fn rows_give_way_to_those_of_a_neighbour() {
    let near = [Stamp(-100, "\"1\"").line(1), Stamp(900_000, "\"2\"").line(1), Stamp(-300, "null").line(1)];
    let ours = [Stamp(0, "\"1\"").line(2), Stamp(50, "\"7\"").line(2), Stamp(100, "null").line(2)];
    let neighbour = || {
        let mut rows = Rows::new(Kind::Trade, Numbers::Float);
        push_all(&near, |line| rows.push(line).expect("a trade"));
        Source::neighbour(rows)
    };
    let others: Vec<String> = (1..200).map(|at| Stamp(at * 1_000_000, "\"2\"").line(1)).collect();
    let all = [&ours[..], &others[..]].concat();
    let kept = sorted_told(&all[1..]);
    let after_edge = Range::new(Ts::from_nanos(EDGE).expect("an instant"), Range::all().end()).expect("a range");
    for range in [Range::all(), after_edge] {
        assert_eq!(sorted(scan(Kind::Trade, vec![rows(&all), neighbour()], range)), kept);
    }
    let dir = tempfile::tempdir().expect("a folder");
    let published = dir.path().join("2024.parquet");
    let part = write_part(&dir.path().join("a.part"), Kind::Trade, &all);
    assert!(add(&published, vec![part, neighbour()]));
    assert_eq!(sorted(read(&published)), kept);
    assert!(!add(&published, vec![neighbour()]), "there is nothing to leave out any more");
    assert!(!add(&published, vec![rows(&others[3..5]), neighbour()]), "only repeats");
    assert!(!add(&published, vec![rows(&ours[..1]), neighbour()]), "it gives way before it is there");
    assert_eq!(sorted(read(&published)), kept);
}
