use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use dccd_exchange::LimitGroup;

use super::state::{FILE_BYTES, Now, SLOTS, State};
use super::{Budget, BudgetError, Grant, Priority};
use crate::tests::Impatient;

const BOOT: u64 = 7;
const USAGE_HEADER: Option<&str> = Some("x-mbx-used-weight-1m");
static SPOT_WEIGHT: LimitGroup =
    LimitGroup { name: "spot", slot: 0, weight_max: 6000, window_secs: 60, usage_header: USAGE_HEADER };
static USDM_WEIGHT: LimitGroup =
    LimitGroup { name: "futures", slot: 0, weight_max: 2400, window_secs: 60, usage_header: USAGE_HEADER };
static USDM_FUNDING: LimitGroup =
    LimitGroup { name: "funding", slot: 1, weight_max: 500, window_secs: 300, usage_header: None };
/// Short windows, as some exchanges have them, and one of few requests.
static SHORT: [LimitGroup; 4] = [
    LimitGroup { name: "600 in 5 s", slot: 0, weight_max: 600, window_secs: 5, usage_header: None },
    LimitGroup { name: "20 in 2 s", slot: 1, weight_max: 20, window_secs: 2, usage_header: None },
    LimitGroup { name: "10 in 1 s", slot: 2, weight_max: 10, window_secs: 1, usage_header: None },
    LimitGroup { name: "15 in 60 s", slot: 7, weight_max: 15, window_secs: 60, usage_header: None },
];

fn at(boot_ms: u64) -> Now {
    Now { boot_ms, boot_id: BOOT, wall_ms: 1_700_000_000_000 + boot_ms }
}

/// Spends as fast as is allowed until `end_ms`; every grant with its time.
fn spend(state: &mut State, group: &LimitGroup, weight: u32, end_ms: u64) -> Vec<(u64, u32)> {
    let (mut ms, mut grants) = (1_000_003, Vec::new());
    while ms < end_ms {
        match state.take(group, weight, Priority::Bulk, at(ms)) {
            Grant::Go => {
                grants.push((ms, weight));
                // A request now and then takes a while.
                ms += u64::from(grants.len() % 97 == 0) * 3;
            }
            Grant::Wait(wait) => {
                assert!(wait > 0 && wait <= 400_000, "{wait}");
                ms += wait;
            }
            Grant::Banned(_) => panic!("nobody spoke a ban"),
        }
    }
    grants
}

fn most_in_any_window(grants: &[(u64, u32)], window_ms: u64) -> u32 {
    let mut most = 0;
    for (first, (start, _)) in grants.iter().enumerate() {
        let inside = grants[first..].iter().take_while(|(ms, _)| *ms < start + window_ms);
        most = most.max(inside.map(|(_, weight)| weight).sum());
    }
    most
}

#[test]
fn no_window_holds_more_than_the_limit_and_nine_tenths_of_it_are_used() {
    for (group, weight) in [(&SPOT_WEIGHT, 50), (&USDM_WEIGHT, 20), (&USDM_FUNDING, 1)] {
        let window_ms = u64::from(group.window_secs) * 1000;
        let mut state = State::new(at(1_000_000));
        let windows = 10;
        let grants = spend(&mut state, group, weight, 1_000_000 + windows * window_ms);
        // A second of margin: requests may bunch up on their way.
        let most = most_in_any_window(&grants, window_ms + 1000);
        assert!(most <= group.weight_max, "{}: {most}", group.name);
        let total: u64 = grants.iter().map(|(_, weight)| u64::from(*weight)).sum();
        let limit = u64::from(group.weight_max) * windows;
        assert!(total * 10 >= limit * 9, "{}: {total} of {limit}", group.name);
    }
}

#[test]
fn short_windows_are_kept_too() {
    for group in &SHORT {
        let window_ms = u64::from(group.window_secs) * 1000;
        let mut state = State::new(at(1_000_000));
        let windows = 40;
        let grants = spend(&mut state, group, 1, 1_000_000 + windows * window_ms);
        // A part of the window, at most a second, is given away: requests may bunch up on their way.
        let most = most_in_any_window(&grants, window_ms + (window_ms / 4).min(1000));
        assert!(most <= group.weight_max, "{}: {most}", group.name);
        let (total, limit) = (u64::try_from(grants.len()).expect("few"), u64::from(group.weight_max) * windows);
        assert!(total * 3 >= limit * 2, "{}: {total} of {limit}", group.name);
    }
}

#[test]
fn groups_do_not_touch_each_other() {
    let mut state = State::new(at(1_000_000));
    for group in &SHORT {
        let mut spent = 0;
        while state.take(group, 1, Priority::Live, at(1_000_000)) == Grant::Go {
            spent += 1;
        }
        assert_eq!(spent, group.weight_max, "{}", group.name);
    }
}

#[test]
fn live_requests_have_a_reserve() {
    let now = at(1_000_000);
    let check = |group: &LimitGroup, weight: u32, live: u32| {
        let mut state = State::new(now);
        while state.take(group, weight, Priority::Bulk, now) == Grant::Go {}
        for _ in 0..live {
            assert_eq!(state.take(group, weight, Priority::Live, now), Grant::Go, "{}", group.name);
        }
        assert!(matches!(state.take(group, weight, Priority::Live, now), Grant::Wait(_)), "{}", group.name);
    };
    check(&SPOT_WEIGHT, 50, 6);
    for (group, live) in SHORT.iter().zip([30, 1, 1, 1]) {
        check(group, 1, live);
    }
    // A reserve of a tenth and more would be dear.
    check(&LimitGroup { name: "9 in 1 s", slot: 0, weight_max: 9, window_secs: 1, usage_header: None }, 1, 0);
}

#[test]
fn every_group_of_the_table_has_a_place_of_its_own() {
    let mut places: BTreeMap<(&str, usize), &LimitGroup> = BTreeMap::new();
    let rows = dccd_exchange::table().map(|row| (row.api, row.group));
    let lists = dccd_exchange::exchanges().flat_map(|name| dccd_exchange::instruments(name).unwrap_or_default());
    for (api, group) in rows.chain(lists.map(|request| (request.api, request.group))) {
        assert!(group.slot < SLOTS, "{}: {} has slot {}", api.name, group.name, group.slot);
        assert!(group.weight_max > 0 && (1..=3600).contains(&group.window_secs), "{}: {}", api.name, group.name);
        // Hosts of one address share a file.
        let there = places.insert((api.rest_url, group.slot), group).unwrap_or(group);
        assert_eq!(there, group, "{}", api.rest_url);
    }
    assert!(places.len() >= 4, "{places:?}");
}

#[test]
fn what_others_use_is_taken_in() {
    let mut state = State::new(at(1_000_000));
    assert_eq!(state.take(&SPOT_WEIGHT, 10, Priority::Bulk, at(1_000_000)), Grant::Go);
    assert!(!state.observe(&SPOT_WEIGHT, 10, at(1_000_100)));
    assert!(state.observe(&SPOT_WEIGHT, 5_700, at(1_000_200)));
    assert!(!state.observe(&SPOT_WEIGHT, 5_700, at(1_000_200)));
    assert!(matches!(state.take(&SPOT_WEIGHT, 2, Priority::Bulk, at(1_000_300)), Grant::Wait(_)));
    assert_eq!(state.take(&SPOT_WEIGHT, 2, Priority::Bulk, at(1_070_000)), Grant::Go);
}

#[test]
fn a_ban_outlives_restarts_and_steps_of_the_clock() {
    let mut state = State::new(at(1_000_000));
    state.ban(120_000, at(1_000_000));
    // A shorter one does not shorten it.
    state.ban(1_000, at(1_000_001));
    let state = State::decode(&state.encode()).expect("a sound file");
    let left = |now: Now| match state.clone().take(&SPOT_WEIGHT, 1, Priority::Live, now) {
        Grant::Banned(left) => left,
        _ => 0,
    };
    assert_eq!(left(at(1_000_000)), 120_000);
    assert_eq!(left(at(1_119_999)), 1);
    assert_eq!(left(at(1_120_000)), 0);
    // The wall clock was set: the clock since boot counts.
    for wall_ms in [0, u64::MAX] {
        assert_eq!(left(Now { wall_ms, ..at(1_060_000) }), 60_000);
    }
    // The machine was started anew: the wall clock counts, but no ban grows.
    let rebooted = Now { boot_ms: 5, boot_id: BOOT + 1, wall_ms: at(1_060_000).wall_ms };
    assert_eq!(left(rebooted), 60_000);
    assert_eq!(left(Now { wall_ms: 0, ..rebooted }), 120_000);
    assert_eq!(left(Now { wall_ms: u64::MAX, ..rebooted }), 0);
}

#[test]
fn what_was_spent_before_a_boot_counts_for_a_while() {
    let mut state = State::new(at(1_000_000));
    while state.take(&SPOT_WEIGHT, 100, Priority::Bulk, at(1_000_000)) == Grant::Go {}
    let soon = Now { boot_ms: 2_000, boot_id: BOOT + 1, wall_ms: at(1_030_000).wall_ms };
    assert!(matches!(state.clone().take(&SPOT_WEIGHT, 100, Priority::Bulk, soon), Grant::Wait(_)));
    let late = Now { boot_ms: 2_000, boot_id: BOOT + 1, wall_ms: at(9_000_000).wall_ms };
    assert_eq!(state.take(&SPOT_WEIGHT, 100, Priority::Bulk, late), Grant::Go);
}

#[test]
fn every_state_survives_its_file_and_no_damage_is_believed() {
    let mut state = State::new(at(1_000_000));
    spend(&mut state, &SPOT_WEIGHT, 4, 1_100_000);
    spend(&mut state, &USDM_FUNDING, 1, 1_100_000);
    state.ban(5_000, at(1_100_000));
    let bytes = state.encode();
    assert_eq!(State::decode(&bytes), Some(state));
    for at in 0..FILE_BYTES {
        let mut damaged = bytes;
        damaged[at] ^= 0x10;
        assert_eq!(State::decode(&damaged), None, "byte {at}");
        assert_eq!(State::decode(&bytes[..at]), None, "cut at {at}");
    }
}

#[test]
fn a_state_that_is_not_known_is_taken_as_used_up() {
    for group in [&SPOT_WEIGHT, &USDM_FUNDING] {
        let mut state = State::exhausted(at(1_000_000));
        let Grant::Wait(wait) = state.take(group, 1, Priority::Bulk, at(1_000_000)) else { panic!("no wait") };
        assert!(wait >= u64::from(group.window_secs) * 1000 && wait <= u64::from(group.window_secs) * 1100, "{wait}");
        assert_eq!(state.take(group, 1, Priority::Bulk, at(1_000_000 + wait)), Grant::Go);
    }
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

fn open(dir: &Path) -> Budget {
    Budget::open(dir, "binance-127.0.0.1:80/../x").expect("a budget")
}

#[test]
fn two_who_open_it_share_it() {
    let dir = folder();
    let (one, other) = (open(&dir.path().join("new")), open(&dir.path().join("new")));
    assert_eq!(one.path().parent(), Some(dir.path().join("new").as_path()), "a host cannot leave the folder");
    let mut grants = 0;
    while one.take(&SPOT_WEIGHT, 100, Priority::Bulk).expect("a grant") == Grant::Go
        && other.take(&SPOT_WEIGHT, 100, Priority::Bulk).expect("a grant") == Grant::Go
    {
        grants += 2;
    }
    assert_eq!(grants, 56);
    one.ban(Duration::from_secs(3600)).expect("a ban");
    assert!(matches!(other.take(&SPOT_WEIGHT, 1, Priority::Live).expect("an answer"), Grant::Banned(_)));
    let waiter = Impatient::default();
    let error = other.wait(&SPOT_WEIGHT, 1, Priority::Live, &waiter).expect_err("an hour is too long");
    assert!(matches!(error, BudgetError::TooLong { secs: 3599..=3600 }), "{error}");
}

#[test]
fn a_damaged_file_is_made_whole_again() {
    let dir = folder();
    for damage in [&b"x"[..], &[0; FILE_BYTES], &[7; FILE_BYTES * 3]] {
        let budget = open(dir.path());
        std::fs::write(budget.path(), damage).expect("damage");
        assert!(matches!(budget.take(&SPOT_WEIGHT, 1, Priority::Bulk).expect("an answer"), Grant::Wait(_)));
        let size = std::fs::metadata(budget.path()).expect("a file").len();
        assert_eq!(size, u64::try_from(FILE_BYTES).expect("small"));
    }
}

#[test]
fn a_stop_ends_the_wait() {
    let budget = Budget::private().expect("a budget");
    budget.ban(Duration::from_secs(60)).expect("a ban");
    let waiter = Impatient::default();
    waiter.is_stopped.set(true);
    let error = budget.wait(&SPOT_WEIGHT, 1, Priority::Bulk, &waiter).expect_err("stopped");
    assert!(matches!(error, BudgetError::Stopped(_)), "{error}");
    assert_eq!(waiter.waits.borrow().len(), 1);
}

#[test]
fn a_long_wait_is_news_once() {
    let waiter = Impatient::default();
    waiter.is_stopped.set(true);
    let counts = || (waiter.warnings.borrow().len(), waiter.notes.borrow().len());
    let budget = Budget::private().expect("a budget");
    let wait = || budget.wait(&SPOT_WEIGHT, 1, Priority::Bulk, &waiter).expect_err("stopped");
    while budget.take(&SPOT_WEIGHT, 1, Priority::Bulk).expect("an answer") == Grant::Go {}
    budget.observe(&SPOT_WEIGHT, 6000).expect("it is used up");
    wait();
    wait();
    assert_eq!(counts(), (1, 1), "{:?}", waiter.warnings);
    // A ban is another matter.
    budget.ban(Duration::from_secs(60)).expect("a ban");
    wait();
    wait();
    assert_eq!(counts(), (2, 2), "{:?}", waiter.warnings);
    let warnings = waiter.warnings.borrow();
    assert!(warnings[0].contains("used up") && warnings[1].contains("left alone"), "{warnings:?}");
    assert!(warnings.iter().all(|warning| warning.ends_with("with -v")), "{warnings:?}");
}
