#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# The report at the end of a run, and whether its verdict finds a known bottleneck.

# Each test is a subshell, and lib.bash uses what it sets.
# shellcheck disable=SC2030,SC2031,SC2034,SC2153,SC2154
load lib

# reported [option]...: dgen with the report in $T/report.json.
reported() {
	dgen --report_file=report.json "$@"
	jq -e . report.json >/dev/null || { show report.json; false; }
}

of_report() {
	jq -r "$1" report.json
}

verdict_is() {
	[[ $(of_report '.groups[0].verdict') == "$1" ]] && return
	jq '.groups[0] | del(.writers)' report.json >&2
	fail "wanted $1"
}

# The parts of the run time, each between 0 and 1, are all of it.
parts_add_up() {
	of_report '.groups[] | ., .writers[] | [.generator_fraction, .storage_fraction,
		.submission_fraction, .held_back_fraction] | (min >= 0) and (max <= 1) and
		(add > 0.99) and (add < 1.01)' | grep -qx false || return 0
	show report.json
	fail "the parts do not add up"
}

# A server whose answers are slow. Needs nbdkit, and a fio that speaks to it.
slow_server() {
	need_command nbdkit
	has_fio_engine nbd || skip "this fio has no nbd engine"
	nbdkit --exit-with-parent --foreground -U "$T/sock" "$@" &
	for ((i = 0; i < 50; i++)); do
		[[ -S $T/sock ]] && return
		sleep 0.1
	done
	skip "nbdkit does not start"
}

# throttled MAJOR:MINOR BYTES COMMAND...: may write so many bytes in a second to this device.
throttled() {
	local top=/sys/fs/cgroup group limit rule result=0

	if [[ -e $top/cgroup.controllers ]]; then
		group=$top/dgen-test-$$ limit=io.max rule="$1 wbps=$2"
	else
		group=$top/blkio/dgen-test-$$ limit=blkio.throttle.write_bps_device rule="$1 $2"
	fi
	mkdir "$group" 2>/dev/null || skip "no cgroup can be made here"
	[[ -e $group/$limit ]] && echo "$rule" >"$group/$limit" 2>/dev/null || {
		rmdir "$group"
		skip "no limit of I/O can be set here"
	}
	(
		echo 0 >"$group/cgroup.procs"
		"${@:3}"
	) || result=$?
	rmdir "$group"
	return "$result"
}

@test "report: for people, with what was asked for and what was found" {
	for thread in 0 1; do
		dgen --output-format=normal --dedup_ratio=2 --compress_ratio=3 --numjobs=2 \
			--thread="$thread" --direct=0
		[[ $(grep -c '^dgen report' fio.out) == 1 ]] || { show fio.out; false; }
		for word in 'BUFFERED' 'planned 2:1' 'planned 3:1' 'CPUs' 'NUMA nodes' 'generation' \
			'write latency' '99.99%' 'Verdict: ' '32.00 MiB' 'back end        io_uring'; do
			grep -qF "$word" fio.out || fail "no '$word' in $(<fio.out)"
		done
		[[ $(sed -n '/^  Writers/,/^  Verdict/p' fio.out | grep -c '16.00 MiB') == 2 ]]
	done
}

@test "report: O_DIRECT is said" {
	((DIRECT)) || skip "the file system of the tests takes no O_DIRECT"
	dgen --output-format=normal
	grep -q 'I/O mode  *O_DIRECT$' fio.out
}

@test "report: report=0 is silent, and other values are refused" {
	dgen --output-format=normal --report=0
	grep -q 'dgen report' fio.out && fail "there is a report"
	for value in 2 yes ""; do
		dgen_raw --report="$value"
		refused "report=$value" "0 or 1"
	done
}

@test "report: nothing on the outputs that programs read" {
	for format in json json+ terse; do
		dgen --output-format="$format"
		grep -q 'dgen report' fio.out fio.err && fail "$format: there is a report"
	done
	return 0
}

@test "report: report_file holds what fio counted, processes and threads" {
	for thread in 0 1; do
		reported --numjobs=2 --thread="$thread" --dedup_ratio=2
		[[ $(of_report '.format') == 1 ]]
		[[ $(of_report '.groups | length') == 1 ]]
		[[ $(of_report '.groups[0].writers | length') == 2 ]]
		[[ $(of_report '.groups[0].bytes_written') == $((32 << 20)) ]]
		[[ $(of_report '.groups[0].bytes_generated') == $((32 << 20)) ]]
		[[ $(of_report '.groups[0].ios') == 512 ]]
		[[ $(of_report '.groups[0].writers[0].dedup_ratio_planned') == 2 ]]
		[[ $(of_report '.groups[0].write_latency_ns.count') == 512 ]]
		parts_add_up
	done
}

@test "report: each field of the file is in the man page, and the other way round" {
	reported --gen_threads=1
	for field in $(of_report '[paths | .[-1] | strings] | unique[]'); do
		grep -qF "*$field*" "$ROOT/man/fio-engine-dgen.1.scd" || fail "$field is not described"
	done
	for field in $(sed -n '/^# REPORT FILE/,/^# SEE ALSO/p' "$ROOT/man/fio-engine-dgen.1.scd" |
		grep -oE '\*[a-z0-9_]+\*' | tr -d '*' | sort -u); do
		[[ $field == iomem || $field == verify ]] ||
			of_report '[paths | .[-1] | strings] | unique[]' | grep -qx "$field" ||
			fail "no $field"
	done
}

@test "report: what failed and what was trimmed are no I/Os of the figures" {
	reported --rw=randtrim --size=1m --fallocate=none
	[[ $(of_report '.groups[0] | [.ios, .iops, .bytes_per_second, .trims, .bytes_trimmed] == [0, 0, 0, 16, 1048576]') == true ]] ||
		{ show report.json; false; }
	dgen --rw=randtrim --size=1m --output-format=normal
	grep -q '^    trimmed  *1.00 MiB in ' fio.out || { show fio.out; false; }
	! grep -qE '^    (written|read) |[^0-9]0 B' fio.out || { show fio.out; false; }
	dgen_raw --filename=/dev/full --direct=0 --size=1m --continue_on_error=all --report_file=report.json
	[[ $(of_report '.groups[0] | [.ios, .bytes_written] == [0, 0]') == true ]] || { show report.json; false; }
}

@test "report: writing and reading back are told apart, each by its own time" {
	dgen --output-format=normal --verify=md5 --report_file=report.json
	grep -qE '^    written  *16.00 MiB in [0-9.]+ s: .*/s, [0-9]+ IOPS$' fio.out &&
		grep -qE '^    read  *16.00 MiB in [0-9.]+ s: .*/s, [0-9]+ IOPS$' fio.out || { show fio.out; false; }
	[[ $(of_report '.groups[] | ., .writers[] | [.write_seconds > 0, .read_seconds > 0,
		(.seconds - .write_seconds - .read_seconds | fabs) < 0.000003,
		(.write_bytes_per_second * .write_seconds / .bytes_written - 1 | fabs) < 0.01,
		(.read_iops * .read_seconds / 256 - 1 | fabs) < 0.01] | all' | sort -u) == true ]] || { show report.json; false; }
	# Both all the time.
	reported --rw=randrw
	[[ $(of_report '.groups[0] | .write_seconds == .seconds and .read_seconds == .seconds') == true ]]
	dgen --rw=read --output-format=normal
	! grep -q '^    written' fio.out || { show fio.out; false; }
}

@test "report: the file has the versions that were written, and the next" {
	reported --loops=2 --data_version=3 --size=1m --numjobs=2
	[[ $(of_report '.groups[] | ., .writers[] | [.data_version_first, .data_version_last, .data_version_next] == [3, 4, 5]' |
		sort -u) == true ]] || { show report.json; false; }
	reported --rw=read --size=1m
	[[ $(of_report '.groups[0] | [.data_version_first, .data_version_last, .data_version_next] == [null, null, null]') == true ]]
}

@test "report: sizes have one unit" {
	dgen --output-format=normal --backend=fio:psync --size=1536m --bs=1m --direct=0 --filename=/dev/null
	grep -q '^dgen: wrote 1.50 GiB as' fio.out && grep -q '^    written  *1.50 GiB in' fio.out || { show fio.out; false; }
	dgen --output-format=normal --size=768k --verify=md5
	grep -q '^dgen: verify: 768.00 KiB checked' fio.out || { show fio.out; false; }
}

@test "report: the same data again, by a job behind another, is said" {
	local again=(--name=b --stonewall --filename=f --size=1m --bs=4k --rw=randwrite --data_seed=1)

	for thread in 0 1; do
		dgen --filename=f --size=1m --thread=$thread "${again[@]}" --thread=$thread
		[[ $(grep 'dgen: job' fio.err) == "dgen: job b writes version 0 of f again, as job j has: the same data; data_version=1 changes it" ]] ||
			{ show fio.err; false; }
	done
	# Not where it is other data, or another part, or versions are tracked, or both run at once.
	for options in --data_version=1 --dedup_ratio=2 --offset=1m --verify=md5 --stonewall=0 --rw=read; do
		first=()
		[[ $options != --verify* ]] || first=("$options")
		dgen --filename=f --size=1m "${first[@]}" "${again[@]}" $options
		! grep -q 'dgen: job' fio.err || { show fio.err; fail "$options"; }
	done
}

# stopped [option]...: two jobs of the same data, the second behind the first; after a second fio is told to stop.
stopped() {
	rm -f f report.json
	"$FIO" --ioengine="external:$ENGINE" --bs=64k --size=1m --data_seed=1 --rw=write --direct=0 --report_file=report.json \
		"$@" >fio.out 2>fio.err </dev/null &
	pid=$!
	for ((i = 0; i < 300; i++)); do
		[[ ! -s f ]] || break
		sleep 0.1
	done
	sleep 1
}

@test "report: a run that is stopped before all jobs began says what it wrote" {
	for thread in 0 1; do
		stopped --name=a --filename=f --time_based --runtime=60 --thread=$thread --name=b --stonewall --filename=f \
			--thread=$thread
		kill -INT $pid
		wait $pid || true
		(($(grep -c '^dgen: wrote .* go on with data_version=' fio.out) == 1 && $(grep -c '^dgen report' fio.out) == 1)) ||
			{ show fio.out fio.err; false; }
		grep -qE '^dgen: (to verify it|no command verifies it): ' fio.out || { show fio.out; false; }
		[[ $(of_report '.groups | length') == 1 ]]
		# The first ends at once, and with it the second, which would have begun later.
		stopped --name=a --filename=f --exitall --thread=$thread --name=b --startdelay=50 --filename=g --thread=$thread
		wait $pid || true
		(($(grep -c '^dgen: wrote .* go on with data_version=1$' fio.out) == 1)) || { show fio.out fio.err; false; }
		(($(grep -c '^dgen report' fio.out) == 1)) || { show fio.out fio.err; false; }
		[[ $(of_report '[.groups[].writers[].name] | join(" ")') == a ]] || { show report.json; false; }
	done
}

@test "report: a run of which a job is killed says what the others wrote" {
	need_command pgrep
	stopped --thread=0 --name=a --filename="$T/f" --name=b --filename="$T/g" --time_based --runtime=60 --rate=1m
	# Job b, the youngest.
	kill -KILL "$(pgrep -n -f -- "--filename=$T/g ")"
	status=0
	wait $pid || status=$?
	# fio 3.33 may free twice what the killed job had, and dies of it before it comes to an end.
	((status < 128)) || skip "fio itself does not survive a killed job ($status)"
	grep -q '^dgen: no command verifies it: a job was killed' fio.out && grep -q '^dgen: wrote .* go on with' fio.out ||
		{ show fio.out fio.err; false; }
	[[ $(of_report '[.groups[].writers[].name] | join(" ")') == a ]] || { show report.json; false; }
	(($(grep -c '^dgen report' fio.out) == 1)) || { show fio.out fio.err; false; }
}

@test "report: latency is fio's own" {
	reported --percentile_list=50:99
	near "$(of_report '.groups[0].write_latency_ns.mean')" \
		"$(json '.jobs[0].write.clat_ns.mean')" 0.1
	[[ $(of_report '.groups[0].write_latency_ns.max') == $(json '.jobs[0].write.clat_ns.max') ]]
	for p in 50 99; do
		near "$(of_report ".groups[0].write_latency_ns.p$p")" \
			"$(json ".jobs[0].write.clat_ns.percentile.\"$p.000000\"")" 1.6
	done
	reported --disable_clat=1
	[[ $(of_report '.groups[0].write_latency_ns') == null ]]
}

@test "report: jobs that follow on each other are told of one by one" {
	printf '[global]\nioengine=external:%s\nfilename=f\nbs=64k\nsize=2m\nrw=write\nreport_file=%s\n' \
		"$ENGINE" report.json >two.fio
	printf '[first]\n[second]\nstonewall\nrw=randwrite\n' >>two.fio
	"$FIO" --ioengine="external:$ENGINE" two.fio >fio.out 2>fio.err
	[[ $(grep -c '^dgen report' fio.out) == 2 ]] || { show fio.out fio.err; false; }
	[[ $(of_report '[.groups[].writers[].name] | join(" ")') == "first second" ]]
}

@test "report: a report_file that cannot be written is refused at once" {
	dgen_raw --report_file=/nowhere/report.json
	refused report_file /nowhere/report.json "must be a file that can be written"
	[[ ! -e f ]]
}

@test "report: names that JSON must escape" {
	fio_raw --name='a"b\c' --filename='f"g' --rw=write --size=1m --report_file=report.json
	((status == 0))
	[[ $(of_report '.groups[0].writers[0] | .name + " " + .target') == 'a"b\c f"g' ]]
}

@test "report: reads and verifying too" {
	dgen
	reported --rw=read --verify=md5 --data_version=0
	[[ $(of_report '.groups[0].bytes_read') == $((16 << 20)) ]]
	[[ $(of_report '.groups[0].read_latency_ns.count') == 256 ]]
	parts_add_up
}

@test "report: helper threads are told of" {
	reported --gen_threads=2 --bs=1m --size=64m
	[[ $(of_report '.groups[0].writers[0].gen_threads') == 2 ]]
	[[ $(of_report '.groups[0].helper_fraction | . > 0 and . <= 1') == true ]]
	[[ $(of_report '.groups[0].bytes_generated') == $((64 << 20)) ]]
	parts_add_up
}

# issued RATIO [option]...: the report says that what was written has this dedup ratio, within 0.8 %.
issued() {
	local ratio=$1 got
	shift

	rm -f f report.json
	dgen --report_file=report.json "$@"
	got=$(of_report '.groups[0].dedup_ratio_issued')
	jq -en "($got / $ratio - 1) | fabs < 0.008" >/dev/null || fail "issued $got, not $ratio: $*"
}

@test "report: what was issued, where it is not what was planned" {
	issued 3 --dedup_ratio=3 --size=128m
	issued 3 --dedup_ratio=3 --numjobs=3 --size=32m --offset_increment=32m --gen_threads=2
	issued 4 --dedup_ratio=2 --size=32m --numjobs=2 --thread
	issued 1.5 --dedup_ratio=1.5 --dedup_unit=64k --bs=16k --rw=randwrite
	# A tenth of a file shares less: as much as is found in it.
	issued 1 --dedup_ratio=2 --size=32m --io_size=4k --bs=4k
	dgen --report_file=report.json --dedup_ratio=2 --size=64m --io_size=20m --rw=randwrite --bs=4k
	found=$("$MEASURE" --quiet --json -u 4k f | jq -r '.units[0].dedup_ratio')
	jq -en "$found < 1.7" >/dev/null || fail "$found is not less than planned"
	issued "$found" --dedup_ratio=2 --size=64m --io_size=20m --rw=randwrite --bs=4k
	# The mix of what was issued.
	dgen --report_file=report.json --compress_ratio=1/20:2/50:4/30 --size=32m
	[[ $(of_report '.groups[0] | (.compress_ratio_issued - 1.9048) | fabs < 0.01') == true ]]
	# Of different seeds, and without writes, there is none.
	"$FIO" --ioengine=external:"$ENGINE" --report_file=report.json --size=1m --filename=f --rw=write \
		--name=a --data_seed=1 --name=b --data_seed=2 >/dev/null
	[[ $(of_report '[.groups[0] | ., .writers[] | .dedup_ratio_issued] == [null, 1, 1]') == true ]]
	dgen --report_file=report.json --rw=read --size=1m
	[[ $(of_report '.groups[0].dedup_ratio_issued == null') == true ]]
}

@test "verdict: the null back end takes all that can be made" {
	reported --backend=null --bs=1m --size=4g --compress_ratio=1
	verdict_is generator-bound
	parts_add_up
}

@test "verdict: small blocks to the null back end are bound by submission" {
	no_sanitizers
	reported --backend=null --bs=512 --size=64m --dedup_unit=512
	verdict_is submission-bound
}

@test "verdict: fio's rate=" {
	# No disk, which may be slower than that.
	reported --backend=null --rate=32m
	verdict_is rate-limited
	reported --backend=null --rate_iops=,400 --bs=4k --size=1m --iodepth=1 --thread=1
	verdict_is rate-limited
	parts_add_up
}

@test "verdict: fio's thinktime=" {
	no_sanitizers
	reported --backend=null --thinktime=5000 --bs=4k --size=128k --iodepth=1
	verdict_is rate-limited
}

@test "verdict: a slow server, and one that is limited to a rate" {
	local delay

	[[ ! $VALGRIND ]] || skip "making data is what takes longest under valgrind"
	# Making data takes longer with sanitizers.
	is_sanitized && delay=20ms || delay=5ms
	slow_server --filter=delay memory 64M wdelay=$delay
	reported --backend=fio:nbd --backend_options="uri=nbd+unix:///?socket=$T/sock" --size=8m
	verdict_is storage-bound
	# A limit by fio that is never reached is not what holds it up.
	reported --backend=fio:nbd --backend_options="uri=nbd+unix:///?socket=$T/sock" --size=8m \
		--rate=4g
	verdict_is storage-bound
}

@test "verdict: a server that is limited to a rate" {
	no_sanitizers
	slow_server --filter=rate memory 64M rate=200M
	reported --backend=fio:nbd --backend_options="uri=nbd+unix:///?socket=$T/sock" --size=32m
	verdict_is storage-bound
}

# One makes data all the time, the other waits all the time: of both together it is half.
@test "verdict: balanced, and each job's own" {
	[[ ! $VALGRIND ]] || skip "making data is what takes longest under valgrind"
	slow_server --filter=delay memory 64M wdelay=5ms
	reported --backend=null --bs=1m --size=1t --time_based --runtime=2 --name=waits \
		--backend=fio:nbd --backend_options="uri=nbd+unix:///?socket=$T/sock" \
		--filename=g --rw=write --bs=64k --size=8m --time_based --runtime=2 --iodepth=2 \
		--data_seed=1 --report_file=report.json
	[[ $(of_report '[.groups[0].writers[].verdict] | sort | join(" ")') == \
		"generator-bound storage-bound" ]] || { show report.json; false; }
	verdict_is balanced
	parts_add_up
}

@test "verdict: a device behind a throttled cgroup" {
	local device

	need_root
	((DIRECT)) || skip "the file system of the tests takes no O_DIRECT"
	device=$(lsblk -no MAJ:MIN "$(df --output=source . | tail -n 1)" 2>/dev/null | head -n 1 | tr -d ' ') ||
		skip "the files of the tests lie on no block device"
	[[ $device ]] || skip "the files of the tests lie on no block device"
	throttled "$device" 8388608 reported --size=16m --thread=1
	verdict_is storage-bound
}

@test "verdict: a slow loop device" {
	loop_device 64m
	throttled "$(lsblk -dno MAJ:MIN "$DEVICE" | tr -d ' ')" 16777216 \
		reported --filename="$DEVICE" --size=16m --direct=1
	verdict_is storage-bound
	parts_add_up
}

@test "verdict: one CPU shared with a busy loop" {
	local busy cpu

	cpu=$(taskset -pc $$ | sed 's/.*: //;s/[-,].*//')
	taskset -c "$cpu" bash -c 'while :; do :; done' &
	busy=$!
	status=0
	reported --backend=null --bs=1m --size=1t --time_based --runtime=1 --cpus_allowed="$cpu" ||
		status=$?
	kill "$busy"
	((status == 0))
	verdict_is generator-bound
	[[ $(of_report '.groups[0].no_cpu_fraction | . == null or . > 0.1') == true ]]
	of_report '.groups[0].advice' | grep -q 'no CPU' || {
		[[ $(of_report '.groups[0].no_cpu_fraction') == null ]]
	}
}
