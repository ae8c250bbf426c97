//! What a producer knows about completeness, and work orders.

use std::time::Duration;

use crate::dataset::Dataset;
use crate::range::Range;
use crate::time::Ts;

/// How it is known that a range is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Proof {
    /// The exchange answered with every record of the range.
    Page,
    /// The records' ids follow each other.
    Id,
    /// The exchange's counter never skipped.
    Sequence,
    /// The connection was alive and the exchange sent nothing.
    Heartbeat,
    /// The exchange's bulk archive, checked against its checksum.
    Archive,
    /// A file that was in the store before us.
    File,
}

impl Proof {
    const ALL: [Proof; 6] = [Proof::Page, Proof::Id, Proof::Sequence, Proof::Heartbeat, Proof::Archive, Proof::File];

    /// The word used in lines.
    pub fn name(self) -> &'static str {
        match self {
            Proof::Page => "page",
            Proof::Id => "id",
            Proof::Sequence => "sequence",
            Proof::Heartbeat => "heartbeat",
            Proof::Archive => "archive",
            Proof::File => "file",
        }
    }

    /// The proof whose word is `name`.
    pub fn from_name(name: &str) -> Option<Proof> {
        Proof::ALL.into_iter().find(|proof| proof.name() == name)
    }
}

/// A line that is no market record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Control {
    /// Every record of a range stands above.
    Covered(Covered),
    /// A range is known to be missing.
    Gap(Gap),
    /// A range was asked for and not obtained.
    Failed(Failed),
    /// Rows are on disk.
    Stored(Stored),
    /// A configured job.
    Job(Job),
    /// A range to get.
    Range(Order),
}

impl Control {
    /// The dataset the line speaks of.
    pub fn dataset(&self) -> &Dataset {
        match self {
            Control::Covered(line) => &line.dataset,
            Control::Gap(line) => &line.dataset,
            Control::Failed(line) => &line.dataset,
            Control::Stored(line) => &line.dataset,
            Control::Job(line) => &line.dataset,
            Control::Range(line) => &line.dataset,
        }
    }
}

/// Every record of `range` stands above this line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Covered {
    /// The series.
    pub dataset: Dataset,
    /// The range.
    pub range: Range,
    /// How that is known.
    pub proof: Proof,
}

/// A name for a known hole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The series.
    pub dataset: Dataset,
    /// The hole, both its edge instants included.
    pub range: Range,
    /// Why it is there.
    pub reason: String,
    /// Whether no source of the exchange, archives to come included, can fill it.
    pub is_final: bool,
}

/// A range that was asked for and not obtained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// The series.
    pub dataset: Dataset,
    /// The range.
    pub range: Range,
    /// What went wrong.
    pub error: String,
    /// Whether asking again later may help.
    pub is_retryable: bool,
}

/// Rows that survive kill -9 and power loss.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The series.
    pub dataset: Dataset,
    /// The Parquet file they are in, or will be in when it is published.
    pub path: String,
    /// How many lines were made durable; repeats are known only later.
    pub rows: u64,
    /// From the first row's instant to just after the last one's.
    pub range: Range,
}

/// A configured job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Its id; the dataset's own unless the configuration says otherwise.
    pub id: String,
    /// The series.
    pub dataset: Dataset,
    /// From when; the exchange's first record if not said. Of a stream: since when it is asked for, if that is known.
    pub start: Option<Ts>,
    /// Until when; now if not said.
    pub end: Option<Ts>,
    /// How many `range` lines follow for it, once it is planned: fewer, and somebody died.
    pub ranges: Option<u64>,
    /// Whether it is a stream: no ranges follow, and it asks for everything since its first covered instant.
    pub is_live: bool,
    /// What its configuration says of retries.
    pub retry: Retry,
}

/// A range to get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// The id of the job it is for.
    pub job: String,
    /// The series.
    pub dataset: Dataset,
    /// The range.
    pub range: Range,
    /// Why it is wanted.
    pub why: String,
    /// What the job says of retries.
    pub retry: Retry,
}

/// How often and how patiently to try again; whoever asks decides what is not said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retry {
    /// Tries after the first one, at most [`Retry::RETRIES_MAX`].
    pub max_retries: Option<u32>,
    /// The wait before the first of them, at most [`Retry::DELAY_MAX`]; each further one is twice as long.
    pub retry_delay: Option<Duration>,
}

impl Retry {
    /// The most tries after the first one.
    pub const RETRIES_MAX: u32 = 100;
    /// The longest first wait.
    pub const DELAY_MAX: Duration = Duration::from_secs(3600);
}
