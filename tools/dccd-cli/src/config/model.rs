//! What a configuration says, checked.

use std::collections::BTreeMap;
use std::path::PathBuf;

use dccd_record::{Dataset, Exchange, Job, Kind, Pair, Retry, Span, Ts};

use super::cron::Cron;
use super::locate::Place;
use super::secret::Secret;
use crate::zone::Zone;

/// What holds everywhere.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Folder of the store, if the file names it.
    pub data_path: Option<PathBuf>,
    /// Zone of dates that name none.
    pub zone: Zone,
    /// The browser interface.
    pub ui: Ui,
    /// Days for which runs are remembered; 0 is for ever.
    pub runs_retention_days: u64,
}

/// The browser interface.
#[derive(Clone, Debug, PartialEq)]
pub struct Ui {
    /// Address it listens at.
    pub host: String,
    /// Port it listens at.
    pub port: u16,
    /// Token it asks for.
    pub auth_token: Option<Secret>,
    /// Other origins whose pages may ask it.
    pub allow_origins: Vec<String>,
    /// Whether it refuses every change.
    pub is_readonly: bool,
    /// Requests per second and client; 0 is no limit.
    pub rate_limit: u64,
    /// Whether `X-Forwarded-For` names the client.
    pub is_proxy_trusted: bool,
}

/// Where the store is copied to.
#[derive(Clone, Debug, PartialEq)]
pub struct Storage {
    /// Where copies go, as rclone names it.
    pub remotes: Vec<String>,
    /// Seconds between two copies; 0 is never.
    pub sync_interval_secs: u64,
    /// GiB to keep free; 0 removes nothing.
    pub min_free_gb: f64,
}

/// Who is told of trouble.
#[derive(Clone, Debug, PartialEq)]
pub struct Alerts {
    /// Address that is told when a job keeps failing.
    pub webhook_url: Option<Secret>,
    /// Failures in a row before somebody is told.
    pub max_consecutive_errors: u64,
    /// Address that is asked for while `dccd-health check` finds all well.
    pub heartbeat_url: Option<Secret>,
}

/// Other addresses of an exchange.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Addresses {
    /// Of its REST interface.
    pub rest_url: Option<String>,
    /// Of its WebSocket interface.
    pub ws_url: Option<String>,
    /// Of its bulk files.
    pub archive_url: Option<String>,
}

/// A name of an exchange in the file.
#[derive(Clone, Debug)]
pub struct Mention {
    /// The name.
    pub exchange: String,
    /// What it is named for.
    pub purpose: Purpose,
    /// Where it stands.
    pub origin: Origin,
}

/// What an exchange is named for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Jobs of history.
    History,
    /// Jobs that record live data.
    Live,
    /// Other addresses of it.
    Addresses,
}

/// Addresses by exchange.
pub(crate) type Exchanges = BTreeMap<String, Addresses>;

/// When a job runs by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Schedule {
    /// Each time that many seconds have passed.
    Every(u64),
    /// At these times.
    Cron(Cron),
    /// Never.
    Manual,
}

/// Says why an exchange has no records of a kind of a pair, whatever their span; nothing where it has some.
pub type Absence = fn(&Exchange, Kind, &Pair) -> Option<String>;

/// What exchanges have none of. Only those who know the exchanges can tell.
#[derive(Clone, Copy, Debug)]
pub struct Absences {
    /// As history.
    pub history: Absence,
    /// Live.
    pub live: Absence,
}

impl Absences {
    /// For those who know no exchange.
    pub(crate) const UNKNOWN: Absences = Absences { history: |_, _, _| None, live: |_, _, _| None };
}

/// History of one pair to keep complete.
#[derive(Clone, Debug)]
pub struct HistoryJob {
    /// The series.
    pub dataset: Dataset,
    /// First instant wanted; the exchange's first record if not said.
    pub start: Option<Ts>,
    /// First instant no longer wanted; now if not said.
    pub end: Option<Ts>,
    /// When it runs by itself.
    pub schedule: Schedule,
    /// What the file says of retries.
    pub retry: Retry,
    /// Where it stands.
    pub origin: Origin,
}

impl HistoryJob {
    /// Its line.
    pub fn line(&self) -> Job {
        Job {
            id: self.dataset.to_string(),
            dataset: self.dataset.clone(),
            start: self.start,
            end: self.end,
            ranges: None,
            is_live: false,
            retry: self.retry,
        }
    }

    /// Whether two jobs ask for the same, wherever they stand.
    pub(crate) fn is_like(&self, other: &HistoryJob) -> bool {
        self.line() == other.line() && self.schedule == other.schedule
    }
}

/// Live data of one pair to record.
#[derive(Clone, Debug)]
pub struct StreamJob {
    /// The exchange.
    pub exchange: Exchange,
    /// What is traded.
    pub pair: Pair,
    /// What is recorded, in the order of the file.
    pub channels: Vec<(Kind, Origin)>,
    /// Width of recorded candles.
    pub span: Option<Span>,
    /// Seconds between two stored snapshots of a book; 0 stores every change.
    pub time_step_secs: u64,
    /// Levels per side of a recorded book; all that the exchange sends if not said.
    pub depth: Option<u64>,
    /// Where it stands.
    pub origin: Origin,
}

impl StreamJob {
    /// The id of its unit: `binance:BTC-USDT`.
    pub fn id(&self) -> String {
        format!("{}:{}", self.exchange, self.pair.path_name())
    }

    /// The series of one of its channels.
    pub fn dataset(&self, kind: Kind) -> Option<Dataset> {
        let span = if kind.has_span() { self.span } else { None };
        Dataset::new(self.exchange.clone(), kind, self.pair.clone(), span).ok()
    }

    pub(crate) fn is_like(&self, other: &StreamJob) -> bool {
        let kinds = |job: &StreamJob| job.channels.iter().map(|(kind, _)| *kind).collect::<Vec<_>>();
        self.id() == other.id()
            && kinds(self) == kinds(other)
            && (self.span, self.time_step_secs, self.depth) == (other.span, other.time_step_secs, other.depth)
    }
}

/// Where in the file something stands.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The entry of the list of jobs.
    pub(crate) entry: Place,
    /// The pair or channel itself.
    pub(crate) place: Place,
}

impl Origin {
    /// Whether both stand in the same entry of the same list of jobs.
    pub fn is_same_entry(&self, other: &Origin) -> bool {
        self.entry == other.entry
    }
}
