#!/usr/bin/env bash
# Installs MySQL 9 for the tests: Debian's unstable suite, which has it, goes into a root folder of its own. Nothing of the
# machine's own installation is touched, and nothing is started. Needs root, and debootstrap (apt-get install debootstrap);
# takes some two minutes and 800 MB. The folder: $LICET_MYSQL9_ROOT, or licet-mysql9 in the temporary folder.
set -euo pipefail

root=${LICET_MYSQL9_ROOT:-${TMPDIR:-/tmp}/licet-mysql9}
mirror=${LICET_DEBIAN_MIRROR:-http://deb.debian.org/debian}

if [ -x "$root/usr/sbin/mysqld" ]; then
	echo "MySQL is in $root already"
	exit 0
fi
[ "$(id -u)" = 0 ] || { echo "only root can run debootstrap" >&2; exit 1; }
if ! command -v debootstrap > /dev/null; then
	apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends debootstrap
fi

# Built beside its place and moved there when it is whole, so that what was interrupted is not taken for it.
half="$root.half"
rm -rf "$half"
trap 'rm -rf "$half"' EXIT
debootstrap --variant=minbase sid "$half" "$mirror"
# Packages must not start services of theirs.
printf '#!/bin/sh\nexit 101\n' > "$half/usr/sbin/policy-rc.d"
chmod 755 "$half/usr/sbin/policy-rc.d"
chroot "$half" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
	mysql-server-core mysql-client-core adduser
chroot "$half" sh -c 'id mysql > /dev/null 2>&1 || adduser --system --group --home /nonexistent --no-create-home mysql'
chroot "$half" apt-get clean
[ -x "$half/usr/sbin/mysqld" ] || { echo "the suite's packages have no mysqld" >&2; exit 1; }
mkdir -p "$half/srv"
mv "$half" "$root"
trap - EXIT
echo "MySQL is in $root: $(chroot "$root" /usr/sbin/mysqld --version)"
