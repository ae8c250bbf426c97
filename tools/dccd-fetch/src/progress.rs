//! A bar on a terminal's stderr; nothing anywhere else, nor where lines go to the same terminal.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use dccd_record::Range;

const INTERVAL: Duration = Duration::from_millis(200);
const BAR_WIDTH: usize = 30;

/// How far the run has come.
#[derive(Debug)]
pub(crate) struct Progress {
    is_on: bool,
    is_shown: bool,
    began: Instant,
    shown: Instant,
    wanted_nanos: i128,
    covered_nanos: i128,
    bytes: usize,
}

impl Progress {
    pub(crate) fn new(is_quiet: bool) -> Progress {
        let now = Instant::now();
        let is_on = !is_quiet && std::io::stderr().is_terminal() && !std::io::stdout().is_terminal();
        Progress { is_on, is_shown: false, began: now, shown: now, wanted_nanos: 0, covered_nanos: 0, bytes: 0 }
    }

    /// A range was taken up.
    pub(crate) fn expect(&mut self, range: Range) {
        self.wanted_nanos += width(range);
    }

    pub(crate) fn covered(&mut self, range: Range) {
        self.covered_nanos += width(range);
        self.show();
    }

    pub(crate) fn bytes(&mut self, count: usize) {
        self.bytes = self.bytes.saturating_add(count);
    }

    /// Draws the bar, if it is time to.
    pub(crate) fn show(&mut self) {
        if !self.is_on || self.shown.elapsed() < INTERVAL {
            return;
        }
        self.shown = Instant::now();
        self.is_shown = true;
        let line = line(self.covered_nanos, self.wanted_nanos, self.bytes, self.began.elapsed());
        let _ = write!(std::io::stderr(), "\r{line}\x1b[K");
    }

    /// Takes the bar away.
    pub(crate) fn clear(&mut self) {
        if std::mem::take(&mut self.is_shown) {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}

fn width(range: Range) -> i128 {
    i128::from(range.end().nanos()) - i128::from(range.start().nanos())
}

/// `[=====>      ]  42 %  3.1 MB/s  1 m 20 s left`.
fn line(covered: i128, wanted: i128, bytes: usize, elapsed: Duration) -> String {
    let permille = if wanted > 0 { (covered * 1000 / wanted).clamp(0, 1000) } else { 0 };
    let permille = usize::try_from(permille).unwrap_or(0);
    let filled = permille * BAR_WIDTH / 1000;
    let millis = elapsed.as_millis().max(1);
    let rate_tenths = u128::try_from(bytes).unwrap_or(0) / 100 / millis;
    let left_secs = match u128::try_from(permille).unwrap_or(0) {
        0 => None,
        done => Some(millis * (1000 - done) / done / 1000),
    };
    let left = match left_secs {
        None => "time left unknown".to_owned(),
        Some(secs) if secs < 60 => format!("{secs} s left"),
        Some(secs) if secs < 3600 => format!("{} m {} s left", secs / 60, secs % 60),
        Some(secs) => format!("{} h {} m left", secs / 3600, secs / 60 % 60),
    };
    format!(
        "[{}{}] {:>3} %  {}.{} MB/s  {left}",
        "=".repeat(filled),
        " ".repeat(BAR_WIDTH - filled),
        permille / 10,
        rate_tenths / 10,
        rate_tenths % 10,
    )
}

#[cfg(test)]
mod tests {
    use super::{Duration, line};

    #[test]
    fn the_bar_says_how_far_how_fast_and_how_long() {
        let check = |covered, wanted, bytes, secs, expected: &str| {
            assert_eq!(line(covered, wanted, bytes, Duration::from_secs(secs)), expected);
        };
        check(0, 0, 0, 0, "[                              ]   0 %  0.0 MB/s  time left unknown");
        check(1, 2, 31_000_000, 10, "[===============               ]  50 %  3.1 MB/s  10 s left");
        check(1, 10, 0, 60, "[===                           ]  10 %  0.0 MB/s  9 m 0 s left");
        check(1, 100, 0, 3600, "[                              ]   1 %  0.0 MB/s  99 h 0 m left");
        check(3, 2, 0, 1, "[==============================] 100 %  0.0 MB/s  0 s left");
    }
}
