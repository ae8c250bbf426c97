//! What is proven of one series, and what of that has been said.

use dccd_record::{Control, Covered, Dataset, Gap, Proof, Range, Ts, write_control};

/// What is proven of one series, and what of that has been said.
///
/// Time is cut into stretches of which everything came, and holes between them. A line says each part of it once.
#[derive(Debug)]
pub(crate) struct Cover {
    dataset: Dataset,
    state: State,
    /// All before it was said; nothing yet is `Ts::MIN`.
    said: Ts,
    /// Whether nobody wants to know.
    is_silent: bool,
    /// How often something may have been missed.
    breaks: u64,
}

#[derive(Debug)]
enum State {
    /// Everything before `end` came, as far back as was not said yet.
    Stretch { end: Ts, proof: Proof },
    /// What comes is not proven to be all. Before the first stretch there is no place where that began.
    Hole { start: Option<Ts>, reason: String },
}

impl Cover {
    pub(crate) fn new(dataset: Dataset, is_silent: bool) -> Cover {
        let state = State::Hole { start: None, reason: "it has just begun".to_owned() };
        Cover { dataset, state, said: Ts::MIN, is_silent, breaks: 0 }
    }

    /// Up to where everything came; `None` in a hole.
    pub(crate) fn end(&self) -> Option<Ts> {
        match self.state {
            State::Stretch { end, .. } => Some(end),
            State::Hole { .. } => None,
        }
    }

    /// How often something may have been missed.
    pub(crate) fn breaks(&self) -> u64 {
        self.breaks
    }

    /// Where the hole began that we are in, if it has a beginning.
    pub(crate) fn hole_start(&self) -> Option<Ts> {
        match self.state {
            State::Stretch { .. } => None,
            State::Hole { start, .. } => start,
        }
    }

    /// From `start` on everything comes; this names the hole before it. Inside a stretch it changes nothing.
    pub(crate) fn begin(&mut self, start: Ts, proof: Proof, out: &mut Vec<u8>) {
        let State::Hole { start: hole, reason } = &self.state else { return };
        let (hole, reason, start) = (*hole, reason.clone(), start.max(self.said));
        // A stretch that begins no later than the hole goes on where it ended.
        if let Some(range) = hole.and_then(|hole| Range::new(hole.max(self.said), start)) {
            self.write_gap(range, reason, out);
            self.said = start;
        } else if hole.is_none() {
            self.said = start;
        }
        self.state = State::Stretch { end: start, proof };
    }

    /// Everything before `end` came.
    pub(crate) fn advance(&mut self, end: Ts, proof: Proof) {
        if let State::Stretch { end: known, proof: by } = &mut self.state
            && end > *known
        {
            (*known, *by) = (end, proof);
        }
    }

    /// From here on something may be missing. In a hole the first reason stands, unless it has no beginning yet.
    pub(crate) fn fail(&mut self, reason: impl Into<String>, out: &mut Vec<u8>) {
        self.breaks += 1;
        self.say(out);
        match &mut self.state {
            State::Stretch { end, .. } => self.state = State::Hole { start: Some(*end), reason: reason.into() },
            State::Hole { start: None, reason: known } => *known = reason.into(),
            State::Hole { .. } => {}
        }
    }

    /// Nothing was missing after all: the hole never was.
    pub(crate) fn heal(&mut self, proof: Proof) {
        if let State::Hole { start: Some(start), .. } = self.state {
            self.state = State::Stretch { end: start.max(self.said), proof };
        }
    }

    /// What is missing has a beginning and an end, and what comes after it is whole again.
    pub(crate) fn lose(&mut self, range: Range, reason: &str, out: &mut Vec<u8>) {
        let State::Stretch { end, proof } = &mut self.state else { return };
        let (proof, before) = (*proof, range.start().min(*end).max(self.said));
        *end = before;
        self.say(out);
        if let Some(range) = Range::new(before, range.end()) {
            self.write_gap(range, reason.to_owned(), out);
            self.said = range.end();
            self.state = State::Stretch { end: range.end(), proof };
        }
    }

    /// Says what is proven and was not said yet.
    pub(crate) fn say(&mut self, out: &mut Vec<u8>) {
        let State::Stretch { end, proof } = self.state else { return };
        // A stretch begins somewhere, which is said already.
        if self.said == Ts::MIN {
            return;
        }
        if let Some(range) = Range::new(self.said, end) {
            self.said = end;
            self.write(Control::Covered(Covered { dataset: self.dataset.clone(), range, proof }), out);
        }
    }

    /// The hole we are in lasts at least until `now`: it is named as far as that.
    pub(crate) fn name_hole(&mut self, now: Ts, out: &mut Vec<u8>) {
        let State::Hole { start, reason } = &mut self.state else { return };
        let begun = match start {
            Some(start) => *start,
            None => {
                // Nothing is known of what was before.
                *start = Some(now);
                self.said = self.said.max(now);
                return;
            }
        };
        let reason = reason.clone();
        if let Some(range) = Range::new(begun.max(self.said), now) {
            self.write_gap(range, reason, out);
            self.said = now;
        }
    }

    fn write_gap(&self, range: Range, reason: String, out: &mut Vec<u8>) {
        self.write(Control::Gap(Gap { dataset: self.dataset.clone(), range, reason, is_final: false }), out);
    }

    fn write(&self, control: Control, out: &mut Vec<u8>) {
        if !self.is_silent {
            write_control(&control, out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ts(secs: i64) -> Ts {
        Ts::from_secs(1_700_000_000 + secs).expect("believable")
    }

    fn range(start: i64, end: i64) -> Range {
        Range::new(ts(start), ts(end)).expect("it has a length")
    }

    fn cover() -> Cover {
        Cover::new("binance:trade:BTC-USDT".parse().expect("a dataset"), false)
    }

    /// The kinds, ranges and reasons of lines, in seconds.
    fn said(out: &mut Vec<u8>) -> Vec<(String, i64, i64)> {
        let mut parser = dccd_record::Parser::new();
        let text = String::from_utf8(std::mem::take(out)).expect("text");
        text.lines()
            .map(|line| match parser.parse(line.as_bytes()).expect("a line") {
                dccd_record::Line::Control(control) => match *control {
                    Control::Covered(line) => ("covered".to_owned(), line.range),
                    Control::Gap(line) => (line.reason, line.range),
                    other => panic!("{other:?}"),
                },
                other => panic!("{other:?}"),
            })
            .map(|(word, range)| (word, range.start().secs() - ts(0).secs(), range.end().secs() - ts(0).secs()))
            .collect()
    }

    fn line(word: &str, start: i64, end: i64) -> (String, i64, i64) {
        (word.to_owned(), start, end)
    }

    #[test]
    fn each_part_of_time_is_said_once() {
        let (mut cover, mut out) = (cover(), Vec::new());
        cover.advance(ts(5), Proof::Id);
        cover.say(&mut out);
        assert_eq!(said(&mut out), [], "nothing is proven before there is a beginning");
        cover.begin(ts(10), Proof::Id, &mut out);
        cover.say(&mut out);
        cover.advance(ts(20), Proof::Id);
        cover.advance(ts(15), Proof::Id);
        cover.say(&mut out);
        cover.say(&mut out);
        cover.advance(ts(25), Proof::Id);
        cover.fail("cut", &mut out);
        cover.fail("again", &mut out);
        cover.advance(ts(30), Proof::Id);
        cover.begin(ts(40), Proof::Id, &mut out);
        cover.begin(ts(45), Proof::Id, &mut out);
        cover.advance(ts(50), Proof::Id);
        cover.say(&mut out);
        let expected = [line("covered", 10, 20), line("covered", 20, 25), line("cut", 25, 40), line("covered", 40, 50)];
        assert_eq!(said(&mut out), expected);
    }

    #[test]
    fn a_hole_that_never_was_leaves_no_word() {
        for heals in [true, false] {
            let (mut cover, mut out) = (cover(), Vec::new());
            cover.begin(ts(10), Proof::Id, &mut out);
            cover.advance(ts(20), Proof::Id);
            cover.fail("cut", &mut out);
            match heals {
                true => cover.heal(Proof::Id),
                false => cover.begin(ts(15), Proof::Page, &mut out),
            }
            cover.advance(ts(30), Proof::Id);
            cover.say(&mut out);
            assert_eq!(said(&mut out), [line("covered", 10, 20), line("covered", 20, 30)]);
        }
    }

    #[test]
    fn a_loss_with_both_ends_is_cut_out() {
        let (mut cover, mut out) = (cover(), Vec::new());
        cover.begin(ts(0), Proof::Id, &mut out);
        cover.advance(ts(60), Proof::Sequence);
        cover.lose(range(60, 120), "lost", &mut out);
        cover.advance(ts(180), Proof::Sequence);
        cover.say(&mut out);
        // What was said stays said.
        cover.lose(range(120, 240), "late", &mut out);
        let expected =
            [line("covered", 0, 60), line("lost", 60, 120), line("covered", 120, 180), line("late", 180, 240)];
        assert_eq!(said(&mut out), expected);
    }

    #[test]
    fn nothing_is_claimed_of_what_was_before_the_first_word() {
        for heals in [true, false] {
            let (mut cover, mut out) = (cover(), Vec::new());
            cover.name_hole(ts(60), &mut out);
            match heals {
                true => cover.heal(Proof::Sequence),
                false => cover.begin(ts(30), Proof::Page, &mut out),
            }
            cover.advance(ts(90), Proof::Page);
            cover.say(&mut out);
            assert_eq!(said(&mut out), [line("covered", 60, 90)]);
        }
    }

    #[test]
    fn a_hole_without_end_is_named_as_far_as_it_goes() {
        let (mut cover, mut out) = (cover(), Vec::new());
        cover.fail("refused", &mut out);
        cover.name_hole(ts(10), &mut out);
        cover.name_hole(ts(20), &mut out);
        cover.begin(ts(30), Proof::Id, &mut out);
        cover.advance(ts(40), Proof::Id);
        cover.name_hole(ts(50), &mut out);
        cover.say(&mut out);
        assert_eq!(said(&mut out), [line("refused", 10, 20), line("refused", 20, 30), line("covered", 30, 40)]);
    }
}
