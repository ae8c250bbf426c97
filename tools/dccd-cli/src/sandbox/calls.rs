//! Seccomp: which system calls there are.
//!
//! Two filters, of which the stricter holds. One refuses what this very tool has no business with. The other has what
//! programs like ours may ever need; anything else does not exist, so that a library which tries something newer falls
//! back, and nobody finds a way round the first. Reading, writing and waiting are allowed without a look at their
//! arguments, which the kernel remembers: they cost nothing.

use std::collections::BTreeMap;
use std::env::consts::ARCH;

use libc::{c_int, c_long};
use seccompiler::SeccompCmpArgLen::Dword;
use seccompiler::SeccompCmpOp::{self, Eq, MaskedEq, Ne};
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCondition, SeccompFilter, SeccompRule, TargetArch,
    apply_filter_all_threads,
};

use super::{Network, Powers};

/// What every tool may need, with either C library, today or tomorrow.
const USUAL: &[c_long] = &[
    // Reading, writing, waiting.
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_readv,
    libc::SYS_writev,
    libc::SYS_pread64,
    libc::SYS_pwrite64,
    libc::SYS_preadv,
    libc::SYS_pwritev,
    libc::SYS_preadv2,
    libc::SYS_pwritev2,
    libc::SYS_lseek,
    libc::SYS_close,
    libc::SYS_close_range,
    libc::SYS_dup,
    libc::SYS_dup3,
    libc::SYS_fcntl,
    libc::SYS_flock,
    libc::SYS_ioctl,
    libc::SYS_pipe2,
    libc::SYS_splice,
    libc::SYS_tee,
    libc::SYS_sendfile,
    libc::SYS_copy_file_range,
    libc::SYS_ppoll,
    libc::SYS_pselect6,
    libc::SYS_epoll_create1,
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    libc::SYS_epoll_pwait2,
    libc::SYS_eventfd2,
    libc::SYS_timerfd_create,
    libc::SYS_timerfd_settime,
    libc::SYS_timerfd_gettime,
    // Files.
    libc::SYS_openat,
    libc::SYS_statx,
    libc::SYS_newfstatat,
    libc::SYS_fstat,
    libc::SYS_statfs,
    libc::SYS_fstatfs,
    libc::SYS_getdents64,
    libc::SYS_readlinkat,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_getcwd,
    libc::SYS_fadvise64,
    libc::SYS_readahead,
    libc::SYS_fsync,
    libc::SYS_fdatasync,
    libc::SYS_sync_file_range,
    libc::SYS_syncfs,
    libc::SYS_ftruncate,
    libc::SYS_fallocate,
    libc::SYS_umask,
    // Memory.
    libc::SYS_mmap,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_mprotect,
    libc::SYS_madvise,
    libc::SYS_mincore,
    libc::SYS_msync,
    libc::SYS_brk,
    libc::SYS_membarrier,
    libc::SYS_memfd_create,
    // Threads. There is no clone3: its flags cannot be seen here, and libraries know how to do without.
    libc::SYS_clone,
    libc::SYS_futex,
    libc::SYS_futex_waitv,
    libc::SYS_set_robust_list,
    libc::SYS_get_robust_list,
    libc::SYS_set_tid_address,
    libc::SYS_rseq,
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_setaffinity,
    libc::SYS_sched_getparam,
    libc::SYS_sched_getscheduler,
    libc::SYS_sched_get_priority_max,
    libc::SYS_sched_get_priority_min,
    libc::SYS_getcpu,
    libc::SYS_exit,
    libc::SYS_exit_group,
    // Signals, to ourselves alone.
    libc::SYS_tgkill,
    libc::SYS_tkill,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_rt_sigpending,
    libc::SYS_rt_sigsuspend,
    libc::SYS_rt_sigtimedwait,
    libc::SYS_sigaltstack,
    libc::SYS_restart_syscall,
    // Clocks.
    libc::SYS_clock_gettime,
    libc::SYS_clock_getres,
    libc::SYS_clock_nanosleep,
    libc::SYS_nanosleep,
    libc::SYS_gettimeofday,
    // Who and where we are.
    libc::SYS_getpid,
    libc::SYS_getppid,
    libc::SYS_gettid,
    libc::SYS_getpgid,
    libc::SYS_getsid,
    libc::SYS_getuid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getegid,
    libc::SYS_getgroups,
    libc::SYS_getresuid,
    libc::SYS_getresgid,
    libc::SYS_getrusage,
    libc::SYS_prlimit64,
    libc::SYS_getrlimit,
    libc::SYS_times,
    libc::SYS_sysinfo,
    libc::SYS_uname,
    libc::SYS_getrandom,
    libc::SYS_prctl,
    // Sockets that are open: standard streams may be such, too.
    libc::SYS_sendto,
    libc::SYS_recvfrom,
    libc::SYS_sendmsg,
    libc::SYS_recvmsg,
    libc::SYS_sendmmsg,
    libc::SYS_recvmmsg,
    libc::SYS_shutdown,
    libc::SYS_getsockname,
    libc::SYS_getpeername,
    libc::SYS_setsockopt,
    libc::SYS_getsockopt,
];

/// The same by the older names that only this architecture has.
#[cfg(target_arch = "x86_64")]
const USUAL_OLD: &[c_long] = &[
    libc::SYS_open,
    libc::SYS_stat,
    libc::SYS_lstat,
    libc::SYS_access,
    libc::SYS_readlink,
    libc::SYS_getdents,
    libc::SYS_poll,
    libc::SYS_select,
    libc::SYS_epoll_create,
    libc::SYS_epoll_wait,
    libc::SYS_eventfd,
    libc::SYS_pipe,
    libc::SYS_dup2,
    libc::SYS_time,
    libc::SYS_getpgrp,
    libc::SYS_pause,
    libc::SYS_arch_prctl,
];
#[cfg(not(target_arch = "x86_64"))]
const USUAL_OLD: &[c_long] = &[];

/// Making, removing and changing files by their names.
const WRITES: &[c_long] = &[
    libc::SYS_mkdirat,
    libc::SYS_unlinkat,
    libc::SYS_renameat,
    libc::SYS_renameat2,
    libc::SYS_linkat,
    libc::SYS_symlinkat,
    libc::SYS_truncate,
    libc::SYS_fchmod,
    libc::SYS_fchmodat,
    libc::SYS_fchown,
    libc::SYS_fchownat,
    libc::SYS_utimensat,
];
#[cfg(target_arch = "x86_64")]
const WRITES_OLD: &[c_long] = &[
    libc::SYS_creat,
    libc::SYS_mkdir,
    libc::SYS_rmdir,
    libc::SYS_unlink,
    libc::SYS_rename,
    libc::SYS_link,
    libc::SYS_symlink,
    libc::SYS_chmod,
    libc::SYS_chown,
    libc::SYS_lchown,
];
#[cfg(not(target_arch = "x86_64"))]
const WRITES_OLD: &[c_long] = &[];

/// Opening for anything but reading has one of these flags.
const WRITE_FLAGS: [c_int; 4] = [libc::O_WRONLY, libc::O_RDWR, libc::O_CREAT, libc::O_TRUNC];

/// Opening sockets to ask others. Resolvers bind theirs, to no port of their choice.
const CONNECTS: &[c_long] = &[libc::SYS_socket, libc::SYS_socketpair, libc::SYS_connect, libc::SYS_bind];
/// The families that a client needs, the last to look names up. Services of this host are not for it: through their sockets
/// some own the host, and libraries ask name servers where a resolver's own socket is refused.
const FAMILIES: [c_int; 3] = [libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK];
const LISTENS: &[c_long] = &[libc::SYS_listen, libc::SYS_accept, libc::SYS_accept4];

/// Starting programs, and ending or changing those of others.
const PROGRAMS: &[c_long] = &[libc::SYS_execve, libc::SYS_execveat, libc::SYS_kill, libc::SYS_ptrace];
#[cfg(target_arch = "x86_64")]
const PROGRAMS_OLD: &[c_long] = &[libc::SYS_fork, libc::SYS_vfork];
#[cfg(not(target_arch = "x86_64"))]
const PROGRAMS_OLD: &[c_long] = &[];

/// `TIOCSTI` and `TIOCLINUX`, which type into the terminal that we were started from.
const TYPING: [u64; 2] = [0x5412, 0x541c];

/// What only administrators and debuggers do; whoever starts programs gives up no more.
const ADMINISTRATION: &[c_long] = &[
    libc::SYS_acct,
    libc::SYS_adjtimex,
    libc::SYS_bpf,
    libc::SYS_chroot,
    libc::SYS_clock_adjtime,
    libc::SYS_clock_settime,
    libc::SYS_delete_module,
    libc::SYS_finit_module,
    libc::SYS_init_module,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_io_uring_setup,
    libc::SYS_kexec_load,
    libc::SYS_mount,
    libc::SYS_move_mount,
    libc::SYS_open_by_handle_at,
    libc::SYS_perf_event_open,
    libc::SYS_pivot_root,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_ptrace,
    libc::SYS_quotactl,
    libc::SYS_reboot,
    libc::SYS_sethostname,
    libc::SYS_setns,
    libc::SYS_settimeofday,
    libc::SYS_swapoff,
    libc::SYS_swapon,
    libc::SYS_umount2,
    libc::SYS_unshare,
    libc::SYS_userfaultfd,
];

/// Restricts every thread of this process, and all it will ever start.
pub(super) fn restrict(powers: &Powers) -> Result<(), seccompiler::Error> {
    for filter in filters(powers, TargetArch::try_from(ARCH)?)? {
        apply_filter_all_threads(&filter)?;
    }
    Ok(())
}

/// The filters in the order in which they are put up: the one without a call for another comes last.
pub(super) fn filters(powers: &Powers, arch: TargetArch) -> Result<Vec<BpfProgram>, BackendError> {
    let error = |number: c_int| SeccompAction::Errno(number.cast_unsigned());
    let refused = SeccompFilter::new(refused(powers)?, SeccompAction::Allow, error(libc::EPERM), arch)?;
    if powers.starts_programs {
        return Ok(vec![refused.try_into()?]);
    }
    let known = [USUAL, USUAL_OLD, WRITES, WRITES_OLD, CONNECTS, LISTENS, PROGRAMS, PROGRAMS_OLD];
    let known = known.iter().flat_map(|calls| calls.iter().map(|call| (*call, Vec::new())));
    let known = SeccompFilter::new(known.collect(), error(libc::ENOSYS), SeccompAction::Allow, arch)?;
    Ok(vec![refused.try_into()?, known.try_into()?])
}

/// Rules by the number of a call, of which one has to match; none is needed where its arguments do not matter.
type Rules = BTreeMap<c_long, Vec<SeccompRule>>;

/// What a tool with these powers is refused.
pub(super) fn refused(powers: &Powers) -> Result<Rules, BackendError> {
    let mut rules = Rules::new();
    let refuse = |rules: &mut Rules, calls: &[c_long]| rules.extend(calls.iter().map(|call| (*call, Vec::new())));
    let typing = TYPING.iter().map(|request| rule([(1, Eq, *request)]));
    rules.insert(libc::SYS_ioctl, typing.collect::<Result<_, _>>()?);
    if powers.starts_programs {
        refuse(&mut rules, ADMINISTRATION);
        return Ok(rules);
    }
    refuse(&mut rules, PROGRAMS);
    refuse(&mut rules, PROGRAMS_OLD);
    rules.insert(libc::SYS_clone, vec![rule([(0, MaskedEq(bits(libc::CLONE_THREAD)), 0)])?]);
    if powers.writes.is_empty() {
        refuse(&mut rules, WRITES);
        refuse(&mut rules, WRITES_OLD);
        let opens_at = WRITE_FLAGS.iter().map(|flag| rule([(2, MaskedEq(bits(*flag)), bits(*flag))]));
        rules.insert(libc::SYS_openat, opens_at.collect::<Result<_, _>>()?);
        #[cfg(target_arch = "x86_64")]
        {
            let opens = WRITE_FLAGS.iter().map(|flag| rule([(1, MaskedEq(bits(*flag)), bits(*flag))]));
            rules.insert(libc::SYS_open, opens.collect::<Result<_, _>>()?);
        }
    }
    match powers.network {
        Network::None => {
            refuse(&mut rules, CONNECTS);
            refuse(&mut rules, LISTENS);
        }
        Network::Client => {
            refuse(&mut rules, LISTENS);
            rules.insert(libc::SYS_socket, vec![rule(FAMILIES.map(|family| (0, Ne, bits(family))))?]);
        }
        Network::Server => {}
    }
    Ok(rules)
}

/// A rule that matches if all of these hold: the place of an argument, the comparison, and what it is compared with.
fn rule<const N: usize>(conditions: [(u8, SeccompCmpOp, u64); N]) -> Result<SeccompRule, BackendError> {
    let conditions =
        conditions.into_iter().map(|(place, compare, with)| SeccompCondition::new(place, Dword, compare, with));
    SeccompRule::new(conditions.collect::<Result<_, _>>()?)
}

/// A constant of C as a register has it.
fn bits(constant: c_int) -> u64 {
    u64::from(constant.cast_unsigned())
}
