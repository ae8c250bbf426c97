//! Every row, one after the other.

use std::collections::HashSet;

use dccd_record::{Kind, Range, Span};

use super::super::column::Column;
use super::super::input::believable;
use super::super::order::{compare_rows, is_counted, is_one_record, reach_end};
use super::super::rows::Rows;
use super::super::schema::at;
use super::book::BookChecks;
use super::ids::{IdChecks, MissingIds};
use super::record::look_at_record;
use super::{Expected, Flaws, Place};
use crate::verify::Check;

/// Trades of one bunch whose ids are remembered; a bunch is a millisecond, and only nonsense is that dense.
const BUNCH_IDS_MAX: usize = 1 << 20;

/// What is known of the rows so far.
pub(super) struct RowChecks {
    kind: Kind,
    span: Option<Span>,
    period: Range,
    /// Files of others promise neither an order nor that nothing is there twice.
    is_ours: bool,
    /// How many rows were before this batch.
    row: u64,
    /// The last row before this batch.
    last: Option<Rows>,
    /// First and last instant of the row group, as its footer says.
    hull: Option<(i64, i64)>,
    bunch: Bunch,
    book: BookChecks,
    ids: IdChecks,
}

impl RowChecks {
    pub(super) fn new(expected: &Expected<'_>, is_ours: bool) -> RowChecks {
        let by_id = expected.by_id.within(expected.period);
        RowChecks {
            kind: expected.kind,
            span: expected.span,
            period: expected.period,
            is_ours,
            row: 0,
            last: None,
            hull: None,
            bunch: Bunch::default(),
            book: BookChecks::default(),
            ids: IdChecks::new(if is_ours { by_id.iter().collect() } else { Vec::new() }),
        }
    }

    /// The next rows are those of another row group.
    pub(super) fn begin_group(&mut self, hull: Option<(i64, i64)>) {
        self.hull = hull;
    }

    /// Rows are not there that should be: what follows does not follow what was before.
    pub(super) fn interrupt(&mut self, rows_lost: usize) {
        self.row += u64::try_from(rows_lost).unwrap_or(0);
        self.last = None;
        self.bunch = Bunch::default();
        self.book = BookChecks::default();
        self.ids.interrupt();
    }

    /// Looks at the next rows.
    pub(super) fn take(&mut self, rows: &Rows, flaws: &mut Flaws) {
        for row in 0..rows.len() {
            let place = Place { row: self.row + u64::try_from(row).unwrap_or(0), ts: believable(rows.ts[row]) };
            self.look_at_instant(rows.ts[row], place, flaws);
            if self.is_ours {
                self.look_at_order(rows, row, place, flaws);
            }
            if self.kind == Kind::Book {
                self.book.take(rows, row, place, flaws);
            } else {
                look_at_record(rows, row, place, flaws);
            }
            if self.kind == Kind::Trade {
                let missing = self.ids.take(believable(rows.ts[row]), tid(rows, row));
                tell_missing(&missing, flaws);
            }
        }
        self.row += u64::try_from(rows.len()).unwrap_or(0);
        if let Some(last) = rows.len().checked_sub(1) {
            self.last = Some(rows.slice(last..rows.len()));
        }
    }

    /// The last row was taken.
    pub(super) fn finish(&mut self, flaws: &mut Flaws) {
        tell_missing(&self.ids.finish(), flaws);
    }

    fn look_at_instant(&self, nanos: i64, place: Place, flaws: &mut Flaws) {
        if nanos != place.ts.nanos() || !self.period.contains(place.ts) {
            flaws.add_at(Check::Period, "rows beyond the period of the file", place);
        }
        if self.hull.is_some_and(|(first, last)| nanos < first || last < nanos) {
            flaws.add_at(Check::Statistics, "rows at instants that the footer denies, so queries miss them", place);
        }
        if self.span.is_some_and(|span| !span.is_aligned(place.ts)) {
            flaws.add_at(Check::Alignment, "instants that are no multiple of the span", place);
        }
    }

    fn look_at_order(&mut self, rows: &Rows, row: usize, place: Place, flaws: &mut Flaws) {
        let (before, at) = match (row.checked_sub(1), &self.last) {
            (Some(at), _) => (rows, at),
            (None, Some(last)) => (last, 0),
            (None, None) => return,
        };
        let is_sorted = compare_rows(self.kind, before, at, rows, row).is_le();
        if !is_sorted {
            flaws.add_at(Check::Order, "rows out of order", place);
        }
        let is_near = is_sorted && rows.ts[row] < reach_end(self.kind, before.ts[at]);
        let is_repeat = match self.kind {
            Kind::Trade if is_near && !is_counted(rows, row) => !self.bunch.insert(before, at, rows, row),
            _ => !is_counted(rows, row) && is_one_record(before, at, rows, row),
        };
        if is_repeat {
            flaws.add_at(Check::Repeat, "records that are there twice", place);
        }
        if !is_near {
            self.bunch.ids.clear();
        }
    }
}

fn tell_missing(missing: &[MissingIds], flaws: &mut Flaws) {
    for MissingIds { first, last, before } in missing {
        let ids = if first == last { format!("trade {first} is") } else { format!("trades {first} to {last} are") };
        flaws.add(Check::Ids, format!("{ids} missing before {before}, where the ledger says that none is"));
    }
}

fn tid(rows: &Rows, row: usize) -> &[u8] {
    match rows.columns.get(at::TRADE_TID) {
        Some(Column::Text(texts)) => texts.get(row),
        _ => &[],
    }
}

/// The ids of trades that are so near each other that one id is one trade.
#[derive(Debug, Default)]
struct Bunch {
    ids: HashSet<Box<[u8]>>,
}

impl Bunch {
    /// Adds a row that is near the one before it; `false` if its id is there.
    fn insert(&mut self, before: &Rows, at: usize, rows: &Rows, row: usize) -> bool {
        if self.ids.is_empty() {
            self.ids.insert(tid(before, at).into());
        }
        if self.ids.len() >= BUNCH_IDS_MAX {
            self.ids.clear();
        }
        self.ids.insert(tid(rows, row).into())
    }
}
