//! Flags that all tools share.

use clap::ArgAction;
use dccd_record::{TimeError, Ts};

/// Flags of every tool.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Common {
    /// Remove warnings from stderr
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Say on stderr what happens
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,
}

impl Common {
    /// -1 for quiet, 0 as usual, 1 and up for verbose.
    pub(crate) fn verbosity(&self) -> i8 {
        if self.quiet { -1 } else { i8::try_from(self.verbose).unwrap_or(i8::MAX) }
    }
}

/// The flags of one tool.
pub trait ToolArgs: clap::Parser {
    /// The flags it shares with all tools.
    fn common(&self) -> &Common;
}

/// An instant as people type it: `2024-01-01`, `2024-01-01T12:00:00` (both UTC) or RFC 3339 with an offset.
pub fn parse_instant(text: &str) -> Result<Ts, TimeError> {
    let completed = match text.len() {
        10 => format!("{text}T00:00:00Z"),
        16 => format!("{text}:00Z"),
        19 => format!("{text}Z"),
        _ => text.to_owned(),
    };
    completed.replacen(' ', "T", 1).parse().or_else(|error| match error {
        TimeError::Malformed(_) => text.parse(),
        other => Err(other),
    })
}
