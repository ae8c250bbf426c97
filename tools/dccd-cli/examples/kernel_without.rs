//! Runs a program as if on a kernel without Landlock or without seccomp: `kernel_without landlock dccd-fetch ...`.
//!
//! The calls that ask for it do not exist for the program, as in containers that know too little of them.

use std::error::Error;
use std::os::unix::process::CommandExt;
use std::process::Command;

use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, apply_filter};

const LANDLOCK: [i64; 3] =
    [libc::SYS_landlock_create_ruleset, libc::SYS_landlock_add_rule, libc::SYS_landlock_restrict_self];

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args_os().skip(1);
    let calls = match args.next().as_deref().and_then(|layer| layer.to_str()) {
        Some("landlock") => LANDLOCK.to_vec(),
        Some("seccomp") => vec![libc::SYS_seccomp],
        _ => return Err("say landlock or seccomp".into()),
    };
    let program = args.next().ok_or("name a program")?;
    let missing = calls.into_iter().map(|call| (call, Vec::new())).collect();
    let (usual, unknown) = (SeccompAction::Allow, SeccompAction::Errno(libc::ENOSYS.cast_unsigned()));
    let filter = SeccompFilter::new(missing, usual, unknown, std::env::consts::ARCH.try_into()?)?;
    apply_filter(&BpfProgram::try_from(filter)?)?;
    Err(Command::new(program).args(args).exec().into())
}
