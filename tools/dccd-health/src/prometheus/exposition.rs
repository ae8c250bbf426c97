//! The text format of Prometheus, version 0.0.4.

use std::fmt::Write;

use dccd_record::Ts;

const SECOND_NANOS: u64 = 1_000_000_000;

/// What a metric is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Form {
    /// May go up and down.
    Gauge,
    /// Only grows.
    Counter,
}

/// A number, told in base units.
#[derive(Clone, Copy, Debug)]
pub(super) enum Value {
    Count(u64),
    /// A length of time.
    Nanos(i64),
    /// An instant, in seconds since 1970.
    Time(Ts),
    /// So many in so many seconds.
    Rate {
        count: u64,
        secs: u64,
    },
}

impl Value {
    pub(super) fn of(count: usize) -> Value {
        Value::Count(u64::try_from(count).unwrap_or(u64::MAX))
    }
}

/// Metrics as text.
#[derive(Debug, Default)]
pub(super) struct Exposition {
    text: String,
    name: &'static str,
    /// A family without samples is left out.
    header: String,
}

impl Exposition {
    /// What follows are samples of this metric.
    pub(super) fn family(&mut self, name: &'static str, form: Form, help: &str) {
        let form = match form {
            Form::Gauge => "gauge",
            Form::Counter => "counter",
        };
        self.name = name;
        self.header = format!("# HELP {name} {help}\n# TYPE {name} {form}\n");
    }

    /// One sample; labels stand in braces, see [`labels`].
    pub(super) fn sample(&mut self, labels: &str, value: Value) {
        self.text.push_str(&std::mem::take(&mut self.header));
        let text = &mut self.text;
        text.push_str(self.name);
        text.push_str(labels);
        text.push(' ');
        // Writing to a string cannot fail.
        let _ = match value {
            Value::Count(count) => writeln!(text, "{count}"),
            Value::Nanos(nanos) => write_seconds(text, nanos),
            Value::Time(ts) => write_seconds(text, ts.nanos()),
            Value::Rate { count, secs } => write_rate(text, count, secs.max(1)),
        };
    }

    /// One sample, if there is a value.
    pub(super) fn maybe(&mut self, labels: &str, value: Option<Value>) {
        if let Some(value) = value {
            self.sample(labels, value);
        }
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.text.into_bytes()
    }
}

/// Seconds with milliseconds, which a float of Prometheus can hold.
fn write_seconds(text: &mut String, nanos: i64) -> std::fmt::Result {
    let sign = if nanos < 0 { "-" } else { "" };
    let (secs, rest) = (nanos.unsigned_abs() / SECOND_NANOS, nanos.unsigned_abs() % SECOND_NANOS);
    writeln!(text, "{sign}{secs}.{:03}", rest / 1_000_000)
}

fn write_rate(text: &mut String, count: u64, secs: u64) -> std::fmt::Result {
    let thousandths = u128::from(count % secs) * 1_000 / u128::from(secs);
    writeln!(text, "{}.{thousandths:03}", count / secs)
}

/// Labels as they stand behind a name.
pub(super) fn labels(pairs: &[(&str, &str)]) -> String {
    let mut text = String::from("{");
    for (number, (name, value)) in pairs.iter().enumerate() {
        if number > 0 {
            text.push(',');
        }
        text.push_str(name);
        text.push_str("=\"");
        for letter in value.chars() {
            match letter {
                '\\' => text.push_str("\\\\"),
                '"' => text.push_str("\\\""),
                '\n' => text.push_str("\\n"),
                other => text.push(other),
            }
        }
        text.push('"');
    }
    text.push('}');
    text
}
