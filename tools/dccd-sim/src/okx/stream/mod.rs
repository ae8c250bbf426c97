//! Streams, version 5: two paths with channels of their own, and an answer for each channel that is asked for.

mod book;
mod candles;
mod contracts;
mod request;
#[cfg(test)]
mod tests;
mod trades;

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::EXCHANGE;
use super::instrument::{InstrumentType, Names, State};
use crate::exchange::Moment;
use crate::hash::mix;
use crate::market::Series;
use crate::ws::{Admission, Farewell, Frame, Load, Meter, Session, Topic, World, is_overdue};
use book::{BestStream, BookStream};
use candles::CandleStream;
use contracts::ContractStream;
use request::{Action, Channel, Problem, Request, Target};
use trades::TradeStream;

/// Whoever neither hears nor says anything for so long is cut off.
const SILENT_SECS_MAX: i64 = 30;
/// Requests to subscribe or not to, of one connection within an hour.
const REQUESTS_MAX: usize = 480;
const HOUR: Duration = Duration::from_secs(3_600);
const CONNECTION: i64 = 61;

/// Which of the two paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Door {
    Public,
    Business,
}

impl Door {
    pub(super) fn of(path: &str) -> Option<Door> {
        match path {
            "/ws/v5/public" => Some(Door::Public),
            "/ws/v5/business" => Some(Door::Business),
            _ => None,
        }
    }
}

/// One connection.
#[derive(Debug)]
pub(super) struct OkxSession {
    door: Door,
    names: Arc<Names>,
    connection_id: String,
    requests: Meter,
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
    topic: Topic,
    /// As it was asked for, in JSON.
    arg: String,
}

#[derive(Debug)]
enum Feed {
    Trades(TradeStream),
    Book(Box<BookStream>),
    Best(Box<BestStream>),
    Candles(Box<CandleStream>),
    Contract(ContractStream),
}

impl OkxSession {
    pub(super) fn new(door: Door, names: &Arc<Names>, is_unlimited: bool, moment: Moment) -> OkxSession {
        OkxSession {
            door,
            names: Arc::clone(names),
            connection_id: format!("{:08x}", mix(CONNECTION.cast_unsigned(), moment.limits_now) >> 32),
            requests: Meter::new(REQUESTS_MAX, HOUR, is_unlimited),
            subscriptions: Vec::new(),
            active: moment.limits_now,
        }
    }

    fn subscribe(&mut self, request: &Request, world: &World<'_>) -> Vec<Frame> {
        let mut frames = Vec::new();
        for target in &request.targets {
            match self.open(target, world) {
                Ok(None) => {}
                Ok(Some(mut subscription)) => {
                    frames.push(request.answer(target, &self.connection_id));
                    frames.extend(subscription.begin(world.now));
                    // Whoever asks again begins again.
                    self.subscriptions.retain(|known| known.place.topic != subscription.place.topic);
                    self.subscriptions.push(subscription);
                }
                Err(problem) => frames.push(request.refusal(&problem, &self.connection_id)),
            }
        }
        frames
    }

    /// The subscription; nothing if it is ignored.
    fn open(&self, target: &Target, world: &World<'_>) -> Result<Option<Subscription>, Problem> {
        let unknown = || Problem::channel(target);
        let channel = Channel::parse(&target.channel, self.door).ok_or_else(unknown)?;
        if channel == Channel::Privileged {
            return Err(Problem::login());
        }
        let series = self.series(&target.name, world).ok_or_else(unknown)?;
        let kind = InstrumentType::of(&series.listing().pair);
        let is_illegal = match channel {
            Channel::Funding => kind != InstrumentType::Swap,
            Channel::OpenInterest => kind == InstrumentType::Spot,
            _ => false,
        };
        if is_illegal {
            return Err(unknown());
        }
        match world.admission(&target.topic()) {
            Admission::Usual => Ok(Some(Subscription::new(channel, target, &series, world.now))),
            Admission::Denied => Err(unknown()),
            Admission::Ignored => Ok(None),
        }
    }

    fn series(&self, name: &str, world: &World<'_>) -> Option<Arc<Series>> {
        let series = world.market.series(EXCHANGE, self.names.pair(name)?)?;
        let state = State::of(series.listing(), world.now)?;
        (state != State::Preopen).then_some(series)
    }

    fn unsubscribe(&mut self, request: &Request) -> Vec<Frame> {
        let ended: Vec<Topic> = request.targets.iter().map(Target::topic).collect();
        self.subscriptions.retain(|subscription| !ended.contains(&subscription.place.topic));
        request.targets.iter().map(|target| request.answer(target, &self.connection_id)).collect()
    }
}

impl Session for OkxSession {
    fn text(&mut self, message: &str, world: &World<'_>) -> Vec<Frame> {
        self.active = world.limits_now;
        if message == "ping" {
            return vec![Frame::heartbeat("pong")];
        }
        let request = match Request::parse(message) {
            Ok(request) => request,
            Err(problem) => return vec![problem.frame(None, &self.connection_id)],
        };
        if !self.requests.admits(world.limits_now) {
            return vec![request.refusal(&Problem::too_frequent(), &self.connection_id)];
        }
        match request.action {
            Action::Subscribe => self.subscribe(&request, world),
            Action::Unsubscribe => self.unsubscribe(&request),
        }
    }

    fn advance(&mut self, world: &World<'_>) -> Vec<Frame> {
        let each = self.subscriptions.iter_mut().map(|subscription| subscription.advance(world));
        let mut frames: Vec<Frame> = each.flatten().collect();
        if frames.iter().any(|frame| world.reaches(frame)) {
            self.active = world.limits_now;
        }
        if is_overdue(self.active, world.limits_now, SILENT_SECS_MAX) {
            frames.push(Frame::close(4_004, "No data received in 30s.", "silent"));
        }
        frames
    }

    /// After its maintenance books begin to count somewhere below.
    fn farewell(&mut self, farewell: Farewell, _: &World<'_>) -> Vec<Frame> {
        if farewell == Farewell::Age {
            return Vec::new();
        }
        for subscription in &mut self.subscriptions {
            if let Feed::Book(book) = &mut subscription.feed {
                book.restart();
            }
        }
        let message = "The connection will soon be closed for a service upgrade. Please reconnect.";
        let notice = json!({"event": "notice", "code": "64008", "msg": message, "connId": self.connection_id});
        vec![Frame::control(notice.to_string())]
    }
}

impl Subscription {
    fn new(channel: Channel, target: &Target, series: &Arc<Series>, now: i64) -> Subscription {
        let feed = match channel {
            Channel::Trades(merge) => Feed::Trades(TradeStream::new(series, merge, now)),
            Channel::Book => Feed::Book(Box::new(BookStream::new(series, now))),
            Channel::Best(depth) => Feed::Best(Box::new(BestStream::new(series, depth, now))),
            Channel::Candles(grid) => Feed::Candles(Box::new(CandleStream::new(series, grid, now))),
            Channel::Funding => Feed::Contract(ContractStream::funding(series)),
            Channel::OpenInterest | Channel::Privileged => Feed::Contract(ContractStream::open_interest(series)),
        };
        Subscription { place: Place { topic: target.topic(), arg: target.arg.to_string() }, feed }
    }

    /// What is told at once.
    fn begin(&mut self, now: i64) -> Vec<Frame> {
        match &mut self.feed {
            Feed::Trades(_) => Vec::new(),
            Feed::Book(book) => vec![book.snapshot(&self.place, now)],
            Feed::Best(best) => vec![best.snapshot(&self.place)],
            Feed::Candles(candles) => candles.open(&self.place, now).into_iter().collect(),
            Feed::Contract(contract) => vec![contract.frame(&self.place, now)],
        }
    }

    fn advance(&mut self, world: &World<'_>) -> Vec<Frame> {
        match &mut self.feed {
            Feed::Trades(trades) => trades.updates(&self.place, world.now),
            Feed::Book(book) => book.updates(&self.place, world),
            Feed::Best(best) => best.updates(&self.place, world),
            Feed::Candles(candles) => candles.updates(&self.place, world),
            Feed::Contract(contract) => contract.updates(&self.place, world),
        }
    }
}

impl Place {
    /// A frame with one row; `head` is what stands before the data.
    fn frame(&self, load: Load, head: &str, row: &str) -> Frame {
        Frame::of(load, &self.topic, format!("{{\"arg\":{},{head}\"data\":[{row}]}}", self.arg))
    }
}
