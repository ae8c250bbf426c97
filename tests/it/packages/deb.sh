# What happens to a package over the years, as root in a root folder of its own where no systemd runs. /mnt/dccd.deb is
# the package.
# shellcheck shell=sh
set -eux

expect() {
    [ "$1" = "$2" ] || {
        printf 'expected %s, found %s\n' "$2" "$1" >&2
        exit 1
    }
}

data=/var/lib/dccd/data/binance/trades/BTC-USDT
config=/etc/dccd/config.yml

# An index of all manuals, and safety from power cuts, would take most of the time.
rm -f /var/lib/man-db/auto-update
export DPKG_FORCE=unsafe-io,depends

# Another version of the same package, with another example.
cp -R /mnt/dccd.deb /tmp/old.deb
dpkg-deb -R /tmp/old.deb /tmp/new
version=$(sed -n 's/^Version: //p' /tmp/new/DEBIAN/control)
sed -i "s/^Version: .*/Version: $version+newer/" /tmp/new/DEBIAN/control
echo '# There is more to say.' >>/tmp/new$config
dpkg-deb -Znone -b /tmp/new /tmp/new.deb >/dev/null

# Installed, it belongs to whom it should, collects nothing and complains of nothing.
dpkg -i /tmp/old.deb
expect "$(stat -c %U:%G:%a $config)" root:dccd:640
expect "$(stat -c %U:%G /var/lib/dccd)" dccd:dccd
expect "$(stat -c %U:%G:%a /var/lib/dccd/budget)" dccd:dccd:2775
expect "$(dccd --version)" "dccd $(dccd-config --version | cut -d' ' -f2)"
dccd validate --config $config
expect "$(runuser -u dccd -- dccd-config jobs --quiet --config $config)" ''

# So it does where there is not even systemd-tmpfiles.
tmpfiles=$(command -v systemd-tmpfiles)
mv "$tmpfiles" /tmp/
rm -r /var/lib/dccd
dpkg -i /tmp/old.deb
expect "$(stat -c %U:%G /var/lib/dccd)" dccd:dccd
expect "$(stat -c %U:%G:%a /var/lib/dccd/budget)" dccd:dccd:2775
mv /tmp/systemd-tmpfiles "$tmpfiles"

# Whoever has another one before it in the way is told.
mkdir -p /usr/local/lib/dccd
touch /usr/local/lib/dccd/installed
dpkg -i /tmp/old.deb 2>/tmp/said
grep 'below /usr/local, hides this one' /tmp/said
rm -r /usr/local/lib/dccd

# Upgraded, what was edited stays: content, owner and mode.
mkdir -p $data
echo precious >$data/2024-01-01.parquet
printf 'settings: {data_path: /var/lib/dccd/data}\n' >$config
chmod 600 $config
dpkg --force-confold -i /tmp/new.deb
expect "$(cat $config)" 'settings: {data_path: /var/lib/dccd/data}'
expect "$(stat -c %U:%G:%a $config)" root:dccd:600

# An upgrade with an example that nobody had edited brings the new one.
dpkg --purge dccd
dpkg -i /tmp/old.deb
dpkg -i /tmp/new.deb
expect "$(tail -n 1 $config)" '# There is more to say.'
expect "$(stat -c %U:%G:%a $config)" root:dccd:640

# Removed and purged, it leaves what was collected, and says so; secrets beside the configuration stay too.
echo secret >/etc/dccd/webhook
mkdir -p /var/lib/dccd/rclone /var/lib/systemd/timers
touch /var/lib/dccd/budget/binance.budget /var/lib/dccd/rclone/rclone.conf /var/lib/dccd/config.valid.yml
touch /var/lib/systemd/timers/stamp-dccd-repair.timer
dpkg --remove dccd
expect "$(cat $data/2024-01-01.parquet)" precious
[ -e $config ]
dpkg --purge dccd 2>/tmp/said
cat /tmp/said >&2
grep 'what was collected is left in /var/lib/dccd' /tmp/said
expect "$(cat $data/2024-01-01.parquet)" precious
expect "$(cat /etc/dccd/webhook)" secret
[ ! -e $config ]
expect "$(ls /var/lib/dccd)" data
[ ! -e /var/lib/systemd/timers/stamp-dccd-repair.timer ]
[ ! -e /usr/lib/dccd ]
expect "$(dpkg-query -W -f '${Status}' dccd 2>/dev/null || echo gone)" gone
echo 'all is well'
