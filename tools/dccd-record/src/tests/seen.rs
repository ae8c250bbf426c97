use std::collections::HashSet;

use super::Random;
use crate::Sight;
use crate::seen::{TradeIds, numeric};

#[test]
fn consecutive_ids_need_no_room() {
    let mut ids = TradeIds::default();
    for number in 0..100_000_u64 {
        assert_eq!(ids.insert(&number.to_string()), Sight::New);
    }
    for number in (0..100_000_u64).rev() {
        assert_eq!(ids.insert(&number.to_string()), Sight::Repeated);
    }
    assert!(ids.held_bytes() < 100, "{}", ids.held_bytes());
}

#[test]
fn ids_in_any_order_are_seen_once() {
    let mut random = Random::new("ids_in_any_order_are_seen_once");
    for _ in 0..300 {
        let (mut ids, mut model) = (TradeIds::default(), HashSet::new());
        let base = random.pick(&[0, 1_000, u64::MAX - 60]);
        for _ in 0..200 {
            let number = base + u64::try_from(random.below(60)).unwrap();
            let expected = if model.insert(number) { Sight::New } else { Sight::Repeated };
            assert_eq!(ids.insert(&number.to_string()), expected, "{number}");
        }
        let runs = model.iter().filter(|number| !number.checked_sub(1).is_some_and(|below| model.contains(&below)));
        assert_eq!(ids.held_bytes(), runs.count() * 48, "runs are joined");
    }
}

#[test]
fn ids_that_are_no_numbers_are_texts() {
    let mut ids = TradeIds::default();
    for tid in ["7", "007", "+7", "7a", "18446744073709551616", "6c1a-11ee", "é", "0", "00"] {
        assert_eq!(ids.insert(tid), Sight::New, "{tid}");
        assert_eq!(ids.insert(tid), Sight::Repeated, "{tid}");
    }
    assert_eq!(numeric("18446744073709551615"), Some(u64::MAX));
    assert_eq!(numeric("18446744073709551616"), None);
    assert_eq!(numeric("0"), Some(0));
    assert_eq!(numeric("00"), None);
    assert_eq!(numeric(""), None);
}
