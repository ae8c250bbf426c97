//! Frames of a WebSocket that came and were not taken yet.

use std::io::Cursor;

use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{Data, OpCode};

use crate::socket::SocketError;

/// What is read at once; larger frames get more room.
const ROOM_BYTES: usize = 128 << 10;
/// Whole books of the largest exchange have a third of it.
pub(crate) const MESSAGE_BYTES_MAX: usize = 32 << 20;

/// The first byte of a frame that is all of a text.
const TEXT_IN_ONE: u8 = 0x81;
/// The second byte of one from a server, whose length stands in the next two.
const LENGTH_IN_TWO: u8 = 126;

/// What came, as bytes.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    /// Room for bytes, as far as it was needed.
    bytes: Vec<u8>,
    /// What came and was not taken begins here.
    start: usize,
    /// It ends here.
    end: usize,
}

/// One frame, all of which is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Frame<'a> {
    pub(crate) part: Part,
    pub(crate) payload: &'a [u8],
    /// The payload and the header before it.
    pub(crate) bytes: &'a [u8],
}

/// What a frame is of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// All of a text.
    Text,
    /// Its beginning or its middle.
    Piece,
    /// Its end, or all of one that is no text.
    End,
    /// Nothing: it is about the connection itself, or against the protocol.
    Other,
}

/// Where the next frame lies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    part: Part,
    header_bytes: usize,
    /// With the header.
    bytes: usize,
}

impl Inbox {
    /// Begins with what came already.
    pub(crate) fn new(came: Vec<u8>) -> Inbox {
        Inbox { end: came.len(), start: 0, bytes: came }
    }

    /// Where to read more into, which is at least one byte.
    pub(crate) fn room(&mut self) -> &mut [u8] {
        if self.start > 0 {
            self.bytes.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        if self.end == 0 && self.bytes.len() > ROOM_BYTES {
            self.bytes = Vec::new();
        }
        if self.end == self.bytes.len() {
            // A header may claim what never comes, so there is never more room than twice of what came.
            self.bytes.resize(ROOM_BYTES.max(2 * self.end), 0);
        }
        self.bytes.get_mut(self.end..).unwrap_or_default()
    }

    /// So many bytes were read.
    pub(crate) fn add(&mut self, count: usize) {
        self.end = self.bytes.len().min(self.end.saturating_add(count));
    }

    /// The next frame, if all of it is there.
    pub(crate) fn find(&self) -> Result<Option<Place>, SocketError> {
        let came = self.bytes.get(self.start..self.end).unwrap_or_default();
        let place = match *came {
            // Nearly all: a text of some hundred letters.
            [TEXT_IN_ONE, LENGTH_IN_TWO, high, low, ..] => {
                Place { part: Part::Text, header_bytes: 4, bytes: 4 + usize::from(u16::from_be_bytes([high, low])) }
            }
            _ => match Place::parse(came)? {
                Some(place) => place,
                None => return Ok(None),
            },
        };
        Ok((place.bytes <= came.len()).then_some(place))
    }

    /// Takes the frame that was found.
    pub(crate) fn take(&mut self, place: Place) -> Frame<'_> {
        let came = self.bytes.get(self.start..self.end).unwrap_or_default();
        let bytes = came.get(..place.bytes).unwrap_or_default();
        self.start = self.end.min(self.start.saturating_add(place.bytes));
        Frame { part: place.part, payload: bytes.get(place.header_bytes..).unwrap_or_default(), bytes }
    }
}

impl Place {
    fn parse(came: &[u8]) -> Result<Option<Place>, SocketError> {
        let mut cursor = Cursor::new(came);
        let Some((header, length)) = FrameHeader::parse(&mut cursor)? else { return Ok(None) };
        let length = usize::try_from(length).ok().filter(|length| *length <= MESSAGE_BYTES_MAX);
        let Some(length) = length else { return Err(SocketError::TooLarge) };
        let header_bytes = usize::try_from(cursor.position()).unwrap_or(usize::MAX);
        Ok(Some(Place { part: Part::of(&header), header_bytes, bytes: header_bytes.saturating_add(length) }))
    }
}

impl Part {
    fn of(header: &FrameHeader) -> Part {
        let is_odd = header.rsv1 || header.rsv2 || header.rsv3 || header.mask.is_some();
        match (header.opcode, header.is_final) {
            _ if is_odd => Part::Other,
            (OpCode::Data(Data::Text), true) => Part::Text,
            (OpCode::Data(_), true) => Part::End,
            (OpCode::Data(_), false) => Part::Piece,
            (OpCode::Control(_), _) => Part::Other,
        }
    }
}
