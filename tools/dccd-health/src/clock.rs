//! This host's clock, which tells when runs took place and nothing about market data.

use std::time::{SystemTime, UNIX_EPOCH};

use dccd_record::Ts;

/// The time now.
pub(crate) fn now() -> Ts {
    let nanos = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
    i64::try_from(nanos).ok().and_then(|nanos| Ts::from_nanos(nanos).ok()).unwrap_or(Ts::MIN)
}

/// Whether something that has been is said to be still to come, because a clock was wrong: nothing follows from it. By a
/// little every clock is set back now and then.
pub(crate) fn is_to_come(ts: Ts, now: Ts) -> bool {
    const HOUR_NANOS: i64 = 3_600_000_000_000;
    ts > now.saturating_add(HOUR_NANOS)
}

/// The text of an instant of ours, in whole seconds.
pub(crate) fn seconds(ts: Ts) -> String {
    let mut text = Vec::new();
    ts.write_secs(&mut text);
    String::from_utf8_lossy(&text).into_owned()
}
