mod answers;
mod recordings;
mod requests;

use crate::Request;
use crate::adapter::{Adapter, Rows, Series};
use crate::capability;
use crate::coinbase::Coinbase;
use crate::tests::dataset;

/// What is sent for a page of a dataset.
fn asked(id: &str, rows: Rows, limit: u32) -> Request {
    let dataset = dataset(id);
    let row = capability(&dataset).unwrap_or_else(|error| panic!("{id}: {error}"));
    Coinbase.page(&Series { row, dataset: &dataset, contract: None }, rows, limit)
}
