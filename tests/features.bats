#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# What fio does around an engine it does around this one: the same bytes and I/Os as with its own.

# Each test is a subshell, and lib.bash uses what it sets.
# shellcheck disable=SC2030,SC2031,SC2034,SC2153,SC2154
load lib

# The bytes and I/Os of all jobs, by direction, and their errors.
counts() {
	jq -c '[.jobs[] | [.read, .write, .trim | .io_bytes, .total_ios], .error]' "$1"
}

# like_fio OPTION...: the counts are those of fio's io_uring engine, which goes first. Ours is a process, whose
# output is json, and a thread, with json+, in turn.
like_fio() {
	local wanted formats=(json json+)

	has_fio_engine io_uring || skip "this fio has no io_uring engine"
	timeout "${LIMIT:-60}" "$BARE_FIO" --name=j --ioengine=io_uring --directory=. --filename_format='t.$filenum' \
		--rw=write --bs=64k --size=16m --direct="$DIRECT" --iodepth=8 \
		--output-format=json "$@" >theirs 2>theirs.err || fail "fio itself: $(<theirs.err)"
	wanted=$(counts theirs)
	rm -f t.*
	TURN=$((!${TURN:-1}))
	for thread in $(full "0 1" $TURN); do
		dgen --directory=. --filename_format='o.$filenum' --dedup_ratio=2 --thread=$thread \
			--output-format=${formats[thread]} "$@"
		[[ $(counts fio.out) == "$wanted" ]] ||
			fail "thread=$thread $*: counts $(counts fio.out), with io_uring $wanted"
	done
}

@test "features: mixes, intervals of syncs, sizes and numbers of files" {
	like_fio --rw=randrw --rwmixread=70 --bs=4k
	rm -f o.*
	like_fio --fsync=16 --fdatasync=10
	rm -f o.*
	# With more in flight, the number of syncs is not always the same with fio's own either.
	like_fio --fsync=16 --fdatasync=10 --iodepth=1
	[[ $(json '.jobs[0].sync.total_ios') == "$(jq '.jobs[0].sync.total_ios' theirs)" ]] ||
		fail "$(json '.jobs[0].sync.total_ios') syncs, with io_uring $(jq '.jobs[0].sync.total_ios' theirs)"
	rm -f o.*
	like_fio --nrfiles=8 --openfiles=2 --file_service_type=random
	rm -f o.*
	like_fio --nrfiles=4 --filesize=1m-8m --size=20m
	rm -f o.*
	like_fio --create_on_open=1 --nrfiles=4
	rm -f o.*
	like_fio --rw=read --pre_read=1 --direct=0
}

@test "features: unlink removes the files" {
	like_fio --unlink=1 --nrfiles=2
	[[ -z $(compgen -G 'o.*') ]] || fail "left: $(echo o.*)"
}

@test "features: zones" {
	like_fio --zonemode=strided --zonesize=1m --zonerange=2m --rw=randwrite --bs=4k
	# Emulated, in files that are there.
	truncate -s 16m t.0 o.0
	like_fio --zonemode=zbd --zonesize=1m
	truncate -s 16m t.0 o.0
	like_fio --zonemode=zbd --zonesize=1m --rw=randwrite --max_open_zones=4
}

@test "features: serialize_overlap" {
	like_fio --serialize_overlap=1 --rw=randwrite --bs=16k --norandommap --iodepth=16
	dedup_is 2 5 "overlapping writes" o.0
}

@test "features: rates and their processes" {
	like_fio --size=4m --rate=40m --rate_process=poisson
	like_fio --size=4m --rate_iops=2000 --rate_process=linear
}

@test "features: latency_target and steadystate end a job as they should" {
	no_sanitizers
	dgen --latency_target=50ms --latency_window=300ms --latency_percentile=90 --time_based \
		--runtime=2
	# At the full depth, long before the time is over.
	(($(json '.jobs[0].latency_depth') == 8)) || fail "depth $(json '.jobs[0].latency_depth')"
	# Not even at a depth of 1.
	dgen_raw --latency_target=1us --latency_window=100ms --latency_percentile=100 --time_based \
		--runtime=10
	failed
	grep -q 'max latency exceeded' fio.out fio.err || { show fio.out fio.err; false; }
	dgen --steadystate=iops:1000% --ss_dur=2 --time_based --runtime=20
	json '.jobs[0].steadystate.attained == 1' >/dev/null
	(($(json '.jobs[0].job_runtime') < 15000))
}

@test "features: status-interval prints whole JSON documents, json+ is one" {
	dgen --size=4m --rate=2m --status-interval=1
	(($(jq -s length fio.out) >= 2)) || fail "$(jq -s length fio.out) documents"
	for thread in 0 1; do
		dgen --output-format=json+ --numjobs=2 --size=8m --offset_increment=8m \
			--thread=$thread
		(($(jq -s length fio.out) == 1))
		(($(json '[.jobs[].write.io_bytes] | add') == 16777216))
		json '.jobs[0].write.clat_ns.bins | length > 0' >/dev/null
	done
}

@test "features: SIGINT in the middle leaves a report and whole data" {
	for thread in 0 1; do
		"$FIO" --ioengine="external:$ENGINE" --name=j --filename=f --rw=write --bs=64k \
			--size=64m --rate=8m --direct="$DIRECT" --iodepth=8 --data_seed=1 \
			--dedup_ratio=2 --fallocate=none --thread=$thread --output-format=json \
			>fio.out 2>fio.err &
		pid=$!
		# It is in the middle when some is there; on a busy machine that takes a while.
		for ((i = 0; i < 300; i++)); do
			(($(stat -c %s f 2>/dev/null || echo 0) < 4 * 1024 * 1024)) || break
			sleep 0.1
		done
		kill -INT $pid
		wait $pid || true
		wrote=$(sed -n '/^{/,$p' fio.out | jq '.jobs[0].write.io_bytes')
		((wrote > 0 && wrote < 64 * 1024 * 1024)) || fail "$wrote bytes"
		dedup_is 2 5 "after SIGINT" f
		rm f
	done
}

@test "features: atomic writes, where fio and the file system have them" {
	"$FIO" --name=j --ioengine=null --size=4k --rw=write --direct=1 --atomic=1 >atomic 2>&1 || true
	grep -q 'does not support atomic' atomic || skip "this fio has no atomic="
	for backend in io_uring libaio; do
		dgen_raw --backend=$backend --atomic=1 --bs=4k --size=1m --direct=1
		((status == 0)) || refused "write offset=0" ": "
	done
	dgen_raw --atomic=1 --backend=fio:mmap --bs=4k --size=1m
	refused atomic mmap
}
