//! Exit statuses: the same numbers mean the same thing in every tool.

use std::process::ExitCode;

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Everything asked was done, or downstream closed the pipe, or a stream was told to stop.
    Ok,
    /// Ran well, and the answer is negative.
    No,
    /// Wrong flags or arguments.
    Usage,
    /// Input or a stored file breaks its format.
    DataErr,
    /// An invariant failed: a bug of ours.
    Software,
    /// Disk, permission, rename or flush.
    IoErr,
    /// Network, rate limit, exchange down, lock held: try later.
    TempFail,
    /// Configuration missing, unreadable or contradictory.
    Config,
    /// A bounded job was interrupted by this signal before it was complete.
    Signal(u8),
}

impl Status {
    /// The number the shell sees.
    pub fn code(self) -> u8 {
        match self {
            Status::Ok => 0,
            Status::No => 1,
            Status::Usage => 2,
            Status::DataErr => 65,
            Status::Software => 70,
            Status::IoErr => 74,
            Status::TempFail => 75,
            Status::Config => 78,
            Status::Signal(signal) => 128_u8.saturating_add(signal),
        }
    }
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> ExitCode {
        ExitCode::from(status.code())
    }
}

/// An error that ends a tool.
pub trait ToolError: std::error::Error + 'static {
    /// The status it ends the tool with.
    fn exit(&self) -> Status;
}
