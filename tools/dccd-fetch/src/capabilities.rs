//! Prints the table of what each exchange can give and prove.

use std::fmt::Write;

use dccd_cli::write_table;
use dccd_exchange::{Capability, closed, table};
use dccd_record::Market;

const HEADER: [&str; 12] =
    ["exchange", "market", "pairs", "kind", "page", "weight", "limit", "history", "proof", "unit", "archive", "spans"];

/// Appends the table, for people or as one JSON object per line.
pub(crate) fn write(is_json: bool, out: &mut Vec<u8>) {
    if is_json {
        let mut text = String::new();
        table().for_each(|row| write_json(row, &mut text));
        out.extend_from_slice(text.as_bytes());
    } else {
        let rows: Vec<Vec<String>> = table().map(cells).collect();
        write_table(&HEADER, &rows, out);
    }
}

fn cells(row: &Capability) -> Vec<String> {
    let group = row.group;
    let closed = closed(row.exchange).map_or_else(String::new, |day| format!(", closed {day}"));
    vec![
        row.exchange.to_owned(),
        market(row.market).to_owned(),
        row.pair_form(),
        row.kind.name().to_owned(),
        row.page_rows.to_string(),
        row.weight.to_string(),
        format!("{} {}/{} s", group.name, group.weight_max, group.window_secs),
        format!("{}{closed}", row.reach),
        row.proof.name().to_owned(),
        row.unit.name().to_owned(),
        or_dash(row.archive.unwrap_or_default()),
        or_dash(&row.span_texts().join(" ")),
    ]
}

fn or_dash(text: &str) -> String {
    if text.is_empty() { "-".to_owned() } else { text.to_owned() }
}

/// Nothing in the table needs to be escaped, which a test watches over.
fn write_json(row: &Capability, text: &mut String) {
    let quoted = |text: &str| format!("\"{text}\"");
    let spans: Vec<String> = row.span_texts().iter().map(|span| quoted(span)).collect();
    let or_null = |text: Option<&str>| text.map_or_else(|| "null".to_owned(), quoted);
    let _ = write!(
        text,
        r#"{{"kind":"capability","exchange":"{}","market":"{}","pairs":"{}","of":"{}","host":"{}","path":"{}""#,
        row.exchange,
        market(row.market),
        row.pair_form(),
        row.kind.name(),
        row.api.rest_url,
        row.path,
    );
    let _ = write!(
        text,
        r#","page_rows":{},"weight":{},"limit_group":"{}","limit":{},"limit_secs":{}"#,
        row.page_rows, row.weight, row.group.name, row.group.weight_max, row.group.window_secs,
    );
    let _ = writeln!(
        text,
        r#","history":"{}","since":"{}","closed":{},"proof":"{}","unit":"{}","archive":{},"spans":[{}]}}"#,
        row.reach,
        row.since,
        or_null(closed(row.exchange)),
        row.proof.name(),
        row.unit.name(),
        or_null(row.archive),
        spans.join(","),
    );
}

fn market(market: Market) -> &'static str {
    match market {
        Market::Spot => "spot",
        Market::Perp => "perp",
        Market::Inverse => "inverse",
        Market::Dated(_) => "dated",
        Market::Quarter => "quarter",
        Market::NextQuarter => "next_quarter",
    }
}
