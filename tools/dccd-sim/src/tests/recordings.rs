//! Genuine answers of exchanges, which ours have to look like.

use std::path::PathBuf;

use serde_json::Value;

/// The body of a recording; nothing, said aloud, where the recordings are not at hand.
pub(crate) fn recorded(name: &str) -> Option<Value> {
    let mut recording: Value = serde_json::from_str(&read(name)?).expect("a recording is JSON");
    Some(recording["body"].take())
}

/// A recording that is one message.
pub(crate) fn recorded_message(name: &str) -> Option<Value> {
    Some(serde_json::from_str(&read(name)?).expect("a recording is JSON"))
}

/// The frames that a client received, as they were sent.
pub(crate) fn recorded_frames(name: &str) -> Option<Vec<String>> {
    let text = read(name)?;
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("a recording is JSON"));
    let received = lines.filter(|line| line["dir"] == "recv");
    Some(received.map(|line| line["raw"].as_str().unwrap_or_default().to_owned()).collect())
}

#[allow(clippy::print_stderr, reason = "what was not tested is said aloud")]
fn read(name: &str) -> Option<String> {
    let folder = std::env::var_os("DCCD_RECORDINGS").map(PathBuf::from);
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/recordings");
    let path = folder.unwrap_or_else(beside).join(name);
    let Ok(text) = std::fs::read_to_string(&path) else {
        assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "no recording {}", path.display());
        eprintln!("SKIPPED: no recording {}: see DCCD_RECORDINGS", path.display());
        return None;
    };
    Some(text)
}

/// Asserts that an answer has every key of a recording, with values of the same type, and lists with as many fields.
///
/// Lists of rows may differ in length: there the first row is compared with the first. Other lists have as many
/// fields as those of the recording.
pub(crate) fn assert_alike(ours: &Value, recorded: &Value, place: &str) {
    match (ours, recorded) {
        (Value::Object(ours), Value::Object(recorded)) => {
            for (key, value) in recorded {
                let own = ours.get(key).unwrap_or_else(|| panic!("{place}: no {key:?} among {:?}", ours.keys()));
                assert_alike(own, value, &format!("{place}/{key}"));
            }
        }
        (Value::Array(ours), Value::Array(recorded)) => {
            let is_list = recorded.iter().all(|value| value.is_array() || value.is_object());
            if is_list {
                if let (Some(ours), Some(recorded)) = (ours.first(), recorded.first()) {
                    assert_alike(ours, recorded, &format!("{place}/0"));
                }
                return;
            }
            assert_eq!(ours.len(), recorded.len(), "{place}");
            for (at, (ours, recorded)) in ours.iter().zip(recorded).enumerate() {
                assert_alike(ours, recorded, &format!("{place}/{at}"));
            }
        }
        (Value::Null, _) | (_, Value::Null) => {}
        _ => assert_eq!(type_of(ours), type_of(recorded), "{place}: {ours} and {recorded}"),
    }
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "text",
        Value::Array(_) => "list",
        Value::Object(_) => "object",
    }
}
