#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# The engine refuses a fio that it was not built for.

# Each test is a subshell, and lib.bash uses what it sets.
# shellcheck disable=SC2030,SC2031,SC2034,SC2153,SC2154
load lib

# another_version: a copy of this fio that gives another version, as $T/fio.
another_version() {
	local program version other

	program=$(command -v "$FIO")
	version=$("$FIO" --version)
	# Of the same length: the last digit is another one.
	other=${version%?}$(((${version: -1} + 1) % 10))
	[[ $version =~ [0-9]$ ]] || skip "fio's version does not end in a digit: $version"
	LC_ALL=C sed "s/${version//./\\.}/$other/g" "$program" >fio
	chmod +x fio
	[[ $(./fio --version) == "$other" ]] || skip "fio's version cannot be changed in its binary"
	VERSION=$version OTHER=$other
}

@test "abi: another version of fio gets one line that names both" {
	another_version
	FIO=./fio
	dgen_raw
	refused "$VERSION" "$OTHER" make
	[[ ! -s f ]] || fail "something was written"
}

@test "abi: also in threads, with several jobs, for reads" {
	another_version
	FIO=./fio
	dgen_raw --thread=1
	refused "$VERSION" "$OTHER"
	dgen_raw --rw=randrw
	refused "$VERSION" "$OTHER"
}

@test "abi: other builds of fio, FIO_OTHER" {
	[[ ${FIO_OTHER:-} ]] || skip "FIO_OTHER names no other fio"
	IFS=: read -ra others <<<"$FIO_OTHER"
	for other in "${others[@]}"; do
		echo "$other: $("$other" --version)"
		FIO=$other dgen_raw --dedup_ratio=2
		# The same version, and no field that we use has moved.
		if [[ $("$other" --version) == "$("$FIO" --version)" ]] && ((status == 0)); then
			dedup_is 2 3 "$other" f
			continue
		fi
		refused make
	done
}

# built_for LINE: builds the engine for a fio that has a field more after this line of its headers,
# as $T/build/libdgen_engine.so.
built_for() {
	local line=$1 header

	rm -rf fio
	mkdir -p fio/src
	cp -p "$ROOT"/build/fio/{key,stamp,version.h} fio
	(cd "$ROOT/build/fio/src" && find . -name '*.h' -print0 | tar --null -T - -cf -) |
		tar -xf - -C fio/src
	header=$(grep -lrx --include='*.h' "$line" fio/src) || fail "no '$line' in fio's headers"
	sed -i "s/^$line\$/&\n\tunsigned long inserted[2];/" "$header"
	make --no-print-directory -C "$ROOT" B="$T/build" FIO_DIR="$T/fio" FIO="$BARE_FIO" CFLAGS=-O0 \
		"$T/build/libdgen_engine.so" >make.out 2>&1 || { show make.out; false; }
	ENGINE=$T/build/libdgen_engine.so
}

@test "abi: the same version laid out otherwise is refused" {
	[[ -e $ROOT/build/fio/stamp ]] || skip "the engine was not built in build/"
	for line in 'struct thread_options {' 'struct thread_data {' 'struct fio_file {' \
		'struct io_u {' $'\tstruct ioengine_ops \\*io_ops;' $'\tvoid \\*xfer_buf;' \
		$'\tuint64_t real_file_size;'; do
		built_for "$line"
		for option in --thread=0 --thread=1 --rw=randread; do
			dgen_raw "$option"
			echo "$line $option"
			refused "$("$FIO" --version)" make
		done
	done
}

@test "abi control: the same version is taken where only what is not used is laid out otherwise" {
	[[ -e $ROOT/build/fio/stamp ]] || skip "the engine was not built in build/"
	built_for 'struct prof_io_ops {'
	dgen --dedup_ratio=2
	dedup_is 2 3 "another layout" f
}

@test "abi: one symbol is exported" {
	need_command nm
	symbols=$(nm --dynamic --defined-only "$ENGINE" | awk '{ print $3 }')
	[[ $symbols == get_ioengine || $symbols == ioengine ]] || fail "exported: $symbols"
}

@test "abi: --enghelp lists the options" {
	"$FIO" --enghelp="$ENGINE" >help
	for option in dedup_ratio compress_ratio dedup_unit data_seed data_version dedup_domain \
		backend; do
		grep -q "^$option" help || fail "no $option"
	done
}

@test "abi: fio-engine-dgen(1) describes the options of --enghelp, and no others" {
	page=$ROOT/man/fio-engine-dgen.1.scd
	"$FIO" --enghelp="$ENGINE" | sed -nE 's/^([a-z_]+) *:.*/\1/p' | sort -u >help
	(($(wc -l <help) > 20)) || { show help; false; }
	# What begins a paragraph of the section that says what they are.
	sed -n '/^# OPTIONS/,/^# REPORT/p' "$page" | grep -E '^\*[a-z_]+\*(=|,|$)' |
		grep -oE '\*[a-z_]+\*' | tr -d '*' | sort -u >page
	comm -23 help page >missing
	[[ ! -s missing ]] || fail "not in the page: $(paste -sd ' ' missing)"
	# Older versions of fio do not have it.
	comm -13 help page | grep -vx cmdprio_hint >foreign || true
	[[ ! -s foreign ]] || fail "in the page only: $(paste -sd ' ' foreign)"
}

@test "abi: a dry run and --parse-only" {
	dgen_raw --parse-only
	((status == 0)) || { show fio.out fio.err; false; }
	[[ ! -e f ]]
}

@test "abi control: the fio that it was built for is taken" {
	dgen --size=1m --bs=64k
}
