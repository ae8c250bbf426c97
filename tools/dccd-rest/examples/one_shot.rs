//! One shot: a range of history into a store, from a program of one's own.
//!
//! ```sh
//! cargo run -p dccd-rest --example one_shot -- data binance:candle:BTC-USDT:1h 2024-01-01T00:00:00Z 2024-02-01T00:00:00Z
//! ```

mod gather;

use std::error::Error;
use std::io::Write;
use std::path::Path;

use dccd_record::{Dataset, Range};
use dccd_store::Store;

use gather::Gatherer;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [root, dataset, start, end] = args.as_slice() else {
        return Err("needed: STORE DATASET START END".into());
    };
    let dataset: Dataset = dataset.parse()?;
    let range = Range::new(start.parse()?, end.parse()?).ok_or("the end is not after the start")?;

    let mut gatherer = Gatherer::new(Path::new(root), &dataset)?;
    let range =
        Range::new(range.start(), range.end().min(gatherer.horizon(&dataset)?)).ok_or("it has not happened yet")?;
    gatherer.gather(&dataset, range)?;
    gatherer.finish()?;

    let view = Store::open(Path::new(root))?.view(&dataset)?;
    for covered in view.ledger().covered().iter() {
        writeln!(std::io::stdout(), "{dataset}: {} to {} is there", covered.start(), covered.end())?;
    }
    Ok(())
}
