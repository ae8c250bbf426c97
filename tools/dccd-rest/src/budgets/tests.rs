use std::path::{Path, PathBuf};
use std::sync::Arc;

use dccd_exchange::LimitGroup;

use super::Budgets;
use crate::budget::{Budget, BudgetError, Grant, Priority};
use crate::tests::Impatient;

const REST: &str = "https://futures.kraken.com";
const WS: &str = "wss://futures.kraken.com";

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

/// A budget, with the warnings that opening it gave.
fn open(budgets: &mut Budgets, known_url: &str, base: &str) -> (Result<Arc<Budget>, BudgetError>, Vec<String>) {
    let mut warnings = Vec::new();
    let budget = budgets.budget("krakenfutures", known_url, base, &mut |warning| warnings.push(warning));
    (budget, warnings)
}

/// A budget that lies in a folder.
fn open_quietly(budgets: &mut Budgets, known_url: &str, base: &str) -> Arc<Budget> {
    let (budget, warnings) = open(budgets, known_url, base);
    assert!(warnings.is_empty(), "{warnings:?}");
    budget.expect("a budget")
}

/// Where nobody can make a file.
fn useless() -> PathBuf {
    PathBuf::from("/dev/null/budget")
}

#[test]
fn files_are_named_after_the_host_that_is_known_and_the_one_that_is_asked() {
    let dir = folder();
    let mut budgets = Budgets::new(Some(dir.path().to_owned()), vec![useless()]);
    let mut check = |known_url: &str, base: &str, expected: &str| {
        let budget = open_quietly(&mut budgets, known_url, base);
        let name = budget.path().strip_prefix(dir.path()).ok().and_then(Path::to_str);
        assert_eq!(name, Some(expected), "{known_url} at {base}");
    };
    check(REST, REST, "krakenfutures-futures.kraken.com.budget");
    check(REST, "https://me:secret@futures.kraken.com/proxy", "krakenfutures-futures.kraken.com.budget");
    check(REST, "http://127.0.0.1:80", "krakenfutures-futures.kraken.com-127.0.0.1_80.budget");
    check(WS, WS, "krakenfutures-ws-futures.kraken.com.budget");
    check(WS, "ws://127.0.0.1:80", "krakenfutures-ws-futures.kraken.com-127.0.0.1_80.budget");
    assert_eq!(std::fs::read_dir(dir.path()).expect("a folder").count(), 4);
}

#[test]
fn a_host_is_opened_once() {
    let dir = folder();
    let mut budgets = Budgets::new(None, vec![dir.path().to_owned()]);
    let rest = open_quietly(&mut budgets, REST, REST);
    assert!(Arc::ptr_eq(&rest, &open_quietly(&mut budgets, "https://futures.kraken.com/v3", REST)));
    assert!(!Arc::ptr_eq(&rest, &open_quietly(&mut budgets, WS, WS)));
}

#[test]
fn connections_and_messages_are_counted_apart_from_requests() {
    let dir = folder();
    let mut budgets = Budgets::new(Some(dir.path().to_owned()), Vec::new());
    let (rest, ws) = (open_quietly(&mut budgets, REST, REST), open_quietly(&mut budgets, WS, WS));
    let waiter = Impatient::default();
    // Groups may be made at run time.
    for (slot, (weight_max, window_secs)) in [(3, 60), (2, 300)].into_iter().enumerate() {
        let group = LimitGroup { name: "connections", slot, weight_max, window_secs, usage_header: None };
        for _ in 0..weight_max {
            ws.wait(&group, 1, Priority::Live, &waiter).expect("a place");
        }
        assert!(matches!(ws.take(&group, 1, Priority::Live).expect("an answer"), Grant::Wait(_)), "{group:?}");
        assert_eq!(rest.take(&group, 1, Priority::Live).expect("an answer"), Grant::Go, "{group:?}");
    }
    assert!(waiter.waits.borrow().is_empty());
}

#[test]
fn the_first_folder_that_can_be_used_is() {
    let dir = folder();
    let defaults = vec![useless(), dir.path().join("first"), dir.path().join("second")];
    let budget = open_quietly(&mut Budgets::new(None, defaults), REST, REST);
    assert_eq!(budget.path().parent(), Some(dir.path().join("first").as_path()));
    assert!(!dir.path().join("second").exists());
}

#[test]
fn a_folder_that_was_given_is_checked_and_left_as_it_was() {
    let dir = folder();
    let file = dir.path().join("file");
    std::fs::write(&file, "").expect("a file");
    for given in [useless(), file.clone(), file.join("below"), PathBuf::from("/proc/1/budget")] {
        let error = Budgets::new(Some(given.clone()), Vec::new()).check().expect_err("useless");
        let text = error.to_string();
        assert!(error.is_lasting() && text.contains(&format!("cannot keep budgets in {}", given.display())), "{text}");
    }
    let fresh = dir.path().join("a/b");
    Budgets::new(Some(fresh.clone()), Vec::new()).check().expect("it can be made");
    assert_eq!(std::fs::read_dir(fresh).expect("a folder").count(), 0);
    // A process may keep budgets of its own where nothing was given.
    Budgets::new(None, vec![useless()]).check().expect("no folder was given");
    let full =
        BudgetError::Folder { path: dir.path().to_owned(), cause: Arc::new(std::io::ErrorKind::StorageFull.into()) };
    assert!(!full.is_lasting());
}

#[test]
fn without_a_folder_a_process_counts_for_itself_and_says_so_once() {
    let check = |defaults: Vec<PathBuf>, expected: &str| {
        let mut budgets = Budgets::new(None, defaults);
        let (budget, warnings) = open(&mut budgets, REST, REST);
        let budget = budget.expect("a budget");
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        assert!(warnings[0].starts_with(expected), "{warnings:?}");
        assert!(warnings[0].ends_with("; this process keeps a budget of its own"), "{warnings:?}");
        assert!(Arc::ptr_eq(&budget, &open_quietly(&mut budgets, REST, REST)));
    };
    check(Vec::new(), "no folder for budgets (see --budget-dir)");
    check(vec![useless()], "cannot use the budget file /dev/null/budget/krakenfutures-futures.kraken.com.budget: ");
}

#[test]
fn what_was_opened_needs_no_folder_any_more() {
    let dir = folder();
    let inner = dir.path().join("inner");
    let mut budgets = Budgets::new(Some(inner.clone()), Vec::new());
    budgets.open("krakenfutures", REST, REST).expect("a budget");
    std::fs::rename(&inner, dir.path().join("gone")).expect("a rename");
    std::fs::write(&inner, "").expect("a file");
    let group = LimitGroup { name: "requests", slot: 0, weight_max: 1, window_secs: 60, usage_header: None };
    let budget = open_quietly(&mut budgets, REST, REST);
    assert_eq!(budget.take(&group, 1, Priority::Live).expect("an answer"), Grant::Go);
    // What could not be opened is said to each who asks, and tried no more.
    budgets.open("krakenfutures", WS, WS).expect_err("no folder");
    std::fs::remove_file(&inner).expect("a file");
    for _ in 0..2 {
        assert!(matches!(open(&mut budgets, WS, WS).0, Err(BudgetError::Io { .. })));
    }
}

#[test]
fn a_folder_that_was_given_is_used_or_nothing() {
    let dir = folder();
    let (budget, warnings) = open(&mut Budgets::new(Some(useless()), vec![dir.path().to_owned()]), REST, REST);
    assert!(matches!(budget, Err(BudgetError::Io { .. })), "{budget:?}");
    assert!(warnings.is_empty(), "{warnings:?}");
}
