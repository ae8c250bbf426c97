mod archive;
mod errors;
pub(crate) mod frames;
mod hostile;
pub(crate) mod recordings;
pub(crate) mod walk;

use dccd_record::{Dataset, Range, Ts};

use crate::{Ask, Page, Reply};

pub(crate) fn dataset(id: &str) -> Dataset {
    id.parse().expect("the test names a dataset")
}

pub(crate) fn ts(text: &str) -> Ts {
    text.parse().expect("the test names an instant")
}

pub(crate) fn range(start: &str, end: &str) -> Range {
    Range::new(ts(start), ts(end)).expect("the test names a range")
}

pub(crate) fn reply(status: u16, body: &[u8]) -> Reply<'_> {
    Reply { status, body, date: None, retry_after_secs: None, recv_ts: ts("2026-01-01T00:00:00.5Z") }
}

/// The page and the lines of an answer to `ask`.
pub(crate) fn read(ask: &Ask, body: &str) -> (Page, String) {
    let mut out = Vec::new();
    let page = ask.read(&reply(200, body.as_bytes()), &mut out).expect("the answer is sound");
    (page, String::from_utf8(out).expect("lines are text"))
}
