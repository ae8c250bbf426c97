//! What should come out, told without columns.

use std::collections::{BTreeMap, BTreeSet};

use dccd_record::{Kind, RangeSet, Ts};

use crate::table::{Record, Rows};

/// One record as its text in every field.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Told {
    pub(super) ts: i64,
    pub(super) text: String,
    pub(super) id: Option<String>,
    pub(super) is_derived: bool,
}

/// Lines of one source; `lines` in the order they came.
#[derive(Clone, Debug, Default)]
pub(super) struct Part {
    pub(super) lines: Vec<String>,
    pub(super) adopted: RangeSet,
}

pub(super) const EXCHANGE: &str = r#""exchange":"binance","pair":"BTC/USDT""#;

pub(super) fn stamp(ts: i64) -> String {
    Ts::from_nanos(ts).expect("a test's own instant").to_string()
}

/// Everything that rows tell, in order.
pub(super) fn told(rows: &Rows, into: &mut Vec<Told>) {
    let unusable = rows
        .for_each(|record| {
            into.push(tell(&record));
            Ok::<(), ()>(())
        })
        .expect("telling cannot fail");
    assert_eq!(unusable.0, 0);
}

pub(super) fn tell(record: &Record<'_>) -> Told {
    let (id, is_derived) = match record {
        Record::Trade(trade) => (trade.tid.as_ref().map(ToString::to_string), false),
        Record::Candle(candle) => (None, candle.is_derived),
        _ => (None, false),
    };
    Told { ts: record.ts().nanos(), text: format!("{record:?}"), id, is_derived }
}

/// The records that remain of several parts, in any order.
pub(super) fn survivors(kind: Kind, parts: &[(Vec<Told>, RangeSet)]) -> Vec<Told> {
    let places = places(parts);
    // For each key: per part the records that have it, with whether each was adopted.
    let mut by_key: BTreeMap<String, Vec<Vec<(bool, Told)>>> = BTreeMap::new();
    for (at, (records, adopted)) in parts.iter().enumerate() {
        for record in records {
            let is_adopted = adopted.contains(Ts::from_nanos(record.ts).expect("a believable instant"));
            let per_part = by_key.entry(key(kind, record, &places)).or_insert_with(|| vec![Vec::new(); parts.len()]);
            per_part[at].push((is_adopted, record.clone()));
        }
    }
    let mut kept = Vec::new();
    for (key, per_part) in by_key {
        if key.starts_with("n:") {
            let most = per_part.iter().map(Vec::len).max().unwrap_or(0);
            for nth in 0..most {
                let ours = per_part.iter().rev().filter_map(|part| part.get(nth)).find(|(is_adopted, _)| !is_adopted);
                let any = per_part.iter().rev().find_map(|part| part.get(nth));
                kept.extend(ours.or(any).map(|(_, record)| record.clone()));
            }
            continue;
        }
        let mut all: Vec<(bool, Told)> = per_part.into_iter().flatten().collect();
        all.reverse();
        let ranks = [(false, false), (false, true), (true, false), (true, true)];
        let best = ranks.iter().find_map(|(is_derived, is_adopted)| {
            all.iter().find(|(adopted, record)| record.is_derived == *is_derived && adopted == is_adopted)
        });
        kept.extend(best.map(|(_, record)| record.clone()));
    }
    kept.sort();
    kept
}

/// For each id and instant the first instant of the same trade.
fn places(parts: &[(Vec<Told>, RangeSet)]) -> BTreeMap<(String, i64), i64> {
    let records = parts.iter().flat_map(|(records, _)| records);
    let stamps: BTreeSet<(String, i64)> = records.filter_map(|record| Some((record.id.clone()?, record.ts))).collect();
    let mut places = BTreeMap::new();
    let mut before: Option<(String, i64, i64)> = None;
    for (id, ts) in stamps {
        let place = match &before {
            Some((same, last, place)) if *same == id && are_one_place(*last, ts) => *place,
            _ => ts,
        };
        before = Some((id.clone(), ts, place));
        places.insert((id, ts), place);
    }
    places
}

/// Whether two instants, the later one last, lie in one millisecond or within a microsecond of the edge between two.
fn are_one_place(ts: i64, later: i64) -> bool {
    let edge = later - later.rem_euclid(1_000_000);
    edge <= ts || (edge - ts <= 1_000 && later - edge < 1_000)
}

fn key(kind: Kind, record: &Told, places: &BTreeMap<(String, i64), i64>) -> String {
    match (kind, &record.id) {
        (Kind::Trade, Some(id)) => format!("id:{}:{id}", places[&(id.clone(), record.ts)]),
        // The receiver's clock is no part of the key.
        (Kind::Trade, None) => format!("n:{}", record.text.split("recv_ts").next().unwrap_or("")),
        _ => format!("ts:{}", record.ts),
    }
}
