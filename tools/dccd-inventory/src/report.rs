//! What an inventory says of each dataset, and how.

use std::time::{SystemTime, UNIX_EPOCH};

use dccd_cli::{Log, Powers, StoreFlags, Tool, Zone};
use dccd_record::{Control, Dataset, Gap, Range, Ts, write_control};
use dccd_store::{NamedGap, PeriodView, Purged, Store, StoreError, View, folders};
use serde::Serialize;

use crate::error::Error;

/// Why a gap is there, where nobody lived to say.
const UNNAMED: &str = "asked for, and not obtained";
const HEADER: [&str; 8] = ["exchange", "pair", "type", "span", "from", "to", "rows", "gaps"];
const GAP_HEADER: [&str; 7] = ["exchange", "pair", "type", "span", "from", "to", "reason"];

/// Opens the store, beside which nothing can be opened from then on.
pub(crate) fn open(flags: &StoreFlags, tool: &Tool) -> Result<Store, Error> {
    let data_path = flags.data_path()?;
    tool.confine(&Powers::none().read(folders(&data_path)));
    Ok(Store::open(&data_path)?)
}

/// One dataset.
pub(crate) struct Entry {
    dataset: Dataset,
    bounds: Option<(Ts, Ts)>,
    rows: u64,
    gaps: Vec<NamedGap>,
    /// What of it is only on remotes.
    purged: Vec<Purged>,
    /// Whether every file could be read.
    pub(crate) is_readable: bool,
}

impl Entry {
    /// Gaps that may still be filled.
    fn open_gaps(&self) -> usize {
        self.gaps.iter().filter(|gap| !gap.is_final).count()
    }

    fn series(&self) -> [String; 4] {
        let span = self.dataset.span().map_or_else(|| "-".to_owned(), |span| span.to_string());
        let (exchange, pair) = (self.dataset.exchange().to_string(), self.dataset.pair().to_string());
        [exchange, pair, self.dataset.kind().to_string(), span]
    }
}

/// What of a dataset is only on remotes.
#[derive(Serialize)]
struct PurgedPart {
    from: Option<String>,
    to: Option<String>,
    rows: u64,
    files: usize,
    bytes: u64,
}

impl PurgedPart {
    fn of(purged: &[Purged]) -> Option<PurgedPart> {
        let bounds = purged.iter().filter_map(Purged::bounds);
        let bounds = bounds.reduce(|(first, last), (from, to)| (first.min(from), last.max(to)));
        (!purged.is_empty()).then(|| PurgedPart {
            from: bounds.map(|(from, _)| from.to_string()),
            to: bounds.map(|(_, to)| to.to_string()),
            rows: purged.iter().map(|purged| purged.rows).sum(),
            files: purged.len(),
            bytes: purged.iter().map(|purged| purged.bytes).sum(),
        })
    }
}

/// Now, by this host's clock: what is asked of the future is no gap yet.
pub(crate) fn now() -> Ts {
    let nanos = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
    i64::try_from(nanos).ok().and_then(|nanos| Ts::from_nanos(nanos).ok()).unwrap_or(Ts::MAX)
}

/// Counts rows and gaps of one dataset.
pub(crate) fn examine(store: &Store, view: View, now: Ts, log: &Log) -> Result<Entry, StoreError> {
    let is_waiting = view.periods().iter().any(|period| period.is_waiting);
    // Journaled rows may repeat published ones; only reading both tells how many there are.
    let view = if is_waiting { store.view(view.dataset())? } else { view };
    let mut entry = Entry {
        dataset: view.dataset().clone(),
        bounds: view.bounds(),
        rows: 0,
        gaps: gaps(&view, now),
        purged: view.purged().iter().map(|(_, purged)| purged.clone()).collect(),
        is_readable: true,
    };
    for period in view.periods() {
        match rows(&view, period) {
            Ok(rows) => entry.rows += rows,
            Err(why) => {
                entry.is_readable = false;
                log.error(format_args!(
                    "{} cannot be read ({why}); the next dccd-write there sets it aside",
                    period.path.display()
                ));
            }
        }
    }
    Ok(entry)
}

/// A table for people.
pub(crate) fn write_table(inventory: &[Entry], zone: &Zone, out: &mut Vec<u8>) {
    let rows = inventory.iter().map(|entry| {
        let [exchange, pair, kind, span] = entry.series();
        let none = || ("-".to_owned(), "-".to_owned());
        let (from, to) = entry.bounds.map_or_else(none, |(from, to)| (zone.text(from), zone.text(to)));
        vec![exchange, pair, kind, span, from, to, entry.rows.to_string(), entry.open_gaps().to_string()]
    });
    write_aligned(&HEADER, rows.collect(), out);
}

/// One line per dataset.
pub(crate) fn write_lines(inventory: &[Entry], out: &mut Vec<u8>) {
    #[derive(Serialize)]
    struct Line<'a> {
        kind: &'static str,
        exchange: &'a str,
        pair: String,
        of: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        span: Option<u32>,
        from: Option<String>,
        to: Option<String>,
        rows: u64,
        gaps: usize,
        #[serde(skip_serializing_if = "Option::is_none")]
        purged: Option<PurgedPart>,
    }
    for entry in inventory {
        let line = Line {
            kind: "inventory",
            exchange: entry.dataset.exchange().as_str(),
            pair: entry.dataset.pair().to_string(),
            of: entry.dataset.kind().name(),
            span: entry.dataset.span().map(|span| span.secs()),
            from: entry.bounds.map(|(from, _)| from.to_string()),
            to: entry.bounds.map(|(_, to)| to.to_string()),
            rows: entry.rows,
            gaps: entry.open_gaps(),
            purged: PurgedPart::of(&entry.purged),
        };
        serde_json::to_writer(&mut *out, &line).expect("writing to memory cannot fail");
        out.push(b'\n');
    }
}

/// A table of every gap.
pub(crate) fn write_gap_table(inventory: &[Entry], zone: &Zone, out: &mut Vec<u8>) {
    let rows = inventory.iter().flat_map(|entry| {
        entry.gaps.iter().map(|gap| {
            let [exchange, pair, kind, span] = entry.series();
            let reason = gap.reason.as_deref().unwrap_or(UNNAMED);
            let reason = if gap.is_final { format!("{reason} (final)") } else { reason.to_owned() };
            vec![exchange, pair, kind, span, zone.text(gap.range.start()), zone.text(gap.range.end()), reason]
        })
    });
    write_aligned(&GAP_HEADER, rows.collect(), out);
}

/// One `gap` line per gap.
pub(crate) fn write_gap_lines(inventory: &[Entry], out: &mut Vec<u8>) {
    for entry in inventory {
        for gap in &entry.gaps {
            let reason = gap.reason.clone().unwrap_or_else(|| UNNAMED.to_owned());
            let line = Gap { dataset: entry.dataset.clone(), range: gap.range, reason, is_final: gap.is_final };
            write_control(&Control::Gap(line), out);
        }
    }
}

fn rows(view: &View, period: &PeriodView) -> Result<u64, String> {
    match &period.file {
        Some(Err(why)) => Err(why.clone()),
        Some(Ok(info)) if !period.is_waiting => Ok(info.rows),
        _ => {
            let scan = view.rows(period, Range::all()).map_err(|error| error.to_string())?;
            let mut count = 0;
            for rows in scan {
                let rows = rows.map_err(|error| error.to_string())?;
                count += u64::try_from(rows.len()).unwrap_or(u64::MAX);
            }
            Ok(count)
        }
    }
}

fn gaps(view: &View, now: Ts) -> Vec<NamedGap> {
    let Some(past) = Range::new(Ts::MIN, now) else { return Vec::new() };
    let clip = |gap: NamedGap| Some(NamedGap { range: gap.range.intersect(past)?, ..gap });
    view.ledger().gaps().into_iter().filter_map(clip).collect()
}

/// Columns two spaces apart; numbers are not right-aligned, so that `cut` and `awk` find them.
fn write_aligned(header: &[&str], rows: Vec<Vec<String>>, out: &mut Vec<u8>) {
    let mut rows = rows;
    rows.insert(0, header.iter().map(|&name| name.to_owned()).collect());
    let widths: Vec<usize> = (0..header.len())
        .map(|column| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0))
        .collect();
    for row in rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        let line = cells.collect::<Vec<_>>().join("  ");
        out.extend_from_slice(line.trim_end().as_bytes());
        out.push(b'\n');
    }
}
