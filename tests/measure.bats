#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# dgen-measure, judged by other programs. No engine is needed.

# Each test is a subshell, and lib.bash uses what it sets.
# shellcheck disable=SC2030,SC2031,SC2034,SC2153,SC2154
load lib

# by_hand UNIT FILE: total and distinct units, with split and sha256sum.
by_hand() {
	rm -rf units
	mkdir units
	split -a 5 -b "$1" "$2" units/
	sha256sum units/* | awk '!seen[$1]++ { n++ } END { print NR, n }'
}

# data: 2 MiB and a bit with repeats, no zeros.
data() {
	head -c 262144 /dev/urandom >a
	head -c 700000 /dev/urandom >b
	cat a b a a a b | head -c 2500001
}

@test "measure: units and distinct units as counted by hand" {
	data >f
	for unit in 512 4096 12288 65536; do
		measured --codec=none --unit=$unit f
		[[ $(figure '.units[0] | "\(.total) \(.distinct)"') == "$(by_hand $unit f)" ]] ||
			fail "unit $unit: $(figure '.units[0]'), by hand $(by_hand $unit f)"
	done
}

@test "measure: several units in one pass are what each is alone" {
	data >f
	measured --codec=none --unit=4k,12k,1000,64k f
	figure '.units[]' | jq -c . >together
	for unit in 4k 12k 1000 64k; do
		measured --codec=none --unit=$unit f
		figure '.units[]' | jq -c .
	done >alone
	cmp together alone
}

@test "measure: several files are counted together" {
	data >f
	cp f g
	measured --codec=none f
	one=$(figure '.units[0].distinct')
	measured --codec=none f g
	[[ $(figure '.units[0].distinct') == "$one" ]]
	[[ $(figure '.files') == 2 ]]
}

@test "measure: a shift leaves out the beginning" {
	data >f
	tail -c +2049 f >g
	measured --shift=2048 f
	cp measure.json shifted.json
	measured g
	[[ $(figure '.units[0].distinct') == $(jq -r '.units[0].distinct' shifted.json) ]]
	[[ $(figure '.codecs[0].bytes_out') == $(jq -r '.codecs[0].bytes_out' shifted.json) ]]
}

@test "measure: the same with any number of threads, with and without O_DIRECT" {
	head -c 20000000 /dev/urandom >f
	head -c 9000000 f >>f.2
	cat f.2 f.2 >>f
	measured --threads=1 --unit=4k,12k f
	cp measure.json one
	for threads in 2 7 64; do
		measured --threads=$threads --unit=4k,12k f
		cmp measure.json one
	done
	if ((DIRECT)); then
		measured --direct --unit=4k,12k f
		cmp measure.json one
	fi
}

@test "measure: shared units with other files" {
	head -c 81920 /dev/urandom >f
	{ head -c 40960 f; head -c 40960 /dev/urandom; } >g
	head -c 40960 /dev/urandom >h
	shares "half" 10 g f
	shares "none" 0 h f
	shares "all" 20 f f
	measured --against=h --against=g f
	[[ $(figure '.units[0].shared') == 10 ]]
}

@test "measure: an empty file, a sparse one" {
	: >f
	measured f
	[[ $(figure '.units[0] | "\(.total) \(.dedup_ratio)"') == "0 null" ]]
	truncate -s 1m f
	measured f
	[[ $(figure '.units[0] | "\(.total) \(.zero) \(.distinct)"') == "256 256 0" ]]
}

@test "measure: the record of a codec" {
	need_command lz4
	head -c 65536 /dev/urandom >a
	cat a a a a >f
	# At 4 KiB no repeat is seen; 256 KiB in one record do not stay as large.
	measured --unit=256k --record=4k --codec=lz4 f
	near "$(figure '.codecs[0].compression_ratio')" 1 0.1
	measured --unit=256k --record=256k --codec=zstd f
	near "$(figure '.codecs[0].compression_ratio')" 4 2
}

@test "measure: a block device" {
	loop_device 8m
	head -c 8388608 /dev/urandom >"$DEVICE"
	sync
	measured --codec=none "$DEVICE"
	[[ $(figure '.bytes') == 8388608 ]]
	[[ $(figure '.units[0].distinct') == 2048 ]]
}

@test "measure: plain text for people" {
	data >f
	"$MEASURE" f >text
	grep -q 'dedup' text
	grep -q 'lz4' text
	grep -q 'zstd-3' text
}

@test "measure: errors are one line and a status" {
	data >f
	while read -r options; do
		status=0
		# shellcheck disable=SC2086
		"$MEASURE" $options >out 2>err || status=$?
		((status == 1)) || fail "'$options': status $status"
		[[ $(grep -c '^dgen-measure: ' err) == 1 ]] || fail "'$options': $(cat err)"
		[[ ! -s out ]] || fail "'$options': $(cat out)"
	done <<-END

		missing
		f missing
		.
		/dev/zero
		--unit=0 f
		--unit=4q f
		--unit=-4096 f
		--unit=99999999999999999999 f
		--unit=, f
		--codec=rar f
		--codec=zstd:99 f
		--codec=lz4:3 f
		--record=1 f
		--threads=0 f
		--threads=many f
		--shift=3m f
	END
}

@test "measure: an error of the disk is an error" {
	build_helper bad_read
	head -c 20000000 /dev/urandom >f
	status=0
	LD_PRELOAD=$HELPERS/bad_read "$MEASURE" --quiet f >out 2>err || status=$?
	((status == 1)) || fail "status $status"
	grep -q '^dgen-measure: f: .* at offset [0-9]*: Input/output error$' err || fail "$(cat err)"
	[[ $(wc -l <err) == 1 ]]
	[[ ! -s out ]]
}

@test "measure: a full standard output is an error" {
	[[ -w /dev/full ]] || skip "no /dev/full"
	data >f
	status=0
	"$MEASURE" --quiet f >/dev/full 2>err || status=$?
	((status == 1))
}

@test "measure: --help and --version" {
	"$MEASURE" --help | grep -q -- --unit
	"$MEASURE" --version | grep -q dgen-measure
}
