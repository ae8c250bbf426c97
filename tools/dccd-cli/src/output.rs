//! Standard output: whole lines from one buffer.

use std::fmt;
use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::os::fd::{AsFd, BorrowedFd};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{FileType, fstat};
use rustix::io::{dup, ioctl_fionread};
use rustix::pipe::fcntl_getpipe_size;

/// Flushed by itself once it holds this much.
const BUFFER_BYTES: usize = 128 << 10;
/// A pipe that can be written to at all takes so much without waiting: `PIPE_BUF`.
const PIPE_PIECE_BYTES: usize = 4096;

/// Standard output, flushed when the buffer is full and whenever the tool is about to wait.
#[derive(Debug)]
pub struct Output {
    file: File,
    buffer: Vec<u8>,
    /// Whether writing may have to wait for a reader, as with a pipe or a terminal.
    may_wait: bool,
    is_terminal: bool,
}

impl Output {
    pub(crate) fn stdout() -> io::Result<Output> {
        let file = File::from(dup(io::stdout())?);
        let is_terminal = file.is_terminal();
        let may_wait = match FileType::from_raw_mode(fstat(&file)?.st_mode) {
            FileType::RegularFile => false,
            FileType::CharacterDevice => is_terminal,
            _ => true,
        };
        Ok(Output { file, buffer: Vec::with_capacity(BUFFER_BYTES), may_wait, is_terminal })
    }

    /// Where to append whole lines; call [`Output::flush_full`] after some.
    pub fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.buffer
    }

    /// Flushes if the buffer is full.
    pub fn flush_full(&mut self) -> Result<(), OutputError> {
        if self.buffer.len() >= BUFFER_BYTES { self.flush() } else { Ok(()) }
    }

    /// Hands over as much as the reader takes without our waiting for it. The rest stays in the buffer, which is then
    /// for the caller to bound.
    pub fn offer(&mut self) -> Result<(), OutputError> {
        let mut written = 0;
        while written < self.buffer.len() {
            let room = self.room()?;
            if room == 0 {
                break;
            }
            let end = self.buffer.len().min(written.saturating_add(room));
            match self.file.write(self.buffer.get(written..end).unwrap_or_default()) {
                Ok(count) => written += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.buffer.clear();
                    return Err(self.failure(error));
                }
            }
        }
        self.buffer.drain(..written);
        Ok(())
    }

    /// How much can be written without waiting.
    fn room(&self) -> Result<usize, OutputError> {
        if !self.may_wait {
            return Ok(usize::MAX);
        }
        // Every page of a pipe may be filled in part, so that only of an empty one it is known how much it takes.
        if let (Ok(size), Ok(0)) = (fcntl_getpipe_size(&self.file), ioctl_fionread(&self.file)) {
            return Ok(size);
        }
        Ok(if self.takes_more()? { PIPE_PIECE_BYTES } else { 0 })
    }

    /// Whether something waits to be handed over.
    pub fn is_waiting(&self) -> bool {
        !self.buffer.is_empty()
    }

    fn takes_more(&self) -> Result<bool, OutputError> {
        const AT_ONCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };
        let mut fds = [PollFd::new(&self.file, PollFlags::OUT)];
        match poll(&mut fds, Some(&AT_ONCE)) {
            Ok(count) => Ok(count > 0),
            Err(rustix::io::Errno::INTR) => Ok(false),
            Err(error) => Err(OutputError::Io(error.into())),
        }
    }

    /// Hands everything to the reader.
    pub fn flush(&mut self) -> Result<(), OutputError> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let written = self.file.write_all(&self.buffer);
        self.buffer.clear();
        written.map_err(|error| self.failure(error))
    }

    /// Why writing failed. Of a terminal that hung up, the system says that writing to it failed.
    fn failure(&self, error: io::Error) -> OutputError {
        let has_hung_up = self.is_terminal && error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error());
        if has_hung_up || error.kind() == io::ErrorKind::BrokenPipe {
            OutputError::Closed
        } else {
            OutputError::Io(error)
        }
    }
}

impl AsFd for Output {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
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
