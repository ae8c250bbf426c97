//! Genuine answers of exchanges, read as an adapter reads them.

#![expect(clippy::print_stderr, reason = "what is skipped says so")]

use std::path::PathBuf;

use dccd_record::LineWriter;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{dataset, reply};
use crate::adapter::{Rows, Series};
use crate::capability;
use crate::sink::{Sink, Wanted};
use crate::{AnswerError, Page};

/// One answer.
#[derive(Debug, Deserialize)]
pub(crate) struct Recording {
    pub(crate) status: u16,
    pub(crate) body: Box<RawValue>,
}

/// The folder of recordings, if it is there.
pub(crate) fn folder() -> Option<PathBuf> {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/recordings");
    let folder = PathBuf::from(std::env::var_os("DCCD_RECORDINGS").unwrap_or_else(|| default.into()));
    if folder.join("INDEX.tsv").is_file() {
        return Some(folder);
    }
    assert!(std::env::var("CI").as_deref() != Ok("true"), "no recordings in {}", folder.display());
    eprintln!("SKIPPED: no recordings in {} (see DCCD_RECORDINGS)", folder.display());
    None
}

/// The recording `name` in the folder of an exchange; `None` if there are none.
pub(crate) fn recording(exchange: &str, name: &str) -> Option<Recording> {
    let path = folder()?.join(exchange).join(format!("{name}.json"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    Some(serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
}

/// Checks that `known` names every recording of REST traffic in the folder of an exchange that is wanted.
pub(crate) fn check_names<'a>(exchange: &str, known: impl Iterator<Item = &'a str>, is_wanted: fn(&str) -> bool) {
    let Some(folder) = folder() else { return };
    let index = std::fs::read_to_string(folder.join("INDEX.tsv")).expect("the index is text");
    let mut recorded: Vec<&str> = index
        .lines()
        .filter_map(|line| line.split('\t').next())
        .filter_map(|file| file.strip_prefix(exchange)?.strip_prefix('/')?.strip_suffix(".json"))
        .filter(|name| name.contains("-rest-") && !name.ends_with(".expected") && is_wanted(name))
        .collect();
    let mut known: Vec<&str> = known.collect();
    recorded.sort_unstable();
    known.sort_unstable();
    assert_eq!(recorded, known, "{exchange}");
}

/// Reads a whole answer as a page of `rows` of a dataset, with ids that may skip.
pub(crate) fn read_page(id: &str, rows: Rows, status: u16, body: &str) -> Result<(Page, String), AnswerError> {
    let dataset = dataset(id);
    let row = capability(&dataset).unwrap_or_else(|error| panic!("{id}: {error}"));
    let (mut lines, mut out) = (LineWriter::new(&dataset), Vec::new());
    let mut sink = Sink::new(Wanted::probe(rows, dataset.span()), &mut lines, &mut out);
    let series = Series { row, dataset: &dataset, contract: None };
    row.adapter().read_page(&series, rows, &reply(status, body.as_bytes()), &mut sink)?;
    let page = sink.page();
    Ok((page, String::from_utf8(out).expect("lines are text")))
}

/// Reads a whole answer as a snapshot of the book of a dataset.
pub(crate) fn read_book(id: &str, status: u16, body: &str) -> Result<(Page, String), AnswerError> {
    let dataset = dataset(id);
    let row = capability(&dataset).unwrap_or_else(|error| panic!("{id}: {error}"));
    let (mut lines, mut out) = (LineWriter::new(&dataset), Vec::new());
    let series = Series { row, dataset: &dataset, contract: None };
    let page = row.adapter().read_book(&series, &reply(status, body.as_bytes()), &mut lines, &mut out)?;
    Ok((page, String::from_utf8(out).expect("lines are text")))
}
