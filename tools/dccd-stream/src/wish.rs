//! What is wanted: from flags, or from a job of the configuration.

use dccd_cli::config::Config;
use dccd_exchange::live::Subscription;
use dccd_record::{Dataset, Exchange, Kind, Span};

use crate::args::Args;
use crate::error::StreamError;

/// Everything that is wanted of one exchange.
#[derive(Debug)]
pub(crate) struct Wishes {
    pub(crate) exchange: Exchange,
    pub(crate) series: Vec<Wish>,
    pub(crate) config: Option<Config>,
}

/// One series.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    pub(crate) subscription: Subscription,
    /// Seconds between two stored books; 0 stores every change.
    pub(crate) time_step_secs: u32,
}

impl Wishes {
    pub(crate) fn new(args: &Args) -> Result<Wishes, StreamError> {
        let config = args.config.load()?;
        let mut wishes = match (&args.job, &config) {
            (Some(id), Some(config)) => Wishes::of_job(id, config)?,
            (Some(_), None) => return Err(StreamError::Job("--job needs a configuration; see --config".to_owned())),
            (None, _) => Wishes::of_flags(args)?,
        };
        wishes.config = config;
        Ok(wishes)
    }

    fn of_flags(args: &Args) -> Result<Wishes, StreamError> {
        let exchange = Exchange::new(args.exchange.as_deref().unwrap_or_default()).map_err(StreamError::Dataset)?;
        let mut wishes = Wishes { exchange, series: Vec::new(), config: None };
        for pair in &args.pair {
            for kind in &args.channels {
                let span = if kind.has_span() { Some(args.span) } else { None };
                let dataset = Dataset::new(wishes.exchange.clone(), *kind, pair.clone(), span);
                wishes.add(dataset.map_err(StreamError::Dataset)?, args.depth, args.time_step);
            }
        }
        Ok(wishes)
    }

    /// Several entries of the configuration may be about one pair.
    fn of_job(id: &str, config: &Config) -> Result<Wishes, StreamError> {
        const SPAN_SECS: u32 = 60;
        let mut found: Option<Wishes> = None;
        for job in config.streams.iter().filter(|job| job.id() == id) {
            let exchange = job.exchange.clone();
            let wishes = found.get_or_insert_with(|| Wishes { exchange, series: Vec::new(), config: None });
            for (kind, _) in &job.channels {
                let span = if kind.has_span() { job.span.or(Span::from_secs(SPAN_SECS).ok()) } else { None };
                let dataset = Dataset::new(job.exchange.clone(), *kind, job.pair.clone(), span);
                let depth = job.depth.and_then(|depth| u32::try_from(depth).ok());
                let time_step_secs = u32::try_from(job.time_step_secs).unwrap_or(u32::MAX);
                wishes.add(dataset.map_err(StreamError::Dataset)?, depth, time_step_secs);
            }
        }
        found.ok_or_else(|| {
            let path = config.path().display();
            StreamError::Job(format!("{path} has no stream job {id}; its stream_jobs are named EXCHANGE:BASE-QUOTE"))
        })
    }

    fn add(&mut self, dataset: Dataset, depth: Option<u32>, time_step_secs: u32) {
        if self.series.iter().any(|wish| wish.subscription.dataset == dataset) {
            return;
        }
        let depth = depth.filter(|_| dataset.kind() == Kind::Book);
        let subscription = Subscription { depth, ..Subscription::new(dataset) };
        self.series.push(Wish { subscription, time_step_secs });
    }
}
