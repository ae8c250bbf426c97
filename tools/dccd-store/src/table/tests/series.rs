//! Random parts, assembled and scanned.

use std::path::Path;

use dccd_record::{Kind, Parser, Range, RangeSet, Ts};

use super::model::{EXCHANGE, Part, Told, stamp, survivors, told};
use super::random::{Random, for_seeds};
use crate::table::{
    Assembled, Assembly, FileScan, MergedScan, Numbers, Origin, PartWriter, Provenance, Rows, Source, assemble,
};

pub(super) const START: i64 = 1_704_067_200_000_000_000;
const MICRO: u64 = 1_000;

fn instant(random: &mut Random, spread_micros: u64) -> i64 {
    START + i64::try_from(random.below(spread_micros) * MICRO).expect("small")
}

/// The instant and the id of a trade. What is stamped at an edge has an id of its own, so that no trade is stamped
/// both there and far from there: which of three such stamps is compared with which depends on what came first.
fn place(random: &mut Random, spread: u64) -> (i64, String) {
    if random.is_one_in(3) {
        let edge = i64::try_from(random.below(spread / 1_000 + 3)).expect("small") * 1_000_000;
        let offset = i64::try_from(random.below(20)).expect("small") * 100 - 1_000;
        return (START + edge + offset, format!("\"{}\"", 5_000_000 + edge + i64::from(random.is_one_in(2))));
    }
    let ts = instant(random, spread);
    let is_before_edge = ts.rem_euclid(1_000_000) >= 999_000;
    let tid = match random.below(4) {
        0 => "null".to_owned(),
        _ => format!("\"{}\"", 95 + random.below(spread / 200 + 10)),
    };
    (if is_before_edge { ts - 1_000 } else { ts }, tid)
}

fn trade(random: &mut Random, spread: u64) -> String {
    let (ts, tid) = place(random, spread);
    let side = ["\"buy\"", "\"sell\"", "null"][usize::try_from(random.below(3)).expect("small")];
    let recv = if random.is_one_in(2) { format!(r#","recv_ts":"{}""#, stamp(ts + 5)) } else { String::new() };
    let (price, amount) = (1 + random.below(3), random.below(2));
    format!(
        r#"{{"kind":"trade",{EXCHANGE},"ts":"{}","price":{price}.5,"amount":0.{amount}1,"side":{side},"tid":{tid}{recv}}}"#,
        stamp(ts)
    )
}

fn candle(random: &mut Random, spread: u64) -> String {
    let ts = START + i64::try_from(random.below(spread / 20 + 5)).expect("small") * 60_000_000_000;
    let close = random.below(3);
    let derived = if random.is_one_in(3) { r#","derived":true"# } else { "" };
    format!(
        r#"{{"kind":"candle",{EXCHANGE},"span":60,"ts":"{}","open":1,"high":2,"low":0.5,"close":1.{close},"volume":{},"quote_volume":null,"trades":{}{derived}}}"#,
        stamp(ts),
        random.below(1000),
        random.below(9)
    )
}

fn lines(kind: Kind, random: &mut Random) -> Vec<String> {
    let (count, spread) = (random.below(500), [300, 3_000, 60_000][usize::try_from(random.below(3)).expect("small")]);
    let mut lines: Vec<String> =
        (0..count).map(|_| if kind == Kind::Trade { trade(random, spread) } else { candle(random, spread) }).collect();
    match random.below(4) {
        0 => {}
        1 => lines.sort(),
        2 => {
            // Runs of recent lines come again, as after a reconnect.
            lines.sort();
            for _ in 0..3 {
                let at = usize::try_from(random.next() % 500).expect("small").min(lines.len());
                let run = usize::try_from(random.below(40)).expect("small").min(at);
                let again = lines[at - run..at].to_vec();
                lines.splice(at..at, again);
            }
        }
        _ => {
            lines.sort();
            for _ in 0..5 {
                if let (false, at) = (lines.is_empty(), usize::try_from(random.next() % 100).expect("small")) {
                    let line = lines.remove(at % lines.len());
                    lines.push(line);
                }
            }
        }
    }
    lines
}

pub(super) fn push_all(lines: &[String], mut push: impl FnMut(&dccd_record::Line<'_>)) {
    let mut parser = Parser::new();
    lines.iter().for_each(|line| push(&parser.parse(line.as_bytes()).expect("a line the test made")));
}

pub(super) fn told_by_lines(kind: Kind, lines: &[String]) -> Vec<Told> {
    let mut all = Vec::new();
    push_all(lines, |line| {
        let mut rows = Rows::new(kind, Numbers::Float);
        rows.push(line).expect("a record of the kind");
        told(&rows, &mut all);
    });
    all
}

pub(super) fn write_part(path: &Path, kind: Kind, lines: &[String]) -> Source {
    let mut part =
        PartWriter::create(path, kind, Numbers::Float, &Provenance::default()).expect("a part in a test's folder");
    push_all(lines, |line| part.push(line).expect("a good line"));
    part.finish().expect("room for a part").into_source()
}

/// Makes a published file of lines.
pub(super) fn publish(published: &Path, kind: Kind, lines: &[String]) {
    let added = vec![write_part(&published.with_extension("part"), kind, lines)];
    let provenance = Provenance::default();
    let replaced = RangeSet::new();
    let assembly =
        Assembly { kind, numbers: Numbers::Float, provenance: &provenance, existing: None, added, replaced: &replaced };
    let assembled = assemble(assembly, &published.with_extension("new")).expect("an assembly");
    let Assembled::New { path, .. } = assembled else { panic!("there was nothing before") };
    std::fs::rename(path, published).expect("a rename");
}

fn source(dir: &Path, at: usize, kind: Kind, lines: &[String], random: &mut Random) -> Source {
    if random.is_one_in(2) {
        let mut rows = Rows::new(kind, Numbers::Float);
        push_all(lines, |line| rows.push(line).expect("a record of the kind"));
        return Source::rows(rows);
    }
    let path = dir.join(format!("{at}.part"));
    write_part(&path, kind, lines)
}

pub(super) fn scan(kind: Kind, sources: Vec<Source>, range: Range) -> Vec<Told> {
    let mut all = Vec::new();
    for rows in MergedScan::new(kind, Numbers::Float, sources, range).expect("sources that open") {
        told(&rows.expect("sources that read"), &mut all);
    }
    all
}

pub(super) fn sorted(mut records: Vec<Told>) -> Vec<Told> {
    assert!(records.is_sorted_by_key(|record| record.ts), "a scan is in the order of time");
    records.sort();
    records
}

fn check(kind: Kind, random: &mut Random) {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let parts: Vec<Part> =
        (0..1 + random.below(4)).map(|_| Part { lines: lines(kind, random), adopted: RangeSet::new() }).collect();
    let sources: Vec<Source> =
        parts.iter().enumerate().map(|(at, part)| source(dir.path(), at, kind, &part.lines, random)).collect();
    let mut told_parts: Vec<(Vec<Told>, RangeSet)> =
        parts.iter().map(|part| (told_by_lines(kind, &part.lines), part.adopted.clone())).collect();
    let expected = survivors(kind, &told_parts);

    let merged = scan(kind, sources.clone(), Range::all());
    assert_eq!(sorted(merged.clone()), expected);
    let raw_sources = sources.clone();

    // Published one after the other, the file is the same as if all had come at once.
    let published = dir.path().join("2024.parquet");
    let provenance = Provenance::default();
    for source in &sources {
        let existing = published.exists().then(|| Source::published(&published, RangeSet::new()));
        let assembly = Assembly {
            kind,
            numbers: Numbers::Float,
            provenance: &provenance,
            existing,
            added: vec![source.clone()],
            replaced: &RangeSet::new(),
        };
        if let Assembled::New { path, rows, .. } = assemble(assembly, &dir.path().join("new")).expect("an assembly") {
            // Copied, since a part that became the file is read once more below.
            std::fs::copy(&path, &published).expect("a copy");
            if rows > 0 {
                assert_disjoint(&published, kind, rows);
            }
        }
    }
    assert_eq!(scan(kind, vec![Source::published(&published, RangeSet::new())], Range::all()), merged);
    let at_once = assemble(
        Assembly {
            kind,
            numbers: Numbers::Float,
            provenance: &provenance,
            existing: Some(Source::published(&published, RangeSet::new())),
            added: sources,
            replaced: &RangeSet::new(),
        },
        &dir.path().join("new"),
    );
    assert!(
        matches!(at_once, Ok(Assembled::Unchanged)) || is_regrouped(&at_once, &merged),
        "{at_once:?} of {}",
        merged.len()
    );

    // Any range of it is what lies in that range.
    let (first, second) = (instant(random, 60_000), instant(random, 60_000));
    let range = Range::new(ts(first.min(second)), ts(first.max(second) + 1)).expect("not empty");
    let inside: Vec<Told> = merged.iter().filter(|record| range.contains(ts(record.ts))).cloned().collect();
    assert_eq!(scan(kind, raw_sources, range), inside);
    assert_eq!(scan(kind, vec![Source::published(&published, RangeSet::new())], range), inside);
    check_last(kind, &published, range, &inside, random);
    told_parts.clear();
}

/// Small row groups may have been joined although nothing was new.
fn is_regrouped(assembled: &Result<Assembled, crate::table::TableError>, merged: &[Told]) -> bool {
    matches!(assembled, Ok(Assembled::New { rows, .. }) if usize::try_from(*rows).ok() == Some(merged.len()))
}

fn check_last(kind: Kind, published: &Path, range: Range, inside: &[Told], random: &mut Random) {
    let count = usize::try_from(1 + random.below(90)).expect("small");
    let sources = vec![Source::published(published, RangeSet::new())];
    let mut last = Vec::new();
    for rows in MergedScan::last(kind, Numbers::Float, sources, range, count).expect("a file that opens") {
        told(&rows.expect("a file that reads"), &mut last);
    }
    assert!(last.len() >= count.min(inside.len()));
    assert!(inside.ends_with(&last));
}

fn assert_disjoint(path: &Path, kind: Kind, rows: u64) {
    let scan = FileScan::open(path, kind).expect("a published file");
    assert_eq!((scan.info().origin, scan.info().rows), (Origin::Ours, rows));
    scan.verify().expect("what was promised");
    let mut last = None;
    for batch in scan.batches(Range::all(), Numbers::Float).expect("a file that reads") {
        for ts in batch.expect("a file that reads").instants() {
            assert!(last <= Some(ts), "a file is sorted as it stands");
            last = Some(ts);
        }
    }
}

fn ts(nanos: i64) -> Ts {
    Ts::from_nanos(nanos).expect("a believable instant")
}

#[test]
fn trades_in_any_order_are_each_there_once() {
    for_seeds(60, |_, random| check(Kind::Trade, random));
}

#[test]
fn a_repeat_is_found_behind_rows_that_were_just_sorted() {
    let line = |micros: i64, tid: i64| {
        let ts = stamp(START + micros * 1_000);
        format!(r#"{{"kind":"trade",{EXCHANGE},"ts":"{ts}","price":1,"amount":1,"side":null,"tid":"{tid}"}}"#)
    };
    // Rows are sorted when so many wait, and the last of them are to be among those.
    for others in 60..90 {
        let mut lines: Vec<String> = (0..others).map(|at| line(at * 1_000, at)).collect();
        let last = others * 1_000;
        lines.extend([line(last + 800, 1_001), line(last + 900, 1_000), line(last + 950, 1_001)]);
        let dir = tempfile::tempdir().expect("a temporary folder");
        let part = write_part(&dir.path().join("a.part"), Kind::Trade, &lines);
        let expected = survivors(Kind::Trade, &[(told_by_lines(Kind::Trade, &lines), RangeSet::new())]);
        assert_eq!(scan(Kind::Trade, vec![part], Range::all()), expected, "behind {others} others");
    }
}

#[test]
fn candles_in_any_order_are_each_there_once() {
    for_seeds(40, |_, random| check(Kind::Candle, random));
}

#[test]
fn adopted_rows_give_way() {
    for_seeds(40, |_, random| {
        let kind = if random.is_one_in(2) { Kind::Trade } else { Kind::Candle };
        let dir = tempfile::tempdir().expect("a temporary folder");
        let published = dir.path().join("2024.parquet");
        let (old, new) = (lines(kind, random), lines(kind, random));
        publish(&published, kind, &old);
        let mut ranges = [RangeSet::new(), RangeSet::new()];
        for set in &mut ranges {
            for _ in 0..random.below(4) {
                let (start, length) = (instant(random, 60_000), i64::try_from(random.below(9_000_000)).expect("small"));
                set.extend(&Range::new(ts(start), ts(start + length)).into_iter().collect());
            }
        }
        let [adopted, replaced] = ranges;
        let gives_way =
            |record: &Told| kind == Kind::Trade && adopted.contains(ts(record.ts)) && replaced.contains(ts(record.ts));
        // Tidied first, as the published file is.
        let old = survivors(kind, &[(told_by_lines(kind, &old), RangeSet::new())]);
        let kept: Vec<Told> = old.into_iter().filter(|record| !gives_way(record)).collect();
        let new_told = told_by_lines(kind, &new);
        let expected = survivors(kind, &[(kept, adopted.clone()), (new_told, RangeSet::new())]);
        let assembly = Assembly {
            kind,
            numbers: Numbers::Float,
            provenance: &Provenance::default(),
            existing: Some(Source::published(&published, adopted)),
            added: vec![source(dir.path(), 0, kind, &new, random)],
            replaced: &replaced,
        };
        if let Assembled::New { path, .. } = assemble(assembly, &dir.path().join("new")).expect("an assembly") {
            std::fs::rename(path, &published).expect("a rename");
        }
        assert_eq!(sorted(scan(kind, vec![Source::published(&published, RangeSet::new())], Range::all())), expected);
    });
}

#[test]
fn late_trades_change_only_what_they_say_anew() {
    for_seeds(15, |_, random| {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let published = dir.path().join("2024.parquet");
        let line = |at: i64, price: &str| {
            let (ts, tid) = (stamp(START + at / 3 * 1_000_000 + at % 3 * 1_000), at);
            format!(r#"{{"kind":"trade",{EXCHANGE},"ts":"{ts}","price":{price},"amount":1,"side":null,"tid":"{tid}"}}"#)
        };
        let all: Vec<String> = (0..900).map(|at| line(at, "1.5")).collect();
        publish(&published, Kind::Trade, &all);
        let put = |lines: &[String], random: &mut Random| {
            let assembly = Assembly {
                kind: Kind::Trade,
                numbers: Numbers::Float,
                provenance: &Provenance::default(),
                existing: Some(Source::published(&published, RangeSet::new())),
                added: vec![source(dir.path(), 0, Kind::Trade, lines, random)],
                replaced: &RangeSet::new(),
            };
            assemble(assembly, &dir.path().join("new")).expect("an assembly")
        };
        let at = |random: &mut Random| i64::try_from(random.below(900)).expect("small");
        let mut late: Vec<String> = (0..random.below(12)).map(|_| line(at(random), "1.5")).collect();
        assert!(matches!(put(&late, random), Assembled::Unchanged));
        let changed = at(random);
        late.push(line(changed, "2.5"));
        let Assembled::New { rows, .. } = put(&late, random) else { panic!("a price changed") };
        assert_eq!(rows, 900);
        let scanned = scan(Kind::Trade, vec![Source::published(dir.path().join("new"), RangeSet::new())], Range::all());
        let changed = changed.to_string();
        for record in &scanned {
            assert_eq!(record.text.contains("\"2.5\""), record.id.as_deref() == Some(&*changed), "{}", record.text);
        }
        late.push(line(900, "1.5"));
        assert!(matches!(put(&late, random), Assembled::New { rows: 901, .. }));
    });
}

#[test]
fn a_continued_file_is_used_as_it_is_if_only_repeats_came_late() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let line = |at: i64| {
        let ts = stamp(START + at * 1_000_000);
        format!(r#"{{"kind":"trade",{EXCHANGE},"ts":"{ts}","price":1.5,"amount":1,"side":null,"tid":"{at}"}}"#)
    };
    let published = dir.path().join("2024.parquet");
    publish(&published, Kind::Trade, &(0..200).map(line).collect::<Vec<_>>());
    let provenance = Provenance::default();
    let path = dir.path().join("continued.part");
    let continued = PartWriter::continuing(&published, &path, Kind::Trade, Numbers::Float, &provenance);
    let mut part = continued.expect("a file that opens").expect("a file of ours");
    let news: Vec<String> = (200..400).chain([3, 150, 199, 210]).map(line).collect();
    push_all(&news, |line| part.push(line).expect("a good line"));
    let added = vec![part.finish().expect("room for a part").into_source()];
    let assembly = Assembly {
        kind: Kind::Trade,
        numbers: Numbers::Float,
        provenance: &provenance,
        existing: None,
        added,
        replaced: &RangeSet::new(),
    };
    let assembled = assemble(assembly, &dir.path().join("new")).expect("an assembly");
    let Assembled::New { path: finished, rows, .. } = assembled else { panic!("there was nothing before") };
    assert_eq!((finished, rows), (path, 400));
}
