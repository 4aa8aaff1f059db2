#!/usr/bin/env bash
# Brings psql, pg_dump and libpq of PostgreSQL 18 for the tests: Debian's unstable suite, which has them, is read with a
# state of apt's own, and its packages are unpacked into a folder of their own, with the C library that they were built
# for. Nothing of the machine's own installation is touched or asked, and no root is needed. Half a minute, 32 MB.
# The folder: $LICET_PSQL18_ROOT, or licet-psql18 in the temporary folder. Its bin/ has what runs them from there.
set -euo pipefail

root=${LICET_PSQL18_ROOT:-${TMPDIR:-/tmp}/licet-psql18}
mirror=${LICET_DEBIAN_MIRROR:-http://deb.debian.org/debian}
keys=/usr/share/keyrings/debian-archive-keyring.gpg

if [ -x "$root/bin/psql" ]; then
	echo "$("$root/bin/psql" --version) is in $root already"
	exit 0
fi
for need in apt-get dpkg-deb; do
	command -v "$need" > /dev/null || { echo "the packages of another suite are read with $need, which is not here" >&2; exit 1; }
done
[ -r "$keys" ] || { echo "Debian's keys are not in $keys (apt-get install debian-archive-keyring)" >&2; exit 1; }

# Built beside its place and moved there when it is whole, so that what was interrupted, or came second, is not taken for it.
half=$(mktemp -d "$root.XXXXXX")
trap 'rm -rf "$half"' EXIT
mkdir -p "$half"/apt/{state/lists/partial,cache/archives/partial,none,packages} "$half/bin"
touch "$half/apt/status"
echo "deb [signed-by=$keys] $mirror sid main" > "$half/apt/sources.list"
cat > "$half/apt/apt.conf" <<CONF
Dir::State "$half/apt/state";
Dir::State::status "$half/apt/status";
Dir::Cache "$half/apt/cache";
Dir::Etc::sourcelist "$half/apt/sources.list";
Dir::Etc::sourceparts "$half/apt/none";
Dir::Etc::preferencesparts "$half/apt/none";
Acquire::Languages "none";
APT::Sandbox::User "";
CONF
export APT_CONFIG=$half/apt/apt.conf
apt-get update -q
# Debian's own wrapper for its programs is of Perl, and not used here.
packages=$(apt-get install -s -q --no-install-recommends postgresql-client-18 | awk '/^Inst/ && $2 !~ /perl|^libdb|^libgdbm/ { print $2 }')
(cd "$half/apt/packages" && apt-get download -q $packages)
for package in "$half"/apt/packages/*.deb; do dpkg-deb -x "$package" "$half"; done
rm -rf "$half/apt" "$half/usr/share/doc" "$half/usr/share/man" "$half/usr/share/locale"

libraries=$(cd "$half" && dirname "$(find usr/lib -name libpq.so.5 | head -1)")
loader=$(cd "$half" && find . -name 'ld-linux*.so.*' | head -1)
[ -n "$loader" ] && [ -x "$half/usr/lib/postgresql/18/bin/psql" ] || { echo "the suite's packages have no psql 18" >&2; exit 1; }
# A program of the machine's own runs with these libraries too: bin/with PROGRAM …
cat > "$half/bin/with" <<WITH
#!/bin/sh
root=\$(dirname "\$0")/..
exec "\$root/$loader" --library-path "\$root/$libraries" "\$@"
WITH
for name in psql pg_dump pg_restore; do
	cat > "$half/bin/$name" <<PROGRAM
#!/bin/sh
exec "\$(dirname "\$0")/with" "\$(dirname "\$0")/../usr/lib/postgresql/18/bin/$name" "\$@"
PROGRAM
done
chmod 755 "$half"/bin/* "$half"
"$half/bin/psql" --version > /dev/null
[ -e "$root" ] || mv "$half" "$root"
trap - EXIT
rm -rf "$half"
echo "$("$root/bin/psql" --version) is in $root"
