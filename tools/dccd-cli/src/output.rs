//! Standard output: whole lines from one buffer.

use std::fmt;
use std::fs::File;
use std::io::{self, Write};

use rustix::io::dup;

/// Flushed by itself once it holds this much.
const BUFFER_BYTES: usize = 128 << 10;

/// Standard output, flushed when the buffer is full and whenever the tool is about to wait.
#[derive(Debug)]
pub struct Output {
    file: File,
    buffer: Vec<u8>,
}

impl Output {
    pub(crate) fn stdout() -> io::Result<Output> {
        Ok(Output { file: File::from(dup(io::stdout())?), buffer: Vec::with_capacity(BUFFER_BYTES) })
    }

    /// Where to append whole lines; call [`Output::flush_full`] after some.
    pub fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.buffer
    }

    /// Flushes if the buffer is full.
    pub fn flush_full(&mut self) -> Result<(), OutputError> {
        if self.buffer.len() >= BUFFER_BYTES { self.flush() } else { Ok(()) }
    }

    /// Hands everything to the reader.
    pub fn flush(&mut self) -> Result<(), OutputError> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let written = self.file.write_all(&self.buffer);
        self.buffer.clear();
        written.map_err(|error| match error.kind() {
            io::ErrorKind::BrokenPipe => OutputError::Closed,
            _ => OutputError::Io(error),
        })
    }
}

/// Why standard output could not be written.
#[derive(Debug)]
pub enum OutputError {
    /// The reader went away: no error, but a reason to stop.
    Closed,
    /// Anything else, such as a full disk.
    Io(io::Error),
}

impl fmt::Display for OutputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OutputError::Closed => f.write_str("standard output is closed"),
            OutputError::Io(cause) => write!(f, "cannot write to standard output: {cause}"),
        }
    }
}

impl std::error::Error for OutputError {}
