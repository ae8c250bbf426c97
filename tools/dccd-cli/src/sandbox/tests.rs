use std::collections::BTreeSet;

use seccompiler::TargetArch;

use super::Powers;
use super::calls::{filters, refused};

fn every_sort() -> [Powers; 5] {
    let none = Powers::none;
    [none(), none().read(["/"]).write(["/tmp"]), none().connect(), none().listen(), Powers::of_programs()]
}

/// The calls that are refused, whatever their arguments are.
fn refused_whole(powers: &Powers) -> BTreeSet<libc::c_long> {
    let rules = refused(powers).expect("rules that hold water");
    rules.into_iter().filter(|(_, rules)| rules.is_empty()).map(|(call, _)| call).collect()
}

#[test]
fn filters_are_short_on_every_architecture() {
    // The kernel tries each number once for each filter, so that length costs at the start of every program.
    const INSTRUCTIONS_MAX: usize = 1_000;
    for arch in [TargetArch::x86_64, TargetArch::aarch64] {
        for powers in every_sort() {
            let filters = filters(&powers, arch).expect("filters that compile");
            assert_eq!(filters.len(), if powers.starts_programs { 1 } else { 2 });
            assert!(filters.iter().all(|filter| filter.len() < INSTRUCTIONS_MAX), "{powers:?}");
        }
    }
}

#[test]
fn nobody_starts_a_program_but_those_who_have_to() {
    for powers in every_sort() {
        let refused = refused_whole(&powers);
        assert_eq!(refused.contains(&libc::SYS_execve), !powers.starts_programs, "{powers:?}");
        assert!(refused.contains(&libc::SYS_ptrace), "{powers:?}");
    }
}

#[test]
fn each_power_gives_back_what_it_takes_and_no_more() {
    let none = refused_whole(&Powers::none());
    let check = |powers: Powers, expected: &[libc::c_long]| {
        let given: Vec<libc::c_long> = none.difference(&refused_whole(&powers)).copied().collect();
        let expected: BTreeSet<libc::c_long> = expected.iter().copied().collect();
        assert_eq!(given, expected.into_iter().collect::<Vec<_>>(), "{powers:?}");
    };
    let asks = [libc::SYS_socket, libc::SYS_socketpair, libc::SYS_connect, libc::SYS_bind];
    let answers = [libc::SYS_listen, libc::SYS_accept, libc::SYS_accept4];
    check(Powers::none().read(["/"]), &[]);
    check(Powers::none().connect(), &asks);
    check(Powers::none().listen(), &[asks.as_slice(), &answers].concat());
    let written = refused_whole(&Powers::none().write(["/tmp"]));
    assert!([libc::SYS_renameat, libc::SYS_unlinkat].iter().all(|call| !written.contains(call)));
    assert!(asks.iter().chain(&answers).all(|call| written.contains(call)));
}
