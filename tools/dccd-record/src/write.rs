//! From meaning to the bytes of a line.

use crate::control::{Control, Retry};
use crate::dataset::Dataset;
use crate::number::Number;
use crate::range::Range;
use crate::record::{Book, Candle, Funding, Level, OpenInterest, Side, Trade};
use crate::time::{NANOS_PER_SECOND, Ts, write_digits};

/// Writes the lines of one dataset, each ending in LF.
#[derive(Clone, Debug)]
pub struct LineWriter {
    prefix_bytes: usize,
    times: TimeText,
    recv_times: TimeText,
}

impl LineWriter {
    /// A writer for `dataset`.
    pub fn new(dataset: &Dataset) -> LineWriter {
        let mut prefix = Vec::new();
        prefix.extend_from_slice(br#"{"kind":"#);
        write_text(dataset.kind().name(), &mut prefix);
        write_series(dataset, &mut prefix);
        if let Some(span) = dataset.span() {
            prefix.extend_from_slice(br#","span":"#);
            write_unsigned(u64::from(span.secs()), &mut prefix);
        }
        prefix.push(b',');
        let prefix_bytes = prefix.len();
        prefix.extend_from_slice(br#""ts":""#);
        LineWriter {
            prefix_bytes,
            times: TimeText::new(prefix, b"\""),
            recv_times: TimeText::new(br#","recv_ts":""#.to_vec(), b"\"}\n"),
        }
    }

    /// Appends a candle.
    pub fn candle(&mut self, candle: &Candle<'_>, out: &mut Vec<u8>) {
        self.begin(candle.ts, Fraction::None, out);
        number(br#","open":"#, candle.open, out);
        number(br#","high":"#, candle.high, out);
        number(br#","low":"#, candle.low, out);
        number(br#","close":"#, candle.close, out);
        number(br#","volume":"#, candle.volume, out);
        optional_number(br#","quote_volume":"#, candle.quote_volume, out);
        optional_unsigned(br#","trades":"#, candle.trades, out);
        if candle.is_derived {
            out.extend_from_slice(br#","derived":true"#);
        }
        out.extend_from_slice(b"}\n");
    }

    /// Appends a trade.
    pub fn trade(&mut self, trade: &Trade<'_>, out: &mut Vec<u8>) {
        self.begin(trade.ts, Fraction::Nanos, out);
        number(br#","price":"#, trade.price, out);
        number(br#","amount":"#, trade.amount, out);
        out.extend_from_slice(match trade.side {
            Some(Side::Buy) => br#","side":"buy","tid":"#,
            Some(Side::Sell) => br#","side":"sell","tid":"#,
            None => br#","side":null,"tid":"#,
        });
        match trade.tid.as_deref() {
            Some(tid) => write_text(tid, out),
            None => out.extend_from_slice(b"null"),
        }
        self.finish(trade.recv_ts, out);
    }

    /// Appends a book.
    pub fn book(&mut self, book: &Book<'_>, out: &mut Vec<u8>) {
        self.begin(book.ts, Fraction::Nanos, out);
        out.extend_from_slice(if book.is_snapshot { br#","snapshot":true"# } else { br#","snapshot":false"# });
        out.extend_from_slice(br#","bids":"#);
        write_levels(&book.bids, out);
        out.extend_from_slice(br#","asks":"#);
        write_levels(&book.asks, out);
        optional_unsigned(br#","seq":"#, book.seq, out);
        self.finish(book.recv_ts, out);
    }

    /// Appends a funding rate.
    pub fn funding(&mut self, funding: &Funding<'_>, out: &mut Vec<u8>) {
        self.begin(funding.ts, Fraction::Nanos, out);
        number(br#","rate":"#, funding.rate, out);
        optional_number(br#","mark_price":"#, funding.mark_price, out);
        out.extend_from_slice(b"}\n");
    }

    /// Appends an open interest.
    pub fn open_interest(&mut self, record: &OpenInterest<'_>, out: &mut Vec<u8>) {
        self.begin(record.ts, Fraction::Nanos, out);
        number(br#","open_interest":"#, record.open_interest, out);
        optional_number(br#","open_interest_value":"#, record.open_interest_value, out);
        out.extend_from_slice(b"}\n");
    }

    /// What every line of the dataset begins with.
    pub(crate) fn prefix(&self) -> &[u8] {
        &self.times.text[..self.prefix_bytes]
    }

    fn begin(&mut self, ts: Ts, fraction: Fraction, out: &mut Vec<u8>) {
        self.times.write(ts, fraction, out);
    }

    fn finish(&mut self, recv_ts: Option<Ts>, out: &mut Vec<u8>) {
        match recv_ts {
            Some(recv_ts) => self.recv_times.write(recv_ts, Fraction::Nanos, out),
            None => out.extend_from_slice(b"}\n"),
        }
    }
}

/// Appends a control line, ending in LF.
pub fn write_control(control: &Control, out: &mut Vec<u8>) {
    match control {
        Control::Covered(line) => {
            begin_control("covered", &line.dataset, None, out);
            write_range(line.range, out);
            write_field("proof", line.proof.name(), out);
        }
        Control::Gap(line) => {
            begin_control("gap", &line.dataset, None, out);
            write_range(line.range, out);
            write_field("reason", &line.reason, out);
            if line.is_final {
                out.extend_from_slice(br#","final":true"#);
            }
        }
        Control::Failed(line) => {
            begin_control("failed", &line.dataset, None, out);
            write_range(line.range, out);
            write_field("error", &line.error, out);
            out.extend_from_slice(if line.is_retryable { br#","retry":true"# } else { br#","retry":false"# });
        }
        Control::Stored(line) => {
            begin_control("stored", &line.dataset, None, out);
            write_field("path", &line.path, out);
            out.extend_from_slice(br#","rows":"#);
            write_unsigned(line.rows, out);
            write_range(line.range, out);
        }
        Control::Job(line) => {
            begin_control("job", &line.dataset, Some(("id", &line.id)), out);
            for (key, ts) in [("start", line.start), ("end", line.end)] {
                if let Some(ts) = ts {
                    write_field(key, &ts.to_string(), out);
                }
            }
            if let Some(ranges) = line.ranges {
                out.extend_from_slice(br#","ranges":"#);
                write_unsigned(ranges, out);
            }
            if line.is_live {
                out.extend_from_slice(br#","live":true"#);
            }
            write_retry(line.retry, out);
        }
        Control::Range(line) => {
            begin_control("range", &line.dataset, Some(("job", &line.job)), out);
            write_range(line.range, out);
            write_field("why", &line.why, out);
            write_retry(line.retry, out);
        }
    }
    out.extend_from_slice(b"}\n");
}

fn begin_control(kind: &str, dataset: &Dataset, id: Option<(&str, &str)>, out: &mut Vec<u8>) {
    out.extend_from_slice(br#"{"kind":"#);
    write_text(kind, out);
    write_series(dataset, out);
    if let Some((key, id)) = id {
        write_field(key, id, out);
    }
    write_field("of", dataset.kind().name(), out);
    if let Some(span) = dataset.span() {
        out.extend_from_slice(br#","span":"#);
        write_unsigned(u64::from(span.secs()), out);
    }
}

fn write_series(dataset: &Dataset, out: &mut Vec<u8>) {
    write_field("exchange", dataset.exchange().as_str(), out);
    write_field("pair", &dataset.pair().to_string(), out);
}

fn write_range(range: Range, out: &mut Vec<u8>) {
    for (key, ts) in [(&br#","start":""#[..], range.start()), (br#","end":""#, range.end())] {
        out.extend_from_slice(key);
        ts.write(out);
        out.push(b'"');
    }
}

fn write_field(key: &str, value: &str, out: &mut Vec<u8>) {
    out.push(b',');
    write_text(key, out);
    out.push(b':');
    write_text(value, out);
}

fn write_retry(retry: Retry, out: &mut Vec<u8>) {
    if let Some(count) = retry.max_retries {
        out.extend_from_slice(br#","max_retries":"#);
        write_unsigned(u64::from(count), out);
    }
    if let Some(delay) = retry.retry_delay {
        out.extend_from_slice(br#","retry_delay":"#);
        write_unsigned(delay.as_secs(), out);
        if delay.subsec_nanos() > 0 {
            let fraction = format!(".{:09}", delay.subsec_nanos());
            out.extend_from_slice(fraction.trim_end_matches('0').as_bytes());
        }
    }
}

fn write_levels(levels: &[Level<'_>], out: &mut Vec<u8>) {
    let mut separator = b'[';
    for level in levels {
        out.push(separator);
        number(b"[", level.price, out);
        number(b",", level.amount, out);
        if let Some(count) = level.count {
            out.push(b',');
            write_unsigned(count, out);
        }
        out.push(b']');
        separator = b',';
    }
    if levels.is_empty() {
        out.push(b'[');
    }
    out.push(b']');
}

fn number(key: &[u8], value: Number<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(key);
    value.write(out);
}

fn optional_number(key: &[u8], value: Option<Number<'_>>, out: &mut Vec<u8>) {
    out.extend_from_slice(key);
    match value {
        Some(value) => value.write(out),
        None => out.extend_from_slice(b"null"),
    }
}

fn optional_unsigned(key: &[u8], value: Option<u64>, out: &mut Vec<u8>) {
    out.extend_from_slice(key);
    match value {
        Some(value) => write_unsigned(value, out),
        None => out.extend_from_slice(b"null"),
    }
}

fn write_unsigned(value: u64, out: &mut Vec<u8>) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    let mut rest = value;
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10).to_le_bytes()[0];
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// A JSON string.
fn write_text(text: &str, out: &mut Vec<u8>) {
    let is_plain = !text.bytes().any(|byte| byte < b' ' || byte == b'"' || byte == b'\\');
    if is_plain {
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
    } else {
        serde_json::to_writer(out, text).expect("writing a string to memory cannot fail");
    }
}

#[derive(Clone, Copy)]
enum Fraction {
    None,
    Nanos,
}

/// Keeps the text of the last instant with what stands around it: from one line to the next the fraction changes, seldom
/// the day.
#[derive(Clone, Debug)]
struct TimeText {
    /// What stands before the time, the time, and what stands behind it.
    text: Vec<u8>,
    /// Bytes of what stands before the time.
    lead_bytes: usize,
    tail: &'static [u8],
    second: Option<i64>,
    /// The instant whose whole text with nine fraction digits is there.
    instant: Option<Ts>,
}

/// Bytes of `YYYY-MM-DDT`.
const DAY_BYTES: usize = 11;
/// Bytes of `YYYY-MM-DDTHH:MM:SS`.
const SECOND_BYTES: usize = 19;
const SECONDS_PER_DAY: i64 = 86_400;

impl TimeText {
    fn new(lead: Vec<u8>, tail: &'static [u8]) -> TimeText {
        TimeText { lead_bytes: lead.len(), text: lead, tail, second: None, instant: None }
    }

    fn write(&mut self, ts: Ts, fraction: Fraction, out: &mut Vec<u8>) {
        if let Fraction::None = fraction {
            self.turn_to(ts);
            out.extend_from_slice(&self.text);
            out.push(b'Z');
            out.extend_from_slice(self.tail);
            return;
        }
        if self.instant != Some(ts) {
            self.turn_to(ts);
            self.text.push(b'.');
            write_digits(&mut self.text, ts.nanos().rem_euclid(NANOS_PER_SECOND), 9);
            self.text.push(b'Z');
            self.text.extend_from_slice(self.tail);
            self.instant = Some(ts);
        }
        out.extend_from_slice(&self.text);
    }

    /// Leaves the text of the second that holds an instant.
    fn turn_to(&mut self, ts: Ts) {
        self.instant = None;
        self.text.truncate(self.lead_bytes + SECOND_BYTES);
        let (second, before) = (ts.secs(), self.second.replace(ts.secs()));
        if before == Some(second) {
            return;
        }
        let day = second.div_euclid(SECONDS_PER_DAY);
        if before.is_some_and(|before| before.div_euclid(SECONDS_PER_DAY) == day) {
            self.text.truncate(self.lead_bytes + DAY_BYTES);
            ts.write_second_of_day(&mut self.text);
        } else {
            self.text.truncate(self.lead_bytes);
            ts.write_second(&mut self.text);
        }
    }
}
