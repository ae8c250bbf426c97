//! A bar on a terminal's stderr; nothing anywhere else, nor where lines go to the same terminal. Or lines on stderr
//! for a program that makes one bar of many.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use dccd_record::{Dataset, Kind, Range};

const BAR_INTERVAL: Duration = Duration::from_millis(200);
const LINE_INTERVAL: Duration = Duration::from_secs(1);
const BAR_WIDTH: usize = 30;
/// Trades come at any rate; one in so long makes a range of them weigh about what it takes.
const TRADE_NANOS: i128 = 100_000_000;
const FUNDING_NANOS: i128 = 8 * 3_600_000_000_000;

/// How far the run has come, of all that is known to be wanted.
#[derive(Debug)]
pub(crate) struct Progress {
    display: Display,
    is_shown: bool,
    began: Instant,
    shown: Instant,
    /// Rows, about, of the orders that were taken up.
    wanted: i128,
    answered: i128,
    taken: usize,
    ahead: Ahead,
    bytes: usize,
}

/// Where somebody looks.
#[derive(Debug)]
enum Display {
    Nowhere,
    Bar,
    /// Lines under this name.
    Lines(String),
}

/// Orders that were not taken up yet.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ahead {
    /// How many there are.
    pub(crate) orders: usize,
    /// Their rows, about, if that is known.
    pub(crate) rows: Option<i128>,
}

impl Progress {
    /// A bar, or lines under `name`.
    pub(crate) fn new(is_quiet: bool, name: Option<String>) -> Progress {
        let now = Instant::now();
        let display = match name {
            _ if is_quiet => Display::Nowhere,
            Some(name) => Display::Lines(name),
            None if std::io::stderr().is_terminal() && !std::io::stdout().is_terminal() => Display::Bar,
            None => Display::Nowhere,
        };
        Progress {
            display,
            is_shown: false,
            began: now,
            shown: now,
            wanted: 0,
            answered: 0,
            taken: 0,
            ahead: Ahead::default(),
            bytes: 0,
        }
    }

    /// Whether anybody looks.
    pub(crate) fn is_on(&self) -> bool {
        !matches!(self.display, Display::Nowhere)
    }

    /// What is known of orders to come.
    pub(crate) fn look_ahead(&mut self, ahead: Ahead) {
        self.ahead = ahead;
    }

    /// An order was taken up.
    pub(crate) fn take_up(&mut self) {
        self.taken += 1;
    }

    /// This much of an order has happened.
    pub(crate) fn expect(&mut self, dataset: &Dataset, range: Range) {
        self.wanted += rows(dataset, range);
    }

    pub(crate) fn answer(&mut self, dataset: &Dataset, range: Range) {
        self.answered += rows(dataset, range);
    }

    pub(crate) fn bytes(&mut self, count: usize) {
        self.bytes = self.bytes.saturating_add(count);
    }

    /// Draws the bar, or says the line, if it is time to; `active` orders are not answered yet.
    pub(crate) fn show(&mut self, active: usize) {
        let since = self.shown.elapsed();
        let wanted = self.wanted + self.ahead_rows();
        match &self.display {
            Display::Bar if since >= BAR_INTERVAL => {
                self.is_shown = true;
                let bar = bar(self.answered, wanted, self.bytes, self.began.elapsed());
                let (done, all) = (self.taken.saturating_sub(active), self.taken + self.ahead.orders);
                let orders = if all > 1 { format!("  {done} of {all} ranges") } else { String::new() };
                let _ = write!(std::io::stderr(), "\r{bar}{orders}\x1b[K");
            }
            Display::Lines(name) if since >= LINE_INTERVAL => {
                // At once, since others write there too.
                let line = line(name, self.answered, wanted, self.began.elapsed());
                let _ = std::io::stderr().write_all(line.as_bytes());
            }
            _ => return,
        }
        self.shown = Instant::now();
    }

    /// Takes the bar away.
    pub(crate) fn clear(&mut self) {
        if std::mem::take(&mut self.is_shown) {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }

    /// An order of which nothing is known is taken to be as long as the others.
    fn ahead_rows(&self) -> i128 {
        let (taken, orders) = (i128::try_from(self.taken).unwrap_or(1), i128::try_from(self.ahead.orders).unwrap_or(0));
        self.ahead.rows.unwrap_or_else(|| self.wanted / taken.max(1) * orders)
    }
}

/// About how many rows a range has, so that ranges of days and of minutes weigh what they take.
pub(crate) fn rows(dataset: &Dataset, range: Range) -> i128 {
    let width = i128::from(range.end().nanos()) - i128::from(range.start().nanos());
    width / row_nanos(dataset).max(1)
}

fn row_nanos(dataset: &Dataset) -> i128 {
    match (dataset.span(), dataset.kind()) {
        (Some(span), _) => i128::from(span.nanos()),
        (None, Kind::Funding) => FUNDING_NANOS,
        (None, _) => TRADE_NANOS,
    }
}

/// `progress binance 4200 10000 80`.
fn line(name: &str, covered: i128, wanted: i128, elapsed: Duration) -> String {
    let left = left_secs(permille(covered, wanted), elapsed).map_or_else(|| "-".to_owned(), |secs| secs.to_string());
    let wanted = wanted.max(0);
    format!("progress {name} {} {wanted} {left}\n", covered.clamp(0, wanted))
}

/// `[=====>      ]  42 %  3.1 MB/s  1 m 20 s left`.
fn bar(covered: i128, wanted: i128, bytes: usize, elapsed: Duration) -> String {
    let permille = permille(covered, wanted);
    let filled = permille * BAR_WIDTH / 1000;
    let rate_tenths = u128::try_from(bytes).unwrap_or(0) / 100 / elapsed.as_millis().max(1);
    let left = match left_secs(permille, elapsed) {
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

fn permille(covered: i128, wanted: i128) -> usize {
    let permille = if wanted > 0 { (covered * 1000 / wanted).clamp(0, 1000) } else { 0 };
    usize::try_from(permille).unwrap_or(0)
}

/// Seconds, as long as it goes on like this; `None` if nothing can be said yet.
fn left_secs(permille: usize, elapsed: Duration) -> Option<u128> {
    match u128::try_from(permille).unwrap_or(0) {
        0 => None,
        done => Some(elapsed.as_millis().max(1) * 1000_u128.saturating_sub(done) / done / 1000),
    }
}

#[cfg(test)]
mod tests {
    use dccd_record::Range;

    use super::{Ahead, Duration, Progress, bar, line, rows};

    #[test]
    fn the_bar_says_how_far_how_fast_and_how_long() {
        let check = |covered, wanted, bytes, secs, expected: &str| {
            assert_eq!(bar(covered, wanted, bytes, Duration::from_secs(secs)), expected);
        };
        check(0, 0, 0, 0, "[                              ]   0 %  0.0 MB/s  time left unknown");
        check(1, 2, 31_000_000, 10, "[===============               ]  50 %  3.1 MB/s  10 s left");
        check(1, 10, 0, 60, "[===                           ]  10 %  0.0 MB/s  9 m 0 s left");
        check(1, 100, 0, 3600, "[                              ]   1 %  0.0 MB/s  99 h 0 m left");
        check(3, 2, 0, 1, "[==============================] 100 %  0.0 MB/s  0 s left");
    }

    #[test]
    fn a_line_says_it_in_numbers() {
        let check = |covered, wanted, secs, expected: &str| {
            assert_eq!(line("okx", covered, wanted, Duration::from_secs(secs)), expected);
        };
        check(0, 0, 0, "progress okx 0 0 -\n");
        check(0, 5, 1, "progress okx 0 5 -\n");
        check(1, 4, 10, "progress okx 1 4 30\n");
        check(5, 4, 10, "progress okx 4 4 0\n");
    }

    #[test]
    fn orders_to_come_count_as_much_as_is_known() {
        let dataset = "binance:candle:BTC-USDT:1h".parse().expect("a dataset");
        let start = "2024-01-01T00:00:00Z".parse().expect("an instant");
        let day = Range::new(start, start.saturating_add(24 * 3_600_000_000_000)).expect("a day");
        assert_eq!(rows(&dataset, day), 24);
        let mut progress = Progress::new(true, None);
        assert_eq!(progress.ahead_rows(), 0);
        progress.look_ahead(Ahead { orders: 3, rows: Some(100) });
        assert_eq!(progress.ahead_rows(), 100);
        for _ in 0..2 {
            progress.take_up();
            progress.expect(&dataset, day);
        }
        progress.look_ahead(Ahead { orders: 3, rows: None });
        assert_eq!(progress.ahead_rows(), 3 * 24);
    }
}
