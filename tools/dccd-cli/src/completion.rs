//! Scripts that complete a tool's flags in a shell.

use std::ffi::OsString;
use std::io::{self, Write};

use clap::{Command, CommandFactory, ValueEnum};
use clap_complete::{Shell, generate};

use crate::status::Status;

/// `TOOL --completions bash` prints a script; it stands alone and is for `dccd --install-completion`, not for people.
const FLAG: &str = "--completions";

/// Prints the script that was asked for, if one was.
pub(crate) fn answer<A: CommandFactory>(name: &'static str) -> Option<Status> {
    let mut args = std::env::args_os().skip(1);
    if args.next()? != FLAG {
        return None;
    }
    let script = write::<A>(name, args.next());
    Some(match script.and_then(|script| io::stdout().write_all(&script).map_err(|error| error.to_string())) {
        Ok(()) => Status::Ok,
        Err(message) => {
            let _ = writeln!(io::stderr(), "{name}: {message}");
            Status::Usage
        }
    })
}

fn write<A: CommandFactory>(name: &'static str, shell: Option<OsString>) -> Result<Vec<u8>, String> {
    let shell = shell.and_then(|shell| Shell::from_str(shell.to_str()?, false).ok());
    let shell = shell.ok_or_else(|| format!("{FLAG} needs the name of a shell: bash, fish or zsh"))?;
    let mut script = Vec::new();
    let mut command: Command = A::command();
    generate(shell, &mut command, name, &mut script);
    Ok(script)
}
