//! The way through one range: which question comes next, and what its answer proves.

mod ask;
mod derived;
mod grid;
mod ids;
mod progress;
mod times;
mod windows;

use dccd_record::{Dataset, Fixed, Kind, Proof, Range, Ts};

use crate::answer::Page;
use crate::capability::{Capability, Impossible, Paging, Reach, capability};

pub use ask::Ask;
use ask::Question;
use derived::DerivedWalk;
use grid::GridWalk;
use ids::IdWalk;
use progress::Progress;
use times::TimeWalk;
use windows::WindowWalk;

/// How often a doubtful answer is asked for again before it is given up or believed.
const DOUBTS_MAX: u32 = 5;

/// What an answer leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The lines of the page go out.
    Lines,
    /// Every record of a range has gone out.
    Covered(Range, Proof),
    /// A hole, and why it is there.
    Gap(Range, String),
    /// A range was not obtained.
    Failed {
        /// The range.
        range: Range,
        /// What went wrong.
        error: String,
        /// Whether asking again later may help.
        is_retryable: bool,
    },
}

/// The way through one range.
#[derive(Debug)]
pub struct Walk {
    contract: Contract,
    way: Box<dyn Way>,
}

/// The size of one contract, which some exchanges must be asked for before amounts mean anything.
#[derive(Debug)]
enum Contract {
    Needed(Box<Ask>),
    Asked,
    /// `None` where amounts are what they say.
    Known(Option<Fixed>),
}

/// One way of going through a range.
trait Way: std::fmt::Debug + Send {
    /// The next question that can be asked now, before the answers to earlier ones are in.
    fn next_ask(&mut self) -> Option<Ask>;

    /// Takes the answer to the oldest question that is still open. `lines` go out at [`Step::Lines`].
    fn take(&mut self, ask: &Ask, page: &Page, lines: &mut Vec<u8>) -> Vec<Step>;

    /// What is neither covered nor given up.
    fn left(&self) -> Option<Range>;
}

impl Walk {
    /// A way through `range`, all of which lies in the exchange's past. Books have no past.
    pub fn new(dataset: &Dataset, range: Range, now: Ts) -> Result<Walk, Impossible> {
        let row = capability(dataset)?;
        let contract = match Ask::contract(dataset)? {
            Some(ask) => Contract::Needed(Box::new(ask)),
            None => Contract::Known(None),
        };
        let is_derived = matches!(row.reach, Reach::RowsThenTrades(_)) && range.start() < row.pages_start(dataset, now);
        let way: Box<dyn Way> =
            if is_derived { Box::new(DerivedWalk::new(dataset, range)?) } else { way(row, dataset, range) };
        Ok(Walk { contract, way })
    }

    /// The next question that can be asked now, before the answers to earlier ones are in.
    pub fn next_ask(&mut self) -> Option<Ask> {
        let known = match &self.contract {
            Contract::Known(contract) => *contract,
            Contract::Asked => return None,
            Contract::Needed(ask) => {
                let ask = Ask::clone(ask);
                self.contract = Contract::Asked;
                return Some(ask);
            }
        };
        self.way.next_ask().map(|ask| ask.with_contract(known))
    }

    /// Takes the answer to the oldest question that is still open; `lines` are what the answer held, and are
    /// what is to go out at [`Step::Lines`] afterwards.
    pub fn take(&mut self, ask: &Ask, page: &Page, lines: &mut Vec<u8>) -> Vec<Step> {
        if let Contract::Asked = self.contract {
            self.contract = Contract::Known(page.contract);
            return Vec::new();
        }
        self.way.take(ask, page, lines)
    }

    /// What is neither covered nor given up; `None` at the end of the way.
    pub fn left(&self) -> Option<Range> {
        self.way.left()
    }
}

fn way(row: &'static Capability, dataset: &Dataset, range: Range) -> Box<dyn Way> {
    let progress = Progress::new(row, dataset, range);
    match (row.paging, dataset.span()) {
        (Paging::Grid { finds_next }, Some(span)) => Box::new(GridWalk::new(progress, span, finds_next)),
        (Paging::Windows { step_secs, full }, _) => Box::new(WindowWalk::new(progress, step_secs, full)),
        (Paging::Ids(seek), _) => Box::new(IdWalk::new(progress, seek)),
        (Paging::Times { has_consecutive_ids }, _) => Box::new(TimeWalk::new(progress, has_consecutive_ids)),
        // What the table cannot say: a grid without span, or a book, of which there is no past.
        (Paging::Grid { .. } | Paging::Snapshot, _) => Box::new(TimeWalk::new(progress, false)),
    }
}

/// The word for records of a kind in messages.
fn noun(kind: Kind) -> &'static str {
    match kind {
        Kind::Candle => "candle",
        Kind::Trade => "trade",
        Kind::Book => "book",
        Kind::Funding => "funding rate",
        Kind::OpenInterest => "open interest",
    }
}
