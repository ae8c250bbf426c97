//! What an exchange sends on a stream, marked with what it carries so that faults know where to strike.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// One message to a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    /// What it carries.
    pub(crate) load: Load,
    /// The subscription it belongs to, if it belongs to one.
    pub(crate) topic: Option<Topic>,
    /// What is sent.
    pub(crate) content: Content,
    /// Where its checksum or sequence stands, and what would be wrong there.
    pub(crate) seal: Option<Seal>,
}

/// What a frame carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Load {
    /// Greetings, answers, notices, ends.
    Control,
    /// A sign of life.
    Heartbeat,
    /// Trades that just happened, or recent ones.
    Trade,
    /// A book or a change to one.
    Book,
    /// Candles.
    Candle,
    /// Funding.
    Funding,
}

/// What is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// A text message.
    Text(String),
    /// A ping that has to be answered.
    Ping(Vec<u8>),
    /// The end of the connection.
    Close(Ending),
}

/// How a connection ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ending {
    /// The code of the close frame.
    pub(crate) code: u16,
    /// Its text.
    pub(crate) text: &'static str,
    /// One word for the statistics.
    pub(crate) why: &'static str,
}

/// A subscription: the exchange's channel and symbol, as `book BTC/USD`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Topic(Arc<str>);

/// What proves that nothing was missed: its place in the text, and a wrong one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seal {
    place: Range<usize>,
    wrong: String,
}

impl Frame {
    /// An answer, a greeting or a notice.
    pub(crate) fn control(text: impl Into<String>) -> Frame {
        Frame { load: Load::Control, topic: None, content: Content::Text(text.into()), seal: None }
    }

    /// A sign of life in text.
    pub(crate) fn heartbeat(text: impl Into<String>) -> Frame {
        Frame { load: Load::Heartbeat, ..Frame::control(text) }
    }

    /// A sign of life as a ping.
    pub(crate) fn ping(payload: impl Into<Vec<u8>>) -> Frame {
        Frame { load: Load::Heartbeat, topic: None, content: Content::Ping(payload.into()), seal: None }
    }

    /// The end of the connection.
    pub(crate) fn close(code: u16, text: &'static str, why: &'static str) -> Frame {
        let content = Content::Close(Ending { code, text, why });
        Frame { load: Load::Control, topic: None, content, seal: None }
    }

    /// Something of a subscription.
    pub(crate) fn of(load: Load, topic: &Topic, text: impl Into<String>) -> Frame {
        Frame { load, topic: Some(topic.clone()), ..Frame::control(text) }
    }

    /// Says that the last `number` in the text behind `key` is its checksum or sequence, and what would be a wrong one.
    pub(crate) fn sealed(mut self, key: &str, number: impl fmt::Display, wrong: impl fmt::Display) -> Frame {
        let (number, wrong) = (number.to_string(), wrong.to_string());
        if let Content::Text(text) = &self.content {
            let starts = text.rmatch_indices(key).map(|(at, _)| at + key.len());
            let mut places = starts.map(|start| start..start + number.len());
            self.seal = places
                .find(|place| text.get(place.clone()) == Some(number.as_str()))
                .map(|place| Seal { place, wrong });
        }
        self
    }

    /// The same with a checksum or sequence that is wrong; without one, the same.
    pub(crate) fn broken(mut self) -> Frame {
        if let (Content::Text(text), Some(seal)) = (&mut self.content, self.seal.take()) {
            text.replace_range(seal.place, &seal.wrong);
        }
        self
    }

    /// The same with another text in its place.
    pub(crate) fn with_text(mut self, change: impl FnOnce(&str) -> String) -> Frame {
        if let Content::Text(text) = &mut self.content {
            *text = change(text);
        }
        Frame { seal: None, ..self }
    }

    /// A text as it stands on the wire; nothing of what is no text.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        const FINAL_TEXT: u8 = 0x81;
        let Content::Text(text) = &self.content else { return Vec::new() };
        let mut bytes = vec![FINAL_TEXT];
        match (u8::try_from(text.len()), u16::try_from(text.len())) {
            (Ok(short @ 0..=125), _) => bytes.push(short),
            (_, Ok(length)) => {
                bytes.push(126);
                bytes.extend_from_slice(&length.to_be_bytes());
            }
            _ => {
                bytes.push(127);
                bytes.extend_from_slice(&u64::try_from(text.len()).unwrap_or(0).to_be_bytes());
            }
        }
        bytes.extend_from_slice(text.as_bytes());
        bytes
    }

    /// Whether it has trades, candles, funding or a part of a book.
    pub(crate) fn is_data(&self) -> bool {
        matches!(self.load, Load::Trade | Load::Book | Load::Candle | Load::Funding)
    }
}

impl Load {
    /// As statistics name it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Load::Control => "control",
            Load::Heartbeat => "heartbeat",
            Load::Trade => "trade",
            Load::Book => "book",
            Load::Candle => "candle",
            Load::Funding => "funding",
        }
    }
}

impl Topic {
    pub(crate) fn new(channel: &str, symbol: &str) -> Topic {
        Topic(format!("{channel} {symbol}").into())
    }

    /// The channel, a blank, the symbol.
    pub(crate) fn text(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_on_the_wire_begins_with_its_length() {
        assert_eq!(Frame::control("ab").bytes(), b"\x81\x02ab");
        assert_eq!(Frame::control("a".repeat(300)).bytes()[..5], *b"\x81\x7e\x01\x2ca");
        assert_eq!(Frame::control("a".repeat(70_000)).bytes()[..11], *b"\x81\x7f\0\0\0\0\0\x01\x11\x70a");
        assert!(Frame::ping("ab").bytes().is_empty());
    }

    #[test]
    fn a_seal_is_found_behind_its_key_and_can_be_broken() {
        let topic = Topic::new("book", "BTC/USD");
        let check = |text: &str, expected: &str| {
            let frame = Frame::of(Load::Book, &topic, text).sealed("\"checksum\":", 123, 122);
            assert_eq!(frame.broken().content, Content::Text(expected.to_owned()));
        };
        check("{\"qty\":123,\"checksum\":123}", "{\"qty\":123,\"checksum\":122}");
        check("{\"checksum\":123,\"x\":[]}", "{\"checksum\":122,\"x\":[]}");
        check("{\"checksum\":99}", "{\"checksum\":99}");
        check("{\"sum\":123}", "{\"sum\":123}");
    }
}
