#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# read_iolog=: what a log says is done, counted and checked, all of it, whatever is in flight at its end.

# Each test is a subshell, and lib.bash uses what it sets.
# shellcheck disable=SC2030,SC2031,SC2034,SC2153,SC2154
load lib

# log NAME [option]...: of what fio would do to the file f.
log() {
	"$BARE_FIO" --name=j --ioengine=null --filename=f --rw=write --bs=64k --size=2m --write_iolog="$1" \
		"${@:2}" >/dev/null
}

# replay [option]...: of the log named log; it may fail.
replay() {
	dgen_raw --read_iolog=log --output-format=normal "$@"
}

# The last MiB that our line says were written.
wrote() {
	sed -n 's/^dgen: wrote \([0-9.]*\) MiB.*/\1/p' fio.out
}

@test "replay: what is in flight at the end is written and counted" {
	local backend threads

	log log
	dgen --size=2m
	mv f wanted
	for backend in io_uring libaio fio:libaio fio:psync; do
		for threads in 0 1 2; do
			rm -f f
			replay --iodepth=32 --backend=$backend --gen_threads=$threads
			((status == 0)) || { show fio.out fio.err; fail "$backend, gen_threads=$threads"; }
			[[ $(wrote) == 2.0 ]] || fail "$backend, gen_threads=$threads: wrote $(wrote) MiB"
			grep -q 'WRITE: .*io=2048KiB' fio.out || fail "$backend, gen_threads=$threads: $(grep WRITE: fio.out)"
			(($(stat -c %s f) == 2097152)) || fail "$backend, gen_threads=$threads: $(stat -c %s f) bytes"
			[[ $("$MEASURE" --quiet --json --codec=none f | jq '.units[0].zero') == 0 ]] ||
				fail "$backend, gen_threads=$threads: zeros"
		done
	done
}

@test "replay: the end of a log is the end of the job, whatever else goes on" {
	log log
	for option in --time_based=1\ --runtime=30 --size=64m --loops=3 --end_fsync=1 --read_iolog_chunked=1 \
		--io_size=64m --thread=1 --iodepth_batch=8 --fsync_on_close=1; do
		rm -f f
		# shellcheck disable=SC2086 # two of them
		LIMIT=20 replay --iodepth=16 $option
		((status == 0)) || { show fio.out fio.err; fail "$option: $status"; }
		[[ $(wrote) == 2.0 ]] || fail "$option: wrote $(wrote) MiB"
	done
}

@test "replay: a log that breaks off leaves what was sent before" {
	for threads in 0 1; do
		rm -f f
		log log
		sed -i '$d' log
		printf '9000 missing/f add\n9001 missing/f open\n9002 missing/f write 0 65536\n9003 missing/f close\n' >>log
		replay --iodepth=64 --gen_threads=$threads
		failed
		[[ $(wrote) == 2.0 ]] || fail "gen_threads=$threads: wrote $(wrote) MiB"
		(($(stat -c %s f) == 2097152)) || fail "gen_threads=$threads: $(stat -c %s f) bytes"
		rm log
	done
}

@test "replay: what is read in flight at the end is checked" {
	dgen --size=2m
	log log --rw=read
	for depth in 1 4 64; do
		for backend in io_uring fio:libaio; do
			replay --rw=read --verify=crc32c --iodepth=$depth --backend=$backend
			((status == 0)) || { show fio.out fio.err; false; }
			grep -q 'dgen: verify: 2.0 MiB checked, 0 wrong, nothing left out' fio.out ||
				fail "$backend, iodepth=$depth: $(grep verify: fio.out)"
			replay --rw=read --verify=crc32c --iodepth=$depth --backend=$backend --data_seed=2
			failed
			grep -q 'f: .* wrong' fio.err || { show fio.err; false; }
		done
	done
}

@test "replay: what latency_target leaves in flight is no loss of the back end" {
	no_sanitizers
	for backend in io_uring fio:libaio; do
		for threads in 0 1; do
			rm -f f
			dgen --latency_target=50ms --latency_window=300ms --latency_percentile=90 \
				--time_based --runtime=2 --backend=$backend --gen_threads=$threads
			! grep -q 'never ended' fio.err fio.out || { show fio.err; false; }
		done
	done
}
