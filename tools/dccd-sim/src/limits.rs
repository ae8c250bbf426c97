//! Request limits: how much was used, who is told to wait, who is banned.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use crate::clock::SECOND;

/// Requests after a 429 in the same window that lead to a ban.
const STRIKES_MAX: u32 = 3;
/// The longest ban: three days.
const BAN_SECS_MAX: i64 = 259_200;
/// Windows whose use is remembered.
const WINDOWS_MAX: usize = 1_440;
const MILLION: i64 = 1_000_000;

/// One published limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rule {
    /// What flags and statistics call it.
    pub(crate) name: &'static str,
    /// A ban holds for all limits of one host.
    pub(crate) host: &'static str,
    /// The most weight, or requests, of one window; of a bucket, what it holds.
    pub(crate) max: i64,
    /// How what was used is forgotten.
    pub(crate) pace: Pace,
    /// What comes of those who use more.
    pub(crate) over: Over,
}

/// How what was used is forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// All at once, every so many seconds; what is refused counts as well.
    Window {
        /// So many.
        secs: i64,
    },
    /// Bit by bit; what is refused does not count.
    Drain {
        /// So much each minute.
        per_minute: i64,
    },
}

/// What comes of those who go beyond a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Over {
    /// They are told to wait, and nothing else ever.
    Wait,
    /// They are told to wait, and banned if they go on.
    Strikes,
    /// They are banned at once.
    Ban {
        /// For so many seconds.
        secs: i64,
    },
}

/// What a request is answered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It may go on; so much is used of the window.
    Admitted(i64),
    /// Too fast: most exchanges say 429.
    TooFast {
        /// What is used, this request included.
        used: i64,
        /// Seconds until the window ends.
        retry_secs: i64,
    },
    /// Banned: 418 with some, 403 or 429 with others.
    Banned {
        /// Until when, by the limits' clock.
        until: i64,
        /// Seconds until then.
        retry_secs: i64,
    },
}

/// Settings of the command line.
#[derive(Clone, Debug, Default)]
pub(crate) struct LimitSettings {
    /// Count, but never refuse.
    pub(crate) is_off: bool,
    /// Other maxima than the published ones, by name.
    pub(crate) maxima: BTreeMap<String, i64>,
    /// How long the first ban lasts; each further one lasts twice as long.
    pub(crate) ban_secs: i64,
}

/// All limits of one exchange. All clients are one: they come from one address.
#[derive(Debug)]
pub(crate) struct Limits {
    is_off: bool,
    ban_secs: i64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    windows: Vec<Window>,
    hosts: BTreeMap<&'static str, Host>,
    sent_429: u64,
    sent_418: u64,
    while_limited: u64,
    while_banned: u64,
}

#[derive(Debug)]
struct Window {
    rule: Rule,
    number: i64,
    used: i64,
    /// Of a bucket: what is in it, in millionths, and when that was so.
    level: i64,
    level_at: i64,
    used_max: i64,
    told_until: i64,
    past: BTreeMap<i64, i64>,
}

#[derive(Debug, Default)]
struct Host {
    strikes: u32,
    bans: u32,
    banned_until: i64,
}

impl Limits {
    pub(crate) fn new(rules: &[Rule], settings: &LimitSettings) -> Limits {
        let window = |rule: &Rule| {
            let max = settings.maxima.get(rule.name).copied().unwrap_or(rule.max);
            let rule = Rule { max, ..*rule };
            Window {
                rule,
                number: 0,
                used: 0,
                level: 0,
                level_at: 0,
                used_max: 0,
                told_until: 0,
                past: BTreeMap::new(),
            }
        };
        let state = State { windows: rules.iter().map(window).collect(), ..State::default() };
        Limits { is_off: settings.is_off, ban_secs: settings.ban_secs, state: Mutex::new(state) }
    }

    /// Whether nobody is refused.
    pub(crate) fn is_off(&self) -> bool {
        self.is_off
    }

    /// Counts a request against the limit called `name` and says what to do with it.
    pub(crate) fn admit(&self, name: &str, weight: i64, now: i64) -> Verdict {
        let mut state = self.lock();
        let State { windows, hosts, sent_429, sent_418, while_limited, while_banned } = &mut *state;
        let Some(window) = windows.iter_mut().find(|window| window.rule.name == name) else {
            return Verdict::Admitted(0);
        };
        let host = hosts.entry(window.rule.host).or_default();
        if host.banned_until > now {
            *while_banned += 1;
            *sent_418 += 1;
            return host.verdict(now);
        }
        let is_beyond = window.add(weight, now, self.is_off);
        *while_limited += u64::from(window.told_until > now);
        if !is_beyond {
            return Verdict::Admitted(window.used);
        }
        let is_banned = match window.rule.over {
            Over::Wait => false,
            Over::Ban { secs } => host.ban(now, secs),
            Over::Strikes if window.told_until > now => host.strike(now, self.ban_secs),
            Over::Strikes => false,
        };
        if is_banned {
            *sent_418 += 1;
            return host.verdict(now);
        }
        let until = window.end(weight, now);
        window.told_until = until;
        *sent_429 += 1;
        Verdict::TooFast { used: window.used, retry_secs: seconds_until(until, now) }
    }

    /// A 429 that a fault sent: whoever comes before its time is up is counted.
    pub(crate) fn tell_to_wait(&self, name: &str, now: i64, secs: i64) {
        let mut state = self.lock();
        state.sent_429 += 1;
        if let Some(window) = state.windows.iter_mut().find(|window| window.rule.name == name) {
            window.told_until = window.told_until.max(now.saturating_add(secs.saturating_mul(SECOND)));
        }
    }

    /// A 418 that a fault sent: from now on it is true.
    pub(crate) fn ban(&self, name: &str, now: i64, secs: i64) {
        let mut state = self.lock();
        state.sent_418 += 1;
        let Some(host) = state.windows.iter().find(|window| window.rule.name == name).map(|window| window.rule.host)
        else {
            return;
        };
        let until = now.saturating_add(secs.saturating_mul(SECOND));
        let host = state.hosts.entry(host).or_default();
        host.banned_until = host.banned_until.max(until);
    }

    /// What was used and refused so far.
    pub(crate) fn statistics(&self) -> Value {
        let state = self.lock();
        let windows: Vec<Value> = state.windows.iter().map(Window::statistics).collect();
        let banned: BTreeMap<&str, i64> =
            state.hosts.iter().map(|(name, host)| (*name, host.banned_until / 1_000)).collect();
        json!({
            "limits": windows,
            "banned_until_ms": banned,
            "sent_429": state.sent_429,
            "sent_418": state.sent_418,
            "requests_while_limited": state.while_limited,
            "requests_while_banned": state.while_banned,
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Window {
    /// Whether this is beyond the limit.
    fn add(&mut self, weight: i64, now: i64, is_off: bool) -> bool {
        let is_beyond = match self.rule.pace {
            Pace::Window { secs } => {
                let number = now.div_euclid(secs * SECOND);
                if number != self.number {
                    self.number = number;
                    self.used = 0;
                }
                self.used += weight;
                self.used > self.rule.max
            }
            Pace::Drain { per_minute } => {
                let drained = now.saturating_sub(self.level_at).max(0).saturating_mul(per_minute) / 60;
                self.level = self.level.saturating_sub(drained).max(0);
                self.level_at = now;
                let filled = self.level + weight * MILLION;
                let is_beyond = filled > self.rule.max * MILLION;
                if is_off || !is_beyond {
                    self.level = filled;
                }
                self.number = now.div_euclid(SECOND);
                self.used = (self.level + MILLION - 1) / MILLION;
                is_beyond
            }
        };
        self.used_max = self.used_max.max(self.used);
        self.past.insert(self.start_secs(), self.used);
        if self.past.len() > WINDOWS_MAX {
            self.past.pop_first();
        }
        is_beyond && !is_off
    }

    /// When there will be room again.
    fn end(&self, weight: i64, now: i64) -> i64 {
        match self.rule.pace {
            Pace::Window { secs } => (self.number + 1) * secs * SECOND,
            Pace::Drain { per_minute } => {
                let excess = self.level + (weight - self.rule.max) * MILLION;
                now.saturating_add(excess.max(0) * 60 / per_minute.max(1))
            }
        }
    }

    fn start_secs(&self) -> i64 {
        match self.rule.pace {
            Pace::Window { secs } => self.number * secs,
            Pace::Drain { .. } => self.number,
        }
    }

    fn statistics(&self) -> Value {
        let windows: Vec<[i64; 2]> = self.past.iter().map(|(start, used)| [*start, *used]).collect();
        let (pace, amount) = match self.rule.pace {
            Pace::Window { secs } => ("window_secs", secs),
            Pace::Drain { per_minute } => ("per_minute", per_minute),
        };
        json!({
            "name": self.rule.name,
            "host": self.rule.host,
            "max": self.rule.max,
            pace: amount,
            "used": self.used,
            "used_max": self.used_max,
            "windows": windows,
        })
    }
}

impl Host {
    /// One of those who went on; whether it was one too many, each further ban being twice as long.
    fn strike(&mut self, now: i64, first_secs: i64) -> bool {
        self.strikes += 1;
        self.strikes >= STRIKES_MAX && self.ban(now, first_secs.saturating_mul(1_i64 << self.bans.min(20)))
    }

    fn ban(&mut self, now: i64, secs: i64) -> bool {
        self.banned_until = now + secs.min(BAN_SECS_MAX) * SECOND;
        self.bans += 1;
        self.strikes = 0;
        true
    }

    fn verdict(&self, now: i64) -> Verdict {
        Verdict::Banned { until: self.banned_until, retry_secs: seconds_until(self.banned_until, now) }
    }
}

fn seconds_until(instant: i64, now: i64) -> i64 {
    ((instant - now + SECOND - 1) / SECOND).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: Rule =
        Rule { name: "spot", host: "spot", max: 10, pace: Pace::Window { secs: 60 }, over: Over::Strikes };

    fn limits(is_off: bool) -> Limits {
        Limits::new(&[RULE], &LimitSettings { is_off, maxima: BTreeMap::new(), ban_secs: 120 })
    }

    #[test]
    fn too_fast_then_banned_then_forgiven() {
        let limits = limits(false);
        let now = 1_000 * 60 * SECOND;
        assert_eq!(limits.admit("spot", 10, now), Verdict::Admitted(10));
        assert_eq!(limits.admit("spot", 2, now), Verdict::TooFast { used: 12, retry_secs: 60 });
        assert!(matches!(limits.admit("spot", 2, now), Verdict::TooFast { .. }));
        assert!(matches!(limits.admit("spot", 2, now), Verdict::TooFast { .. }));
        let until = now + 120 * SECOND;
        assert_eq!(limits.admit("spot", 2, now), Verdict::Banned { until, retry_secs: 120 });
        assert!(matches!(limits.admit("spot", 1, until - 1), Verdict::Banned { .. }));
        assert_eq!(limits.admit("spot", 1, until), Verdict::Admitted(1));
        let statistics = limits.statistics();
        assert_eq!(statistics["sent_418"], 2);
        assert_eq!(statistics["requests_while_banned"], 1);
        assert_eq!(statistics["limits"][0]["used_max"], 18);
    }

    #[test]
    fn waiting_for_the_next_window_is_enough() {
        let limits = limits(false);
        let now = 1_000 * 60 * SECOND + 59 * SECOND;
        assert_eq!(limits.admit("spot", 11, now), Verdict::TooFast { used: 11, retry_secs: 1 });
        assert_eq!(limits.admit("spot", 1, now + SECOND), Verdict::Admitted(1));
        assert_eq!(limits.statistics()["requests_while_limited"], 0);
    }

    #[test]
    fn a_bucket_drains_bit_by_bit() {
        let rule = Rule { max: 15, pace: Pace::Drain { per_minute: 600 }, over: Over::Wait, ..RULE };
        let limits = Limits::new(&[rule], &LimitSettings { ban_secs: 120, ..LimitSettings::default() });
        let now = 1_000 * SECOND;
        for used in 1..=15 {
            assert_eq!(limits.admit("spot", 1, now), Verdict::Admitted(used));
        }
        assert_eq!(limits.admit("spot", 1, now), Verdict::TooFast { used: 15, retry_secs: 1 });
        assert_eq!(limits.admit("spot", 1, now + SECOND / 10), Verdict::Admitted(15));
        assert!(matches!(limits.admit("spot", 1, now + SECOND / 10), Verdict::TooFast { .. }), "never a ban");
        assert_eq!(limits.admit("spot", 1, now + 10 * SECOND), Verdict::Admitted(1));
        assert_eq!(limits.statistics()["limits"][0]["per_minute"], 600);
    }

    #[test]
    fn some_limits_ban_at_once() {
        let rule = Rule { over: Over::Ban { secs: 600 }, ..RULE };
        let limits = Limits::new(&[rule], &LimitSettings { ban_secs: 1, ..LimitSettings::default() });
        let until = 600 * SECOND;
        assert_eq!(limits.admit("spot", 11, 0), Verdict::Banned { until, retry_secs: 600 });
        assert!(matches!(limits.admit("spot", 1, until - 1), Verdict::Banned { .. }));
        assert_eq!(limits.admit("spot", 1, until), Verdict::Admitted(1));
    }

    #[test]
    fn limits_that_are_off_still_count() {
        let limits = limits(true);
        assert_eq!(limits.admit("spot", 1_000, 0), Verdict::Admitted(1_000));
        limits.ban("spot", 0, 5);
        assert!(matches!(limits.admit("spot", 1, 5 * SECOND - 1), Verdict::Banned { .. }));
        assert_eq!(limits.admit("spot", 1, 5 * SECOND), Verdict::Admitted(1_001));
    }
}
