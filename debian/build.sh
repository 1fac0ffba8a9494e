#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Builds the Debian packages from a copy of the tree, for make deb:
#
#	debian/build.sh DIR FIO_SRC
#
# leaves in DIR the packages, and in DIR/log what the tools said. FIO_SRC is a configured source of
# the installed fio. The working tree may have changes; what git ignores is left out.

set -euo pipefail

[ $# -eq 2 ] || { echo "usage: debian/build.sh DIR FIO_SRC" >&2; exit 2; }
cd "$(dirname "$0")/.."
mkdir -p "$1"
dir=$(realpath "$1")
version=$(dpkg-parsechangelog -S Version)
tree=$dir/dgen-${version%-*}

rm -rf "${dir:?}"/*
mkdir "$tree"
git ls-files -z --cached --others --exclude-standard |
	xargs -0 sh -c 'for each; do [ ! -f "$each" ] || printf "%s\0" "$each"; done' sh |
	tar -cf - --null --files-from=- | tar -xf - -C "$tree"
cd "$tree"
# A fio of another place or other flags would be another package.
unset FIO FIO_CONFIGURE CFLAGS CPPFLAGS LDFLAGS CC MAKEFLAGS MAKELEVEL MFLAGS
export FIO_SRC=$2
printf '  %-7s %s\n' DEB "dgen $version for fio $(dpkg-query -W -f '${Version}' fio)"
dpkg-buildpackage --build=binary --no-sign > "$dir/log" 2>&1 || {
	tail -n 20 "$dir/log" >&2
	echo "dgen: the packages could not be built (see $dir/log)" >&2
	exit 1
}
cd "$dir"
rm -rf "$tree"
printf '  %s\n' *.deb
