//! Which file a record belongs in.

use std::fmt;
use std::path::{Path, PathBuf};

use dccd_record::{Dataset, Day, Exchange, Kind, Pair, Range, Span, Ts};

use crate::error::StoreError;
use crate::fsys;

/// The stretch of time that one file holds: a UTC year or day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Period {
    /// A year, as in 2024.
    Year(i64),
    /// A day, counted from 1970-01-01.
    Day(i64),
}

impl Period {
    /// The period of the file that holds a record.
    pub fn of(kind: Kind, ts: Ts) -> Period {
        let day = ts.day();
        match kind {
            Kind::Trade | Kind::Book => Period::Day(day.number().unwrap_or(0)),
            Kind::Candle | Kind::Funding | Kind::OpenInterest => Period::Year(day.year),
        }
    }

    /// The period a file's stem names.
    pub fn from_name(kind: Kind, stem: &str) -> Option<Period> {
        let mut parts = stem.split('-').map(|part| part.parse::<i64>().ok());
        let first = Day { year: parts.next()??, month: 1, day: 1 };
        let day = match kind {
            Kind::Trade | Kind::Book => Day { month: parts.next()??, day: parts.next()??, ..first },
            Kind::Candle | Kind::Funding | Kind::OpenInterest => first,
        };
        let period = match kind {
            Kind::Trade | Kind::Book => Period::Day(day.number()?),
            Kind::Candle | Kind::Funding | Kind::OpenInterest => Period::Year(day.year),
        };
        (period.to_string() == stem).then_some(period)
    }

    /// All its instants.
    pub fn range(self) -> Range {
        let (start, end) = match self {
            Period::Year(year) => (year_start(year), year_start(year + 1)),
            Period::Day(number) => (Day::from_number(number).start(), Day::from_number(number + 1).start()),
        };
        Range::new(start, end).unwrap_or_else(|| Range::instant(start))
    }

    /// What the rows of its file speak of: a week belongs whole to the year in which it begins.
    pub fn reach(self, span: Option<Span>) -> Range {
        let range = self.range();
        let Some(span) = span else { return range };
        // The end of the span that an instant before `ts` lies in.
        let passed = |ts: Ts| span.floor(ts.saturating_add(-1)).saturating_add(span.nanos());
        Range::new(passed(range.start()), passed(range.end())).unwrap_or(range)
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Period::Year(year) => write!(f, "{year:04}"),
            Period::Day(number) => Day::from_number(*number).fmt(f),
        }
    }
}

/// Every path in a store.
#[derive(Clone, Debug)]
pub struct Layout {
    root: PathBuf,
}

impl Layout {
    /// The layout of the store at `root`.
    pub fn new(root: &Path) -> Layout {
        Layout { root: root.to_owned() }
    }

    /// The store's folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The folder of a dataset's files.
    pub fn dataset_dir(&self, dataset: &Dataset) -> PathBuf {
        let dir =
            self.root.join(dataset.exchange().as_str()).join(kind_dir(dataset.kind())).join(dataset.pair().path_name());
        match dataset.span() {
            Some(span) => dir.join(span.to_string()),
            None => dir,
        }
    }

    /// The published file of a period.
    pub fn file(&self, dataset: &Dataset, period: Period) -> PathBuf {
        self.dataset_dir(dataset).join(format!("{period}.parquet"))
    }

    /// The same, as seen from the store's folder.
    pub fn relative(&self, dataset: &Dataset, period: Period) -> String {
        let path = Layout::new(Path::new("")).file(dataset, period);
        path.to_string_lossy().into_owned()
    }

    /// Which file a path is, as seen from the store's folder; `None` if it is none of the layout.
    pub fn parse(&self, relative: &str) -> Option<(Dataset, Period)> {
        let mut parts = relative.split('/');
        let exchange = Exchange::new(parts.next()?).ok()?;
        let dir = parts.next()?;
        let kind = Kind::ALL.into_iter().find(|kind| kind_dir(*kind) == dir)?;
        let pair = Pair::from_path_name(parts.next()?).ok()?;
        let span = if kind.has_span() { Some(parts.next()?.parse::<Span>().ok()?) } else { None };
        let dataset = Dataset::new(exchange, kind, pair, span).ok()?;
        let period = Period::from_name(kind, parts.next()?.strip_suffix(".parquet")?)?;
        // Other spellings of the same are other files.
        (self.relative(&dataset, period) == relative).then_some((dataset, period))
    }

    /// The file that a writer fills before it is published.
    pub(crate) fn part(&self, dataset: &Dataset, period: Period, writer: &str, number: u64) -> PathBuf {
        self.dataset_dir(dataset).join(format!(".{period}.{writer}.{number}.part"))
    }

    /// The folder of what is not market data.
    pub fn meta_dir(&self) -> PathBuf {
        self.root.join(".dccd")
    }

    /// The same, made if need be.
    pub fn make_meta_dir(&self) -> Result<PathBuf, StoreError> {
        let dir = self.meta_dir();
        fsys::create_dir(&dir)?;
        Ok(dir)
    }

    /// The marker that says how the store was created.
    pub(crate) fn marker(&self) -> PathBuf {
        self.meta_dir().join("store.json")
    }

    pub(crate) fn runs_dir(&self) -> PathBuf {
        self.meta_dir().join("runs")
    }

    pub(crate) fn journal_dir(&self) -> PathBuf {
        self.meta_dir().join("journal")
    }

    pub(crate) fn ledger_dir(&self) -> PathBuf {
        self.meta_dir().join("ledger")
    }

    pub(crate) fn lock_dir(&self) -> PathBuf {
        self.meta_dir().join("locks")
    }

    /// Where it is remembered which files are only on remotes.
    pub(crate) fn purged_dir(&self) -> PathBuf {
        self.meta_dir().join("purged")
    }

    /// What is known of remotes.
    pub(crate) fn sync_dir(&self) -> PathBuf {
        self.meta_dir().join("sync")
    }

    /// When the store was last copied, for those who ask.
    pub fn last_sync(&self) -> PathBuf {
        self.meta_dir().join("last_sync.json")
    }

    /// Where unreadable files are put.
    pub(crate) fn aside_dir(&self) -> PathBuf {
        self.meta_dir().join("aside")
    }

    pub(crate) fn ledger(&self, dataset: &Dataset) -> PathBuf {
        self.ledger_dir().join(format!("{dataset}.ndjson"))
    }

    pub(crate) fn lock(&self, dataset: &Dataset) -> PathBuf {
        self.lock_dir().join(format!("{dataset}.lock"))
    }

    /// Removes the part files that dead writers left, where that is possible: a folder that cannot be listed must
    /// not keep the datasets in others from being stored.
    pub(crate) fn remove_parts(&self, writers: &[String]) {
        let is_left = |name: &String| {
            name.starts_with('.')
                && name.ends_with(".part")
                && writers.iter().any(|writer| name.contains(&format!(".{writer}.")))
        };
        for dataset in self.datasets_with_folders().unwrap_or_default() {
            let dir = self.dataset_dir(&dataset);
            for name in fsys::names(&dir).unwrap_or_default().iter().filter(|name| is_left(name)) {
                let _ = fsys::remove(&dir.join(name));
            }
        }
    }

    /// The periods of a dataset that have a published file, in order.
    pub fn periods(&self, dataset: &Dataset) -> Result<Vec<Period>, StoreError> {
        let names = fsys::names(&self.dataset_dir(dataset))?;
        let period = |name: &String| Period::from_name(dataset.kind(), name.strip_suffix(".parquet")?);
        let mut periods: Vec<Period> = names.iter().filter_map(period).collect();
        periods.sort_unstable();
        Ok(periods)
    }

    /// The datasets that have at least one published file.
    pub(crate) fn datasets_with_files(&self) -> Result<Vec<Dataset>, StoreError> {
        let mut found = Vec::new();
        for dataset in self.datasets_with_folders()? {
            if !self.periods(&dataset)?.is_empty() {
                found.push(dataset);
            }
        }
        Ok(found)
    }

    /// The datasets that have a folder.
    fn datasets_with_folders(&self) -> Result<Vec<Dataset>, StoreError> {
        let mut found = Vec::new();
        for name in fsys::folders(&self.root)? {
            let Ok(exchange) = Exchange::new(&name) else { continue };
            for kind in Kind::ALL {
                let kind_dir = self.root.join(&name).join(kind_dir(kind));
                for pair_name in fsys::folders(&kind_dir)? {
                    let Ok(pair) = Pair::from_path_name(&pair_name) else { continue };
                    let spans = match kind.has_span() {
                        true => spans(&kind_dir.join(&pair_name))?,
                        false => vec![None],
                    };
                    let dataset = |span| Dataset::new(exchange.clone(), kind, pair.clone(), span).ok();
                    found.extend(spans.into_iter().filter_map(dataset));
                }
            }
        }
        Ok(found)
    }
}

/// The spans that have a folder of their canonical name.
fn spans(dir: &Path) -> Result<Vec<Option<Span>>, StoreError> {
    let span = |name: &String| name.parse::<Span>().ok().filter(|span| span.to_string() == *name);
    Ok(fsys::names(dir)?.iter().filter_map(span).map(Some).collect())
}

pub(crate) fn kind_dir(kind: Kind) -> &'static str {
    match kind {
        Kind::Candle => "ohlc",
        Kind::Trade => "trades",
        Kind::Book => "orderbook",
        Kind::Funding => "funding",
        Kind::OpenInterest => "open_interest",
    }
}

fn year_start(year: i64) -> Ts {
    Day { year, month: 1, day: 1 }.start()
}
