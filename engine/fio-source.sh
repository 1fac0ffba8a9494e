#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Makes the source of the fio that will load the engine ready to compile against.
#
#	fio-source.sh DIR
#
# fio installs no headers, and its structures differ from one version to the next and, within one
# version, with what configure found. So the engine is built against the source of the very fio
# that loads it, configured the same way. This script leaves in DIR
#
#	src		the configured source: a copy, or a link to FIO_SRC if that is configured
#	version.h	DGEN_FIO_VERSION and DGEN_FIO_BINARY
#	stamp		touched only when one of the above changed
#
# From the environment: FIO (the binary; default: fio from PATH), FIO_SRC (its source; default: the
# source package of the distribution), FIO_CONFIGURE (flags for configure, where the script cannot
# know them), CC.
#
# It needs no root and leaves the system as it is: package lists and archives are kept in DIR.

set -euo pipefail

die()
{
	printf 'dgen: %s\n' "$*" >&2
	exit 1
}

say()
{
	printf '  %-7s %s\n' "$1" "$2"
}

[ $# -eq 1 ] || die "usage: fio-source.sh DIR"

mkdir -p -- "$1" || die "cannot make the directory $1"
dir=$(cd -- "$1" && pwd)
log=$dir/log
fio_name=${FIO:-fio}
fio_src=${FIO_SRC:-}
cc=${CC:-cc}

find_binary()
{
	fio=$(command -v -- "$fio_name") ||
		die "FIO=$fio_name: no such program; install fio or give FIO=/path/to/fio"
	fio=$(readlink -f -- "$fio")
	version=$("$fio" --version 2>/dev/null) || die "FIO=$fio does not run (tried $fio --version)"
	case $version in
	fio-[0-9]*) ;;
	*) die "FIO=$fio calls itself '$version'; this is not fio" ;;
	esac
}

# What the prepared source depends on. Cheap, because every make asks.
key()
{
	stat -L -c '%n %s %Y' -- "$fio" "${BASH_SOURCE[0]}"
	printf '%s\n' "$version" "src=$fio_src" "flags=${FIO_CONFIGURE:-}"
	[ -z "$fio_src" ] || stat -L -c '%n %s %Y' -- "$fio_src/configure" \
		"$fio_src/config-host.h" "$fio_src/FIO-VERSION-FILE" 2>/dev/null || true
}

# fio's own rule (FIO-VERSION-GEN) without its side effect of writing into the tree.
tree_version()
{
	local tree=$1 found

	if [ -f "$tree/FIO-VERSION-FILE" ]; then
		sed -n 's/^FIO_VERSION *= *//p' "$tree/FIO-VERSION-FILE"
	elif [ -f "$tree/version" ]; then
		sed 's/^v//' "$tree/version"
	elif [ -e "$tree/.git" ] && found=$(git -C "$tree" describe --match 'fio-[0-9]*' \
			--abbrev=4 HEAD 2>/dev/null); then
		printf '%s\n' "$found"
	else
		sed -n 's/^DEF_VER=//p' "$tree/FIO-VERSION-GEN"
	fi
}

# ---------------------------------------------------------------- the distribution's source

debian_package()
{
	local path

	command -v dpkg-query >/dev/null && command -v apt-get >/dev/null || return 1
	# With a merged /usr the package may know the file by its other name.
	for path in "$fio" "${fio#/usr}"; do
		package=$(dpkg-query -S "$path" 2>/dev/null) || continue
		package=${package%%:*}
		break
	done
	[ -n "${package:-}" ] || return 1
	# shellcheck disable=SC2016 # dpkg-query expands these
	read -r src_package src_version < <(dpkg-query -W \
		-f '${source:Package} ${source:Version}\n' "$package")
}

# The user's own sources, as deb-src. Signatures and proxies stay as they are configured.
derive_sources()
{
	local parts=$1 source_list source_parts file

	eval "$(apt-config shell source_list Dir::Etc::sourcelist/f \
		source_parts Dir::Etc::sourceparts/d)"
	rm -rf "$parts"
	mkdir -p "$parts"
	for file in "$source_list" "${source_parts%/}"/*.list; do
		[ -r "$file" ] || continue
		sed -nE 's/^[[:space:]]*deb(-src)?[[:space:]]+/deb-src /p' "$file"
	done | sort -u > "$parts/dgen.list"
	for file in "${source_parts%/}"/*.sources; do
		[ -r "$file" ] || continue
		awk 'BEGIN { RS = ""; ORS = "\n\n" }
			tolower($0) ~ /(^|\n)enabled:[ \t]*(no|false|0|off)/ { next }
			{ gsub(/(^|\n)[Tt]ypes:[^\n]*/, "\nTypes: deb-src"); sub(/^\n/, ""); print }' \
			"$file" > "$parts/$(basename "$file")"
	done
}

apt_private()
{
	local apt=$dir/apt

	apt-get -q -y -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts="$apt/sources" \
		-o Dir::State::lists="$apt/lists" -o Dir::Cache="$apt/cache" \
		-o Dir::Cache::archives="$apt/cache/archives" \
		-o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= \
		-o APT::Sandbox::User="$(id -un)" -o APT::Get::List-Cleanup=false "$@"
}

fetch_debian()
{
	local into=$dir/archive/${src_package}_$src_version

	archive=$into
	[ ! -e "$into/complete" ] || return 0
	rm -rf "$into"
	mkdir -p "$into" "$dir/apt/lists/partial" "$dir/apt/cache/archives/partial"
	derive_sources "$dir/apt/sources"
	say FETCH "source of $src_package $src_version (deb-src)"
	# A third party's archive may have no sources: what counts is whether ours was found.
	apt_private update > "$log" 2>&1 || true
	(cd "$into" && apt_private source --download-only "$src_package=$src_version") \
		>> "$log" 2>&1 || {
		tail -n 3 "$log" >&2
		die "no source of $src_package $src_version in the configured archives" \
			"(see $log); give FIO_SRC=/path/to/the/source/of/$version"
	}
	rm -rf "$dir/apt"
	touch "$into/complete"
}

apply_patches()
{
	local tree=$1 name

	[ -f "$tree/debian/patches/series" ] || return 0
	while read -r name _; do
		case $name in '' | '#'*) continue ;; esac
		patch -s -f -p1 -d "$tree" -i "$tree/debian/patches/$name" >> "$log" 2>&1 ||
			die "$name of $src_package $src_version does not apply (see $log)"
	done < "$tree/debian/patches/series"
}

unpack_debian()
{
	local tree=$1 file

	mkdir -p "$tree"
	for file in "$archive"/*.orig.tar.*; do
		case $file in *.asc) continue ;; esac
		tar -xf "$file" -C "$tree" --strip-components=1
	done
	for file in "$archive"/*.debian.tar.*; do
		[ -e "$file" ] || continue
		tar -xf "$file" -C "$tree"
	done
	apply_patches "$tree"
}

# The flags that debian/rules gives to configure.
debian_flags()
{
	local rules=$1/debian/rules

	[ -f "$rules" ] || return 0
	sed -e ':a' -e '/\\$/N; s/\\\n/ /; ta' "$rules" |
		sed -nE 's/^\t.*(dh_auto_configure[^-]*--|\.\/configure) *//p' | head -n 1
}

# ---------------------------------------------------------------- configure

# An --enable-X ends configure where X's library is not installed here. None of them moves a field
# of what the engine uses (see agree()), so without it the result serves as well.
configure_tree()
{
	local tree=$1 flags
	shift

	flags=("$@")
	while ! (cd "$tree" && ./configure --cc="$cc" "${flags[@]}") > "$log" 2>&1; do
		local last
		case ${flags[*]} in
		*--enable-*) ;;
		*)
			tail -n 3 "$log" >&2
			die "configure of $version failed (see $log)"
			;;
		esac
		last=
		for i in "${!flags[@]}"; do
			case ${flags[$i]} in --enable-*) last=$i ;; esac
		done
		unset "flags[$last]"
	done
}

has_switch()
{
	grep -qE "^#define $2( |\$)" "$1/config-host.h"
}

# Of all switches only these change struct io_u: they add a member to the union at its end, which
# changes its size and moves what comes after. (Found by compiling fio 3.33 and 3.41 with every
# switch on and off. CONFIG_CUDA adds fields after the last one of thread_data, where nothing moves.)
# The binary tells by its list of engines. Engines that fio loads as modules may be
# missing from it, so there "not in the list" tells nothing about libaio.
binary_switch()
{
	local engine=$1

	if grep -qxE "[[:space:]]*$engine" <<< "$engines"; then
		echo yes
	elif [ "$engine" != posixaio ] && grep -qaF '%s/fio-%s.so' "$fio"; then
		echo unknown
	else
		echo no
	fi
}

switch_differs()
{
	local tree=$1 engine=$2 switch=$3

	case $(binary_switch "$engine") in
	yes) ! has_switch "$tree" "$switch" ;;
	no) has_switch "$tree" "$switch" ;;
	*) false ;;
	esac
}

# Makes a copy agree with the binary; of a tree that is not ours only says that it does not.
agree()
{
	local tree=$1 ours=$2 pair engine switch

	engines=$("$fio" --enghelp)
	for pair in libaio:CONFIG_LIBAIO posixaio:CONFIG_POSIXAIO; do
		engine=${pair%%:*} switch=${pair##*:}
		switch_differs "$tree" "$engine" "$switch" || continue
		[ "$ours" = yes ] ||
			die "FIO_SRC=$tree and $fio differ in $switch; configure and build that" \
				"tree anew, or give the FIO= that was built from it"
		if has_switch "$tree" "$switch"; then
			sed -i "/^#define $switch\$/d" "$tree/config-host.h"
		else
			echo "#define $switch" >> "$tree/config-host.h"
		fi
		say ADAPT "$switch as in $fio"
	done
}

# ---------------------------------------------------------------- put together

check_version()
{
	local found

	found=$(tree_version "$1")
	[ "$found" = "$version" ] || [ "$found-dirty" = "$version" ] ||
		die "$2 is $found, but $fio is $version; both must be the same version"
}

from_user()
{
	local real

	if [ ! -f "$fio_src/ioengines.h" ] || [ ! -f "$fio_src/configure" ]; then
		die "FIO_SRC=$fio_src is not a source tree of fio"
	fi
	real=$(readlink -f -- "$fio_src")
	check_version "$real" "FIO_SRC=$fio_src"
	if [ -f "$real/config-host.h" ]; then
		say FIO "$version, source $fio_src as configured there"
		agree "$real" no
		ln -sfn "$real" "$work"
		return
	fi
	say FIO "$version, source $fio_src (a configured copy)"
	mkdir "$work"
	(cd "$real" && tar -cf - --exclude=./.git .) | tar -xf - -C "$work"
	# shellcheck disable=SC2086 # a list of flags
	configure_tree "$work" ${FIO_CONFIGURE:-}
	agree "$work" yes
}

from_debian()
{
	local flags

	fetch_debian
	say FIO "$version, source package $src_package $src_version"
	unpack_debian "$work"
	check_version "$work" "source package $src_package $src_version"
	flags=${FIO_CONFIGURE:-$(debian_flags "$work")}
	# The graphical front end is another program.
	flags=${flags//--enable-gfio/}
	# shellcheck disable=SC2086 # a list of flags
	configure_tree "$work" $flags
	agree "$work" yes
}

find_binary
new_key=$(key)
if [ -e "$dir/stamp" ] && [ -e "$dir/src/config-host.h" ] &&
	[ "$new_key" = "$(cat "$dir/key" 2>/dev/null)" ]; then
	exit 0
fi

work=$dir/src.new
rm -rf "$work" "$dir/stamp"
if [ -n "$fio_src" ]; then
	from_user
elif debian_package; then
	from_debian
else
	die "$fio ($version) is not from a Debian package: give FIO_SRC=/path/to/the/source/of/$version"
fi
rm -rf "$dir/src"
mv -T "$work" "$dir/src"
cat > "$dir/version.h" <<-EOF
	/* Made by fio-source.sh */
	#define DGEN_FIO_VERSION "$version"
	#define DGEN_FIO_BINARY "$fio"
EOF
printf '%s\n' "$new_key" > "$dir/key"
touch "$dir/stamp"
