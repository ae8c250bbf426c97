//! Genuine frames of streams, read as the live tool will read them.

use std::fmt::Write as _;

use dccd_record::{LineWriter, Ts};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::recordings::folder;
use super::{dataset, ts};
use crate::live::{Event, FrameError, FrameReader, Keeper, Link, OrderBook, Streams, Subscription, SubscriptionId};

/// When every frame of a test is read.
pub(crate) const RECV: &str = "2026-01-01T00:00:00.500000000Z";

/// One frame of a recording.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) is_sent: bool,
    pub(crate) raw: String,
}

/// The frames of the recording `file` in the folder of an exchange; `None` if there are none.
///
/// They are lines with a direction, lines alone, a list of cases or messages, or one alone.
pub(crate) fn frames(exchange: &str, file: &str) -> Option<Vec<Frame>> {
    #[derive(Deserialize)]
    struct Recorded {
        dir: Option<String>,
        raw: Option<String>,
        message: Option<Box<RawValue>>,
    }
    let path = folder()?.join(exchange).join(file);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let frame = |recorded: Recorded, whole: &str| Frame {
        is_sent: recorded.dir.as_deref() == Some("sent"),
        raw: match (recorded.raw, recorded.message) {
            (Some(raw), _) => raw,
            (None, Some(message)) => message.get().to_owned(),
            (None, None) => whole.to_owned(),
        },
    };
    let read = |text: &str| match serde_json::from_str(text) {
        Ok(recorded) => frame(recorded, text),
        Err(_) => Frame { is_sent: false, raw: text.to_owned() },
    };
    if file.ends_with(".ndjson") {
        return Some(text.lines().map(read).collect());
    }
    match serde_json::from_str::<Vec<&RawValue>>(&text) {
        Ok(cases) => Some(cases.iter().map(|case| read(case.get())).collect()),
        Err(_) => Some(vec![Frame { is_sent: false, raw: text }]),
    }
}

/// The frames of a recording that the exchange sent.
pub(crate) fn received(exchange: &str, file: &str) -> Option<Vec<String>> {
    Some(frames(exchange, file)?.into_iter().filter(|frame| !frame.is_sent).map(|frame| frame.raw).collect())
}

/// What a recording is expected to lead to.
pub(crate) fn expected(exchange: &str, name: &str) -> Option<Value> {
    let path = folder()?.join(exchange).join(format!("{name}.expected.json"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    Some(serde_json::from_str(&text).expect("what is expected is JSON"))
}

/// Checks that `known` names every recording of streams in the folder of an exchange.
pub(crate) fn check_names<'a>(exchange: &str, known: impl Iterator<Item = &'a str>) {
    let Some(folder) = folder() else { return };
    let index = std::fs::read_to_string(folder.join("INDEX.tsv")).expect("the index is text");
    let mut recorded: Vec<&str> = index
        .lines()
        .filter_map(|line| line.split('\t').next())
        .filter_map(|file| file.strip_prefix(exchange)?.strip_prefix('/'))
        .filter(|name| name.starts_with("ws-") || name.contains("-ws-"))
        .collect();
    let mut known: Vec<&str> = known.collect();
    recorded.sort_unstable();
    known.sort_unstable();
    assert_eq!(recorded, known, "{exchange}");
}

/// Subscriptions to datasets, with any depth.
pub(crate) fn subscriptions(ids: &[&str]) -> Vec<Subscription> {
    ids.iter().map(|id| Subscription::new(dataset(id))).collect()
}

/// A reader of one connection that carries all of some datasets, whatever link they would get.
pub(crate) fn reader(streams: &dyn Streams, link: &Link, ids: &[&str]) -> Box<dyn FrameReader> {
    let link = Link { subscriptions: (0..ids.len()).map(SubscriptionId).collect(), ..link.clone() };
    streams.reader(&link, &subscriptions(ids))
}

/// What a frame says: a line for each event, with the lines of its records.
pub(crate) fn said(reader: &mut dyn FrameReader, ids: &[&str], frame: &str) -> Result<Vec<String>, FrameError> {
    let mut events = Vec::new();
    reader.read(frame, ts(RECV), &mut |event| events.push(text(ids, &event)))?;
    Ok(events)
}

/// An event in words.
pub(crate) fn text(ids: &[&str], event: &Event<'_>) -> String {
    let mut out = Vec::new();
    let lines = |id: &SubscriptionId| LineWriter::new(&dataset(ids[id.0]));
    let mut words = String::new();
    match event {
        Event::Accepted(id) => return format!("accepted {}", id.0),
        Event::Refused(None, why) => return format!("refused: {why}"),
        Event::Refused(Some(id), why) => return format!("refused {}: {why}", id.0),
        Event::PastTrade(id, number, trade) => {
            let _ = write!(words, "past {number:?} ");
            lines(id).trade(trade, &mut out);
        }
        Event::Trade(id, number, trade) => {
            let _ = write!(words, "trade {number:?} ");
            lines(id).trade(trade, &mut out);
        }
        Event::Candle(id, candle) => {
            words.push_str("candle ");
            lines(id).candle(candle, &mut out);
        }
        Event::OpenCandle(id, ts) => return format!("open {} {ts}", id.0),
        Event::Book(id, book, joint, checksum) => {
            let sum = checksum.map(|sum| format!(" {}", sum.0)).unwrap_or_default();
            let _ = write!(words, "book {joint:?}{sum} ");
            lines(id).book(book, &mut out);
        }
        Event::Funding(id, funding) => {
            words.push_str("funding ");
            lines(id).funding(funding, &mut out);
        }
        Event::Lost(id, range, why) => return format!("lost {} {} {}: {why}", id.0, range.start(), range.end()),
        Event::Heartbeat(None) => return "heartbeat".to_owned(),
        Event::Heartbeat(Some(ts)) => return format!("heartbeat {ts}"),
        Event::LastTrade(id, number) => return format!("last {} {number}", id.0),
        Event::Sequence(number) => return format!("sequence {number}"),
        Event::Restart(why) => return format!("restart: {why}"),
        Event::Ignored => return "ignored".to_owned(),
    }
    words + String::from_utf8(out).expect("lines are text").trim_end()
}

/// Hands the books of a recording to a keeper; how many frames were applied, and how many were older.
pub(crate) fn keep(keeper: &mut Keeper, reader: &mut dyn FrameReader, frames: &[String]) -> (usize, usize) {
    let (mut applied, mut older) = (0, 0);
    for frame in frames {
        let mut take = |event: Event<'_>| {
            if let Event::Book(_, book, joint, checksum) = event {
                match keeper.take(&book, joint, checksum) {
                    Ok(true) => applied += 1,
                    Ok(false) => older += 1,
                    Err(error) => panic!("{error}: {frame}"),
                }
            }
        };
        reader.read(frame, ts(RECV), &mut take).unwrap_or_else(|error| panic!("{error}: {frame}"));
    }
    (applied, older)
}

/// The best levels of a book as a recording's expectation writes them, by what stands in a level.
pub(crate) fn top(book: &OrderBook, count: usize, level: fn(&str, &str, Option<u64>) -> Value) -> Value {
    let side = |levels: Vec<(&str, &str, Option<u64>)>| -> Vec<Value> {
        levels.into_iter().take(count).map(|(price, amount, orders)| level(price, amount, orders)).collect()
    };
    serde_json::json!({ "bids": side(book.bids().collect()), "asks": side(book.asks().collect()) })
}

/// Numbers that look random, from a seed.
#[derive(Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Dice {
        Dice(seed)
    }

    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits") % bound.max(1)
    }
}

/// Hands a reader 200,000 frames that are spoiled in some way. It may refuse them, and nothing else.
pub(crate) fn check_mutations(make: impl Fn() -> Box<dyn FrameReader>, frames: &[String], seed: u64) {
    const FRAMES: usize = 200_000;
    const FRAME_BYTES_MAX: usize = 4000;
    let frames: Vec<&String> = frames.iter().filter(|frame| frame.len() <= FRAME_BYTES_MAX).collect();
    assert!(!frames.is_empty());
    let mut dice = Dice::new(seed);
    let recv: Ts = ts(RECV);
    let (mut refused, mut reader) = (0, make());
    for turn in 0..FRAMES {
        let frame = mutated(frames[dice.below(frames.len())], frames[dice.below(frames.len())], &mut dice);
        let mut events = 0;
        let read = reader.read(&frame, recv, &mut |_| events += 1);
        refused += usize::from(read.is_err());
        assert!(events <= frame.len(), "seed {seed}, turn {turn}: {events} events of {frame}");
        if read.is_ok() {
            assert!(events > 0, "seed {seed}, turn {turn}: nothing was said of {frame}");
        }
        if dice.below(1000) == 0 {
            reader = make();
        }
    }
    assert!(refused > FRAMES / 10 && refused < FRAMES, "seed {seed}: {refused} refused");
}

/// A frame that is spoiled in some way.
pub(crate) fn mutated(frame: &str, other: &str, dice: &mut Dice) -> String {
    let mut bytes = frame.as_bytes().to_vec();
    let words: [&[u8]; 10] =
        [b"null", b"-1", b"1e999", b"\"\"", b"[]", b"{}", b"99999999999999999999", b"0", b"-0.0e-9", b"true"];
    for _ in 0..=dice.below(3) {
        let at = dice.below(bytes.len() + 1);
        match dice.below(6) {
            0 => bytes.truncate(at),
            1 => bytes.insert(at, b" \"[]{},:-.0e\\\0z"[dice.below(15)]),
            2 => drop(bytes.splice(at..(at + dice.below(8)).min(bytes.len()), [])),
            3 => drop(bytes.splice(at..(at + dice.below(8)).min(bytes.len()), words[dice.below(10)].iter().copied())),
            4 => {
                let from = dice.below(other.len());
                let piece = &other.as_bytes()[from..(from + dice.below(40)).min(other.len())];
                drop(bytes.splice(at..at, piece.iter().copied()));
            }
            _ => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = b'0' + u8::try_from(dice.below(10)).expect("a digit");
                }
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// How the lines of a dataset begin.
fn beginning(id: &str, ts: Ts, is_candle: bool) -> String {
    let dataset = dataset(id);
    let mut line =
        format!(r#"{{"kind":"{}","exchange":"{}","pair":"{}","#, dataset.kind(), dataset.exchange(), dataset.pair());
    if let Some(span) = dataset.span() {
        let _ = write!(line, r#""span":{},"#, span.secs());
    }
    let ts = ts.to_string();
    let ts = if is_candle { format!("{}Z", ts.split('.').next().expect("a second")) } else { ts };
    line + &format!(r#""ts":"{ts}","#)
}

/// The line of a trade: price, amount, side and id as they stand in it.
pub(crate) fn trade_line(id: &str, ts: Ts, [price, amount, side, tid]: [&str; 4]) -> String {
    let text = |text: &str| if text.is_empty() { "null".to_owned() } else { format!("\"{text}\"") };
    let (beginning, side, tid) = (beginning(id, ts, false), text(side), text(tid));
    format!(r#"{beginning}"price":{price},"amount":{amount},"side":{side},"tid":{tid},"recv_ts":"{RECV}"}}"#)
}

/// The line of a book: levels and number as they stand in it.
pub(crate) fn book_line(id: &str, ts: Ts, is_snapshot: bool, [bids, asks, seq]: [&str; 3]) -> String {
    let beginning = beginning(id, ts, false);
    format!(r#"{beginning}"snapshot":{is_snapshot},"bids":[{bids}],"asks":[{asks}],"seq":{seq},"recv_ts":"{RECV}"}}"#)
}

/// The line of a candle: open, high, low, close, both volumes and trades as they stand in it.
pub(crate) fn candle_line(id: &str, ts: Ts, numbers: [&str; 7]) -> String {
    let [open, high, low, close, volume, quote_volume, trades] = numbers;
    let beginning = beginning(id, ts, true);
    format!(
        r#"{beginning}"open":{open},"high":{high},"low":{low},"close":{close},"volume":{volume},"quote_volume":{quote_volume},"trades":{trades}}}"#
    )
}

/// The line of a funding rate.
pub(crate) fn funding_line(id: &str, ts: Ts, rate: &str) -> String {
    format!(r#"{}"rate":{rate},"mark_price":null}}"#, beginning(id, ts, false))
}

/// Digits without an exponent, which lines do not have.
pub(crate) fn written_out(digits: &str) -> String {
    let Some((mantissa, exponent)) = digits.split_once("e-") else { return digits.to_owned() };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent: usize = exponent.parse().expect("a small exponent");
    format!("0.{}{whole}{fraction}", "0".repeat(exponent - whole.len()))
}
