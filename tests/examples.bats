#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# fio's own example jobs, from its source: with io_uring, then with only the engine replaced.
#
# For both alike they are scaled down: to files here instead of devices, to 8 MiB, to a second where
# they are time based.
#
# Left out: what needs a device, a server or a library of its own, or does no I/O; io_submit_mode=offload and
# dedupe_mode=working_set (fixed- and poisson-rate-submission, dedupe-global), which are refused; verify_pattern
# (surface-scan), likewise; /dev/null (steadystate, null); a full disk of 128 GiB (enospc-pressure).

# Each test is a subshell, and lib.bash uses what it sets.
# shellcheck disable=SC2030,SC2031,SC2034,SC2153,SC2154
load lib

SOURCE=$ROOT/build/fio/src/examples

# NAME or NAME:SED. Those that end by themselves have the same bytes and I/Os as with io_uring.
SAME_SHORT="basic-verify fsx:s/^loops=.*/loops=3/ waitfor zipf
	disk-zone-profile:s/^zonesize=.*/zonesize=1m/;s/^zoneskip=.*/zoneskip=1m/"
SAME="$SAME_SHORT aio-read backwards-read rand-zones tiobench-example butterfly cmdprio-bssplit cmdprio-percentage iometer-file-access-server
	latency-profile ssd-steadystate ssd-test
	cross-stripe-verify:s/^numjobs=.*/numjobs=4/;s/^offset_inc.*/offset_increment=4m/;s/^io_size.*/io_size=512k/;s/^bs=/size=20m\nbs=/
	zbd-seq-read:s/^offset=.*/offset=0/;s/^zonesize=.*/zonesize=1m/"
# Those that end by the clock, or draw at random anew each time, run to the end.
RUN_SHORT="fio-rand-RW"
RUN="$RUN_SHORT fio-rand-read fio-rand-write fio-seq-RW fio-seq-read fio-seq-write flow exitwhat
	jesd219 zbd-rand-write:s/^zonesize=.*/zonesize=1m/;s/^bs=.*/bs=64k/;s/^numjobs=.*/numjobs=4/"

# example NAME[:SED] ENGINE [option]...: runs it in a directory of its own, leaves the figures in "out".
example() {
	local name=${1%%:*} script=${1#"${1%%:*}"} engine=$2
	shift 2

	rm -rf run
	mkdir run
	# Zones are emulated in files that are there.
	[[ $name != zbd-* ]] || head -c 8M /dev/zero >run/f
	sed -E -e '/^ioengine=/d' -e 's/^threads=/thread=/' -e 's/^filename=.*/filename=f/' -e 's/^directory=.*/directory=./' \
		-e 's/^(file)?size=[0-9]+[gGmM].*/\1size=8m/' -e "s/^direct=1/direct=$DIRECT/" \
		-e "s/^buffered=0/direct=$DIRECT/" -e "${script#:}" "$SOURCE/$name.fio" >run/job.fio
	! grep -q '^time_based' run/job.fio || sed -i 's/^runtime=.*/runtime=1/' run/job.fio
	(cd run && timeout "${LIMIT:-60}" "$FIO" --ioengine="$engine" --size=8m --output-format=json "$@" job.fio) \
		>fio.out 2>fio.err </dev/null || {
		echo "$name with $engine ended with $?" >&2
		show fio.out fio.err run/job.fio
		return 1
	}
	sed -n '/^{/,$p' fio.out >out
}

counts() {
	jq -c '[.jobs[] | [.jobname, (.read, .write, .trim | .io_bytes, .total_ios), .error]]' out
}

# each NAME...: first with fio's engine, then with ours; calls compare NAME WHAT for each of ours.
each() {
	local name thread

	[[ -d $SOURCE ]] || skip "the source of fio is not in build/fio"
	has_fio_engine io_uring || skip "this fio has no io_uring engine"
	for name; do
		[[ -e $SOURCE/${name%%:*}.fio ]] || { left_out "this fio has no ${name%%:*}.fio"; continue; }
		# The class of realtime I/O is root's.
		[[ $name != cmdprio-* || $EUID -eq 0 ]] || { left_out "$name needs root"; continue; }
		example "$name" io_uring
		wanted=$(counts)
		for thread in $(full "0 1" 0); do
			example "$name" "external:$ENGINE" --thread=$thread --dedup_ratio=2 --compress_ratio=2
			compare "${name%%:*}" "thread=$thread"
		done
	done
}

@test "examples: those that end by themselves have the bytes and I/Os of io_uring" {
	compare() {
		[[ $(counts) == "$wanted" ]] || fail "$*: $(counts)" "with io_uring: $wanted"
	}
	# shellcheck disable=SC2046 # several
	each $(full "$SAME" "$SAME_SHORT")
}

@test "examples: those that end by the clock run to the end" {
	# The same jobs, and I/O in the same directions.
	compare() {
		local ran

		ran=$(jq -c 'map(map(if type == "number" then . > 0 else . end))' <<<"$(counts)")
		[[ $ran == "$(jq -c 'map(map(if type == "number" then . > 0 else . end))' <<<"$wanted")" ]] ||
			fail "$*: $(counts)" "with io_uring: $wanted"
	}
	# shellcheck disable=SC2046 # several
	each $(full "$RUN" "$RUN_SHORT")
}
