//! Sheets for people and programs.

use dccd_cli::write_table;
use dccd_record::Day;
use serde::Serialize;

use super::gaps::Verdict;
use super::sheet::Sheet;

const HEADER: [&str; 15] = [
    "date", "exchange", "pair", "type", "span", "rows", "covered", "gaps", "missing", "verdict", "repeats", "lag_p50",
    "lag_p99", "compared", "differ",
];
/// What is unknown, or does not apply.
const NOTHING: &str = "-";

/// A table.
pub(super) fn write_sheets(sheets: &[Sheet], out: &mut Vec<u8>) {
    let rows: Vec<Vec<String>> = sheets.iter().map(cells).collect();
    write_table(&HEADER, &rows, out);
}

fn cells(sheet: &Sheet) -> Vec<String> {
    let nothing = || NOTHING.to_owned();
    let number = |value: Option<u64>| value.map_or_else(nothing, |value| value.to_string());
    let lag = |nanos: Option<i64>| nanos.map_or_else(nothing, |nanos| format!("{}ms", millis(nanos)));
    let dataset = &sheet.dataset;
    let (gaps, missing) = sheet.gaps_in_all();
    vec![
        Day::from_number(sheet.date).to_string(),
        dataset.exchange().to_string(),
        dataset.pair().to_string(),
        dataset.kind().to_string(),
        dataset.span().map_or_else(nothing, |span| span.to_string()),
        number(sheet.rows),
        sheet.covered().map_or_else(nothing, |share| format!("{}%", percent(share))),
        gaps.to_string(),
        if gaps == 0 { nothing() } else { format!("{}s", seconds(missing)) },
        verdicts(sheet),
        number(sheet.repeats),
        lag(sheet.lag.map(|lag| lag.p50_nanos)),
        lag(sheet.lag.map(|lag| lag.p99_nanos)),
        number(sheet.comparison.map(|comparison| comparison.candles)),
        number(sheet.comparison.map(|comparison| comparison.differ)),
    ]
}

/// What can become of the gaps, as in `2 repairable, 1 final`.
fn verdicts(sheet: &Sheet) -> String {
    let counts = [Verdict::Repairable, Verdict::Lost, Verdict::Final].map(|verdict| {
        let of_it = sheet.gaps.iter().filter(|sum| sum.verdict == verdict);
        (verdict, of_it.map(|sum| sum.count).sum::<u64>())
    });
    let told: Vec<String> = counts
        .iter()
        .filter(|(_, count)| *count > 0)
        .map(|(verdict, count)| format!("{count} {}", verdict.name()))
        .collect();
    if told.is_empty() { NOTHING.to_owned() } else { told.join(", ") }
}

#[derive(Serialize)]
struct Line<'a> {
    kind: &'static str,
    date: String,
    exchange: &'a str,
    pair: String,
    of: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    span: Option<u32>,
    rows: Option<u64>,
    covered_percent: Option<f64>,
    gaps: u64,
    gap_seconds: f64,
    reasons: Vec<Reason<'a>>,
    repeats: Option<u64>,
    live_records: u64,
    lag_p50_ms: Option<f64>,
    lag_p99_ms: Option<f64>,
    candles_compared: Option<u64>,
    candles_differ: Option<u64>,
    price_difference_max: Option<f64>,
    volume_difference_max: Option<f64>,
}

#[derive(Serialize)]
struct Reason<'a> {
    /// Nothing if nobody lived to say.
    reason: Option<&'a str>,
    verdict: &'static str,
    gaps: u64,
    seconds: f64,
}

/// A line per sheet.
pub(super) fn write_lines(sheets: &[Sheet], out: &mut Vec<u8>) {
    for sheet in sheets {
        let dataset = &sheet.dataset;
        let (gaps, missing) = sheet.gaps_in_all();
        let comparison = sheet.comparison;
        let reasons = sheet.gaps.iter().map(|sum| Reason {
            reason: sum.reason.as_deref(),
            verdict: sum.verdict.name(),
            gaps: sum.count,
            seconds: number(&seconds(sum.nanos)),
        });
        let line = Line {
            kind: "report",
            date: Day::from_number(sheet.date).to_string(),
            exchange: dataset.exchange().as_str(),
            pair: dataset.pair().to_string(),
            of: dataset.kind().name(),
            span: dataset.span().map(|span| span.secs()),
            rows: sheet.rows,
            covered_percent: sheet.covered().map(|share| number(&percent(share))),
            gaps,
            gap_seconds: number(&seconds(missing)),
            reasons: reasons.collect(),
            repeats: sheet.repeats,
            live_records: sheet.lag.map_or(0, |lag| lag.records),
            lag_p50_ms: sheet.lag.map(|lag| number(&millis(lag.p50_nanos))),
            lag_p99_ms: sheet.lag.map(|lag| number(&millis(lag.p99_nanos))),
            candles_compared: comparison.map(|comparison| comparison.candles),
            candles_differ: comparison.map(|comparison| comparison.differ),
            price_difference_max: comparison.map(|comparison| comparison.price_difference_max),
            volume_difference_max: comparison.map(|comparison| comparison.volume_difference_max),
        };
        serde_json::to_writer(&mut *out, &line).expect("writing to memory cannot fail");
        out.push(b'\n');
    }
}

/// Hundredths of a percent.
fn percent(share: u64) -> String {
    fraction(share, 100)
}

/// Nanoseconds as milliseconds, to the microsecond.
fn millis(nanos: i64) -> String {
    let sign = if nanos <= -1_000 { "-" } else { "" };
    format!("{sign}{}", fraction(nanos.unsigned_abs() / 1_000, 1_000))
}

/// Nanoseconds as seconds, to the millisecond.
fn seconds(nanos: u64) -> String {
    fraction(nanos / 1_000_000, 1_000)
}

/// `value` / `unit`, a power of ten, without zeros at the end.
fn fraction(value: u64, unit: u64) -> String {
    let width = unit.ilog10();
    let rest = format!("{:0width$}", value % unit, width = usize::try_from(width).unwrap_or(0));
    let rest = rest.trim_end_matches('0');
    let point = if rest.is_empty() { "" } else { "." };
    format!("{}{point}{rest}", value / unit)
}

/// The number that a text of ours is.
fn number(text: &str) -> f64 {
    text.parse().unwrap_or(0.0)
}
