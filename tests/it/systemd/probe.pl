# Tries what no unit of dccd needs, and says of each attempt whether it succeeded.
use strict;
use warnings;
use POSIX ();
use Socket;

sub try_to {
    my ($what, $attempt) = @_;
    $! = 0;
    my $is_done = $attempt->();
    print "$what: ", ($is_done ? 'done' : 'denied' . ($! ? " ($!)" : '')), "\n";
}

# Attempts.
sub to_write { my ($path) = @_; return sub { open(my $file, '>>', $path) } }
sub to_read { my ($path) = @_; return sub { open(my $file, '<', $path) or return; defined readline $file } }
sub to_run { my ($command) = @_; return sub { system("$command >/dev/null 2>&1") == 0 } }
sub to_open { my ($family, $type, $protocol) = @_; return sub { socket(my $socket, $family, $type, $protocol) } }

# The number of a system call: that of x86_64, or that of whatever is newer.
my $is_x86 = `uname -m` =~ /x86_64/;
sub call { return $_[$is_x86 ? 0 : 1] }

try_to 'write to the store', to_write('probe');
try_to 'read /etc', to_read('/etc/passwd');
try_to 'run a program', to_run('true');
try_to 'open an internet socket', to_open(PF_INET, SOCK_STREAM, 0);

try_to 'run what it wrote', to_run('cp /bin/true mine && ./mine');
try_to "write to $_", to_write("$_/ours") for '/etc', '/usr/lib', '/srv', '/opt';
try_to 'write to /dev', to_write('/dev/ours');
try_to 'read a home', to_read('/home/kim/secret');
try_to 'read the home of root', to_read('/root/secret');
try_to 'read what others keep in /tmp', to_read('/tmp/ours');
try_to 'see a process of another user', to_read('/proc/1/cmdline');
try_to 'signal a process of another user', to_run('kill -s CONT 1');
try_to 'read settings of the kernel', to_read('/proc/sys/kernel/ostype');
try_to 'open a packet socket', to_open(17, SOCK_RAW, 0);
try_to 'open a netlink socket', to_open(16, SOCK_RAW, 0);
try_to 'open a raw socket', to_open(PF_INET, SOCK_RAW, 1);
try_to 'make a device', to_run('mknod node c 1 3');
try_to 'make a program that runs as its owner', sub { chmod(04755, 'probe') };
try_to 'give a file away', sub { chown(1, 1, 'probe') };
try_to 'map memory to write and run', sub { syscall(call(9, 222), 0, 4096, 7, 0x22, -1, 0) > 0 };
try_to 'make a namespace of users', to_run('unshare --user true');
try_to 'make a namespace of mounts', to_run('unshare --mount true');
try_to 'mount', to_run('mount -t tmpfs none /mnt');
try_to 'change the root', to_run('chroot / true');
try_to 'become somebody else', to_run('setpriv --reuid=1 --clear-groups true');
try_to 'take a realtime priority', to_run('chrt --fifo 1 true');
try_to 'take a higher priority', to_run('renice -n -5 $$');
try_to 'act as another machine', to_run('setarch --uname-2.6 true');
# To be traced by one's parent needs no right at all.
try_to 'trace a process', sub {
    my $child = fork;
    POSIX::_exit(syscall(call(101, 117), 0, 0, 0, 0) == 0 ? 0 : 1) if !$child;
    return waitpid($child, 0) == $child && $? == 0;
};
