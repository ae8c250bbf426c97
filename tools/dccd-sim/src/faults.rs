//! Things that go wrong on purpose.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

use crate::hash::{mix, pick};

const RULES_MAX: usize = 1_000;
/// What `ws-huge` sends unless told.
const HUGE_BYTES: usize = 20 << 20;
const BYTES_MAX: usize = 256 << 20;

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FaultKind {
    /// What the exchange says to those who ask too fast.
    TooFast,
    /// What it says to those who are banned; further requests are refused until the ban ends.
    Ban,
    /// An HTML page.
    Html,
    /// An error as the exchange writes them.
    Json,
    /// The same in HTTP 200, whatever the status said.
    Error,
    /// The right body under another content type.
    Type,
    /// A page without its rows, as the exchange writes an empty one.
    Empty,
    /// `null` in place of anything.
    Null,
    /// A body shorter than announced.
    Cut,
    /// A body that comes in drops.
    Slow,
    /// A body that never ends.
    Endless,
    /// No answer on an open connection.
    Stall,
    /// A reset connection.
    Reset,
    /// A late answer.
    Delay,
    /// A checksum of something else.
    Checksum,
    /// A file without its second half.
    Truncate,
    /// A handshake that is answered with a page.
    WsRefuse,
    /// A handshake that is never answered.
    WsHang,
    /// A stream that is reset in the middle of a frame.
    WsReset,
    /// A stream that is closed.
    WsClose,
    /// A stream on which nothing is sent or answered any more.
    WsStall,
    /// A subscription that falls silent while the stream lives on.
    WsMute,
    /// A frame that is not sent.
    WsDrop,
    /// Text that means nothing in place of a frame.
    WsGarbage,
    /// A frame that is far too large in place of one.
    WsHuge,
    /// A frame with a wrong checksum or sequence.
    WsChecksum,
    /// A subscription that is refused.
    WsDeny,
    /// A subscription that is not answered.
    WsIgnore,
    /// A frame that comes twice.
    WsRepeat,
    /// A restart that is announced, and then the end of the stream.
    WsRestart,
    /// A book whose best bid is above its best ask.
    WsCross,
}

impl FaultKind {
    const NAMES: [(&'static str, FaultKind); 31] = [
        ("429", FaultKind::TooFast),
        ("418", FaultKind::Ban),
        ("html", FaultKind::Html),
        ("json", FaultKind::Json),
        ("error", FaultKind::Error),
        ("type", FaultKind::Type),
        ("empty", FaultKind::Empty),
        ("null", FaultKind::Null),
        ("cut", FaultKind::Cut),
        ("slow", FaultKind::Slow),
        ("endless", FaultKind::Endless),
        ("stall", FaultKind::Stall),
        ("reset", FaultKind::Reset),
        ("delay", FaultKind::Delay),
        ("checksum", FaultKind::Checksum),
        ("truncate", FaultKind::Truncate),
        ("ws-refuse", FaultKind::WsRefuse),
        ("ws-hang", FaultKind::WsHang),
        ("ws-reset", FaultKind::WsReset),
        ("ws-close", FaultKind::WsClose),
        ("ws-stall", FaultKind::WsStall),
        ("ws-mute", FaultKind::WsMute),
        ("ws-drop", FaultKind::WsDrop),
        ("ws-garbage", FaultKind::WsGarbage),
        ("ws-huge", FaultKind::WsHuge),
        ("ws-checksum", FaultKind::WsChecksum),
        ("ws-deny", FaultKind::WsDeny),
        ("ws-ignore", FaultKind::WsIgnore),
        ("ws-repeat", FaultKind::WsRepeat),
        ("ws-restart", FaultKind::WsRestart),
        ("ws-cross", FaultKind::WsCross),
    ];

    /// As flags have it.
    pub(crate) fn name(self) -> &'static str {
        FaultKind::NAMES.iter().find(|(_, kind)| *kind == self).map_or("", |(name, _)| name)
    }

    /// Whether it strikes requests over HTTP; all others strike streams.
    pub(crate) fn is_of_requests(self) -> bool {
        !self.name().starts_with("ws-")
    }

    /// Whether it strikes single frames of a stream.
    pub(crate) fn is_of_frames(self) -> bool {
        let is_of_another = matches!(self, FaultKind::WsDeny | FaultKind::WsIgnore | FaultKind::WsCross);
        !self.is_of_requests() && !self.is_of_handshakes() && !is_of_another
    }

    /// Whether it strikes handshakes.
    pub(crate) fn is_of_handshakes(self) -> bool {
        matches!(self, FaultKind::WsRefuse | FaultKind::WsHang)
    }
}

/// Which of the requests that match are struck.
#[derive(Clone, Copy, Debug, PartialEq)]
enum When {
    Always,
    Next(i64),
    Every(i64),
    Chance(f64),
}

/// One rule, such as `cut:every=7,path=/api/v3/klines`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Fault {
    /// What goes wrong.
    pub(crate) kind: FaultKind,
    /// The HTTP status of `html`, `json` and `ws-refuse`.
    pub(crate) status: u16,
    /// The code of `json`, `error` and `ws-close`; none: one that the exchange has.
    pub(crate) code: Option<i64>,
    /// For how long somebody is refused.
    pub(crate) retry_secs: i64,
    /// Whether `Retry-After` was asked for by name: then it is sent even where the exchange sends none.
    pub(crate) has_retry: bool,
    /// Whether `Retry-After` is a date.
    pub(crate) has_date: bool,
    /// Milliseconds of `delay`, and between the drops of `slow` and `endless`.
    pub(crate) wait_ms: u64,
    /// How long something on a stream lasts; none: not said.
    pub(crate) length: Option<Duration>,
    /// Bytes of `ws-huge`.
    pub(crate) bytes: usize,
    path: String,
    when: When,
    skip: i64,
    seen: i64,
    hits: i64,
}

impl Fault {
    /// A fault of named parts; `kind` has to be among them.
    pub(crate) fn from_parts<'a>(parts: impl Iterator<Item = (&'a str, &'a str)>) -> Result<Fault, FaultError> {
        let mut fault = Fault {
            kind: FaultKind::Html,
            status: 0,
            code: None,
            retry_secs: 5,
            has_retry: false,
            has_date: false,
            wait_ms: 200,
            length: None,
            bytes: HUGE_BYTES,
            path: String::new(),
            when: When::Always,
            skip: 0,
            seen: 0,
            hits: 0,
        };
        let mut kind = None;
        for (name, value) in parts {
            let bad = || FaultError::Value(name.to_owned(), value.to_owned());
            match name {
                "kind" => {
                    let known = FaultKind::NAMES.iter().find(|(word, _)| *word == value);
                    kind = Some(known.ok_or_else(|| FaultError::Kind(value.to_owned()))?.1);
                }
                "path" => value.clone_into(&mut fault.path),
                "status" => fault.status = value.parse().ok().filter(|s| (200..600).contains(s)).ok_or_else(bad)?,
                "code" => fault.code = Some(value.parse().map_err(|_| bad())?),
                "retry" => {
                    fault.retry_secs = value.parse().ok().filter(|s| (0..=604_800).contains(s)).ok_or_else(bad)?;
                    fault.has_retry = true;
                }
                "date" => {
                    fault.has_date = matches!(value, "1" | "true" | "");
                    fault.has_retry |= fault.has_date;
                }
                "ms" => {
                    fault.wait_ms = value.parse().ok().filter(|ms| *ms <= 600_000).ok_or_else(bad)?;
                    fault.length = Some(Duration::from_millis(fault.wait_ms));
                }
                "secs" => {
                    let secs = value.parse().ok().filter(|secs| *secs <= 86_400);
                    fault.length = Some(Duration::from_secs(secs.ok_or_else(bad)?));
                }
                "bytes" => fault.bytes = value.parse().ok().filter(|n| (1..=BYTES_MAX).contains(n)).ok_or_else(bad)?,
                "skip" => fault.skip = positive(value).ok_or_else(bad)?,
                "next" => fault.when = When::Next(positive(value).ok_or_else(bad)?),
                "every" => fault.when = When::Every(positive(value).ok_or_else(bad)?),
                "p" => {
                    let chance = value.parse().ok().filter(|p: &f64| (0.0..=1.0).contains(p));
                    fault.when = When::Chance(chance.ok_or_else(bad)?);
                }
                _ => return Err(FaultError::Part(name.to_owned())),
            }
        }
        fault.kind = kind.ok_or_else(|| FaultError::Kind(String::new()))?;
        if fault.status == 0 {
            fault.status = if matches!(fault.kind, FaultKind::Html | FaultKind::WsRefuse) { 503 } else { 200 };
        }
        // Applications may send these in a close frame, and no others.
        let is_close_code = |code: i64| matches!(code, 1_000..=1_003 | 1_007..=1_014 | 3_000..=4_999);
        if let (FaultKind::WsClose, Some(code)) = (fault.kind, fault.code.filter(|code| !is_close_code(*code))) {
            return Err(FaultError::Value("code".to_owned(), code.to_string()));
        }
        Ok(fault)
    }

    /// Whether it strikes this request; counts those that match.
    fn strikes(&mut self, target: &str, key: u64) -> bool {
        if !target.contains(&self.path) {
            return false;
        }
        self.seen += 1;
        let rank = self.seen - self.skip;
        let strikes = rank > 0
            && match self.when {
                When::Always => true,
                When::Next(count) => rank <= count,
                When::Every(count) => rank % count == 0,
                When::Chance(chance) => {
                    let draw = u32::try_from(pick(mix(key, self.seen), 1_000_000)).unwrap_or(0);
                    f64::from(draw) < chance * 1_000_000.0
                }
            };
        self.hits += i64::from(strikes);
        strikes
    }

    fn is_spent(&self) -> bool {
        matches!(self.when, When::Next(count) if self.seen - self.skip >= count)
    }
}

impl FromStr for Fault {
    type Err = FaultError;

    /// `KIND[:name=value,...]`.
    fn from_str(text: &str) -> Result<Fault, FaultError> {
        let (kind, rest) = text.split_once(':').unwrap_or((text, ""));
        let parts = rest.split(',').filter(|part| !part.is_empty());
        Fault::from_parts(
            std::iter::once(("kind", kind)).chain(parts.map(|part| part.split_once('=').unwrap_or((part, "")))),
        )
    }
}

/// The rules in force.
#[derive(Debug)]
pub(crate) struct Faults {
    key: u64,
    rules: Mutex<Vec<Fault>>,
    struck: Mutex<BTreeMap<&'static str, u64>>,
}

impl Faults {
    pub(crate) fn new(seed: u64, rules: Vec<Fault>) -> Faults {
        Faults { key: mix(seed, 0x0fa1), rules: Mutex::new(rules), struck: Mutex::default() }
    }

    /// Puts one more rule in force.
    pub(crate) fn add(&self, fault: Fault) -> Result<(), FaultError> {
        let mut rules = self.lock();
        if rules.len() == RULES_MAX {
            return Err(FaultError::TooMany);
        }
        rules.push(fault);
        Ok(())
    }

    /// Takes all rules away.
    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    /// Whether nothing will go wrong.
    pub(crate) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    /// What goes wrong with this target: the first rule that strikes, of those whose kind is meant.
    pub(crate) fn strike(&self, target: &str, is_meant: impl Fn(FaultKind) -> bool) -> Option<Fault> {
        let mut rules = self.lock();
        let keyed = (0..).map(|at| mix(self.key, at)).zip(rules.iter_mut());
        let fault = keyed
            .filter(|(_, rule)| is_meant(rule.kind) && !rule.is_spent())
            .find_map(|(key, rule)| rule.strikes(target, key).then(|| rule.clone()))?;
        *self.counts().entry(fault.kind.name()).or_default() += 1;
        Some(fault)
    }

    /// How often each kind struck, rules that were taken away since included.
    pub(crate) fn struck(&self) -> BTreeMap<&'static str, u64> {
        self.counts().clone()
    }

    /// Forgets how often each kind struck.
    pub(crate) fn reset(&self) {
        self.counts().clear();
    }

    /// The rules with how often each was looked at and struck.
    pub(crate) fn statistics(&self) -> Value {
        let describe = |rule: &Fault| json!({"kind": rule.kind.name(), "path": rule.path, "seen": rule.seen, "hits": rule.hits, "spent": rule.is_spent()});
        self.lock().iter().map(describe).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Fault>> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn counts(&self) -> MutexGuard<'_, BTreeMap<&'static str, u64>> {
        self.struck.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why a fault was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FaultError {
    /// No such kind.
    Kind(String),
    /// No such part.
    Part(String),
    /// A part with a value it cannot have.
    Value(String, String),
    /// Too many rules.
    TooMany,
}

impl fmt::Display for FaultError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FaultError::Kind(kind) => {
                let names: Vec<&str> = FaultKind::NAMES.iter().map(|(name, _)| *name).collect();
                write!(f, "{kind:?} is no fault: {}", names.join(", "))
            }
            FaultError::Part(name) => {
                let parts = "next, every, p, skip, path, status, code, retry, date, ms, secs or bytes";
                write!(f, "{name:?} is no part of a fault: {parts}")
            }
            FaultError::Value(name, value) => write!(f, "{name} cannot be {value:?}"),
            FaultError::TooMany => write!(f, "there are {RULES_MAX} faults already: clear them first"),
        }
    }
}

impl std::error::Error for FaultError {}

fn positive(text: &str) -> Option<i64> {
    text.parse().ok().filter(|count| *count > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn struck(rule: &str, targets: &[&str]) -> Vec<bool> {
        let faults = Faults::new(1, vec![rule.parse().expect("a fault")]);
        targets.iter().map(|target| faults.strike(target, |_| true).is_some()).collect()
    }

    #[test]
    fn rules_choose_their_requests() {
        assert_eq!(struck("cut:next=2", &["/a"; 4]), [true, true, false, false]);
        assert_eq!(struck("cut:next=1,skip=2", &["/a"; 4]), [false, false, true, false]);
        assert_eq!(struck("cut:every=2", &["/a"; 4]), [false, true, false, true]);
        assert_eq!(struck("cut:path=/b,next=1", &["/a", "/b?x=1", "/b"]), [false, true, false]);
        assert_eq!(struck("cut", &["/a"; 2]), [true, true]);
        let drawn = struck("cut:p=0.25", &["/a"; 4_000]);
        let count = drawn.iter().filter(|hit| **hit).count();
        assert!((800..1_200).contains(&count), "{count}");
        assert_eq!(drawn, struck("cut:p=0.25", &["/a"; 4_000]));
    }

    #[test]
    fn rules_strike_only_where_they_are_meant() {
        let rules = ["ws-drop:next=1", "cut:next=1", "ws-deny:next=1"].map(|rule| rule.parse().expect("a fault"));
        let faults = Faults::new(1, rules.into());
        let struck = |is_meant: fn(FaultKind) -> bool| faults.strike("/a", is_meant).map(|fault| fault.kind);
        assert_eq!(struck(FaultKind::is_of_requests), Some(FaultKind::Cut));
        assert_eq!(struck(FaultKind::is_of_requests), None);
        assert_eq!(struck(FaultKind::is_of_frames), Some(FaultKind::WsDrop));
        assert_eq!(struck(FaultKind::is_of_frames), None);
        assert_eq!(struck(|kind| kind == FaultKind::WsDeny), Some(FaultKind::WsDeny));
        assert_eq!(faults.struck(), BTreeMap::from([("cut", 1), ("ws-deny", 1), ("ws-drop", 1)]));
    }

    #[test]
    fn lengths_are_seconds_or_milliseconds() {
        let length = |rule: &str| rule.parse::<Fault>().expect("a fault").length;
        assert_eq!(length("ws-stall:secs=5"), Some(Duration::from_secs(5)));
        assert_eq!(length("ws-stall:ms=50"), Some(Duration::from_millis(50)));
        assert_eq!(length("ws-stall"), None);
    }

    #[test]
    fn nonsense_is_refused() {
        let check = |text: &str, expected: &str| {
            let error = text.parse::<Fault>().expect_err("nonsense").to_string();
            assert!(error.contains(expected), "{error}");
        };
        check("fire", "is no fault: 429, 418");
        check("cut:speed=1", "is no part of a fault");
        check("cut:next=0", "next cannot be \"0\"");
        check("html:status=99", "status cannot be");
        check("cut:p=1.5", "p cannot be");
        check("ws-close:code=1006", "code cannot be");
        check("ws-huge:bytes=0", "bytes cannot be");
        check("ws-stall:secs=1h", "secs cannot be");
    }
}
