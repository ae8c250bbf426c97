//! What lies around in a store for a person to look at.

use std::path::Path;

use dccd_store::Layout;

use super::Finding;

const TOPIC: &str = "store";

/// Files set aside, and journals that nobody owns.
pub(super) fn look(root: &Path) -> Vec<Finding> {
    if !root.is_dir() {
        let what = format!("there is no store at {} yet", root.display());
        return vec![Finding::warn(TOPIC, what, "the first dccd-write makes it; is it the right --data-path?")];
    }
    let left = match Layout::new(root).leftovers() {
        Ok(left) => left,
        Err(cause) => return vec![Finding::fail(TOPIC, cause.to_string(), "is it readable for this user?")],
    };
    let mut findings = Vec::new();
    if let Some(first) = left.set_aside.first() {
        let what = format!("files that could not be read and were set aside: {}", named(left.set_aside.len(), first));
        findings.push(Finding::warn(TOPIC, what, "what they held is planned again; look at them, then remove them"));
    }
    if let Some(first) = left.ownerless.first() {
        let what = format!("journals whose writer is gone: {}", named(left.ownerless.len(), first));
        findings.push(Finding::warn(TOPIC, what, "the next dccd-write takes them over: dccd-write </dev/null"));
    }
    if findings.is_empty() {
        findings.push(Finding::ok(TOPIC, "nothing is left over from writers that died"));
    }
    findings
}

fn named(count: usize, first: &Path) -> String {
    if count == 1 { first.display().to_string() } else { format!("{count}, such as {}", first.display()) }
}
