#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "a test may fail, and says with which seed")]

use dccd_exchange::{Capability, capability};
use dccd_record::{Control, Covered, Dataset, Day, Gap, Kind, Order as RangeLine, Proof, Range, RangeSet, Retry, Ts};
use dccd_store::Ledger;

use crate::args::{From, Order};
use crate::lack::{Bounds, History, Known, Lack, Nothing, in_order, lacking};

const HOUR: i64 = 3_600_000_000_000;
const CANDLE: &str = "binance:candle:BTC-USDT:1h";
const TRADE: &str = "binance:trade:BTC-USDT";
const INTEREST: &str = "binance:open_interest:BTC-USDT_PERP:1h";

fn dataset(id: &str) -> Dataset {
    id.parse().unwrap()
}

fn ts(text: &str) -> Ts {
    text.parse().unwrap()
}

/// Hours after 2024 began.
fn hour(hours: i64) -> Ts {
    ts("2024-01-01T00:00:00Z").saturating_add(hours * HOUR)
}

fn hours(from: i64, to: i64) -> Range {
    Range::new(hour(from), hour(to)).unwrap()
}

fn history(id: &str, now: Ts) -> History {
    History::new(capability(&dataset(id)).unwrap(), &dataset(id), now)
}

fn ledger(id: &str, covered: &[Range], asked: &[Range]) -> Ledger {
    let (dataset, mut ledger) = (dataset(id), Ledger::default());
    for range in asked {
        let (job, why, retry) = (id.to_owned(), "asked".to_owned(), Retry::default());
        ledger.take(&Control::Range(RangeLine { job, dataset: dataset.clone(), range: *range, why, retry }));
    }
    for range in covered {
        ledger.take(&Control::Covered(Covered { dataset: dataset.clone(), range: *range, proof: Proof::Page }));
    }
    ledger
}

fn name_gap(ledger: &mut Ledger, id: &str, range: Range, reason: &str, is_final: bool) {
    let reason = reason.to_owned();
    ledger.take(&Control::Gap(Gap { dataset: dataset(id), range, reason, is_final }));
}

fn lack(id: &str, ledger: &Ledger, wanted: &[Range], now: Ts) -> Lack {
    let wanted: RangeSet = wanted.iter().copied().collect();
    lacking(&wanted, &Known::of(ledger), &RangeSet::new(), &history(id, now))
}

/// The pieces as whole hours after 2024 began, and why they are wanted.
fn pieces(lack: &Lack) -> Vec<(i64, i64, &str)> {
    let whole = |ts: Ts| (ts.nanos() - hour(0).nanos()).div_euclid(HOUR);
    lack.pieces.iter().map(|piece| (whole(piece.range.start()), whole(piece.range.end()), piece.why.as_str())).collect()
}

#[test]
fn what_is_covered_is_not_asked_again() {
    let ledger = ledger(CANDLE, &[hours(2, 4), hours(6, 7)], &[hours(4, 5)]);
    let lack = lack(CANDLE, &ledger, &[hours(0, 10)], hour(100));
    assert_eq!(pieces(&lack), [(0, 2, "asked"), (4, 6, "gap"), (7, 10, "asked")]);
    assert!(lack.gone.is_empty());
}

#[test]
fn a_gap_keeps_its_name_and_a_final_one_is_left_alone() {
    let mut ledger = ledger(TRADE, &[hours(0, 2)], &[]);
    name_gap(&mut ledger, TRADE, hours(3, 4), "disconnected", false);
    name_gap(&mut ledger, TRADE, hours(6, 8), "never published", true);
    let lack = lack(TRADE, &ledger, &[hours(2, 9)], hour(100));
    assert_eq!(pieces(&lack), [(2, 6, "disconnected"), (8, 9, "asked")]);
}

#[test]
fn only_closed_candles_are_asked_for() {
    let half = hour(9).saturating_add(HOUR / 2);
    let check = |now: Ts, expected: i64| {
        let asked = history(CANDLE, now).asked(Bounds::default(), From::Start, &RangeSet::new()).unwrap();
        assert_eq!(asked.end(), hour(expected), "{now}");
    };
    check(half, 9);
    check(hour(9), 8);
    check(hour(9).saturating_add(2_000_000_000), 9);
    let unaligned = Bounds { flag_start: Some(half), job_start: None, end: Some(hour(12).saturating_add(1)) };
    let asked = history(CANDLE, hour(100)).asked(unaligned, From::Start, &RangeSet::new());
    assert_eq!(asked, Ok(hours(10, 13)), "candles are stamped when they open");
}

#[test]
fn a_job_that_asks_for_nothing_says_why() {
    let now = hour(100);
    let check = |start: Option<i64>, end: Option<Ts>, expected: Nothing| {
        let bounds = Bounds { flag_start: None, job_start: start.map(hour), end };
        for from in [From::Start, From::Covered] {
            assert_eq!(history(CANDLE, now).asked(bounds, from, &RangeSet::new()), Err(expected), "{bounds:?}");
        }
    };
    check(Some(200), None, Nothing::Yet(hour(200)));
    check(Some(200), Some(hour(300)), Nothing::Yet(hour(200)));
    check(None, Some(ts("2017-07-01T00:00:00Z")), Nothing::BeforeOpening);
    check(Some(20), Some(hour(10)), Nothing::Between(hour(20), hour(10)));
}

#[test]
fn the_newest_page_of_a_job_that_ended_is_its_last() {
    let asked = |id: &str, now: Ts, end: Ts, covered: &[Range]| {
        let bounds = Bounds { end: Some(end), ..Bounds::default() };
        history(id, now).asked(bounds, From::Covered, &ledger(id, covered, &[]).covered())
    };
    let now = hour(20_000);
    assert_eq!(asked(CANDLE, now, hour(5000), &[]), Ok(hours(4000, 5000)));
    assert_eq!(asked(TRADE, now, hour(10), &[]), Ok(hours(9, 10)));
    assert_eq!(asked(CANDLE, now, hour(5000), &[hours(4990, 4999)]), Ok(hours(4990, 5000)));
    // What is covered of later times says nothing about it.
    assert_eq!(asked(CANDLE, now, hour(5000), &[hours(6000, 6001)]), Ok(hours(4000, 5000)));
    // Of an end that is still to come, the newest page is that of now.
    assert_eq!(asked(CANDLE, now, hour(30_000), &[]), Ok(hours(18_999, 19_999)));
    // REST no longer has it, the archive does.
    assert_eq!(asked(INTEREST, now, hour(1000), &[]), Ok(hours(500, 1000)));
}

#[test]
fn where_a_job_begins() {
    let (empty, known) = (Ledger::default(), ledger(CANDLE, &[hours(5, 6), hours(8, 9)], &[]));
    let now = hour(20_000);
    let start = |ledger: &Ledger, flag_start, job_start, from| {
        let bounds = Bounds { flag_start, job_start, end: None };
        history(CANDLE, now).asked(bounds, from, &ledger.covered()).unwrap().start()
    };
    assert_eq!(start(&empty, None, None, From::Start), ts("2017-07-14T00:00:00Z"));
    assert_eq!(start(&known, None, Some(hour(3)), From::Start), hour(3));
    assert_eq!(start(&known, Some(hour(4)), Some(hour(3)), From::Covered), hour(4));
    assert_eq!(start(&known, None, None, From::Covered), hour(5));
    assert_eq!(start(&known, None, Some(hour(7)), From::Covered), hour(7));
    // The newest page: a thousand candles.
    assert_eq!(start(&empty, None, Some(hour(3)), From::Covered), hour(18_999));
}

#[test]
fn without_a_start_what_rest_reaches_is_asked_for() {
    let now = hour(24 * 100);
    let asked = history(INTEREST, now).asked(Bounds::default(), From::Start, &RangeSet::new()).unwrap();
    assert!(asked.start() > hour(24 * 70) && asked.start() <= hour(24 * 70 + 3), "{asked}");
    // The archive has more for those who ask.
    let ledger = Ledger::default();
    let lack = lack(INTEREST, &ledger, &[hours(0, 48)], now);
    assert_eq!(pieces(&lack), [(0, 48, "asked")]);
}

#[test]
fn what_only_the_archive_has_is_asked_from_its_first_day_to_the_last_one_with_a_file() {
    const FILED: &str = "bybit:trade:BTC-USD_INVERSE";
    let asked = |now: &str, from| history(FILED, ts(now)).asked(Bounds::default(), from, &RangeSet::new()).unwrap();
    let start = ts("2019-10-01T00:00:00Z");
    assert_eq!(asked("2024-01-03T13:00:00Z", From::Start), Range::new(start, hour(48)).unwrap());
    assert_eq!(asked("2024-01-03T11:00:00Z", From::Start), Range::new(start, hour(24)).unwrap());
    assert_eq!(asked("2024-01-03T13:00:00Z", From::Covered), hours(24, 48));
    // What is younger is neither asked for nor lost.
    let wanted = [Range::new(ts("2019-09-01T00:00:00Z"), start).unwrap(), hours(47, 60)];
    let lack = lack(FILED, &Ledger::default(), &wanted, ts("2024-01-03T13:00:00Z"));
    assert_eq!(pieces(&lack), [(47, 48, "asked")]);
    assert_eq!(lack.gone, [wanted[0]]);
}

#[test]
fn what_the_exchange_no_longer_has_is_told_and_not_asked() {
    let row = capability(&dataset(INTEREST)).unwrap();
    let row = Capability { archive: None, ..*row };
    let now = hour(24 * 100);
    let history = History::new(&row, &dataset(INTEREST), now);
    let wanted = RangeSet::from_iter([hours(0, 24 * 99)]);
    let ledger = ledger(INTEREST, &[hours(0, 24)], &[]);
    let lack = lacking(&wanted, &Known::of(&ledger), &RangeSet::new(), &history);
    let [gone] = lack.gone[..] else { panic!("{lack:?}") };
    assert_eq!((gone.start(), gone.end()), (hour(24), history.start));
    assert_eq!(lack.pieces.len(), 1);
    assert_eq!(lack.pieces[0].range, Range::new(history.start, hour(24 * 99)).unwrap());
}

#[test]
fn no_book_has_a_past() {
    let lack = lack("binance:book:BTC-USDT", &Ledger::default(), &[hours(0, 5)], hour(10));
    assert_eq!(lack, Lack { pieces: Vec::new(), gone: vec![hours(0, 5)] });
}

#[test]
fn newest_first_cuts_at_the_turn_of_years_and_months() {
    let check = |kind: Kind, order: Order, expected: &[(&str, &str)]| {
        let range = Range::new(ts("2022-11-05T00:00:00Z"), ts("2024-02-01T00:00:00Z")).unwrap();
        let piece = crate::lack::Piece { range, why: "asked".to_owned() };
        let found: Vec<Range> = in_order(vec![piece], kind, order).into_iter().map(|piece| piece.range).collect();
        let day = |text: &str| ts(&format!("{text}T00:00:00Z"));
        let expected: Vec<Range> = expected.iter().map(|(from, to)| Range::new(day(from), day(to)).unwrap()).collect();
        assert_eq!(found[..expected.len()], expected);
        let union: RangeSet = found.iter().copied().collect();
        assert_eq!(union, RangeSet::from_iter([range]), "nothing is lost by cutting");
    };
    check(Kind::Candle, Order::Oldest, &[("2022-11-05", "2024-02-01")]);
    let years = [("2024-01-01", "2024-02-01"), ("2023-01-01", "2024-01-01"), ("2022-11-05", "2023-01-01")];
    check(Kind::Candle, Order::Newest, &years);
    check(Kind::Trade, Order::Newest, &[("2024-01-01", "2024-02-01"), ("2023-12-01", "2024-01-01")]);
}

/// Numbers in a row that look random.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        (mixed ^ (mixed >> 27)) % bound
    }

    /// A range on a grid of half hours, within two days.
    fn range(&mut self) -> Range {
        let (start, width) = (self.below(90), 1 + self.below(12));
        let at = |half: u64| hour(0).saturating_add(i64::try_from(half).unwrap() * HOUR / 2);
        Range::new(at(start), at(start + width)).unwrap()
    }
}

/// A model that looks at every half hour by itself: what is asked for, in the past, not covered and not lost.
fn model(wanted: &[Range], covered: &[Range], lost: &[Range], end: Ts) -> Vec<bool> {
    let any = |ranges: &[Range], ts: Ts| ranges.iter().any(|range| range.contains(ts));
    (0..130)
        .map(|half| hour(0).saturating_add(half * HOUR / 2))
        .map(|ts| any(wanted, ts) && ts < end && !any(covered, ts) && !any(lost, ts))
        .collect()
}

#[test]
fn random_ledgers_are_planned_as_the_model_says() {
    let seed = std::env::var("DCCD_TEST_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
        .unwrap_or_else(|| std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs());
    eprintln!("DCCD_TEST_SEED={seed}");
    let mut random = Random(seed);
    for round in 0..2000 {
        let mut some = |most: u64| (0..random.below(most)).map(|_| random.range()).collect::<Vec<_>>();
        let (covered, lost, asked, wanted) = (some(6), some(3), some(3), some(4));
        let now = hour(0).saturating_add(i64::try_from(random.below(100)).unwrap() * HOUR / 2 + 5_000_000_000);
        let mut ledger = Ledger::default();
        lost.iter().for_each(|range| name_gap(&mut ledger, TRADE, *range, "lost", true));
        for control in [self::ledger(TRADE, &covered, &asked)].iter().flat_map(|known| known.proofs(Range::all())) {
            let (proof, range) = control;
            ledger.take(&Control::Covered(Covered { dataset: dataset(TRADE), range, proof }));
        }
        let found = lack(TRADE, &ledger, &wanted, now);
        let model = model(&wanted, &covered, &lost, now.saturating_add(-5_000_000_000));
        let held: RangeSet = found.pieces.iter().map(|piece| piece.range).collect();
        assert_eq!(held.iter().len(), found.pieces.len(), "round {round}: pieces touch or overlap: {found:?}");
        for (half, is_lacking) in model.into_iter().enumerate() {
            let ts = hour(0).saturating_add(i64::try_from(half).unwrap() * HOUR / 2);
            assert_eq!(held.contains(ts), is_lacking, "round {round}: {ts} of {found:?}");
        }
        check_candles(&covered, &wanted, now, round);
    }
}

/// The same for candles, which are asked for whole: those that open at a full hour count.
fn check_candles(covered: &[Range], wanted: &[Range], now: Ts, round: u32) {
    let known = ledger(CANDLE, covered, &[]);
    let history = history(CANDLE, now);
    let bounds = |range: &Range| Bounds { flag_start: Some(range.start()), job_start: None, end: Some(range.end()) };
    let asked: RangeSet =
        wanted.iter().filter_map(|range| history.asked(bounds(range), From::Start, &known.covered()).ok()).collect();
    let found = lacking(&asked, &Known::of(&known), &RangeSet::new(), &history);
    for full in 0..65 {
        let open = hour(full);
        let is_lacking = wanted.iter().any(|range| range.contains(open))
            && open.saturating_add(HOUR) <= history.end
            && !covered.iter().any(|range| range.contains(open));
        let is_planned = found.pieces.iter().any(|piece| piece.range.contains(open));
        assert_eq!(is_planned, is_lacking, "round {round}: the candle of {open} in {found:?}");
    }
    assert!(found.pieces.iter().all(|piece| piece.range.end() <= history.end), "round {round}: {found:?}");
}

#[test]
fn the_market_opened_when_the_table_says() {
    let row = capability(&dataset(TRADE)).unwrap();
    assert_eq!(row.since, Day { year: 2017, month: 7, day: 14 });
    let lack = lack(TRADE, &Ledger::default(), &[Range::new(Ts::MIN, hour(0)).unwrap()], hour(1));
    assert_eq!(lack.pieces[0].range.start(), row.since.start());
    assert_eq!(lack.gone, [Range::new(Ts::MIN, row.since.start()).unwrap()], "a gap there is closed for good");
    let early = Bounds { flag_start: Some(Ts::MIN), ..Bounds::default() };
    let asked = history(TRADE, hour(1)).asked(early, From::Start, &RangeSet::new()).unwrap();
    assert_eq!(asked.start(), row.since.start(), "but nothing is asked for there");
}
