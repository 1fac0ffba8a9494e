#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# What is installed beside the programs: completion, packages, the same bytes from every build.

# Each test is a subshell, and lib.bash uses what it sets.
# shellcheck disable=SC2030,SC2031,SC2034,SC2153,SC2154
load lib

PROGRAMS=(dgen dgen-bench dgen-measure)

# complete_line PROGRAM WORD...: what bash would offer for the last word, into the file offered.
complete_line() {
	(
		# shellcheck source=../command/completion.bash
		. "$ROOT/command/completion.bash"
		program=$ROOT/$1
		COMP_WORDS=("$@")
		COMP_CWORD=$(($# - 1))
		_dgen "$program" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
		printf '%s\n' "${COMPREPLY[@]}"
	) >offered
}

@test "packaging: bash completes every option of --help, and no other" {
	for program in "${PROGRAMS[@]}"; do
		"$ROOT/$program" --help | grep -oE -- '--[a-z][a-z-]*' | sort -u >help
		complete_line "$program" --
		tr -d = <offered | sort -u >have
		# What the text mentions and is not an option of its own is not in the left column.
		comm -13 help have >foreign
		[[ ! -s foreign ]] || fail "$program: $(paste -sd ' ' foreign)"
		for option in $("$ROOT/$program" --help |
			sed -nE 's/^ {2,6}(-[a-zA-Z], )?(--[a-z-]+).*/\2/p'); do
			grep -qxF -- "$option" have || fail "$program: no $option"
		done
		(($(wc -l <have) > 10)) || fail "$program: $(wc -l <have) options"
		[[ $(complete -p "$program" 2>/dev/null || bash -c \
			". '$ROOT/command/completion.bash'; complete -p $program") == *_dgen* ]]
	done
}

@test "packaging: bash completes values and files" {
	complete_line dgen --compress-codec = z
	[[ $(<offered) == zstd ]] || { show offered; false; }
	complete_line dgen-measure -c d
	[[ $(<offered) == deflate ]] || { show offered; false; }
	complete_line dgen-bench --numa-mode =
	[[ $(paste -sd ' ' offered) == "auto force disabled" ]] || { show offered; false; }
	touch "a file"
	complete_line dgen-measure a
	[[ $(<offered) == "a file" ]] || { show offered; false; }
}

@test "packaging: the programs take the values that bash offers" {
	for value in lz4 zstd deflate lzo; do
		"$ROOT/dgen" --size=4k --compress-codec=$value --compress-ratio=2 --output=f
	done
	for value in lz4 lz4hc zstd deflate lzo none; do
		"$MEASURE" --codec=$value f >out
	done
	for value in auto force disabled; do
		"$ROOT/dgen-bench" --size=4MB --numa-mode=$value --job >out
	done
	for value in io_uring libaio null fio:psync; do
		"$ROOT/dgen-bench" --size=4MB --backend=$value --job >out
	done
}

@test "packaging: zsh completes an option" {
	need_command zsh
	mkdir functions
	cp "$ROOT/command/completion.zsh" functions/_dgen
	cat >ask <<-'END'
		zmodload zsh/zpty
		zpty shell zsh -f -i
		zpty -w shell 'fpath=($PWD/functions $fpath); autoload -U compinit; compinit -D -u; print rea''dy'
		zpty -r shell seen '*ready*'
		zpty -w -n shell $'dgen-measure --agai\t'
		zpty -r -m shell seen '*--against*' && print -r -- "$seen"
		zpty -d shell
	END
	PATH=$ROOT:$PATH TERM=dumb timeout 20 zsh -f ask >out 2>&1 || true
	grep -q -- '--against' out || { show out; false; }
}

@test "packaging: one version everywhere" {
	version=$(sed -n 's/.*DGEN_VERSION "\(.*\)"/\1/p' "$ROOT/version.h")
	[[ $version ]]
	head -n 1 "$ROOT/debian/changelog" | grep -qF "dgen ($version-" || fail "debian/changelog"
	grep -qxF "Version: $version" "$ROOT/rpm/dgen.spec" || fail "rpm/dgen.spec"
	[[ $(grep -m 1 '^## ' "$ROOT/CHANGELOG.md") == "## $version" ]] || fail "CHANGELOG.md"
}

@test "packaging: every installed file belongs to a package" {
	make --no-print-directory -C "$ROOT" install DESTDIR="$T/root" PREFIX=/usr \
		LIBDIR=/usr/lib/triplet >make.out 2>&1 || { show make.out; false; }
	cd root
	cat "$ROOT"/debian/*.install | awk '{ print $1 }' >../patterns
	while read -r pattern; do
		# shellcheck disable=SC2086 # a pattern
		find $pattern ! -type d -print || fail "debian/*.install: nothing is $pattern"
	done <../patterns | sort -u >../packaged
	find usr ! -type d | sort >../installed
	cmp ../installed ../packaged || { comm -3 ../installed ../packaged; false; }
	# shellcheck disable=SC2016 # of the file
	grep -q '^libdir=/usr/lib/triplet$' usr/lib/triplet/pkgconfig/dgen.pc || fail "dgen.pc"
	for link in usr/lib/triplet/libdgen_engine.so usr/lib/triplet/fio/fio-dgen.so; do
		[[ $link -ef usr/lib/dgen/libdgen_engine.so ]] || fail "$link: $(readlink "$link")"
	done
}

@test "packaging: the spec file is read by rpm" {
	need_command rpmspec
	rpmspec -P --define 'fio_version 3.33' "$ROOT/rpm/dgen.spec" >spec 2>err ||
		{ show err; false; }
	[[ ! -s err ]] || { show err; false; }
	grep -qx 'Requires: fio = 3.33' spec || { show spec; false; }
	rpmspec -q --define 'fio_version 3.33' "$ROOT/rpm/dgen.spec" | sed 's/-[0-9].*//' | sort >names
	[[ $(paste -sd ' ' names) == "dgen dgen-devel dgen-libs fio-engine-dgen" ]] || { show names; false; }
}

@test "packaging: a build elsewhere makes the same bytes" {
	products=(libdgen.a libdgen.so dgen)
	# Debug information has paths at any level, so quick code serves; make check-deb compares all.
	for place in one another/and/longer; do
		mkdir -p "$place"
		cp -r "$ROOT"/{Makefile,version.h,.ci,command,engine,examples,generator,jobs,man,measure,results,tests,verify} "$place"
		env -u MAKEFLAGS -u B make -j2 -C "$place" CFLAGS='-O0 -g' "${products[@]}" >make.out 2>&1 ||
			{ show make.out; false; }
	done
	for each in "${products[@]}"; do
		same "one/$each" "another/and/longer/$each" "$each"
		! grep -qF "$T" "one/$each" || fail "$each has the name of the directory in it"
	done
	# Such a name would be found.
	readelf --debug-dump=info one/dgen >info 2>/dev/null
	grep -q DW_AT_comp_dir info || fail "no debug information"
}

@test "packaging: Debian packages in a clean chroot" {
	[[ $DGEN_FULL ]] || skip "takes minutes and a mirror: make check-deb, or DGEN_FULL=1"
	need_root
	env -u MAKEFLAGS make --no-print-directory -C "$ROOT" check-deb >deb.out 2>&1 ||
		{ tail -n 30 deb.out >&2; false; }
	! grep '^skipped: ' deb.out || skip "$(sed -n 's/^skipped: //p' deb.out)"
	grep -q 'installed, tried, purged' deb.out
}
