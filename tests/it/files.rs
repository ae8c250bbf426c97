//! The cases in `tests/cases/THEME/NAME/`.

use std::collections::BTreeSet;

use dccd_tests::{check_case, files_under, workspace_root};

#[test]
fn every_case_does_what_it_says() {
    let cases = workspace_root().join("tests/cases");
    let mut folders = BTreeSet::new();
    for file in files_under(&cases) {
        if file.file_name().is_some_and(|name| name == "cmd") {
            folders.insert(file.parent().expect("a file lies in a folder").to_owned());
        }
    }
    assert!(!folders.is_empty(), "no case in {}", cases.display());
    let failed: Vec<_> = folders.iter().filter(|dir| std::panic::catch_unwind(|| check_case(dir)).is_err()).collect();
    assert!(failed.is_empty(), "{} of {} cases failed: {failed:#?}", failed.len(), folders.len());
}
