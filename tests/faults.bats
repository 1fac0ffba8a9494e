#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# What goes wrong below the engine, at random moments: no crash, no hang, nothing lost or counted twice,
# and the right error in one line.
#
# FAULT_SEED=N repeats a failing run: each prints its own. What is drawn with it are the moments, and
# in which of the engine's ways of working they come.

# Each test is a subshell, and lib.bash uses what it sets.
# shellcheck disable=SC2030,SC2031,SC2034,SC2153,SC2154
load lib

BLOCK=65536
BLOCKS=64
SIZE=$((BLOCKS * BLOCK))

# preload HELPER: from here on fio runs with it; FAULT_LOG gets what it does.
preload() {
	build_helper "$1"
	REAL_FIO=${REAL_FIO:-$(command -v "$FIO")}
	FIO=$T/fio.sh
	cat >"$FIO" <<-END
		#!/bin/sh
		exec env LD_PRELOAD="$HELPERS/$1" FAULT_LOG="$T/log" "$REAL_FIO" "\$@"
	END
	chmod +x "$FIO"
	LIMIT=60
}

# no_sanitizers: their runtime has an allocator of its own, and none of them knows liburing's mock.
no_sanitizers() {
	! ldd "$ENGINE" | grep -q 'lib[a-z]*san\.so' || skip "not with sanitizers"
}

# pick WORD...: one of them, from the seed.
pick() {
	PICKED=${*:RANDOM%$#+1:1}
}

# new_seed: each run draws from its own.
new_seed() {
	SEED=${FAULT_SEED:-$RANDOM}
	RANDOM=$SEED
	export FAULT_SEED=$SEED
	NEXT=$RANDOM
}

# old_seed: what a run has drawn leaves no trace in which are drawn next.
old_seed() {
	unset FAULT_SEED
	RANDOM=$NEXT
}

# ways: sets WAYS to options that change nothing in what is done, but how.
ways() {
	local backend=$1

	WAYS=(--backend="$backend")
	pick "" --thread=1 --gen_threads=2 "--gen_threads=1 --thread=1"
	# shellcheck disable=SC2206 # several
	WAYS+=($PICKED)
	pick "" --iodepth=32 "--iodepth_batch_submit=8 --iodepth_batch_complete_min=3" \
		"--iodepth_batch_submit=4 --iodepth_batch_complete_min=0" --iodepth_batch=8
	# shellcheck disable=SC2206 # several
	WAYS+=($PICKED)
	if [[ $backend == io_uring ]]; then
		pick "" --fixedbufs=1 --registerfiles=1 "--fixedbufs=1 --registerfiles=1" --nonvectored=0
	else
		pick "" --userspace_reap=1 --libaio_vectored=1
	fi
	# shellcheck disable=SC2206 # several
	WAYS+=($PICKED)
}

# reference: leaves in ref what a run without faults writes.
reference() {
	[[ -e ref ]] && return
	dgen --size=$SIZE --dedup_ratio=2
	mv f ref
}

# faulty KINDS [dgen option]...: a run with these faults, of random ways; it may fail.
faulty() {
	local kinds=$1
	shift

	rm -f log
	touch log
	FAULTS=$kinds dgen_raw --size=$SIZE --dedup_ratio=2 --rw=randwrite "${WAYS[@]}" "$@"
	RUN="FAULT_SEED=$SEED, $kinds: ${WAYS[*]} $*"
	((status != 124 && status != 137)) || fail "$RUN" "fio hung"
	((status < 128)) || { show fio.err; fail "$RUN" "fio crashed with $status"; }
	! grep broken log || fail "$RUN" "the kernel was used wrongly"
	awk '$1 == "ring" && $2 != $3 { exit 1 }' log || fail "$RUN" "left in flight: $(grep ring log)"
}

# happened KIND...: how often, in the last run.
happened() {
	local kind sum=0

	for kind; do
		sum=$((sum + $(grep -c "^$kind " log || true)))
	done
	echo $sum
}

# of_fio FILTER: from the JSON that follows fio's own lines.
of_fio() {
	sed -n '/^{/,$p' fio.out | jq -er "$1" || fail "$RUN" "no $1" "$(<fio.out)"
}

# counted WRITES BYTES: fio has counted all I/O once.
counted() {
	local ios bytes

	ios=$(of_fio '[.jobs[].write.total_ios] | add')
	bytes=$(of_fio '[.jobs[].write.io_bytes] | add')
	((ios == $1 && bytes == $2)) || fail "$RUN" "$ios writes, $bytes bytes; wanted $1 and $2"
}

# unseen KIND[,KIND]...: a fault that nobody should notice.
unseen() {
	local kinds=$1 verify=()
	shift

	pick "" --verify=crc32c
	[[ ! $PICKED ]] || verify=("$PICKED")
	faulty "$kinds" "${verify[@]}" "$@"
	((status == 0)) || { show fio.err fio.out; fail "$RUN" "fio ended with $status"; }
	counted $BLOCKS $SIZE
	[[ ! ${verify[*]} || $(of_fio '.jobs[0].read.io_bytes') == "$SIZE" ]] || fail "$RUN" "read back"
	same f ref "$RUN"
	! grep -q '^dgen: ' fio.err || fail "$RUN" "$(grep '^dgen: ' fio.err)"
}

# times N M KINDS COMMAND...: M times (N in a full run), over both back ends; each kind must have come.
times() {
	local n kinds=$3 kind backend
	n=$(full "$1" "$2")
	shift 3

	: >all
	for ((i = 0; i < n; i++)); do
		for backend in io_uring libaio; do
			new_seed
			ways $backend
			"$@"
			cat log >>all
			rm -f f
			old_seed
		done
	done
	for kind in ${kinds//,/ }; do
		[[ $kind == reorder || $kind == slow ]] && continue
		grep -q "^$kind " all || fail "$kind never happened"
	done
}

@test "faults: an I/O that is to be sent again is: EAGAIN, EINTR, short" {
	reference
	preload bad_kernel
	for kinds in EAGAIN EINTR short EAGAIN,EINTR,short,reorder; do
		times 50 2 $kinds unseen $kinds
	done
}

@test "faults: completions in any order, slow ones, and calls that are interrupted or refused" {
	reference
	preload bad_kernel
	times 50 2 reorder unseen reorder
	FAULT_DELAY=20 times 50 1 slow unseen slow
	for kinds in submit-EAGAIN submit-EINTR wait-EINTR \
		submit-EAGAIN,submit-EINTR,submit-part,wait-EINTR,reorder,short,EAGAIN; do
		times 50 1 "${kinds/submit-part,/}" unseen $kinds
	done
	export FAULT_RATE=40
	times 50 2 submit-part unseen submit-part,reorder --iodepth=32 --iodepth_batch_submit=8
}

@test "faults: what was short, late or out of order is read back without a false alarm" {
	reference
	cp ref f
	preload bad_kernel
	reads() {
		cp ref f
		faulty EAGAIN,EINTR,short,reorder --rw=randread --verify=crc32c --bs=16k
		((status == 0)) || { show fio.err fio.out; fail "$RUN" "fio ended with $status"; }
		[[ $(of_fio '.jobs[0].read.io_bytes') == "$SIZE" ]] || fail "$RUN" "not all was read"
		same f ref "$RUN"
	}
	times 50 2 EAGAIN,EINTR,short reads
}

# goes_on KIND: with continue_on_error each failed write is counted, once, and only those are missing.
goes_on() {
	local kinds=$1 bad
	shift

	rm -f f
	truncate -s $SIZE f
	faulty "$kinds" --continue_on_error=all "$@"
	# Not those that a fault made short first.
	bad=$(grep -cE '^(EIO|zero) write' log || true)
	((status == 0)) || { show fio.err fio.out; fail "$RUN" "fio ended with $status"; }
	counted $BLOCKS $(((BLOCKS - bad) * BLOCK))
	(($(of_fio '.jobs[0].total_err // 0') == bad)) ||
		fail "$RUN" "$bad failed, fio counted $(of_fio '.jobs[0].total_err')"
	[[ $("$HELPERS/changed" ref f $BLOCK) == "$bad" ]] ||
		fail "$RUN" "$("$HELPERS/changed" ref f $BLOCK) blocks are wrong, $bad failed"
}

@test "faults: continue_on_error counts what failed, and nothing else is missing" {
	reference
	build_helper changed
	preload bad_kernel
	for kinds in EIO zero EIO,short,EAGAIN,reorder; do
		times 50 2 $kinds goes_on $kinds
	done
}

# verified KIND: reads that are verified fail; that is no alarm about their data.
verified() {
	cp ref f
	faulty "$1" --rw=randread --verify=crc32c --continue_on_error=io
	bad=$(grep -c '^EIO read' log || true)
	((status == 0)) || { show fio.err fio.out; fail "$RUN" "fio ended with $status"; }
	[[ $(of_fio '.jobs[0].read.io_bytes') == $(((BLOCKS - bad) * BLOCK)) ]] || fail "$RUN" "reads"
	(($(of_fio '.jobs[0].total_err // 0') == bad)) || fail "$RUN" "total_err"
	! grep '^dgen: ' fio.err || fail "$RUN" "a false alarm"
}

# written_verified KIND: writes fail, and what is then read back is what was written.
written_verified() {
	rm -f f
	truncate -s $SIZE f
	faulty "$1" --verify=crc32c --continue_on_error=all
	bad=$(grep -c '^EIO write' log || true)
	((status == 0)) || { show fio.err fio.out; fail "$RUN" "fio ended with $status"; }
	counted $BLOCKS $(((BLOCKS - bad) * BLOCK))
	! grep -h '^dgen: ' fio.err || fail "$RUN" "a false alarm"
}

@test "faults: what failed is no false alarm of verify=" {
	reference
	preload bad_kernel
	times 50 2 EIO verified EIO,reorder
	times 50 2 EIO written_verified EIO,reorder
}

# ends KIND ERROR: the first ends the job, with one line that names it, and what is there is right.
ends() {
	local kind=$1 text=$2 done failed
	shift 2

	rm -f f
	truncate -s $SIZE f
	faulty "$kind,reorder" "$@"
	if ((status == 0)); then
		# None was drawn.
		(($(happened "$kind") == 0)) || fail "$RUN" "fio ended with 0"
		return
	fi
	refused "dgen: f: write offset=" "length=$BLOCK" "$text"
	failed=$(happened "$kind")
	done=$(awk '$1 == "ring" { sum += $3 } END { print sum }' log)
	(($(of_fio '.jobs[0].write.io_bytes') == (done - failed) * BLOCK)) ||
		fail "$RUN" "$done ended, $failed of them failed, fio counted" \
			"$(of_fio '.jobs[0].write.io_bytes') bytes"
	(($(of_fio '.jobs[0].error') == $(errno_of "$kind"))) ||
		fail "$RUN" "error $(of_fio '.jobs[0].error')"
	# All of the others, and no more.
	[[ $("$HELPERS/changed" ref f $BLOCK) == $((BLOCKS - done + failed)) ]] ||
		fail "$RUN" "$("$HELPERS/changed" ref f $BLOCK) blocks are not there"
}

errno_of() {
	case $1 in
	EIO | zero) echo 5 ;;
	ENODEV) echo 19 ;;
	ENOSPC) echo 28 ;;
	EFBIG) echo 27 ;;
	EBADMSG) echo 74 ;;
	ETIMEDOUT) echo 110 ;;
	EREMOTEIO) echo 121 ;;
	EDQUOT) echo 122 ;;
	ECANCELED) echo 125 ;;
	esac
}

@test "faults: an error of the storage ends the job, in one line, with its number" {
	reference
	build_helper changed
	preload bad_kernel
	while IFS=: read -r kind text; do
		times 50 1 $kind ends "$kind" "$text"
	done <<-END
		EIO:Input/output error
		ENOSPC:No space left on device
		EDQUOT:Disk quota exceeded
		EFBIG:File too large
		ENODEV:No such device
		ETIMEDOUT:timed out
		ECANCELED:canceled
		EREMOTEIO:Remote I/O error
		EBADMSG:Bad message
		zero:Input/output error
	END
}

@test "faults: a flush that fails ends the job" {
	preload bad_kernel
	flush() {
		# libaio's are calls of fio, and go past the mock.
		WAYS[0]=--backend=io_uring
		rm -f f
		faulty sync-EIO --fsync=4 "$@"
		((status == 0 && $(happened sync-EIO) == 0)) && return
		refused "dgen: f: sync" "Input/output error"
		(($(of_fio '.jobs[0].error') == 5)) || fail "$RUN" "error $(of_fio '.jobs[0].error')"
	}
	FAULT_RATE=30 times 50 1 sync-EIO flush
}

@test "faults: calls that fail for good end the job, with their own error" {
	preload bad_kernel
	for_good() {
		faulty "$1,reorder"
		((status == 0 && $(happened "$1") == 0)) && return
		refused "dgen: " "$2"
		(($(of_fio '.jobs[0].error') == $3)) || fail "$RUN" "error $(of_fio '.jobs[0].error')"
		counted "$(of_fio '.jobs[0].write.total_ios')" \
			$(($(awk '$1 == "ring" { sum += $3 } END { print sum }' log) * BLOCK))
	}
	times 50 1 submit-EIO for_good submit-EIO "Input/output error" 5
	times 50 1 submit-EINVAL for_good submit-EINVAL "Invalid argument" 22
	FAULT_RATE=30 times 50 1 wait-EIO for_good wait-EIO "Input/output error" 5
}

@test "faults: a kernel that takes nothing any more ends the job" {
	preload bad_kernel
	# Each waits for 10 s: side by side, and the seconds test of a kind only in a full run.
	export FAULT_RATE=100
	for kind in $(full "submit-EAGAIN EAGAIN submit-EBUSY EINTR" submit-EAGAIN); do
		for backend in io_uring $(full libaio ""); do
			new_seed
			WAYS=(--backend="$backend" --iodepth=2)
			[[ $kind != submit-EBUSY || $backend == io_uring ]] || continue
			faulty "$kind"
			refused "dgen: "
			counted "$(of_fio '.jobs[0].write.total_ios')" 0
			old_seed
		done
	done
}

@test "faults: rings that cannot be made or grow, and what cannot be registered" {
	reference
	preload bad_kernel
	export FAULT_RATE=100
	for jobs in --thread=0 --thread=1; do
		for backend in io_uring libaio; do
			for kind in "setup-ENOMEM:memory:12" "setup-EMFILE:Too many open files:24" \
				"setup-EAGAIN::11"; do
				IFS=: read -r kind text number <<<"$kind"
				new_seed
				WAYS=(--backend=$backend $jobs)
				faulty "$kind"
				refused "dgen: job j: io_" "$text"
				(($(of_fio '.jobs[0].error') == number)) || fail "$RUN"
				old_seed
			done
		done
		new_seed
		WAYS=(--fixedbufs=1 --registerfiles=1 $jobs)
		unseen register-ENOMEM
		old_seed
	done
	export FAULT_RATE=40
	WAYS=(--fixedbufs=1 --registerfiles=1)
	for ((i = 0; i < $(full 50 2); i++)); do
		new_seed
		unseen register-ENOMEM
		old_seed
	done
}

@test "faults: memory that the engine asks for and does not get" {
	no_sanitizers
	preload bad_memory
	for ways in "--verify=crc32c --verify_state_file=state --gen_threads=2" \
		"--backend=libaio --thread=1" "--rw=randrw --backend=fio:psync"; do
		for ((nth = 1; nth < 100; nth += $(full 1 3))); do
			rm -f log f state
			export FAULT_NTH=$nth
			# shellcheck disable=SC2086 # several
			dgen_raw --size=1m --dedup_ratio=2 $ways
			[[ -s log ]] || break
			((status < 124)) || { show fio.err; fail "allocation $nth, $ways: $status"; }
			if ((status)); then
				grep -qE "dgen: .*(memory|cannot be started)|Cannot allocate memory" \
					fio.err fio.out || { show fio.err; fail "$nth: no line"; }
			else
				sed -n '/^{/,$p' fio.out | jq -e '.jobs[0].error == 0 and
					.jobs[0].write.io_bytes > 0' >/dev/null || fail "$nth: $ways"
			fi
		done
		((nth > 10)) || fail "only $nth allocations"
		unset FAULT_NTH
	done
}
