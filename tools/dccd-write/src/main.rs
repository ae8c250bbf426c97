//! Makes lines durable as Parquet.
//!
//! In: lines of any kind on standard input. Out: `stored` lines and the other control lines, once what
//! stands above them is on disk. Ends at the end of input, after all is durable and, where it is worth a
//! rewrite, published.

mod args;
mod error;
mod notify;
mod sink;

use std::process::ExitCode;

use dccd_cli::{Input, Powers, Status, Tool};
use dccd_store::{Layout, Writer, WriterOptions, folders};

use args::Args;
use error::Error;
use notify::Notifier;
use sink::Sink;

fn main() -> ExitCode {
    dccd_cli::entry("dccd-write", run)
}

fn run(args: Args, tool: &mut Tool) -> Result<Status, Error> {
    let input = Input::stdin().map_err(Error::Input)?;
    if input.is_terminal() {
        return Err(Error::Terminal);
    }
    let options = WriterOptions {
        sync_interval: args.sync_interval(),
        store: args.store_options(),
        program: concat!("dccd-write ", env!("CARGO_PKG_VERSION")).to_owned(),
    };
    let data_path = args.store.data_path()?;
    Layout::new(&data_path).make_meta_dir()?;
    let notifier = Notifier::from_env(&tool.log);
    tool.confine(&Powers::none().write(folders(&data_path)));
    let writer = Writer::open(&data_path, &options)?;
    Sink::new(writer, input, notifier, tool).run()
}
