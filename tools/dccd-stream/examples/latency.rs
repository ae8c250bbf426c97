//! How long a trade takes from the socket to its line, for benchmarks: reads COUNT lines whose amounts are the times
//! at which they were sent, and prints the median and the 99th percentile in microseconds.

use std::error::Error;
use std::io::{BufRead, Write};
use std::time::{Duration, SystemTime};

/// Lines from the beginning that do not count.
const WARM_UP: usize = 2_000;

fn main() -> Result<(), Box<dyn Error>> {
    let count: usize = std::env::args().nth(1).ok_or("latency COUNT")?.parse()?;
    let mut times: Vec<Duration> = Vec::with_capacity(count);
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
        let Some((_, rest)) = line.split_once(r#""amount":"#) else { continue };
        let digits = rest.split(',').next().unwrap_or_default();
        let (secs, nanos) = digits.split_once('.').ok_or("an amount that is no time")?;
        times.push(now.saturating_sub(Duration::new(secs.parse()?, nanos.parse()?)));
        if times.len() == count {
            break;
        }
    }
    let mut times = times.split_off(WARM_UP.min(times.len()));
    times.sort_unstable();
    let at = |percent: usize| times.get(times.len() * percent / 100).map_or(0.0, Duration::as_secs_f64) * 1e6;
    writeln!(std::io::stdout(), "{:.1} {:.1}", at(50), at(99))?;
    Ok(())
}
