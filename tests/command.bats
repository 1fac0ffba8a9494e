#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# The command dgen: the engine's bytes, in files and pipes.

# Each test is a subshell, and lib.bash uses what it sets.
# shellcheck disable=SC2030,SC2031,SC2034,SC2153,SC2154
load lib

CONTENT=(--dedup_ratio=2.5 --compress_ratio=1.7)
# The same in the command's spelling.
WANT=(--seed=1 --dedup-ratio=2.5 --compress-ratio=1.7)

# complains STATUS WORD... -- [argument]...: it exits so, with one line that has all these words.
complains() {
	local wanted=$1 words=() word
	shift

	while [[ $1 != -- ]]; do
		words+=("$1")
		shift
	done
	shift
	status=0
	"$COMMAND" "$@" >out 2>err </dev/null || status=$?
	[[ $status == "$wanted" ]] || { show err; fail "dgen $* ended with $status"; }
	[[ $(wc -l <err) == 1 ]] || { show err; fail "dgen $*: not one line"; }
	for word in "${words[@]}"; do
		grep -qF -- "$word" err || { show err; fail "dgen $*: no '$word'"; }
	done
}

@test "command: writes the engine's file" {
	dgen "${CONTENT[@]}" --size=24m
	mv f engine
	"$COMMAND" "${WANT[@]}" --size=24m --output=f
	same f engine "--output"
	"$COMMAND" "${WANT[@]}" --size=24m --domain=f >other
	same other engine "--domain, standard output"
	"$COMMAND" "${WANT[@]}" --size=24m --domain=f | cat >other
	same other engine "a pipe"
}

@test "command: writes the engine's file with units and chunks of other sizes" {
	for sizes in 512/512 6k/6k 8k/1k 16k/8k 64k/64k; do
		dgen "${CONTENT[@]}" --size=6m --bs=6k --dedup_unit="${sizes%/*}" \
			--compress_chunk="${sizes#*/}"
		mv f engine
		"$COMMAND" "${WANT[@]}" --size=6m --dedup-unit="${sizes%/*}" \
			--compress-chunk="${sizes#*/}" -o f
		same f engine "$sizes"
	done
}

@test "command: writes the engine's file for one codec and record" {
	for codec in lz4/4k zstd/16k deflate/128k lzo/64k; do
		dgen "${CONTENT[@]}" --size=6m --dedup_unit=64k \
			--compress_codec="${codec%/*}" --compress_record="${codec#*/}"
		mv f engine
		"$COMMAND" "${WANT[@]}" --size=6m --dedup-unit=64k \
			--compress-codec="${codec%/*}" --compress-record="${codec#*/}" -o f
		same f engine "$codec"
	done
}

@test "command: writes the engine's versions and domains" {
	dgen "${CONTENT[@]}" --size=8m --data_version=3 --dedup_domain=clones
	mv f engine
	"$COMMAND" "${WANT[@]}" -s 8m --data-version=3 --domain=clones -o f
	same f engine "version 3"
}

@test "command: understands the engine's names" {
	dgen "${CONTENT[@]}" --size=8m --dedup_unit=8k
	mv f engine
	"$COMMAND" "${CONTENT[@]}" --data_seed=0x1 --dedup_unit=8k --size=8m --dedup_domain=f >f
	same f engine "names with underscores"
}

@test "command: parts put together are the whole" {
	"$COMMAND" "${WANT[@]}" --size=9m --domain=f >whole
	for cut in 1 511 4096 5000 1048576 1048577 3333333; do
		"$COMMAND" "${WANT[@]}" --size=$cut --domain=f >f
		"$COMMAND" "${WANT[@]}" --offset=$cut --size=$((9437184 - cut)) --domain=f >>f
		same f whole "cut at $cut"
	done
}

@test "command: the examples of the man page go together" {
	# A thousandth of their sizes.
	sed -n '/^# EXAMPLES/,$s/^\t\(dgen --size .*\)/\1/p' "$ROOT/man/dgen.1.scd" | sed 's/\([0-9]\)g/\1m/g' |
		grep -E '> (whole|part2)$' | sed "s|^dgen|'$COMMAND'|" >examples
	[[ $(wc -l <examples) == 2 ]] || { show examples; false; }
	# shellcheck source=/dev/null
	. ./examples 2>err
	[[ $(stat -c %s whole) == $((10 << 20)) ]]
	same part2 <(tail -c 5M whole) "the second half"
}

@test "command: writes a part of the engine's file from far out" {
	truncate -s 1t f 2>/dev/null || skip "no sparse file of 1 TiB can be made here"
	dgen "${CONTENT[@]}" --size=1m --offset=1000g
	"$COMMAND" "${WANT[@]}" --size=1m --offset=1000g --domain=f >part
	cmp <(dd if=f bs=1M skip=1024000 count=1 status=none) part
}

@test "command: any size, to the byte" {
	"$COMMAND" "${WANT[@]}" --size=2m --domain=f >whole
	for size in 0 1 63 4095 4097 1048575 1048577; do
		"$COMMAND" "${WANT[@]}" --size=$size --domain=f >f
		[[ $(stat -c %s f) == "$size" ]] || fail "size $size is $(stat -c %s f)"
		same f <(head -c $size whole) "size $size"
	done
}

@test "command: sizes as fio has them" {
	for size in 65536 64k 64K 64kb 64KiB 0x10000 0x40k; do
		[[ $("$COMMAND" --size=$size --seed=1 | wc -c) == 65536 ]] || fail "$size"
	done
	[[ $("$COMMAND" --size=1g --seed=1 | wc -c) == $((1 << 30)) ]]
}

@test "command: holds its ratios" {
	"$COMMAND" --size=64m --seed=5 --dedup-ratio=2 --compress-ratio=3 -o f
	dedup_is 2 0.5 command f
	compression_is 3 command f
	no_holes command
}

@test "command: a fresh seed is told, and repeats the data" {
	"$COMMAND" --size=1m -o f 2>first
	mv f one
	"$COMMAND" --size=1m -o f 2>second
	grep -qxE 'data_seed=0x[0-9a-f]{16}' first || { show first; false; }
	run ! cmp -s first second
	shares "two runs" 0 f one
	seed=$(sed 's/data_seed=//' first)
	"$COMMAND" --size=1m --seed="$seed" -o f 2>third
	same f one "seed $seed"
	[[ ! -s third ]] || { show third; false; }
}

@test "command: a shorter output replaces a longer one" {
	head -c 100000 /dev/zero >f
	"$COMMAND" --size=5000 --seed=1 -o f
	[[ $(stat -c %s f) == 5000 ]]
}

@test "command: stops without a word when the reader does" {
	{ timeout 60 "$COMMAND" --size=1t --seed=1 2>err || echo $? >code; } | head -c 100000 >part
	[[ $(stat -c %s part) == 100000 ]]
	# 128 + SIGPIPE, or where a parent ignores that signal, an error.
	[[ $(<code) == 141 || $(<code) == 1 ]] || fail "ended with $(<code)"
	# valgrind tells of what a program that a signal ended has not freed.
	[[ $(<code) == 1 || ! $(grep -v '^==' err) ]] || { show err; false; }
}

@test "command: says so when the reader stops and SIGPIPE is ignored" {
	(trap '' PIPE; timeout 60 "$COMMAND" --size=1t --seed=1 2>err || echo $? >code) |
		head -c 100000 >/dev/null
	[[ $(<code) == 1 ]] || fail "ended with $(<code)"
	grep -q 'Broken pipe' err || { show err; false; }
}

@test "command: a full device is an error that says so" {
	[[ -c /dev/full ]] || skip "there is no /dev/full"
	complains 1 /dev/full "No space left on device" "0 of 1048576" -- --size=1m --seed=1 -o /dev/full
	status=0
	"$COMMAND" --size=1m --seed=1 >/dev/full 2>err || status=$?
	[[ $status == 1 ]]
	grep -q 'standard output: No space left' err || { show err; false; }
}

@test "command: an output that cannot be opened" {
	complains 1 ./none/f "No such file" -- --size=1m --seed=1 --output=./none/f
	# Nothing was begun.
	! grep -q 'after' err || { show err; false; }
	complains 1 "$T: Is a directory" -- --size=1m --seed=1 --output="$T"
}

@test "command: a file that may not grow so large is an error that says so" {
	# gcc's counters are files too.
	no_counters
	status=0
	(ulimit -f 1024; "$COMMAND" --size=4m --seed=1 -o f 2>err) || status=$?
	[[ $status == 1 && $(wc -l <err) == 1 ]] || { show err; fail "ended with $status"; }
	grep -q 'f: File too large after 1048576 of 4194304 bytes' err || { show err; false; }
}

@test "command: a device needs --yes-destroy-data and is not one in use" {
	loop_device 16m
	head -c 64k /dev/urandom >before
	dd if=before of="$DEVICE" conv=notrunc,fsync status=none
	unchanged() {
		same before <(head -c 64k "$DEVICE") "$1"
	}
	complains 1 "$DEVICE: a block device of 16 MiB" --yes-destroy-data -- --size=1m --seed=1 -o "$DEVICE"
	unchanged "without being asked"
	ln -s "$DEVICE" link
	complains 1 "link: a block device" -- --size=1m --seed=1 -o link
	status=0
	"$COMMAND" --size=1m --seed=1 2>err >>"$DEVICE" || status=$?
	[[ $status == 1 ]]
	grep -q 'standard output: a block device' err || { show err; false; }
	unchanged "standard output"
	complains 1 "$DEVICE: has 16 MiB, less than the 32 MiB" -- --yes-destroy-data --size=32m --seed=1 \
		-o "$DEVICE"
	unchanged "too large"
	"$COMMAND" "${WANT[@]}" --yes-destroy-data --size=16m -o "$DEVICE"
	"$COMMAND" "${WANT[@]}" --size=16m --domain="$DEVICE" >f
	same f "$DEVICE" "the device"
	need_command mkfs.ext4
	mkfs.ext4 -q -F "$DEVICE"
	mkdir mnt
	mount "$DEVICE" mnt 2>/dev/null || skip "nothing can be mounted here"
	MOUNTS+=("$T/mnt")
	mount -o remount,ro mnt
	head -c 64k "$DEVICE" >before
	complains 1 "$DEVICE: mounted on $T/mnt" -- --yes-destroy-data --size=1m --seed=1 -o "$DEVICE"
	complains 1 "link: mounted on $T/mnt" -- --yes-destroy-data --size=1m --seed=1 -o link
	unchanged "mounted"
}

@test "command: what a device loses when it is flushed is an error" {
	failing_device 32m 8m
	complains 1 "$DEVICE: " error -- --yes-destroy-data --size=24m --seed=1 -o "$DEVICE"
	# It ends by a flush: the file of a file system that keeps all in memory until then has none of this.
	need_command strace
	strace -f -qq -o trace true 2>/dev/null || skip "no process can be traced here"
	no_sanitizers
	strace -o trace -e trace=fsync "$COMMAND" --size=1m --seed=1 >f
	grep -q 'fsync(1) *= 0' trace || { show trace; false; }
	strace -o trace -e trace=fsync "$COMMAND" --size=1m --seed=1 | cat >f
	! grep -q fsync trace || { show trace; false; }
}

@test "command: refuses bad values with option, value and what is allowed" {
	complains 2 --size "--help" --
	for value in '' x 4x -1 1kk 1.5k; do
		complains 2 "--size=$value: must be a number of bytes" -- --size="$value"
	done
	for value in 9223372036854775808 8388608t 99999999999999999999k; do
		complains 2 "--size=$value: must be at most 2^63 - 1 bytes" -- --size="$value"
	done
	complains 2 "--dedup-window=2t: must be at most 1t" -- --size=1m --dedup-window=2t
	complains 2 "--compress-record=1MiB: must be at most 128k" -- --size=1m --compress-record=1MiB
	complains 2 "--offset=2T: must not reach past" "--size=8388607t" -- --size=8388607t --offset=2T
	for value in '' 0 0.5 nan inf 0x2 2x ' 2' 1e999; do
		complains 2 "--dedup-ratio=$value: must be" -- --size=1m --dedup-ratio="$value"
		complains 2 "--compress-ratio=$value: must be" -- --size=1m --compress-ratio="$value"
	done
	for value in 0 1001; do
		complains 2 "--dedup-ratio=$value: must be a number from 1 to 1000" -- --size=1m \
			--dedup-ratio=$value
	done
	# What the library refuses, as it was typed.
	complains 2 "--dedup-unit=1000: a multiple of 512" -- --size=1m --dedup-unit=1000
	complains 2 "--compress-chunk=8k: " dedup_unit=4096 -- --size=1m --compress-chunk=8k
	complains 2 "--compress-ratio=1000: a number from 1 to 101" -- --size=1m --compress_ratio=1000
	complains 2 "--dedup-unit=0" -- --size=1m --dedup-unit=0
	complains 2 "--dedup-unit=4g: must be at most 16m" -- --size=1m --dedup-unit=4g
	complains 2 "--compress-ratio=1/20:2/30: percentages must add up to 100, here 50" -- --size=1m \
		--compress-ratio=1/20:2/30
	complains 2 "--compress-ratio=2/100/20: SYMBOLS must be a whole number, 32 to 255" -- --size=1m \
		--compress-ratio=2/100/20
	complains 2 "--compress-ratio=1/150: PERCENT must be 0 to 100" -- --size=1m --compress-ratio=1/150
	complains 2 "--frob: no such option; try dgen --help" -- --frob
	complains 2 "--size: needs a value; try dgen --help" -- --size
	complains 2 "--quiet=1: takes no value; try dgen --help" -- --quiet=1
	complains 2 "--comp=1: several options begin so; try dgen --help" -- --comp=1
	complains 2 "-x: no such option; try dgen --help" -- -x
	for value in '' x -1 1k 18446744073709551616; do
		complains 2 "--seed=$value: must be a 64-bit number" -- --size=1m --seed="$value"
	done
	complains 2 "--data-version=2305843009213693952" -- --size=1m \
		--data-version=2305843009213693952
	complains 2 "--domain=" -- --size=1m --domain=
	complains 2 "f: not an option" -- --size=1m f
	[[ ! -e f ]]
}

@test "command: help and version" {
	"$COMMAND" --help >help
	for option in size output dedup-ratio compress-ratio dedup-unit compress-chunk seed \
		data-version domain offset quiet; do
		grep -q -- "--$option" help || fail "no --$option"
	done
	"$COMMAND" --version | grep -qE '^dgen [0-9.]+, data format [0-9]+$'
}

@test "command: every option of the help is in the man page" {
	for option in $("$COMMAND" --help | grep -oE -- '--[a-z-]+' | sort -u); do
		grep -qF -- "$option" "$ROOT/man/dgen.1.scd" || fail "no $option in dgen(1)"
	done
}

@test "command: memory does not grow with the size" {
	need_command bash
	# They take address space.
	no_sanitizers
	(ulimit -v 65536; "$COMMAND" --size=256m --seed=1 --dedup-ratio=3 | wc -c) >count
	[[ $(<count) == $((256 << 20)) ]]
}

@test "command control: the comparison sees another seed, offset or name" {
	"$COMMAND" "${WANT[@]}" --size=1m --domain=f >whole
	for other in --seed=2 --offset=512 --domain=g --data-version=1 --dedup-ratio=2; do
		"$COMMAND" "${WANT[@]}" --size=1m --domain=f $other >f
		run ! same f whole "$other"
	done
}
