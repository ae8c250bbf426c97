//! Cutting bytes into lines.

use std::io::{self, Read};

/// The longest line that is read, LF excluded.
pub const LINE_BYTES_MAX: usize = 16 << 20;
/// Small enough to stay in a processor's cache between reading and parsing.
const BLOCK_BYTES: usize = 256 << 10;

/// One step of [`LineBuffer::next_line`].
#[derive(Debug, PartialEq, Eq)]
pub enum BufferedLine<'a> {
    /// A whole line without its LF.
    Line(&'a [u8]),
    /// A line above [`LINE_BYTES_MAX`]; its bytes are gone.
    TooLong,
    /// No whole line is left: read more.
    Starved,
}

/// One growing block of input, cut at each LF.
///
/// The caller owns the reading, so it may poll, time out or stop between two reads.
#[derive(Debug, Default)]
pub struct LineBuffer {
    block: Vec<u8>,
    start: usize,
    scanned: usize,
    end: usize,
    number: u64,
    is_skipping: bool,
}

impl LineBuffer {
    /// An empty buffer.
    pub fn new() -> LineBuffer {
        LineBuffer::default()
    }

    /// Reads once; 0 is the end of input. Call it only when [`LineBuffer::next_line`] was starved.
    pub fn fill(&mut self, input: &mut impl Read) -> io::Result<usize> {
        self.make_room();
        loop {
            match input.read(&mut self.block[self.end..]) {
                Ok(count) => {
                    self.end += count;
                    return Ok(count);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// The next line.
    pub fn next_line(&mut self) -> BufferedLine<'_> {
        let Some(found) = memchr::memchr(b'\n', &self.block[self.scanned..self.end]) else {
            self.scanned = self.end;
            if self.is_skipping || self.end - self.start > LINE_BYTES_MAX {
                self.is_skipping = true;
                self.start = self.end;
            }
            return BufferedLine::Starved;
        };
        let (start, end) = (self.start, self.scanned + found);
        self.start = end + 1;
        self.scanned = self.start;
        self.number += 1;
        if std::mem::take(&mut self.is_skipping) || end - start > LINE_BYTES_MAX {
            return BufferedLine::TooLong;
        }
        BufferedLine::Line(&self.block[start..end])
    }

    /// The number of the line last returned, from 1.
    pub fn line_number(&self) -> u64 {
        self.number
    }

    /// Bytes after the last LF: at the end of input, a line that was cut off.
    pub fn bytes_left(&self) -> usize {
        if self.is_skipping { LINE_BYTES_MAX } else { self.end - self.start }
    }

    /// How many bytes the buffer has room for.
    #[cfg(test)]
    pub(crate) fn capacity(&self) -> usize {
        self.block.capacity()
    }

    fn make_room(&mut self) {
        if self.start > 0 {
            self.block.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.scanned -= self.start;
            self.start = 0;
        }
        if self.end == 0 && self.block.len() > 4 * BLOCK_BYTES {
            self.block = Vec::new();
        }
        if self.end == self.block.len() {
            let grown = (self.block.len() * 2).max(BLOCK_BYTES);
            self.block.resize(grown, 0);
        }
    }
}
