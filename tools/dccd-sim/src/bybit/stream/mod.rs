//! Streams, version 5: one category on each path, and requests that are accepted as a whole or not at all.

mod book;
mod candles;
mod request;
#[cfg(test)]
mod tests;
mod trades;

use std::sync::Arc;

use super::EXCHANGE;
use super::instrument::{Category, Phase, Symbols};
use super::kline;
use crate::clock::MILLI;
use crate::exchange::Moment;
use crate::hash::mix;
use crate::market::Series;
use crate::ws::{Admission, Farewell, Frame, Load, Session, Topic, World, is_overdue};
use book::BookStream;
use candles::CandleStream;
use request::{Action, Channel, Request, Target};
use trades::TradeStream;

/// Whoever neither hears nor says anything for so long is cut off.
const SILENT_SECS_MAX: i64 = 600;
/// Subscriptions of one request on spot.
const SPOT_ARGS_MAX: usize = 10;
/// Letters of all subscriptions of one connection, as they stand in requests.
const ARGS_TEXT_MAX: usize = 21_000;
const CONNECTION: i64 = 51;

/// The category that a path serves.
pub(super) fn category(path: &str) -> Option<Category> {
    Category::from_name(path.strip_prefix("/v5/public/")?)
}

/// One connection.
#[derive(Debug)]
pub(super) struct BybitSession {
    category: Category,
    symbols: Arc<Symbols>,
    connection_id: String,
    subscriptions: Vec<Subscription>,
    /// When something was last said or heard, by the clock of limits.
    active: i64,
}

#[derive(Debug)]
struct Subscription {
    place: Place,
    feed: Feed,
}

/// Where the frames of a subscription belong.
#[derive(Debug)]
struct Place {
    category: Category,
    /// As faults name it.
    topic: Topic,
    /// As frames name it.
    name: String,
}

#[derive(Debug)]
enum Feed {
    Trades(TradeStream),
    Book(Box<BookStream>),
    Candles(Box<CandleStream>),
}

impl BybitSession {
    pub(super) fn new(category: Category, symbols: &Arc<Symbols>, moment: Moment) -> BybitSession {
        let word = mix(CONNECTION.cast_unsigned(), moment.limits_now);
        BybitSession {
            category,
            symbols: Arc::clone(symbols),
            connection_id: format!("{word:020x}-{:05x}", word >> 44),
            subscriptions: Vec::new(),
            active: moment.limits_now,
        }
    }

    /// The answer to a request and what follows it; one bad subscription spoils them all.
    fn subscribe(&mut self, request: &Request, world: &World<'_>) -> Vec<Frame> {
        let opened = match self.open(request, world) {
            Ok(opened) => opened,
            Err(message) => return vec![request.refusal(&message, &self.connection_id)],
        };
        let admissions: Vec<Admission> = opened.iter().map(|(target, _)| world.admission(&target.topic())).collect();
        if let Some(at) = admissions.iter().position(|admission| *admission == Admission::Denied) {
            let denied = opened.get(at).map_or("", |(target, _)| target.name.as_str());
            return vec![request.refusal(&invalid_symbol(denied), &self.connection_id)];
        }
        if admissions.contains(&Admission::Ignored) {
            return Vec::new();
        }
        let mut frames = vec![request.answer(self.category, &self.connection_id)];
        for (target, series) in opened {
            let mut subscription = Subscription::new(self.category, &target, &series, world.now);
            frames.extend(subscription.begin(world.now));
            self.subscriptions.push(subscription);
        }
        frames
    }

    /// The subscriptions of a request that is all right.
    fn open(&self, request: &Request, world: &World<'_>) -> Result<Vec<(Target, Arc<Series>)>, String> {
        if self.category == Category::Spot && request.args.len() > SPOT_ARGS_MAX {
            return Err(format!("args size >{SPOT_ARGS_MAX}"));
        }
        let mut opened: Vec<(Target, Arc<Series>)> = Vec::new();
        for name in &request.args {
            let target = Target::parse(name).ok_or_else(|| format!("error:handler not found,topic:{name}"))?;
            let series = self.series(&target.symbol, world).ok_or_else(|| invalid_symbol(name))?;
            let is_known = self.subscriptions.iter().any(|known| known.place.name == *name);
            if is_known || opened.iter().any(|(known, _)| known.name == *name) {
                return Err(format!("error:already subscribed,topic:{name}"));
            }
            opened.push((target, series));
        }
        let known = self.subscriptions.iter().map(|subscription| subscription.place.name.len());
        let text: usize = known.chain(request.args.iter().map(String::len)).map(|letters| letters + 3).sum();
        if text >= ARGS_TEXT_MAX {
            return Err(format!("args text >{ARGS_TEXT_MAX}"));
        }
        Ok(opened)
    }

    /// What is traded under a symbol right now.
    fn series(&self, symbol: &str, world: &World<'_>) -> Option<Arc<Series>> {
        let series = world.market.series(EXCHANGE, self.symbols.pair(self.category, symbol)?)?;
        (Phase::of(series.listing(), world.now) == Some(Phase::Trading)).then_some(series)
    }

    fn unsubscribe(&mut self, request: &Request) -> Vec<Frame> {
        self.subscriptions.retain(|subscription| !request.args.contains(&subscription.place.name));
        vec![request.answer(self.category, &self.connection_id)]
    }
}

impl Session for BybitSession {
    fn text(&mut self, message: &str, world: &World<'_>) -> Vec<Frame> {
        self.active = world.limits_now;
        let request = Request::parse(message);
        match request.action {
            Action::Ping => vec![request.pong(&self.connection_id)],
            Action::Subscribe => self.subscribe(&request, world),
            Action::Unsubscribe => self.unsubscribe(&request),
            Action::Unknown => vec![request.refusal("Request op is invalid", &self.connection_id)],
        }
    }

    fn advance(&mut self, world: &World<'_>) -> Vec<Frame> {
        let each = self.subscriptions.iter_mut().map(|subscription| subscription.advance(world));
        let mut frames: Vec<Frame> = each.flatten().collect();
        if frames.iter().any(|frame| world.reaches(frame)) {
            self.active = world.limits_now;
        }
        if is_overdue(self.active, world.limits_now, SILENT_SECS_MAX) {
            frames.push(Frame::close(1_000, "", "silent"));
        }
        frames
    }

    /// It gives no notice: a restart shows in books that begin to count again.
    fn farewell(&mut self, farewell: Farewell, world: &World<'_>) -> Vec<Frame> {
        let restart = |subscription: &mut Subscription| match (&mut subscription.feed, farewell) {
            (Feed::Book(book), Farewell::Restart) => Some(book.restarted(&subscription.place, world.now)),
            _ => None,
        };
        self.subscriptions.iter_mut().filter_map(restart).collect()
    }
}

impl Subscription {
    fn new(category: Category, target: &Target, series: &Arc<Series>, now: i64) -> Subscription {
        let feed = match &target.channel {
            Channel::Trades => Feed::Trades(TradeStream::new(series, now)),
            Channel::Book(depth) => Feed::Book(Box::new(BookStream::new(series, *depth, now))),
            Channel::Candles(interval, grid) => {
                Feed::Candles(Box::new(CandleStream::new(series, interval, *grid, now)))
            }
        };
        let place = Place { category, topic: target.topic(), name: target.name.clone() };
        Subscription { place, feed }
    }

    /// What is told at once.
    fn begin(&mut self, now: i64) -> Option<Frame> {
        match &mut self.feed {
            Feed::Book(book) => Some(book.snapshot(&self.place, now)),
            Feed::Trades(_) | Feed::Candles(_) => None,
        }
    }

    fn advance(&mut self, world: &World<'_>) -> Vec<Frame> {
        match &mut self.feed {
            Feed::Trades(trades) => trades.updates(&self.place, world.now),
            Feed::Book(book) => book.updates(&self.place, world),
            Feed::Candles(candles) => candles.updates(&self.place, world),
        }
    }
}

impl Place {
    /// A frame; its fields come in another order on spot, and `tail` is what stands behind the data.
    fn frame(&self, load: Load, kind: &str, now: i64, data: &str, tail: &str) -> Frame {
        let (name, ts) = (&self.name, now / MILLI);
        let text = if self.category == Category::Spot {
            format!("{{\"topic\":\"{name}\",\"ts\":{ts},\"type\":\"{kind}\",\"data\":{data}{tail}}}")
        } else {
            format!("{{\"topic\":\"{name}\",\"type\":\"{kind}\",\"ts\":{ts},\"data\":{data}{tail}}}")
        };
        Frame::of(load, &self.topic, text)
    }
}

fn invalid_symbol(name: &str) -> String {
    format!("Invalid symbol :[{name}]")
}
