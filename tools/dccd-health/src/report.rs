//! How good a day's data is: one sheet per dataset and UTC day.
//!
//! What is complete comes from the ledger, everything else from the rows, which are read once. Whatever nobody kept
//! count of is unknown, and said to be.

mod candles;
mod day;
mod gaps;
mod lag;
mod sheet;
#[cfg(test)]
mod tests;
mod text;

use std::collections::BTreeMap;

use dccd_cli::{DatasetFlags, Status, StoreFlags, Tool};
use dccd_record::{Day, Exchange, Pair, Range};
use dccd_store::{Period, Store, View};

use crate::clock;
use crate::error::Error;
use day::Examiner;
use sheet::Sheet;

/// The most days of one report.
const DAYS_MAX: i64 = 3_660;

/// Print how good each day's data is: rows, gaps, lag, candles against trades
///
/// One line for each dataset and UTC day in which there is data, or something was asked for. Candles are rebuilt from
/// the trades of the same pair, wherever both are covered.
#[derive(Debug, clap::Args)]
pub(crate) struct ReportArgs {
    /// This day, as in 2024-01-31, in UTC [default: yesterday]
    #[arg(long, value_name = "DATE", value_parser = parse_day)]
    date: Option<i64>,

    /// The last N whole days
    #[arg(long, value_name = "N", conflicts_with = "date", value_parser = clap::value_parser!(i64).range(1..=DAYS_MAX))]
    days: Option<i64>,

    #[command(flatten)]
    datasets: DatasetFlags,

    /// Lines instead of a table
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    pub(crate) store: StoreFlags,
}

/// Prints a table, or lines.
pub(crate) fn run(args: &ReportArgs, tool: &mut Tool) -> Result<Status, Error> {
    let store = Store::open(&args.store.data_path()?)?;
    let now = clock::now();
    let yesterday = now.day().number().unwrap_or(0) - 1;
    let (first, last) = match (args.date, args.days) {
        (Some(date), _) => (date, date),
        (None, days) => (yesterday + 1 - days.unwrap_or(1), yesterday),
    };
    let mut examiner = Examiner::new(&store, now);
    let mut sheets: Vec<Sheet> = Vec::new();
    for (_, views) in by_pair(store.survey()?) {
        // Only a view of its own has the rows that wait in journals.
        let own = |view: View| if is_waiting(&view) { store.view(view.dataset()) } else { Ok(view) };
        let views = views.into_iter().map(own).collect::<Result<Vec<_>, _>>()?;
        for date in first..=last {
            if let Some(signal) = tool.stop.signal() {
                return Ok(Status::Signal(signal));
            }
            sheets.extend(examiner.examine(&views, date, &|dataset| args.datasets.accept(dataset)));
        }
    }
    sheets.sort_by(|left, right| (left.date, &left.dataset).cmp(&(right.date, &right.dataset)));
    let out = tool.out.buffer();
    if args.json {
        text::write_lines(&sheets, out)
    } else {
        text::write_sheets(&sheets, out)
    }
    tool.out.flush()?;
    examiner.unreadable().iter().for_each(|message| tool.log.error(message));
    Ok(if examiner.unreadable().is_empty() { Status::Ok } else { Status::DataErr })
}

/// What is traded in one place belongs together: candles are compared with trades.
fn by_pair(views: Vec<View>) -> BTreeMap<(Exchange, Pair), Vec<View>> {
    let mut groups: BTreeMap<(Exchange, Pair), Vec<View>> = BTreeMap::new();
    for view in views {
        let key = (view.dataset().exchange().clone(), view.dataset().pair().clone());
        groups.entry(key).or_default().push(view);
    }
    groups
}

fn is_waiting(view: &View) -> bool {
    view.periods().iter().any(|period| period.is_waiting)
}

/// All instants of a day.
fn day_range(date: i64) -> Range {
    Period::Day(date).range()
}

/// The number of a day.
fn parse_day(text: &str) -> Result<i64, String> {
    let wrong = || format!("{text:?} is no day such as 2024-01-31");
    let mut parts = text.split('-').map(|part| part.parse::<i64>().ok());
    let mut part = || parts.next().flatten().ok_or_else(wrong);
    let day = Day { year: part()?, month: part()?, day: part()? };
    let number = day.number().ok_or_else(wrong)?;
    // Neither 2024-02-30 nor 24-1-1.
    if Day::from_number(number).to_string() == text { Ok(number) } else { Err(wrong()) }
}
