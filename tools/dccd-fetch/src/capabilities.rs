//! Prints the table of what each exchange can give and prove.

use std::fmt::Write;

use dccd_exchange::{Capability, table};
use dccd_record::Market;

/// Appends the table, for people or as one JSON object per line.
pub(crate) fn write(is_json: bool, out: &mut Vec<u8>) {
    let mut text = String::new();
    if !is_json {
        let _ = writeln!(
            text,
            "{:<9} {:<6} {:<13} {:>5} {:>6} {:<18} {:<12} {:<5} {:<41} spans",
            "exchange", "market", "kind", "page", "weight", "limit", "history", "proof", "archive"
        );
    }
    for row in table() {
        if is_json {
            write_json(row, &mut text);
        } else {
            write_row(row, &mut text);
        }
    }
    out.extend_from_slice(text.as_bytes());
}

fn write_row(row: &Capability, text: &mut String) {
    let limit = format!("{}/{} s", row.group.weight_max, row.group.window_secs);
    let _ = writeln!(
        text,
        "{:<9} {:<6} {:<13} {:>5} {:>6} {:<18} {:<12} {:<5} {:<41} {}",
        row.exchange,
        market(row.market),
        row.kind.name(),
        row.page_rows,
        row.weight,
        limit,
        row.reach.to_string(),
        row.proof.name(),
        row.archive.unwrap_or("-"),
        spans(row).join(" "),
    );
}

fn write_json(row: &Capability, text: &mut String) {
    let spans: Vec<String> = spans(row).iter().map(|span| format!("\"{span}\"")).collect();
    let archive = row.archive.map_or("null".to_owned(), |name| format!("\"{name}\""));
    let _ = writeln!(
        text,
        r#"{{"kind":"capability","exchange":"{}","market":"{}","of":"{}","path":"{}","page_rows":{},"weight":{},"limit_group":"{}","limit":{},"limit_secs":{},"history":"{}","unit":"{}","proof":"{}","archive":{archive},"spans":[{}]}}"#,
        row.exchange,
        market(row.market),
        row.kind.name(),
        row.path,
        row.page_rows,
        row.weight,
        row.group.name,
        row.group.weight_max,
        row.group.window_secs,
        row.reach,
        row.unit.name(),
        row.proof.name(),
        spans.join(","),
    );
}

fn spans(row: &Capability) -> Vec<&'static str> {
    row.spans.iter().map(|(_, name)| *name).collect()
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
