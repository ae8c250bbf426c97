//! Continuous: a store that is kept up to now for as long as the program lives.
//!
//! ```sh
//! cargo run -p dccd-rest --example continuous -- data binance:trade:BTC-USDT 5
//! ```
//!
//! Every so many seconds it asks for all that is not covered since the first covered instant, so that what an
//! interruption left out is made good. It may be killed at any time.

mod gather;

use std::error::Error;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use dccd_record::{Dataset, Range, Ts};
use dccd_store::Store;

use gather::Gatherer;

/// Where a series begins of which nothing is there yet: a minute ago.
const BEGIN_NANOS: i64 = 60_000_000_000;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [root, dataset, seconds] = args.as_slice() else {
        return Err("needed: STORE DATASET SECONDS".into());
    };
    let (root, dataset): (&Path, Dataset) = (Path::new(root), dataset.parse()?);
    let pause = Duration::from_secs(seconds.parse()?);

    let mut gatherer = Gatherer::new(root, &dataset)?;
    loop {
        let now = gatherer.horizon(&dataset)?;
        for range in missing(root, &dataset, now)? {
            gatherer.gather(&dataset, range)?;
        }
        gatherer.commit()?;
        writeln!(std::io::stdout(), "{dataset} is there up to {now}")?;
        std::thread::sleep(pause);
    }
}

/// What is not covered between the first covered instant and now.
fn missing(root: &Path, dataset: &Dataset, now: Ts) -> Result<Vec<Range>, Box<dyn Error>> {
    let covered = Store::open(root)?.view(dataset)?.ledger().covered();
    let start = covered.hull().map_or(now.saturating_add(-BEGIN_NANOS), Range::start);
    Ok(Range::new(start, now).map(|range| covered.missing(range).iter().collect()).unwrap_or_default())
}
