//! What people read.

use dccd_cli::{Zone, plain};

use super::Incident;

/// Jobs that one message names; a phone shows no more.
const JOBS_MAX: usize = 15;

/// What is told of some jobs, a line each if there are several.
pub(crate) fn message(told: &[(&str, &Incident)], zone: &Zone) -> String {
    let line = |(job, incident): &(&str, &Incident)| plain(&line(job, incident, zone)).into_owned();
    let mut lines: Vec<String> = told.iter().take(JOBS_MAX).map(line).collect();
    let more = told.len().saturating_sub(JOBS_MAX);
    if more > 0 {
        lines.push(format!("and {more} more: see dccd status"));
    }
    match &lines[..] {
        [line] => headed(line),
        lines => headed(&format!("\n- {}", lines.join("\n- "))),
    }
}

/// A text that says where it comes from.
pub(crate) fn headed(text: &str) -> String {
    let host = rustix::system::uname();
    let space = if text.starts_with('\n') { "" } else { " " };
    format!("dccd on {}:{space}{text}", host.nodename().to_string_lossy())
}

fn line(job: &str, incident: &Incident, zone: &Zone) -> String {
    let at = |ts: Option<_>| ts.map_or_else(|| "-".to_owned(), |ts| zone.text(ts));
    let errors = match incident.errors {
        1 => "1 time".to_owned(),
        errors => format!("{errors} times"),
    };
    if incident.is_told {
        return format!("{job} works again since {}, after it failed {errors} in a row", at(incident.over_at));
    }
    let error = incident.error.as_ref().map_or_else(String::new, |error| format!(": {error}"));
    format!("{job} failed {errors} in a row, too often since {}{error}", at(incident.since))
}
