#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Memory and other limits.

# Each test is a subshell, and lib.bash uses what it sets.
# shellcheck disable=SC2030,SC2031,SC2034,SC2153,SC2154
load lib

# peak [option]...: the largest resident set of a run, in KiB.
peak() {
	local time

	time=$(type -P time) || skip "GNU time is not installed"
	"$time" -f %M -o memory "$FIO" --ioengine="external:$ENGINE" --name=j --filename=f \
		--rw=randwrite --direct="$DIRECT" --iodepth=8 --data_seed=1 --dedup_ratio=3 \
		--compress_ratio=2 --norandommap --output-format=json "$@" >fio.out
	cat memory
}

@test "limits: memory does not grow with the file size" {
	need_space 2048
	small=$(peak --size=64m --bs=1m)
	large=$(peak --size=2g --bs=1m)
	((large - small < 4096)) || fail "$small KiB for 64 MiB, $large KiB for 2 GiB"
}

@test "limits: an address space of 1 PiB" {
	# No byte is stored: only the addresses are this large.
	dgen --backend=null --filename=huge --filesize=1p --size=1p --io_size=64m --rw=randwrite \
		--bs=1m --norandommap --random_generator=tausworthe64 --fallocate=none --direct=0 ||
		skip "this fio cannot address it"
}

@test "limits: a sparse file of 1 TiB keeps the ratio at its end" {
	truncate -s 1T f 2>/dev/null || skip "no file of 1 TiB can be made here"
	dgen --offset=1048512m --size=64m --dedup_ratio=2
	dd if=f of=end bs=1M skip=1048512 status=none
	# Part of a window at either end.
	dedup_is 2 3 "the last 64 MiB of 1 TiB" end
	no_holes "the last 64 MiB of 1 TiB"
}

@test "limits: 64 jobs" {
	dgen --numjobs=64 --size=1m --offset_increment=1m --bs=16k --iodepth=2 --dedup_ratio=2
	dedup_is 2 1 "64 jobs" f
	no_holes "64 jobs"
}

@test "limits: files of one unit and of less" {
	dgen --size=4k --bs=4k --dedup_ratio=2
	[[ $(stat -c %s f) == 4096 ]]
	measured f
	[[ $(figure '.units[0].distinct') == 1 ]]
}

@test "limits: an interrupted run ends and reports" {
	"$FIO" --ioengine="external:$ENGINE" --name=j --filename=f --rw=write --bs=64k --size=64m \
		--direct="$DIRECT" --time_based --runtime=60 --output-format=json >fio.out 2>fio.err \
		3>&- &
	pid=$!
	# Not before fio listens.
	while kill -0 $pid 2>/dev/null && [[ ! -s f ]]; do sleep 0.1; done
	kill -INT $pid
	status=0
	wait $pid || status=$?
	# fio itself says 128 for a job that a signal ended.
	((status <= 128)) || fail "it ended with $status"
	# fio says on the same stream that it was told to end.
	sed -n '/^{/,$p' fio.out | jq -e . >/dev/null
}
