//! Our clock, which stamps when something came and decides nothing else.

use std::time::{Duration, Instant, SystemTime};

use dccd_record::Ts;

/// What NTP does slowly is no step.
const STEP_MIN: Duration = Duration::from_millis(500);

/// When we read something.
pub(crate) fn recv_ts() -> Ts {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_nanos()).ok().and_then(|nanos| Ts::from_nanos(nanos).ok()).unwrap_or(Ts::MIN)
}

/// Tells when somebody stepped our clock.
#[derive(Debug)]
pub(crate) struct StepWatch {
    wall: SystemTime,
    steady: Instant,
}

impl StepWatch {
    pub(crate) fn new() -> StepWatch {
        StepWatch { wall: SystemTime::now(), steady: Instant::now() }
    }

    /// By how many seconds the clock was stepped since the last look, if it was.
    pub(crate) fn step_secs(&mut self, wall: SystemTime, steady: Instant) -> Option<f64> {
        let lived = steady.saturating_duration_since(self.steady).as_secs_f64();
        let showed = match wall.duration_since(self.wall) {
            Ok(forward) => forward.as_secs_f64(),
            Err(backward) => -backward.duration().as_secs_f64(),
        };
        (self.wall, self.steady) = (wall, steady);
        let step = showed - lived;
        (step.abs() >= STEP_MIN.as_secs_f64()).then_some(step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_told_from_the_passing_of_time() {
        let mut watch = StepWatch::new();
        let (mut wall, mut steady) = (watch.wall, watch.steady);
        let mut check = |wall_ms: u64, steady_ms: u64, is_step: bool| {
            wall += Duration::from_millis(wall_ms);
            steady += Duration::from_millis(steady_ms);
            assert_eq!(watch.step_secs(wall, steady).is_some(), is_step, "{wall_ms} {steady_ms}");
        };
        check(1_000, 1_000, false);
        check(1_100, 1_000, false);
        check(3_601_000, 1_000, true);
        check(1_000, 1_000, false);
        check(1_000, 9_000, true);
    }
}
