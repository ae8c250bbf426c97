//! Standard input that can be waited for.

use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::dup;
use rustix::pipe::fcntl_setpipe_size;

/// What any user may ask for, by default.
const PIPE_BYTES: usize = 1 << 20;

/// What [`Input::wait`] saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// A read will not block: there are bytes, or the end.
    Ready,
    /// Nothing came in time.
    TimedOut,
}

/// Standard input.
#[derive(Debug)]
pub struct Input {
    file: File,
}

impl Input {
    /// Standard input; a pipe is made wide enough for few reads, where the system lets us.
    pub fn stdin() -> io::Result<Input> {
        let file = File::from(dup(io::stdin())?);
        let _ = fcntl_setpipe_size(&file, PIPE_BYTES);
        Ok(Input { file })
    }

    /// Whether a person would have to type the input.
    pub fn is_terminal(&self) -> bool {
        self.file.is_terminal()
    }

    /// Waits until a read would not block, or until the time is up; a signal ends the wait early.
    pub fn wait(&self, timeout: Duration) -> io::Result<Wait> {
        let mut fds = [PollFd::new(&self.file, PollFlags::IN)];
        let timeout = Timespec::try_from(timeout).ok();
        match poll(&mut fds, timeout.as_ref()) {
            Ok(0) | Err(rustix::io::Errno::INTR) => Ok(Wait::TimedOut),
            Ok(_) => Ok(Wait::Ready),
            Err(error) => Err(error.into()),
        }
    }
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.file.read(buffer)
    }
}
