//! The table of capabilities: for people, as lines and in the manual it is the same one.

use std::fmt::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;

const BEGIN: &str = ".\\\" The table of capabilities begins; DCCD_BLESS=1 cargo test -p dccd-fetch writes it anew.\n";
const END: &str = ".\\\" The table of capabilities ends.\n";
/// Where the details of a row begin, and where they end at the latest.
const INDENT: usize = 16;
const WIDTH: usize = 72;

fn capabilities(flags: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dccd-fetch"));
    let output = command.arg("--capabilities").args(flags).stdin(Stdio::null()).output().expect("the program runs");
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
    String::from_utf8(output.stdout).expect("text")
}

fn rows() -> Vec<Value> {
    let parse = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"));
    capabilities(&["--json"]).lines().map(parse).collect()
}

fn text<'a>(row: &'a Value, key: &str) -> &'a str {
    row[key].as_str().unwrap_or_else(|| panic!("{key} is no text in {row}"))
}

fn spans(row: &Value) -> String {
    let spans = row["spans"].as_array().expect("a list of spans");
    spans.iter().map(|span| span.as_str().expect("a span")).collect::<Vec<_>>().join(" ")
}

fn limit(row: &Value) -> String {
    format!("{} {}/{} s", text(row, "limit_group"), row["limit"], row["limit_secs"])
}

/// What may be nothing.
fn or_dash(words: &str) -> &str {
    if words.is_empty() { "-" } else { words }
}

#[test]
fn the_table_and_its_lines_say_the_same() {
    let (table, rows) = (capabilities(&[]), rows());
    let mut lines = table.lines();
    let header = lines.next().expect("a header");
    let names = "exchange market pairs kind page weight limit history proof unit archive spans";
    assert_eq!(header.split_whitespace().collect::<Vec<_>>().join(" "), names);
    // Columns begin where their names do.
    let starts: Vec<usize> = names.split(' ').map(|name| header.find(name).expect("a name")).collect();
    assert_eq!(lines.clone().count(), rows.len());
    for (line, row) in lines.zip(&rows) {
        let ends = starts.iter().skip(1).copied().chain([line.len()]);
        let cells: Vec<&str> = starts.iter().zip(ends).map(|(start, end)| line[*start..end].trim_end()).collect();
        let closed = row["closed"].as_str().map_or_else(String::new, |day| format!(", closed {day}"));
        let spans = spans(row);
        let expected = [
            text(row, "exchange"),
            text(row, "market"),
            text(row, "pairs"),
            text(row, "of"),
            &row["page_rows"].to_string(),
            &row["weight"].to_string(),
            &limit(row),
            &format!("{}{closed}", text(row, "history")),
            text(row, "proof"),
            text(row, "unit"),
            or_dash(row["archive"].as_str().unwrap_or_default()),
            or_dash(&spans),
        ];
        assert_eq!(cells, expected);
        assert!(text(row, "path").starts_with('/') && text(row, "host").starts_with("https://"), "{row}");
        assert!(text(row, "since").len() == "2017-07-14".len(), "{row}");
    }
}

#[test]
fn no_series_is_in_the_table_twice() {
    let rows = rows();
    for exchange in dccd_exchange::exchanges() {
        assert!(rows.iter().any(|row| row["exchange"] == exchange), "{exchange}");
    }
    let mut keys = Vec::new();
    for row in &rows {
        let key = ["exchange", "pairs", "of"].map(|key| text(row, key)).join(" ");
        keys.extend(or_dash(&spans(row)).split(' ').map(|span| format!("{key} {span}")));
    }
    keys.sort_unstable();
    let count = keys.len();
    keys.dedup();
    assert_eq!(keys.len(), count, "{keys:#?}");
}

#[test]
fn the_manual_has_the_same_table() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../man/dccd-fetch.1");
    let page = std::fs::read_to_string(&path).expect("the page");
    let (before, rest) = page.split_once(BEGIN).expect("the page has the mark of the table's begin");
    let (held, after) = rest.split_once(END).expect("the page has the mark of the table's end");
    let wanted = manual(&rows());
    if held != wanted && std::env::var_os("DCCD_BLESS").is_some_and(|bless| bless == "1") {
        std::fs::write(&path, format!("{before}{BEGIN}{wanted}{END}{after}")).expect("the page can be written");
        return;
    }
    assert!(
        held == wanted,
        "man/dccd-fetch.1 is not what dccd-fetch --capabilities says (DCCD_BLESS=1 writes it anew):\n{wanted}"
    );
}

/// The table as a part of the page, narrow enough for a terminal.
fn manual(rows: &[Value]) -> String {
    let mut page = ".Bd -literal\n".to_owned();
    let mut market = String::new();
    for row in rows {
        let closed = row["closed"].as_str().map_or_else(String::new, |day| format!(", closed on {day}"));
        let named = format!("{} {}: {}{closed}", text(row, "exchange"), text(row, "market"), text(row, "pairs"));
        if named != market {
            let blank = if market.is_empty() { "" } else { "\n" };
            wrap(&mut page, &format!("{blank}{named}"), INDENT);
            market = named;
        }
        let (kind, page_rows, weight) = (text(row, "of"), &row["page_rows"], &row["weight"]);
        let pages = match page_rows.as_u64() {
            Some(0) => "no pages".to_owned(),
            _ => format!("page {page_rows}, weight {weight} of {}", limit(row)),
        };
        wrap(&mut page, &format!("  {kind:<13} {pages}"), INDENT);
        let (history, proof, unit) = (text(row, "history"), text(row, "proof"), text(row, "unit"));
        let archive = row["archive"].as_str().map_or_else(String::new, |archive| format!("; archive: {archive}"));
        wrap(&mut page, &format!("{:INDENT$}in {unit}, proof {proof}, history: {history}{archive}", ""), INDENT + 2);
        if !spans(row).is_empty() {
            wrap(&mut page, &format!("{:INDENT$}spans: {}", "", spans(row)), INDENT + 2);
        }
    }
    page.push_str(".Ed\n");
    page
}

/// Appends a line, broken between words where it is too long.
fn wrap(page: &mut String, line: &str, indent: usize) {
    let mut column = 0;
    for (number, word) in line.split(' ').enumerate() {
        // Blanks at the beginning are words of no length.
        if column > 0 && !word.is_empty() && column + 1 + word.len() > WIDTH {
            let _ = write!(page, "\n{:indent$}{word}", "");
            column = indent + word.len();
        } else {
            let blank = if number > 0 { " " } else { "" };
            page.push_str(blank);
            page.push_str(word);
            column += blank.len() + word.len();
        }
    }
    page.push('\n');
}
