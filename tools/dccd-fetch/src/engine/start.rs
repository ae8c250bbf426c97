//! How an order begins: what the exchange's clock and its first record make of it.

use std::time::Instant;

use dccd_exchange::archive::{Use, files, files_end};
use dccd_exchange::{Ask, Capability, Reach, capability};
use dccd_record::{Control, Covered, Dataset, Fixed, Kind, Order, Proof, Range, Ts};

use super::{CLOCK_AGE_MAX, Engine, Interrupted};
use crate::active::{Active, Files, refusal};
use crate::args::Source;
use crate::error::FetchError;
use crate::order::Wish;
use crate::worker::{Answer, Failure, Found, Work};

/// For more files than these, the first record is asked for first: there are none before it.
const FILES_ASKED_BLINDLY_MAX: usize = 4;

impl Engine<'_> {
    /// Finds out what of a wish has happened, and begins with it.
    pub(super) fn start(&mut self, wish: Wish) -> Result<Result<(), Interrupted>, FetchError> {
        let dataset = wish.dataset().clone();
        self.retry = wish.retry();
        let open = match self.pool.closed(dataset.exchange().as_str()) {
            Some(closed) => Err(closed),
            None => capability(&dataset),
        };
        let row = match open {
            Ok(row) => row,
            Err(impossible) => {
                let range = self.announce_as_is(&wish)?;
                return self.fail(&dataset, range, refusal(&impossible)).map(Ok);
            }
        };
        if dataset.kind() == Kind::Book {
            return self.book(&wish);
        }
        let end = match &wish {
            Wish::Order(order) => order.range.end(),
            Wish::Flags { end, .. } => end.unwrap_or(Ts::MAX),
        };
        let now = match self.exchange_now(&dataset, row, end)? {
            Ok(now) => now,
            Err(failure) if failure.is_stop => return Ok(Err(Interrupted)),
            Err(failure) => {
                let range = self.announce_as_is(&wish)?;
                return self.fail(&dataset, range, failure).map(Ok);
            }
        };
        let range = match wish {
            Wish::Order(mut order) => {
                // What has not happened is not taken up, so that the order can be answered.
                order.range = happened(order.range, &dataset, row, now).unwrap_or(order.range);
                let range = order.range;
                self.control(Control::Range(*order))?;
                range
            }
            Wish::Flags { start, end, .. } => {
                let range = match self.flag_range(&dataset, row, start, end, now)? {
                    Ok(range) => range,
                    Err(failure) if failure.is_stop => return Ok(Err(Interrupted)),
                    Err(failure) => {
                        let start = start.unwrap_or(Ts::MIN);
                        let until_now = Range::new(start, end.unwrap_or(now));
                        let range = until_now.or_else(|| Range::new(start, Ts::MAX)).unwrap_or(Range::all());
                        return self.fail(&dataset, range, failure).map(Ok);
                    }
                };
                self.control(order_line(&dataset, range))?;
                range
            }
        };
        self.activate(dataset, row, range, now)?;
        Ok(Ok(()))
    }

    fn activate(
        &mut self,
        dataset: Dataset,
        row: &'static Capability,
        range: Range,
        now: Ts,
    ) -> Result<(), FetchError> {
        let Some(past) = happened(range, &dataset, row, now) else {
            let message = format!("nothing of it has happened yet: the exchange's clock says {now}");
            return self.fail(&dataset, range, Failure::retryable(message));
        };
        if past != range {
            self.tool.log.note(format_args!("{dataset}: what has happened ends at {}", past.end()));
        }
        let Some(past) = self.skip_unborn(&dataset, row, past, now)? else { return Ok(()) };
        let files = match self.files(&dataset, row, past, now)? {
            Ok(files) => files,
            Err(failure) => return self.fail(&dataset, past, failure),
        };
        self.progress.expect(&dataset, past);
        let id = self.next_id;
        self.next_id += 1;
        self.active.push(Active::new(id, dataset, row, past, self.source, files, self.retry));
        Ok(())
    }

    /// Where only files have the past, nothing is missing before the exchange's first record; what of `past` is left.
    fn skip_unborn(
        &mut self,
        dataset: &Dataset,
        row: &'static Capability,
        past: Range,
        now: Ts,
    ) -> Result<Option<Range>, FetchError> {
        if row.reach != Reach::Archive || self.source != Source::Auto {
            return Ok(Some(past));
        }
        // One that is delisted may have files all the same.
        let Ok(first) = self.first_record(dataset, row, now)? else { return Ok(Some(past)) };
        let Some(unborn) = Range::new(past.start(), past.end().min(first)) else { return Ok(Some(past)) };
        self.control(Control::Covered(Covered { dataset: dataset.clone(), range: unborn, proof: Proof::Page }))?;
        Ok(Range::new(unborn.end(), past.end()))
    }

    /// The files to begin with, and what must be known to read them.
    fn files(
        &mut self,
        dataset: &Dataset,
        row: &'static Capability,
        past: Range,
        now: Ts,
    ) -> Result<Result<Files, Failure>, FetchError> {
        let mut bulk = match self.source {
            Source::Rest => Vec::new(),
            Source::Archive => files(dataset, past, now, Use::Always)?,
            Source::Auto => files(dataset, past, now, Use::WhereBetter)?,
        };
        if self.source == Source::Auto
            && row.reach != Reach::Archive
            && bulk.len() > FILES_ASKED_BLINDLY_MAX
            && let Ok(first) = self.first_record(dataset, row, now)?
        {
            bulk.retain(|file| file.period.end() > first);
        }
        if bulk.is_empty() {
            return Ok(Ok(Files::default()));
        }
        Ok(self.contract(dataset)?.map(|contract| Files { files: bulk, contract }))
    }

    /// The size of one contract, where amounts are contracts.
    fn contract(&mut self, dataset: &Dataset) -> Result<Result<Option<Fixed>, Failure>, FetchError> {
        let Some(ask) = Ask::contract(dataset)? else { return Ok(Ok(None)) };
        match self.ask_now(Work::Page(Box::new(ask)))? {
            Ok(Answer { found: Found::Page(_, page), .. }) => Ok(page.map(|page| page.contract)),
            Ok(_) => Err(FetchError::Workers),
            Err(Interrupted) => Ok(Err(Failure::stopped())),
        }
    }

    /// One snapshot, which is all there is.
    fn book(&mut self, wish: &Wish) -> Result<Result<(), Interrupted>, FetchError> {
        let dataset = wish.dataset();
        let contract = match self.contract(dataset)? {
            Ok(contract) => contract,
            Err(failure) if failure.is_stop => return Ok(Err(Interrupted)),
            Err(failure) => {
                let range = self.announce_as_is(wish)?;
                return self.fail(dataset, range, failure).map(Ok);
            }
        };
        let answer = match self.ask_now(Work::Page(Box::new(Ask::book(dataset, contract, None)?)))? {
            Ok(answer) => answer,
            Err(interrupted) => return Ok(Err(interrupted)),
        };
        let (page, lines) = match answer {
            Answer { found: Found::Page(_, Ok(page)), lines, .. } => (page, lines),
            Answer { found: Found::Page(_, Err(failure)), .. } => {
                let range = self.announce_as_is(wish)?;
                return self.fail(dataset, range, failure).map(Ok);
            }
            _ => return Err(FetchError::Workers),
        };
        let Some(stamp) = page.stamp else {
            let range = self.announce_as_is(wish)?;
            let failure = Failure::retryable("the exchange does not say what time it is");
            return self.fail(dataset, range, failure).map(Ok);
        };
        let instant = Range::instant(stamp);
        let asked = match wish {
            Wish::Flags { .. } => {
                self.control(order_line(dataset, instant))?;
                instant
            }
            Wish::Order(order) => {
                self.control(Control::Range((**order).clone()))?;
                order.range
            }
        };
        let Some(held) = asked.intersect(instant) else {
            let message = format!("a book has no past, and it is {stamp} now");
            return self.fail(dataset, asked, Failure::hopeless(message)).map(Ok);
        };
        self.write_lines(lines)?;
        self.control(Control::Covered(Covered { dataset: dataset.clone(), range: held, proof: Proof::Page }))?;
        if let Some(past) = Range::new(asked.start(), held.start()) {
            self.fail(dataset, past, Failure::hopeless("a book has no past"))?;
        }
        Ok(Ok(()))
    }

    /// What the flags leave open is said by the exchange: its first record, and its now.
    fn flag_range(
        &mut self,
        dataset: &Dataset,
        row: &'static Capability,
        start: Option<Ts>,
        end: Option<Ts>,
        now: Ts,
    ) -> Result<Result<Range, Failure>, FetchError> {
        let horizon = row.horizon(dataset, now);
        let until = match (end, self.source) {
            (Some(end), _) => end.min(horizon),
            (None, source) if source == Source::Archive || row.reach == Reach::Archive => {
                files_end(dataset, now).unwrap_or(horizon).min(horizon)
            }
            (None, _) => horizon,
        };
        let start = match start {
            Some(start) => start,
            None => match self.first_record(dataset, row, now)? {
                Ok(start) => start,
                Err(failure) => return Ok(Err(failure)),
            },
        };
        // A range of which nothing has happened is still an order, which then fails.
        let range = Range::new(start, until).or_else(|| Range::new(start, end.unwrap_or(now)));
        let too_early = || Failure::retryable(format!("--start {start} is not before the exchange's now, {now}"));
        Ok(range.ok_or_else(too_early))
    }

    fn first_record(
        &mut self,
        dataset: &Dataset,
        row: &'static Capability,
        now: Ts,
    ) -> Result<Result<Ts, Failure>, FetchError> {
        let Some(ask) = Ask::first_record(dataset)? else {
            return Ok(Ok(row.rest_start(dataset, now).max(row.since.start())));
        };
        let answer = match self.ask_now(Work::Page(Box::new(ask)))? {
            Ok(answer) => answer,
            Err(Interrupted) => return Ok(Err(Failure::stopped())),
        };
        let first = match answer.found {
            Found::Page(_, Ok(page)) => page.first.map(|first| first.ts).ok_or_else(|| {
                let message = format!("the exchange shows no {} of {}", dataset.kind(), dataset.pair());
                Failure { is_pair_doubtful: true, ..Failure::retryable(message) }
            }),
            Found::Page(_, Err(failure)) => Err(failure),
            _ => return Err(FetchError::Workers),
        };
        match first {
            Ok(about) => self.first_record_near(dataset, about),
            Err(failure) => Ok(Err(failure)),
        }
    }

    /// The first record, which the exchange showed `about` there.
    fn first_record_near(&mut self, dataset: &Dataset, about: Ts) -> Result<Result<Ts, Failure>, FetchError> {
        let Some(ask) = Ask::first_record_near(dataset, about)? else { return Ok(Ok(about)) };
        match self.ask_now(Work::Page(Box::new(ask)))? {
            Ok(Answer { found: Found::Page(_, Ok(page)), .. }) => {
                Ok(Ok(page.first.map_or(about, |first| first.ts.max(about))))
            }
            // What is known already is less, but true.
            Ok(Answer { found: Found::Page(_, Err(failure)), .. }) if !failure.is_stop => Ok(Ok(about)),
            Ok(_) | Err(Interrupted) => Ok(Err(Failure::stopped())),
        }
    }

    /// What time it is for the exchange; an older answer does for what is past by it.
    fn exchange_now(
        &mut self,
        dataset: &Dataset,
        row: &'static Capability,
        end: Ts,
    ) -> Result<Result<Ts, Failure>, FetchError> {
        let is_archive = self.source == Source::Archive;
        if let Some((now, asked)) = self.now.get(&(row.api.name, is_archive))
            && (end <= row.horizon(dataset, *now) || asked.elapsed() < CLOCK_AGE_MAX)
        {
            return Ok(Ok(*now));
        }
        let work = if is_archive { Work::Clock(dataset.clone()) } else { Work::Page(Box::new(Ask::clock(dataset)?)) };
        let answer = match self.ask_now(work)? {
            Ok(answer) => answer,
            Err(Interrupted) => return Ok(Err(Failure::stopped())),
        };
        let now = match answer.found {
            Found::Clock(Ok(now)) => now,
            Found::Page(_, Ok(page)) => page.stamp.unwrap_or(Ts::MIN),
            Found::Clock(Err(failure)) | Found::Page(_, Err(failure)) => return Ok(Err(failure)),
            _ => return Err(FetchError::Workers),
        };
        self.now.insert((row.api.name, is_archive), (now, Instant::now()));
        Ok(Ok(now))
    }

    fn announce_as_is(&mut self, wish: &Wish) -> Result<Range, FetchError> {
        match wish {
            Wish::Order(order) => {
                self.control(Control::Range((**order).clone()))?;
                Ok(order.range)
            }
            Wish::Flags { dataset, start, end } => {
                let range = Range::new(start.unwrap_or(Ts::MIN), end.unwrap_or(Ts::MAX)).unwrap_or(Range::all());
                if start.is_some() && end.is_some() {
                    self.control(order_line(dataset, range))?;
                }
                Ok(range)
            }
        }
    }
}

/// What of a range is over for the exchange.
fn happened(range: Range, dataset: &Dataset, row: &Capability, now: Ts) -> Option<Range> {
    Range::new(range.start(), range.end().min(row.horizon(dataset, now)))
}

fn order_line(dataset: &Dataset, range: Range) -> Control {
    Control::Range(Order {
        job: dataset.to_string(),
        dataset: dataset.clone(),
        range,
        why: "asked".to_owned(),
        retry: dccd_record::Retry::default(),
    })
}
