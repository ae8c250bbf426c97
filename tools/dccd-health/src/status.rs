//! What was counted, for people and programs.

use dccd_cli::{Status, StoreFlags, Tool, Zone, write_table};
use dccd_record::Ts;
use serde::Serialize;

use crate::clock::seconds;
use crate::error::Error;
use crate::metrics::{Counts, Metrics};

const HEADER: [&str; 5] = ["job", "last_run", "last_success", "rows", "errors"];

/// Print when each pair was last run, last succeeded, its rows and its errors since
#[derive(Debug, clap::Args)]
pub(crate) struct StatusArgs {
    /// Lines instead of a table
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) store: StoreFlags,
}

/// Prints a table, or lines.
pub(crate) fn run(args: &StatusArgs, tool: &mut Tool) -> Result<Status, Error> {
    let root = args.store.data_path()?;
    let metrics = Metrics::read(&root)?;
    let out = tool.out.buffer();
    if args.json {
        write_lines(&metrics, out);
    } else {
        let zone = args.store.zone()?;
        let rows: Vec<Vec<String>> = metrics.pairs.iter().map(|(key, pair)| cells(key, &pair.counts, &zone)).collect();
        write_table(&HEADER, &rows, out);
    }
    tool.out.flush()?;
    Ok(Status::Ok)
}

fn write_lines(metrics: &Metrics, out: &mut Vec<u8>) {
    #[derive(Serialize)]
    struct Line<'a> {
        kind: &'static str,
        job: &'a str,
        last_run: Option<String>,
        last_success: Option<String>,
        rows: u64,
        errors: u64,
    }
    for (key, pair) in &metrics.pairs {
        let counts = &pair.counts;
        let line = Line {
            kind: "status",
            job: key,
            last_run: counts.last_run_at.map(seconds),
            last_success: counts.last_success_at.map(seconds),
            rows: counts.rows_collected,
            errors: counts.errors_count,
        };
        serde_json::to_writer(&mut *out, &line).expect("writing to memory cannot fail");
        out.push(b'\n');
    }
}

fn cells(key: &str, counts: &Counts, zone: &Zone) -> Vec<String> {
    let when = |at: Option<Ts>| at.map_or_else(|| "-".to_owned(), |ts| zone.text(ts));
    let (run, success) = (when(counts.last_run_at), when(counts.last_success_at));
    vec![key.to_owned(), run, success, counts.rows_collected.to_string(), counts.errors_count.to_string()]
}
