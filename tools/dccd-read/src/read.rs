//! From the store to standard output.

use dccd_cli::{Status, Tool};
use dccd_record::{Book, Control, Covered, Gap, LineWriter, Range, RangeSet, write_control};
use dccd_store::table::{MergedScan, Record, TableError, Unusable};
use dccd_store::{PeriodView, Purged, View};

use crate::error::Error;
use crate::fields::{Column, Value, level_value, value};

/// Why a hole is there, where nobody lived to say.
const UNNAMED: &str = "asked for, and not obtained";

/// How records are written.
pub(crate) enum Format {
    /// Whole lines, as every tool of dccd writes them.
    Lines,
    /// JSON objects with some of the fields.
    Some(Vec<Column>),
    /// CSV.
    Csv(Vec<Column>),
}

/// Reads one dataset.
pub(crate) struct Reader<'a> {
    view: &'a View,
    range: Range,
    format: Format,
    tool: &'a mut Tool,
    writer: LineWriter,
    is_header_due: bool,
    unreadable_files: u64,
    unusable_rows: u64,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(view: &'a View, range: Range, format: Format, tool: &'a mut Tool) -> Reader<'a> {
        let writer = LineWriter::new(view.dataset());
        let is_header_due = matches!(format, Format::Csv(_));
        Reader { view, range, format, tool, writer, is_header_due, unreadable_files: 0, unusable_rows: 0 }
    }

    /// Writes every record of the range.
    pub(crate) fn all_records(&mut self) -> Result<(), Error> {
        for view in self.periods_in_range() {
            let scan = self.view.rows(view, self.range);
            self.period(view, scan, 0)?;
        }
        self.header()
    }

    /// Writes the last `count` records of the range.
    pub(crate) fn last_records(&mut self, count: usize) -> Result<(), Error> {
        let mut chosen = Vec::new();
        let mut wanted = count;
        for view in self.periods_in_range().into_iter().rev() {
            if wanted == 0 {
                break;
            }
            let found = self.count_last(view, wanted);
            chosen.push((view, wanted, found.saturating_sub(wanted)));
            wanted -= found.min(wanted);
        }
        for (view, wanted, surplus) in chosen.into_iter().rev() {
            let scan = self.view.last_rows(view, self.range, wanted);
            self.period(view, scan, surplus)?;
        }
        self.header()
    }

    /// Says on stderr what of the range is not here but on a remote.
    pub(crate) fn tell_purged(&self) {
        let mut purged = self.purged();
        let Some((first, _)) = purged.next() else { return };
        let whereabouts = first.whereabouts(self.view.dataset());
        match purged.count() {
            0 => self.tool.log.warn(format_args!("not all of the range is here: {whereabouts}")),
            more => {
                self.tool.log.warn(format_args!("not all of the range is here: {whereabouts} (and {more} more files)"))
            }
        }
    }

    /// Writes what is known of the range. What is covered but was purged is a gap for who reads here.
    pub(crate) fn knowledge(&mut self) -> Result<(), Error> {
        let dataset = self.view.dataset();
        let purged: Vec<Range> = self.purged().map(|(_, range)| range).collect();
        for (proof, range) in self.view.ledger().proofs(self.range) {
            let mut here = RangeSet::from_iter([range]);
            purged.iter().for_each(|purged| here.remove(*purged));
            for range in here.iter() {
                let line = Covered { dataset: dataset.clone(), range, proof };
                self.control(&Control::Covered(line))?;
            }
        }
        let gaps: Vec<Gap> = self
            .purged()
            .map(|(purged, range)| {
                let reason = purged.whereabouts(dataset);
                Gap { dataset: dataset.clone(), range, reason, is_final: false }
            })
            .collect();
        for gap in gaps {
            self.control(&Control::Gap(gap))?;
        }
        for gap in self.view.ledger().gaps() {
            let Some(range) = gap.range.intersect(self.range) else { continue };
            let reason = gap.reason.unwrap_or_else(|| UNNAMED.to_owned());
            let line = Gap { dataset: dataset.clone(), range, reason, is_final: gap.is_final };
            self.control(&Control::Gap(line))?;
        }
        Ok(())
    }

    /// How the run ended.
    pub(crate) fn status(self) -> Result<Status, Error> {
        if self.unusable_rows > 0 {
            let count = self.unusable_rows;
            self.tool.log.warn(format_args!("{count} rows of an adopted file are no records and were left out"));
        }
        Ok(if self.unreadable_files > 0 { Status::DataErr } else { Status::Ok })
    }

    /// The purged files of the range, and which part of it they hold.
    fn purged(&self) -> impl Iterator<Item = (&'a Purged, Range)> {
        let range = self.range;
        let (purged, span) = (self.view.purged().iter(), self.view.dataset().span());
        purged.filter_map(move |(period, purged)| Some((purged, period.reach(span).intersect(range)?)))
    }

    fn periods_in_range(&self) -> Vec<&'a PeriodView> {
        self.view.periods().iter().filter(|view| view.period.range().intersect(self.range).is_some()).collect()
    }

    /// How many records the scan of a period's last ones will give.
    fn count_last(&mut self, view: &PeriodView, wanted: usize) -> usize {
        let Ok(scan) = self.view.last_rows(view, self.range, wanted) else { return 0 };
        scan.map_while(Result::ok).map(|rows| rows.records()).sum()
    }

    /// Writes one period's records but the first `surplus`. A file that cannot be read is told, and the next is read.
    fn period(&mut self, view: &PeriodView, scan: Result<MergedScan, TableError>, surplus: usize) -> Result<(), Error> {
        if let Some(Err(why)) = &view.file {
            self.unreadable(&view.path.display().to_string(), why);
        }
        let mut surplus = surplus;
        match scan.map_err(Error::from).and_then(|scan| self.scan(scan, &mut surplus)) {
            Err(Error::Store(dccd_store::StoreError::Table(TableError::Unreadable { path, why }))) => {
                self.unreadable(&path.display().to_string(), &why);
                Ok(())
            }
            ended => ended,
        }
    }

    fn unreadable(&mut self, path: &str, why: &str) {
        self.unreadable_files += 1;
        let log = &self.tool.log;
        log.error(format_args!("{path} cannot be read ({why}); the next dccd-write there sets it aside"));
    }

    fn scan(&mut self, scan: MergedScan, surplus: &mut usize) -> Result<(), Error> {
        for rows in scan {
            if let Some(signal) = self.tool.stop.signal() {
                return Err(Error::Stopped(signal));
            }
            let rows = rows?;
            let Unusable(count) = rows.for_each(|record| {
                if *surplus > 0 {
                    *surplus -= 1;
                    return Ok(());
                }
                self.record(&record)
            })?;
            self.unusable_rows += count;
        }
        Ok(())
    }

    fn record(&mut self, record: &Record<'_>) -> Result<(), Error> {
        self.header()?;
        let out = self.tool.out.buffer();
        match &self.format {
            Format::Lines => match record {
                Record::Candle(candle) => self.writer.candle(candle, out),
                Record::Trade(trade) => self.writer.trade(trade, out),
                Record::Book(book) => self.writer.book(book, out),
                Record::Funding(funding) => self.writer.funding(funding, out),
                Record::OpenInterest(record) => self.writer.open_interest(record, out),
            },
            Format::Some(columns) => write_object(columns.iter().map(|column| (*column, value(record, *column))), out),
            Format::Csv(columns) => write_rows(record, columns, out)?,
        }
        self.tool.out.flush_full()?;
        Ok(())
    }

    /// Writes the header of a table, once, even if no record follows.
    fn header(&mut self) -> Result<(), Error> {
        if let (true, Format::Csv(columns)) = (std::mem::take(&mut self.is_header_due), &self.format) {
            write_csv(columns.iter().map(|column| column.name()), self.tool.out.buffer())?;
        }
        Ok(())
    }

    fn control(&mut self, control: &Control) -> Result<(), Error> {
        write_control(control, self.tool.out.buffer());
        self.tool.out.flush_full()?;
        Ok(())
    }
}

fn write_object(fields: impl Iterator<Item = (Column, Value)>, out: &mut Vec<u8>) {
    let mut separator = '{';
    for (column, value) in fields {
        let text = match value {
            Value::Null => "null".to_owned(),
            Value::Bare(text) => text,
            Value::Text(text) => serde_json::Value::String(text).to_string(),
        };
        out.extend_from_slice(format!("{separator}\"{}\":{text}", column.name()).as_bytes());
        separator = ',';
    }
    out.extend_from_slice(b"}\n");
}

fn write_rows(record: &Record<'_>, columns: &[Column], out: &mut Vec<u8>) -> Result<(), csv::Error> {
    let Record::Book(book) = record else {
        return write_csv(columns.iter().map(|column| plain(value(record, *column))), out);
    };
    for (side, level) in levels(book) {
        let cell = |column: &Column| level_value(side, level, *column).unwrap_or_else(|| value(record, *column));
        write_csv(columns.iter().map(|column| plain(cell(column))), out)?;
    }
    Ok(())
}

fn levels<'b>(book: &'b Book<'_>) -> impl Iterator<Item = (&'static str, &'b dccd_record::Level<'b>)> {
    let bids = book.bids.iter().map(|level| ("bid", level));
    bids.chain(book.asks.iter().map(|level| ("ask", level)))
}

fn plain(value: Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bare(text) | Value::Text(text) => text,
    }
}

fn write_csv<T: AsRef<[u8]>>(cells: impl Iterator<Item = T>, out: &mut Vec<u8>) -> Result<(), csv::Error> {
    let mut row = csv::Writer::from_writer(out);
    row.write_record(cells)?;
    Ok(row.flush()?)
}
