//! Reading jobs.

use std::collections::HashSet;
use std::time::Duration;

use dccd_record::{Dataset, Exchange, Kind, Pair, Retry, Span, Ts};

use super::cron::Cron;
use super::fields::Fields;
use super::keys::{Section, Shape, TRIGGERS};
use super::locate::Place;
use super::model::{Absence, Absences, HistoryJob, Mention, Origin, Purpose, Schedule, StreamJob};
use super::problem::Problems;
use super::tree::Node;
use super::value::{self, Read};
use crate::zone::{TypedTime, Zone};

/// How often a job runs that says nothing and has no span.
const EVERY_SECS: u64 = 3600;

/// Every job of the file.
#[derive(Debug, Default)]
pub(crate) struct Jobs {
    pub(crate) history: Vec<HistoryJob>,
    pub(crate) streams: Vec<StreamJob>,
    pub(crate) mentions: Vec<Mention>,
}

/// Reads the three lists of jobs.
pub(crate) fn read(root: &Fields<'_>, zone: &Zone, absences: Absences, problems: &Problems) -> Jobs {
    let mut reader = JobReader { zone, absences, problems, jobs: Jobs::default(), seen: HashSet::new() };
    for list in ["histo_jobs", "stream_jobs", "jobs"] {
        let Some(section) = section_of(list) else { continue };
        for (node, place) in root.elements(list) {
            let Some(fields) = Fields::open(section, node, place.clone(), problems) else { continue };
            let is_stream = list == "stream_jobs" || (list == "jobs" && reader.is_stream(&fields));
            let purpose = if is_stream { Purpose::Live } else { Purpose::History };
            let Some(job) = reader.common(&fields, place, purpose) else { continue };
            match (list, purpose) {
                ("stream_jobs", _) => reader.stream(&fields, &job),
                (_, Purpose::Live) => reader.stream3(&fields, &job),
                ("jobs", _) => reader.history(&fields, &job, "data_type"),
                _ => reader.history(&fields, &job, "kind"),
            }
        }
    }
    reader.jobs
}

fn section_of(list: &str) -> Option<&'static Section> {
    match super::keys::ROOT.key(list)?.shape {
        Shape::Sections(section) => Some(section),
        _ => None,
    }
}

/// What all jobs have.
struct Common {
    exchange: Exchange,
    pairs: Vec<(Pair, Place)>,
    span: Option<Span>,
    entry: Place,
}

/// One kind of records of one pair, and where it is named.
struct Wanted<'a> {
    kind: Kind,
    pair: &'a Pair,
    place: &'a Place,
}

struct JobReader<'a> {
    zone: &'a Zone,
    absences: Absences,
    problems: &'a Problems,
    jobs: Jobs,
    /// The series so far, and whether they are recorded live.
    seen: HashSet<(Dataset, bool)>,
}

impl JobReader<'_> {
    fn common(&mut self, fields: &Fields<'_>, entry: Place, purpose: Purpose) -> Option<Common> {
        let exchange = fields.read("exchange", exchange);
        if let (Some(exchange), Some((_, place))) = (&exchange, fields.value("exchange")) {
            let origin = Origin { entry: entry.clone(), place };
            self.jobs.mentions.push(Mention { exchange: exchange.to_string(), purpose, origin });
        }
        let pairs = fields.list("pairs", value::pair);
        if let Some((Node::List(list), _)) = fields.value("pairs")
            && list.is_empty()
        {
            fields.refuse("pairs", "pairs: expected at least one pair");
        }
        let span = fields.read("span", value::span);
        Some(Common { exchange: exchange?, pairs, span, entry })
    }

    fn is_stream(&self, fields: &Fields<'_>) -> bool {
        let words = ["backfill", "stream"];
        fields.read("operation", |node| value::word(node, &words)) == Some("stream")
    }

    fn history(&mut self, fields: &Fields<'_>, job: &Common, kind_key: &str) {
        let kind = fields.read(kind_key, value::kind);
        if kind_key == "kind" {
            fields.read("format", format);
        }
        let (start, end) = (self.time(fields, "start"), self.time(fields, "end"));
        if let (Some(start), Some(end)) = (start, end)
            && start >= end
        {
            fields.refuse("end", format!("end: {end} is not after the start, {start}"));
        }
        let schedule = if kind_key == "kind" { schedule(fields, job.span) } else { triggered(fields, job.span) };
        if kind_key == "data_type" {
            for key in ["depth", "snapshot_interval"] {
                if fields.has(key) {
                    fields.refuse(key, format!("{key}: only jobs with operation: stream have it"));
                }
            }
        }
        let max_retries = fields.read("max_retries", |node| value::count(node, 0, Retry::RETRIES_MAX.into()));
        let retry = Retry {
            max_retries: max_retries.and_then(|count| u32::try_from(count).ok()),
            retry_delay: fields.read("retry_delay", delay),
        };
        if kind.is_none() && fields.has(kind_key) {
            return;
        }
        let kind = kind.unwrap_or(Kind::Candle);
        let wanted: Vec<Wanted<'_>> = job.pairs.iter().map(|(pair, place)| Wanted { kind, pair, place }).collect();
        if !self.is_span_right(fields, job, &wanted, self.absences.history) {
            return;
        }
        for (pair, place) in &job.pairs {
            let Some(dataset) = self.dataset(job, kind, pair, place, false) else { continue };
            self.jobs.history.push(HistoryJob {
                dataset,
                start,
                end,
                schedule: schedule.clone(),
                retry,
                origin: Origin { entry: job.entry.clone(), place: place.clone() },
            });
        }
    }

    /// A stream as dccd 2 wrote it.
    fn stream(&mut self, fields: &Fields<'_>, job: &Common) {
        let channels = fields.list("channels", value::kind);
        if let Some((Node::List(list), _)) = fields.value("channels")
            && list.is_empty()
        {
            fields.refuse("channels", "channels: expected at least one kind");
        }
        let step = fields.read("time_step", value::seconds);
        self.push_streams(fields, job, &channels, step, None);
    }

    /// A stream as dccd 3 wrote it.
    fn stream3(&mut self, fields: &Fields<'_>, job: &Common) {
        let kind = fields.read("data_type", value::kind);
        for key in ["every", "cron", "start", "end", "max_retries", "retry_delay"] {
            if fields.has(key) {
                fields.refuse(key, format!("{key}: jobs with operation: stream have none"));
            }
        }
        fields.read("trigger_kind", |node| value::word(node, &TRIGGERS));
        let step = fields.read("snapshot_interval", value::seconds);
        let depth = fields.read("depth", |node| value::count(node, 1, 10_000));
        if kind.is_none() && fields.has("data_type") {
            return;
        }
        let place = fields.value("data_type").map_or_else(|| job.entry.clone(), |(_, place)| place);
        self.push_streams(fields, job, &[(kind.unwrap_or(Kind::Candle), place)], step, depth);
    }

    fn push_streams(
        &mut self,
        fields: &Fields<'_>,
        job: &Common,
        channels: &[(Kind, Place)],
        step: Option<u64>,
        depth: Option<u64>,
    ) {
        const STEP_SECS: u64 = 60;
        let of_pair = |pair| channels.iter().map(move |(kind, place)| Wanted { kind: *kind, pair, place });
        let wanted: Vec<Wanted<'_>> = job.pairs.iter().flat_map(|(pair, _)| of_pair(pair)).collect();
        if !self.is_span_right(fields, job, &wanted, self.absences.live) {
            return;
        }
        for (pair, place) in &job.pairs {
            let mut sound = Vec::new();
            for (kind, at) in channels {
                let spot = if channels.len() > 1 { at } else { place };
                if self.dataset(job, *kind, pair, spot, true).is_some() {
                    sound.push((*kind, Origin { entry: job.entry.clone(), place: at.clone() }));
                }
            }
            if sound.is_empty() {
                continue;
            }
            self.jobs.streams.push(StreamJob {
                exchange: job.exchange.clone(),
                pair: pair.clone(),
                channels: sound,
                span: job.span,
                time_step_secs: step.unwrap_or(STEP_SECS),
                depth,
                origin: Origin { entry: job.entry.clone(), place: place.clone() },
            });
        }
    }

    /// Whether there is a span exactly if one of the kinds has one. What the exchange has not needs none.
    fn is_span_right(&self, fields: &Fields<'_>, job: &Common, wanted: &[Wanted<'_>], absence: Absence) -> bool {
        let mut with_span = wanted.iter().filter(|wanted| wanted.kind.has_span()).peekable();
        if with_span.peek().is_none() {
            if job.span.is_some() && !wanted.is_empty() {
                fields.refuse("span", format!("span: {} has none; remove the key", names(wanted)));
                return false;
            }
            return true;
        }
        if fields.has("span") {
            return job.span.is_some();
        }
        let mut needs = None;
        for Wanted { kind, pair, place } in with_span {
            match absence(&job.exchange, *kind, pair) {
                Some(message) => self.problems.add((*place).clone(), message),
                None => needs = needs.or(Some(*kind)),
            }
        }
        if let Some(kind) = needs {
            fields.refuse("span", format!("{kind} needs the key span, as in span: 1h"));
        }
        false
    }

    /// The series; one that is listed before is a problem.
    fn dataset(&mut self, job: &Common, kind: Kind, pair: &Pair, place: &Place, is_live: bool) -> Option<Dataset> {
        let span = if kind.has_span() { job.span } else { None };
        let dataset = Dataset::new(job.exchange.clone(), kind, pair.clone(), span);
        let dataset = dataset.map_err(|cause| self.problems.add(place.clone(), cause.to_string())).ok()?;
        if !self.seen.insert((dataset.clone(), is_live)) {
            self.problems.add(place.clone(), format!("{dataset} is listed twice; remove one"));
            return None;
        }
        Some(dataset)
    }

    fn time(&self, fields: &Fields<'_>, key: &str) -> Option<Ts> {
        fields.read(key, |node| instant(node, self.zone)).flatten()
    }
}

/// The kinds, each once.
fn names(wanted: &[Wanted<'_>]) -> String {
    let mut names: Vec<&str> = Vec::new();
    for Wanted { kind, .. } in wanted {
        if !names.contains(&kind.name()) {
            names.push(kind.name());
        }
    }
    names.join(" and ")
}

fn exchange(node: &Node) -> Read<Exchange> {
    let name = value::text(node)?;
    Exchange::new(&name.to_lowercase()).map_err(|cause| cause.to_string())
}

/// An instant; dccd 3's `last` and `origin` say none.
fn instant(node: &Node, zone: &Zone) -> Read<Option<Ts>> {
    match node {
        Node::Text(word) if word == "last" || word == "origin" => Ok(None),
        Node::Text(text) => {
            let typed: Result<TypedTime, _> = text.parse();
            typed
                .and_then(|typed| zone.instant(&typed))
                .map(Some)
                .map_err(|cause| format!("{cause}; a date such as 2024-01-01 is enough"))
        }
        Node::Int(nanos) => {
            let nanos = i64::try_from(*nanos).unwrap_or(i64::MAX);
            Ts::from_nanos(nanos).map(Some).map_err(|cause| cause.to_string())
        }
        other => Err(format!("expected a date such as 2024-01-01, not {}", other.noun())),
    }
}

fn format(node: &Node) -> Read<()> {
    match node {
        Node::Text(word) if word == "csv" || word == "xlsx" => {
            Err(format!("{word} is no longer stored; the store is parquet, and dccd-read --format csv makes CSV of it"))
        }
        other => value::word(other, &["parquet"]).map(|_| ()),
    }
}

fn every(node: &Node) -> Read<u64> {
    match value::seconds(node)? {
        0 => Err("expected at least a second, not 0".to_owned()),
        seconds => Ok(seconds),
    }
}

fn delay(node: &Node) -> Read<Duration> {
    let seconds = value::amount(node, Retry::DELAY_MAX.as_secs_f64())?;
    Duration::try_from_secs_f64(seconds).map_err(|cause| cause.to_string())
}

fn cron(node: &Node) -> Read<Cron> {
    Cron::parse(&value::text(node)?).map_err(|cause| cause.to_string())
}

fn schedule(fields: &Fields<'_>, span: Option<Span>) -> Schedule {
    let (every, cron) = (fields.read("every", every), fields.read("cron", cron));
    if fields.has("every") && fields.has("cron") {
        fields.refuse("cron", "cron: every says already when to run; keep one");
    }
    match (every, cron) {
        (_, Some(cron)) => Schedule::Cron(cron),
        (Some(seconds), None) => Schedule::Every(seconds),
        (None, None) => Schedule::Every(span.map_or(EVERY_SECS, |span| span.secs().into())),
    }
}

/// The schedule as dccd 3 wrote it.
fn triggered(fields: &Fields<'_>, span: Option<Span>) -> Schedule {
    let trigger = fields.read("trigger_kind", |node| value::word(node, &TRIGGERS));
    let schedule = schedule(fields, span);
    match trigger {
        Some("cron") if !fields.has("cron") => fields.refuse("trigger_kind", "trigger_kind: cron needs the key cron"),
        Some("interval") if fields.has("cron") => {
            fields.refuse("trigger_kind", "trigger_kind: interval, yet there is the key cron; keep one");
        }
        Some("supervised") => {
            fields.refuse("trigger_kind", "trigger_kind: only jobs with operation: stream are supervised");
        }
        Some("manual" | "once") => return Schedule::Manual,
        _ => {}
    }
    schedule
}
