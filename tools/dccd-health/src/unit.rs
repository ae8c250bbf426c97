//! How a unit of systemd ended, counted without lines.
//!
//! What the pipe inside a unit counted is not counted a second time: both know the invocation they belong to. So a unit
//! adds just what its pipe could not say, because it never began, or was killed.

use dccd_cli::{Status, Tool, env};
use dccd_record::{Dataset, Exchange, Pair};

use crate::clock::now;
use crate::counter::{END_PATIENCE, Keeping};
use crate::error::Error;
use crate::metrics::{self, Counting, Metrics};
use crate::record::RecordArgs;
use crate::runs::{RunLine, State};

/// The longest name of a unit, as systemd has it.
const NAME_BYTES_MAX: usize = 255;
/// Statuses that no further try mends: wrong flags, and a configuration that is wrong.
const HOPELESS: [&str; 2] = ["2", "78"];
/// How systemd calls the ends that somebody asked for.
const STOPPED: [&str; 4] = ["130", "143", "INT", "TERM"];

/// What is counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ended<'a> {
    /// As systemd says.
    Unit(&'a str),
    Failure(&'a str),
    Success(&'a str),
}

/// Counts an end.
pub(crate) fn run(ended: &Ended<'_>, args: &RecordArgs, tool: &mut Tool) -> Result<Status, Error> {
    let result = ServiceResult::of_environment();
    let (name, error) = match *ended {
        Ended::Failure(name) => {
            (name, Some(result.as_ref().map_or_else(|| "failed".to_owned(), ServiceResult::describe)))
        }
        Ended::Success(name) => (name, None),
        Ended::Unit(name) => {
            let result = result.as_ref().ok_or_else(no_result)?;
            match result.verdict(&Subject::named(name)?) {
                Some(verdict) => (name, verdict.err()),
                None => return Ok(Status::Ok),
            }
        }
    };
    let subject = Subject::named(name)?;
    let mut keeping = Keeping::of(&args.store, tool)?;
    let is_hopeless = result.as_ref().is_some_and(ServiceResult::is_hopeless);
    let invocation = result.and_then(|result| result.invocation);
    let mut is_counted = false;
    let has_news = keeping.counter.count(invocation.as_deref(), END_PATIENCE, |metrics, counting| {
        if error.is_some() && is_counted_already(metrics, invocation.as_deref()) {
            return;
        }
        is_counted = true;
        // Nobody waits for the failures that would follow.
        let errors_max = counting.errors_max.map(|max| if is_hopeless { 1 } else { max });
        let counting = Counting { errors_max, ..*counting };
        metrics.count_end(&subject.key, &subject.job, error.as_deref(), &counting);
    })?;
    // Whoever is to be told hears of it, whether or not it can be remembered.
    keeping.messenger.finish(has_news);
    if is_counted {
        let state = if error.is_some() { State::Failed } else { State::Succeeded };
        let mut line = RunLine::new(subject.job, state, None, now());
        line.error = error;
        keeping.history.keep(&[line], now())?;
    }
    Ok(Status::Ok)
}

fn no_result() -> Error {
    Error::Usage("--unit is for ExecStopPost= and OnFailure=, where $SERVICE_RESULT says how a unit ended; elsewhere say --failure or --success".to_owned())
}

/// Whether a failure was counted in this invocation: that of the pipe, or the same one in ExecStopPost= and OnFailure=.
fn is_counted_already(metrics: &mut Metrics, invocation: Option<&str>) -> bool {
    invocation.is_some()
        && metrics.jobs_mut().any(|(_, job)| job.invocation.as_deref() == invocation && job.counts.errors_count > 0)
}

/// What a unit is counted as.
#[derive(Debug, PartialEq, Eq)]
struct Subject {
    /// In the table.
    key: String,
    job: String,
    /// Whether only what becomes durable is a success of it.
    is_job: bool,
}

impl Subject {
    /// What is behind the name of a unit, its instance, or the id of a job.
    fn named(name: &str) -> Result<Subject, Error> {
        let name = name.strip_suffix(".service").unwrap_or(name);
        let name = name.split_once('@').map_or(name, |(_, instance)| instance);
        let name = name.strip_suffix(".service").unwrap_or(name);
        if let Ok(dataset) = name.parse::<Dataset>() {
            return Ok(Subject { key: metrics::key(&dataset), job: dataset.to_string(), is_job: true });
        }
        if let Some((exchange, pair)) = name.split_once(':')
            && let (Ok(exchange), Ok(pair)) = (Exchange::new(exchange), Pair::from_path_name(pair))
        {
            return Ok(Subject { key: format!("{exchange}/{pair}"), job: name.to_owned(), is_job: true });
        }
        let is_plain = name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/');
        if name.is_empty() || name.len() > NAME_BYTES_MAX || !is_plain {
            return Err(Error::Usage(format!("{name:.60?} is no unit and no job")));
        }
        Ok(Subject { key: name.to_owned(), job: name.to_owned(), is_job: false })
    }
}

/// How systemd says that a unit ended.
#[derive(Debug, Default)]
struct ServiceResult {
    result: String,
    /// `exited`, `killed` or `dumped`.
    code: String,
    status: String,
    invocation: Option<String>,
}

impl ServiceResult {
    /// That of the unit whose ExecStopPost= we are, or whose OnFailure= started us.
    fn of_environment() -> Option<ServiceResult> {
        let text = |name: &str| env::value(name).map(|value| value.to_string_lossy().into_owned());
        let named = |[result, code, status, invocation]: [&str; 4]| {
            let (code, status) = (text(code).unwrap_or_default(), text(status).unwrap_or_default());
            Some(ServiceResult { result: text(result)?, code, status, invocation: text(invocation) })
        };
        named(env::MONITOR_RESULT).or_else(|| named(env::SERVICE_RESULT))
    }

    /// Success, the error, or `None` if the unit neither succeeded nor failed.
    fn verdict(&self, subject: &Subject) -> Option<Result<(), String>> {
        let was_stopped = STOPPED.contains(&self.status.as_str());
        match self.result.as_str() {
            // Success of a job is what is covered, which its pipe counts.
            "success" => (!subject.is_job && !was_stopped).then_some(Ok(())),
            "exec-condition" => None,
            _ => Some(Err(self.describe())),
        }
    }

    fn is_hopeless(&self) -> bool {
        self.code == "exited" && HOPELESS.contains(&self.status.as_str())
    }

    fn describe(&self) -> String {
        let ServiceResult { result, code, status, .. } = self;
        match code.as_str() {
            "" => format!("the unit ended with {result}"),
            _ => format!("the unit ended with {result} ({code}, {status})"),
        }
    }
}
