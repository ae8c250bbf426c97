//! What the generator would make, beside what is in force.

use std::fs;
use std::path::Path;

use dccd_cli::config::Config;
use dccd_cli::{Status, Tool, write_table};
use serde_json::json;

use crate::args::Args;
use crate::error::Error;
use crate::force;
use crate::place::{Place, Scope};
use crate::plan::{Plan, Task, Unit};
use crate::unit_file::absolute;

/// How a unit differs from what is in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Same,
    New,
    Gone,
    Changed,
    /// A stream that runs was started with something else.
    Restart,
}

impl State {
    fn name(self) -> &'static str {
        match self {
            State::Same => "in force",
            State::New => "new",
            State::Gone => "gone",
            State::Changed => "changed",
            State::Restart => "restart",
        }
    }
}

/// Prints all units, those of a file that is wrong as they stay in force.
pub(crate) fn table(args: &Args, tool: &mut Tool) -> Result<Status, Error> {
    let place = args.place()?;
    let checked = force::candidate(&place).map(|(_, config)| config);
    let in_force = force::stays(&place);
    let (plan, refused) = match checked {
        Ok(config) => (Plan::of(&config, &place.config), None),
        Err(said) => match &in_force {
            Some(config) => (Plan::of(config, &place.config), Some(said)),
            None => return Err(Error::Refused(said)),
        },
    };
    let before = in_force.as_ref().map(|config| Plan::of(config, &place.in_force()));
    let rows = compare(&plan, before.as_ref(), &place);
    if args.json {
        print_lines(&rows, tool);
    } else {
        print_table(&rows, tool);
    }
    advise(&rows, &place, tool);
    miss_store(&plan, &place, tool);
    match refused {
        Some(said) => Err(Error::Refused(format!("{said}; what was shown stays in force"))),
        None => Ok(Status::Ok),
    }
}

/// A unit, the file that it comes from, and what has changed.
struct Row<'a> {
    unit: &'a Unit,
    file: &'a Path,
    state: State,
}

fn compare<'a>(plan: &'a Plan, before: Option<&'a Plan>, place: &Place) -> Vec<Row<'a>> {
    let row = |unit: &'a Unit| {
        let old = before.and_then(|before| before.unit(&unit.name()));
        let state = match (old, is_started_otherwise(unit, place)) {
            (_, true) => State::Restart,
            (None, _) => State::New,
            (Some(old), _) if old.definition != unit.definition => State::Changed,
            _ => State::Same,
        };
        Row { unit, file: &plan.file, state }
    };
    let mut rows: Vec<Row<'a>> = plan.units.iter().map(row).collect();
    if let Some(old) = before {
        let gone = old.units.iter().filter(|unit| plan.unit(&unit.name()).is_none());
        rows.extend(gone.map(|unit| Row { unit, file: &old.file, state: State::Gone }));
    }
    rows
}

/// Whether a stream runs, and was started with something else than what it is now.
fn is_started_otherwise(unit: &Unit, place: &Place) -> bool {
    let Task::Stream { id, .. } = &unit.task else { return false };
    fs::read_to_string(place.started(id)).is_ok_and(|started| started.trim_end() != unit.definition)
}

fn print_table(rows: &[Row<'_>], tool: &mut Tool) {
    let cells = |row: &Row<'_>| {
        let at = row.unit.line.map_or_else(String::new, |line| format!("{}:{line}", row.file.display()));
        vec![row.unit.name(), row.unit.why().to_owned(), at, row.unit.schedule(), row.state.name().to_owned()]
    };
    let rows: Vec<Vec<String>> = rows.iter().map(cells).collect();
    write_table(&["unit", "why", "where", "schedule", "state"], &rows, tool.out.buffer());
}

fn print_lines(rows: &[Row<'_>], tool: &mut Tool) {
    for row in rows {
        let line = json!({
            "kind": "unit",
            "unit": row.unit.name(),
            "why": row.unit.why(),
            "file": row.file,
            "line": row.unit.line,
            "schedule": row.unit.schedule(),
            "state": row.state.name(),
        });
        tool.out.buffer().extend_from_slice(format!("{line}\n").as_bytes());
    }
}

/// Says what puts in force what has changed.
fn advise(rows: &[Row<'_>], place: &Place, tool: &Tool) {
    let systemctl = match place.scope {
        Scope::System => "systemctl",
        Scope::User => "systemctl --user",
    };
    if rows.iter().any(|row| !matches!(row.state, State::Same | State::Restart)) {
        tool.log.warn(format_args!("not in force yet: {systemctl} daemon-reload"));
    }
    let stale: Vec<String> =
        rows.iter().filter(|row| row.state == State::Restart).map(|row| format!("'{}'", row.unit.name())).collect();
    if !stale.is_empty() {
        tool.log.warn(format_args!(
            "started with something else: {systemctl} daemon-reload, then {systemctl} restart {}",
            stale.join(" ")
        ));
    }
}

/// Services cannot make a folder outside of their own.
fn miss_store(plan: &Plan, place: &Place, tool: &Tool) {
    let Some(path) = plan.data_path.as_deref().map(|path| absolute(&place.state, path)) else { return };
    if place.scope == Scope::System && !path.starts_with(&place.state) && path.symlink_metadata().is_err_and(is_missing)
    {
        let path = path.display();
        tool.log.warn(format_args!("data_path {path} is not there: install -d -o dccd -g dccd {path}"));
    }
}

fn is_missing(error: std::io::Error) -> bool {
    error.kind() == std::io::ErrorKind::NotFound
}

/// Prints what the stream `id` of a configuration is started with.
pub(crate) fn job(id: &str, path: &Path, tool: &mut Tool) -> Result<Status, Error> {
    let config = Config::load(Some(path))?.ok_or_else(|| Error::NoJob(id.to_owned()))?;
    let plan = Plan::of(&config, path);
    let unit = plan.units.iter().find(|unit| matches!(&unit.task, Task::Stream { id: own, .. } if own == id));
    let unit = unit.ok_or_else(|| Error::NoJob(id.to_owned()))?;
    tool.out.buffer().extend_from_slice(format!("{}\n", unit.definition).as_bytes());
    Ok(Status::Ok)
}
