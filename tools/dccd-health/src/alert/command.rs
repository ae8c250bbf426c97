//! Telling by hand.

use std::path::Path;

use dccd_cli::config::Config;
use dccd_cli::{Status, StoreFlags, Tool};

use super::Delivery;
use crate::error::Error;

/// Tell now what waits to be told, or try the address
#[derive(Debug, clap::Args)]
pub(crate) struct AlertArgs {
    /// Send a message that says it is a test
    #[arg(long)]
    test: bool,

    #[command(flatten)]
    pub(crate) store: StoreFlags,
}

/// Sends what is asked for.
pub(crate) fn run(args: &AlertArgs, tool: &mut Tool) -> Result<Status, Error> {
    let root = args.store.data_path()?;
    let config = args.store.config()?;
    let delivery = config.and_then(|config| Delivery::new(root, &config, &tool.stop));
    let delivery = delivery.ok_or(Error::NobodyToTell)?;
    if args.test {
        delivery.test()?;
        tool.log.note("the test message was taken");
    } else {
        let told = delivery.deliver()?;
        tool.log.note(format_args!("alerts were told; jobs: {told}"));
    }
    Ok(Status::Ok)
}

/// Tells what waits to be told, on the way; that it cannot be is said, and no more.
pub(crate) fn tell_waiting(root: &Path, config: Option<&Config>, tool: &Tool) {
    let delivery = config.and_then(|config| Delivery::new(root.to_owned(), config, &tool.stop));
    if let Some(Err(error)) = delivery.map(|delivery| delivery.deliver()) {
        tool.log.error(format_args!("alerts wait to be told: {error}"));
    }
}
