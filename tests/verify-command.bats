#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# dgen --verify: its options, output and exit status. What it calls a fault: diagnosis.bats.

# Each test is a subshell, and lib.bash uses what it sets.
# shellcheck disable=SC2030,SC2031,SC2034,SC2153,SC2154
load lib

WANT=(--seed=1 --dedup-ratio=2.5 --compress-ratio=1.7)

# verify STATUS [argument]...: dgen --verify ends so; its output is in $T/out and $T/err.
verify() {
	local wanted=$1
	shift

	status=0
	"$COMMAND" --verify "$@" >out 2>err </dev/null || status=$?
	[[ $status == "$wanted" ]] && return
	show out err
	fail "dgen --verify $* ended with $status, not $wanted"
}

# says FILE WORD...: it has each of these.
says() {
	local word

	for word in "${@:2}"; do
		grep -qF -- "$word" "$1" || { show "$1"; fail "no '$word'"; return; }
	done
}

# refuses WORD... -- [argument]...: exit status 2 and one line with these words.
refuses() {
	local words=()

	while [[ $1 != -- ]]; do
		words+=("$1")
		shift
	done
	shift
	verify 2 "$@"
	[[ $(wc -l <err) == 1 && ! -s out ]] || { show out err; fail "not one line"; }
	says err "${words[@]}"
}

# overwrite FILE OFFSET COUNT: COUNT bytes of FILE become 0xff.
overwrite() {
	head -c "$3" /dev/zero | tr '\0' '\377' |
		dd of="$1" bs=4096 seek="$2" oflag=seek_bytes conv=notrunc status=none
}

@test "verify command: what fio wrote is right" {
	dgen --dedup_ratio=2.5 --compress_ratio=1.7 --size=24m
	verify 0 "${WANT[@]}" f
	[[ $(<out) == "f: all of 6144 units are right" && ! -s err ]] || { show out err; false; }
}

@test "verify command: data for one codec and record" {
	CODEC=(--compress_codec=zstd --compress_record=32k)
	dgen --dedup_ratio=2.5 --compress_ratio=1.7 --size=8m "${CODEC[@]}"
	verify 0 "${WANT[@]}" "${CODEC[@]}" f
	verify 1 "${WANT[@]}" f
	verify 1 "${WANT[@]}" --compress-codec=lz4 --compress-record=32k f
}

@test "verify command: several passes of fio, by version" {
	dgen --dedup_ratio=2.5 --compress_ratio=1.7 --size=8m --loops=3
	verify 0 "${WANT[@]}" --data-version=2 f
	verify 1 "${WANT[@]}" --data-version=3 f
	says out "stale: version 2 where 3 must be"
}

@test "verify command: units and chunks of any size, a size that is no multiple" {
	for sizes in 512/512 6k/6k 8k/1k 64k/64k 4m/4k; do
		options=(--dedup-unit="${sizes%/*}" --compress-chunk="${sizes#*/}")
		"$COMMAND" "${WANT[@]}" "${options[@]}" --size=10000001 -o f
		verify 0 "${WANT[@]}" "${options[@]}" f
		# The last byte of the file, zero or not.
		printf '\125' | dd of=f bs=1 seek=10000000 conv=notrunc status=none
		verify 1 "${WANT[@]}" "${options[@]}" f
		[[ $(grep -c 'f: offset' out) == 1 ]] || { show out; false; }
	done
}

@test "verify command: a part of a file" {
	"$COMMAND" "${WANT[@]}" --size=8m -o f
	overwrite f 4096000 4096
	verify 1 "${WANT[@]}" f
	says out "f: offset 4096000, unit 1000" "f: 1 of 2048 units are wrong: 1 unknown"
	verify 0 "${WANT[@]}" --size=4096000 f
	verify 0 "${WANT[@]}" --offset=4100096 f
	verify 1 "${WANT[@]}" --offset=4096001 --size=1 f
	says out "f: offset 4096001, unit 1000, bytes 0-0 of 1" "f: 1 of 1 units"
	# From the middle of a unit on.
	verify 0 "${WANT[@]}" --offset=1234567 --size=999 f
}

@test "verify command: names, a domain" {
	"$COMMAND" "${WANT[@]}" --size=4m --domain=clones -o f
	cp f g
	verify 0 "${WANT[@]}" --domain=clones f g
	verify 1 "${WANT[@]}" f
	says out "misdirected" "of a file that is not checked here"
	"$COMMAND" "${WANT[@]}" --size=4m --domain=f -o f
	verify 0 "${WANT[@]}" f
	verify 0 --data_seed=1 --dedup_ratio=2.5 --compress_ratio=1.7 --data_version=0 \
		--dedup_domain=f ./f
}

@test "verify command: a mixture of versions" {
	"$COMMAND" "${WANT[@]}" --size=4m --data-version=2 -o f
	"$COMMAND" "${WANT[@]}" --size=1m --data-version=4 --domain=f >new
	dd if=new of=f bs=1M conv=notrunc status=none
	verify 1 "${WANT[@]}" --data-version=4 f
	says out "stale"
	verify 0 "${WANT[@]}" --data-version=4 --oldest-version=2 f
	says out "f: all of 1024 units are right; "
	# A fault is told by the version that the unit has most of.
	printf '\125' | dd of=f bs=1 seek=3000000 conv=notrunc status=none
	verify 1 "${WANT[@]}" --data-version=4 --oldest-version=2 f
	[[ $(grep -c 'f: offset' out) == 1 ]] || { show out; false; }
	says out "unit 732, bytes 1728-1728 of 4096"
	# A unit of two versions is torn though each would do.
	dd if=new of=f bs=512 skip=8 seek=$((1024 * 8 - 8)) count=1 conv=notrunc status=none
	"$COMMAND" "${WANT[@]}" --size=512 --offset=2m --data-version=4 --domain=f |
		dd of=f bs=2M seek=1 conv=notrunc status=none
	verify 1 "${WANT[@]}" --data-version=4 --oldest-version=2 f
	says out "unit 512, bytes" "torn with version"
}

@test "verify command: findings are limited and counted, units in a row are one" {
	"$COMMAND" "${WANT[@]}" --size=4m -o f
	for i in 1 3 5 7 9; do
		overwrite f $((i * 40960)) 4096
	done
	head -c 409600 /dev/zero | dd of=f bs=1M seek=3 conv=notrunc status=none
	verify 1 "${WANT[@]}" --findings=2 f
	[[ $(grep -c 'f: offset' out) == 2 ]] || { show out; false; }
	says out "f: 4 more findings are not told" \
		"f: 105 of 1024 units are wrong: 100 zeros, 5 unknown"
	verify 1 "${WANT[@]}" --findings=0 f
	[[ $(grep -c 'f: offset' out) == 0 ]] || { show out; false; }
	verify 1 "${WANT[@]}" f
	says out "f: offset 3145728, units 768-867, 409600 bytes: zeros"
}

@test "verify command: dumps what is there and what must be" {
	mkdir dir kept
	"$COMMAND" "${WANT[@]}" --size=4m -o dir/f
	cp dir/f clean
	for i in 1 3 5 7 9 11 13 15 17 19; do
		overwrite dir/f $((i * 40960)) 4096
	done
	verify 1 "${WANT[@]}" --dump=kept dir/f
	[[ $(find kept -type f | wc -l) == 16 ]] || { ls kept >&2; false; }
	cmp kept/dir_f.40960.found <(dd if=dir/f bs=4096 skip=10 count=1 status=none)
	cmp kept/dir_f.40960.expected <(dd if=clean bs=4096 skip=10 count=1 status=none)
	# Known before anything is read, which may take hours.
	refuses "--dump=none: must be a directory to write in" -- "${WANT[@]}" --dump=none dir/f
	refuses "--dump=clean: must be a directory to write in" -- "${WANT[@]}" --dump=clean dir/f
}

@test "verify command: a file with less than --size is an error" {
	"$COMMAND" "${WANT[@]}" --size=1m -o f
	"$COMMAND" "${WANT[@]}" --size=1m -o g
	verify 1 "${WANT[@]}" --size=2m f
	[[ ! -s out ]] || { show out; false; }
	says err "f: has 1048576 bytes, less than the 2097152 to be verified from offset 0"
	verify 1 "${WANT[@]}" --size=2m --offset=4k f
	verify 1 "${WANT[@]}" --size=1m --offset=1 f
	verify 0 "${WANT[@]}" --size=1m f
	verify 0 "${WANT[@]}" --size=1048575 --offset=1 f
	# Cut within a unit, by one byte.
	for size in 1048575 1046529; do
		truncate -s $size f
		verify 1 "${WANT[@]}" --size=1m f g
		says err "f: has $size bytes, less than the 1048576"
		# The others are verified still.
		[[ $(<out) == "g: all of 256 units are right" ]] || { show out; false; }
		verify 0 "${WANT[@]}" f
		says out "f: all of 256 units are right"
	done
}

@test "verify command: standard input and pipes, in order" {
	"$COMMAND" "${WANT[@]}" --size=8m >f
	# verify_pipe STATUS [argument]...: of what comes in.
	verify_pipe() {
		local wanted=$1
		shift

		status=0
		"$COMMAND" --verify "${WANT[@]}" "$@" >out 2>err || status=$?
		[[ $status == "$wanted" ]] || { show out err; fail "dgen --verify $* ended with $status"; }
	}
	# In pieces of any size.
	dd if=f bs=12345 status=none | verify_pipe 0 -
	[[ $(<out) == "-: all of 2048 units are right" && ! -s err ]] || { show out err; false; }
	verify_pipe 0 - <f
	tail -c +1000001 f | verify_pipe 0 --offset=1000000 --domain=- -
	tail -c +1000001 f | verify_pipe 1 --offset=1000001 -
	verify_pipe 0 --size=1000000 - < <(cat f)
	says out "-: all of 245 units are right"
	head -c 1000000 f | verify_pipe 1 --size=1000001 -
	says err "-: has 1000000 bytes, less than the 1000001 to be verified"
	head -c 1000000 f | verify_pipe 0 -
	verify_pipe 1 - </dev/null
	says err "-: nothing to verify"
	cp f g
	overwrite g 4096000 4096
	# shellcheck disable=SC2002 # a pipe
	cat g | verify_pipe 1 --domain=- -
	says out "-: offset 4096000, unit 1000" "-: 1 of 2048 units are wrong"
	mkfifo pipe
	cat f >pipe &
	verify 0 "${WANT[@]}" --domain=- pipe f
	says out "pipe: all of 2048" "f: all of 2048"
	wait
	verify 1 "${WANT[@]}" - -
	says err "-: standard input can be read only once"
	verify 1 "${WANT[@]}" /dev/null
	says err "/dev/null: neither a file nor a block device; takes"
}

@test "verify command: says so where all looks like another name's or another ratio's" {
	hint="f: it looks like data of this seed under another name (--domain=NAME"
	"$COMMAND" "${WANT[@]}" --size=1m --domain=other -o f
	verify 1 "${WANT[@]}" f
	[[ $(tail -n 1 out) == "$hint"* ]] || { show out; tail -n 2 out >&2; false; }
	verify 1 --seed=1 --dedup-ratio=2.5 --compress-ratio=4 --domain=other f
	[[ $(tail -n 1 out) == "$hint"* ]] || { tail -n 2 out >&2; false; }
	# Another seed, another file that is checked too, half of it, random bytes, zeros: damage, or told otherwise.
	cp f other
	verify 1 --seed=2 --dedup-ratio=2.5 --compress-ratio=1.7 f
	! grep -qF "$hint" out || { tail -n 2 out >&2; false; }
	verify 1 "${WANT[@]}" f other
	! grep -qF "$hint" out || { tail -n 2 out >&2; false; }
	"$COMMAND" "${WANT[@]}" --size=1m -o g
	dd if=f of=g bs=512k count=1 conv=notrunc status=none
	verify 1 "${WANT[@]}" g
	! grep -q 'looks like' out || { tail -n 2 out >&2; false; }
	for what in /dev/zero /dev/urandom; do
		head -c 1m $what >f
		verify 1 "${WANT[@]}" f
		! grep -qF "$hint" out || { tail -n 2 out >&2; false; }
	done
	# One write of another file's data is all of a small file.
	head -c 32k other >f
	verify 1 "${WANT[@]}" f
	! grep -qF "$hint" out || { tail -n 2 out >&2; false; }
}

@test "verify command: one file's faults do not hide another's" {
	for name in f g h; do
		"$COMMAND" "${WANT[@]}" --size=4m -o $name
	done
	cp f i
	dd if=g of=f bs=4096 count=1 seek=3 skip=5 conv=notrunc status=none
	dd if=i of=h bs=4096 count=1 seek=7 skip=8 conv=notrunc status=none
	verify 1 "${WANT[@]}" f g h
	says out "f: offset 12288, unit 3, bytes" "holds what belongs to g offset" \
		"g: all of 1024 units are right" "h: offset 28672, unit 7" \
		"holds what belongs to f offset"
}

@test "verify command: a device" {
	loop_device 16m
	"$COMMAND" "${WANT[@]}" --yes-destroy-data --size=16m -o "$DEVICE"
	verify 0 "${WANT[@]}" "$DEVICE"
	says out "$DEVICE: all of 4096 units are right"
	dd if=/dev/zero of="$DEVICE" bs=4096 seek=77 count=1 conv=notrunc,fsync status=none
	verify 1 "${WANT[@]}" "$DEVICE"
	says out "$DEVICE: offset 315392, unit 77, bytes" "zeros"
}

@test "verify command: what cannot be read is an error, not a finding" {
	"$COMMAND" "${WANT[@]}" --size=4m -o f
	verify 1 "${WANT[@]}" none f
	says err "none: No such file"
	verify 1 "${WANT[@]}" .
	says err ".: Is a directory"
	[[ $(wc -l <err) == 1 ]] || { show err; false; }
	: >empty
	verify 1 "${WANT[@]}" empty f
	says err "empty: nothing to verify"
	says out "f: all of 1024"
	[[ -c /dev/full ]] || { left_out "no /dev/full"; return 0; }
	status=0
	"$COMMAND" --verify "${WANT[@]}" f >/dev/full 2>err || status=$?
	[[ $status == 1 ]]
	says err "standard output: No space left"
}

@test "verify command: refuses what makes no sense" {
	refuses "--verify: no file" -- --seed=1
	refuses "--seed is missing" -- f
	refuses "--output=g: not with --verify" -- --seed=1 --output=g f
	refuses "--oldest-version=2: must not be above --data-version=1" -- --seed=1 \
		--data-version=1 --oldest-version=2 f
	refuses "--oldest-version=0x10: must not be above --data-version=0," -- --seed=1 --oldest-version=0x10 f
	refuses "more than 1000 below" -- --seed=1 --data-version=2000 --oldest-version=1 f
	refuses "--findings=x: must be" -- --seed=1 --findings=x f
	refuses "--oldest-version=-1: must be" -- --seed=1 --oldest-version=-1 f
	refuses "--dump=: must be a directory" -- --seed=1 --dump= f
	refuses "--offset=1: must not reach past" -- --seed=1 --offset=1 --size=9223372036854775807 f
	for option in --dump=. --findings=1 --oldest-version=0; do
		status=0
		"$COMMAND" --size=1m --seed=1 $option >out 2>err || status=$?
		[[ $status == 2 && ! -s out ]] || fail "$option ended with $status"
		says err "${option%=*}: only with --verify"
	done
}
