#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Output that programs read stays fit for them.

# Each test is a subshell, and lib.bash uses what it sets.
# shellcheck disable=SC2030,SC2031,SC2034,SC2153,SC2154
load lib

@test "json: nothing but JSON on standard output" {
	for report in 0 1; do
		dgen --dedup_ratio=2 --numjobs=2 --report="$report"
		jq -e . fio.out >/dev/null || { show fio.out; false; }
		[[ $(head -c 1 fio.out) == "{" ]]
	done
}

@test "json: --output holds nothing but JSON" {
	dgen --dedup_ratio=2 --output=result.json
	jq -e . result.json >/dev/null
	[[ ! -s fio.out ]] || { show fio.out; false; }
}

@test "json: a fresh seed is among the job's options" {
	fio_raw --name=j --filename=f --rw=write --bs=64k --size=4m --direct="$DIRECT" \
		--output-format=json
	((status == 0))
	seed=$(json '[.. | objects | .data_seed? // empty] | first')
	[[ $seed =~ ^(0x)?[0-9a-f]+$ ]] || fail "data_seed is '$seed'"
}

@test "json: a given seed is among the job's options" {
	dgen --data_seed=1234567
	[[ $(json '[.. | objects | .data_seed? // empty] | first') == 1234567 ]]
}

@test "json: with json+ too" {
	dgen --output-format=json+
	jq -e . fio.out >/dev/null
}

@test "json: terse output is one line for each job" {
	dgen --output-format=terse --terse-version=3 --numjobs=2
	[[ $(wc -l <fio.out) == 2 ]] || { show fio.out; false; }
	[[ $(grep -c '^3;' fio.out) == 2 ]]
}

@test "json: a fresh seed is told where the output has no options" {
	for format in --minimal --output-format=terse --output-format=normal,terse; do
		fio_raw --name=j --filename=f --rw=write --bs=64k --size=1m $format
		((status == 0))
		(($(grep -cE '^dgen: data_seed=0x[0-9a-f]{16}$' fio.err) == 1)) || { show fio.err; fail "$format"; }
		! grep -q 'data_seed' fio.out || { show fio.out; fail "$format"; }
	done
}

@test "json: fio's counts agree with the file" {
	dgen --size=8m --dedup_ratio=2
	[[ $(json '.jobs[0].write.io_bytes') == $((8 * 1024 * 1024)) ]]
	[[ $(json '.jobs[0].write.total_ios') == 128 ]]
	[[ $(json '.jobs[0].error') == 0 ]]
}

@test "json: the seed is told in the output for people" {
	fio_raw --name=j --filename=f --rw=write --bs=64k --size=4m --direct="$DIRECT"
	((status == 0))
	grep -q data_seed fio.out fio.err || { show fio.out fio.err; false; }
}
