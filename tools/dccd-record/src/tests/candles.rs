use super::{Random, second, seconds};
use crate::{
    BuiltCandle, CANDLE_BYTES_MAX, COVERED_PIECES_MAX, CandleBuilder, CandleError, Decided, Number, QuoteVolume, Sight,
    Span, Trade, Ts, aligned_inner,
};

fn trade<'a>(ts: Ts, price: &'a str, amount: &'a str, tid: Option<&'a str>) -> Trade<'a> {
    let number = |text| Number::new(text).unwrap();
    Trade { ts, price: number(price), amount: number(amount), side: None, tid: tid.map(Into::into), recv_ts: None }
}

fn builder() -> CandleBuilder {
    CandleBuilder::new(Span::MINUTE, QuoteVolume::Summed)
}

/// `second open high low close volume quote_volume trades`
fn show(candle: &BuiltCandle) -> String {
    let record = candle.record().unwrap();
    assert!(record.is_derived);
    let quote_volume = record.quote_volume.map_or("null".to_owned(), |sum| sum.to_string());
    format!(
        "{} {} {} {} {} {} {quote_volume} {}",
        (candle.ts().nanos() - second(0).nanos()) / 1_000_000_000,
        record.open,
        record.high,
        record.low,
        record.close,
        record.volume,
        record.trades.unwrap(),
    )
}

fn shown(decided: &Decided) -> Vec<String> {
    decided.candles.iter().map(show).collect()
}

#[test]
fn a_candle_comes_once_its_bucket_is_covered() {
    let mut builder = builder();
    for (at, price, amount, tid) in [
        (0, "10.50", "1", "1"),
        (10, "12", "0.5", "2"),
        (20, "9.00", "0.1", "3"),
        (59, "11", "2", "4"),
        (60, "1", "1", "5"),
    ] {
        assert_eq!(builder.trade(&trade(second(at), price, amount, Some(tid))), Ok(Sight::New));
    }
    let decided = builder.covered(seconds(0, 61)).unwrap();
    assert_eq!(shown(&decided), ["0 10.50 12 9.00 11 3.6 39.4 4"]);
    assert_eq!(decided.covered, [seconds(0, 60)]);
    assert_eq!(builder.undecided(), 1);
    assert_eq!(shown(&builder.covered(seconds(61, 120)).unwrap()), ["60 1 1 1 1 1 1 1"]);
    assert_eq!((builder.undecided(), builder.held_bytes()), (0, 0));
}

#[test]
fn coverage_may_come_in_pieces_in_any_order() {
    let pieces = [seconds(50, 70), seconds(0, 20), seconds(40, 50), seconds(20, 40), seconds(70, 120)];
    let mut builder = builder();
    builder.trade(&trade(second(30), "1", "1", Some("1"))).unwrap();
    builder.trade(&trade(second(90), "2", "1", Some("2"))).unwrap();
    let answers: Vec<Vec<String>> = pieces.map(|piece| shown(&builder.covered(piece).unwrap())).into();
    assert_eq!(answers, [&[][..], &[], &[], &["0 1 1 1 1 1 1 1".to_owned()], &["60 2 2 2 2 1 2 1".to_owned()]]);
}

#[test]
fn partial_buckets_are_never_decided() {
    let mut builder = builder();
    builder.trade(&trade(second(30), "1", "1", None)).unwrap();
    for piece in [seconds(1, 60), seconds(60, 119), seconds(0, 1)] {
        let decided = builder.covered(piece).unwrap();
        let is_whole = piece == seconds(0, 1);
        assert_eq!(decided.candles.len(), usize::from(is_whole), "{piece}");
    }
    let nothing = CandleBuilder::new(Span::HOUR, QuoteVolume::Summed).covered(seconds(1, 3600)).unwrap();
    assert_eq!(nothing, Decided::default());
}

#[test]
fn a_covered_bucket_without_trades_stays_empty() {
    let decided = builder().covered(seconds(30, 200)).unwrap();
    assert_eq!((decided.candles.len(), decided.covered), (0, vec![seconds(60, 180)]));
}

#[test]
fn what_is_covered_twice_is_answered_once() {
    let mut builder = builder();
    builder.trade(&trade(second(0), "1", "1", None)).unwrap();
    assert_eq!(builder.covered(seconds(0, 120)).unwrap().covered, [seconds(0, 120)]);
    assert_eq!(builder.covered(seconds(0, 120)).unwrap(), Decided::default());
    assert_eq!(builder.covered(seconds(60, 240)).unwrap().covered, [seconds(120, 240)]);
}

#[test]
fn a_trade_counts_once() {
    let mut builder = builder();
    let first = trade(second(0), "1", "1", Some("7"));
    assert_eq!(builder.trade(&first), Ok(Sight::New));
    assert_eq!(builder.trade(&first), Ok(Sight::Repeated));
    // Without an id equal trades are different trades.
    let nameless = trade(second(1), "1", "1", None);
    assert_eq!(builder.trade(&nameless), Ok(Sight::New));
    assert_eq!(builder.trade(&nameless), Ok(Sight::New));
    assert_eq!(shown(&builder.covered(seconds(0, 60)).unwrap()), ["0 1 1 1 1 3 3 3"]);
    // Whatever comes for a decided bucket came before.
    assert_eq!(builder.trade(&first), Ok(Sight::Repeated));
    assert_eq!((builder.undecided(), builder.held_bytes()), (0, 0));
}

#[test]
fn first_and_last_are_by_time_then_number_then_arrival() {
    let check = |trades: &[(i64, &str, Option<&str>)], expected: (&str, &str)| {
        let mut builder = builder();
        for (at, price, tid) in trades {
            builder.trade(&trade(second(*at), price, "1", *tid)).unwrap();
        }
        let decided = builder.covered(seconds(0, 60)).unwrap();
        let record = decided.candles[0].record().unwrap();
        assert_eq!((record.open.as_str(), record.close.as_str()), expected, "{trades:?}");
    };
    check(&[(5, "2", None), (1, "1", None), (9, "3", None), (4, "4", None)], ("1", "3"));
    check(&[(5, "1", None), (5, "2", None), (5, "3", None)], ("1", "3"));
    check(&[(5, "2", Some("10")), (5, "1", Some("9")), (5, "3", Some("11"))], ("1", "3"));
    check(&[(5, "3", Some("11")), (5, "2", Some("10")), (5, "1", Some("9"))], ("1", "3"));
    check(&[(5, "1", Some("b")), (5, "2", Some("a"))], ("1", "2"));
    check(&[(5, "1", Some("99999999999999999999")), (5, "2", Some("1"))], ("1", "2"));
}

#[test]
fn unknown_quote_volumes_are_null() {
    let mut builder = CandleBuilder::new(Span::MINUTE, QuoteVolume::Unknown);
    builder.trade(&trade(second(0), "2", "3", None)).unwrap();
    assert_eq!(shown(&builder.covered(seconds(0, 60)).unwrap()), ["0 2 2 2 2 3 null 1"]);
}

#[test]
fn a_quote_volume_that_does_not_fit_is_null() {
    let digits = "99999999999999999999.99999999999";
    let mut first = builder();
    first.trade(&trade(second(0), digits, digits, None)).unwrap();
    first.trade(&trade(second(0), "1", "1", None)).unwrap();
    let expected = format!("0 {digits} {digits} 1 1 100000000000000000000.99999999999 null 2");
    assert_eq!(shown(&first.covered(seconds(0, 60)).unwrap()), [expected]);
    // It fits 128 bits but has more digits than a line may have.
    let mut second_one = builder();
    second_one.trade(&trade(second(0), "1e-40", "1e-40", None)).unwrap();
    let decided = second_one.covered(seconds(0, 60)).unwrap();
    assert_eq!(decided.candles[0].record().unwrap().quote_volume, None);
}

#[test]
fn a_bucket_whose_sums_do_not_fit_gets_no_candle() {
    let huge = "9".repeat(60);
    let most = "99999999999999999999999999999999999999";
    let cases: [&[(&str, &str)]; 3] = [&[("1", "1"), ("1", &huge)], &[(&huge, "1")], &[("1", most), ("1", most)]];
    for trades in cases {
        let mut builder = builder();
        let errors = trades.iter().filter_map(|(price, amount)| {
            let taken = builder.trade(&trade(second(60), price, amount, None));
            taken.err().inspect(|error| assert!(error.is_local() && error.to_string().len() < 200))
        });
        assert_eq!(errors.count(), 1);
        builder.trade(&trade(second(0), "1", "1", None)).unwrap();
        builder.trade(&trade(second(120), "1", "1", None)).unwrap();
        let decided = builder.covered(seconds(0, 180)).unwrap();
        assert_eq!(decided.candles.len(), 2);
        assert_eq!(decided.covered, [seconds(0, 60), seconds(120, 180)]);
        assert_eq!(decided.impossible, [seconds(60, 120)]);
        assert_eq!((builder.undecided(), builder.held_bytes()), (0, 0));
    }
}

#[test]
fn the_cut_buckets_at_the_bounds_of_time_are_left_alone() {
    let week = "1w".parse().unwrap();
    let mut builder = CandleBuilder::new(week, QuoteVolume::Summed);
    builder.trade(&trade(Ts::MIN, "1", "1", None)).unwrap();
    let decided = builder.covered(crate::Range::all()).unwrap();
    assert!(decided.candles.is_empty());
    assert_eq!(builder.undecided(), 1);
    let inner = aligned_inner(crate::Range::all(), week).unwrap();
    assert!(week.is_aligned(inner.start()) && week.is_aligned(inner.end()));
    assert_eq!(aligned_inner(crate::Range::new(Ts::MIN, Ts::MIN.saturating_add(1)).unwrap(), week), None);
}

#[test]
fn what_is_held_is_bounded() {
    let mut builder = builder();
    let error = (0..).find_map(|number: u64| {
        let tid = format!("{number:x}-{}", "x".repeat(10_000));
        builder.trade(&trade(second(0), "1", "1", Some(&tid))).err()
    });
    assert_eq!(error, Some(CandleError::TooManyTrades { open: 1 }));
    assert!(builder.held_bytes() < CANDLE_BYTES_MAX + 20_000);
    assert!(builder.covered(seconds(0, 60)).is_ok(), "coverage frees it");
    assert_eq!(builder.held_bytes(), 0);

    let mut holes = CandleBuilder::new(Span::SECOND, QuoteVolume::Summed);
    let pieces = i64::try_from(COVERED_PIECES_MAX).unwrap();
    for at in 0..pieces {
        holes.covered(seconds(3 * at, 3 * at + 2)).unwrap();
    }
    assert_eq!(holes.covered(seconds(3 * pieces, 3 * pieces + 2)), Err(CandleError::TooManyPieces));
}

/// The plain way: all trades sorted, one candle per bucket.
fn model(trades: &[(i64, u64, u64, u64)], bucket: i64) -> Option<String> {
    let mut inside: Vec<_> = trades.iter().filter(|(at, ..)| at / 60 == bucket).collect();
    inside.sort_by_key(|(at, tid, ..)| (*at, *tid));
    inside.dedup();
    let prices = || inside.iter().map(|(_, _, price, _)| *price);
    let decimal =
        |value: u64, scale: u32| crate::Fixed::from_parts(value.into(), scale.try_into().unwrap()).unwrap().to_string();
    let (first, last) = (prices().next()?, prices().next_back()?);
    let [first, high, low, last] = [first, prices().max()?, prices().min()?, last].map(|price| format!("{price}e-2"));
    let [first, high, low, last] = [&first, &high, &low, &last].map(|text| Number::new(text).unwrap().to_string());
    let volume = decimal(inside.iter().map(|trade| trade.3).sum(), 5);
    let quote_volume = decimal(inside.iter().map(|trade| trade.2 * trade.3).sum(), 7);
    Some(format!("{} {first} {high} {low} {last} {volume} {quote_volume} {}", bucket * 60, inside.len()))
}

#[test]
fn any_order_and_repetition_gives_the_same_candles() {
    let mut random = Random::new("any_order_and_repetition_gives_the_same_candles");
    for _ in 0..500 {
        let count = u64::try_from(random.below(120)).unwrap();
        let mut trades: Vec<(i64, u64, u64, u64)> = (0..count)
            .map(|tid| {
                let at = i64::try_from(random.below(600)).unwrap();
                (at, tid, 100 + random.next() % 900, 1 + random.next() % 100_000)
            })
            .collect();
        for _ in 0..random.below(30) {
            trades.extend(trades.get(random.below(120)).copied());
        }
        for at in (1..trades.len()).rev() {
            trades.swap(at, random.below(at + 1));
        }
        let mut builder = builder();
        for (at, tid, price, amount) in &trades {
            let (price, amount, tid) = (format!("{price}e-2"), format!("{amount}e-5"), tid.to_string());
            builder.trade(&trade(second(*at), &price, &amount, Some(&tid))).unwrap();
        }
        let mut candles = Vec::new();
        let mut covered = crate::RangeSet::new();
        let mut answered = crate::RangeSet::new();
        for _ in 0..6 {
            let start = i64::try_from(random.below(600)).unwrap();
            let range = seconds(start, start + 1 + i64::try_from(random.below(300)).unwrap());
            covered.insert(range);
            let decided = builder.covered(range).unwrap();
            candles.extend(shown(&decided));
            for range in decided.covered {
                assert!(answered.within(range).is_empty() && covered.covers(range));
                answered.insert(range);
            }
        }
        candles.sort_by_key(|shown| shown.split(' ').next().unwrap().parse::<i64>().unwrap());
        let whole = |bucket: &i64| covered.covers(seconds(bucket * 60, bucket * 60 + 60));
        let expected: Vec<String> = (0..15).filter(whole).filter_map(|bucket| model(&trades, bucket)).collect();
        assert_eq!(candles, expected);
        assert!((0..15).all(|bucket| whole(&bucket) == answered.covers(seconds(bucket * 60, bucket * 60 + 60))));
    }
}
