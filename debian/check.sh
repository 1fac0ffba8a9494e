#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Checks the Debian packages that make deb left in DIR, for make check-deb:
#
#	debian/check.sh DIR FIO_SRC
#
# lintian has nothing to say; a build elsewhere gives the same bytes; in a new chroot of this release
# apt installs them with what they depend on, a user without privileges runs the engine and the
# programs, and after a purge no file is there that was not there before.
# Exit status 77: it could not run, and the reason is printed.

set -euo pipefail

skip()
{
	printf 'skipped: %s\n' "$*"
	exit 77
}

die()
{
	printf 'dgen: %s\n' "$*" >&2
	exit 1
}

say()
{
	printf '  %-7s %s\n' "$1" "$2"
}

# ---------------------------------------------------------------- in the chroot

# fio keeps what jobs share in memory below /dev/shm or of System V; apt and dpkg keep logs, lists
# and caches of their own.
list_files()
{
	find / -xdev \( -path /proc -o -path /dev -o -path /tmp -o -path /srv -o -path /var/lib/dpkg \
		-o -path /var/lib/apt -o -path /var/cache -o -path /var/log -o -path /run \) -prune \
		-o -type d -printf '%p/ %m\n' -o ! -path /etc/ld.so.cache -printf '%p %m %s %l\n' | sort
}

as_user()
{
	su -s /bin/bash tester -c "cd /tmp/tester && $*" > /tmp/out 2>&1 || {
		cat /tmp/out >&2
		die "in the chroot: $*"
	}
}

apt_quietly()
{
	apt-get -q -y "$@" > /tmp/apt.log 2>&1 || {
		tail -n 20 /tmp/apt.log >&2
		die "in the chroot: apt-get $*"
	}
}

says()
{
	grep -qE -- "$1" /tmp/out || { cat /tmp/out >&2; die "in the chroot: '$1' was not printed"; }
}

try_everything()
{
	local each

	as_user fio --ioengine=libdgen_engine.so --name=j --filename=by-name --rw=write --bs=1m \
		--size=64m --dedup_ratio=2 --compress_ratio=2 --data_seed=7
	says 'dedup 2:1 x compress 2:1'
	# The card's command with the profile's job, and less of it.
	sed -E 's/=1280m$/=8m/; s/^bs=.*/bs=1m/; s/^iodepth=.*/iodepth=4/' \
		/usr/share/dgen/jobs/auto16.fio > /tmp/tester/auto16.fio
	as_user fio --ioengine=external:/usr/lib/dgen/libdgen_engine.so --data_seed=7 auto16.fio
	as_user dgen-measure --codec=lz4 by-name dgen.dat
	says '^ +4096 .* 2\.0000:1'
	says '^ +lz4 .* (1\.9|2\.0)[0-9]+:1'
	as_user dgen --verify --seed=7 --dedup-ratio=2 --compress-ratio=2 by-name dgen.dat
	as_user dgen-bench --auto --size=64MB --compress-ratio=3 --dedup-ratio=2 --verify \
		--output=bench.bin
	as_user dgen-measure --codec=none bench.bin
	says '^ +4096 .* 2\.0000:1'
	as_user dgen --size=1m --seed=7 --output=other
	for each in man1/{dgen,dgen-bench,dgen-measure,fio-engine-dgen}.1.gz man3/dgen.3.gz; do
		[ -s "/usr/share/man/$each" ] || die "in the chroot: no manual page $each"
	done
	for each in dgen dgen-bench dgen-measure; do
		as_user ". /usr/share/bash-completion/completions/$each; _dgen $each --he $each;" \
			"echo \${COMPREPLY[*]}"
		says '^--help$'
	done
}

in_chroot()
{
	local packages=(fio-engine-dgen dgen libdgen1 libdgen-dev)

	mount -t proc proc /proc
	mount -t tmpfs tmpfs /tmp
	mkdir -p /dev/shm
	mount -t tmpfs tmpfs /dev/shm
	export DEBIAN_FRONTEND=noninteractive LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin
	# No service of a dependency starts.
	printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d
	chmod +x /usr/sbin/policy-rc.d
	echo 'deb [trusted=yes] file:/srv ./' > /etc/apt/sources.list.d/dgen.list
	useradd --no-create-home tester
	install -d -o tester /tmp/tester
	apt_quietly update
	# What fio and what it depends on leave (a system group) is theirs.
	apt_quietly install --no-install-recommends fio
	apt_quietly autoremove --purge fio
	list_files > /tmp/before
	say INSTALL "${packages[*]}"
	apt_quietly install --no-install-recommends "${packages[@]}"
	list_files > /tmp/installed
	cmp -s /tmp/before /tmp/installed && die "nothing was installed"
	say TRY "$(fio --version)"
	try_everything
	say PURGE "${packages[*]}"
	apt_quietly autoremove --purge "${packages[@]}"
	list_files > /tmp/after
	diff /tmp/before /tmp/after || die "the purge left these files, or changed them"
}

# ---------------------------------------------------------------- outside

# The main archive of this release, as apt has it.
find_mirror()
{
	# shellcheck disable=SC1091 # of the system
	suite=$(. /etc/os-release && printf '%s' "${VERSION_CODENAME:-}")
	# shellcheck disable=SC2016 # apt-get expands these
	mirror=$(apt-get indextargets --format '$(CODENAME) $(COMPONENT) $(REPO_URI)' \
		'Created-By: Packages' 'Origin: Debian' | sed -n "s/^$suite main //p" | head -n 1)
	[ -n "$suite" ] && [ -n "$mirror" ] ||
		skip "apt has no archive of Debian ${suite:-(unknown release)} here"
}

compare_builds()
{
	local elsewhere=$work/another/directory package

	say AGAIN "a second build, elsewhere"
	mkdir -p "$work/another"
	cp -rL "$fio_src" "$work/fio"
	debian/build.sh "$elsewhere" "$work/fio" > /dev/null
	for package in "$dir"/*.deb; do
		cmp -- "$package" "$elsewhere/${package##*/}" ||
			die "two builds of ${package##*/} differ"
	done
}

if [ "${1:-}" = --in-chroot ]; then
	in_chroot
	exit
fi
[ $# -eq 2 ] || { echo "usage: debian/check.sh DIR FIO_SRC" >&2; exit 2; }
dir=$(realpath "$1") fio_src=$2
cd "$(dirname "$0")/.."
[ "$(id -u)" -eq 0 ] || skip "debootstrap needs root"
command -v debootstrap > /dev/null || skip "debootstrap is not installed"
unshare --mount --pid --fork true 2>/dev/null || skip "no mount namespaces here"
find_mirror

work=$(mktemp -d "${TMPDIR:-/var/tmp}/dgen-deb.XXXXXX")
# Mounts end with their namespace, so there is none in it by then.
trap 'rm -rf --one-file-system "$work"' EXIT
trap 'exit 130' INT TERM HUP

say LINT lintian
lintian --allow-root --fail-on error,warning "$dir"/*.changes
compare_builds
say CHROOT "$suite from $mirror"
unshare --mount --pid --fork --kill-child debootstrap --variant=minbase "$suite" "$work/root" \
	"$mirror" > "$work/log" 2>&1 || {
	tail -n 5 "$work/log" >&2
	skip "debootstrap of $suite from $mirror failed"
}
cp "$dir"/*.deb "$work/root/srv/"
(cd "$work/root/srv" && dpkg-scanpackages . > Packages 2> /dev/null)
cp debian/check.sh "$work/root/srv/check.sh"
unshare --mount --pid --fork --kill-child chroot "$work/root" /bin/bash /srv/check.sh --in-chroot
say OK "installed, tried, purged"
