//! Landlock: which files can be opened, and for what.

use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, Ruleset, RulesetAttr, RulesetCreatedAttr,
    RulesetError, RulesetStatus, Scope, make_bitflags, path_beneath_rules,
};

use super::{Network, Powers};
use crate::env;

/// The newest that these rules were tried with; of it, whatever the kernel has.
const NEWEST: ABI = ABI::V7;

/// What a dated table or a backtrace may want to read, whoever prints it.
const ALWAYS: &[&str] = &["/usr/share/zoneinfo", "/proc/self/exe"];

/// What looking up a name and checking a certificate may want to read. Links out of `/etc` lead to some of it.
const OF_CLIENTS: &[&str] = &[
    "/etc",
    // Modules of the name service, and what they need.
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/usr/local/lib",
    "/gnu/store",
    "/nix/store",
    // Certificates.
    "/usr/local/share/ca-certificates",
    "/usr/local/ssl",
    "/usr/share/ca-certificates",
    "/usr/share/pki",
    "/var/lib/ca-certificates",
];

const READ: BitFlags<AccessFs> = make_bitflags!(AccessFs::{ReadFile | ReadDir});
/// All that a store needs; no device, socket or link is ever made.
const WRITE: BitFlags<AccessFs> = make_bitflags!(AccessFs::{
    ReadFile | ReadDir | WriteFile | Truncate | MakeReg | MakeDir | RemoveFile | RemoveDir | Refer
});

/// Restricts this thread and all that it will start.
pub(super) fn restrict(powers: &Powers) -> Result<RulesetStatus, RulesetError> {
    let mut rules = Ruleset::default();
    if !powers.writes.is_empty() {
        // The first version refuses every rename from one folder to another: such a kernel does without.
        rules = rules.set_compatibility(CompatLevel::SoftRequirement).handle_access(AccessFs::Refer)?;
        rules = rules.set_compatibility(CompatLevel::BestEffort);
    }
    rules = rules.handle_access(AccessFs::from_all(NEWEST))?.scope(Scope::from_all(NEWEST))?;
    rules = match powers.network {
        Network::None => rules.handle_access(AccessNet::from_all(NEWEST))?,
        Network::Client => rules.handle_access(AccessNet::BindTcp)?,
        Network::Server => rules.handle_access(AccessNet::ConnectTcp)?,
    };
    let mut created = rules.create()?;
    let reads = ALWAYS.iter().map(PathBuf::from).chain(client_paths(powers.network)).chain(powers.reads.clone());
    for rule in path_beneath_rules(reads, READ).chain(path_beneath_rules(&powers.writes, WRITE)) {
        // What is no file of a disk, such as a pipe, cannot be named, and need not be.
        let _ = (&mut created).add_rule(rule?);
    }
    Ok(created.restrict_self()?.ruleset)
}

/// What a client reads: the usual places, and where this host keeps things.
fn client_paths(network: Network) -> Vec<PathBuf> {
    if network != Network::Client {
        return Vec::new();
    }
    let certificates = env::CERTIFICATES.into_iter().filter_map(env::value);
    let certificates = certificates.flat_map(|paths| std::env::split_paths(&paths).collect::<Vec<_>>());
    OF_CLIENTS.iter().map(PathBuf::from).chain(resolver_dir()).chain(certificates).collect()
}

/// The folder of the file that names resolvers: it is replaced while we run, and what leads to it may be there before it.
fn resolver_dir() -> Option<PathBuf> {
    let file = Path::new("/etc/resolv.conf");
    let found = file.canonicalize().or_else(|_| file.read_link().map(|target| Path::new("/etc").join(target)));
    found.ok()?.ancestors().skip(1).find(|dir| dir.is_dir()).map(Path::to_owned)
}
