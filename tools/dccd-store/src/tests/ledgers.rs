//! Ledgers: knowledge is a union, so order and repetition change nothing.

use dccd_record::{Control, Covered, Dataset, Gap, Kind, Order, Proof, Range, Retry};

use super::{Random, dataset, range, ts};
use crate::layout::Layout;
use crate::ledger::{Ledger, stream_line};

fn covered(dataset: &Dataset, range: Range, proof: Proof) -> Control {
    Control::Covered(Covered { dataset: dataset.clone(), range, proof })
}

fn asked(dataset: &Dataset, range: Range) -> Control {
    Control::Range(Order {
        job: "job".into(),
        dataset: dataset.clone(),
        range,
        why: "asked".into(),
        retry: Retry::default(),
    })
}

fn gap(dataset: &Dataset, range: Range, reason: &str, is_final: bool) -> Control {
    Control::Gap(Gap { dataset: dataset.clone(), range, reason: reason.into(), is_final })
}

fn gaps(ledger: &Ledger) -> Vec<(Range, Option<String>, bool)> {
    ledger.gaps().into_iter().map(|gap| (gap.range, gap.reason, gap.is_final)).collect()
}

#[test]
fn a_gap_is_what_was_asked_and_is_not_covered_named_or_not() {
    let trades = dataset("binance:trade:BTC-USDT");
    let mut ledger = Ledger::default();
    ledger.take(&asked(&trades, range(0, 100)));
    ledger.take(&covered(&trades, range(10, 40), Proof::Id));
    ledger.take(&gap(&trades, range(50, 60), "disconnected", false));
    ledger.take(&covered(&trades, range(60, 100), Proof::Id));
    assert_eq!(
        gaps(&ledger),
        [
            (range(0, 10), None, false),
            (range(40, 50), None, false),
            (range(50, 60), Some("disconnected".into()), false)
        ]
    );
    ledger.take(&covered(&trades, range(0, 60), Proof::Page));
    assert_eq!(gaps(&ledger), []);
}

#[test]
fn order_and_repetition_change_nothing() {
    let seed = 20_240_101;
    println!("seed {seed}");
    let mut random = Random(seed);
    let trades = dataset("binance:trade:BTC-USDT");
    for _ in 0..200 {
        let mut controls: Vec<Control> = (0..12)
            .map(|_| {
                let start = i64::try_from(random.below(50)).unwrap();
                let part = range(start, start + 1 + i64::try_from(random.below(20)).unwrap());
                match random.below(4) {
                    0 => asked(&trades, part),
                    3 => stream_line(&trades, part.start()),
                    1 => gap(&trades, part, "stalled", random.below(2) == 0),
                    _ => covered(&trades, part, Proof::Id),
                }
            })
            .collect();
        let mut ledger = Ledger::default();
        controls.iter().for_each(|control| ledger.take(control));
        let expected = (ledger.covered(), gaps(&ledger));
        let repeated = controls.clone();
        controls.extend(repeated);
        for at in (1..controls.len()).rev() {
            controls.swap(at, usize::try_from(random.below(u64::try_from(at).unwrap() + 1)).unwrap());
        }
        let mut shuffled = Ledger::default();
        controls.iter().for_each(|control| shuffled.take(control));
        assert_eq!((shuffled.covered(), gaps(&shuffled)), expected);
    }
}

#[test]
fn what_is_saved_is_loaded() {
    let dir = tempfile::tempdir().unwrap();
    let layout = Layout::new(dir.path());
    let candles = dataset("binance:candle:BTC-USDT:1h");
    let mut ledger = Ledger::default();
    ledger.take(&asked(&candles, range(0, 36_000)));
    ledger.take(&covered(&candles, range(0, 7_200), Proof::Page));
    ledger.take(&covered(&candles, range(7_200, 10_800), Proof::Archive));
    ledger.take(&gap(&candles, range(10_800, 14_400), "a \"quoted\" reason", true));
    ledger.adopt(Kind::Candle, range(14_400, 18_000));
    ledger.take(&stream_line(&candles, ts(3_600)));
    ledger.save(&layout, &candles).unwrap();
    let loaded = Ledger::load(&layout, &candles).unwrap();
    assert!(loaded.ledger == ledger && loaded.bad_line.is_none());
    assert_eq!(Ledger::load(&layout, &dataset("kraken:candle:BTC-USDT:1h")).unwrap().ledger, Ledger::default());
}

#[test]
fn a_stream_asks_for_all_from_its_start_to_the_last_covered_instant() {
    let trades = dataset("binance:trade:BTC-USDT");
    let mut ledger = Ledger::default();
    ledger.take(&stream_line(&trades, ts(20)));
    assert_eq!(gaps(&ledger), []);
    ledger.take(&covered(&trades, range(20, 40), Proof::Id));
    ledger.take(&covered(&trades, range(0, 10), Proof::Page));
    assert_eq!(gaps(&ledger), [], "what is older was never asked for");
    ledger.take(&covered(&trades, range(50, 60), Proof::Id));
    assert_eq!(gaps(&ledger), [(range(40, 50), None, false)]);
    ledger.take(&gap(&trades, range(42, 45), "disconnected", false));
    let named = (range(42, 45), Some("disconnected".into()), false);
    assert_eq!(gaps(&ledger), [(range(40, 42), None, false), named, (range(45, 50), None, false)]);
    // The earliest start of any stream counts.
    ledger.take(&stream_line(&trades, ts(5)));
    ledger.take(&stream_line(&trades, ts(50)));
    assert_eq!(gaps(&ledger)[0], (range(10, 20), None, false));
}

#[test]
fn adopted_candles_are_covered_and_adopted_trades_are_not() {
    let mut candles = Ledger::default();
    candles.adopt(Kind::Candle, range(0, 3_600));
    assert!(candles.covered().covers(range(0, 3_600)));
    let mut trades = Ledger::default();
    trades.adopt(Kind::Trade, range(0, 3_600));
    assert!(trades.covered().is_empty());
    assert!(trades.adopted().covers(range(0, 3_600)));
    trades.take(&covered(&dataset("binance:trade:BTC-USDT"), range(0, 1_800), Proof::Id));
    assert_eq!(trades.adopted().iter().collect::<Vec<_>>(), [range(1_800, 3_600)]);
}

#[test]
fn coverage_taken_back_is_a_gap() {
    let trades = dataset("binance:trade:BTC-USDT");
    let mut ledger = Ledger::default();
    ledger.take(&covered(&trades, range(0, 100), Proof::Id));
    ledger.uncover(range(20, 30));
    assert_eq!(gaps(&ledger), [(range(20, 30), None, false)]);
}
