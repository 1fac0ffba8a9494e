#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# The ratio survives overwrites, and an overwrite changes the data.

# Each test is a subshell, and lib.bash uses what it sets.
# shellcheck disable=SC2030,SC2031,SC2034,SC2153,SC2154
load lib

@test "overwrite: half of the file at random, ratio within 1 %" {
	for D in $(full "1 1.25 1.5 2 3 3.7 5 10 20 50" "1.5 3.7 20"); do
		dgen --size=128m --dedup_ratio="$D"
		dgen --size=128m --dedup_ratio="$D" --rw=randwrite --bs=4k --iodepth=64 \
			--io_size=64m --data_version=1
		dedup_is "$D" 1 "D=$D" f
	done
}

@test "overwrite: half of the file in blocks of 64k" {
	for D in 1.25 2 10; do
		dgen --size=128m --dedup_ratio=$D
		dgen --size=128m --dedup_ratio=$D --rw=randwrite --io_size=64m --data_version=1
		dedup_is $D 1 "D=$D" f
	done
}

@test "overwrite: half of a small file" {
	for D in 2 10; do
		dgen --size=16m --dedup_ratio=$D
		dgen --size=16m --dedup_ratio=$D --rw=randwrite --bs=4k --io_size=8m \
			--data_version=1
		dedup_is $D 3 "D=$D" f
	done
}

@test "overwrite: a mixture of five versions" {
	dgen --size=128m --dedup_ratio=3
	for version in 1 2 3 4; do
		dgen --size=128m --dedup_ratio=3 --rw=randwrite --bs=16k --io_size=64m \
			--data_version=$version --randseed=$version
		dedup_is 3 1 "up to version $version" f
	done
}

@test "overwrite: three full passes in random order of one run" {
	for D in $(full "1 1.25 1.5 2 3 3.7 5 10 20 50" "1.25 2 10"); do
		dgen --size=64m --dedup_ratio="$D" --rw=randwrite --bs=64k --loops=3
		dedup_is "$D" 1 "D=$D" f
		no_holes "D=$D"
	done
}

@test "overwrite: passes and a half" {
	dgen --size=64m --dedup_ratio=2 --rw=randwrite --bs=4k --iodepth=64 --io_size=160m
	dedup_is 2 1 "two passes and a half" f
}

@test "overwrite: time_based wraps" {
	dgen --size=64m --bs=1m --dedup_ratio=2 --time_based --runtime=2
	dedup_is 2 1 "after 2 seconds" f
	written=$(json '.jobs[0].write.io_bytes')
	cp f first
	dgen --size=64m --bs=1m --dedup_ratio=2
	((written <= 64 * 1024 * 1024)) && skip "this disk is too slow to wrap in 2 seconds"
	run ! cmp -s f first
}

@test "overwrite: a further run with the next version changes at least 99 % of the units" {
	build_helper changed
	for D in 1 2 10; do
		dgen --size=64m --dedup_ratio=$D
		for version in 1 2 3; do
			cp f old
			dgen --size=64m --dedup_ratio=$D --data_version=$version
			changed=$("$HELPERS/changed" old f 4096)
			((changed >= 16384 * 99 / 100)) ||
				fail "D=$D, version $version: $changed of 16384 units changed"
		done
	done
}

@test "overwrite: each loop of a run changes at least 99 % of the units" {
	build_helper changed
	for rw in write randwrite; do
		for loops in 1 2 3; do
			dgen --size=64m --dedup_ratio=3 --rw=$rw --loops=$loops
			cp f "pass.$loops"
		done
		for loops in 2 3; do
			changed=$("$HELPERS/changed" pass.$((loops - 1)) pass.$loops 4096)
			((changed >= 16384 * 99 / 100)) ||
				fail "rw=$rw, pass $loops: $changed of 16384 units changed"
		done
	done
}

@test "overwrite: the second loop of a run is version 1" {
	dgen --size=16m --dedup_ratio=2 --loops=2
	mv f second
	dgen --size=16m --dedup_ratio=2 --data_version=1
	same f second "loops=2 and data_version=1"
}

@test "overwrite control: the same version again changes nothing" {
	build_helper changed
	dgen --size=16m --dedup_ratio=2
	cp f old
	dgen --size=16m --dedup_ratio=2 --rw=randwrite --bs=4k
	[[ $("$HELPERS/changed" old f 4096) == 0 ]]
}
