//! Every key of the configuration: the one table that reading, `show`, the schema and the manual agree on.

/// What a value must look like.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// Any text.
    Text,
    /// A file or a folder; `~/` is the home.
    Path,
    /// An address whose scheme is one of these.
    Url(&'static [&'static str]),
    /// A time zone.
    Zone,
    /// True or false.
    Flag,
    /// A whole number.
    Count(u64, u64),
    /// A number that is not negative.
    Amount,
    /// Seconds, or `1h`, `15m`.
    Duration,
    /// The width of a candle.
    Span,
    /// An instant.
    Time,
    /// Five fields of cron.
    Cron,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A kind of records.
    Kind,
    /// An exchange.
    Exchange,
    /// A list of pairs.
    Pairs,
    /// A list of kinds.
    Channels,
    /// A list of texts.
    Texts,
    /// A mapping.
    Section(&'static Section),
    /// A list of mappings.
    Sections(&'static Section),
    /// Exchanges, and a mapping for each.
    Exchanges(&'static Section),
}

/// One key.
#[derive(Debug)]
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// What its value looks like.
    pub shape: Shape,
    /// The value if it is not there; empty if there is none.
    pub default: &'static str,
    /// Whether it must be there.
    pub is_required: bool,
    /// Whether its value is nobody's business.
    pub is_secret: bool,
    /// What it means, in a sentence.
    pub meaning: &'static str,
}

/// A mapping and its keys.
#[derive(Debug)]
pub struct Section {
    /// Its name.
    pub name: &'static str,
    /// Its keys, in the order of the manual.
    pub keys: &'static [Key],
}

impl Section {
    /// The key called `name`.
    pub fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }
}

const fn key(name: &'static str, shape: Shape, default: &'static str, meaning: &'static str) -> Key {
    Key { name, shape, default, is_required: false, is_secret: false, meaning }
}

const fn required(name: &'static str, shape: Shape, meaning: &'static str) -> Key {
    Key { is_required: true, ..key(name, shape, "", meaning) }
}

const fn secret(name: &'static str, shape: Shape, meaning: &'static str) -> Key {
    Key { is_secret: true, ..key(name, shape, "", meaning) }
}

const HTTP: Shape = Shape::Url(&["https", "http"]);

/// The whole file.
pub static ROOT: Section = Section {
    name: "the configuration",
    keys: &[
        key("settings", Shape::Section(&SETTINGS), "", "What holds everywhere"),
        key("storage", Shape::Section(&STORAGE), "", "Where the store is copied to"),
        key("exchanges", Shape::Exchanges(&EXCHANGE), "", "Other addresses of an exchange: test net, proxy, simulator"),
        key("histo_jobs", Shape::Sections(&HISTO_JOB), "", "History to keep complete"),
        key("stream_jobs", Shape::Sections(&STREAM_JOB), "", "Live data to record"),
        key("jobs", Shape::Sections(&JOB), "", "History and live data as dccd 3 wrote them"),
        key("alerts", Shape::Section(&ALERTS), "", "Who is told of trouble"),
    ],
};

static SETTINGS: Section = Section {
    name: "settings",
    keys: &[
        key("data_path", Shape::Path, "data", "Folder of the store"),
        key("timezone", Shape::Zone, "UTC", "Zone of dates that name none, and of tables; files are UTC"),
        key("ui_host", Shape::Text, "127.0.0.1", "Address the browser interface listens at"),
        key("ui_port", Shape::Count(0, 65_535), "8080", "Port the browser interface listens at; 0 takes a free one"),
        secret("ui_auth_token", Shape::Text, "Token the browser interface asks for"),
        key("ui_auth_token_file", Shape::Path, "", "File that holds the token"),
        key("ui_allow_origins", Shape::Texts, "", "Other origins whose pages may ask the interface"),
        key("ui_readonly", Shape::Flag, "false", "Whether the interface refuses every change"),
        key("ui_rate_limit", Shape::Count(0, 1_000_000), "0", "Requests per second and client; 0 is no limit"),
        key("ui_trusted_proxy", Shape::Flag, "false", "Whether X-Forwarded-For names the client"),
        key("runs_retention_days", Shape::Count(0, 36_500), "90", "Days for which runs are remembered; 0 is for ever"),
    ],
};

static STORAGE: Section = Section {
    name: "storage",
    keys: &[
        key("local_path", Shape::Path, "", "Folder of the store, if settings.data_path does not name it"),
        key("remotes", Shape::Sections(&REMOTE), "", "Where copies go"),
        key("sync_interval", Shape::Duration, "1h", "Time between two copies; 0 is never"),
        key(
            "min_free_gb",
            Shape::Amount,
            "0",
            "GiB to keep free by removing what is proven to be copied; 0 removes nothing",
        ),
    ],
};

static REMOTE: Section = Section {
    name: "remotes",
    keys: &[
        key("provider", Shape::Word(&["rclone"]), "rclone", "The program that copies"),
        required("remote", Shape::Text, "The remote and its folder as rclone names them"),
    ],
};

static EXCHANGE: Section = Section {
    name: "exchanges",
    keys: &[
        key("rest_url", HTTP, "", "Address of its REST interface"),
        key("ws_url", Shape::Url(&["wss", "ws"]), "", "Address of its WebSocket interface"),
        key("archive_url", HTTP, "", "Address of its bulk files"),
    ],
};

const MAX_RETRIES: Key =
    key("max_retries", Shape::Count(0, 100), "5", "How often a request that failed for a passing reason is made again");
const RETRY_DELAY: Key =
    key("retry_delay", Shape::Amount, "1.0", "Seconds before the first retry; each further wait is twice as long");
const EXCHANGE_NAME: Key = required("exchange", Shape::Exchange, "The exchange");
const PAIRS: Key = required("pairs", Shape::Pairs, "What is traded");
const START: Key = key("start", Shape::Time, "", "First instant wanted; without it, the exchange's first record");
const END: Key = key("end", Shape::Time, "", "First instant no longer wanted; without it, now");
const EVERY: Key =
    key("every", Shape::Duration, "", "Time between two runs; without it and cron, the span, else one hour");
const CRON: Key = key("cron", Shape::Cron, "", "When to run, as five fields of cron in the configured time zone");
const FORMAT: Key = key("format", Shape::Word(&["parquet"]), "parquet", "Format of the files");

static HISTO_JOB: Section = Section {
    name: "histo_jobs",
    keys: &[
        EXCHANGE_NAME,
        PAIRS,
        key("span", Shape::Span, "", "Width of a candle or of open interest; other kinds have none"),
        key("kind", Shape::Kind, "candle", "Kind of records"),
        START,
        END,
        EVERY,
        CRON,
        FORMAT,
        MAX_RETRIES,
        RETRY_DELAY,
    ],
};

static STREAM_JOB: Section = Section {
    name: "stream_jobs",
    keys: &[
        EXCHANGE_NAME,
        PAIRS,
        Key { is_required: true, ..key("channels", Shape::Channels, "", "Kinds of records to record") },
        key("time_step", Shape::Duration, "60", "Time between two stored snapshots of a book; 0 stores every change"),
        key("span", Shape::Span, "", "Width of a candle, where candles are recorded"),
    ],
};

/// What dccd 3 called each way to run a job.
pub(crate) const TRIGGERS: [&str; 5] = ["interval", "cron", "once", "manual", "supervised"];

static JOB: Section = Section {
    name: "jobs",
    keys: &[
        EXCHANGE_NAME,
        PAIRS,
        key("data_type", Shape::Kind, "ohlc", "Kind of records"),
        key("operation", Shape::Word(&["backfill", "stream"]), "backfill", "History, or live data"),
        key("span", Shape::Span, "", "Width of a candle or of open interest; other kinds have none"),
        key(
            "trigger_kind",
            Shape::Word(&TRIGGERS),
            "interval",
            "What starts a run; manual and once jobs have no timer",
        ),
        EVERY,
        CRON,
        START,
        END,
        key(
            "depth",
            Shape::Count(1, 10_000),
            "",
            "Levels per side of a recorded book; without it, all the exchange sends",
        ),
        key(
            "snapshot_interval",
            Shape::Duration,
            "60",
            "Time between two stored snapshots of a book; 0 stores every change",
        ),
        MAX_RETRIES,
        RETRY_DELAY,
    ],
};

static ALERTS: Section = Section {
    name: "alerts",
    keys: &[
        secret("webhook_url", HTTP, "Address that is told when a job keeps failing"),
        key("webhook_url_file", Shape::Path, "", "File that holds the address"),
        key("max_consecutive_errors", Shape::Count(1, 1_000_000), "3", "Failures in a row before somebody is told"),
        secret(
            "heartbeat_url",
            HTTP,
            "Address that is asked for while dccd-health check finds all well, so that silence is noticed",
        ),
        key("heartbeat_url_file", Shape::Path, "", "File that holds the address"),
    ],
};
