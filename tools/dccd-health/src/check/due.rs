//! When a job ought to have run.

use dccd_cli::config::{Cron, Schedule};
use dccd_cli::{TypedTime, Zone};
use dccd_record::Ts;

const SECOND_NANOS: i64 = 1_000_000_000;
const MINUTE_NANOS: i64 = 60 * SECOND_NANOS;
const HOUR_NANOS: i64 = 60 * MINUTE_NANOS;
/// A timer may be late, and a run takes its time: a quarter of the time between two runs, within these bounds.
const GRACE_NANOS_MIN: i64 = 10 * MINUTE_NANOS;
const GRACE_NANOS_MAX: i64 = 6 * HOUR_NANOS;
/// What comes less often than once in eight years is not waited for.
const BACK_NANOS_MAX: i64 = 8 * 366 * 24 * HOUR_NANOS;

/// When the last run began that must be over by now; `None` if it does not run by itself.
pub(super) fn last_due(schedule: &Schedule, zone: Option<&Zone>, now: Ts) -> Option<Ts> {
    match schedule {
        Schedule::Manual => None,
        Schedule::Every(seconds) => {
            let every = i64::try_from(*seconds).unwrap_or(i64::MAX).saturating_mul(SECOND_NANOS);
            Some(now.saturating_add(-every.saturating_add(grace(every))))
        }
        Schedule::Cron(cron) => {
            let utc = Zone::utc();
            let times = Times { cron, zone: zone.unwrap_or(&utc) };
            let last = times.last_until(now)?;
            let before = times.last_until(last.saturating_add(-SECOND_NANOS));
            let apart = before.map_or(i64::MAX, |before| last.nanos().saturating_sub(before.nanos()));
            times.last_until(now.saturating_add(-grace(apart)))
        }
    }
}

fn grace(apart_nanos: i64) -> i64 {
    (apart_nanos / 4).clamp(GRACE_NANOS_MIN, GRACE_NANOS_MAX)
}

/// The times of a cron expression.
struct Times<'a> {
    cron: &'a Cron,
    zone: &'a Zone,
}

impl Times<'_> {
    fn next_after(&self, ts: Ts) -> Option<Ts> {
        let next = self.cron.next_after(self.zone.civil(ts))?;
        self.zone.instant(&TypedTime::Civil(next)).ok()
    }

    /// The last of them at or before `until`: what comes next can be asked, so the last instant is sought after which
    /// it still comes in time.
    fn last_until(&self, until: Ts) -> Option<Ts> {
        let is_in_time = |ts: Ts| self.next_after(ts).is_some_and(|next| next <= until);
        let mut back = HOUR_NANOS;
        while !is_in_time(until.saturating_add(-back)) {
            if back >= BACK_NANOS_MAX {
                return None;
            }
            back = back.saturating_mul(4).min(BACK_NANOS_MAX);
        }
        let (mut early, mut late) = (until.saturating_add(-back), until);
        while late.nanos() - early.nanos() > MINUTE_NANOS {
            let middle = early.saturating_add((late.nanos() - early.nanos()) / 2);
            if is_in_time(middle) {
                early = middle;
            } else {
                late = middle;
            }
        }
        self.next_after(early)
    }
}
