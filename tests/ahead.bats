#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# gen_threads=: the same bytes in the same order, and an end in every case.

# Each test is a subshell, and lib.bash uses what it sets.
# shellcheck disable=SC2030,SC2031,SC2034,SC2153,SC2154
load lib

# without_helpers [option]...: leaves the file "without".
without_helpers() {
	rm -f f
	dgen --dedup_ratio=3 --compress_ratio=2 --report=0 "$@"
	mv f without
}

# with_helpers WHAT [option]...: gives the same bytes.
with_helpers() {
	local what=$1
	shift

	rm -f f
	dgen --dedup_ratio=3 --compress_ratio=2 --report=0 --gen_threads=2 "$@"
	same without f "$what"
}

same_bytes() {
	without_helpers "${@:2}"
	with_helpers "$@"
}

@test "ahead: the same bytes, processes and threads" {
	without_helpers
	with_helpers "64k"
	with_helpers "4k at random, thread" --rw=randwrite --bs=4k --thread=1
	with_helpers "8k at random" --rw=randwrite --bs=8k
	with_helpers "1m, thread" --bs=1m --thread=1
	with_helpers "batches" --iodepth_batch=4 --iodepth_batch_complete_min=2
	same_bytes "odd sizes" --bsrange=512-100k --bs_unaligned=1 --direct=0 --size=5000k
}

# Pieces of a buffer are made by several threads at once; they begin where a unit begins.
@test "ahead: the same bytes in large blocks, and the same ratio told" {
	for unit in 4k 12k 1536k; do
		without_helpers --size=40m --dedup_unit="$unit" --compress_chunk=4k
		with_helpers "8m, units of $unit" --bs=8m --size=40m --iodepth=3 --dedup_unit="$unit" --compress_chunk=4k
		with_helpers "odd, units of $unit" --bsrange=512-9m --bs_unaligned=1 --direct=0 --size=40m \
			--iodepth=4 --gen_threads=3 --dedup_unit="$unit" --compress_chunk=4k
	done
	dgen --bs=6m --size=48m --gen_threads=2 --dedup_ratio=3 --dedup_unit=12k --report_file=r.json
	near "$(jq '.groups[0].dedup_ratio_issued' r.json)" 3 1
	dgen --bs=6m --size=48m --rw=randwrite --gen_threads=2 --dedup_ratio=3 --verify=md5 --loops=2
}

@test "ahead: the same bytes with the engines of fio" {
	without_helpers
	for backend in libaio fio:io_uring fio:posixaio; do
		if [[ $backend == fio:* ]] && ! has_fio_engine "${backend#fio:}"; then
			left_out "$backend: this fio has no such engine"
			continue
		fi
		with_helpers "$backend" --backend="$backend"
	done
}

@test "ahead: several passes, and syncs" {
	same_bytes "three passes" --rw=randwrite --loops=3
	same_bytes "syncs" --size=4m --fsync=8 --fdatasync=5 --end_fsync=1
}

@test "ahead: what overlaps is verified" {
	# Less than 8k is made in the job's thread.
	dgen --rw=randrw --bsrange=4k-16k --size=4m --loops=2 --norandommap --verify=md5 --gen_threads=3 \
		--iodepth=16
	dgen --rw=randwrite --bs=16k --size=4m --loops=2 --verify=md5 --gen_threads=2 \
		--numjobs=2 --io_size=8m --norandommap
}

@test "ahead: trims stay behind the writes before them" {
	loop_device 16m
	dgen --filename="$DEVICE" --size=16m --rw=trimwrite --gen_threads=2 --verify=md5
	dgen --filename="$DEVICE" --size=16m --rw=randtrimwrite --bs=16k --gen_threads=2
}

@test "ahead: a back end that does one I/O at a time says that helpers are of no use" {
	dgen --backend=fio:psync --gen_threads=1 --numjobs=3 --thread=1
	[[ $(grep -c "gen_threads=1: not used" fio.err) == 1 ]]
}

@test "ahead: values that cannot be" {
	for value in -1 65 two ""; do
		dgen_raw --gen_threads="$value"
		refused gen_threads "$value" "from 0 to 64"
	done
}

@test "ahead: a full device ends the job with one line" {
	failing_device 64m 8m
	for thread in 0 1; do
		dgen_raw --filename="$DEVICE" --size=64m --gen_threads=2 --thread="$thread"
		io_error write "$DEVICE"
	done
}

@test "ahead: a time limit ends it, whatever is on its way" {
	dgen --time_based --runtime=1 --gen_threads=4 --iodepth=32 --size=8m
	[[ $(json '.jobs[0].error') == 0 ]]
}

# interrupt SIGNAL [option]...: leaves no process behind.
interrupt() {
	local signal=$1 pid
	shift
	rm -f g

	"$FIO" --ioengine="external:$ENGINE" --name=j --filename="$T/g" --rw=write --bs=1m \
		--size=64m --direct="$DIRECT" --iodepth=8 --time_based --runtime=60 \
		--fallocate=none --gen_threads=2 "$@" >fio.out 2>fio.err &
	pid=$!
	# Once something was written.
	for ((i = 0; i < 600; i++)); do
		[[ -s $T/g && $(stat -c %b "$T/g") != 0 ]] && break
		sleep 0.1
	done
	kill "-$signal" "$pid"
	for ((i = 0; i < 100; i++)); do
		kill -0 "$pid" 2>/dev/null || break
		sleep 0.1
	done
	((i < 100)) || fail "fio did not end after SIG$signal: $*"
	status=0
	wait "$pid" || status=$?
}

@test "ahead: SIGINT and SIGTERM end it, with the report" {
	interrupt INT
	grep -q "Verdict:" fio.out || { show fio.out fio.err; false; }
	interrupt TERM --thread=1 --numjobs=2
	grep -q "Verdict:" fio.out || { show fio.out fio.err; false; }
}

@test "ahead: SIGKILL ends helpers too" {
	interrupt KILL --thread=1
	((status == 137))
}
