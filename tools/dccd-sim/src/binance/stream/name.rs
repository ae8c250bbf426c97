//! What paths and the names of streams mean.

use dccd_record::{Market as MarketKind, Pair};

use crate::binance::klines;
use crate::binance::venue::{Symbols, Venue, symbol};

/// A path, which is one of a host, with or without names of streams.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Door {
    pub(crate) host: Host,
    /// Whether frames name their stream.
    pub(super) is_combined: bool,
    /// The streams that the path names.
    pub(super) names: Vec<String>,
}

/// Whose streams they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Host {
    /// Spot, and COIN-M: their symbols tell them apart.
    Root,
    /// USD-M: books.
    Public,
    /// USD-M: trades and candles.
    Market,
}

/// A name that means something.
#[derive(Debug)]
pub(super) struct StreamName {
    pub(super) venue: Venue,
    pub(super) pair: Pair,
    /// As events have it.
    pub(super) symbol: String,
    /// As it stands behind the @.
    pub(super) channel_text: String,
    pub(super) channel: Channel,
}

/// What is pushed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Channel {
    Aggregate,
    Parts,
    Klines(String),
    /// Of a kind of contract, as its name has it.
    Continuous(String, &'static str),
    /// Every so many steps of the book.
    Diff(i64),
    /// So many levels, every so many steps of the book.
    Partial(usize, i64),
}

impl Door {
    /// What a path opens; names of streams have an @ or begin with an exclamation mark.
    pub(crate) fn of(path: &str) -> Option<Door> {
        let hosts = [("/public", Host::Public), ("/market", Host::Market), ("", Host::Root)];
        let (rest, host) = hosts.into_iter().find_map(|(root, host)| Some((path.strip_prefix(root)?, host)))?;
        if rest == "/stream" {
            return Some(Door { host, is_combined: true, names: Vec::new() });
        }
        let names = rest.strip_prefix("/ws")?;
        let names: Vec<String> = match names.strip_prefix('/') {
            Some(names) => {
                names.split('/').filter(|name| !name.is_empty()).map(|name| name.replace("%40", "@")).collect()
            }
            None if names.is_empty() => Vec::new(),
            None => return None,
        };
        let is_name = |name: &String| name.contains('@') || name.starts_with('!');
        names.iter().all(is_name).then_some(Door { host, is_combined: false, names })
    }
}

impl StreamName {
    /// What a name means on a host; only lower case means anything.
    pub(super) fn parse(name: &str, host: Host, symbols: &Symbols) -> Option<StreamName> {
        let (subject, channel_text) = name.split_once('@')?;
        if subject.chars().any(|letter| letter.is_ascii_uppercase()) {
            return None;
        }
        let subject = subject.to_ascii_uppercase();
        if let Some(interval) = channel_text.strip_prefix("continuousKline_") {
            return StreamName::continuous(&subject, channel_text, interval, host, symbols);
        }
        let venues: &[Venue] = if host == Host::Root { &[Venue::Spot, Venue::Coinm] } else { &[Venue::Usdm] };
        let mut found = venues.iter().filter_map(|venue| Some((*venue, symbols.pair(*venue, &subject).ok()?)));
        let (venue, pair) = found.next()?;
        let channel = channel(venue, channel_text)?;
        let is_public = matches!(channel, Channel::Diff(_) | Channel::Partial(..) | Channel::Parts);
        let is_here = match host {
            Host::Root => true,
            Host::Public => is_public,
            Host::Market => !is_public,
        };
        let (pair, symbol) = (pair.clone(), symbol(pair));
        is_here.then(|| StreamName { venue, pair, symbol, channel_text: channel_text.to_owned(), channel })
    }

    /// `btcusdt_perpetual@continuousKline_1m`.
    fn continuous(
        subject: &str,
        channel_text: &str,
        interval: &str,
        host: Host,
        symbols: &Symbols,
    ) -> Option<StreamName> {
        let venue = match host {
            Host::Root => Venue::Coinm,
            Host::Market => Venue::Usdm,
            Host::Public => return None,
        };
        let kinds = [
            ("PERPETUAL", venue.perpetual()),
            ("CURRENT_QUARTER", MarketKind::Quarter),
            ("NEXT_QUARTER", MarketKind::NextQuarter),
        ];
        let (underlying, contract, kind) = kinds.into_iter().find_map(|(name, kind)| {
            let underlying = subject.strip_suffix(name)?.strip_suffix('_')?;
            Some((underlying.to_owned(), name, kind))
        })?;
        klines::grid(venue, interval)?;
        let pair = symbols.contract(venue, &underlying, kind).ok()?;
        let channel = Channel::Continuous(interval.to_owned(), contract);
        Some(StreamName { venue, pair, symbol: underlying, channel_text: channel_text.to_owned(), channel })
    }
}

fn channel(venue: Venue, text: &str) -> Option<Channel> {
    match text {
        "aggTrade" => return Some(Channel::Aggregate),
        "trade" => return Some(Channel::Parts),
        _ => {}
    }
    if let Some(interval) = text.strip_prefix("kline_") {
        return klines::grid(venue, interval).map(|_| Channel::Klines(interval.to_owned()));
    }
    let rest = text.strip_prefix("depth")?;
    let (levels, speed) = rest.split_once('@').map_or((rest, None), |(levels, speed)| (levels, Some(speed)));
    let pace = pace(venue, speed)?;
    match levels {
        "" => Some(Channel::Diff(pace)),
        "5" | "10" | "20" => Some(Channel::Partial(levels.parse().ok()?, pace)),
        _ => None,
    }
}

/// How many steps of the book, of 100 ms each, lie between two events.
fn pace(venue: Venue, speed: Option<&str>) -> Option<i64> {
    match (venue, speed) {
        (Venue::Spot, None | Some("1000ms")) => Some(10),
        (_, Some("100ms")) => Some(1),
        // 250 ms, as near as steps allow.
        (Venue::Usdm | Venue::Coinm, None | Some("250ms")) => Some(3),
        (Venue::Usdm | Venue::Coinm, Some("500ms")) => Some(5),
        _ => None,
    }
}
