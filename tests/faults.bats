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
	LIMIT=${LIMIT:-60}
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
	# Where the call that waits fails for good, nobody can.
	[[ $kinds == wait-EIO* ]] || awk '$1 == "ring" && $2 != $3 { exit 1 }' log || fail "$RUN" "left in flight: $(grep ring log)"
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

# all_came KINDS: each is in the log of all runs, but for those that leave no line.
all_came() {
	local kind

	for kind in ${1//,/ }; do
		[[ $kind == reorder || $kind == slow ]] && continue
		grep -q "^$kind " all || { MISSING=$kind; return 1; }
	done
}

# times N M KINDS COMMAND...: M times (N in a full run), over our back ends in turn, and on until each
# kind has come: a run with large batches makes so few calls that none may fail.
times() {
	local n kinds=$3 backends=(io_uring libaio)
	n=$(full "$1" "$2")
	shift 3

	: >all
	for ((i = 0; i < 10 * n; i++)); do
		((i < n)) || ! all_came "$kinds" || break
		new_seed
		ways ${backends[i % 2]}
		"$@"
		cat log >>all
		rm -f f
		old_seed
	done
	all_came "$kinds" || fail "$MISSING never happened in $i runs"
}

@test "faults: an I/O that is to be sent again is: EAGAIN, EINTR, short" {
	reference
	preload bad_kernel
	for kinds in EAGAIN EINTR short EAGAIN,EINTR,short,reorder; do
		times 100 2 $kinds unseen $kinds
	done
}

@test "faults: completions in any order, slow ones, and calls that are interrupted or refused" {
	reference
	preload bad_kernel
	times 100 2 reorder unseen reorder
	FAULT_DELAY=20 times 100 2 slow unseen slow
	for kinds in $(full "submit-EAGAIN submit-EINTR" "") wait-EINTR \
		submit-EAGAIN,submit-EINTR,submit-part,wait-EINTR,reorder,short,EAGAIN; do
		times 100 2 "${kinds/submit-part,/}" unseen $kinds
	done
	export FAULT_RATE=40
	times 100 2 submit-part unseen submit-part,reorder --iodepth=32 --iodepth_batch_submit=8
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
	times 100 2 EAGAIN,EINTR,short reads
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
		times 100 2 $kinds goes_on $kinds
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
	times 100 2 EIO verified EIO,reorder
	times 100 2 EIO written_verified EIO,reorder
}

# ends KIND ERROR: the first ends the job, with one line that names it, and what is there is right.
ends() {
	local kind=$1 text=$2 ended failed
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
	ended=$(awk '$1 == "ring" { sum += $3 } END { print sum }' log)
	(($(of_fio '.jobs[0].write.io_bytes') == (ended - failed) * BLOCK)) ||
		fail "$RUN" "$ended ended, $failed of them failed, fio counted" \
			"$(of_fio '.jobs[0].write.io_bytes') bytes"
	(($(of_fio '.jobs[0].error') == $(errno_of "$kind"))) ||
		fail "$RUN" "error $(of_fio '.jobs[0].error')"
	# All of the others, and no more.
	[[ $("$HELPERS/changed" ref f $BLOCK) == $((BLOCKS - ended + failed)) ]] ||
		fail "$RUN" "$("$HELPERS/changed" ref f $BLOCK) blocks are not there"
}

errno_of() {
	case $1 in
	EIO | zero) echo 5 ;;
	ENODEV) echo 19 ;;
	ENOSPC) echo 28 ;;
	EFBIG) echo 27 ;;
	EBADMSG) echo 74 ;;
	ECONNABORTED) echo 103 ;;
	ENOTCONN) echo 107 ;;
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
		[[ " $(full "$kind" "EIO ENOSPC ECANCELED ETIMEDOUT zero") " == *" $kind "* ]] || continue
		times 50 2 $kind ends "$kind" "$text"
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
	FAULT_RATE=30 times 100 2 sync-EIO flush
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
	times 100 2 submit-EIO for_good submit-EIO "Input/output error" 5
	times 100 2 submit-EINVAL for_good submit-EINVAL "Invalid argument" 22
	FAULT_RATE=30 times 100 2 wait-EIO for_good wait-EIO "Input/output error" 5
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
			[[ $DGEN_FULL || $jobs$backend != --thread=0libaio ]] || continue
			for kind in "setup-ENOMEM:memory:12" "setup-EMFILE:Too many open files:24" \
				"setup-EAGAIN::11"; do
				IFS=: read -r kind text number <<<"$kind"
				new_seed
				WAYS=(--backend="$backend" "$jobs")
				faulty "$kind"
				refused "dgen: job j: io_" "$text"
				(($(of_fio '.jobs[0].error') == number)) || fail "$RUN"
				old_seed
			done
		done
		new_seed
		WAYS=(--fixedbufs=1 --registerfiles=1 "$jobs")
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
	no_counters
	preload bad_memory
	for ways in "--verify=crc32c --verify_state_file=state --gen_threads=2" \
		"--backend=libaio --thread=1" "--rw=randrw --backend=fio:psync"; do
		for ((nth = 1; nth < 100; nth += $(full 1 5))); do
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

# ---- without a mock ----

# started [option]...: a run in the background, its output as from dgen.
started() {
	"$FIO" --ioengine="external:$ENGINE" --name=j --filename="${NAME:-f}" --rw=write --bs=64k \
		--size=16m --direct="$DIRECT" --iodepth=8 --data_seed=1 --dedup_ratio=2 \
		--output-format=json "$@" >fio.out 2>fio.err 3>&- </dev/null &
	PID=$!
}

# ended: its exit status; a hang is killed after 30 s.
ended() {
	local i

	for ((i = 0; i < 300; i++)); do
		kill -0 $PID 2>/dev/null || break
		sleep 0.1
	done
	((i < 300)) || kill -KILL $PID
	status=0
	wait $PID || status=$?
	((i < 300)) || fail "fio hung: $*"
}

@test "faults: SIGINT and the end of the time, with I/O that is slow" {
	preload bad_kernel
	RUN=slow
	# Up to 0.8 s for each I/O.
	export FAULTS=slow FAULT_DELAY=800
	for ((i = 0; i < $(full 50 1); i++)); do
		for jobs in "--thread=0 --backend=io_uring" "--thread=1 --backend=libaio --gen_threads=1"; do
			rm -f f log
			# shellcheck disable=SC2086 # several
			started $jobs --verify=crc32c
			# A shell's child ignores SIGINT until fio does not.
			until [[ -s f ]] || ! kill -0 $PID; do sleep 0.02; done
			sleep 0.$((RANDOM % 9 + 1))
			kill -INT $PID
			ended "$jobs"
			((status <= 128)) || fail "it ended with $status: $jobs"
			awk '$1 == "ring" && $2 != $3 { exit 1 }' log || fail "left in flight: $(<log)"
			rm -f f log
			# shellcheck disable=SC2086 # several
			dgen_raw $jobs --runtime=1
			((status == 0)) || fail "it ended with $status: $jobs"
			done=$(awk '$1 == "ring" { sum += $3 } END { print sum }' log)
			counted "$done" $((done * BLOCK))
		done
	done
}

@test "faults: a file that vanishes, or is cut, while it is written" {
	for ((i = 0; i < $(full 50 1); i++)); do
		for event in "rm f" "truncate -s 0 f" "mv f g"; do
			rm -f f g
			pick --thread=0 "--thread=1 --backend=libaio" --gen_threads=1
			# shellcheck disable=SC2086 # several
			started --time_based --runtime=1 $PICKED
			sleep 0.$((RANDOM % 4 + 4))
			$event 2>/dev/null || true
			ended "$event"
			RUN="$event, $PICKED"
			((status == 0)) || { show fio.err; fail "$RUN: $status"; }
			counted "$(of_fio '.jobs[0].write.total_ios')" \
				"$(($(of_fio '.jobs[0].write.total_ios') * BLOCK))"
		done
	done
}

@test "faults: a file that is cut while it is read ends no worse than short, and verify= finds it" {
	dgen --dedup_ratio=2
	cp f whole
	for jobs in --thread=0 "--thread=1 --backend=libaio"; do
		cp whole f
		truncate -s 5000000 f
		# shellcheck disable=SC2086 # several
		dgen_raw --dedup_ratio=2 --rw=read --verify=crc32c --size=5000000 $jobs
		((status == 0)) || { show fio.err; fail "$status"; }
		cp whole f
		# shellcheck disable=SC2086 # several
		started --rw=read --verify=crc32c --rate=4m --direct=0 $jobs
		sleep 0.5
		truncate -s 8m f
		truncate -s 16m f
		ended "$jobs"
		failed
		grep -q 'dgen: .*zeros' fio.err fio.out || { show fio.err; fail "zeros are not named"; }
	done
}

@test "faults: a device that shrinks" {
	for ((i = 0; i < $(full 50 1); i++)); do
		for jobs in --thread=0 "--thread=1 --backend=libaio --gen_threads=1"; do
			loop_device 64m
			sectors=$(awk '{ print $7 }' "/sys/block/${DEVICE##*/}/stat")
			# It ends long before its time.
			# shellcheck disable=SC2086 # several
			NAME=$DEVICE started --size=64m --time_based --runtime=20 $jobs
			# fio takes the size that a device has when it begins.
			until (($(awk '{ print $7 }' "/sys/block/${DEVICE##*/}/stat") > sectors)); do
				kill -0 $PID || break
			done
			sleep 0.$((RANDOM % 9 + 1))
			# Writes that are on their way make the file longer again.
			until (($(blockdev --getsize64 "$DEVICE") < 64 * 1024 * 1024)); do
				truncate -s $((RANDOM % 32))m disk.img
				losetup --set-capacity "$DEVICE"
				kill -0 $PID || break
			done
			ended "$jobs"
			io_error "dgen: $DEVICE: write offset="
			losetup -d "$DEVICE"
			LOOPS=()
		done
	done
}

@test "faults: a device that is full at random moments" {
	for ((i = 0; i < $(full 50 1); i++)); do
		for jobs in --thread=0 "--thread=1 --backend=libaio --gen_threads=2"; do
			rm -rf ram
			failing_device 64m $((RANDOM % 40 + 4))m
			RUN="full device, $jobs"
			# shellcheck disable=SC2086 # several
			dgen_raw --filename="$DEVICE" --size=64m --direct=1 --rw=randwrite $jobs
			refused "dgen: $DEVICE: write offset="
			(($(of_fio '.jobs[0].error') > 0))
			losetup -d "$DEVICE"
			umount ram
			LOOPS=() MOUNTS=()
		done
	done
}

@test "faults: a file of fuse whose writes are slow and fail, and which vanishes" {
	need_root
	need_command nbdkit nbdfuse mountpoint
	[[ -e /dev/fuse ]] || skip "no fuse here"
	mkdir fuse
	MOUNTS+=("$T/fuse")
	for ((i = 0; i < $(full 50 1); i++)); do
		for jobs in --thread=0 "--thread=1 --backend=libaio --gen_threads=1"; do
			nbdfuse fuse/f --command nbdkit -s --exit-with-parent --filter=error --filter=delay \
				memory 16m error-pwrite-rate=10% wdelay=1ms 2>fuse.err 3>&- &
			SERVER=$!
			until mountpoint -q fuse; do
				kill -0 $SERVER || skip "nothing can be mounted here: $(<fuse.err)"
			done
			RUN="fuse, $jobs"
			# shellcheck disable=SC2086 # several
			dgen_raw --filename=fuse/f --rw=randwrite --verify=crc32c --continue_on_error=all $jobs
			((status == 0)) || { show fio.err fio.out; fail "$RUN: $status"; }
			bad=$(of_fio '.jobs[0].total_err')
			# shellcheck disable=SC2086 # several
			((bad > 0)) && counted 256 $(((256 - bad) * BLOCK))
			! grep '^dgen: ' fio.err || fail "$RUN: a false alarm"
			# shellcheck disable=SC2086 # several
			NAME=fuse/f started --rw=randwrite --time_based --runtime=20 --continue_on_error=all $jobs
			sleep 0.$((RANDOM % 5 + 4))
			kill -KILL $SERVER
			ended "$jobs"
			failed
			# Between two passes fio opens it anew, and says so itself; a slow one had not begun.
			grep -qhE '^dgen: fuse/f: |func=open' fio.err fio.out || { show fio.err fio.out; fail "$RUN: no line"; }
			bad=$(of_fio '.jobs[0].error')
			((bad == $(errno_of ECONNABORTED) || bad == $(errno_of ENOTCONN))) || fail "$RUN: $bad"
			umount -l fuse
		done
	done
}

@test "faults: the limit of file sizes, with every way to write" {
	for jobs in --thread=0 "--thread=1 --backend=libaio" "--gen_threads=2 --verify=crc32c" \
		--backend=fio:psync; do
		for limit in $(full "$(seq 64 $((RANDOM % 200 + 50)) 12000)" "64 $((RANDOM % 10000 + 2000))"); do
			rm -f f
			(
				ulimit -f "$limit"
				# shellcheck disable=SC2086 # several
				dgen_raw --fallocate=none $jobs
				# The versions lie in memory that counts as a file.
				if [[ $jobs == *--verify=* ]] &&
					{ ((limit == 64)) || grep -q versions fio.err; }; then
					refused "verify: no" versions "ulimit -f"
					exit
				fi
				# fio's own synchronous engines say it themselves.
				[[ $jobs == *fio:* ]] || refused "dgen: f: write" "ulimit -f"
				io_error "write offset=" "File too large"
			)
		done
	done
}

@test "faults: memory that may not be locked" {
	need_root
	need_command setpriv
	chmod 777 "$T"
	cat >nobody.sh <<-END
		#!/bin/sh
		ulimit -l 64 || exit 99
		exec setpriv --reuid=65534 --regid=65534 --clear-groups --bounding-set=-all \
			--inh-caps=-all "$(command -v "$FIO")" "\$@"
	END
	chmod +x nobody.sh
	FIO=./nobody.sh
	# With sanitizers fio is a script there.
	chmod a+rx "$T"/{..,../..} "$BATS_FILE_TMPDIR"{,/..} 2>/dev/null || true
	setpriv --reuid=65534 --regid=65534 --clear-groups test -r "$ENGINE" -a -w . ||
		skip "another user cannot read the engine or write to $T"
	# Registered buffers count as locked memory: without them then.
	dgen --fixedbufs=1 --registerfiles=1 --dedup_ratio=2
	dedup_is 2 3 "without locked memory" f
}

@test "faults: descriptors and address space that are not there" {
	no_sanitizers
	cat >limited.sh <<-END
		#!/bin/sh
		ulimit \$LIMITS || exit 99
		exec "$(command -v "$FIO")" "\$@"
	END
	chmod +x limited.sh
	FIO=./limited.sh
	for fds in $(full "$(seq 6 40)" "8 12 20"); do
		export LIMITS="-n $fds"
		rm -f f
		dgen_raw
		# fio's own threads may find none left, and say so like this.
		((status < 124)) || grep -q '^fio: helper_thread.c:.* Assertion `timerfd >= 0' fio.err ||
			{ show fio.err; fail "$fds descriptors: $status"; }
		((status == 0)) || [[ -s fio.err || -s fio.out ]] || fail "$fds descriptors: not a word"
	done
	# In KiB; fio alone needs some 150 MiB for what its jobs share.
	for kib in $(full "$(seq 100000 20000 900000)" "400000 600000 800000"); do
		export LIMITS="-v $kib"
		rm -f f
		dgen_raw --iodepth=64 --bs=1m --size=64m
		# 127: not even the loader finds room. fio alone crashes likewise, in smalloc or where it waits for its
		# jobs, and so does what it loads in C++.
		((status < 124 || status == 127)) ||
			grep -qE 'std::bad_alloc|^smalloc: failed adding pool|^mmap semaphore: ' fio.err fio.out || { show fio.err; fail "$kib KiB: $status"; }
		((status == 0)) || [[ -s fio.err || -s fio.out ]] || fail "$kib KiB: not a word"
	done
}
