//! Lines for tests that need no exchange: trade number n is always the same.

use dccd_record::{Control, Covered, Dataset, LineWriter, Number, Proof, Range, Side, Trade, Ts, write_control};

/// 2024-01-01T00:00:00Z.
const START: i64 = 1_704_067_200_000_000_000;
/// Time between two trades.
const STEP: i64 = 137_000_000;

/// The trades of one pair, each known by its number.
#[derive(Debug)]
pub struct Trades {
    dataset: Dataset,
    writer: LineWriter,
}

impl Trades {
    /// The trades of the dataset `id`: `binance:trade:BTC-USDT`.
    pub fn new(id: &str) -> Trades {
        let dataset: Dataset = id.parse().expect("the id of a dataset");
        let writer = LineWriter::new(&dataset);
        Trades { dataset, writer }
    }

    /// When trade `number` happened.
    pub fn ts(number: u64) -> Ts {
        let number = i64::try_from(number).expect("a small number");
        Ts::from_nanos(START + number * STEP).expect("an instant of this century")
    }

    /// The number of the first trade at or after an instant.
    pub fn number_from(ts: Ts) -> u64 {
        u64::try_from((ts.nanos() - START).max(0)).expect("not negative").div_ceil(STEP.unsigned_abs())
    }

    /// Appends the line of trade `number`.
    pub fn write(&mut self, number: u64, out: &mut Vec<u8>) {
        let price = format!("{}.{:02}", 42_000 + number % 977, number % 100);
        let amount = format!("0.{:05}", number * 7 % 99_999 + 1);
        let trade = Trade {
            ts: Trades::ts(number),
            price: Number::new(&price).expect("a number"),
            amount: Number::new(&amount).expect("a number"),
            side: Some(if number.is_multiple_of(3) { Side::Sell } else { Side::Buy }),
            tid: Some(number.to_string().into()),
            recv_ts: None,
        };
        self.writer.trade(&trade, out);
    }

    /// The lines of the trades in `numbers`.
    pub fn lines(&mut self, numbers: std::ops::Range<u64>) -> Vec<u8> {
        let mut out = Vec::new();
        numbers.for_each(|number| self.write(number, &mut out));
        out
    }

    /// The lines of the trades in `numbers`, and below them that they are all there are in their time.
    pub fn page(&mut self, numbers: std::ops::Range<u64>) -> Vec<u8> {
        let range = Range::new(Trades::ts(numbers.start), Trades::ts(numbers.end)).expect("a page is not empty");
        let mut out = self.lines(numbers);
        let covered = Covered { dataset: self.dataset.clone(), range, proof: Proof::Id };
        write_control(&Control::Covered(covered), &mut out);
        out
    }
}
