//! How a verdict is said.

use std::time::Duration;

use dccd_cli::plain;
use dccd_record::Ts;
use serde::Serialize;

use super::reasons::Reason;
use super::series::State;
use super::survey::Survey;

const SECOND_NANOS: i64 = 1_000_000_000;
/// No limit on an age is longer: a hundred years.
const TIME_SECS_MAX: u64 = 100 * 366 * 86_400;

/// A time as people type it: seconds, or a number with s, m, h, d or w.
pub(super) fn parse_time(text: &str) -> Result<Duration, String> {
    let unit = |letter| match letter {
        's' => Some(1),
        'm' => Some(60),
        'h' => Some(3_600),
        'd' => Some(86_400),
        'w' => Some(7 * 86_400),
        _ => None,
    };
    let (digits, secs) = match text.char_indices().next_back() {
        Some((at, letter)) if !letter.is_ascii_digit() => (text.split_at(at).0, unit(letter)),
        _ => (text, Some(1)),
    };
    let number = digits.parse::<u64>().ok().filter(|_| digits.bytes().all(|byte| byte.is_ascii_digit()));
    let total = number.zip(secs).and_then(|(number, secs)| number.checked_mul(secs));
    total
        .filter(|total| *total <= TIME_SECS_MAX)
        .map(Duration::from_secs)
        .ok_or_else(|| "expected seconds, or a time such as 15m, 2h or 1d".to_owned())
}

/// A length of time in its two largest units.
pub(super) fn age(nanos: i64) -> String {
    let secs = nanos.max(0) / SECOND_NANOS;
    let (days, hours, minutes) = (secs / 86_400, secs / 3_600 % 24, secs / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{secs} s"),
        (0, 0, _) => format!("{minutes} min"),
        (0, _, 0) => format!("{hours} h"),
        (0, ..) => format!("{hours} h {minutes} min"),
        (_, 0, _) => format!("{days} d"),
        _ => format!("{days} d {hours} h"),
    }
}

/// A number of bytes in the largest unit that leaves a whole number.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [(&str, u32); 4] = [("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)];
    let unit = UNITS.into_iter().find(|(_, bits)| bytes >> bits > 0);
    unit.map_or_else(
        || format!("{bytes} B"),
        |(name, bits)| {
            let tenths = (u128::from(bytes) * 10) >> bits;
            format!("{}.{} {name}", tenths / 10, tenths % 10)
        },
    )
}

/// One sentence if all is well, else one line for each reason.
pub(super) fn write_sentences(found: &Survey, reasons: &[Reason], out: &mut Vec<u8>) {
    if reasons.is_empty() {
        out.extend_from_slice(all_is_well(found).as_bytes());
        out.push(b'\n');
    }
    for Reason { sort, subject, message, .. } in reasons {
        out.extend_from_slice(plain(&format!("{}: {subject}: {message}", sort.name())).as_bytes());
        out.push(b'\n');
    }
}

fn all_is_well(found: &Survey) -> String {
    let judged = || found.series.iter().filter(|series| matches!(series.state, State::Fresh | State::Complete));
    let oldest = judged()
        .filter(|series| series.state == State::Fresh)
        .filter_map(|series| Some((series.lag_nanos(found.now)?, &series.dataset)))
        .max();
    let fresh = match oldest {
        None if judged().count() == 0 => "no job promises to keep a dataset fresh".to_owned(),
        None => format!("{} datasets are complete", judged().count()),
        Some((lag, dataset)) => {
            format!("{} datasets are fresh, the oldest is {} behind ({dataset})", judged().count(), age(lag))
        }
    };
    let room = found.disk.map_or_else(String::new, |disk| {
        let lasts = disk.days_left().map_or_else(String::new, |days| format!(", enough for {days} days"));
        format!("; {} free{lasts}", size(disk.free_bytes))
    });
    format!("All is well: {fresh}{room}.")
}

/// One line for each reason, and one for the whole.
pub(super) fn write_lines(found: &Survey, reasons: &[Reason], out: &mut Vec<u8>) {
    #[derive(Serialize)]
    struct ReasonLine<'a> {
        kind: &'static str,
        sort: &'static str,
        subject: &'a str,
        since: Option<String>,
        message: &'a str,
    }
    #[derive(Serialize)]
    struct CheckLine {
        kind: &'static str,
        is_well: bool,
        reasons: usize,
        datasets: usize,
        lag_seconds: Option<i64>,
        free_bytes: Option<u64>,
        days_left: Option<u64>,
    }
    for Reason { sort, subject, since, message } in reasons {
        let since = since.as_ref().map(Ts::to_string);
        write_line(&ReasonLine { kind: "reason", sort: sort.name(), subject, since, message }, out);
    }
    let judged = || found.series.iter().filter(|series| series.required.is_some());
    let going_on = judged().filter(|series| series.state != State::Complete);
    let line = CheckLine {
        kind: "check",
        is_well: reasons.is_empty(),
        reasons: reasons.len(),
        datasets: judged().count(),
        lag_seconds: going_on.filter_map(|series| series.lag_nanos(found.now)).max().map(|lag| lag / SECOND_NANOS),
        free_bytes: found.disk.map(|disk| disk.free_bytes),
        days_left: found.disk.and_then(|disk| disk.days_left()),
    };
    write_line(&line, out);
}

fn write_line(line: &impl Serialize, out: &mut Vec<u8>) {
    serde_json::to_writer(&mut *out, line).expect("writing to memory cannot fail");
    out.push(b'\n');
}
