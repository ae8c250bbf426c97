//! What is known of a store, as Prometheus reads it.

mod exposition;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs::Permissions;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use dccd_cli::{Status, StoreFlags, Tool};
use dccd_record::{Dataset, Ts};
use dccd_store::Store;

use crate::check::{Limits, Reason, Series, Sort, State, Survey, reasons, survey};
use crate::error::Error;
use exposition::{Exposition, Form, Value, labels};

/// Print what is known of the store for Prometheus
///
/// In the text format that Prometheus scrapes; with --textfile into a file for the textfile collector of
/// node_exporter, which sees the old content or the new, never less.
#[derive(Debug, clap::Args)]
pub(crate) struct PrometheusArgs {
    /// Replace FILE, whose name should end in .prom, instead of printing
    #[arg(long, value_name = "FILE")]
    pub(crate) textfile: Option<PathBuf>,

    /// Count the rows of each dataset too, which reads the end of every file
    #[arg(long)]
    rows: bool,

    #[command(flatten)]
    limits: Limits,

    #[command(flatten)]
    pub(crate) store: StoreFlags,
}

/// Prints every metric.
pub(crate) fn run(args: &PrometheusArgs, tool: &mut Tool) -> Result<Status, Error> {
    let (root, config) = (args.store.data_path()?, args.store.config()?);
    let found = survey(&root, config.as_ref(), args.limits.max_lag)?;
    let rows = if args.rows && root.is_dir() { Some(rows(&root)?) } else { None };
    let reasons = reasons(&found, &args.limits);
    let mut out = Exposition::default();
    write_host(&found, &reasons, &mut out);
    write_datasets(&found, &mut out);
    if let Some(rows) = rows {
        write_rows(&rows, &mut out);
    }
    write_jobs(&found, &mut out);
    let text = out.into_bytes();
    match &args.textfile {
        Some(path) => replace(path, &text).map_err(|cause| Error::Textfile(path.clone(), cause))?,
        None => tool.out.buffer().extend_from_slice(&text),
    }
    tool.out.flush()?;
    Ok(Status::Ok)
}

fn write_host(found: &Survey, reasons: &[Reason], out: &mut Exposition) {
    out.family("dccd_build_info", Form::Gauge, "The version of dccd-health.");
    out.sample(&labels(&[("version", env!("CARGO_PKG_VERSION"))]), Value::Count(1));
    out.family("dccd_reasons", Form::Gauge, "Things that dccd-health check finds wrong.");
    for sort in Sort::ALL {
        let count = reasons.iter().filter(|reason| reason.sort == sort).count();
        out.sample(&labels(&[("sort", sort.name())]), Value::of(count));
    }
    if let Some(disk) = found.disk {
        out.family("dccd_disk_free_bytes", Form::Gauge, "What may still be written where the store is.");
        out.sample("", Value::Count(disk.free_bytes));
        out.family("dccd_disk_size_bytes", Form::Gauge, "The size of the disk that the store is on.");
        out.sample("", Value::Count(disk.total_bytes));
        out.family("dccd_store_bytes", Form::Gauge, "What the published files of the store take.");
        out.sample("", Value::Count(disk.stored_bytes));
        out.family("dccd_store_growth_bytes_per_second", Form::Gauge, "How fast the store grows, by its last days.");
        out.sample("", Value::Rate { count: disk.growth_bytes, secs: 86_400 });
    }
    if let Some(sync) = &found.sync {
        out.family(
            "dccd_sync_last_success_timestamp_seconds",
            Form::Gauge,
            "When the store was last copied to a remote.",
        );
        for remote in &sync.remotes {
            // Zero is never, so that a rule on the age fires.
            let at = remote.last_success.map_or(Value::Count(0), Value::Time);
            out.sample(&labels(&[("remote", &remote.name)]), at);
        }
    }
}

fn write_datasets(found: &Survey, out: &mut Exposition) {
    let all: Vec<(String, &Series)> =
        found.series.iter().map(|series| (dataset_labels(&series.dataset, None), series)).collect();
    out.family(
        "dccd_dataset_covered_end_timestamp_seconds",
        Form::Gauge,
        "Where what is covered of a dataset ends, at a time of the exchange.",
    );
    for (labels, series) in &all {
        out.maybe(labels, series.covered_end().map(Value::Time));
    }
    out.family("dccd_dataset_lag_seconds", Form::Gauge, "Time since the end of what is covered.");
    for (labels, series) in &all {
        out.maybe(labels, series.lag_nanos(found.now).map(Value::Nanos));
    }
    out.family("dccd_dataset_lag_max_seconds", Form::Gauge, "The lag up to which a dataset is up to date.");
    for (labels, series) in &all {
        let lag_max = |required: Ts| Value::Nanos(found.now.nanos().saturating_sub(required.nanos()));
        out.maybe(labels, series.required.map(lag_max));
    }
    out.family("dccd_dataset_up_to_date", Form::Gauge, "Whether a dataset is covered as far as its jobs promise.");
    for (labels, series) in &all {
        let is_up_to_date = match series.state {
            State::Fresh | State::Complete => Some(1),
            State::Stale => Some(0),
            State::Unplanned => None,
        };
        out.maybe(labels, is_up_to_date.map(Value::Count));
    }
    out.family("dccd_dataset_gaps", Form::Gauge, "Gaps that are open, by whether history can fill them.");
    for series in &found.series {
        let repairable = Value::of(series.repairable.len());
        for (state, count) in [("repairable", repairable), ("irreparable", Value::Count(series.irreparable))] {
            out.sample(&dataset_labels(&series.dataset, Some(("state", state))), count);
        }
    }
}

fn write_rows(rows: &BTreeMap<Dataset, u64>, out: &mut Exposition) {
    out.family("dccd_dataset_rows", Form::Gauge, "Rows in the published files of a dataset.");
    for (dataset, count) in rows {
        out.sample(&dataset_labels(dataset, None), Value::Count(*count));
    }
}

fn write_jobs(found: &Survey, out: &mut Exposition) {
    let all: Vec<_> = found.jobs.iter().map(|job| (labels(&[("job_id", &job.job)]), job)).collect();
    out.family("dccd_job_last_run_timestamp_seconds", Form::Gauge, "When a job last ran.");
    for (labels, job) in &all {
        out.maybe(labels, job.last_run.map(Value::Time));
    }
    out.family("dccd_job_last_success_timestamp_seconds", Form::Gauge, "When a job last succeeded.");
    for (labels, job) in &all {
        out.maybe(labels, job.last_success.map(Value::Time));
    }
    out.family("dccd_job_errors", Form::Gauge, "Failures of a job since its last success.");
    for (labels, job) in &all {
        out.sample(labels, Value::Count(job.errors));
    }
    out.family("dccd_job_overdue", Form::Gauge, "Whether a run that was due did not come.");
    for (labels, job) in all.iter().filter(|(_, job)| job.is_wanted) {
        out.sample(labels, Value::Count(u64::from(job.is_overdue(found.now))));
    }
    out.family("dccd_job_rows_total", Form::Counter, "Rows that a job stored, repeats included.");
    for (labels, job) in &all {
        out.sample(labels, Value::Count(job.rows));
    }
}

fn dataset_labels(dataset: &Dataset, more: Option<(&str, &str)>) -> String {
    let (exchange, pair) = (dataset.exchange().to_string(), dataset.pair().to_string());
    let span = dataset.span().map(|span| span.to_string());
    let mut pairs = vec![("exchange", exchange.as_str()), ("pair", pair.as_str()), ("kind", dataset.kind().name())];
    pairs.extend(span.as_deref().map(|span| ("span", span)));
    pairs.extend(more);
    labels(&pairs)
}

/// The rows that footers count; what cannot be read counts nothing here.
fn rows(root: &Path) -> Result<BTreeMap<Dataset, u64>, Error> {
    let views = Store::open(root)?.survey()?;
    let count = |view: &dccd_store::View| {
        let files = view.periods().iter().filter_map(|period| period.file.as_ref()?.as_ref().ok());
        files.map(|file| file.rows).sum()
    };
    Ok(views.iter().map(|view| (view.dataset().clone(), count(view))).collect())
}

/// Replaces a file that others read: what is written beside it takes its place at once.
fn replace(path: &Path, content: &[u8]) -> std::io::Result<()> {
    const EVERYBODY_READS: u32 = 0o644;
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(".dccd-health-").suffix(".part").tempfile_in(dir)?;
    file.write_all(content)?;
    file.as_file().set_permissions(Permissions::from_mode(EVERYBODY_READS))?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}
