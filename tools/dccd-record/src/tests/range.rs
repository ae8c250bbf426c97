use super::{Random, second, seconds};
use crate::{Range, RangeSet, Ts};

#[test]
fn ranges_are_half_open_and_never_empty() {
    let range = seconds(1, 3);
    assert!(!range.contains(second(0)) && range.contains(second(1)) && range.contains(second(2)));
    assert!(!range.contains(second(3)));
    assert_eq!(Range::new(second(1), second(1)), None);
    assert_eq!(Range::new(second(2), second(1)), None);
    assert_eq!(range.intersect(seconds(2, 9)), Some(seconds(2, 3)));
    assert_eq!(range.intersect(seconds(3, 9)), None);
}

#[test]
fn an_instant_is_a_range_even_at_the_bounds() {
    for ts in [Ts::MIN, second(5), Ts::MAX.saturating_add(-1)] {
        assert!(Range::instant(ts).contains(ts));
        assert_eq!(Range::instant(ts).end().nanos() - Range::instant(ts).start().nanos(), 1);
    }
    assert_eq!(Range::instant(Ts::MAX), Range::instant(Ts::MAX.saturating_add(-1)));
}

#[test]
fn neighbours_are_joined() {
    let set: RangeSet = [seconds(4, 6), seconds(0, 2), seconds(2, 4)].into_iter().collect();
    assert_eq!(set.iter().collect::<Vec<_>>(), [seconds(0, 6)]);
}

const WIDTH: usize = 40;

/// One flag for each of 40 seconds.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Bitmap([bool; WIDTH]);

impl Bitmap {
    fn of(set: &RangeSet) -> Bitmap {
        Bitmap(std::array::from_fn(|at| set.contains(second(i64::try_from(at).unwrap()))))
    }

    fn set(&mut self, (start, end): (usize, usize), value: bool) {
        self.0[start..end].fill(value);
    }

    fn ranges(&self) -> Vec<Range> {
        let mut ranges = Vec::new();
        let mut start = None;
        for at in 0..=WIDTH {
            let is_set = at < WIDTH && self.0[at];
            match (start, is_set) {
                (None, true) => start = Some(at),
                (Some(from), false) => {
                    ranges.push(seconds(i64::try_from(from).unwrap(), i64::try_from(at).unwrap()));
                    start = None;
                }
                _ => {}
            }
        }
        ranges
    }
}

fn bounds(random: &mut Random) -> (usize, usize) {
    let start = random.below(WIDTH);
    (start, start + 1 + random.below(WIDTH - start).min(9))
}

fn range((start, end): (usize, usize)) -> Range {
    seconds(i64::try_from(start).unwrap(), i64::try_from(end).unwrap())
}

#[test]
fn a_set_of_ranges_behaves_as_a_bitmap() {
    let mut random = Random::new("a_set_of_ranges_behaves_as_a_bitmap");
    for _ in 0..2_000 {
        let (mut set, mut map) = (RangeSet::new(), Bitmap([false; WIDTH]));
        for _ in 0..30 {
            let change = bounds(&mut random);
            let is_insert = random.below(3) > 0;
            if is_insert {
                set.insert(range(change))
            } else {
                set.remove(range(change))
            }
            map.set(change, is_insert);
            assert_eq!(Bitmap::of(&set), map);
            assert_eq!(set.iter().collect::<Vec<_>>(), map.ranges());
            assert_eq!(set.is_empty(), map.ranges().is_empty());
            let asked = bounds(&mut random);
            let mut inside = map.clone();
            inside.set((0, asked.0), false);
            inside.set((asked.1, WIDTH), false);
            assert_eq!(set.within(range(asked)).iter().collect::<Vec<_>>(), inside.ranges());
            let mut outside = Bitmap(map.0.map(|is_set| !is_set));
            outside.set((0, asked.0), false);
            outside.set((asked.1, WIDTH), false);
            assert_eq!(set.missing(range(asked)).iter().collect::<Vec<_>>(), outside.ranges());
            assert_eq!(set.covers(range(asked)), outside.ranges().is_empty());
            let at = second(i64::try_from(asked.0).unwrap());
            assert_eq!(set.piece(at), map.ranges().into_iter().find(|piece| piece.contains(at)));
        }
        let ranges = map.ranges();
        let hull = ranges.first().and_then(|first| Range::new(first.start(), ranges.last()?.end()));
        assert_eq!(set.hull(), hull);
    }
}

#[test]
fn order_and_repetition_change_nothing() {
    let mut random = Random::new("order_and_repetition_change_nothing");
    for _ in 0..500 {
        let mut ranges: Vec<Range> = (0..20).map(|_| range(bounds(&mut random))).collect();
        let forward: RangeSet = ranges.iter().copied().collect();
        ranges.reverse();
        let mut backward: RangeSet = ranges.iter().copied().collect();
        assert_eq!(forward, backward);
        backward.extend(&forward);
        assert_eq!(forward, backward);
    }
}
