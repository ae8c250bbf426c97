//! What both examples do: ask an exchange for a range, and store what it answers.
#![allow(dead_code, reason = "each example uses its part")]

use std::error::Error;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use dccd_exchange::{Ask, Step, Walk, capability};
use dccd_record::{Control, Covered, Dataset, Failed, Gap, Order, Range, Retry, Ts, write_control};
use dccd_rest::{Asker, Budget, Client, Policy, Priority, Stopped, Waiter};
use dccd_store::{StoreOptions, Taken, Writer, WriterOptions};

/// Asks one exchange and writes one store.
pub(crate) struct Gatherer {
    asker: Asker,
    writer: Writer,
}

impl Gatherer {
    /// Asks the exchange of `dataset`, or what `DCCD_BINANCE_REST_URL` names, and writes the store at `root`.
    pub(crate) fn new(root: &Path, dataset: &Dataset) -> Result<Gatherer, Box<dyn Error>> {
        let variable = format!("DCCD_{}_REST_URL", dataset.exchange().as_str().to_uppercase());
        let api = capability(dataset)?.api;
        let base = std::env::var(variable).unwrap_or_else(|_| api.rest_url.to_owned());
        // `Budget::open` would share the budget of the programs on this host.
        let budget = Arc::new(Budget::private()?);
        let policy = Policy { retries_max: 5, delay: Duration::from_secs(1) };
        let options = WriterOptions {
            sync_interval: Duration::from_secs(1),
            store: StoreOptions::default(),
            program: concat!("example ", env!("CARGO_PKG_VERSION")).to_owned(),
        };
        Ok(Gatherer {
            asker: Asker::new(Client::new(&base), &base, budget, policy, Priority::Bulk),
            writer: Writer::open(root, &options)?,
        })
    }

    /// Up to where everything has happened, as the exchange says.
    pub(crate) fn horizon(&mut self, dataset: &Dataset) -> Result<Ts, Box<dyn Error>> {
        let page = self.asker.ask(&Ask::clock(dataset)?, &mut Vec::new(), &Patient)?;
        let now = page.stamp.ok_or("the exchange does not say what time it is")?;
        Ok(capability(dataset)?.horizon(dataset, now))
    }

    /// Gets a range, which must have happened, and stores it.
    pub(crate) fn gather(&mut self, dataset: &Dataset, range: Range) -> Result<(), Box<dyn Error>> {
        // What is asked for and never comes shows as a gap.
        let order = Order {
            job: dataset.to_string(),
            dataset: dataset.clone(),
            range,
            why: "asked".to_owned(),
            retry: Retry::default(),
        };
        self.tell(Control::Range(order))?;
        let mut walk = Walk::new(dataset, range, range.end())?;
        let mut lines = Vec::new();
        while let Some(ask) = walk.next_ask() {
            lines.clear();
            let page = self.asker.ask(&ask, &mut lines, &Patient)?;
            for step in walk.take(&ask, &page, &mut lines) {
                self.follow(step, dataset, &lines)?;
            }
        }
        Ok(())
    }

    /// Makes durable what was gathered.
    pub(crate) fn commit(&mut self) -> Result<(), Box<dyn Error>> {
        self.writer.commit()?;
        self.writer.output().clear();
        Ok(())
    }

    /// Makes all durable and publishes it as Parquet files.
    pub(crate) fn finish(mut self) -> Result<(), Box<dyn Error>> {
        Ok(self.writer.finish()?)
    }

    fn follow(&mut self, step: Step, dataset: &Dataset, lines: &[u8]) -> Result<(), Box<dyn Error>> {
        let dataset = dataset.clone();
        match step {
            Step::Lines => {
                lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).try_for_each(|line| self.take(line))
            }
            Step::Covered(range, proof) => self.tell(Control::Covered(Covered { dataset, range, proof })),
            Step::Gap(range, reason) => self.tell(Control::Gap(Gap { dataset, range, reason, is_final: true })),
            Step::Failed { range, error, is_retryable } => {
                self.tell(Control::Failed(Failed { dataset, range, error: error.clone(), is_retryable }))?;
                Err(error.into())
            }
        }
    }

    fn tell(&mut self, control: Control) -> Result<(), Box<dyn Error>> {
        let mut line = Vec::new();
        write_control(&control, &mut line);
        self.take(line.trim_ascii_end())
    }

    fn take(&mut self, line: &[u8]) -> Result<(), Box<dyn Error>> {
        match self.writer.take(line)? {
            Taken::Yes => Ok(()),
            Taken::Bad(why) => Err(why.into()),
        }
    }
}

/// Waits as long as it takes; a program with other things to do would look at its own flag.
struct Patient;

impl Waiter for Patient {
    fn wait(&self, time: Duration) -> Result<(), Stopped> {
        std::thread::sleep(time);
        Ok(())
    }

    fn check(&self) -> Result<(), Stopped> {
        Ok(())
    }

    fn note(&self, _: &dyn fmt::Display) {}
}
