#!/bin/sh
# Boot a private machine for tests: a real systemd over an overlay of this host's root
#
# Usage: boot-systemd.sh      as root; takes orders on stdin, a word on each line, and answers on stdout
#
#   up     boot it: "up PID" names its first process, whose namespaces nsenter can enter
#   down   power it off in good order: "down"
#   cut    end everything in it at once, as a power cut does: "down"
#
# What was written stays from one boot to the next. At the end of stdin all is ended and removed: nothing of the machine
# outlives who gave the orders, however he ended. Its network is a loopback interface of its own, which outlives boots.
#
# Needs: systemd, util-linux, iproute2, overlayfs, a mount of cgroup2 (unified or hybrid).
set -eu

complain() {
    printf 'boot-systemd.sh: %s\n' "$1" >&2
    exit 1
}

# Runs a command in the machine.
inside() {
    nsenter -t "$init" -m -p -u -i -n -C -r -w env -i container=box PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"
}

serve() {
    home=$(mktemp -d "${TMPDIR:-/tmp}/dccd-machine.XXXXXX")
    first=
    init=
    groups=
    trap 'exit 1' TERM INT HUP PIPE
    trap clean EXIT
    mkdir "$home/disk"
    mount -t tmpfs -o mode=755 tmpfs "$home/disk"
    mkdir "$home/disk/upper" "$home/disk/work" "$home/disk/root"
    ip link set lo up
    find_groups
    prepare
    while read -r order; do
        case $order in
        up) start ;;
        down) stop && echo down ;;
        cut) cut && echo down ;;
        *) complain "there is no order '$order'" ;;
        esac
    done
}

clean() {
    trap '' TERM INT HUP PIPE
    cut || :
    umount "$home/disk" || :
    rm -rf "$home"
}

# Groups of its own, directly below the root of cgroup2, where a group may have processes and groups in it. Where the
# controllers are still those of version 1, limits of memory and tasks hold only if these have groups, too.
find_groups() {
    name=${home##*/}
    unified=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
    [ -n "$unified" ] || complain 'there is no mount of cgroup2'
    { echo '+memory +pids' >"$unified/cgroup.subtree_control"; } 2>/dev/null || :
    groups=$unified/$name
    controllers=
    for controller in memory pids name=systemd; do
        mounted=$(awk -v wanted="$controller" '$3 == "cgroup" && index("," $4 ",", "," wanted ",") { print $2; exit }' /proc/mounts)
        [ -n "$mounted" ] || continue
        own=$(awk -F : -v wanted="$controller" '$2 == wanted { print $3 }' /proc/self/cgroup)
        controllers="$controllers $controller"
        groups="$groups $mounted${own%/}/$name"
    done
}

# What the machine has of its own. Nothing that is enabled on the host is enabled in it.
prepare() {
    upper=$home/disk/upper
    mkdir -p "$upper/etc/systemd/system" "$upper/etc/systemd/system-generators" "$upper/etc/systemd/journald.conf.d" \
        "$upper/usr/sbin" "$upper/var/lib"
    # In images of containers a policy keeps packages from starting anything.
    for path in /etc/systemd/system/* /etc/dccd /var/lib/dccd /usr/sbin/policy-rc.d; do
        # A device 0/0 hides what is below it.
        [ ! -e "$path" ] || mknod "$upper$path" c 0 0
    done
    units=$upper/etc/systemd/system
    for generator in /lib/systemd/system-generators/*; do
        ln -s /dev/null "$upper/etc/systemd/system-generators/${generator##*/}"
    done
    # Hardware, the kernel's settings, the network and the housekeeping of the host are none of its business.
    for unit in systemd-udevd.service systemd-udev-trigger.service systemd-udevd-control.socket systemd-udevd-kernel.socket \
        systemd-modules-load.service systemd-sysctl.service systemd-random-seed.service systemd-update-utmp.service \
        systemd-update-utmp-runlevel.service systemd-hwdb-update.service systemd-remount-fs.service systemd-timesyncd.service \
        systemd-networkd.service systemd-resolved.service kmod-static-nodes.service systemd-tmpfiles-setup-dev.service \
        systemd-boot-system-token.service systemd-journald-audit.socket systemd-binfmt.service systemd-firstboot.service \
        systemd-machine-id-commit.service systemd-sysusers.service systemd-journal-catalog-update.service \
        systemd-update-done.service systemd-pcrphase.service systemd-pcrphase-sysinit.service ldconfig.service \
        proc-sys-fs-binfmt_misc.automount sys-kernel-debug.mount sys-kernel-tracing.mount sys-kernel-config.mount \
        sys-fs-fuse-connections.mount dev-hugepages.mount dev-mqueue.mount getty.target console-getty.service \
        systemd-ask-password-console.path systemd-ask-password-wall.path systemd-tmpfiles-clean.timer; do
        ln -s /dev/null "$units/$unit"
    done
    cat >"$units/box.target" <<'UNIT'
[Unit]
Description=Machine for tests
Requires=basic.target
Wants=multi-user.target
After=basic.target
AllowIsolate=yes
UNIT
    printf '[Journal]\nStorage=volatile\nRateLimitIntervalSec=0\n' >"$upper/etc/systemd/journald.conf.d/box.conf"
    : >"$upper/etc/fstab"
    tr -d - </proc/sys/kernel/random/uuid >"$upper/etc/machine-id"
    # What is seen only inside: nothing is run before it is seen.
    : >"$upper/etc/$name"
}

start() {
    [ -z "$first" ] || complain 'it runs already'
    # shellcheck disable=SC2086 # the folders are words
    mkdir $groups
    # Its processes end with the first of them, that one with unshare, and unshare with this.
    home=$home groups=$groups controllers=$controllers setpriv --pdeathsig KILL \
        unshare --fork --kill-child --pid --mount --uts --ipc sh "$0" enter >"$home/console" 2>&1 &
    first=$!
    looks=0
    until find_init && is_up; do
        looks=$((looks + 1))
        if [ "$looks" -gt 1200 ] || ! kill -0 "$first" 2>/dev/null; then
            cat "$home/console" >&2
            complain 'the machine did not boot'
        fi
        sleep 0.05
    done
    echo "up $init"
}

find_init() {
    init=$(awk '{ print $1 }' "/proc/$first/task/$first/children" 2>/dev/null)
    [ -n "$init" ]
}

is_up() {
    inside test -e "/etc/$name" -a -S /run/systemd/private 2>/dev/null && inside systemctl --quiet is-active basic.target 2>/dev/null
}

# 38 is SIGRTMIN+4, which tells systemd to power off.
stop() {
    [ -n "$init" ] || complain 'it does not run'
    kill -38 "$init"
    looks=0
    while kill -0 "$first" 2>/dev/null; do
        looks=$((looks + 1))
        if [ "$looks" -gt 2000 ]; then
            cat "$home/console" >&2
            complain 'the machine did not power off'
        fi
        sleep 0.05
    done
    cut
}

# A group is busy for a moment after its last process.
cut() {
    if [ -n "$first" ]; then
        [ -n "$init" ] || find_init || :
        kill -KILL "${init:-$first}" 2>/dev/null || :
        wait "$first" 2>/dev/null || :
    fi
    init=
    first=
    for group in $groups; do
        looks=0
        while [ -d "$group" ] && [ "$looks" -lt 100 ]; do
            find "$group" -depth -type d -exec rmdir {} + 2>/dev/null || sleep 0.05
            looks=$((looks + 1))
        done
    done
}

# The first process of the machine: alone in its groups, from where its view of groups is cut.
enter() {
    for group in $groups; do
        echo 0 >"$group/cgroup.procs"
    done
    exec unshare --cgroup sh "$0" root
}

# Makes the machine's root, and becomes systemd.
root() {
    mount --make-rprivate /
    root=$home/disk/root
    mount -t overlay -o "lowerdir=/,upperdir=$home/disk/upper,workdir=$home/disk/work" overlay "$root"
    mount -t proc -o nosuid,nodev,noexec proc "$root/proc"
    mount -t sysfs -o ro,nosuid,nodev,noexec sysfs "$root/sys"
    mount -t tmpfs -o mode=755,nosuid,nodev tmpfs "$root/run"
    mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs "$root/tmp"
    devices
    control_groups
    hostname box
    cd "$root"
    mkdir -p run/old
    pivot_root . run/old
    # shellcheck disable=SC2016 # for the shell inside
    exec chroot . /bin/sh -c 'umount -l /run/old; rmdir /run/old; mount --make-rshared /; exec env -i container=box \
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --system --unit=box.target \
        --log-target=journal-or-kmsg --show-status=0' </dev/null
}

devices() {
    mount -t tmpfs -o mode=755,nosuid tmpfs "$root/dev"
    for device in null zero full random urandom tty; do
        : >"$root/dev/$device"
        mount --bind "/dev/$device" "$root/dev/$device"
    done
    mkdir "$root/dev/pts" "$root/dev/shm"
    mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts "$root/dev/pts"
    mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs "$root/dev/shm"
    ln -s pts/ptmx "$root/dev/ptmx"
    ln -s /proc/self/fd "$root/dev/fd"
    ln -s /proc/self/fd/0 "$root/dev/stdin"
    ln -s /proc/self/fd/1 "$root/dev/stdout"
    ln -s /proc/self/fd/2 "$root/dev/stderr"
}

control_groups() {
    mounts=$root/sys/fs/cgroup
    if [ -z "$controllers" ]; then
        mount -t cgroup2 -o nosuid,nodev,noexec cgroup2 "$mounts"
        return
    fi
    mount -t tmpfs -o mode=755,nosuid,nodev,noexec tmpfs "$mounts"
    mkdir "$mounts/unified"
    mount -t cgroup2 -o nosuid,nodev,noexec cgroup2 "$mounts/unified"
    for controller in $controllers; do
        mkdir "$mounts/${controller#name=}"
        mount -t cgroup -o "nosuid,nodev,noexec,$controller" cgroup "$mounts/${controller#name=}"
    done
    mount -o remount,ro "$mounts"
}

case ${1:-} in
'')
    [ "$(id -u)" = 0 ] || complain 'only root may boot a machine'
    # Nothing that is mounted from here on is seen, or left behind, outside.
    exec unshare --mount --net --propagation private sh "$0" serve
    ;;
serve | enter | root) "$1" ;;
*) complain "there is no argument '$1'" ;;
esac
